//! Panels that ask a few first, have somebody settle what is left, and learn who is usually right.

use crate::support::{Place, Response, Server, ask, refuses, until};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use testkit::{Reply, Seen, Upstream};

/// A provider whose models say what stands after the last dash of their names, each a bit dearer than the one before.
async fn talkers() -> Upstream {
    Upstream::start(|seen| {
        let model = seen.json()["model"].as_str().unwrap_or_default().to_owned();
        Reply::chat(model.rsplit('-').next().unwrap_or_default())
    })
    .await
}

fn priced(upstream: &Upstream, models: &[&str]) -> String {
    let one = |(at, name): (usize, &&str)| {
        format!("{{ name = {name:?}, family = \"f{at}\", price = {{ input = {at}, output = {at} }} }}")
    };
    let models: Vec<String> = models.iter().enumerate().map(one).collect();
    format!("[[provider]]\nname = \"kit\"\nbase_url = {:?}\nmodels = [{}]\n", upstream.url(), models.join(", "))
}

/// A server with the panel `p` over these models, and somebody who may ask it.
async fn panel(upstream: &Upstream, models: &[&str], members: usize, more: &str) -> (Server, String) {
    let names: Vec<String> = models[..members].iter().map(|model| format!("kit/{model}")).collect();
    let panel = format!("[[panel]]\nname = \"p\"\nmembers = {names:?}\n{more}");
    let place = Place::new(&format!("{}{panel}", priced(upstream, models)));
    let key = place.key("user", "acme");
    (place.start(), key)
}

async fn asked(server: &Server, key: &str) -> Response {
    let body = json!({ "model": "p", "messages": [{ "role": "user", "content": "What is 6 times 7?" }] });
    let reply = ask(server.address(), key, "POST", "/v1/chat/completions", Some(&body)).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply
}

fn agreement(reply: &Response) -> Value {
    reply.json()["althing"]["agreement"].clone()
}

/// How each member ended, by its name.
fn outcomes(agreement: &Value) -> BTreeMap<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().trim_start_matches("kit/").to_owned();
    let members = agreement["members"].as_array().unwrap();
    members.iter().map(|member| (text(&member["model"]), text(&member["outcome"]))).collect()
}

/// The models that were asked, in alphabetical order.
fn models(seen: &[Seen]) -> Vec<String> {
    let mut all: Vec<String> = seen.iter().map(|seen| seen.json()["model"].as_str().unwrap().to_owned()).collect();
    all.sort();
    all
}

#[tokio::test]
async fn where_the_first_agree_the_others_are_skipped_and_it_says_why() {
    let upstream = talkers().await;
    let (server, key) = panel(&upstream, &["a-42", "b-42", "c-42", "d-41", "e-42"], 5, "first = 3\n").await;
    let reply = asked(&server, &key).await;
    let agreement = agreement(&reply);
    assert_eq!((reply.content().as_str(), &agreement["reached"]), ("42", &json!(true)), "{agreement}");
    assert_eq!(models(&upstream.seen()), ["a-42", "b-42", "c-42"], "the cheapest");
    for member in agreement["members"].as_array().unwrap() {
        let expect =
            if ["kit/d-41", "kit/e-42"].iter().any(|name| member["model"] == *name) { "skipped" } else { "answered" };
        assert_eq!(member["outcome"], expect, "{member}");
        assert_eq!(member["reason"].as_str().is_some_and(|why| !why.is_empty()), expect == "skipped", "{member}");
    }
    let sum: f64 = agreement["members"].as_array().unwrap().iter().filter_map(|it| it["cost_usd"].as_f64()).sum();
    let told: f64 = reply.header("x-althing-cost-usd").unwrap().parse().unwrap();
    assert!((sum - told).abs() < 1e-9, "{sum} {told}");
}

