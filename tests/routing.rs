//! Rules of routes as a client meets them: each condition by itself, and the reason that the reply gives.

use crate::support::{Place, Response, Server, ask, ask_with, get, provider, question, refuses};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use testkit::{Reply, Upstream};

/// A model that is asked where no other rule fits.
const ELSE: &str = "{ models = [\"kit/else\"] }";
/// A question that is anything but simple.
const DEMANDING: &str = "Compare the two proofs below and explain step by step why the second one fails. You must answer \
    in JSON with exactly three fields, must not exceed 200 words, and must quote each step:\n```\nlet x = 1;\n```\n";

/// A provider whose models say their own names.
async fn named() -> Upstream {
    Upstream::start(|seen| {
        let model = seen.json()["model"].as_str().unwrap_or_default().to_owned();
        if seen.json()["stream"] == true { Reply::chat_stream(&[&model]) } else { Reply::chat(&model) }
    })
    .await
}

/// A server whose route `r` has these rules.
fn ruled(upstream: &Upstream, rules: &[&str]) -> Place {
    let url = upstream.url();
    let model = |name: &str, usd: u32| {
        format!("{{ name = {name:?}, output_tokens_max = 100, price = {{ input = {usd}, output = {usd} }} }}")
    };
    let models = [model("wanted", 1), model("dear", 500), model("else", 10)].join(", ");
    let kit = format!("[[provider]]\nname = \"kit\"\nbase_url = {url:?}\nmodels = [{models}]\n");
    Place::new(&format!("{kit}[[route]]\nname = \"r\"\nrules = [{}]\n", rules.join(", ")))
}

async fn with(server: &Server, headers: &[(&str, &str)], body: &Value) -> Response {
    let headers = [headers, &[("content-type", "application/json")]].concat();
    ask_with(server.address(), "POST /v1/chat/completions", &headers, body.to_string().as_bytes()).await
}

fn asking(text: &str) -> Value {
    json!({ "model": "r", "messages": [{ "role": "user", "content": text }] })
}

