//! A provider whose models judge pairs as a test wants them to, and what reached it.

use crate::support::provider;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};
use testkit::{Reply, Seen, Upstream};

/// What one request asks to be judged.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Pair {
    pub(super) topic: String,
    pub(super) option: String,
    pub(super) criterion: String,
}

impl Pair {
    /// The pair of a request: the JSON between the tags of its last message of a user that holds any.
    pub(super) fn of(seen: &Seen) -> Self {
        let data = data(seen);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        Self {
            topic: text(&data["topic"]),
            option: text(&data["option"]["name"]),
            criterion: text(&data["criterion"]["name"]),
        }
    }

    /// Its names, without the topic.
    pub(super) fn names(&self) -> (&str, &str) {
        (&self.option, &self.criterion)
    }
}

/// What a request tells of the pair, which stands alone in a line between two tags.
pub(super) fn data(seen: &Seen) -> Value {
    let asked = seen.json();
    let user = asked["messages"][1]["content"].as_str().unwrap_or_else(|| panic!("no question: {asked}"));
    let mut lines = user.lines();
    let open = lines.next().unwrap().strip_prefix("<data-").unwrap().to_owned();
    let line = lines.next().unwrap();
    assert_eq!(lines.next(), Some(format!("</data-{open}").as_str()), "{user}");
    assert_eq!(user.matches(open.trim_end_matches('>')).count(), 2, "the data cannot close its fence: {user}");
    serde_json::from_str(line).unwrap()
}

/// A score that is the same for a pair whenever it is asked: 2 to 9.
pub(super) fn fair(pair: &Pair) -> f64 {
    let sum: u32 = pair.option.bytes().chain(pair.criterion.bytes()).map(u32::from).sum();
    f64::from(2 + sum % 8)
}

/// An answer with a score.
pub(super) fn scores(score: f64) -> Reply {
    let reasoning = format!("It earns {score}.");
    let answer = json!({ "score": score, "reasoning": reasoning, "confidence": 0.8, "status": "success" });
    Reply::chat(&answer.to_string())
}

/// An answer without one.
pub(super) fn abstains(why: &str) -> Reply {
    Reply::chat(&json!({ "score": null, "reasoning": why, "confidence": 0.1, "status": "abstain" }).to_string())
}

/// A provider whose model `kit/m` gives every pair its fair score.
pub(super) async fn judge(takes: Duration) -> Upstream {
    Upstream::start(move |seen| scores(fair(&Pair::of(seen))).after(takes)).await
}

/// Settings of that provider, of nobody's vectors and of decisions.
pub(super) fn config(upstream: &Upstream, decisions: &str) -> String {
    let provider = provider("kit", &upstream.url(), &["m"]);
    format!("[embed]\nkind = \"off\"\n[decisions]\nretry_base_ms = 1\n{decisions}\n{provider}")
}

/// How often each pair was asked.
pub(super) fn counts(seen: &[Seen]) -> BTreeMap<Pair, usize> {
    let mut counts = BTreeMap::new();
    for seen in seen {
        *counts.entry(Pair::of(seen)).or_default() += 1;
    }
    counts
}

/// How many requests were with a provider at once, at most, whose every answer takes this long: nobody can have it sooner.
pub(super) fn at_once<'a>(seen: impl Iterator<Item = &'a Seen>, takes: Duration) -> usize {
    let mut arrivals: Vec<Instant> = seen.map(|seen| seen.at).collect();
    arrivals.sort_unstable();
    let with_it = |now: usize| arrivals[..=now].iter().rev().take_while(|at| arrivals[now] - **at < takes).count();
    (0..arrivals.len()).map(with_it).max().unwrap_or(0)
}