#[tokio::test]
async fn where_the_first_disagree_the_vote_of_all_counts() {
    let upstream = talkers().await;
    let (server, key) = panel(&upstream, &["a-41", "b-42", "c-42", "d-42", "e-41"], 5, "first = 2\n").await;
    let reply = asked(&server, &key).await;
    let agreement = agreement(&reply);
    assert_eq!((reply.content().as_str(), &agreement["reached"]), ("42", &json!(true)), "{agreement}");
    assert_eq!(models(&upstream.seen()), ["a-41", "b-42", "c-42", "d-42"], "nobody who could change nothing");
    assert_eq!(outcomes(&agreement)["e-41"], "skipped");
}

#[tokio::test]
async fn a_cap_on_cost_is_kept_however_much_they_disagree() {
    let upstream = talkers().await;
    // 1,024 tokens are reckoned for an answer: the members cost about 0, 1, 2 and 3 thousandths of a dollar.
    let more = "first = 2\ncost_usd_max = 0.0015\n";
    let (server, key) = panel(&upstream, &["a-1", "b-2", "c-2", "d-2"], 4, more).await;
    let agreement = agreement(&asked(&server, &key).await);
    assert_eq!(models(&upstream.seen()), ["a-1", "b-2"]);
    let skipped = agreement["members"].as_array().unwrap().iter().filter(|it| it["outcome"] == "skipped");
    let reasons: Vec<&str> = skipped.filter_map(|it| it["reason"].as_str()).collect();
    assert!(reasons.len() == 2 && reasons.iter().all(|why| why.contains("cost_usd_max")), "{reasons:?}");
    assert_eq!(agreement["reached"], false);
}

#[tokio::test]
async fn a_judge_is_called_once_and_only_where_they_disagree() {
    let upstream = talkers().await;
    let names = ["a-red", "b-green", "c-blue", "judge-2"];
    let settled = "resolution = \"judge\"\njudge = \"kit/judge-2\"\nagreement = 0.9\n";
    let (server, key) = panel(&upstream, &names, 3, settled).await;
    let reply = asked(&server, &key).await;
    let agreement = agreement(&reply);
    let judged: Vec<Seen> = upstream.seen().into_iter().filter(|seen| seen.json()["model"] == "judge-2").collect();
    assert_eq!(judged.len(), 1);
    let data: Value = serde_json::from_str(judged[0].json()["messages"][1]["content"].as_str().unwrap()).unwrap();
    assert_eq!(reply.content(), data["answers"][1]["answer"], "the second of those that it was given, word for word");
    let resolution = &agreement["resolution"];
    assert_eq!((&resolution["method"], &resolution["model"]), (&json!("judge"), &json!("kit/judge-2")), "{agreement}");
    assert_eq!(agreement["reached"], false, "a judge makes no agreement");

    let (server, key) =
        panel(&upstream, &["a-1", "b-1", "judge-2"], 2, "resolution = \"judge\"\njudge = \"kit/judge-2\"\n").await;
    assert_eq!(asked(&server, &key).await.content(), "1");
    let judged = upstream.seen().into_iter().filter(|seen| seen.json()["model"] == "judge-2").count();
    assert_eq!(judged, 1, "nobody settles what is agreed on");
}

#[tokio::test]
async fn an_arbiter_is_called_once_and_writes_its_own() {
    let upstream = talkers().await;
    let settled = "resolution = \"arbiter\"\njudge = \"kit/arbiter-purple\"\nagreement = 0.9\n";
    let (server, key) = panel(&upstream, &["a-red", "b-green", "c-blue", "arbiter-purple"], 3, settled).await;
    let reply = asked(&server, &key).await;
    assert_eq!((reply.content().as_str(), reply.header("x-althing-served-by")), ("purple", Some("kit/arbiter-purple")));
    assert_eq!(agreement(&reply)["resolution"]["method"], "arbiter");
    let written = upstream.seen().into_iter().filter(|seen| seen.json()["model"] == "arbiter-purple").count();
    assert_eq!(written, 1);
}

