//! What every test of this suite needs: the binary as a process, a client that shows every byte, Python.

pub(crate) mod books;
mod http;
mod mcp;
mod node;
mod process;
mod python;

pub(crate) use http::{Kept, Open, Response, ask, ask_with, attempt, chat, get, keyed, post, request, send, try_ask};
pub(crate) use mcp::{call_tool, message, tool_call};
pub(crate) use node::node;
pub(crate) use process::{Ended, Place, Server, Simulate, althing};
pub(crate) use python::{litellm, python};

use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Longer than anything here takes: whoever waits this long has met a defect.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A chat request with one message.
pub(crate) fn question(model: &str, stream: bool) -> Value {
    json!({ "model": model, "stream": stream, "messages": [{ "role": "user", "content": "What is 6 times 7?" }] })
}

/// The chunk of a stream in which a model says `text`.
pub(crate) fn says(text: &str) -> String {
    json!({ "choices": [{ "index": 0, "delta": { "content": text }, "finish_reason": null }] }).to_string()
}

/// An address of this machine at which nobody listens.
pub(crate) fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/v1", listener.local_addr().unwrap())
}

/// The settings of one provider that speaks OpenAI's protocol.
pub(crate) fn provider(name: &str, base_url: &str, models: &[&str]) -> String {
    format!("[[provider]]\nname = {name:?}\nkind = \"openai\"\nbase_url = {base_url:?}\nmodels = {models:?}\n")
}

/// Looks again and again until `look` finds something.
pub(crate) async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Asserts that these settings are refused, and that what is said about them holds all of this.
pub(crate) fn refuses(config: &str, says: &[&str]) {
    let place = Place::new(config);
    let mut command = althing(place.path());
    command.args(["config", "check"]);
    let ended = Ended::of(command);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{config}\n{}", ended.stderr);
    for piece in says {
        assert!(ended.stderr.contains(piece), "no {piece:?} about\n{config}\n{}", ended.stderr);
    }
}
