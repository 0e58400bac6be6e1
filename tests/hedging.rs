//! Second copies, as whoever asks and whoever pays sees them: off unless a rule wants them, sooner where one is late, both
//! written down, and never beyond a budget.

use crate::support::books::{CALL, items, priced, request, settled, spend};
use crate::support::{Place, Response, Server, ask, until};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use testkit::{Reply, Seen, Upstream};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// So many calls make it known what is usual.
const KNOWN_AFTER: usize = 20;
/// What is late, where the usual is a few milliseconds.
const LATE: Duration = Duration::from_secs(3);

/// An answer that costs [`CALL`].
fn answer(seen: &Seen, word: &str) -> Reply {
    let usage = json!({ "prompt_tokens": 100, "completion_tokens": 100, "total_tokens": 200 });
    if seen.json()["stream"] == true {
        let chunk = |delta: Value, stop: Value| {
            json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": stop }] }).to_string()
        };
        let last = json!({ "choices": [], "usage": usage }).to_string();
        let (says, stop) = (chunk(json!({ "content": word }), Value::Null), chunk(json!({}), "stop".into()));
        return Reply::stream(&[&says, &stop, &last, "[DONE]"]);
    }
    let message = json!({ "role": "assistant", "content": word });
    let choice = json!({ "index": 0, "message": message, "finish_reason": "stop" });
    Reply::json(200, &json!({ "id": "x", "object": "chat.completion", "choices": [choice], "usage": usage }))
}

/// Two providers of one model; the first is quick until its time is known, and late from then on.
struct Scene {
    server: Server,
    first: Upstream,
    second: Upstream,
    key: String,
    admin: String,
}

impl Scene {
    async fn new(hedge: &str, more: &str) -> Self {
        let seen = AtomicUsize::new(0);
        let first = Upstream::start(move |asked| match seen.fetch_add(1, Ordering::Relaxed) {
            0..KNOWN_AFTER => answer(asked, "first"),
            _ => answer(asked, "first").after(LATE),
        });
        let second = Upstream::start(|asked| answer(asked, "second"));
        let (first, second) = (first.await, second.await);
        let other = priced(&second).replace("name = \"kit\"", "name = \"kin\"");
        let rule = format!("[[route]]\nname = \"r\"\nrules = [{{ models = [\"kit/m\", \"kin/m\"]{hedge} }}]\n");
        let place = Place::new(&format!("[ledger]\nflush_ms = 20\n{more}{rule}{}{other}", priced(&first)));
        let (key, admin) = (place.key("user", "acme"), place.key("admin", "default"));
        Self { server: place.start(), first, second, key, admin }
    }

    async fn ask(&self, stream: bool) -> Response {
        spend(self.server.address(), &self.key, &request("r", stream, Some(100))).await
    }

    /// Asks until it is known what is usual of the first.
    async fn usual(&self, stream: bool) {
        for _ in 0..KNOWN_AFTER {
            assert_eq!(self.ask(stream).await.content(), "first");
        }
        // What is known is looked up once a second.
        sleep(Duration::from_millis(1_050)).await;
    }

    async fn copies(&self) -> [u64; 3] {
        let text = ask(self.server.address(), &self.admin, "GET", "/metrics", None).await;
        ["sent", "won", "denied"].map(|outcome| {
            let series = format!("althing_hedges_total{{outcome=\"{outcome}\"}} ");
            text.text().lines().find_map(|line| line.strip_prefix(&*series)).map_or(0, |count| count.parse().unwrap())
        })
    }

