//! What is wrong with settings beyond what they can tell by themselves: providers that cannot be made, models that
//! nobody offers. Every rule is that of the room that owns it; here each part is only tried alone, so that all of
//! them are told at once, each with its line.

use crate::exit::{CONFIGURATION, Failure};
use crate::wiring::{self, Ready};
use fault::Explain;
use matrix::PlanError;
use settings::{Origin, Place, Settings, SettingsError, Spot};
use std::path::Path;

/// How many lines behind the beginning of a value its words are looked for.
const LINES_MAX: usize = 100;
/// The longest line that is shown whole, in characters.
const LINE_CHARS_MAX: usize = 120;

/// Something wrong, and what it is wrong with.
pub(crate) struct Problem {
    /// The name of the provider, panel or route.
    pub(crate) name: String,
    /// What is wrong with it.
    pub(crate) error: SettingsError,
}

/// Everything that keeps these settings from being served.
pub(crate) fn problems(ready: &Ready) -> Vec<Problem> {
    let mut found = Vec::new();
    let settings = &ready.loaded.settings;
    let alone = Settings { provider: Vec::new(), panel: Vec::new(), route: Vec::new(), ..settings.clone() };
    for (index, provider) in settings.provider.iter().enumerate() {
        let one = Settings { provider: vec![provider.clone()], ..alone.clone() };
        if let Err(error) = wiring::plan(&one) {
            found.push(Problem { name: provider.name.clone(), error: of_provider(ready, index, &error) });
        }
    }
    let broken: Vec<String> = found.iter().map(|problem| problem.name.clone()).collect();
    let whole = settings.provider.iter().filter(|provider| !broken.contains(&provider.name)).cloned().collect();
    let base = Settings { provider: whole, ..alone };
    for (index, panel) in settings.panel.iter().enumerate() {
        let path = format!("panel[{index}].members");
        let mut one = Settings { panel: vec![panel.clone()], ..base.clone() };
        while let Some((model, error)) = unknown(&one) {
            one.panel.iter_mut().for_each(|panel| panel.members.retain(|member| member.model != model));
            found.extend(of_member(ready, &panel.name, &path, &model, &error, &broken));
        }
    }
    for (index, route) in settings.route.iter().enumerate() {
        let path = format!("route[{index}].rules");
        let mut one = Settings { route: vec![route.clone()], ..base.clone() };
        while let Some((model, error)) = unknown(&one) {
            let rules = one.route.iter_mut().flat_map(|route| &mut route.rules);
            rules.for_each(|rule| rule.models.retain(|name| *name != model));
            found.extend(of_member(ready, &route.name, &path, &model, &error, &broken));
        }
    }
    found
}

/// Why the engine cannot be made, with the line at fault where one can be told.
pub(crate) fn refused(ready: &Ready, error: &PlanError) -> Failure {
    match problems(ready).first() {
        Some(problem) => Failure::of_settings(&problem.error),
        None => Failure::of(error).code(CONFIGURATION),
    }
}

/// The first model that nobody offers.
fn unknown(settings: &Settings) -> Option<(String, PlanError)> {
    match wiring::plan(settings) {
        Err(error) => match &error {
            PlanError::UnknownModel { model, .. } => Some((model.clone(), error)),
            PlanError::Registry(_) => None,
        },
        Ok(_) => None,
    }
}

fn of_provider(ready: &Ready, index: usize, error: &PlanError) -> SettingsError {
    use models::RegistryError as E;
    let provider = &ready.loaded.settings.provider[index];
    let secret = provider.api_key.as_ref().map(ToString::to_string).unwrap_or_default();
    let (key, word) = match error {
        PlanError::Registry(E::UnknownKind { kind, .. }) => ("kind", kind.as_str()),
        PlanError::Registry(E::Secret { .. }) => ("api_key", secret.as_str()),
        PlanError::Registry(E::BadAddress { base_url, .. }) => ("base_url", base_url.as_str()),
        _ => ("name", provider.name.as_str()),
    };
    blame(ready, &format!("provider[{index}].{key}"), word, error)
}

/// A model of a provider that is broken itself is not missed.
fn of_member(
    ready: &Ready,
    name: &str,
    path: &str,
    model: &str,
    error: &PlanError,
    broken: &[String],
) -> Option<Problem> {
    let of_broken = model.split_once('/').is_some_and(|(provider, _)| broken.iter().any(|name| name == provider));
    (!of_broken).then(|| Problem { name: name.to_owned(), error: blame(ready, path, model, error) })
}

/// An error with the place it is about.
fn blame(ready: &Ready, path: &str, word: &str, error: &PlanError) -> SettingsError {
    let place = match origin(ready, path) {
        Some((_, Origin::File(file, line))) => spot(file, *line, word).map(|spot| Place::File(Box::new(spot))),
        Some((_, Origin::Env(name))) => Some(Place::Variable(name.clone())),
        Some((_, Origin::Profile(name))) => Some(Place::BuiltIn(Some(name.clone()))),
        _ => None,
    };
    let place = place.unwrap_or(Place::BuiltIn(None));
    let hint = error.hint().unwrap_or_default();
    SettingsError::Rule { path: path.to_owned(), problem: error.to_string(), place, hint }
}

/// Where the value at a path comes from, or the first of those under it, or else anything beside it.
fn origin<'a>(ready: &'a Ready, path: &str) -> Option<(&'a String, &'a Origin)> {
    let table = path.split('.').next().unwrap_or(path);
    let set = |start: &str| {
        let mut under = ready.loaded.origins.iter().filter(|(leaf, _)| leaf.starts_with(start));
        under.find(|(_, origin)| **origin != Origin::Default)
    };
    set(path).or_else(|| set(table))
}

/// The place of a word in a file, at a line or soon behind it; the line alone where the word is not found.
fn spot(file: &Path, line: usize, word: &str) -> Option<Spot> {
    let text = std::fs::read_to_string(file).ok()?;
    let lines = || text.lines().enumerate().skip(line.saturating_sub(1));
    let quoted = [format!("\"{word}\""), format!("'{word}'")];
    let mut near = lines().take(LINES_MAX);
    let hit = near.find_map(|(at, text)| {
        let found = quoted.iter().find_map(|word| text.find(word.as_str()))?;
        Some((at, text, text[..found].chars().count() + 1))
    });
    let (at, text, before) = hit.or_else(|| lines().next().map(|(at, text)| (at, text, 0)))?;
    let width = if hit.is_some() { word.chars().count().max(1) } else { text.chars().count().max(1) };
    let shown = before + width <= LINE_CHARS_MAX && !text.contains('@');
    Some(Spot {
        file: file.to_owned(),
        line: at + 1,
        column: before + 1,
        width,
        indent: if shown { before } else { 0 },
        text: if shown { text.chars().take(LINE_CHARS_MAX).collect() } else { "…".repeat(width.min(3)) },
    })
}
