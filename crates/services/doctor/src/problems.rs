//! What is wrong with settings beyond what they can tell by themselves: providers that cannot be made, models that
//! nobody offers. Every rule is that of the room that owns it; here each part is only tried alone, so that all of
//! them are told at once, each with its line.

use fault::Explain;
use matrix::{Matrix, PlanError};
use settings::{Loaded, Origin, Place, Settings, SettingsError, Spot};
use std::collections::BTreeMap;
use std::path::Path;

/// How many lines behind the beginning of a value its words are looked for.
const LINES_MAX: usize = 100;
/// The longest line that is shown whole, in characters.
const LINE_CHARS_MAX: usize = 120;

/// Makes the engine of settings once, to see whether it can be and what it would offer.
pub type Plan<'a> = &'a dyn Fn(&Settings) -> Result<Matrix, PlanError>;

/// Something wrong, and what it is wrong with.
pub struct Problem {
    /// The name of the provider, panel or route, `alias` and its name, or `embed.kind`.
    pub name: String,
    /// What is wrong with it, with its place.
    pub error: SettingsError,
}

/// Everything that keeps these settings from being served.
pub fn problems(loaded: &Loaded, plan: Plan<'_>) -> Vec<Problem> {
    let mut found = Vec::new();
    let settings = &loaded.settings;
    let (panel, route) = (Vec::new(), Vec::new());
    let alone = Settings { provider: Vec::new(), panel, route, alias: BTreeMap::new(), ..settings.clone() };
    for (index, provider) in settings.provider.iter().enumerate() {
        let one = Settings { provider: vec![provider.clone()], ..alone.clone() };
        if let Err(error) = plan(&one) {
            found.push(Problem { name: provider.name.clone(), error: of_provider(loaded, index, &error) });
        }
    }
    let broken: Vec<String> = found.iter().map(|problem| problem.name.clone()).collect();
    let whole = settings.provider.iter().filter(|provider| !broken.contains(&provider.name)).cloned().collect();
    let base = Settings { provider: whole, ..alone };
    for (index, panel) in settings.panel.iter().enumerate() {
        let path = format!("panel[{index}].members");
        let one = Settings { panel: vec![panel.clone()], ..base.clone() };
        let without = |one: &mut Settings, model: &str| {
            one.panel.iter_mut().for_each(|panel| panel.members.retain(|member| member.model != model));
        };
        let missing = missing(one, plan, without);
        found.extend(
            missing.iter().filter_map(|(model, error)| of_member(loaded, &panel.name, &path, model, error, &broken)),
        );
    }
    for (index, route) in settings.route.iter().enumerate() {
        let path = format!("route[{index}].rules");
        let one = Settings { route: vec![route.clone()], ..base.clone() };
        let without = |one: &mut Settings, model: &str| {
            let rules = one.route.iter_mut().flat_map(|route| &mut route.rules);
            rules.for_each(|rule| rule.models.retain(|choice| choice.model != *model));
        };
        let missing = missing(one, plan, without);
        found.extend(
            missing.iter().filter_map(|(model, error)| of_member(loaded, &route.name, &path, model, error, &broken)),
        );
    }
    let aliases = of_aliases(loaded, plan, &base, &broken);
    found.into_iter().chain(aliases).chain(of_embedder(loaded)).collect()
}

/// Who embeds, where this program can never have it embed.
fn of_embedder(loaded: &Loaded) -> Option<Problem> {
    let error = embed::check(&loaded.settings.embed).err()?;
    Some(Problem { name: "embed.kind".to_owned(), error: blame(loaded, "embed.kind", "onnx", &error) })
}

/// Aliases of what nobody offers; what is broken itself is not missed.
fn of_aliases(loaded: &Loaded, plan: Plan<'_>, base: &Settings, broken: &[String]) -> Vec<Problem> {
    let settings = &loaded.settings;
    // A panel or a route that is broken is told of by itself.
    let named = |name: &String| {
        settings.panel.iter().any(|panel| panel.name == *name) || settings.route.iter().any(|it| it.name == *name)
    };
    let one = |(name, target): (&String, &String)| {
        let alias = BTreeMap::from([(name.clone(), target.clone())]);
        let (_, error) = unknown(&Settings { alias, ..base.clone() }, plan)?;
        // As settings write the path of a key.
        let quoted = format!("alias.{name:?}");
        let path = if loaded.origins.contains_key(&quoted) { quoted } else { format!("alias.{name}") };
        of_member(loaded, &format!("alias {name}"), &path, target, &error, broken)
    };
    settings.alias.iter().filter(|(_, target)| !named(target)).filter_map(one).collect()
}

/// All models that nobody offers: one after the other is found and taken out.
fn missing(mut settings: Settings, plan: Plan<'_>, without: impl Fn(&mut Settings, &str)) -> Vec<(String, PlanError)> {
    let mut found: Vec<(String, PlanError)> = Vec::new();
    while let Some((model, error)) = unknown(&settings, plan) {
        // A name too long to be told whole is not found again, and cannot be taken out.
        if found.iter().any(|(known, _)| *known == model) {
            break;
        }
        without(&mut settings, &model);
        found.push((model, error));
    }
    found
}

