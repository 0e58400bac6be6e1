//! Panels whose answers are written down: what the truth changes, and who sees it.

use super::{ANSWER_BYTES_MAX, PanelState, SettleError, Truth};
use crate::fixtures::*;
use crate::{Keeper, KeptAnswers, Matrix, Report};
use caller::{Caller, Guest, HOUSE, Identity, Role};
use fault::{Explain, Kind};
use measure::Metrics;
use std::sync::Arc;
use store::{Config, Store};
use tempfile::TempDir;
use tokio::time::Instant;
use votes::{Together, Votes};

/// An engine whose panels are written down.
struct Bench {
    matrix: Matrix,
    asked: std::cell::Cell<u32>,
    _data: TempDir,
    _keeper: Option<Keeper>,
}

impl Bench {
    async fn of(text: &str) -> Self {
        let data = tempfile::tempdir().unwrap();
        let figures = Metrics::new("test");
        let config = Config::new(&settings::Store::default(), data.path()).unwrap();
        let store = Store::open(&config, figures.store()).await.unwrap();
        let matrix = matrix(text);
        matrix.keep_votes(&Votes::open(store, 90, figures.votes()).await.unwrap());
        Self { matrix, asked: std::cell::Cell::new(0), _data: data, _keeper: None }
    }

    /// One that keeps all answers.
    async fn keeping(text: &str) -> Self {
        let text = format!("[cache]\nrequests = \"all\"\n{text}");
        let (answers, keeper) = KeptAnswers::open(&settings(&text).cache, None, None, &metrics()).unwrap();
        let bench = Self::of(&text).await;
        Self { matrix: bench.matrix.with_answers(answers), _keeper: Some(keeper), ..bench }
    }

    /// Puts one question; its answer, id and report.
    async fn ask(&self, tenant: &str) -> (String, String, Report) {
        self.asked.set(self.asked.get() + 1);
        let id = format!("req-{}", self.asked.get());
        let guest = Guest { identity: Arc::new(who(tenant)), ..Guest::local() };
        let caller = Caller { request_id: id.as_str().into(), guest, ..caller(PATIENCE) };
        let (reply, report) = whole(self.matrix.ask(&caller, &question("p")).await).unwrap();
        (reply.answer(), id, report)
    }

    async fn settle(&self, tenant: &str, id: &str, truth: Truth) -> Result<votes::Settled, SettleError> {
        self.matrix.settle(&who(tenant), "p", id, truth, None).await
    }

    async fn state(&self, tenant: &str) -> PanelState {
        let states = self.matrix.panels(&Identity { role: Role::Operator, ..who(tenant) }).await.unwrap();
        states.into_iter().next().unwrap()
    }
}

fn who(tenant: &str) -> Identity {
    Identity { subject: "k".into(), tenant: tenant.into(), role: Role::User }
}

fn right(models: &[&str]) -> Truth {
    Truth::Right(models.iter().map(|model| (*model).to_owned()).collect())
}

/// Two that are wrong together and one that is right.
const THREE: [(&str, u64); 3] = [("The answer is Rome", 1), ("Rome", 2), ("Paris", 3)];

/// Two of three are less than what it asks for, so that all three answer.
fn panel_of_three(keys: &str) -> String {
    panel_saying(&THREE, &format!("agreement = 0.67\non_disagreement = \"plurality\"\n{keys}"))
}

