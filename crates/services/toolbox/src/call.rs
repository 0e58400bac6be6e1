//! One call of a tool: may it be, do its arguments fit, was it made before, how did it go, what came of it.

use crate::admit::to_its_end;
use crate::catalogue::{Entry, NEAREST_MAX, Viewer};
use crate::error::ToolboxError;
use crate::execute::Outcome;
use crate::find::within_bytes;
use crate::kept::{self, Thing};
use crate::replay::{self, Claim, Held};
use crate::results::{address, hash_of};
use crate::{COLLECTION, Toolbox, read};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use cache::Made;
use caller::{Caller, RESOURCE_LINK, ResourceLink, ToolFault};
use definitions::text::{cut, redacted};
use definitions::{Definition, Misfit};
use fault::Explain;
use retrieval::{Asked, Used};
use search::Filter;
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

/// How many arguments are checked at once, of all callers.
const CHECKS_MAX: usize = 2;
/// How long a call waits for its arguments to be checked.
const CHECK_TIME: Duration = Duration::from_secs(2);
/// Who may check now.
static CHECKS: Semaphore = Semaphore::const_new(CHECKS_MAX);

/// What is shown of a result that is too large, in characters.
const PREVIEW_CHARS_MAX: usize = 500;

/// A call of a tool.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Call {
    /// Which tool.
    pub id: String,
    /// With what.
    pub arguments: Map<String, Value>,
    /// The same key with the same arguments is the same call, for a day.
    pub idempotency_key: Option<String>,
    /// The question that led to the tool, where that was not asked here a moment ago.
    pub query: Option<String>,
    /// Whether it must be trusted to change nothing.
    pub read_only: bool,
}

impl Toolbox {
    /// Calls a tool. What it answers stands in `result`; where that is large, `resource_link` says where it can be read.
    ///
    /// # Errors
    /// [`ToolboxError`]: nobody knows the tool, it cannot be called, its arguments do not fit, or it failed.
    pub async fn call(self: &Arc<Self>, caller: &Caller, call: Call) -> Result<Value, ToolboxError> {
        let viewer = Viewer::of(&caller.guest.identity);
        let entry = self.entry(&viewer, &call.id).await?;
        if call.read_only && !entry.trusted_read_only {
            self.metrics.refused(entry.kind.name());
            return Err(ToolboxError::NotReadOnly { id: entry.id.to_string() });
        }
        let tool = self.definition(&entry).await?;
        let arguments = Value::Object(call.arguments);
        self.fit(&tool, &entry, &arguments).await.inspect_err(|_| self.metrics.refused(entry.kind.name()))?;
        let held = match &call.idempotency_key {
            None => None,
            Some(key) => {
                let (hash, within) = (hash_of(&entry.id, &arguments), self.time_for(&tool, caller));
                match replay::claim(&self.store, &viewer.tenant, key, hash, within).await? {
                    Claim::Ours(held) => Some(held),
                    Claim::Done(result) => return Ok(self.answer(&viewer, &entry, Outcome::kept(result), true)),
                }
            }
        };
        let Value::Object(arguments) = arguments else { return Err(misfit(&tool, Misfit::unfit(&tool, Vec::new()))) };
        let outcome = self.run(caller, &entry, &tool, &arguments).await;
        self.settle(held, &outcome).await;
        let outcome = outcome?;
        self.learn(caller, &entry, call.query);
        Ok(self.answer(&viewer, &entry, outcome, false))
    }

    async fn run(
        &self,
        caller: &Caller,
        entry: &Entry,
        tool: &Definition,
        arguments: &Map<String, Value>,
    ) -> Result<Outcome, ToolboxError> {
        let began = Instant::now();
        let outcome = self.execute(caller, tool, arguments).await;
        let kind = entry.kind.name();
        match &outcome {
            Ok(_) => self.metrics.answered(kind),
            // Nothing was sent.
            Err(ToolboxError::NotCallable { .. } | ToolboxError::Unfit { .. } | ToolboxError::Credential { .. }) => {
                self.metrics.refused(kind);
                return outcome;
            }
            Err(_) => self.metrics.failed(kind),
        }
        self.records.note(entry, outcome.is_ok(), began.elapsed());
        outcome
    }

    /// Notes under a key what came of the call. The call has been made, so that trouble here does not fail it.
    async fn settle(&self, held: Option<Held>, outcome: &Result<Outcome, ToolboxError>) {
        let Some(held) = held else { return };
        let noted = match outcome {
            Ok(outcome) => replay::done(&self.store, &held, &outcome.written()).await,
            Err(_) => replay::give_up(&self.store, &held).await,
        };
        if let Err(error) = noted {
            tracing::warn!(code = error.code(), %error, "what came of a call could not be noted under its key");
        }
    }

