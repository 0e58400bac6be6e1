//! What the headers of an answer tell about it: a stream has no other place for that.

use super::support::{CHAT, app, app_of, call, get, post, question, request, settings};
use serde_json::json;
use testkit::{Heard, Upstream};

const TOLD: [&str; 3] = ["x-althing-cache", "x-althing-simulated", "x-althing-degraded"];

fn told(reply: &Heard) -> [Option<&str>; 3] {
    TOLD.map(|name| reply.header(name))
}

#[tokio::test]
async fn every_answer_tells_whether_it_is_simulated_or_degraded() {
    let upstream = Upstream::start(|seen| match seen.json()["stream"].as_bool() {
        Some(true) => testkit::Reply::chat_stream(&["yes"]),
        _ => testkit::Reply::chat("yes"),
    })
    .await;
    let url = upstream.url();
    let more = format!(
        "[[provider]]\nname = 'kit'\nkind = 'openai'\nbase_url = '{url}'\nmodels = ['m']\n
         [[route]]\nname = 'careful'\nrules = [{{ models = ['s/broken', 'kit/m'] }}]"
    );
    let app = app_of(&settings(&more), Vec::new());
    for stream in [false, true] {
        for (name, simulated, degraded) in
            [("s/ash", "true", "false"), ("kit/m", "false", "false"), ("careful", "false", "true")]
        {
            let mut question = question(name);
            question["stream"] = json!(stream);
            let reply = post(&app, question.to_string()).await;
            assert_eq!(told(&reply), [Some("off"), Some(simulated), Some(degraded)], "{name}: {reply:?}");
        }
    }
    assert_eq!(told(&get(&app, "/livez").await), [None; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_panel_that_streams_before_it_has_decided_tells_the_rest_in_its_chunks() {
    let mut question = question("late");
    question["stream"] = json!(true);
    let reply = post(&app(""), question.to_string()).await;
    let text = String::from_utf8(reply.body.to_vec()).unwrap();
    assert!(text.starts_with(": the panel is deciding"), "{text}");
    assert_eq!(told(&reply), [Some("off"), None, None]);
    assert!(text.contains("\"simulated\":true"), "{text}");
}

#[tokio::test]
async fn a_page_may_read_all_of_it() {
    let mut asked = request("POST", CHAT, question("s/ash").to_string());
    asked.headers_mut().insert("origin", "http://localhost:3000".parse().unwrap());
    let reply = call(&app(""), asked).await;
    let exposed = reply.header("access-control-expose-headers").unwrap().split(", ").collect::<Vec<_>>();
    for name in reply.headers.keys().filter(|name| name.as_str().starts_with("x-althing-")) {
        assert!(exposed.contains(&name.as_str()), "`{name}` is hidden from pages");
    }
}

#[tokio::test]
async fn the_official_clients_find_the_id_of_a_request_by_their_names() {
    let app = app("");
    for (path, named) in [("/v1/models", true), ("/v1/nowhere", true), ("/livez", false), ("/api/tags", false)] {
        let reply = super::support::get(&app, path).await;
        let id = reply.header("x-althing-request-id").filter(|_| named);
        assert_eq!((reply.header("request-id"), reply.header("x-request-id")), (id, id), "{path}");
    }
}
