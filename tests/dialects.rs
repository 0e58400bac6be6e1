//! The official clients of Anthropic, Ollama and AWS, and OpenAI's responses, unchanged, against every protocol that
//! the server speaks to providers: what they are told comes from the simulated upstream.

use crate::support::{Server, Simulate, python};
use tokio::task::block_in_place;

const SCRIPT: &str = r#"
[models.plain]
answers = ["You said: {prompt}"]

[models.slow]
answers = ["one two three four five"]
token_ms = 5

[models.tools]
tool_call = { name = "weather", arguments = '{"city": "Reykjavík", "days": 3}' }

[models.failing]
error_rate = 1.0
"#;

const MODELS: &str = r#"models = ["plain", "slow", "tools", "failing"]"#;

/// Providers of every protocol over the same upstream, and a panel over three of them that says 42.
fn settings(simulate: &Simulate) -> String {
    let root = simulate.url().trim_end_matches("/v1").to_owned();
    let provider = |name: &str, kind: &str, more: &str| {
        format!("[[provider]]\nname = \"{name}\"\nkind = \"{kind}\"\nbase_url = \"{root}{more}\"\n{MODELS}\n")
    };
    let key = "api_key = \"env:HOME\"\n";
    let members =
        r#"models = [{ name = "a", script = { answers = ["42"] } }, { name = "b", script = { answers = ["42"] } }]"#;
    [
        provider("sim", "openai", "/v1"),
        provider("claude", "anthropic", "") + key,
        provider("llama", "ollama", ""),
        provider("aws", "bedrock", "") + key + "aws = { region = \"eu-central-1\" }\n",
        format!("[[provider]]\nname = \"s\"\nkind = \"scripted\"\n{members}\n"),
        "[[panel]]\nname = \"quorum\"\nmembers = [\"s/a\", \"s/b\"]\n".to_owned(),
    ]
    .concat()
}

/// Runs a client while the servers go on answering.
fn drive(script: &str, arguments: &[&str], says: &str) {
    assert_eq!(block_in_place(|| python(script, arguments)), format!("{says}\n"), "{script} {arguments:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn anthropic_asks_every_provider() {
    let simulate = Simulate::start(SCRIPT);
    let server = Server::start(&settings(&simulate));
    for provider in ["sim", "claude", "llama", "aws"] {
        drive("anthropic_client.py", &[&server.url(), provider, "asks"], "ok anthropic asks");
    }
    drive("anthropic_client.py", &[&server.url(), "sim", "errors"], "ok anthropic errors");
}

#[tokio::test(flavor = "multi_thread")]
async fn responses_reach_every_provider() {
    let simulate = Simulate::start(SCRIPT);
    let server = Server::start(&settings(&simulate));
    for provider in ["sim", "claude", "llama", "aws"] {
        drive("responses_client.py", &[&server.url(), provider], "ok responses");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ollama_asks_the_server_and_the_simulated_upstream() {
    let simulate = Simulate::start(SCRIPT);
    let server = Server::start(&settings(&simulate));
    for provider in ["sim/", "llama/"] {
        drive("ollama_client.py", &[&server.url(), provider], "ok ollama");
    }
    drive("ollama_client.py", &[simulate.url().trim_end_matches("/v1"), ""], "ok ollama");
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_asks_the_simulated_upstream() {
    let simulate = Simulate::start(SCRIPT);
    drive("bedrock_client.py", &[simulate.url().trim_end_matches("/v1")], "ok bedrock");
}