    /// Checks arguments where nobody waits behind it, as large ones take their time: a few at once, and not for long.
    async fn fit(
        self: &Arc<Self>,
        tool: &Arc<Definition>,
        entry: &Arc<Entry>,
        arguments: &Value,
    ) -> Result<(), ToolboxError> {
        let end = Instant::now() + CHECK_TIME;
        let late = || {
            let problem =
                format!("they could not be checked within {} s; send less, or try again", CHECK_TIME.as_secs());
            misfit(tool, Misfit::unfit(tool, vec![problem]))
        };
        let turn = timeout_at(end, CHECKS.acquire()).await.map_err(|_| late())?;
        let (toolbox, own, kept, arguments) =
            (Arc::clone(self), Arc::clone(tool), Arc::clone(entry), arguments.clone());
        let check = move || {
            // A check goes on when nobody waits for it any more, and so does its turn.
            let _turn = turn;
            toolbox.validators.check(&own, &kept.hash, &arguments).map_err(|wrong| misfit(&own, wrong))
        };
        let checked = timeout_at(end, tokio::task::spawn_blocking(check)).await.map_err(|_| late())?;
        checked.unwrap_or_else(|_| {
            let reason = "its schema cannot be checked against".to_owned();
            Err(ToolboxError::NotCallable { id: entry.id.to_string(), reason })
        })
    }

    /// The tool that a caller means; else the nearest that it may see, by name and by words.
    pub(crate) async fn entry(&self, viewer: &Viewer, id: &str) -> Result<Arc<Entry>, ToolboxError> {
        let mut nearest = {
            let catalogue = read(&self.catalogue);
            if let Some(entry) = catalogue.get(viewer, id) {
                return Ok(Arc::clone(entry));
            }
            catalogue.nearest(viewer, id)
        };
        for near in self.by_words(viewer, id).await {
            if nearest.len() < NEAREST_MAX && !nearest.contains(&near) {
                nearest.push(near);
            }
        }
        Err(ToolboxError::Unknown { what: "tool", id: cut(id, 100), nearest })
    }

    async fn by_words(&self, viewer: &Viewer, id: &str) -> Vec<String> {
        let scopes = viewer.scopes();
        let text = cut(&id.replace(['_', '-', '.', '/'], " "), 200);
        let asked = Asked {
            collection: &COLLECTION,
            scopes: &scopes,
            tenant: &viewer.tenant,
            text: &text,
            filter: &Filter::default(),
            limit: NEAREST_MAX,
        };
        let Ok(found) = self.retrieval.search(asked).await else { return Vec::new() };
        let catalogue = read(&self.catalogue);
        let hits = found.hits.iter().filter(|_| !found.weak);
        hits.filter_map(|hit| Some(catalogue.found(viewer, &hit.id)?.id.to_string())).collect()
    }

    /// The whole definition of a tool, from the cache or the store.
    pub(crate) async fn definition(self: &Arc<Self>, entry: &Arc<Entry>) -> Result<Arc<Definition>, ToolboxError> {
        let tenant = entry.tenant.as_deref().unwrap_or(crate::id::EVERYBODY);
        // The version alone is not enough: a tool that was removed and imported again begins at 1.
        let version = entry.version.to_le_bytes();
        let key = kept::key(&[b"tool", entry.id.as_bytes(), &version, tenant.as_bytes(), entry.hash.as_bytes()]);
        let (store, own, id) = (self.store.clone(), entry.tenant.clone(), Arc::clone(&entry.id));
        let make = move |_| async move {
            let found = crate::tables::read(&store, own.as_deref(), &id).await;
            match found.map_err(ToolboxError::from) {
                Ok(Some(tool)) => Ok(Made { value: Thing::Tool(Arc::new(tool)), life: kept::life(true) }),
                Ok(None) => {
                    let gone = ToolboxError::Unknown { what: "tool", id: id.to_string(), nearest: Vec::new() };
                    Err(ToolFault::from(&gone))
                }
                Err(error) => Err(ToolFault::from(&error)),
            }
        };
        let ttl_s = self.rules().settings.tool_ttl_s;
        match self.cache.get_or(kept::wanted(key, tenant, ttl_s), make).await {
            Ok(answer) => match answer.value {
                Thing::Tool(tool) => Ok(tool),
                _ => Err(ToolboxError::Unknown { what: "tool", id: entry.id.to_string(), nearest: Vec::new() }),
            },
            Err(failed) => Err(failed.error.into()),
        }
    }

