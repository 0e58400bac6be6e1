//! What is served when the settings name no provider: what can be found, else scripted models.
//!
//! It looks at the variables that it is handed and at one port of this machine, and writes settings. It knows no
//! provider's protocol and asks no model.

mod variables;

pub use variables::take_over;

use presets::PRESETS;
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;
use toml::{Table, Value};

/// Where an Ollama usually answers.
const OLLAMA: &str = "127.0.0.1:11434";
/// Its port where only a host is named.
const OLLAMA_PORT: &str = "11434";
/// How long to look for it.
const OLLAMA_WAIT: Duration = Duration::from_millis(200);
/// The longest name of a model, in bytes.
const NAME_BYTES_MAX: usize = 200;
/// The most members of a panel made of what was found.
const PANEL_MAX: usize = 5;

/// The scripted models: how long they take, in milliseconds, and what they say.
///
/// Four say the same. The fifth does not and is the fastest, so that a first question shows a dissent as well.
const SCRIPTED: [(&str, u32, &str); 5] = [
    ("ash", 80, SAME),
    ("birch", 100, SAME),
    ("cedar", 120, SAME),
    ("elm", 160, SAME),
    ("oak", 60, "I am the scripted dissenter: every panel should hear one."),
];
const SAME: &str = "This answer is scripted: no provider is set up. You asked: {prompt}";

/// What was found, and what to say about it.
pub struct Found {
    /// Values for the settings `provider` and `panel`.
    pub flags: Vec<(String, Value)>,
    /// One line for each provider.
    pub notes: Vec<String>,
    /// Nothing real was found.
    pub scripted: bool,
}

/// Looks for keys in the environment and for an Ollama next door.
pub fn find(env: &[(String, String)]) -> Found {
    let mut providers = Vec::new();
    let mut notes = Vec::new();
    for preset in PRESETS {
        let Some(key) = preset.key_env.filter(|key| env.iter().any(|(name, value)| name == key && !value.is_empty()))
        else {
            continue;
        };
        let name = key.trim_end_matches("_API_KEY").to_lowercase();
        let mut provider = table(&[("name", name.as_str()), ("kind", preset.kind), ("api_key", &format!("env:{key}"))]);
        // The variable that OpenAI's own clients read for another address.
        let other =
            env.iter().find(|(var, value)| preset.kind == "openai" && var == "OPENAI_BASE_URL" && !value.is_empty());
        if let Some((_, url)) = other {
            provider.insert("base_url".to_owned(), Value::from(url.as_str()));
        }
        notes.push(format!("{name} (found {key})"));
        providers.push((provider, preset.models.iter().map(|model| format!("{name}/{model}")).collect::<Vec<_>>()));
    }
    if let Some((found, region)) = aws(env) {
        let mut provider = table(&[("name", "aws"), ("kind", "bedrock")]);
        let named = named(env, &mut provider, &["DMM_BEDROCK_MODEL", "BEDROCK_MODEL_ID"]);
        notes.push(format!("aws (found {found}, {region}{named})"));
        // Which of its models an account may use is not told before they are asked: none is seated.
        providers.push((provider, Vec::new()));
    }
    let ollama = ollama(env);
    if answers(&ollama) {
        let base_url = format!("http://{ollama}/v1");
        let mut provider = table(&[("name", "ollama"), ("kind", "ollama"), ("base_url", &base_url)]);
        let named = named(env, &mut provider, &["DMM_OLLAMA_MODEL"]);
        notes.push(format!("ollama (found at {ollama}{named})"));
        providers.push((provider, Vec::new()));
    }
    if providers.is_empty() {
        return scripted();
    }
    let members: Vec<String> = take_in_turn(providers.iter().map(|(_, models)| models.as_slice()), PANEL_MAX);
    let list = providers.into_iter().map(|(provider, _)| Value::Table(provider)).collect();
    let mut flags = vec![("provider".to_owned(), Value::Array(list))];
    if !members.is_empty() {
        flags.push(("panel".to_owned(), panel(members)));
    }
    Found { flags, notes, scripted: false }
}

/// Lists the model that the first of some variables names, and says so; whoever names none can be asked for any.
fn named(env: &[(String, String)], provider: &mut Table, names: &[&str]) -> String {
    let fits = |model: &str| {
        !model.is_empty() && model.len() <= NAME_BYTES_MAX && model.bytes().all(|byte| byte.is_ascii_graphic())
    };
    let said = |wanted: &&str| env.iter().find(|(name, value)| name == wanted && fits(value.trim()));
    let Some((name, model)) = names.iter().find_map(said) else { return String::new() };
    provider.insert("models".to_owned(), Value::from(vec![model.trim()]));
    format!(", its model by {name}")
}

