//! Decision Matrix MCP's settings: variables, or the same as `config.json` or `config.yaml`: three backends, limits of
//! decisions, where it listens.

mod limits;
mod listen;
pub(crate) mod start;

use crate::decimal::ms_of_seconds;
use crate::deployment::{AwsKeys, Called, Deployment, Draft};
use crate::litellm::usual_key;
use crate::model_name::{self, is_region};
use crate::notes::Notes;
use crate::read::Tree;
use crate::secret::Key;
use crate::variables::{Variables, upper};
use limits::{ENVIRONMENT, REQUEST_TIMEOUT, RULES, Rule};
use listen::Listen;

/// The models it asks unless told otherwise.
const BEDROCK: &str = "anthropic.claude-3-sonnet-20240229-v1:0";
const LITELLM: &str = "gpt-4o-mini";
const OLLAMA: &str = "llama3.1:8b";

/// Reads the files.
pub(crate) fn draft(files: &[Tree]) -> Draft {
    let mut draft = Draft::default();
    let mut variables = Variables::of(files, |keys| Some(format!("DMM_{}", upper(&[keys.last()?]))));
    let default = variables.get("DEFAULT_MODEL_BACKEND").map(|backend| backend.to_lowercase());
    let default = default.as_deref();
    let model = variables.get("DEFAULT_MODEL_NAME");
    let of = |backend: &str| model.clone().filter(|_| default == Some(backend));
    if default == Some("bedrock") || set(&variables, &["DMM_BEDROCK_", "BEDROCK_", "AWS_"]) {
        let bedrock = bedrock(&mut variables, of("bedrock"), &mut draft.notes);
        call(&mut draft, "bedrock", Some(bedrock));
    }
    if default == Some("litellm") || set(&variables, &["DMM_LITELLM_", "LITELLM_"]) {
        let litellm = litellm(&mut variables, of("litellm"), &mut draft.notes);
        call(&mut draft, "litellm", litellm);
    }
    if default == Some("ollama") || set(&variables, &["DMM_OLLAMA_", "OLLAMA_"]) {
        let ollama = ollama(&mut variables, of("ollama"), &mut draft.notes);
        call(&mut draft, "ollama", ollama);
    }
    if let Some(backend) = default {
        draft.also.push(("default".to_owned(), backend.to_owned(), "DEFAULT_MODEL_BACKEND".to_owned()));
    }
    decisions(&mut variables, &mut draft);
    listens(&mut variables, &mut draft);
    variables.leave_rest(&mut draft.notes, why);
    draft
}

fn set(variables: &Variables, beginnings: &[&str]) -> bool {
    beginnings.iter().any(|beginning| variables.begins(beginning))
}

fn call(draft: &mut Draft, name: &str, deployment: Option<Deployment>) {
    let Some(deployment) = deployment else { return };
    let from = deployment.from.clone();
    draft.called.push(Called { name: name.to_owned(), deployments: vec![draft.deployments.len()], from });
    draft.deployments.push(deployment);
}

/// The model that a backend asks, and where that stands.
fn model(
    variables: &mut Variables,
    names: &[&'static str],
    default: Option<String>,
    usual: &str,
) -> (String, &'static str) {
    let first = names.first().copied().unwrap_or_default();
    match (variables.first(names), default) {
        (Some((name, model)), _) => (model, name),
        (None, Some(model)) => (model, "DEFAULT_MODEL_NAME"),
        (None, None) => (usual.to_owned(), first),
    }
}

fn bedrock(variables: &mut Variables, default: Option<String>, notes: &mut Notes) -> Deployment {
    let (model, from) = model(variables, &["DMM_BEDROCK_MODEL", "BEDROCK_MODEL_ID"], default, BEDROCK);
    let mut deployment = Deployment::new("bedrock", &model, from);
    let region = variables.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]).map(|(_, region)| region);
    let mut key = |name: &str| if variables.has(name) { variables.key(name, notes) } else { Key::None };
    let keys = [key("AWS_ACCESS_KEY_ID"), key("AWS_SECRET_ACCESS_KEY"), key("AWS_SESSION_TOKEN")];
    let [access_key_id, secret_access_key, session_token] = keys;
    let profile = variables.get("AWS_PROFILE").filter(|name| name.len() <= 100);
    let region = region.filter(|region| is_region(region));
    deployment.aws = Some(AwsKeys { region, profile, access_key_id, secret_access_key, session_token });
    deployment.timeout_ms = variables.time(&["DMM_BEDROCK_TIMEOUT_SECONDS"], notes);
    deployment
}

