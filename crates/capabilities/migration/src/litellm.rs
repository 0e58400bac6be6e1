//! LiteLLM's proxy settings: `model_list` and the sections about routing.
//!
//! Files beside the first add to it; lines of `NAME=value` give what `os.environ/NAME` stands for, where that is no key.

mod params;
mod reasons;
mod routing;
mod variables;

use crate::deployment::{Called, Draft};
use crate::model_name;
use crate::read::{Node, Tree};
use params::Params;
use routing::Routing;
use std::collections::BTreeMap;
use variables::Variables;

/// The variable in which LiteLLM looks for a key where none is set, by our kind.
pub(crate) fn usual_key(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "openai" => "OPENAI_API_KEY",
        "azure" => "AZURE_API_KEY",
        "anthropic" => "ANTHROPIC_API_KEY",
        "gemini" => "GEMINI_API_KEY",
        "groq" => "GROQ_API_KEY",
        "mistral" => "MISTRAL_API_KEY",
        "deepseek" => "DEEPSEEK_API_KEY",
        "openrouter" => "OPENROUTER_API_KEY",
        "together" => "TOGETHERAI_API_KEY",
        "perplexity" => "PERPLEXITYAI_API_KEY",
        "litellm" => "LITELLM_PROXY_API_KEY",
        _ => return None,
    })
}

/// Sections that are read; all others are left.
const SECTIONS: [&str; 6] = [
    "model_list",
    "litellm_settings",
    "router_settings",
    "environment_variables",
    "credential_list",
    "general_settings",
];

/// Reads the files.
pub(crate) fn draft(files: &[Tree]) -> Draft {
    let mut reader = Reader {
        draft: Draft::default(),
        variables: Variables::of(files),
        credentials: BTreeMap::new(),
        groups: Vec::new(),
        places: BTreeMap::new(),
    };
    let files: Vec<&Node> = files.iter().filter(|file| !file.lines).map(|file| &file.root).collect();
    for root in &files {
        reader.credentials(root);
    }
    let items = files.iter().filter_map(|root| root.get("model_list")).flat_map(Node::items);
    for (at, item) in items.enumerate() {
        reader.model(at, item);
    }
    let mut routing = Routing::default();
    for root in &files {
        routing.read(root, &mut reader.draft, &reader.variables);
        reader.leave_sections(root);
    }
    reader.finish(routing)
}

/// A name that clients ask for, with its deployments and their `order`.
pub(crate) struct Group {
    name: String,
    members: Vec<(u64, usize)>,
    from: String,
}

struct Reader<'a> {
    draft: Draft,
    variables: Variables,
    credentials: BTreeMap<&'a str, &'a Node>,
    groups: Vec<Group>,
    places: BTreeMap<String, usize>,
}

impl<'a> Reader<'a> {
    fn credentials(&mut self, root: &'a Node) {
        for item in root.get("credential_list").map(Node::items).unwrap_or_default() {
            if let (Some(name), Some(values)) = (item.word("credential_name"), item.get("credential_values")) {
                self.credentials.insert(name, values);
            }
        }
    }

    /// Reads an entry of `model_list`.
    fn model(&mut self, at: usize, item: &Node) {
        let from = format!("model_list[{at}]");
        let notes = &mut self.draft.notes;
        let Some(values) = item.get("litellm_params") else {
            return notes.leave(from, "it has no `litellm_params`");
        };
        let Some(name) = item.word("model_name").filter(|name| !name.is_empty()) else {
            return notes.leave(from, "it has no `model_name`");
        };
        let credential = values.word("litellm_credential_name").and_then(|name| self.credentials.get(name));
        let params = Params {
            from: &from,
            values,
            credential: credential.copied(),
            info: item.get("model_info"),
            variables: &self.variables,
        };
        let model = match params.said("model", notes) {
            Some(model) => model,
            None => {
                return notes.leave(format!("{from}.litellm_params.model"), "it names no model that can be read here");
            }
        };
        if let Some(mode) = params.info.and_then(|info| info.word("mode"))
            && !["chat", "completion", "responses"].contains(&mode)
        {
            return notes.leave(format!("{from}.model_info.mode"), "models that do not chat are not offered yet");
        }
        let named = match model_name::read(&model, values.word("custom_llm_provider")) {
            Ok(named) => named,
            Err(why) => return notes.leave(format!("{from}.litellm_params.model"), why),
        };
        let Some(deployment) = params.deployment(&named, name, notes) else { return };
        params.leave_rest(item, notes);
        let open = deployment.entry.is_none();
        let order = params.number("order", notes).unwrap_or(u64::MAX);
        self.draft.deployments.push(deployment);
        if !open {
            self.join(name, order, from);
        }
    }

    /// Adds the deployment that was read last to those of a name.
    fn join(&mut self, name: &str, order: u64, from: String) {
        let at = self.draft.deployments.len() - 1;
        let place = *self.places.entry(name.to_owned()).or_insert(self.groups.len());
        match self.groups.get_mut(place) {
            Some(group) => group.members.push((order, at)),
            None => self.groups.push(Group { name: name.to_owned(), members: vec![(order, at)], from }),
        }
    }

    /// Notes the sections that are not read, and of those that are, what is a matter of their own.
    fn leave_sections(&mut self, root: &Node) {
        let notes = &mut self.draft.notes;
        for (section, _) in root.entries().iter().filter(|(section, _)| !SECTIONS.contains(&section.as_str())) {
            notes.leave(section, reasons::why(section));
        }
        for (key, _) in root.get("general_settings").map(Node::entries).unwrap_or_default() {
            notes.leave(format!("general_settings.{key}"), reasons::why(key));
        }
        for (name, _) in root.get("environment_variables").map(Node::entries).unwrap_or_default() {
            notes.leave(
                format!("environment_variables.{name}"),
                "variables are set where althing runs, not in its settings",
            );
        }
    }

    fn finish(mut self, routing: Routing) -> Draft {
        self.groups.iter_mut().for_each(|group| group.members.sort_by_key(|(order, _)| *order));
        let chains = routing.chains(&self.groups, &self.places, &mut self.draft.notes);
        for (group, chain) in self.groups.iter().zip(chains) {
            let own = group.members.iter().map(|(_, at)| *at);
            let called =
                Called { name: group.name.clone(), deployments: own.chain(chain).collect(), from: group.from.clone() };
            self.draft.called.push(called);
        }
        self.draft.also = routing.also;
        self.draft
    }
}