/// Members from every provider in turn, so that a panel hears more than one family where it can.
fn take_in_turn<'a>(lists: impl Iterator<Item = &'a [String]>, most: usize) -> Vec<String> {
    let lists: Vec<&[String]> = lists.collect();
    let longest = lists.iter().map(|list| list.len()).max().unwrap_or(0);
    (0..longest).flat_map(|at| lists.iter().filter_map(move |list| list.get(at))).take(most).cloned().collect()
}

fn scripted() -> Found {
    let model = |(name, ms, answer): &(&str, u32, &str)| {
        let mut latency = Table::new();
        latency.insert("ms".to_owned(), Value::from(i64::from(*ms)));
        latency.insert("spread_ms".to_owned(), Value::from(10));
        let mut script = Table::new();
        script.insert("answers".to_owned(), Value::from(vec![*answer]));
        script.insert("scores".to_owned(), Value::from(true));
        script.insert("latency".to_owned(), Value::Table(latency));
        script.insert("token_ms".to_owned(), Value::from(15));
        let mut model = table(&[("name", name)]);
        model.insert("script".to_owned(), Value::Table(script));
        Value::Table(model)
    };
    let mut provider = table(&[("name", "scripted"), ("kind", "scripted"), ("family", "scripted")]);
    provider.insert("models".to_owned(), Value::Array(SCRIPTED.iter().map(model).collect()));
    let members = SCRIPTED.iter().map(|(name, ..)| format!("scripted/{name}")).collect();
    let flags =
        vec![("provider".to_owned(), Value::Array(vec![Value::Table(provider)])), ("panel".to_owned(), panel(members))];
    Found { flags, notes: vec!["five scripted models: what they say is made up".to_owned()], scripted: true }
}

fn panel(members: Vec<String>) -> Value {
    let mut panel = table(&[("name", "quorum")]);
    panel.insert("members".to_owned(), Value::from(members));
    Value::Array(vec![Value::Table(panel)])
}

fn table(pairs: &[(&str, &str)]) -> Table {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), Value::from(*value))).collect()
}

/// What of Amazon's own variables lets us ask Bedrock, and in which region. What cannot be used is not found: nobody
/// meant us by it, and a server must not fail to start for it.
fn aws(env: &[(String, String)]) -> Option<(&'static str, &str)> {
    let value = |wanted: &str| {
        let found = env.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.trim());
        found.filter(|value| !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic()))
    };
    let region = value("AWS_REGION").or_else(|| value("AWS_DEFAULT_REGION"));
    let is_region = |text: &&str| text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    let found = match value("AWS_BEARER_TOKEN_BEDROCK") {
        Some(_) => "AWS_BEARER_TOKEN_BEDROCK",
        None => value("AWS_ACCESS_KEY_ID").and(value("AWS_SECRET_ACCESS_KEY")).and(Some("AWS_ACCESS_KEY_ID"))?,
    };
    Some((found, region.filter(is_region)?))
}

/// Where an Ollama would be: at its usual address, or where its own variable says.
fn ollama(env: &[(String, String)]) -> String {
    let named = env.iter().find(|(name, value)| name == "OLLAMA_HOST" && !value.trim().is_empty());
    let Some((_, host)) = named else { return OLLAMA.to_owned() };
    let host = host.trim().trim_start_matches("http://").trim_end_matches('/');
    let (host, port) = host.rsplit_once(':').unwrap_or((host, OLLAMA_PORT));
    // What it listens on may be every address of the machine; what can be called is one.
    format!("{}:{port}", if host.is_empty() || host == "0.0.0.0" { "127.0.0.1" } else { host })
}