/// The library asks whoever the name of the model belongs to; an address is that of a LiteLLM proxy.
fn litellm(variables: &mut Variables, default: Option<String>, notes: &mut Notes) -> Option<Deployment> {
    let names = ["DMM_LITELLM_MODEL", "LITELLM_DEFAULT_MODEL", "LITELLM_MODEL"];
    let (model, from) = model(variables, &names, default, LITELLM);
    let url = variables.address(&["LITELLM_API_BASE", "LITELLM_BASE_URL", "LITELLM_PROXY_URL"], notes).ok()?;
    let mut deployment = match &url {
        Some(_) => Deployment::new("litellm", &model, from),
        None => match model_name::read(&model, None) {
            Ok(named) => Deployment::new(named.kind, named.model, from),
            Err(why) => {
                notes.leave(from, why);
                return None;
            }
        },
    };
    let usual = usual_key(deployment.kind).filter(|_| url.is_none());
    let name = usual.unwrap_or("LITELLM_API_KEY");
    if usual.is_some() || variables.has(name) {
        deployment.key = variables.key(name, notes);
        deployment.key_from = name.to_owned();
    }
    deployment.base_url = url;
    deployment.timeout_ms = variables.time(&["DMM_LITELLM_TIMEOUT_SECONDS"], notes);
    Some(deployment)
}

fn ollama(variables: &mut Variables, default: Option<String>, notes: &mut Notes) -> Option<Deployment> {
    let (model, from) =
        model(variables, &["DMM_OLLAMA_MODEL", "OLLAMA_DEFAULT_MODEL", "OLLAMA_MODEL"], default, OLLAMA);
    let mut deployment = Deployment::new("ollama", &model, from);
    deployment.base_url = variables.address(&["OLLAMA_HOST", "OLLAMA_BASE_URL"], notes).ok()?;
    deployment.timeout_ms = variables.time(&["DMM_OLLAMA_TIMEOUT_SECONDS"], notes);
    Some(deployment)
}

/// How large decisions may be, how many are kept, how they are evaluated, and how long a request may take.
fn decisions(variables: &mut Variables, draft: &mut Draft) {
    let environment = variables.get(ENVIRONMENT).unwrap_or_default();
    let forced = limits::environment(&environment);
    let of = |names: &[&str]| forced.iter().find(|(name, _)| names.contains(name));
    draft.timeout_ms = match of(&[REQUEST_TIMEOUT]) {
        Some((name, seconds)) => {
            force(variables, name, seconds, &environment, draft);
            ms_of_seconds(seconds)
        }
        None => variables.time(&[REQUEST_TIMEOUT], &mut draft.notes),
    };
    for rule in &RULES {
        let value = match of(rule.names) {
            Some((name, value)) => {
                force(variables, name, value, &environment, draft);
                rule.read(value).ok().map(|value| (ENVIRONMENT, value))
            }
            None => limit(rule, variables, draft),
        };
        if let Some((name, value)) = value {
            draft.whole.decisions.push((rule.key, value));
            draft.notes.carry(format!("{name} → decisions.{}", rule.key));
        }
    }
    for (name, value) in limits::SAME {
        if variables.peek(name).is_some_and(|said| limits::is_same(said, value)) {
            variables.get(name);
        }
    }
    if forced.is_empty() && !environment.is_empty() && environment != "production" {
        draft.notes.leave(ENVIRONMENT, "it knows `development`, `staging` and `production`, and not this");
    }
}

/// What the environment sets, it sets whatever else is said.
fn force(variables: &mut Variables, name: &str, value: &str, environment: &str, draft: &mut Draft) {
    if variables.get(name).is_some_and(|said| !limits::is_same(&said, value)) {
        draft.notes.leave(name, format!("with `{environment}` it is {value} there, whatever this says"));
    }
}

/// The value of the first variable of a rule that is set. The others stay unread: they are told as left behind.
fn limit(rule: &Rule, variables: &mut Variables, draft: &mut Draft) -> Option<(&'static str, u64)> {
    let (name, text) = rule.names.iter().find_map(|name| Some((*name, variables.get(name)?)))?;
    match rule.read(&text) {
        Ok(value) => Some((name, value)),
        Err(problem) => {
            draft.notes.leave(name, problem);
            None
        }
    }
}

/// Where it listens.
fn listens(variables: &mut Variables, draft: &mut Draft) {
    let said = listen::NAMES.map(|name| variables.get(name));
    let value = |name: &str| listen::NAMES.iter().zip(&said).find(|(known, _)| **known == name)?.1.clone();
    match listen::listen(value) {
        Listen::Unsaid => {}
        Listen::Stdio => {
            let why = "`althing mcp stdio --toolset decisions` does so, and every server at `/mcp/s/decisions`";
            draft.notes.leave(listen::NAMES[0], why);
            for (name, _) in listen::NAMES.iter().zip(&said).skip(1).filter(|(_, said)| said.is_some()) {
                draft.notes.leave(name, "with `stdio` nobody listens there");
            }
        }
        Listen::At(address, _) => {
            draft.notes.carry(format!("MCP_HTTP_HOST, MCP_HTTP_PORT → server.bind `{address}`, at `/mcp/s/decisions`"));
            draft.whole.bind = Some(address);
        }
        Listen::Wrong(name, why) => draft.notes.leave(name, why),
    }
}

fn why(name: &str) -> &'static str {
    match name {
        "LITELLM_API_KEY" => "the library reads the key of the model's own provider, not this one",
        _ => limits::why(name).unwrap_or("there is no counterpart"),
    }
}