    /// How long a call may take.
    pub(crate) fn time_for(&self, tool: &Definition, caller: &Caller) -> Duration {
        let own = tool.http.as_ref().and_then(|http| http.timeout_ms);
        let most = Duration::from_millis(own.unwrap_or(self.rules().settings.timeout_ms));
        most.min(caller.deadline.saturating_duration_since(Instant::now()))
    }

    /// The result as it is told: whole, or where it can be read.
    fn answer(&self, viewer: &Viewer, entry: &Entry, outcome: Outcome, replayed: bool) -> Value {
        let most = self.rules().settings.inline_bytes_max;
        let mut told = match outcome.bytes.len() > most {
            false => json!({ "result": outcome.value() }),
            true => {
                let preview = cut(&String::from_utf8_lossy(outcome.head(PREVIEW_CHARS_MAX * 4)), PREVIEW_CHARS_MAX);
                let (size, mime) = (outcome.bytes.len() as u64, outcome.mime.clone());
                let id = self.results.keep(&viewer.tenant, &entry.id, outcome.bytes, mime.clone());
                let link = ResourceLink {
                    uri: address(&id),
                    name: format!("result of {}", entry.id),
                    description: "read it with resources/read, within an hour".to_owned(),
                    mime,
                    size: Some(size),
                };
                json!({ RESOURCE_LINK: link.to_value(), "preview": preview, "bytes": size })
            }
        };
        if replayed {
            told["replayed"] = json!(true);
        }
        told
    }

    /// Remembers the question that led to a tool, without what is private in it. The answer does not wait for that.
    fn learn(self: &Arc<Self>, caller: &Caller, entry: &Entry, query: Option<String>) {
        let who = &caller.guest.identity;
        if self.rules().settings.learned_max == 0 {
            return;
        }
        let query = query.map(String::into_boxed_str).or_else(|| self.recent.question(who, &entry.id));
        let query = redacted(within_bytes(&query.unwrap_or_default()));
        if query.is_empty() {
            return;
        }
        let (toolbox, tenant, id) = (Arc::clone(self), Arc::clone(&who.tenant), entry.index_id());
        tokio::spawn(async move {
            if let Err(error) = toolbox.remember(&tenant, &id, &query).await {
                tracing::warn!(code = error.code(), %error, "what led to a tool could not be remembered");
            }
        });
    }

    /// Notes a question. Only one that is new changes what is found.
    pub(crate) async fn remember(&self, tenant: &Arc<str>, id: &Arc<str>, query: &str) -> Result<(), ToolboxError> {
        let known = self.retrieval.learned(&COLLECTION, tenant, Some(id)).await?;
        self.retrieval.learn(Used { collection: &COLLECTION, tenant, id, query }).await?;
        if !known.iter().any(|it| it.query == query) {
            self.recent.learned(tenant);
        }
        Ok(())
    }

    /// Forgets which questions led to a tool, or to all tools, in the caller's tenant; how many they were. It goes on to its
    /// end, whether or not somebody waits for it.
    ///
    /// # Errors
    /// [`ToolboxError`]: nobody knows the tool, or the store fails.
    pub async fn forget(self: &Arc<Self>, who: &caller::Identity, id: Option<&str>) -> Result<usize, ToolboxError> {
        if who.role < caller::Role::Operator {
            let problem = format!("forgetting needs the role `operator`, and yours is `{}`", who.role);
            return Err(ToolboxError::Forbidden { problem, hint: "ask with a key of that role" });
        }
        let viewer = Viewer::of(who);
        let id = match id {
            Some(id) => Some(self.entry(&viewer, id).await?.index_id()),
            None => None,
        };
        let (toolbox, tenant) = (Arc::clone(self), Arc::clone(&who.tenant));
        let work = async move {
            let forgotten = toolbox.retrieval.unlearn(&COLLECTION, &tenant, id.as_deref()).await;
            // What was found with it is found no more, also where only a part is gone.
            toolbox.recent.learned(&tenant);
            Ok(forgotten?)
        };
        to_its_end(tokio::spawn(work)).await
    }
}

/// What is wrong with the arguments of a tool, as an error.
pub(crate) fn misfit(tool: &Definition, misfit: Misfit) -> ToolboxError {
    let id = tool.id.to_string();
    match misfit {
        Misfit::Unfit { problems, schema } => ToolboxError::Unfit { id, problems, schema },
        Misfit::Unusable { reason } => ToolboxError::NotCallable { id, reason },
    }
}

/// What cannot be shown as text, as JSON.
pub(crate) fn binary(bytes: &[u8], mime: &str) -> Value {
    json!({ "base64": STANDARD.encode(bytes), "mime": mime })
}
