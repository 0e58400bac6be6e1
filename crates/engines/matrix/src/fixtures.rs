//! What the tests of this room share: engines made from settings text, questions, and their outcomes.

use crate::{AskError, Matrix, Outcome, Report};
use bytes::Bytes;
use caller::{Caller, Guest};
use futures_util::StreamExt;
use measure::Metrics;
use models::{Kind, ModelError};
use serde_json::{Value, json};
use settings::Settings;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use wire::openai::{ChatReply, ChatRequest, Limits};

/// Generous: only a failing test ever waits this long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);
pub(crate) const KINDS: [Kind; 2] = [models::openai::KIND, models::scripted::KIND];
/// The fewest waits between retries that settings allow.
pub(crate) const QUICK: &str = "[guard]\nbackoff_base_ms = 2\nbackoff_max_ms = 20\n";

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

pub(crate) fn settings(text: &str) -> Settings {
    toml::from_str(text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

pub(crate) fn metrics() -> Arc<Metrics> {
    Metrics::new("0")
}

pub(crate) fn matrix(text: &str) -> Matrix {
    Matrix::new(&settings(text), KINDS.to_vec(), metrics()).unwrap()
}

/// A provider `name` at `url` that offers `m` for one dollar per million tokens.
pub(crate) fn provider(name: &str, url: &str) -> String {
    format!(
        "[[provider]]\nname = \"{name}\"\nkind = \"openai\"\nbase_url = \"{url}\"\n\
         models = [{{ name = \"m\", price = {{ input = 1, output = 1 }} }}]\n"
    )
}

/// A route `r` over the model `m` of each provider.
pub(crate) fn route(providers: &[&str]) -> String {
    let models: Vec<String> = providers.iter().map(|name| format!("\"{name}/m\"")).collect();
    format!("[[route]]\nname = \"r\"\nrules = [{{ models = [{}] }}]\n", models.join(", "))
}

/// Scripted models `s/a`, `s/b`, … of a family each, with a panel `p` over all of them in that order.
pub(crate) fn panel(scripts: &[&str], keys: &str) -> String {
    let mut text = "[[provider]]\nname = \"s\"\nkind = \"scripted\"\nmodels = [\n".to_owned();
    for (name, script) in names().zip(scripts) {
        let _ = writeln!(text, "{{ name = \"{name}\", family = \"of-{name}\", script = {{ {script} }} }},");
    }
    let members: Vec<String> = names().take(scripts.len()).map(|name| format!("\"s/{name}\"")).collect();
    let members =
        if keys.contains("members") { String::new() } else { format!("members = [{}]\n", members.join(", ")) };
    text + &format!("]\n[[panel]]\nname = \"p\"\n{members}{keys}\n")
}

pub(crate) fn names() -> impl Iterator<Item = char> {
    'a'..='z'
}

/// A script that says `text` after `after_ms`.
pub(crate) fn says(text: &str, after_ms: u64) -> String {
    format!("answers = [{text:?}], latency = {{ ms = {after_ms} }}")
}

pub(crate) const HANGS: &str = "hang_rate = 1.0";
pub(crate) const FAILS: &str = "error_rate = 1.0, error_status = 501";

/// A panel `p` of scripts that say each text after its time.
pub(crate) fn panel_saying(answers: &[(&str, u64)], keys: &str) -> String {
    let scripts: Vec<String> = answers.iter().map(|(text, after)| says(text, *after)).collect();
    panel(&scripts.iter().map(String::as_str).collect::<Vec<_>>(), keys)
}

pub(crate) fn caller(within: Duration) -> Caller {
    Caller {
        request_id: "req-1".into(),
        deadline: Instant::now() + within,
        guest: Guest::local(),
        wishes: caller::Wishes::default(),
    }
}

pub(crate) fn question(model: &str) -> ChatRequest {
    ChatRequest::from_prompt(model, "What is the answer?")
}

pub(crate) fn request(body: &Value) -> ChatRequest {
    let limits = Limits { n_max: 16, messages_max: 100 };
    ChatRequest::parse(Bytes::from(body.to_string()), &limits).unwrap()
}

/// A question with further members in its body.
pub(crate) fn question_with(model: &str, more: &Value) -> ChatRequest {
    let mut body = json!({ "model": model, "messages": [{ "role": "user", "content": "What is the answer?" }] });
    for (key, value) in more.as_object().unwrap() {
        body[key] = value.clone();
    }
    request(&body)
}

pub(crate) fn streamed(model: &str) -> ChatRequest {
    question_with(model, &json!({ "stream": true }))
}

pub(crate) async fn ask_within(
    matrix: &Matrix,
    model: &str,
    within: Duration,
) -> Result<(ChatReply, Report), AskError> {
    whole(matrix.ask(&caller(within), &question(model)).await)
}

pub(crate) async fn ask(matrix: &Matrix, model: &str) -> Result<(ChatReply, Report), AskError> {
    ask_within(matrix, model, PATIENCE).await
}

pub(crate) fn whole(outcome: Result<Outcome, AskError>) -> Result<(ChatReply, Report), AskError> {
    outcome.map(|outcome| match outcome {
        Outcome::Whole { reply, report, .. } => (*reply, *report),
        Outcome::Stream { .. } => panic!("a stream that nobody asked for"),
    })
}

/// What a stream said, how it ended, and its report.
pub(crate) struct Told {
    pub(crate) text: String,
    pub(crate) error: Option<ModelError>,
    pub(crate) report: Report,
}

pub(crate) async fn ask_streamed(matrix: &Matrix, model: &str) -> Result<Told, AskError> {
    let outcome = matrix.ask(&caller(PATIENCE), &streamed(model)).await?;
    let Outcome::Stream { mut stream, report, .. } = outcome else { panic!("a whole reply to a stream") };
    let (mut text, mut error) = (String::new(), None);
    while let Some(block) = stream.next().await {
        match block {
            Ok(block) => text.push_str(std::str::from_utf8(&block).unwrap()),
            Err(failed) => error = Some(failed),
        }
    }
    Ok(Told { text, error, report: *report })
}

/// The error of a question that must not be answered.
pub(crate) async fn fails(matrix: &Matrix, model: &str) -> AskError {
    match ask(matrix, model).await {
        Ok((reply, _)) => panic!("answered: {}", reply.answer()),
        Err(error) => error,
    }
}
