//! Conjecture's settings: `.conjecture/config.json` with a list of providers, tried by priority and compared in its
//! matrix.

use crate::address::{self, Address};
use crate::decimal::{ms_of_seconds, whole};
use crate::deployment::{Called, Deployment, Draft, Together};
use crate::notes::Notes;
use crate::read::{Node, Tree};
use crate::secret::{Key, is_variable};

/// Hosts, and our kinds that are asked there.
const HOSTS: [(&str, &str); 8] = [
    ("api.openai.com", "openai"),
    ("openrouter.ai", "openrouter"),
    ("api.anthropic.com", "anthropic"),
    ("api.groq.com", "groq"),
    ("api.mistral.ai", "mistral"),
    ("api.deepseek.com", "deepseek"),
    ("api.together.xyz", "together"),
    ("api.perplexity.ai", "perplexity"),
];
/// Keys of a provider that are read here or only describe it.
const READ: [&str; 11] = [
    "name",
    "url",
    "api",
    "env_var",
    "model",
    "priority",
    "timeout",
    "max_tokens",
    "max_retries",
    "is_local",
    "description",
];
/// Conjecture's own share of providers that must agree, and how long its matrix waits, in milliseconds.
const AGREEMENT: f64 = 0.7;
const DEADLINE_MS: u64 = 30_000;
/// The most attempts, as `settings` has it.
const ATTEMPTS_MAX: u64 = 16;
/// The most tokens, as `settings` has it.
const LARGE_MAX: u64 = 1_000_000_000;
/// The longest time in milliseconds, as `settings` has it: a day.
const TIME_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// Reads the files; the providers of later ones come after those of earlier ones with the same priority.
pub(crate) fn draft(files: &[Tree]) -> Draft {
    let mut draft = Draft::default();
    let mut order: Vec<(u64, usize)> = Vec::new();
    let listed = files.iter().filter_map(|file| file.root.get("providers")).flat_map(Node::items);
    for (at, item) in listed.enumerate() {
        let from = format!("providers[{at}]");
        if let Some(deployment) = deployment(item, &from, &mut draft.notes) {
            let priority = item.word("priority").and_then(whole).unwrap_or(u64::MAX);
            order.push((priority, draft.deployments.len()));
            draft.deployments.push(deployment);
            retries(item, &from, &mut draft);
        }
    }
    order.sort_by_key(|(priority, _)| *priority);
    let deployments: Vec<usize> = order.into_iter().map(|(_, at)| at).collect();
    let from = "providers";
    draft.called.push(Called {
        name: "conjecture".to_owned(),
        deployments: deployments.clone(),
        from: from.to_owned(),
    });
    draft.together.push(Together { name: "matrix", deployments, agreement: AGREEMENT, deadline_ms: DEADLINE_MS, from });
    for (key, _) in files.iter().filter(|file| !file.lines).flat_map(|file| file.root.entries()) {
        if key != "providers" {
            draft.notes.leave(key, "it is about claims, not about providers");
        }
    }
    draft
}

fn deployment(item: &Node, from: &str, notes: &mut Notes) -> Option<Deployment> {
    let word = |key: &str| item.word(key).filter(|word| !word.is_empty());
    let (Some(url), Some(model)) = (word("url"), word("model")) else {
        notes.leave(from, "it has no `url` or no `model`");
        return None;
    };
    let (url, cut) = match address::clean(url) {
        Address::Kept(url, cut) => (url, cut),
        Address::Refused(why) => {
            notes.leave(format!("{from}.url"), why);
            return None;
        }
    };
    cut.into_iter().for_each(|cut| notes.leave(format!("{from}.url"), cut));
    let (kind, usual) = kind(&url);
    let mut deployment = Deployment::new(kind, model, from);
    deployment.provider = word("name").map(str::to_owned);
    deployment.base_url = match (usual, kind, address::path(&url)) {
        (true, ..) => None,
        (false, "openai", "") => Some(format!("{url}/v1")),
        _ => Some(url),
    };
    deployment.key = key(word("env_var"), word("api"), from, notes);
    deployment.key_from = format!("{from}.api");
    deployment.timeout_ms = word("timeout").and_then(ms_of_seconds).filter(|ms| (1..=TIME_MS_MAX).contains(ms));
    if let Some(entry) = &mut deployment.entry {
        entry.output_tokens_max = word("max_tokens").and_then(whole).filter(|most| (1..=LARGE_MAX).contains(most));
    }
    for (key, _) in item.entries().iter().filter(|(key, _)| !READ.contains(&key.as_str())) {
        let why = if key == "temperature" { "requests say this themselves" } else { "there is no counterpart" };
        notes.leave(format!("{from}.{key}"), why);
    }
    Some(deployment)
}

/// The kind that is asked at an address, and whether that is its usual one.
fn kind(url: &str) -> (&'static str, bool) {
    let host = address::host(url);
    match HOSTS.iter().find(|(known, _)| host.eq_ignore_ascii_case(known)) {
        Some((_, kind)) => (kind, url.starts_with("https://")),
        None if url.contains(":11434") || host.contains("ollama") => ("ollama", false),
        None => ("openai", false),
    }
}

/// The variable counts more than what stands in the file, as in Conjecture itself.
fn key(variable: Option<&str>, word: Option<&str>, from: &str, notes: &mut Notes) -> Key {
    let written = word.map_or(Key::None, Key::read);
    match variable.filter(|name| is_variable(name)) {
        None => written,
        Some(name) => {
            if matches!(written, Key::Literal(_)) {
                notes.leave(format!("{from}.api"), format!("keys are never copied: put it into the variable `{name}`"));
            }
            Key::Env(name.to_owned())
        }
    }
}

/// One number of attempts holds for all models: the largest.
fn retries(item: &Node, from: &str, draft: &mut Draft) {
    let Some(retries) = item.word("max_retries").and_then(whole) else { return };
    let attempts = u32::try_from(retries.saturating_add(1).min(ATTEMPTS_MAX)).ok();
    if draft.whole.attempts_max.is_some_and(|known| Some(known) != attempts) {
        draft
            .notes
            .leave(format!("{from}.max_retries"), "`guard.attempts_max` holds for all models, the largest is taken");
    }
    draft.whole.attempts_max = draft.whole.attempts_max.max(attempts);
}