#[tokio::test]
async fn measured_weights_turn_the_vote() {
    let bench = Bench::of(&panel_of_three("weights = \"measured\"")).await;
    let (text, _, report) = bench.ask(HOUSE).await;
    assert_eq!(text, "The answer is Rome");
    let caution = report.agreement.unwrap().caution;
    assert!(
        caution.contains(&"weights: none is measured yet, so all members weigh as given".to_owned()),
        "{caution:?}"
    );
    for _ in 0..40 {
        let (_, id, _) = bench.ask(HOUSE).await;
        let settled = bench.settle(HOUSE, &id, right(&["s/c"])).await.unwrap();
        assert_eq!(settled.wrong, ["s/a", "s/b"]);
    }
    let (text, _, report) = bench.ask(HOUSE).await;
    let agreement = report.agreement.unwrap();
    assert_eq!((text.as_str(), agreement.reached), ("Paris", true));
    assert!(agreement.caution.iter().any(|line| line.contains("measured on 120 answers")), "{:?}", agreement.caution);
    let state = bench.state(HOUSE).await;
    let (of_a, of_c) = (&state.members[0], &state.members[2]);
    assert!(of_c.in_force > 10.0 * of_a.in_force && of_a.given == 1.0, "{state:?}");
    let accuracy = of_c.accuracy.unwrap();
    assert!((accuracy.right, accuracy.asked) == (40, 40) && accuracy.interval[0] > 0.9, "{accuracy:?}");
    let pair = &state.pairs[0];
    assert_eq!((pair.first.as_str(), pair.second.as_str()), ("s/a", "s/b"));
    assert_eq!(pair.counts, Together { both_wrong: 40, ..Together::default() });
    assert_eq!((state.reached + state.not_reached, state.pairs.len()), (42, 3));
}

#[tokio::test]
async fn given_weights_stay_whatever_is_measured() {
    let bench = Bench::of(&panel_of_three("")).await;
    for _ in 0..30 {
        let (_, id, _) = bench.ask(HOUSE).await;
        bench.settle(HOUSE, &id, right(&["s/c"])).await.unwrap();
    }
    assert_eq!(bench.ask(HOUSE).await.0, "The answer is Rome");
    assert_eq!(bench.state(HOUSE).await.members[2].in_force, 1.0);
}

#[tokio::test]
async fn the_truth_can_be_told_in_words() {
    let bench = Bench::of(&panel_of_three("")).await;
    let (_, id, report) = bench.ask("acme").await;
    let answered = report.agreement.unwrap().answered;
    let settled = bench.settle("acme", &id, Truth::Answer("**rome**.".to_owned())).await.unwrap();
    assert!(settled.right.iter().all(|model| model != "s/c") && !settled.right.is_empty(), "{settled:?}");
    assert_eq!((settled.right.len() + settled.wrong.len(), settled.version), (answered, 1));
    let settled = bench.settle("acme", &id, Truth::Answer("Vienna".to_owned())).await.unwrap();
    assert_eq!((settled.right.len(), settled.version), (0, 2));
    // Another tenant's question is nobody's, and so is one that was never asked.
    for (tenant, id) in [("beta", id.as_str()), ("acme", "req-9")] {
        let error = bench.settle(tenant, id, Truth::Answer("Rome".to_owned())).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), ("answer_forgotten", Kind::NotFound));
        let error = bench.settle(tenant, id, right(&["s/a"])).await.unwrap_err();
        assert_eq!((error.code(), error.kind()), ("not_found", Kind::NotFound));
    }
    let error = bench.settle("acme", &id, right(&["s/x"])).await.unwrap_err();
    assert_eq!(
        (error.code(), error.kind(), error.param().as_deref()),
        ("no_such_answer", Kind::Semantics, Some("right"))
    );
}

#[tokio::test]
async fn a_right_answer_has_room_for_no_more_than_an_answer() {
    let bench = Bench::of(&panel_of_three("")).await;
    let (_, id, _) = bench.ask("acme").await;
    let fits = Truth::Answer("x".repeat(ANSWER_BYTES_MAX));
    assert!(bench.settle("acme", &id, fits).await.unwrap().right.is_empty());
    let error = bench.settle("acme", &id, Truth::Answer("x".repeat(ANSWER_BYTES_MAX + 1))).await.unwrap_err();
    assert_eq!(
        (error.code(), error.kind(), error.param().as_deref()),
        ("answer_too_long", Kind::TooLarge, Some("answer"))
    );
    assert_eq!(error.to_string(), "the right answer has 65537 bytes, at most 65536 are compared");
}

