//! `althing cache`: the kept answers of a server that runs, seen, dropped, made beforehand.

use crate::cli::{Cache, CacheAt, Global};
use crate::exit::{DONE, FAILED, Failure, UNREACHABLE, USAGE};
use crate::print::{self, print};
use crate::progress;
use crate::wiring;
use http::{HeaderValue, Method, Request, Uri, header};
use net::{Client, ClientConfig};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use terminal::clean;

/// Where the server tells of its cache.
const PATH: &str = "/api/v1/cache";
/// The variable with a key for servers that want one.
const KEY: &str = "ALTHING_KEY";
/// How long the server may take for an answer at once.
const WITHIN: Duration = Duration::from_secs(10);
/// How long one part of the questions may take.
const WARM_WITHIN: Duration = Duration::from_secs(15 * 60);
/// The most bytes of an answer.
const BYTES_MAX: usize = 4 * 1024 * 1024;
/// Questions sent at once.
const PART: usize = 100;
/// Failures that are told in words.
const FAULTS_MAX: usize = 10;

/// Runs one of them.
pub(crate) fn run(global: &Global, asked: &Cache) -> Result<u8, Failure> {
    wiring::logs(global, "warn")?;
    match asked {
        Cache::Stats { at } => {
            let server = Server::find(global, at)?;
            let stats = wiring::run(server.ask(Method::GET, PATH, None, WITHIN))?;
            show(global, &stats, terminal::cache)?;
        }
        Cache::Drop { tag, tenant, at } => {
            let server = Server::find(global, at)?;
            let named = [("tag", tag), ("tenant", tenant)];
            let query: Vec<String> = named
                .iter()
                .filter_map(|(name, value)| Some(format!("{name}={}", escaped(value.as_deref()?))))
                .collect();
            let path = if query.is_empty() { PATH.to_owned() } else { format!("{PATH}?{}", query.join("&")) };
            let dropped = wiring::run(server.ask(Method::DELETE, &path, None, WITHIN))?;
            show(global, &dropped, terminal::dropped)?;
        }
        Cache::Warm { file, at } => return warm(global, file, at),
    }
    Ok(DONE)
}

fn warm(global: &Global, file: &Path, at: &CacheAt) -> Result<u8, Failure> {
    let questions = questions(file)?;
    let server = Server::find(global, at)?;
    let warmed = wiring::run(async {
        let mut all = json!({ "asked": 0, "made": 0, "kept": 0, "failed": 0, "faults": [] });
        for (at, part) in questions.chunks(PART).enumerate() {
            let body = json!({ "requests": part });
            let asked = server.ask(Method::POST, "/api/v1/cache/warm", Some(&body), WARM_WITHIN);
            let what = format!("asking questions {} to {}", at * PART + 1, at * PART + part.len());
            add(&mut all, &progress::wait(&what, asked).await??, at * PART);
        }
        Ok(all)
    })?;
    show(global, &warmed, terminal::warmed)?;
    Ok(if warmed["failed"].as_u64() == Some(0) { DONE } else { FAILED })
}

/// The questions of a file: a body of a chat in each line.
fn questions(file: &Path) -> Result<Vec<Value>, Failure> {
    let shown = file.display().to_string();
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::new(USAGE, format!("`{}` cannot be read: {error}", clean(&shown))))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let question = |(at, line): (usize, &str)| {
        serde_json::from_str::<Value>(line).ok().filter(Value::is_object).ok_or_else(|| {
            Failure::new(USAGE, format!("line {} of `{}` is no JSON object", at + 1, clean(&shown)))
                .hint("write the body of a chat into each line, as for `/v1/chat/completions`")
        })
    };
    lines.map(question).collect()
}

/// Adds what came of one part to what came of all; `before` questions were sent earlier.
fn add(all: &mut Value, part: &Value, before: usize) {
    for name in ["asked", "made", "kept", "failed"] {
        let number = |value: &Value| value[name].as_u64().unwrap_or_default();
        all[name] = json!(number(all) + number(part));
    }
    let Some(faults) = all["faults"].as_array_mut() else { return };
    let more = part["faults"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for fault in more {
        // The server counts from the beginning of its part.
        let counted = fault.strip_prefix("question ").and_then(|rest| rest.split_once(": "));
        let numbered = counted.and_then(|(at, fault)| Some((at.parse::<usize>().ok()?, fault)));
        if faults.len() < FAULTS_MAX {
            faults.push(match numbered {
                Some((at, fault)) => json!(format!("question {}: {fault}", before + at)),
                None => json!(fault),
            });
        }
    }
}

fn show(global: &Global, value: &Value, words: fn(&Value) -> String) -> Result<(), Failure> {
    if global.json { print::json(value) } else { print(&words(value)) }
}

/// A text as it may stand in a query.
fn escaped(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' | b'/' => char::from(byte).to_string(),
        other => format!("%{other:02X}"),
    };
    text.bytes().map(one).collect()
}

