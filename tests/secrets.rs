//! No secret in anything that the server writes: replies, logs, figures, files, the output of its commands.
//!
//! Secrets are planted, errors of every kind are made to happen, and then every byte that was written is searched.

mod written;

use crate::support::{Ended, Place, Response, Server, ask, ask_with, call_tool, provider, question, until};
use serde_json::{Value, json};
use std::fs;
use std::net::SocketAddr;
use std::process::Command;
use testkit::{Reply, Seen, Upstream};
use written::Written;

/// The keys of two providers: one in a variable and one in a file. One looks like a key, the other like a plain word.
const PROVIDER_KEYS: [&str; 2] = ["sk-Planted/provider+key=0123456789", "planted_provider_word_42"];
/// What hashes keys.
const ACCESS_SECRET: &str = "planted access secret, long enough";
/// What a person asks, and what is answered.
const PROMPT: &str = "planted-prompt: how do I tell my boss that I am leaving?";
const ANSWER: &str = "planted-answer: tell it plainly";
/// A token of somebody.
const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJwbGFudGVkIn0.cGxhbnRlZC1zaWduYXR1cmU";
/// A password of a database.
const PASSWORD: &str = "planted%40database+pass";

impl Written {
    /// Fails where any secret is written that was planted here.
    fn holds_none_of(&self, keys: &Keys) {
        let answered = |name: &str| name.ends_with("/good: 200");
        assert!(!self.text("an answer", ANSWER, |_| false).is_empty(), "what is searched for is found where it is");
        let mut found = self.text("the secret of keys", ACCESS_SECRET, |_| false);
        found.extend(PROVIDER_KEYS.iter().flat_map(|key| self.text("a provider's key", key, |_| false)));
        found.extend(keys.others.iter().chain([&keys.admin]).flat_map(|key| self.key(key)));
        found.extend(self.text("a prompt", PROMPT, |_| false));
        found.extend(self.text("an answer", ANSWER, answered));
        assert!(found.is_empty(), "{} times:\n{}", found.len(), found.join("\n\n"));
    }
}

/// What an upstream was sent, as it says it back.
fn echo(seen: &Seen) -> String {
    format!("{} {}", seen.header("authorization").unwrap_or_default(), String::from_utf8_lossy(&seen.body))
}

/// An upstream that says back what it was sent, in every place that a reply has.
fn indiscreet(seen: &Seen) -> Reply {
    let (said, key) = (echo(seen), seen.header("authorization").unwrap_or_default().replace("Bearer ", ""));
    let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
    let model = body["model"].as_str().unwrap_or("status-401");
    let reply = match model.split_once('-') {
        Some(("status", status)) => Reply::error(status.parse().unwrap(), "invalid_api_key", &said),
        Some(("code", _)) => Reply::json(401, &json!({ "error": { "code": key, "type": key, "message": said } })),
        Some(("text", _)) => Reply::body(500, "text/plain", said.clone()),
        Some(("html", _)) => Reply::body(200, "application/json", format!("<html>{said}</html>")),
        Some(("away", _)) => Reply::body(307, "text/plain", "").header("location", &format!("http://{key}.example/")),
        Some(("late", _)) => Reply::stream(&[&json!({ "error": { "code": key, "message": said } }).to_string()]),
        Some(("cut", _)) => Reply::chat(&said).cut_after(0, 40),
        _ if body["stream"] == true => Reply::chat_stream(&[ANSWER]),
        _ => Reply::chat(ANSWER),
    };
    reply.header("x-echo", &key).header("www-authenticate", &key).header("x-request-id", &key)
}

const MODELS: [&str; 14] = [
    "good",
    "status-400",
    "status-401",
    "status-403",
    "status-404",
    "status-422",
    "status-429",
    "status-500",
    "status-503",
    "code-401",
    "text-500",
    "html-200",
    "away-307",
    "late-200",
];

/// A place with every secret planted, and the variables that hold some of them.
fn planted(upstream: &Upstream) -> Place {
    let place = Place::new("");
    let file = place.path().join("provider.key");
    fs::write(&file, PROVIDER_KEYS[1]).unwrap();
    let [by_env, by_file] = ["byenv", "byfile"].map(|name| provider(name, &upstream.url(), &MODELS));
    let settings = format!(
        "[access]\nsecret = 'env:ACCESS_SECRET'\nwrong_keys_per_s = 1000000\n[ledger]\nflush_ms = 20\n\
         [guard]\nattempts_max = 1\nbreaker_failures = 1000\npark_ms_max = 0\n[cache]\nnegative_s = 0\n\
         {by_env}api_key = 'env:PROVIDER_KEY'\n{by_file}api_key = 'file:{}'\n",
        file.display()
    );
    fs::write(place.config(), settings).unwrap();
    place
}

