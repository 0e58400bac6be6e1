//! Decision Matrix MCP's variables, taken over when a server starts, where settings say nothing: limits of decisions, and
//! where to listen. Models and their times are not: an import makes providers of those.

use super::limits::{self, ENVIRONMENT, RULES};
use super::listen::{self, Listen};
use settings::{Loaded, Origin};

/// What begins the names of its variables.
const OURS: &str = "DMM_";
/// Read where models are looked for.
const MODELS: [&str; 2] = ["DMM_BEDROCK_MODEL", "DMM_OLLAMA_MODEL"];

/// Lays them over settings; a line for each that is in force. What cannot be used is said in the log, without its value,
/// and stops nobody.
pub fn take_over(loaded: &mut Loaded, env: &[(String, String)]) -> Vec<String> {
    // Others listen by the same names: without one that is its own, nobody meant us.
    if !env.iter().any(|(name, value)| name.starts_with(OURS) && !value.trim().is_empty()) {
        return Vec::new();
    }
    let said = |wanted: &str| {
        let found = env.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.trim());
        found.filter(|value| !value.is_empty()).map(str::to_owned)
    };
    let mut notes = limits_of(loaded, said);
    notes.extend(bind_of(loaded, said));
    let unused: Vec<&str> = env
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| name.starts_with(OURS) && !is_read(name) && said(name).is_some())
        .collect();
    if !unused.is_empty() {
        let names = unused.join("`, `");
        tracing::warn!("`{names}` mean nothing at a start; `althing config import FILE` says what to do about them");
    }
    notes
}

fn is_read(name: &str) -> bool {
    name == ENVIRONMENT || MODELS.contains(&name) || RULES.iter().any(|rule| rule.names.contains(&name))
}

fn unset(loaded: &Loaded, key: &str) -> bool {
    matches!(loaded.origins.get(key), None | Some(Origin::Default))
}

fn limits_of(loaded: &mut Loaded, said: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let forced = limits::environment(&said(ENVIRONMENT).unwrap_or_default());
    let mut notes = Vec::new();
    for rule in &RULES {
        let key = format!("decisions.{}", rule.key);
        if !unset(loaded, &key) {
            continue;
        }
        let forced = forced.iter().find(|(name, _)| rule.names.contains(name));
        // Names without its prefix are everybody's; a file is known to be its own.
        let names = || rule.names.iter().filter(|name| name.starts_with(OURS));
        let own = || names().find_map(|name| Some((*name, said(name)?)));
        let found = forced.map(|(_, value)| (ENVIRONMENT, (*value).to_owned())).or_else(own);
        let Some((name, text)) = found else { continue };
        match rule.read(&text) {
            Ok(value) => {
                (rule.set)(&mut loaded.settings.decisions, value);
                notes.push(format!("{name} for `{key}`"));
                loaded.origins.insert(key, Origin::Env(name.to_owned()));
            }
            Err(problem) => tracing::warn!("`{name}` is not used: {problem}"),
        }
    }
    notes
}

fn bind_of(loaded: &mut Loaded, said: impl Fn(&str) -> Option<String>) -> Option<String> {
    let key = "server.bind";
    if !unset(loaded, key) {
        return None;
    }
    let name = listen::NAMES[if said(listen::NAMES[2]).is_some() { 2 } else { 1 }];
    match listen::listen(said) {
        Listen::Unsaid | Listen::Stdio => None,
        Listen::At(address, true) => {
            loaded.settings.server.bind = address;
            loaded.origins.insert(key.to_owned(), Origin::Env(name.to_owned()));
            Some(format!("{name} for `{key}`"))
        }
        // Others are let in by settings alone, where somebody thought of keys.
        Listen::At(_, false) => {
            tracing::warn!(
                "`{}` is not used: others reach that address; set `{key}`, and make a key first",
                listen::NAMES[1]
            );
            None
        }
        Listen::Wrong(name, why) => {
            tracing::warn!("`{name}` is not used: {why}");
            None
        }
    }
}

#[cfg(test)]
mod tests;