/// A server that runs.
struct Server {
    root: String,
    key: Option<String>,
}

impl Server {
    /// The one that was named, else the one of the settings.
    fn find(global: &Global, at: &CacheAt) -> Result<Self, Failure> {
        let root = match &at.target {
            Some(root) => root.trim_end_matches('/').to_owned(),
            None => {
                let ready = wiring::load(wiring::source(global, None))?;
                let server = &ready.loaded.settings.server;
                let scheme = if server.tls.is_some() { "https" } else { "http" };
                // What is listened on may be every address of the machine; what can be called is one.
                let bind = server.bind.replace("0.0.0.0:", "127.0.0.1:").replace("[::]:", "[::1]:");
                format!("{scheme}://{bind}")
            }
        };
        let key = std::env::var(KEY).ok().filter(|key| !key.trim().is_empty());
        Ok(Self { root, key })
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>, within: Duration) -> Result<Value, Failure> {
        let wrong = || Failure::new(USAGE, format!("`{}` is no address of a server", clean(&self.root)));
        let uri: Uri = format!("{}{path}", self.root).parse().map_err(|_| wrong())?;
        if uri.scheme().is_none() || uri.host().is_none() {
            return Err(wrong().hint("write `http://HOST:PORT`"));
        }
        let bytes = body.map(Value::to_string).unwrap_or_default().into();
        let mut request = Request::new(http_body_util::Full::new(bytes));
        (*request.method_mut(), *request.uri_mut()) = (method, uri.clone());
        request.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(key) = &self.key {
            let value = HeaderValue::from_str(&format!("Bearer {}", key.trim()));
            let mut value = value.map_err(|_| Failure::new(USAGE, format!("what {KEY} holds is no key")))?;
            value.set_sensitive(true);
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let away = |why: String| {
            Failure::new(UNREACHABLE, format!("no server answers at `{}`: {why}", clean(&self.root)))
                .hint("start one with `althing up`, or name it with `--target`")
        };
        let asked = async {
            let response = Client::new(&uri, &ClientConfig::default()).send(request).await?;
            let status = response.status();
            Ok::<_, net::NetError>((status, net::collect(response.into_body(), BYTES_MAX).await?))
        };
        let told = tokio::time::timeout(within, asked).await;
        let (status, body) =
            told.map_err(|_| away("it takes too long".to_owned()))?.map_err(|e| away(e.to_string()))?;
        let answer = serde_json::from_slice::<Value>(&body).unwrap_or_default();
        if status.is_success() {
            return Ok(answer);
        }
        let text = |name: &str| answer[name].as_str().map(clean);
        let message =
            text("detail").or_else(|| text("title")).unwrap_or_else(|| format!("the server answers {status}"));
        let hint = match status.as_u16() {
            401 | 403 => Some(format!("put the key of an operator into {KEY}")),
            _ => text("hint"),
        };
        let failure = Failure::new(FAILED, message);
        Err(match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_add_up_and_questions_keep_their_numbers() {
        let mut all = json!({ "asked": 0, "made": 0, "kept": 0, "failed": 0, "faults": [] });
        let part = |failed| json!({ "asked": 3, "made": 1, "kept": 1, "failed": failed, "faults": ["question 2: `model` is missing"] });
        add(&mut all, &part(1), 0);
        add(&mut all, &part(1), 100);
        assert_eq!(
            all,
            json!({ "asked": 6, "made": 2, "kept": 2, "failed": 2,
                "faults": ["question 2: `model` is missing", "question 102: `model` is missing"] })
        );
        assert!(terminal::warmed(&all).starts_with("6 asked: 2 answered and kept, 2 kept already, 2 failed\n"));
    }

    #[test]
    fn tiers_are_told_in_a_table() {
        let stats = json!({ "lookups": 10, "hits": 9, "hit_rate": 0.9, "shared": 1, "tiers": [
            { "tier": "memory", "on": true, "entries": 3, "bytes": 1_572_864, "lookups": 10, "hits": 9, "hit_rate": 0.9 },
            { "tier": "disk", "on": false, "lookups": 0, "hits": 0, "hit_rate": null },
        ] });
        let text = terminal::cache(&stats);
        assert!(text.contains("memory            3          1.5           10     90.0 %\n"), "{text}");
        assert!(text.contains("disk            off\n"), "{text}");
    }

    #[test]
    fn tags_survive_a_query() {
        assert_eq!(escaped("a/b c&d=é"), "a/b%20c%26d%3D%C3%A9");
    }
}