/// Who served it, and why, in one text.
fn told(reply: &Response) -> (String, String) {
    assert_eq!(reply.status, 200, "{}", reply.text());
    let reasons = &reply.json()["althing"]["reasons"];
    (reply.content(), reasons.as_array().unwrap().iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; "))
}

/// The rule holds for one request and not for the other.
async fn decides(when: &str, fits: (&[(&str, &str)], &Value), not: (&[(&str, &str)], &Value), reason: &str) {
    let upstream = named().await;
    let server = ruled(&upstream, &[&format!("{{ models = [\"kit/wanted\"], when = {{ {when} }} }}"), ELSE]).start();
    let (by, why) = told(&with(&server, fits.0, fits.1).await);
    assert_eq!(by, "wanted", "{when}: {why}");
    assert!(why.contains("the route `r`, rule 1") && why.contains(reason), "{when}: {why}");
    let (by, why) = told(&with(&server, not.0, not.1).await);
    assert_eq!((by.as_str(), why.contains("the route `r`, rule 2")), ("else", true), "{when}: {why}");
}

#[tokio::test]
async fn by_how_demanding_a_question_is() {
    let (simple, hard) = (asking("What is the capital of France?"), asking(DEMANDING));
    decides("complexity_min = 0.6", (&[], &hard), (&[], &simple), "(complexity ").await;
    decides("complexity_below = 0.3", (&[], &simple), (&[], &hard), "(complexity ").await;
    decides("prompt_chars_min = 100", (&[], &hard), (&[], &simple), " characters)").await;
}

#[tokio::test]
async fn by_tags_class_and_tools() {
    let plain = asking("hi");
    let mut tools = asking("hi");
    let parameters = json!({ "type": "object", "properties": {} });
    tools["tools"] = json!([{ "type": "function", "function": { "name": "f", "parameters": parameters } }]);
    let tags: (&str, &str) = ("x-althing-tags", "nightly, batch,eu");
    decides("tags = [\"batch\", \"eu\"]", (&[tags], &plain), (&[("x-althing-tags", "batch")], &plain), "tag `batch`")
        .await;
    let class = |name| [("x-althing-class", name)];
    decides("class = \"low\"", (&class("low"), &plain), (&[], &plain), "(class low)").await;
    decides("class = \"critical\"", (&class("critical"), &plain), (&class("low"), &plain), "(class critical)").await;
    decides("tools = true", (&[], &tools), (&[], &plain), "(tools)").await;
}

#[tokio::test]
async fn a_class_or_tag_that_cannot_be_read_is_refused_with_a_hint() {
    let upstream = named().await;
    let server = ruled(&upstream, &[ELSE]).start();
    for (name, value) in
        [("x-althing-class", "urgent"), ("x-althing-cache", "yes"), ("x-althing-tags", &"a".repeat(65))]
    {
        let reply = with(&server, &[(name, value)], &asking("hi")).await;
        let error = &reply.json()["error"];
        assert_eq!((reply.status, error["code"].as_str()), (400, Some("invalid_header")), "{}", reply.text());
        assert!(
            error["message"].as_str().is_some_and(|said| said.contains(name) && said.contains("write ")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn where_no_rule_fits_it_is_said_so() {
    let upstream = named().await;
    let server = ruled(&upstream, &["{ models = [\"kit/wanted\"], when = { stream = true } }"]).start();
    let reply = with(&server, &[], &question("r", false)).await;
    assert_eq!((reply.status, reply.json()["error"]["code"].as_str()), (422, Some("no_rule")), "{}", reply.text());
    assert_eq!(with(&server, &[], &question("r", true)).await.content(), "wanted");
}

#[tokio::test]
async fn by_what_it_costs() {
    let upstream = named().await;
    let cheapest = ruled(&upstream, &["{ models = [\"kit/dear\", \"kit/wanted\"], balance = \"cheapest\" }"]).start();
    let (by, why) = told(&with(&cheapest, &[], &asking("hi")).await);
    assert_eq!((by.as_str(), why.as_str()), ("wanted", "the route `r` led to `kit/wanted`: the cheapest of 2"));
    let limited = ruled(&upstream, &["{ models = [\"kit/dear\", \"kit/wanted\"], cost_usd_max = 0.01 }"]).start();
    assert_eq!(told(&with(&limited, &[], &asking("hi")).await).0, "wanted");
    let both = ruled(&upstream, &["{ models = [\"kit/dear\", \"kit/wanted\"], cost_usd_max = 0.0000001 }"]).start();
    let (by, why) = told(&with(&both, &[], &asking("hi")).await);
    assert!(by == "dear" && why.ends_with("although beyond `cost_usd_max`"), "{why}");
}

#[tokio::test]
async fn by_how_long_it_usually_takes() {
    let upstream = Upstream::start(|seen| {
        let model = seen.json()["model"].as_str().unwrap_or_default().to_owned();
        let slow = if model == "dear" { 300 } else { 5 };
        Reply::chat(&model).after(std::time::Duration::from_millis(slow))
    })
    .await;
    let server = ruled(&upstream, &["{ models = [\"kit/dear\", \"kit/wanted\"], latency_ms_max = 100 }"]).start();
    assert_eq!(told(&with(&server, &[], &asking("hi")).await).0, "dear", "what is not known is within every limit");
    let known = async || {
        let (by, _) = told(&with(&server, &[], &asking("hi")).await);
        (by == "wanted").then_some(())
    };
    crate::support::until("its time is known", known).await;
}

#[tokio::test]
async fn a_share_of_callers_is_always_the_same_ones() {
    let upstream = named().await;
    let rules = [
        "{ models = [\"kit/wanted\"], when = { share = 0.3 } }",
        "{ models = [\"kit/dear\"], when = { share = 0.3 } }",
    ];
    let place = ruled(&upstream, &[rules[0], rules[1], ELSE]);
    let admin = place.key("admin", "default");
    let server = place.start();
    let mut keys = Vec::new();
    for _ in 0..60 {
        let made = ask(server.address(), &admin, "POST", "/api/v1/keys", Some(&json!({ "role": "user" }))).await;
        keys.push(made.json()["key"].as_str().unwrap_or_else(|| panic!("{}", made.text())).to_owned());
    }
    let who = async |server: &Server, key: &str| {
        let (by, why) = told(&with(server, &[("x-api-key", key)], &asking("hi")).await);
        assert_eq!(why.contains("(for 30 % of callers)"), by != "else", "{why}");
        by
    };
    let mut first = Vec::new();
    for key in &keys {
        first.push(who(&server, key).await);
    }
    let server = server.killed_and_started();
    for (key, before) in keys.iter().zip(&first) {
        assert_eq!(&who(&server, key).await, before, "also after a restart");
    }
    let counts = first.iter().fold(BTreeMap::new(), |mut counts: BTreeMap<&str, usize>, by| {
        *counts.entry(by).or_default() += 1;
        counts
    });
    // 18, 18 and 24 are to be expected; all but one in ten thousand are within this.
    assert!(counts.len() == 3 && counts.values().all(|count| (5..=40).contains(count)), "{counts:?}");
}

#[test]
fn what_cannot_be_is_refused_with_its_place_and_a_hint() {
    let rule = |rule: &str| {
        let provider = "[[provider]]\nname = \"s\"\nkind = \"scripted\"\nmodels = [\"a\", \"b\"]\n";
        format!("{provider}[[route]]\nname = \"r\"\nrules = [\n{rule}\n]\n")
    };
    for (text, says) in [
        (
            "{ models = [\"s/a\"], when = { complexity_mn = 0.5 } }",
            &["`complexity_mn`", "althing.toml:8:", "`complexity_min`"][..],
        ),
        ("{ models = [\"s/a\"], when = { complexity_min = 2 } }", &["complexity_min", "althing.toml:8:", "hint: "]),
        (
            "{ models = [\"s/a\"], when = { complexity_min = 0.6, complexity_below = 0.3 } }",
            &["complexity_below", "althing.toml:8:", "hint: "],
        ),
        ("{ models = [\"s/a\"], when = { share = 1.5 } }", &["share", "althing.toml:8:", "hint: "]),
        ("{ models = [\"s/a\"], when = { class = \"urgent\" } }", &["althing.toml:8:", "critical"]),
        ("{ models = [\"s/a\"], balance = \"cheepest\" }", &["althing.toml:8:", "cheapest"]),
        (
            "{ models = [{ model = \"s/a\", weight = 0 }], balance = \"weighted\" }",
            &["weight", "althing.toml:8:", "hint: "],
        ),
        ("{ models = [\"s/c\"] }", &["`s/c`", "althing.toml:8:", "hint: "]),
        ("{ models = [] }", &["models", "althing.toml:8:", "hint: "]),
        ("{ models = [\"s/a\"], hedg = true }", &["`hedg`", "`hedge`"]),
        ("{ models = [\"s/a\"], latency_ms_max = 0 }", &["latency_ms_max", "althing.toml:8:", "hint: "]),
    ] {
        refuses(&rule(text), says);
    }
}

#[tokio::test]
async fn a_name_that_several_providers_share_is_listed() {
    let upstream = named().await;
    let kits: String = ["one", "two"].map(|name| provider(name, &upstream.url(), &["both", name])).concat();
    let server = Server::start(&kits);
    let list = get(server.address(), "/v1/models").await.json();
    let told = |card: &Value| [&card["id"], &card["owned_by"], &card["kind"]].map(|it| it.as_str().unwrap().to_owned());
    let told: Vec<_> = list["data"].as_array().unwrap().iter().map(told).collect();
    assert_eq!(told[0], ["both", "althing", "group"]);
    assert_eq!(told[1], ["one/both", "one", "model"]);
    assert_eq!(told.len(), 5, "{told:?}");
    let body = json!({ "model": "both", "messages": [{ "role": "user", "content": "hi" }] });
    assert_eq!(with(&server, &[], &body).await.content(), "both");
    assert_eq!(get(server.address(), "/v1/models/both").await.json()["owned_by"], "althing");
}