    /// The calls of a request: which model, how it ended, what it cost.
    async fn calls(&self, reply: &Response) -> Vec<(String, String, Value)> {
        let id = reply.header("x-althing-request-id").unwrap();
        let look = async || {
            let calls = items(self.server.address(), &self.admin, "/api/v1/calls").await;
            let of: Vec<_> = calls.into_iter().filter(|call| call["request_id"] == id).collect();
            (of.len() == 2).then_some(of)
        };
        let told = |call: &Value, name: &str| call[name].as_str().unwrap_or_default().to_owned();
        let calls = until("both calls are written down", look).await;
        let mut calls: Vec<_> =
            calls.iter().map(|call| (told(call, "model"), told(call, "outcome"), call["cost_usd"].clone())).collect();
        calls.sort_by(|a, b| b.0.cmp(&a.0));
        calls
    }
}

#[tokio::test]
async fn the_copy_answers_where_the_first_is_late_and_both_are_written_down() {
    for stream in [false, true] {
        let scene = Scene::new(", hedge = true", "").await;
        scene.usual(stream).await;
        let asked = Instant::now();
        let reply = scene.ask(stream).await;
        let took = asked.elapsed();
        assert_eq!((reply.status, reply.content().as_str()), (200, "second"), "{}", reply.text());
        assert!(took < LATE / 2, "{took:?}");
        assert_eq!(reply.header("x-althing-served-by"), Some("kin/m"));
        if !stream {
            let reasons = reply.json()["althing"]["reasons"].to_string();
            assert!(reasons.contains("a second copy to `kin/m` answered first"), "{reasons}");
        }
        scene.first.wait_cancelled(1, Duration::from_secs(5)).await;
        assert_eq!((scene.first.seen().len(), scene.second.seen().len()), (KNOWN_AFTER + 1, 1));
        let [first, second] = &scene.calls(&reply).await[..] else { panic!("two calls") };
        assert_eq!((&*first.0, &*first.1), ("kit/m", "cancelled"));
        assert_eq!((&*second.0, &*second.1, &second.2), ("kin/m", "answered", &json!("0.0003")));
        assert_eq!(scene.copies().await, [1, 1, 0]);
    }
}

#[tokio::test]
async fn without_a_wish_for_it_nobody_gets_a_copy() {
    let scene = Scene::new("", "").await;
    scene.usual(false).await;
    let asked = Instant::now();
    assert_eq!(scene.ask(false).await.content(), "first");
    assert!(asked.elapsed() >= LATE);
    assert_eq!((scene.second.seen().len(), scene.copies().await), (0, [0, 0, 0]));
}

#[tokio::test]
async fn copies_come_out_of_the_budget_of_retries() {
    let scene = Scene::new(", hedge = true", "[guard]\nretry_ratio = 0.0\nretry_min_per_s = 0.0\n").await;
    scene.usual(false).await;
    assert_eq!(scene.ask(false).await.content(), "first");
    assert_eq!((scene.second.seen().len(), scene.copies().await), (0, [0, 0, 1]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_is_never_exceeded_by_copies() {
    let (worth, crowd) = (KNOWN_AFTER + 10, 40);
    let limit = CALL * i64::try_from(worth).unwrap() + CALL / 2;
    let budget = format!("[budget]\ntenant_usd_per_day = \"0.{limit:09}\"\n[guard]\nretry_min_per_s = 1000.0\n");
    let scene = Arc::new(Scene::new(", hedge = true", &budget).await);
    scene.usual(false).await;
    let mut asking = JoinSet::new();
    for _ in 0..crowd {
        let scene = Arc::clone(&scene);
        asking.spawn(async move { scene.ask(false).await });
    }
    let replies = asking.join_all().await;
    let served = replies.iter().filter(|reply| reply.status == 200).count();
    assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 402)), "whoever is refused is told why");
    assert!(served >= 1 && served < crowd, "{served}");
    let budget = settled(scene.server.address(), &scene.admin, "tenant").await;
    assert!(budget.spent <= budget.limit, "{budget:?}");
    assert!(
        budget.spent >= CALL * i64::try_from(KNOWN_AFTER + served).unwrap(),
        "what was answered is paid: {budget:?}"
    );
    assert!(scene.copies().await[0] >= 1, "some were hedged");
}