fn answers(address: &str) -> bool {
    let found = address.to_socket_addrs().ok().and_then(|mut found| found.next());
    found.is_some_and(|address| TcpStream::connect_timeout(&address, OLLAMA_WAIT).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_the_environment_become_providers_and_a_mixed_panel() {
        let env = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect::<Vec<_>>();
        let found = find(&env(&["OPENAI_API_KEY", "PERPLEXITY_API_KEY"]));
        assert!(!found.scripted);
        assert_eq!(found.notes[0], "openai (found OPENAI_API_KEY)");
        let panel = &found.flags[1].1[0]["members"];
        assert_eq!(panel[0].as_str(), Some("openai/gpt-5-mini"));
        assert_eq!(panel[1].as_str(), Some("perplexity/sonar"));
        assert!(found.flags[0].1[0]["api_key"].as_str() == Some("env:OPENAI_API_KEY"));
    }

    #[test]
    fn a_key_of_anthropics_is_asked_in_its_own_words() {
        let found = find(&[("ANTHROPIC_API_KEY".to_owned(), "x".to_owned())]);
        let provider = &found.flags[0].1[0];
        assert_eq!((provider["name"].as_str(), provider["kind"].as_str()), (Some("anthropic"), Some("anthropic")));
    }

    fn variables(text: &str) -> Vec<(String, String)> {
        let pairs = text.split_whitespace().filter_map(|pair| pair.split_once('='));
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[test]
    fn amazons_variables_offer_bedrock_where_they_are_whole() {
        let check = |text: &str, expect: Option<(&str, &str)>| assert_eq!(aws(&variables(text)), expect, "{text}");
        let keys = "AWS_ACCESS_KEY_ID=a AWS_SECRET_ACCESS_KEY=b";
        let token = "AWS_BEARER_TOKEN_BEDROCK=t";
        check(&format!("{keys} AWS_REGION=eu-central-1"), Some(("AWS_ACCESS_KEY_ID", "eu-central-1")));
        check(&format!("{keys} AWS_REGION= AWS_DEFAULT_REGION=us-east-1"), Some(("AWS_ACCESS_KEY_ID", "us-east-1")));
        check(&format!("{token} {keys} AWS_REGION=us-west-2"), Some(("AWS_BEARER_TOKEN_BEDROCK", "us-west-2")));
        for text in [
            keys,
            token,
            "AWS_REGION=us-east-1",
            "AWS_ACCESS_KEY_ID=a AWS_REGION=us-east-1",
            "AWS_SECRET_ACCESS_KEY=a AWS_REGION=us-east-1",
            "AWS_ACCESS_KEY_ID= AWS_SECRET_ACCESS_KEY=b AWS_REGION=us-east-1",
            "AWS_BEARER_TOKEN_BEDROCK=t AWS_REGION=a.evil.example/",
            "AWS_BEARER_TOKEN_BEDROCK=\u{7} AWS_REGION=us-east-1",
        ] {
            check(text, None);
        }
    }

    #[test]
    fn bedrock_is_offered_and_not_seated() {
        let nobody = "OLLAMA_HOST=127.0.0.1:1 AWS_BEARER_TOKEN_BEDROCK=t AWS_REGION=us-east-1";
        let found = find(&variables(nobody));
        assert_eq!(
            (found.scripted, found.notes),
            (false, vec!["aws (found AWS_BEARER_TOKEN_BEDROCK, us-east-1)".to_owned()])
        );
        assert_eq!(found.flags.len(), 1, "no panel of nobody");
        let provider = &found.flags[0].1[0];
        assert_eq!((provider["name"].as_str(), provider["kind"].as_str()), (Some("aws"), Some("bedrock")));
        assert!(provider.get("models").is_none());
        let found = find(&variables(&format!("{nobody} OPENAI_API_KEY=k")));
        let members = found.flags[1].1[0]["members"].as_array().unwrap();
        assert!(members.iter().all(|member| member.as_str().unwrap().starts_with("openai/")), "{members:?}");
    }

    #[test]
    fn a_variable_may_name_the_model_of_bedrock() {
        let aws = "OLLAMA_HOST=127.0.0.1:1 AWS_BEARER_TOKEN_BEDROCK=t AWS_REGION=us-east-1";
        let check = |more: &str, expect: Option<&str>, note: &str| {
            let found = find(&variables(&format!("{aws} {more}")));
            let models = found.flags[0].1[0].get("models").map(|models| models[0].as_str().unwrap());
            assert_eq!((models, found.notes[0].as_str()), (expect, note), "{more}");
        };
        let alone = "aws (found AWS_BEARER_TOKEN_BEDROCK, us-east-1)";
        check("BEDROCK_MODEL_ID=", None, alone);
        check("BEDROCK_MODEL_ID=a\u{7}b", None, alone);
        let named = |name: &str| format!("aws (found AWS_BEARER_TOKEN_BEDROCK, us-east-1, its model by {name})");
        check("BEDROCK_MODEL_ID=anthropic.m-v1:0", Some("anthropic.m-v1:0"), &named("BEDROCK_MODEL_ID"));
        check("BEDROCK_MODEL_ID=a DMM_BEDROCK_MODEL=b", Some("b"), &named("DMM_BEDROCK_MODEL"));
    }

    #[test]
    fn an_empty_key_is_no_key() {
        let nobody = ("OLLAMA_HOST".to_owned(), "127.0.0.1:1".to_owned());
        assert!(find(&[("OPENAI_API_KEY".to_owned(), String::new()), nobody]).scripted);
    }

    #[test]
    fn an_ollama_elsewhere_is_found_by_its_own_variable() {
        let at = |host: &str| ollama(&[("OLLAMA_HOST".to_owned(), host.to_owned())]);
        assert_eq!(ollama(&[]), OLLAMA);
        assert_eq!((at(" "), at("0.0.0.0")), (OLLAMA.to_owned(), OLLAMA.to_owned()));
        assert_eq!((at("http://gpu:80/"), at("gpu")), ("gpu:80".to_owned(), "gpu:11434".to_owned()));
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let found = find(&[("OLLAMA_HOST".to_owned(), listener.local_addr().unwrap().to_string())]);
        let base_url = format!("http://{}/v1", listener.local_addr().unwrap());
        assert_eq!(found.flags[0].1[0]["base_url"].as_str(), Some(base_url.as_str()));
    }
}