#[tokio::test]
async fn whoever_is_told_to_be_right_weighs_more() {
    let upstream = talkers().await;
    let (server, key) = panel(&upstream, &["a-42", "b-41", "c-40"], 3, "weights = \"measured\"\n").await;
    let other = server.key("user", "other");
    let tell = async |key: &str, id: &str, truth: Value| {
        ask(server.address(), key, "POST", &format!("/api/v1/panels/p/answers/{id}"), Some(&truth)).await
    };
    for nth in 0..12 {
        let reply = asked(&server, &key).await;
        let id = reply.json()["althing"]["request_id"].as_str().unwrap().to_owned();
        let truth = if nth % 2 == 0 { json!({ "answer": "42" }) } else { json!({ "right": ["kit/a-42"] }) };
        // What is not written down yet is not known yet.
        let told = until("the question is known", async || {
            Some(tell(&key, &id, truth.clone()).await).filter(|told| told.status == 200)
        });
        let told = told.await.json();
        let right = told["right"].as_array().cloned().unwrap_or_default();
        assert_eq!((right, &told["version"]), (vec![json!("kit/a-42")], &json!(1)), "{told}");
        if nth == 0 {
            let stale = tell(&key, &id, json!({ "right": [], "version": 0 })).await;
            assert_eq!(stale.status, 409, "{}", stale.text());
            assert_eq!(tell(&other, &id, json!({ "right": [] })).await.status, 404, "another tenant's question");
        }
    }
    let weight = |state: &Value, at: usize| state["members"][at]["weight_in_force"].as_f64().unwrap();
    let measured = async || {
        let state = ask(server.address(), &key, "GET", "/api/v1/panels/p", None).await.json();
        (weight(&state, 0) > 1.2).then_some(state)
    };
    let state = until("the weights follow", measured).await;
    assert!(weight(&state, 0) > 1.2 && weight(&state, 1) < 1.0 && weight(&state, 2) < 1.0, "{state}");
    let accuracy = &state["members"][0]["accuracy"];
    assert_eq!((&accuracy["right"], &accuracy["asked"]), (&json!(12), &json!(12)), "{state}");
    let of_other = ask(server.address(), &other, "GET", "/api/v1/panels/p", None).await.json();
    assert_eq!(of_other["members"][0]["accuracy"], Value::Null, "counted over one's own questions");
    // It is told to those who ask, too.
    let shares = agreement(&asked(&server, &key).await)["clusters"].clone();
    assert!(shares[0]["answer"] == "42" && shares[0]["share"].as_f64().is_some_and(|share| share > 0.4), "{shares}");
}

#[test]
fn what_cannot_be_is_refused_with_its_place_and_a_hint() {
    let with = |keys: &str| {
        let provider = "[[provider]]\nname = \"s\"\nkind = \"scripted\"\nmodels = [\"a\", \"b\"]\n";
        format!("{provider}[[panel]]\nname = \"p\"\nmembers = [\"s/a\", \"s/b\"]\n{keys}\n")
    };
    for (keys, says) in [
        ("first = 0", &["first", "althing.toml:8:9", "hint: "][..]),
        ("first = 3", &["first", "althing.toml:8:9", "hint: "]),
        ("frist = 1", &["`frist`", "did you mean `first`"]),
        ("resolution = \"judge\"", &["judge", "althing.toml:", "hint: "]),
        ("resolution = \"judge\"\njudge = \"s/c\"", &["`s/c`", "althing.toml:9:", "hint: "]),
        ("resolution = \"jury\"", &["althing.toml:8:14", "judge"]),
        ("weights = \"mesured\"", &["althing.toml:8:11", "measured"]),
        ("answers = \"figure\"", &["althing.toml:8:11", "number"]),
        ("agreement = 1.1", &["agreement", "althing.toml:8:13", "hint: "]),
    ] {
        refuses(&with(keys), says);
    }
}