fn variables(command: &mut Command) {
    command.env("PROVIDER_KEY", PROVIDER_KEYS[0]).env("ACCESS_SECRET", ACCESS_SECRET);
}

/// Runs a command with the planted variables.
fn run(place: &Place, arguments: &[&str]) -> Ended {
    let mut command = if arguments[0] == "config" { place.command(arguments) } else { place.on_data(arguments) };
    variables(&mut command);
    Ended::of(command)
}

fn made(place: &Place, arguments: &[&str]) -> Value {
    run(place, &[&["keys", "create", "--json", "--role"], arguments].concat()).good()
}

fn asked(model: &str, stream: bool) -> Value {
    let mut body = question(model, stream);
    body["messages"][0]["content"] = PROMPT.into();
    body
}

/// Asks every model of both providers, whole and streamed.
async fn ask_everything(address: SocketAddr, key: &str, written: &mut Written) {
    for provider in ["byenv", "byfile"] {
        for model in MODELS {
            for stream in [false, true] {
                let body = asked(&format!("{provider}/{model}"), stream);
                let reply = ask(address, key, "POST", "/v1/chat/completions", Some(&body)).await;
                assert_eq!(reply.status == 200, model == "good", "{model}: {}", reply.text());
                written.reply(&format!("{provider}/{model}"), &reply);
            }
        }
    }
}

/// Paths into which somebody has typed a key of ours.
fn paths(key: &str) -> Vec<(&'static str, String)> {
    if !key.starts_with("alth_") {
        return Vec::new();
    }
    vec![
        ("GET", format!("/v1/models?key={key}")),
        ("GET", format!("/v1/models/{key}")),
        ("GET", format!("/v1/{key}")),
        ("GET", format!("/api/v1/keys?cursor={key}")),
        ("GET", format!("/api/v1/keys?{key}=1")),
        ("GET", format!("/api/v1/{key}")),
        ("GET", format!("/api/v1/keys/{key}/x")),
        ("PATCH", format!("/api/v1/keys/{key}")),
        ("GET", format!("/api/v1/keys/{key}")),
        ("GET", format!("/{key}")),
        ("GET", format!("/mcp/s/{key}")),
    ]
}

/// Sends every credential to places where it does not belong, and where it does.
async fn misplace(address: SocketAddr, admin: &str, keys: &[String], written: &mut Written) {
    for key in keys {
        let bearer = format!("Bearer {key}");
        for headers in [
            &[("x-api-key", key.as_str())][..],
            &[("authorization", &bearer)],
            &[("authorization", key)],
            &[("authorization", &bearer), ("x-api-key", admin)],
            &[("x-api-key", admin), ("cookie", key), ("x-key", key), ("mcp-session-id", key)],
        ] {
            for line in ["GET /v1/models", "GET /api/v1/keys", "POST /mcp", "GET /nowhere", "GET /livez"] {
                written.reply(line, &ask_with(address, line, headers, b"{").await);
            }
        }
        for (method, path) in paths(key) {
            let reply = ask(address, admin, method, &path, None).await;
            written.reply(&format!("{method} {}", &path[..20.min(path.len())]), &reply);
        }
    }
}

/// Asks through a tool, in the protocol without sessions.
async fn call_ask(address: SocketAddr, key: &str) -> Response {
    let arguments = json!({ "prompt": PROMPT, "model": "byenv/code-401" });
    let reply = call_tool(address, key, "ask", &arguments).await;
    assert!(reply.status == 200 && reply.text().contains("no_model_answered"), "{}", reply.text());
    reply
}

async fn tell_everything(server: &Server, admin: &str, written: &mut Written) {
    for path in [
        "/",
        "/metrics",
        "/readyz",
        "/api/openapi.json",
        "/v1/models",
        "/api/v1/keys",
        "/api/v1/audit",
        "/api/v1/calls",
        "/api/v1/usage",
        "/api/v1/budgets",
        "/api/v1/prompts",
        "/api/v1/flags",
    ] {
        written.reply(path, &ask(server.address(), admin, "GET", path, None).await);
    }
}

/// The keys of callers: one that rules, and those that are sent to where they do and do not belong.
struct Keys {
    admin: String,
    others: Vec<String>,
}

impl Keys {
    fn make(place: &Place) -> Self {
        let text = |made: &Value| made["key"].as_str().unwrap().to_owned();
        let (admin, user) = (text(&made(place, &["admin"])), text(&made(place, &["user"])));
        let expired = text(&made(place, &["user", "--expires", "1s"]));
        let revoked = made(place, &["user"]);
        run(place, &["keys", "revoke", revoked["id"].as_str().unwrap()]);
        let forged = format!("{}{}", &user[..55], if user.ends_with('A') { 'B' } else { 'A' });
        let strange = ["sk-planted-8f3a61c2e5", TOKEN].map(str::to_owned);
        Self { admin, others: [user, text(&revoked), expired, forged].into_iter().chain(strange).collect() }
    }

