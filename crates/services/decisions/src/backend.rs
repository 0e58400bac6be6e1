//! Whom a decision asks: what `model_backend` and `model_name` stand for.

use crate::DecisionError;
use fault::Explain;
use matrix::{Matrix, ProviderState};

/// What the original asked when nobody said whom.
pub(crate) const BEDROCK: &str = "bedrock";
/// What stands for whatever there is.
const LITELLM: &str = "litellm";
/// What is asked when nobody says whom.
pub(crate) const DEFAULT: &str = "default";
/// Characters shown of a name that is not known.
const SHOWN_CHARS_MAX: usize = 80;
/// The most that an error lists.
const LISTED_MAX: usize = 12;

/// Whom to ask.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// As it was asked for.
    pub(crate) backend: String,
    /// A model, a panel or a route; `None` where nothing is set up.
    pub(crate) model: Option<String>,
    /// Why it is not who was asked for.
    pub(crate) instead: Option<String>,
}

/// Finds out whom to ask.
pub(crate) async fn choose(
    matrix: &Matrix,
    backend: Option<&str>,
    name: Option<&str>,
) -> Result<Chosen, DecisionError> {
    let said = |text: Option<&str>| text.map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned);
    let (backend, name) = (said(backend), said(name));
    let shown = backend.clone().unwrap_or_else(|| DEFAULT.to_owned());
    let chosen = |model: Option<String>| Chosen { backend: shown.clone(), model, instead: None };
    let known = name.clone().filter(|name| matrix.knows(name).is_ok());
    if let Some(name) = known.as_ref().filter(|name| backend.is_none() || is_whole(matrix, name)) {
        return Ok(chosen(Some(name.clone())));
    }
    let Some(backend) = backend.as_deref() else {
        return match name {
            Some(name) => Err(unknown(matrix, &name)),
            None => Ok(chosen(matrix.default_model())),
        };
    };
    let states = matrix.providers(false).await;
    let places = of(&states, backend);
    if let Some(place) = places.first() {
        return match &name {
            None => match place.models.first() {
                Some(model) => Ok(chosen(Some(model.id.clone()))),
                None => Err(no_model(&place.settings.name)),
            },
            Some(name) => {
                let mut whole = places.iter().map(|place| format!("{}/{name}", place.settings.name));
                let own = whole.find(|whole| matrix.knows(whole).is_ok());
                own.map(|own| chosen(Some(own))).ok_or_else(|| elsewhere(matrix, backend, name))
            }
        };
    }
    match (backend, name) {
        (LITELLM, None) => Ok(chosen(matrix.default_model())),
        (LITELLM, Some(name)) => known.map(|known| chosen(Some(known))).ok_or_else(|| unknown(matrix, &name)),
        (BEDROCK, name) => {
            let instead = known.clone().or_else(|| matrix.default_model());
            let stranger = name.filter(|_| known.is_none());
            let why = why_instead(instead.as_deref(), stranger.as_deref());
            Ok(Chosen { backend: shown, model: instead, instead: Some(why) })
        }
        (other, _) => Err(no_backend(&states, other)),
    }
}

/// What is asked for where nobody names a backend but users of the original expect one: Bedrock. Where none is set up, a
/// model that is named stands for itself, so that a slip in its name is told.
pub(crate) async fn assumed(matrix: &Matrix, name: Option<&str>) -> Option<String> {
    let named = name.is_some_and(|name| !name.trim().is_empty());
    let there = !named || !of(&matrix.providers(false).await, BEDROCK).is_empty();
    there.then(|| BEDROCK.to_owned())
}

/// Whether a name means one thing whatever the backend: a model with its provider, a panel, a route, an alias.
fn is_whole(matrix: &Matrix, name: &str) -> bool {
    let ours = |kind: &str| matches!(kind, "panel" | "route" | "alias");
    name.contains('/') || matrix.models().iter().any(|model| ours(model.kind) && model.id == name)
}

/// The providers that a backend means: the one of that name, else those of that kind.
fn of<'a>(states: &'a [ProviderState], backend: &str) -> Vec<&'a ProviderState> {
    let named: Vec<_> = states.iter().filter(|state| state.settings.name == backend).collect();
    if !named.is_empty() {
        return named;
    }
    states.iter().filter(|state| state.settings.kind == backend).collect()
}

fn why_instead(instead: Option<&str>, stranger: Option<&str>) -> String {
    let stranger = stranger.map(|name| format!(", and no model `{}` is there", short(name))).unwrap_or_default();
    match instead {
        Some(model) => format!("no provider of the kind `bedrock` is set up{stranger}: `{model}` is asked instead"),
        None => format!(
            "no provider of the kind `bedrock` is set up{stranger}, nor any other: score pairs yourself with `score_option`"
        ),
    }
}

/// A name that may be long.
fn short(name: &str) -> String {
    name.chars().take(SHOWN_CHARS_MAX).collect()
}

/// A model that the backend does not offer, though others may.
fn elsewhere(matrix: &Matrix, backend: &str, name: &str) -> DecisionError {
    if matrix.knows(name).is_err() {
        return unknown(matrix, name);
    }
    let problem = format!("`{}` offers no model `{}`", short(backend), short(name));
    DecisionError::UnknownModel { problem, hint: "others do: leave `model_backend` out to ask them".to_owned() }
}

fn unknown(matrix: &Matrix, name: &str) -> DecisionError {
    let error = matrix.knows(name).err();
    let problem = error.as_ref().map_or_else(String::new, ToString::to_string);
    let hint = error.and_then(|error| error.hint()).unwrap_or_default();
    DecisionError::UnknownModel { problem, hint }
}

fn no_model(provider: &str) -> DecisionError {
    let problem = format!("the provider `{provider}` lists no model");
    DecisionError::UnknownModel { problem, hint: "name one with `model_name`".to_owned() }
}

fn no_backend(states: &[ProviderState], backend: &str) -> DecisionError {
    let backend = short(backend);
    let problem = match presets::Preset::find(&backend).is_some() {
        true => format!("no provider of the kind `{backend}` is set up"),
        false => format!("`{backend}` is neither the name nor the kind of a provider that is set up"),
    };
    let names: Vec<&str> = states.iter().map(|state| state.settings.name.as_str()).take(LISTED_MAX).collect();
    let hint = match names.is_empty() {
        true => "add a `[[provider]]` to the settings, or score pairs yourself with `score_option`".to_owned(),
        false => format!("there are `{}`; leave `model_backend` out for the default model", names.join("`, `")),
    };
    DecisionError::UnknownModel { problem, hint }
}

/// What can be said about Amazon Bedrock, for `test_aws_bedrock_connection`.
pub(crate) async fn bedrock(matrix: &Matrix) -> Option<ProviderState> {
    let states = matrix.providers(true).await;
    states.into_iter().find(|state| state.settings.kind == BEDROCK)
}
