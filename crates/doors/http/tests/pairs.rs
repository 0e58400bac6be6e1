//! Golden transcripts of every pair: each dialect that clients speak against each protocol that providers speak.
//!
//! A snapshot shows what the provider was asked and what the client got, for words, tools, images, JSON by a schema,
//! thinking and errors, whole and streamed. Requests and replies are written from the public API documents.

#![allow(clippy::unwrap_used, reason = "the helpers of a test are a test too")]

#[path = "pairs/asked.rs"]
mod asked;
#[path = "pairs/provider.rs"]
mod provider;
#[path = "pairs/shown.rs"]
mod shown;

use asked::{Case, Client};
use axum::body::Body;
use caller::Guest;
use http::{HeaderMap, Request};
use http_body_util::BodyExt;
use http_door::{Admits, Admitted, App, Parts};
use matrix::Matrix;
use measure::Metrics;
use provider::Protocol;
use settings::Settings;
use std::fmt::Write as _;
use std::net::IpAddr;
use std::sync::Arc;
use testkit::Upstream;
use tower::ServiceExt;

struct Open;

impl Admits for Open {
    fn admit(&self, _: &HeaderMap, _: IpAddr) -> Admitted {
        Admitted::Now(Ok(Guest::local()))
    }
}

fn app(protocol: Protocol, upstream: &Upstream) -> App {
    let text = format!("[guard]\nattempts_max = 1\n{}", protocol.settings(upstream));
    let settings: Settings = toml::from_str(&text).unwrap();
    let metrics = Metrics::new("test");
    let kinds = vec![models::openai::KIND, models::anthropic::KIND, models::bedrock::KIND, models::ollama::KIND];
    let matrix = Arc::new(Matrix::new(&settings, kinds, Arc::clone(&metrics)).unwrap());
    App::new(Parts { matrix, metrics, server: settings.server, api: true, admits: Arc::new(Open), rows: Vec::new() })
}

/// One exchange: what the provider got and what the client got.
async fn exchange(client: Client, protocol: Protocol, case: Case, stream: bool) -> String {
    let upstream = Upstream::start(move |_| protocol.reply(case, stream)).await;
    let mut request = Request::post(client.path()).header("host", "localhost");
    if client == Client::Messages {
        request = request.header("anthropic-version", "2023-06-01").header("anthropic-beta", "test-2026-01-01");
    }
    let body = client.body(case, stream).to_string();
    let reply = app(protocol, &upstream).router().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    let (head, body) = reply.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut text = String::new();
    for seen in upstream.seen() {
        let _ = writeln!(text, "-> {} {}", seen.method, seen.path);
        for name in ["x-api-key", "anthropic-version", "anthropic-beta", "api-key"] {
            if let Some(value) = seen.header(name) {
                let _ = writeln!(text, "   {name}: {value}");
            }
        }
        let _ = writeln!(text, "{}", shown::json(&seen.body));
    }
    let id = head.headers.get("x-althing-request-id").and_then(|id| id.to_str().ok()).unwrap_or_default();
    let kind = head.headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let _ = writeln!(text, "<- {} {kind}", head.status.as_u16());
    let _ = writeln!(text, "{}", shown::reply(&body, kind, id));
    text
}

async fn transcripts(client: Client, protocol: Protocol) -> String {
    let mut text = String::new();
    for case in Case::ALL {
        for stream in [false, true] {
            let how = if stream { "streamed" } else { "whole" };
            let _ = writeln!(text, "## {case:?}, {how}\n\n{}", exchange(client, protocol, case, stream).await);
        }
    }
    text
}

macro_rules! pairs {
    ($($name:ident: $client:ident, $protocol:ident;)*) => {$(
        #[tokio::test]
        async fn $name() {
            insta::assert_snapshot!(transcripts(Client::$client, Protocol::$protocol).await);
        }
    )*};
}

pairs! {
    chat_to_openai: Chat, OpenAi;
    chat_to_anthropic: Chat, Anthropic;
    chat_to_bedrock: Chat, Bedrock;
    chat_to_ollama: Chat, Ollama;
    messages_to_openai: Messages, OpenAi;
    messages_to_anthropic: Messages, Anthropic;
    messages_to_bedrock: Messages, Bedrock;
    messages_to_ollama: Messages, Ollama;
    responses_to_openai: Responses, OpenAi;
    responses_to_anthropic: Responses, Anthropic;
    responses_to_bedrock: Responses, Bedrock;
    responses_to_ollama: Responses, Ollama;
    ollama_to_openai: Ollama, OpenAi;
    ollama_to_anthropic: Ollama, Anthropic;
    ollama_to_bedrock: Ollama, Bedrock;
    ollama_to_ollama: Ollama, Ollama;
}

/// Words, thoughts and calls reach every client from every provider, whole and streamed: a snapshot that somebody has
/// accepted by mistake does not hide a loss.
#[tokio::test]
async fn nothing_that_was_said_is_lost() {
    for client in Client::ALL {
        for protocol in Protocol::ALL {
            for (case, needles) in [
                (Case::Words, vec!["Paris"]),
                (Case::Tools, vec!["weather", "Berlin"]),
                (Case::Thinking, vec!["capital city", "Paris"]),
            ] {
                for stream in [false, true] {
                    let told = exchange(client, protocol, case, stream).await;
                    let reply = told.split("\n<- ").last().unwrap();
                    let joined = shown::joined(reply);
                    for needle in &needles {
                        let all = [reply, &joined].concat();
                        assert!(
                            all.contains(needle),
                            "{client:?} from {protocol:?}, {case:?}: no `{needle}` in {reply}"
                        );
                    }
                }
            }
        }
    }
}