#[tokio::test]
async fn comparing_keeps_nobody_else_waiting() {
    let bench = Bench::of(&panel_of_three("")).await;
    let (_, id, _) = bench.ask("acme").await;
    let long = Truth::Answer("a-1 than ".repeat(ANSWER_BYTES_MAX / 9));
    let started = Instant::now();
    let mut settled = std::pin::pin!(bench.settle("acme", &id, long));
    assert!(futures_util::poll!(settled.as_mut()).is_pending());
    let held = started.elapsed();
    settled.await.unwrap();
    assert!(held * 2 < started.elapsed(), "{held:?} of {:?}", started.elapsed());
}

#[tokio::test]
async fn the_truth_about_a_kept_answer_is_told_about_the_question_that_was_voted_on() {
    let bench = Bench::keeping(&panel_of_three("")).await;
    let (_, first, made) = bench.ask("acme").await;
    let (_, second, kept) = bench.ask("acme").await;
    assert_eq!((made.cache, kept.cache, &*kept.request_id), ("miss", "hit-memory", second.as_str()));
    assert_eq!(bench.settle("acme", &second, right(&["s/c"])).await.unwrap_err().code(), "not_found");
    let voted_on = kept.agreement.unwrap().request_id;
    assert_eq!(voted_on, first);
    assert_eq!(bench.settle("acme", &voted_on, right(&["s/c"])).await.unwrap().right, ["s/c"]);
}

#[tokio::test]
async fn tenants_see_their_own_figures() {
    let bench = Bench::of(&panel_of_three("weights = \"measured\"")).await;
    for tenant in ["acme", "acme", "beta"] {
        let (_, id, _) = bench.ask(tenant).await;
        bench.settle(tenant, &id, right(&["s/c"])).await.unwrap();
    }
    let asked = async |tenant| bench.state(tenant).await.members[2].accuracy.map(|found| found.asked);
    assert_eq!((asked("acme").await, asked("beta").await, asked("gamma").await), (Some(2), Some(1), None));
    assert_eq!(asked(HOUSE).await, Some(3));
    // What is in force is the same for all.
    assert_eq!(bench.state("gamma").await.members[2].in_force, bench.state(HOUSE).await.members[2].in_force);
}

#[tokio::test]
async fn a_panel_made_for_one_question_is_not_measured() {
    let bench = Bench::of(&panel_saying(&THREE, "")).await;
    let models = ["s/a".to_owned(), "s/b".to_owned()];
    bench.matrix.ask_all(&caller(PATIENCE), &question("panel"), &models, 0.6).await.unwrap();
    let error = bench.matrix.settle(&who(HOUSE), "panel", "req-1", right(&["s/a"]), None).await.unwrap_err();
    assert_eq!(error.code(), "not_found");
    assert_eq!(bench.state(HOUSE).await.reached, 0);
}

#[tokio::test]
async fn what_is_known_outlives_other_settings() {
    let bench = Bench::of(&panel_of_three("weights = \"measured\"")).await;
    let (_, id, _) = bench.ask(HOUSE).await;
    bench.matrix.reload(&settings(&panel_of_three(""))).unwrap();
    assert_eq!(bench.settle(HOUSE, &id, Truth::Answer("Paris".to_owned())).await.unwrap().right, ["s/c"]);
}

#[tokio::test]
async fn without_a_log_there_are_panels_and_no_truth() {
    let matrix = matrix(&panel_of_three("weights = \"measured\""));
    let states = matrix.panels(&who(HOUSE)).await.unwrap();
    assert_eq!((states[0].members.len(), states[0].reached, states[0].members[0].in_force), (3, 0, 1.0));
    let error = matrix.settle(&who(HOUSE), "p", "r", right(&[]), None).await.unwrap_err();
    assert_eq!((error.code(), error.kind()), ("votes_not_kept", Kind::Unavailable));
}