    /// A key with which models may be asked.
    fn user(&self) -> &str {
        &self.others[0]
    }
}

/// What is no chat is not repeated either.
async fn ask_oddly(address: SocketAddr, key: &str, written: &mut Written) {
    let odd = json!({ "model": "byenv/good", "messages": [{ "role": "planted", "content": { "x": PROMPT } }] });
    for body in [odd.to_string(), format!("{{\"{PROMPT}\"")] {
        let reply = ask_with(address, "POST /v1/chat/completions", &[("x-api-key", key)], body.as_bytes()).await;
        assert_eq!(reply.status, 400, "{}", reply.text());
        written.reply("no chat", &reply);
    }
}

/// Runs the commands that tell something, beside the server.
fn run_everything(place: &Place, written: &mut Written) {
    for arguments in [
        &["config", "show"][..],
        &["config", "show", "--json"],
        &["config", "check", "--json"],
        &["doctor", "--json", "--log", "trace"],
        &["keys", "list", "--json", "--log", "trace"],
        &["audit", "verify", "--json"],
        &["usage", "--json"],
        &["store", "check", "--json"],
        &["store", "backup"],
        &["ask", "--json", "--log", "trace", "-m", "byenv/code-401", PROMPT],
    ] {
        written.ended(&arguments.join(" "), &run(place, arguments));
    }
}

