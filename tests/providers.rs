//! Providers as an operator meets them: how they are doing, what they cost, how much they take, and settings that
//! come from elsewhere.

use crate::support::{
    Ended, Place, Response, Server, Simulate, ask, chat, get, nobody, post, provider, question, until,
};
use serde_json::{Value, json};
use testkit::{Reply, Upstream};
use tokio::task::block_in_place;

const SCRIPT: &str = "[models.slow]\nanswers = [\"one two three four five\"]\ntoken_ms = 5\n";
/// Streams that are asked before figures are looked at.
const STREAMS: usize = 20;

/// A provider that works, one that knows no key, and one that is not there.
async fn trio() -> (Simulate, Upstream, String) {
    let simulate = Simulate::start(SCRIPT);
    let locked = Upstream::start(|_| Reply::error(401, "invalid_api_key", "SECRET")).await;
    let config = [
        "[guard]\nattempts_max = 1\nbreaker_failures = 2\n",
        &provider("well", &simulate.url(), &["slow"]),
        "in_flight_max = 7\nqueue_max = 9\ntimeout_ms = 5000\nconnect_ms = 700\npool_max = 3\n",
        &provider("locked", &locked.url(), &["m"]),
        &provider("dead", &nobody(), &["m"]),
    ];
    let config = config.concat();
    (simulate, locked, config)
}

async fn asked_with(server: &Server, key: &str, model: &str, stream: bool) -> Response {
    ask(server.address(), key, "POST", "/v1/chat/completions", Some(&question(model, stream))).await
}