/// The first of them.
fn unknown(settings: &Settings, plan: Plan<'_>) -> Option<(String, PlanError)> {
    match plan(settings).err()? {
        PlanError::Registry(_) => None,
        error @ PlanError::UnknownModel { .. } => {
            let PlanError::UnknownModel { model, .. } = &error else { return None };
            Some((model.clone(), error))
        }
    }
}

fn of_provider(loaded: &Loaded, index: usize, error: &PlanError) -> SettingsError {
    use models::RegistryError as E;
    let provider = &loaded.settings.provider[index];
    let secret = provider.api_key.as_ref().map(ToString::to_string).unwrap_or_default();
    let (key, word) = match error {
        PlanError::Registry(E::UnknownKind { kind, .. }) => ("kind", kind.as_str()),
        PlanError::Registry(E::Secret { .. }) => ("api_key", secret.as_str()),
        PlanError::Registry(E::BadAddress { base_url, .. }) => ("base_url", base_url.as_str()),
        _ => ("name", provider.name.as_str()),
    };
    blame(loaded, &format!("provider[{index}].{key}"), word, error)
}

/// A model of a provider that is broken itself is not missed.
fn of_member(
    loaded: &Loaded,
    name: &str,
    path: &str,
    model: &str,
    error: &PlanError,
    broken: &[String],
) -> Option<Problem> {
    let of_broken = model.split_once('/').is_some_and(|(provider, _)| broken.iter().any(|name| name == provider));
    (!of_broken).then(|| Problem { name: name.to_owned(), error: blame(loaded, path, model, error) })
}

/// An error with the place it is about.
fn blame(loaded: &Loaded, path: &str, word: &str, error: &dyn Explain) -> SettingsError {
    let place = match origin(loaded, path) {
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
fn origin<'a>(loaded: &'a Loaded, path: &str) -> Option<(&'a String, &'a Origin)> {
    let table = path.split('.').next().unwrap_or(path);
    let set = |start: &str| {
        let mut under = loaded.origins.iter().filter(|(leaf, _)| leaf.starts_with(start));
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

#[cfg(test)]
mod tests {
    use super::*;
    use settings::Source;

    fn told(text: &str) -> Vec<(String, String)> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("althing.toml");
        std::fs::write(&file, text).unwrap();
        let loaded = settings::load(&Source { file: Some(file), ..Source::default() }).unwrap();
        let kinds = vec![models::scripted::KIND];
        let plan = |settings: &Settings| {
            Matrix::with_prices(settings, kinds.clone(), measure::Metrics::new("0"), prices::Table::default())
        };
        let told = |problem: Problem| {
            (problem.name, problem.error.to_string().replace(&folder.path().display().to_string(), ""))
        };
        problems(&loaded, &plan).into_iter().map(told).collect()
    }

    const TWO: &str = "[[provider]]\nname = 's'\nkind = 'scripted'\nmodels = ['a', 'b']\n\
                       [[provider]]\nname = 't'\nkind = 'scripted'\nmodels = ['c']\n\
                       [[panel]]\nname = 'p'\nmembers = ['s/a', 't/c']\n[[panel]]\nname = 'q'\nmembers = ['s/b']\n\
                       [[route]]\nname = 'r'\nrules = [{ models = ['t/c'] }]\n";

    #[test]
    fn aliases_of_what_is_there_are_no_problem() {
        assert_eq!(told(&format!("{TWO}[alias]\nx = 'p'\n'y-*' = 's/a'\nz = 'r'\nw = 'q'\nv = 't/c'\n")), []);
    }

    #[test]
    fn an_alias_of_nothing_is_told_once_with_its_place() {
        let found = told(&format!("{TWO}[alias]\nx = 'p'\n'y-*' = 's/zz'\nz = 'nobody'\n"));
        let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["alias y-*", "alias z"]);
        assert_eq!(found[0].1, "alias `y-*` names the model `s/zz`, which no provider offers at /althing.toml:20:10");
    }

    #[test]
    fn an_embedder_that_the_program_was_built_without_is_told_with_its_place() {
        let found = told("[embed]\nkind = 'onnx'\npath = '/srv/model'\n");
        // Where another package has it built in, there is nothing to tell.
        let expected = embed::check(&settings::Embed { kind: settings::EmbedKind::Onnx, ..Default::default() }).err();
        let expected = expected.map(|error| ("embed.kind".to_owned(), format!("{error} at /althing.toml:2:9")));
        assert_eq!(found, expected.into_iter().collect::<Vec<_>>());
    }

    #[test]
    fn what_is_broken_itself_is_not_missed_by_its_aliases() {
        let broken = TWO.replacen("kind = 'scripted'", "kind = 'scribbled'", 1);
        let found = told(&format!("{broken}[alias]\nx = 'p'\ny = 's/a'\nz = 't/c'\n"));
        assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["s"]);
    }
}
