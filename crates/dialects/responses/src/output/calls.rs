//! Calls of tools.

use super::super::tools::{Kind, Known, action, bare};
use super::Output;
use serde_json::{Value, json};

/// A call that is being written.
#[derive(Debug)]
pub(super) struct Call {
    /// Which of the calls it is, as the chat counts them.
    index: u64,
    id: String,
    arguments: String,
    /// Its arguments are no JSON but the bare input.
    bare: bool,
    open: Option<Opened>,
}

/// What is known once it has a name.
#[derive(Debug)]
struct Opened {
    place: usize,
    item_id: String,
    known: Known,
}

impl Output {
    /// A call, or a piece of one; `position` counts where the chat does not.
    pub(super) fn call(&mut self, said: &Value, position: u64) {
        let bare = said["custom"].is_object();
        let (body, key) = if bare { (&said["custom"], "input") } else { (&said["function"], "arguments") };
        let (id, name) = (said["id"].as_str().unwrap_or_default(), body["name"].as_str().unwrap_or_default());
        let piece = match &body[key] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            // Some give the arguments as they mean them.
            other => other.to_string(),
        };
        let at = self.find(said["index"].as_u64().unwrap_or(position), id, name, bare);
        let Some(call) = self.calls.get_mut(at) else { return };
        call.arguments.push_str(&piece);
        if call.open.is_some() {
            self.tell(at, &piece);
        } else if !name.is_empty() {
            self.open_call(at, name);
            let so_far = self.calls.get(at).map(|call| call.arguments.clone()).unwrap_or_default();
            self.tell(at, &so_far);
        }
    }

    /// The call that a piece belongs to. Some count every call as the first one: another id with a name is another call.
    fn find(&mut self, index: u64, id: &str, name: &str, bare: bool) -> usize {
        let found = self.calls.iter().rposition(|call| call.index == index);
        if let Some(at) = found
            && let Some(call) = self.calls.get_mut(at)
        {
            if call.id.is_empty() && call.open.is_none() {
                call.id = id.to_owned();
            }
            if name.is_empty() || id.is_empty() || call.id == id || call.open.is_none() {
                return at;
            }
        }
        self.calls.push(Call { index, id: id.to_owned(), arguments: String::new(), bare, open: None });
        self.calls.len() - 1
    }

    fn open_call(&mut self, at: usize, name: &str) {
        self.close_words("completed");
        let place = self.items.len();
        let known = self.tools.of(name);
        let Some(call) = self.calls.get_mut(at) else { return };
        // A call that a chat itself knows as free-form needs no entry in the request.
        let known = if call.bare { Known { kind: Kind::Custom, ..known } } else { known };
        if call.id.is_empty() {
            call.id = wire::call_id(&self.id, place);
        }
        let prefix = match known.kind {
            Kind::Function => "fc",
            Kind::Custom => "ctc",
            Kind::LocalShell => "lsh",
        };
        let item_id = format!("{prefix}_{}_{place}", self.id);
        let opened = Opened { place, item_id, known };
        let item = opened.item(&call.id, "in_progress", "");
        call.open = Some(opened);
        self.add(item);
    }

    /// Tells a piece of the arguments; those of other tools than functions are told when they are whole.
    fn tell(&mut self, at: usize, piece: &str) {
        let Some(open) = self.calls.get(at).and_then(|call| call.open.as_ref()) else { return };
        if open.known.kind == Kind::Function && !piece.is_empty() {
            let delta = json!({ "item_id": open.item_id, "output_index": open.place, "delta": piece });
            self.events.emit("response.function_call_arguments.delta", delta);
        }
    }

    /// Ends all calls.
    pub(super) fn close_calls(&mut self, status: &str) {
        for at in 0..self.calls.len() {
            if self.calls.get(at).is_some_and(|call| call.open.is_none()) {
                self.open_call(at, "");
            }
        }
        for call in std::mem::take(&mut self.calls) {
            self.close_call(call, status);
        }
    }

    fn close_call(&mut self, call: Call, status: &str) {
        let Some(open) = call.open else { return };
        let at = json!({ "item_id": open.item_id, "output_index": open.place });
        let with = |key: &str, value: &str| {
            let mut all = at.clone();
            all[key] = value.into();
            all
        };
        let told = match open.known.kind {
            Kind::Function if call.arguments.is_empty() => {
                self.events.emit("response.function_call_arguments.delta", with("delta", "{}"));
                "{}".to_owned()
            }
            Kind::Custom if !call.bare => bare(&call.arguments),
            _ => call.arguments,
        };
        match open.known.kind {
            Kind::Function => self.events.emit("response.function_call_arguments.done", with("arguments", &told)),
            Kind::Custom => {
                if !told.is_empty() {
                    self.events.emit("response.custom_tool_call_input.delta", with("delta", &told));
                }
                self.events.emit("response.custom_tool_call_input.done", with("input", &told));
            }
            Kind::LocalShell => {}
        }
        self.done(open.place, open.item(&call.id, status, &told));
    }
}

impl Opened {
    fn item(&self, call_id: &str, status: &str, told: &str) -> Value {
        let Known { kind, name, namespace } = &self.known;
        let mut item = json!({ "id": self.item_id, "type": "", "status": status, "call_id": call_id });
        match kind {
            Kind::Function => {
                item["type"] = "function_call".into();
                item["name"] = name.as_str().into();
                item["arguments"] = told.into();
            }
            Kind::Custom => {
                item["type"] = "custom_tool_call".into();
                item["name"] = name.as_str().into();
                item["input"] = told.into();
            }
            Kind::LocalShell => {
                item["type"] = "local_shell_call".into();
                item["action"] = action(told);
            }
        }
        if let Some(namespace) = namespace {
            item["namespace"] = namespace.as_str().into();
        }
        item
    }
}
