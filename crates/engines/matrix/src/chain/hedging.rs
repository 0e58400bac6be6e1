//! Second copies: who wins, who pays, and that nothing of the loser stays.

use crate::fixtures::*;
use crate::{Matrix, Outcome};
use caller::{Caller, Guest, Identity};
use futures_util::StreamExt;
use measure::Metrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use testkit::{Purse, Reply, Upstream};
use wire::openai::ChatRequest;

/// So many calls make a model's usual time known.
const KNOWN_AFTER: usize = 20;

/// An upstream that answers at once until its time is known, and then like this.
async fn late(after: Reply) -> Upstream {
    let seen = AtomicUsize::new(0);
    Upstream::start(move |asked| match seen.fetch_add(1, Ordering::Relaxed) {
        0..KNOWN_AFTER => usual(asked.json()["stream"] == true, "usual"),
        _ => after.clone(),
    })
    .await
}

fn usual(stream: bool, word: &str) -> Reply {
    if stream { Reply::chat_stream_with_usage(&[word]) } else { Reply::chat(word) }
}

async fn saying(word: &'static str) -> Upstream {
    Upstream::start(move |asked| usual(asked.json()["stream"] == true, word)).await
}

fn paying(purse: &Arc<Purse>) -> Caller {
    let guest = Guest { identity: Arc::new(Identity::local()), spend: purse.clone() };
    Caller { guest, ..caller(PATIENCE) }
}

struct Scene {
    matrix: Matrix,
    metrics: Arc<Metrics>,
    purse: Arc<Purse>,
}

impl Scene {
    /// A hedged route over `a/m` and `b/m`, whose first model is known by now.
    async fn new(a: &Upstream, b: &Upstream, more: &str, stream: bool) -> Self {
        let rules = "[[route]]\nname = \"r\"\nrules = [{ models = [\"a/m\", \"b/m\"], hedge = true }]\n";
        let text = [more, &provider("a", &a.url()), &provider("b", &b.url()), rules].concat();
        let metrics = metrics();
        let matrix = Matrix::new(&settings(&text), KINDS.to_vec(), Arc::clone(&metrics)).unwrap();
        let scene = Self { matrix, metrics, purse: Purse::new() };
        for _ in 0..KNOWN_AFTER {
            let told = scene.ask(&Purse::new(), &asking(stream)).await;
            assert_eq!(told.1, ["the route `r` led to `a/m`"], "nothing is known yet, so nothing is late");
        }
        // What is known is looked up once a second.
        tokio::time::sleep(ms(1_010)).await;
        scene
    }

    /// The words of the answer, and the reasons.
    async fn ask(&self, purse: &Arc<Purse>, request: &ChatRequest) -> (String, Vec<String>) {
        match self.matrix.ask(&paying(purse), request).await.unwrap() {
            Outcome::Whole { reply, report, .. } => (reply.answer(), report.reasons),
            Outcome::Stream { mut stream, report, .. } => {
                let mut text = String::new();
                while let Some(block) = stream.next().await {
                    text.push_str(std::str::from_utf8(&block.unwrap()).unwrap());
                }
                (text, report.reasons)
            }
        }
    }

    fn count(&self, series: &str) -> String {
        let all = self.metrics.encode();
        let line = all.lines().find(|line| line.starts_with(series)).unwrap_or_else(|| panic!("{series}\n{all}"));
        line.rsplit(' ').next().unwrap().to_owned()
    }

    /// How many copies were sent, won, denied.
    fn copies(&self) -> [String; 3] {
        ["sent", "won", "denied"].map(|outcome| self.count(&format!("althing_hedges_total{{outcome=\"{outcome}\"}}")))
    }

    /// Nothing is in progress, one tab was opened and settled, and these calls were noted.
    async fn check(&self, calls: &[(&str, &str)], copies: [&str; 3]) {
        let found = self.purse.outcomes();
        let found: Vec<_> = found.iter().map(|(model, outcome)| (model.as_str(), *outcome)).collect();
        assert_eq!(found, calls);
        assert_eq!((self.purse.needs().len(), self.purse.open_tabs(), self.purse.settled().len()), (1, 0, 1));
        for provider in ["a", "b"] {
            assert_eq!(self.count(&format!("althing_inflight{{provider=\"{provider}\"}}")), "0");
        }
        assert!(self.matrix.endpoints().iter().all(|it| it.reading(std::time::Instant::now()).in_flight == 0));
        assert_eq!(self.copies(), copies);
    }
}

fn asking(stream: bool) -> ChatRequest {
    if stream { streamed("r") } else { question("r") }
}

