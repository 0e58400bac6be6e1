//! What a scenario sends, made once before the run. Knows the shapes that the target's protocols ask for, but no target,
//! no socket and no time.

mod fill;

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, Method};
use serde::de::IgnoredAny;
use serde_json::{Value, json};
use traffic::{Prepared, Reading};

use crate::scenario::{Files, Kind, Mix, Scenario};
use fill::{Words, as_it_is, for_json, for_url};

/// Every request that a scenario may send, entry of the mix after entry.
#[derive(Debug, Clone, Default)]
pub struct Pool {
    /// The requests, as [`traffic::Arrival::request`] counts them.
    pub requests: Vec<Prepared>,
    /// The first request of each entry of the mix.
    pub first: Vec<u32>,
    /// The known answer of each request, if there is one.
    pub answers: Vec<Option<String>>,
}

impl Pool {
    /// How many requests each entry of the mix has, as [`crate::schedule()`] wants to know.
    pub fn prompts(&self) -> Vec<u32> {
        let ends = self.first.iter().skip(1).copied().chain([count(self.requests.len())]);
        self.first.iter().zip(ends).map(|(first, end)| end.saturating_sub(*first)).collect()
    }
}

/// Prepares what a checked scenario sends: `prompts` requests for each entry of its mix, or one for each line of its
/// prompt file, of which `files` holds what was read. `default_model` stands where an entry names no model.
///
/// In prompts, bodies, paths and arguments `{n}` is the number of the request within its entry, from 1, `{topic}` one of
/// the entry's topics and `{prompt}` the finished prompt; prompts from files are taken as they are.
pub fn pool(scenario: &Scenario, default_model: &str, files: &Files) -> Pool {
    let mut pool = Pool::default();
    for (index, mix) in scenario.mix.iter().enumerate() {
        pool.first.push(count(pool.requests.len()));
        let row = u16::try_from(index).unwrap_or(u16::MAX);
        let model = if mix.model.is_empty() { default_model } else { &mix.model };
        let lines = files.get(&index).map(Vec::as_slice).unwrap_or_default();
        let prompts = if lines.is_empty() { mix.prompts.max(1) } else { count(lines.len()) };
        for (n, at) in (1..=prompts).zip(0..) {
            let line = lines.get(at as usize);
            let words = Words::new(n, mix.topic(at), line.map(|line| line.prompt.as_str()), &mix.prompt);
            pool.requests.push(prepared(mix, row, model, &words));
            pool.answers.push(line.and_then(|line| line.answer.clone()));
        }
    }
    pool
}

fn prepared(mix: &Mix, row: u16, model: &str, words: &Words) -> Prepared {
    let (path, reading) = usual(mix.kind);
    let path = words.fill(mix.path.as_deref().unwrap_or(path), for_url);
    let body = mix.body.as_deref().map_or_else(|| made(mix, model, words), |body| Some(written(mix.kind, body, words)));
    let method = mix.method.as_deref().filter(|_| mix.kind == Kind::Rest);
    let method = method.and_then(|name| Method::from_bytes(name.to_uppercase().as_bytes()).ok());
    let method = method.unwrap_or(if body.is_some() { Method::POST } else { Method::GET });
    let headers = headers(mix.kind, body.as_deref());
    Prepared { row, method, path, headers, body: body.map(Bytes::from).unwrap_or_default(), reading }
}

/// Where a kind is sent if nothing else is said, and how its answer is read.
fn usual(kind: Kind) -> (&'static str, Reading) {
    match kind {
        Kind::Chat => ("/v1/chat/completions", Reading::Chat),
        Kind::Stream => ("/v1/chat/completions", Reading::Stream),
        Kind::Embeddings => ("/v1/embeddings", Reading::Embeddings),
        Kind::Mcp => ("/mcp", Reading::Mcp),
        Kind::Rest => ("/", Reading::Any),
    }
}

/// The body that is made from the prompt; none for `rest`.
fn made(mix: &Mix, model: &str, words: &Words) -> Option<String> {
    let body = match mix.kind {
        Kind::Chat | Kind::Stream => chat(mix, model, words.prompt()),
        Kind::Embeddings => json!({"model": model, "input": words.prompt()}),
        Kind::Mcp => rpc(mix, words),
        Kind::Rest => return None,
    };
    Some(body.to_string())
}

fn chat(mix: &Mix, model: &str, prompt: &str) -> Value {
    let messages = json!([{"role": "user", "content": prompt}]);
    let mut body = json!({"model": model, "messages": messages, "stream": mix.kind == Kind::Stream});
    if let (Some(most), Some(body)) = (mix.max_tokens, body.as_object_mut()) {
        body.insert("max_tokens".to_owned(), most.into());
    }
    body
}

/// A JSON-RPC message. Its id is the same in all of them: each user has a session of their own, and one call at a time.
fn rpc(mix: &Mix, words: &Words) -> Value {
    let Some(tool) = &mix.tool else { return json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}) };
    let arguments = words.fill_table(mix.arguments.iter().flatten());
    json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}})
}

/// The body that the scenario spells out. Nothing but the words changes in it, and what stands for them stays within its
/// quotes where the body is JSON.
fn written(kind: Kind, body: &str, words: &Words) -> String {
    let json = words.fill(body, for_json);
    if kind != Kind::Rest || is_json(&json) { json } else { words.fill(body, as_it_is) }
}

fn headers(kind: Kind, body: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(body) = body {
        let json = kind != Kind::Rest || is_json(body);
        let content_type = if json { "application/json" } else { "text/plain; charset=utf-8" };
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    headers
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

fn count(of: usize) -> u32 {
    u32::try_from(of).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests;