/// Waits until every question has been written down.
async fn calls_are_kept(address: SocketAddr, key: &str) {
    let calls = async || {
        let told = ask(address, key, "GET", "/api/v1/calls", None).await;
        (told.json()["items"].as_array().unwrap().len() >= 2 * 2 * MODELS.len()).then_some(())
    };
    until("the calls are written down", calls).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_that_is_written_holds_a_secret() {
    let upstream = Upstream::start(indiscreet).await;
    let place = planted(&upstream);
    let keys = Keys::make(&place);
    let server = place.start_with("127.0.0.1:0", |command| {
        variables(command);
        command.args(["--log", "trace"]);
    });
    let (address, mut written) = (server.address(), Written::default());
    ask_everything(address, keys.user(), &mut written).await;
    let sent = |key: &str| upstream.seen().iter().any(|seen| seen.header("authorization").unwrap().ends_with(key));
    assert!(PROVIDER_KEYS.iter().all(|key| sent(key)));
    misplace(address, &keys.admin, &keys.others, &mut written).await;
    written.reply("ask", &call_ask(address, &keys.admin).await);
    ask_oddly(address, &keys.admin, &mut written).await;
    calls_are_kept(address, &keys.admin).await;
    tell_everything(&server, &keys.admin, &mut written).await;
    run_everything(server.place(), &mut written);
    // As they lie there while the server runs, and as it leaves them.
    written.files(&server.place().data());
    fs::write(server.config(), format!("[access]\nsecret = '{ACCESS_SECRET}'\n")).unwrap();
    server.signal("HUP");
    until("a reload", async || server.log().contains("settings not reloaded").then_some(())).await;
    let (log, place) = server.left();
    assert!(log.contains("TRACE"), "the log is not as it was asked for");
    written.add("the log", log);
    written.files(&place.data());
    assert!(written.0.iter().any(|(name, bytes)| name.ends_with("althing.db") && bytes.len() > 4_096));
    written.holds_none_of(&keys);
}

/// Addresses of databases with the planted password, at which nobody answers, or not as a database does.
fn databases(odd: &Upstream) -> [String; 3] {
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let url = |scheme: &str, place: SocketAddr| format!("{scheme}://planted-user:{PASSWORD}@{place}/althing");
    [
        url("postgres", gone) + "?sslmode=disable",
        url("postgresql", odd.addr()) + &format!("?password={PASSWORD}"),
        url("mysql", gone),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_password_of_a_database_that_does_not_answer_is_not_told() {
    let mut written = Written::default();
    let fast = "acquire_ms = 300\n";
    let odd = Upstream::start(|_| Reply::bare().raw("nonsense")).await;
    for url in databases(&odd) {
        let literal = Place::new(&format!("[store]\n{fast}url = '{url}'\n"));
        let by_env = Place::new(&format!("[store]\n{fast}url = 'env:DB'\n"));
        let overridden = Place::new(&format!("[store]\n{fast}"));
        let profile = Place::new(&format!("[store]\n{fast}[profile.p.store]\nurl = '{url}'\n"));
        for (place, variable, more) in [
            (&literal, "NONE", &[][..]),
            (&by_env, "DB", &[]),
            (&overridden, "ALTHING__STORE__URL", &[]),
            (&profile, "NONE", &["--profile", "p"]),
        ] {
            for arguments in [
                &["up", "--bind", "127.0.0.1:0", "--log", "trace"][..],
                &["up", "--bind", "127.0.0.1:0", "--json"],
                &["doctor", "--log", "trace"],
                &["config", "show"],
                &["config", "show", "--json"],
                &["config", "check"],
            ] {
                let arguments = [arguments, more].concat();
                let mut command =
                    if arguments[0] == "config" { place.command(&arguments) } else { place.on_data(&arguments) };
                command.env(variable, &url);
                let ended = tokio::task::spawn_blocking(|| Ended::of(command)).await.unwrap();
                assert!(ended.code != Some(0) || arguments[0] == "config", "{ended:?}");
                written.ended(&arguments.join(" "), &ended);
            }
        }
    }
    let plain = PASSWORD.replace("%40", "@");
    let mut found = written.text("a password", PASSWORD, |_| false);
    found.extend(written.text("a password", &plain, |_| false));
    assert!(found.is_empty(), "{} times:\n{}", found.len(), found.join("\n\n"));
    assert!(
        !written.text("a user", "planted-user", |_| false).is_empty(),
        "whom the database was asked as is no secret"
    );
}

#[test]
fn a_secret_where_a_reference_belongs_is_not_repeated() {
    let mut written = Written::default();
    let secret = PROVIDER_KEYS[0];
    let head = "[[provider]]\nname = 'a'\nmodels = ['m']\n";
    for settings in [
        format!("{head}api_key = '{secret}'\n"),
        format!("{head}api_key = '{secret}\n"),
        format!("{head}api_key = ['{secret}']\n"),
        format!("{head}api_key = {{ value = '{secret}' }}\n"),
        format!("{head}api_kee = '{secret}'\n"),
        format!("{head}api_key = \"{secret}\" x\n"),
        format!("{head}api_key = {secret}\n"),
        format!("{head}headers = {{ authorization = '{secret}' }}\n"),
        format!("{head}base_url = 'http://user:{secret}@127.0.0.1:1/v1'\n"),
        format!("{head}base_url = 'http://127.0.0.1:1/v1?key={secret}'\n"),
        format!("{head}base_url = '127.0.0.1 {secret}'\n"),
        format!("[access]\nsecret = '{secret}'\n"),
        format!("[store]\nurl = 'postgress://ada:{secret}@127.0.0.1/db'\n"),
        format!("[store]\nurl = 'postgres://ada:{secret}@127.0.0.1/db' x\n"),
        format!("[store]\nurll = 'postgres://ada:{secret}@127.0.0.1/db'\n"),
    ] {
        let place = Place::new(&settings);
        for arguments in [
            &["config", "check"][..],
            &["config", "check", "--json"],
            &["config", "show"],
            &["config", "show", "--json"],
            &["doctor"],
            &["up", "--bind", "127.0.0.1:0"],
        ] {
            // What can be started would serve until it is told to stop: only what is refused is tried.
            let mut command = place.command(arguments);
            command.args((arguments[0] == "up").then_some(["--data", "/proc"]).into_iter().flatten());
            let ended = Ended::of(command);
            assert_eq!(ended.code, Some(3), "{arguments:?} of\n{settings}");
            written.ended(&format!("{arguments:?} of\n{settings}"), &ended);
        }
    }
    let found = written.text("a secret", secret, |_| false);
    assert!(found.is_empty(), "{} times:\n{}", found.len(), found.join("\n\n"));
}

#[tokio::test]
async fn what_is_erased_is_gone_from_the_file_too() {
    let upstream = Upstream::start(|_| Reply::chat(ANSWER)).await;
    let ledger = "[ledger]\nprompts = true\nflush_ms = 20\n";
    let place = Place::new(&format!("{ledger}{}", provider("kit", &upstream.url(), &["m"])));
    let admin = place.key("admin", "default");
    let server = place.start();
    let address = server.address();
    for _ in 0..20 {
        let reply = ask(address, &admin, "POST", "/v1/chat/completions", Some(&asked("kit/m", false))).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
    let kept = async || {
        let list = ask(address, &admin, "GET", "/api/v1/prompts", None).await.json();
        (list["items"].as_array().unwrap().len() == 20).then_some(())
    };
    until("prompts are kept", kept).await;
    let mut written = Written::default();
    written.files(&server.place().data());
    assert!(!written.text("a prompt", PROMPT, |_| false).is_empty(), "it is kept, as settings say");
    let erased = ask(address, &admin, "DELETE", "/api/v1/prompts?all=true", None).await;
    assert_eq!((erased.status, erased.json()), (200, json!({ "erased": 20 })));
    let place = server.stopped();
    let mut written = Written::default();
    written.files(&place.data());
    let found = [written.text("a prompt", PROMPT, |_| false), written.text("an answer", ANSWER, |_| false)].concat();
    assert!(found.is_empty(), "{} times:\n{}", found.len(), found.join("\n\n"));
}