#[tokio::test]
async fn the_copy_answers_where_the_first_is_late() {
    for stream in [false, true] {
        let (a, b) = (late(Reply::hang()).await, saying("copy").await);
        let scene = Scene::new(&a, &b, "", stream).await;
        let (text, reasons) = scene.ask(&scene.purse, &asking(stream)).await;
        assert!(text.contains("copy"), "{text}");
        let [copied, led] = &reasons[..] else { panic!("{reasons:?}") };
        assert!(copied.starts_with("`a/m` had not answered after "), "{copied}");
        assert!(copied.ends_with(": a second copy to `b/m` answered first"), "{copied}");
        assert_eq!(led, "the route `r` led to `b/m`, its choice number 2");
        a.wait_cancelled(1, PATIENCE).await;
        // A whole answer has been settled when it wins, a stream is when it ends.
        let calls = [("b/m", "answered"), ("a/m", "cancelled")];
        let calls = if stream { [calls[1], calls[0]] } else { calls };
        scene.check(&calls, ["1", "1", "0"]).await;
        let request = asking(stream);
        let most = (request.len_bytes() as i64 + 4_096) * 1_000;
        assert_eq!(scene.purse.needs()[0].most, 2 * most, "both copies are paid for");
    }
}

#[tokio::test]
async fn the_copy_is_dropped_where_the_first_comes_sooner() {
    for stream in [false, true] {
        let a = late(usual(stream, "first").after(ms(500))).await;
        let b = Upstream::start(|_| Reply::hang()).await;
        let scene = Scene::new(&a, &b, "", stream).await;
        let (text, reasons) = scene.ask(&scene.purse, &asking(stream)).await;
        assert!(text.contains("first"), "{text}");
        assert!(reasons[0].ends_with(": a second copy to `b/m` was not needed"), "{reasons:?}");
        assert_eq!(reasons[1..], ["the route `r` led to `a/m`"]);
        b.wait_cancelled(1, PATIENCE).await;
        let calls = [("a/m", "answered"), ("b/m", "cancelled")];
        let calls = if stream { [calls[1], calls[0]] } else { calls };
        scene.check(&calls, ["1", "0", "0"]).await;
    }
}

#[tokio::test]
async fn without_a_budget_there_is_no_copy() {
    let (a, b) = (late(Reply::chat("first").after(ms(500))).await, saying("copy").await);
    let scene = Scene::new(&a, &b, "[guard]\nretry_ratio = 0\nretry_min_per_s = 0\n", false).await;
    let (text, reasons) = scene.ask(&scene.purse, &question("r")).await;
    assert_eq!((text.as_str(), reasons.len()), ("first", 1));
    scene.check(&[("a/m", "answered")], ["0", "0", "1"]).await;
    assert!(b.seen().is_empty());
}

#[tokio::test]
async fn whoever_wants_to_be_left_alone_gets_no_copy() {
    let a = late(Reply::chat("first").after(ms(500))).await;
    let b = Upstream::start(|_| Reply::error(429, "", "").header("retry-after", "30")).await;
    let scene = Scene::new(&a, &b, "", false).await;
    assert!(ask(&scene.matrix, "b/m").await.is_err());
    let (text, _) = scene.ask(&scene.purse, &question("r")).await;
    assert_eq!(text, "first");
    scene.check(&[("a/m", "answered")], ["0", "0", "1"]).await;
    assert_eq!(b.seen().len(), 1);
}

#[tokio::test]
async fn a_copy_that_fails_leaves_the_first_alone() {
    let a = late(Reply::chat("first").after(ms(500))).await;
    let b = Upstream::start(|_| Reply::error(500, "", "")).await;
    let scene = Scene::new(&a, &b, QUICK, false).await;
    let (text, reasons) = scene.ask(&scene.purse, &question("r")).await;
    assert_eq!(text, "first");
    assert!(reasons[0].starts_with("`b/m` did not answer: the provider failed with 500"), "{reasons:?}");
    scene.check(&[("b/m", "failed"), ("a/m", "answered")], ["1", "0", "0"]).await;
}

#[tokio::test]
async fn where_both_fail_every_model_is_asked_as_often_as_settings_allow() {
    let a = late(Reply::error(500, "", "").after(ms(500))).await;
    let b = Upstream::start(|_| Reply::error(500, "", "")).await;
    let scene = Scene::new(&a, &b, QUICK, false).await;
    let failed = scene.matrix.ask(&paying(&scene.purse), &question("r")).await.map(drop).unwrap_err();
    assert_eq!(failed.attempts().len(), 4, "{failed}");
    assert_eq!((a.seen().len(), b.seen().len()), (KNOWN_AFTER + 2, 2));
    assert_eq!((scene.purse.open_tabs(), scene.purse.outcomes().len()), (0, 4));
}

#[tokio::test]
async fn whoever_leaves_cancels_both() {
    let (a, b) = (late(Reply::hang()).await, Upstream::start(|_| Reply::hang()).await);
    let scene = Scene::new(&a, &b, "", false).await;
    let left = tokio::time::timeout(ms(700), scene.ask(&scene.purse, &question("r"))).await;
    assert!(left.is_err());
    a.wait_cancelled(1, PATIENCE).await;
    b.wait_cancelled(1, PATIENCE).await;
    let mut outcomes = scene.purse.outcomes();
    outcomes.sort();
    assert_eq!(outcomes, [("a/m".to_owned(), "cancelled"), ("b/m".to_owned(), "cancelled")]);
    assert_eq!((scene.purse.open_tabs(), scene.copies()), (0, ["1", "0", "0"].map(str::to_owned)));
}