fn named<'a>(page: &'a Value, name: &str) -> &'a Value {
    let items = page["items"].as_array().unwrap();
    items.iter().find(|item| item["name"] == name).unwrap_or_else(|| panic!("{name}: {page}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_sees_how_providers_are_doing() {
    let (_simulate, locked, config) = trio().await;
    let place = Place::new(&config);
    let (operator, user) = (place.key("operator", "default"), place.key("user", "default"));
    let server = place.start();
    let path = "/api/v1/providers";
    let refused = ask(server.address(), &user, "GET", path, None).await;
    assert_eq!((refused.status, refused.json()["code"].as_str()), (403, Some("role_too_low")), "{}", refused.text());
    let unseen = ask(server.address(), &operator, "GET", &format!("{path}?look=false"), None).await.json();
    assert_eq!(named(&unseen, "well")["reachable"], Value::Null, "nobody has looked: {unseen}");

    for _ in 0..STREAMS {
        assert!(asked_with(&server, &user, "well/slow", true).await.is_done());
    }
    for _ in 0..3 {
        assert_eq!(asked_with(&server, &user, "dead/m", false).await.status, 503);
    }
    let page = ask(server.address(), &operator, "GET", path, None).await;
    assert!(!page.text().contains("SECRET"), "{}", page.text());
    let page = page.json();
    let (well, model) = (named(&page, "well"), &named(&page, "well")["models"][0]);
    assert_eq!((&well["reachable"], &well["authorised"]), (&json!(true), &json!(true)), "{well}");
    let limits = json!({ "in_flight_max": 7, "queue_max": 9, "timeout_ms": 5000, "connect_ms": 700, "pool_max": 3 });
    assert_eq!(well["limits"], limits);
    assert_eq!((&model["calls"], &model["error_rate"]), (&json!(STREAMS), &json!(0.0)), "{model}");
    assert_eq!((&model["breaker"], &model["in_flight"]), (&json!("closed"), &json!(0)), "{model}");
    for times in ["first_token_ms", "answer_ms"] {
        let at = |share: &str| model[times][share].as_f64().unwrap_or_else(|| panic!("{times} {share}: {model}"));
        assert!(at("p50") > 0.0 && at("p50") <= at("p90") && at("p95") <= at("p99"), "{model}");
    }
    // Five words 5 ms apart: the end is at least 20 ms behind the first word.
    let p50 = |times: &str| model[times]["p50"].as_f64().unwrap();
    assert!(p50("answer_ms") - p50("first_token_ms") >= 19.0, "{model}");

    let (shut, dead) = (named(&page, "locked"), named(&page, "dead"));
    assert_eq!((&shut["reachable"], &shut["authorised"]), (&json!(true), &json!(false)), "{shut}");
    assert_eq!((&dead["reachable"], &dead["authorised"]), (&json!(false), &Value::Null), "{dead}");
    let model = &dead["models"][0];
    assert_eq!((&model["breaker"], &model["failed"]), (&json!("open"), &json!(2)), "{model}");
    // A look is good for a while, however often it is asked for.
    let looks = locked.seen().len();
    ask(server.address(), &operator, "GET", path, None).await;
    assert_eq!(locked.seen().len(), looks);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_tells_dead_from_locked_from_healthy() {
    let (simulate, _locked, config) = trio().await;
    let place = Place::new(&config);
    let ended = block_in_place(|| place.run(&["doctor"]));
    assert_eq!(ended.code, Some(4), "{ended:?}");
    let told: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(told["ok"], false);
    let check = |name: &str, status: &str, words: &[&str], fix: &str| {
        let checks = told["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("{name}: {told}"));
        assert_eq!(check["status"], status, "{check}");
        let detail = check["detail"].as_str().unwrap();
        assert!(words.iter().all(|word| detail.contains(word)), "{check}");
        assert!(check["fix"].as_str().unwrap_or_default().contains(fix), "{check}");
    };
    check("provider well", "ok", &["answers in", "1 model"], "");
    check("provider locked", "fail", &["refuses the key with 401"], "give it a key");
    check("provider dead", "fail", &["refused"], "");
    assert!(!ended.stdout.contains("SECRET"));

    let healthy = provider("well", &simulate.url(), &["slow"]) + "[alias]\n\"claude-*\" = \"well/slow\"\n";
    let ended = block_in_place(|| Place::new(&healthy).run(&["doctor"]));
    assert_eq!((ended.code, &ended.good()["ok"]), (Some(0), &json!(true)));
    let wrong = healthy.replace("= \"well/slow\"", "= \"well/slw\"");
    let ended = block_in_place(|| Place::new(&wrong).told(&["doctor"]));
    assert_eq!(ended.code, Some(3), "{ended:?}");
    let text = ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("alias `claude-*` names the model `well/slw`"), "{}", ended.stdout);
}

/// A reply with these counts.
fn counted(usage: &Value) -> Reply {
    let message = json!({ "role": "assistant", "content": "hi" });
    let choices = json!([{ "index": 0, "message": message, "finish_reason": "stop" }]);
    let body = json!({ "id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": choices, "usage": usage });
    Reply::json(200, &body)
}

/// 1000 read, 400 of them from a cache; 500 written, 200 of them for nobody.
fn usage() -> Value {
    json!({
        "prompt_tokens": 1000, "completion_tokens": 500, "total_tokens": 1500,
        "prompt_tokens_details": { "cached_tokens": 400 }, "completion_tokens_details": { "reasoning_tokens": 200 },
    })
}

#[tokio::test]
async fn what_long_requests_cost_is_shown_beside_the_rest() {
    let upstream = Upstream::start(|_| Reply::chat("hi")).await;
    let price = "price = { input = 1.50, output = 10, cached_write_hour = 3, \
                 long = { above_tokens = 200_000, input = 3, output = \"15.0\" } }";
    let entries = format!("models = [{{ name = \"m\", {price} }}, \"free\"]\n");
    let server = Server::start(&provider("kit", &upstream.url(), &[]).replace("models = []\n", &entries));
    let page = get(server.address(), "/api/v1/providers?look=false").await.json();
    let models = &named(&page, "kit")["models"];
    let price = json!({
        "input": "1.5", "output": "10", "cached": null, "cached_write": null, "cached_write_hour": "3",
        "reasoning": null, "request": null,
        "long": {
            "above_tokens": 200_000, "input": "3", "output": "15", "cached": null, "cached_write": null,
            "cached_write_hour": null, "reasoning": null, "request": null,
        },
    });
    assert_eq!((&models[0]["price"], &models[1]["price"]), (&price, &Value::Null));
}

#[tokio::test]
async fn cached_and_reasoning_tokens_cost_what_was_reckoned_by_hand() {
    let upstream = Upstream::start(|_| counted(&usage())).await;
    let price = "price = { input = \"2.5\", output = 10, cached = \"0.25\", reasoning = 12 }";
    let entries = format!("models = [{{ name = \"m\", {price} }}, \"free\"]\n");
    let server = Server::start(&provider("kit", &upstream.url(), &[]).replace("models = []\n", &entries));
    let reply = chat(server.address(), &question("kit/m", false)).await.finish().await;
    // 600 × 2.5 + 400 × 0.25 + 300 × 10 + 200 × 12 = 1500 + 100 + 3000 + 2400 millionths.
    assert_eq!(reply.header("x-althing-cost-usd"), Some("0.007"), "{}", reply.text());
    assert_eq!(reply.json()["althing"]["cost_usd"], 0.007);
    let reply = chat(server.address(), &question("kit/free", false)).await.finish().await;
    assert_eq!((reply.status, reply.header("x-althing-cost-usd")), (200, None));
    assert_eq!(reply.json()["althing"]["cost_usd"], Value::Null, "unknown is not free: {}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_price_counts_without_a_restart() {
    let upstream = Upstream::start(|_| counted(&usage())).await;
    let place = Place::new(&(provider("kit", &upstream.url(), &["never-heard-of"]) + "prices = \"openai\"\n"));
    let server = place.start();
    let cost = async || {
        let reply = chat(server.address(), &question("kit/never-heard-of", false)).await.finish().await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.header("x-althing-cost-usd").map(str::to_owned)
    };
    assert_eq!(cost().await, None);
    let file = server.place().path().join("new.toml");
    let model = "never-heard-of = { input = 1, output = 2, cached = \"0.5\" }";
    let list = format!("[openai]\nsource = \"https://example.org\"\ndate = \"2026-11-20\"\n[openai.models]\n{model}\n");
    std::fs::write(&file, list).unwrap();
    let file = file.to_str().unwrap();
    let run = |arguments: &[&str]| block_in_place(|| server.place().run(arguments).good());
    let tried = run(&["prices", "update", file, "--dry-run"]);
    assert_eq!((&tried["new"], &tried["written"]), (&json!(1), &Value::Null), "{tried}");
    let tried = block_in_place(|| server.place().run(&["prices", "list", "never-heard-of"]));
    assert!(!tried.stdout.contains("\"never-heard-of\""), "{tried:?}");
    assert_eq!(run(&["prices", "update", file])["new"], 1);
    let listed = run(&["prices", "list", "never-heard-of"]);
    assert!(listed.to_string().contains("\"input\":\"1\""), "{listed}");
    // 600 × 1 + 400 × 0.5 + 500 × 2 = 1800 millionths.
    until("the new price", async || (cost().await.as_deref() == Some("0.0018")).then_some(())).await;
    let gone = block_in_place(|| server.place().run(&["prices", "update", "/nowhere/at/all"]));
    assert_eq!(gone.code, Some(1), "{gone:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_litellm_start_a_server() {
    let upstream = Upstream::start(|seen| {
        let asked = seen.json();
        assert_eq!(seen.header("authorization"), Some("Bearer opens"));
        Reply::chat(&format!("by {}", asked["model"].as_str().unwrap()))
    })
    .await;
    let place = Place::new("");
    let url = upstream.url();
    let yaml = format!(
        "model_list:\n  - model_name: gpt-4o\n    litellm_params: {{ model: openai/big, api_base: '{url}', api_key: os.environ/UP_KEY }}\n  \
         - model_name: cheap\n    litellm_params: {{ model: openai/small, api_base: '{url}', api_key: sk-LITERAL-123456 }}\n"
    );
    let (from, out) = (place.path().join("litellm.yaml"), place.path().join("imported.toml"));
    std::fs::write(&from, yaml.replace("sk-LITERAL-123456", "os.environ/UP_KEY")).unwrap();
    let arguments = ["config", "import", from.to_str().unwrap(), "--out", out.to_str().unwrap()];
    let told = block_in_place(|| Ended::of(place.command(&[&arguments[..], &["--json"]].concat()))).good();
    assert_eq!(told["from"], "litellm", "{told}");
    let toml = std::fs::read_to_string(&out).unwrap();
    assert!(toml.contains("env:UP_KEY"), "{toml}");
    let server = Place::new(&toml).start_with("127.0.0.1:0", |command| _ = command.env("UP_KEY", "opens"));
    for (name, by) in [("gpt-4o", "by big"), ("cheap", "by small")] {
        let reply = chat(server.address(), &question(name, false)).await.finish().await;
        assert_eq!(reply.content(), by, "{name}: {}", reply.text());
    }

    // A key that stands in the file is left behind, and never repeated.
    std::fs::write(&from, yaml).unwrap();
    let again = block_in_place(|| place.told(&["config", "import", from.to_str().unwrap()]));
    assert!(!format!("{}{}", again.stdout, again.stderr).contains("LITERAL"), "{again:?}");
}

#[tokio::test]
async fn bare_names_and_aliases_reach_their_model() {
    let simulate = Simulate::start("[models.plain]\nanswers = [\"hi\"]\n");
    let alias = "[alias]\n\"gpt-4o\" = \"sim/plain\"\n\"claude-*\" = \"sim/plain\"\n\"claude-opus-*\" = \"steady\"\n";
    let route = "[[route]]\nname = \"steady\"\nrules = [{ models = [\"other/also\"] }]\n";
    let other = provider("other", &simulate.url(), &["also"]);
    let server = Server::start(&[&provider("sim", &simulate.url(), &["plain"]), &*other, route, alias].concat());
    for (name, by) in [
        ("plain", "sim/plain"),
        ("gpt-4o", "sim/plain"),
        ("claude-sonnet-4-5-20250929", "sim/plain"),
        ("claude-opus-4-1", "other/also"),
        ("also", "other/also"),
    ] {
        let reply = chat(server.address(), &question(name, false)).await.finish().await;
        assert_eq!(reply.header("x-althing-served-by"), Some(by), "{name}: {}", reply.text());
    }
    let body = json!({ "model": "claude-haiku-4-5", "max_tokens": 9, "messages": question("", false)["messages"] });
    let reply = post(server.address(), "/v1/messages", body.to_string().as_bytes()).await.finish().await;
    assert_eq!((reply.status, reply.header("x-althing-served-by")), (200, Some("sim/plain")), "{}", reply.text());
    assert_eq!(chat(server.address(), &question("claud", false)).await.finish().await.status, 404);
}

#[tokio::test]
async fn what_is_too_long_for_a_model_is_never_sent_to_it() {
    let upstream = Upstream::start(|_| Reply::chat("short")).await;
    let wide = Upstream::start(|_| Reply::chat("wide")).await;
    let small = provider("kit", &upstream.url(), &[])
        .replace("models = []", "models = [{ name = \"m\", context_tokens = 100 }]");
    let route = "[[route]]\nname = \"any\"\nrules = [{ models = [\"kit/m\", \"wide/m\"] }]\n";
    let server = Server::start(&[&small, &*provider("wide", &wide.url(), &["m"]), route].concat());
    let long =
        |model: &str| json!({ "model": model, "messages": [{ "role": "user", "content": "many words ".repeat(500) }] });
    let refused = chat(server.address(), &long("kit/m")).await.finish().await;
    assert_eq!(refused.status, 400, "{}", refused.text());
    assert!(refused.text().contains("context_length_exceeded"), "{}", refused.text());
    let reply = chat(server.address(), &long("any")).await.finish().await;
    assert_eq!((reply.content(), reply.header("x-althing-served-by")), ("wide".to_owned(), Some("wide/m")));
    assert_eq!(upstream.seen().len(), 0, "nothing that is too long is sent");
    assert_eq!(chat(server.address(), &question("kit/m", false)).await.finish().await.content(), "short");
}

#[tokio::test]
async fn a_models_pace_is_kept_and_a_route_goes_on() {
    let first = Upstream::start(|_| Reply::chat("first")).await;
    let second = Upstream::start(|_| Reply::chat("second")).await;
    let slow = provider("first", &first.url(), &[]).replace("models = []", "models = [{ name = \"m\", rpm = 2 }]");
    let route = "[[route]]\nname = \"steady\"\nrules = [{ models = [\"first/m\", \"second/m\"] }]\n";
    let server = Server::start(&[&slow, &*provider("second", &second.url(), &["m"]), route].concat());
    for _ in 0..2 {
        assert_eq!(chat(server.address(), &question("first/m", false)).await.finish().await.content(), "first");
    }
    let refused = chat(server.address(), &question("first/m", false)).await.finish().await;
    assert_eq!(refused.status, 429, "{}", refused.text());
    let wait: u64 = refused.header("retry-after").expect("when to come again").parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
    let reply = chat(server.address(), &question("steady", false)).await.finish().await;
    assert_eq!((reply.content(), reply.header("x-althing-degraded")), ("second".to_owned(), Some("true")));
    assert_eq!((first.seen().len(), second.seen().len()), (2, 1));
}
