//! An evaluation that somebody waits for: asked for again as long as only time was short, and shown while it lasts.

use super::{WITHIN, Way, failure, named};
use crate::exit::Failure;
use crate::progress::{Line, follow};
use http::Method;
use remote::RemoteError;
use serde_json::{Value, json};
use std::cell::Cell;
use std::time::Duration;
use terminal::{clean, decision_line};

/// How long one request may take: longer than any server lets it.
const EVALUATE_WITHIN: Duration = Duration::from_secs(24 * 60 * 60);
/// How often it is looked how far it is: for a line that is drawn, and for one now and then.
const LOOK: Duration = Duration::from_millis(500);
const LOOK_PLAIN: Duration = Duration::from_secs(5);

/// Has pairs scored until all are, or something else than time keeps the rest from it; what came of it.
pub(super) async fn evaluate(way: &Way, id: &str, refresh: bool) -> Result<Value, Failure> {
    let (path, mut sum) = (format!("{}/evaluate", named(id)), Value::Null);
    loop {
        let body = json!({ "refresh": refresh && sum.is_null() });
        let asked = way.server.ask(Method::POST, &path, Some(&body), EVALUATE_WITHIN);
        let told = watched(way, id, asked).await.map_err(|failure| hinted(failure, id))?;
        let told = told.map_err(|error| match error {
            // Going on would be refused as well.
            RemoteError::Refused { status: 400..=408 | 410..=428, .. } => failure(&error),
            _ => hinted(failure(&error), id),
        })?;
        let goes_on = is_short_of_time(&told);
        sum = added(&sum, told);
        if !goes_on {
            return Ok(sum);
        }
    }
}

/// Whether the rest lacked time, and asking again gets on: this time something was scored.
fn is_short_of_time(told: &Value) -> bool {
    let count = |value: &Value| value.as_u64().unwrap_or(0);
    let summary = &told["summary"];
    let gets_on = count(&summary["successful_scores"]) + count(&summary["abstentions"]) > count(&told["reused"]);
    let lacked = |list: &str, code: &str| told[list].as_array().into_iter().flatten().any(|pair| pair["code"] == code);
    gets_on && (lacked("missing", "deadline") || lacked("errors", "deadline_exceeded"))
}

/// The last answer, with what was asked and spent over all of them.
fn added(before: &Value, mut last: Value) -> Value {
    if before.is_null() {
        return last;
    }
    for key in ["asked", "took_ms", "cost_usd"] {
        last[key] = match (before[key].as_u64().zip(last[key].as_u64()), before[key].as_f64().zip(last[key].as_f64())) {
            (Some((one, other)), _) => (one + other).into(),
            (None, Some((one, other))) => (one + other).into(),
            // A part that nobody knows leaves the whole unknown.
            (None, None) => Value::Null,
        };
    }
    last["reused"] = before["reused"].clone();
    last
}

/// Waits for it, and shows how far it is.
async fn watched(
    way: &Way,
    id: &str,
    asked: impl Future<Output = Result<Value, RemoteError>>,
) -> Result<Result<Value, RemoteError>, Failure> {
    let (bar, now) = (Line::terminal(), Cell::new((0, 0, 0)));
    let looks = async {
        loop {
            tokio::time::sleep(if bar { LOOK } else { LOOK_PLAIN }).await;
            if let Ok(decision) = way.server.ask(Method::GET, &named(id), None, WITHIN).await {
                now.set(counts(&decision));
            }
        }
    };
    let both = async {
        tokio::select! {
            done = asked => done,
            never = looks => never,
        }
    };
    let words = || {
        let (done, total, failed) = now.get();
        if total == 0 { "scoring".to_owned() } else { decision_line(done, total, failed, bar) }
    };
    follow(words, both).await
}

/// Pairs that have a valid score or an abstention, all pairs, and those that failed.
fn counts(decision: &Value) -> (usize, usize, usize) {
    let list = |key: &str| decision[key].as_array().map_or(&[][..], Vec::as_slice);
    let valid = || list("pairs").iter().filter(|pair| pair["outdated"] != true);
    let failed = valid().filter(|pair| pair["outcome"] == "failed").count();
    (valid().count() - failed, list("options").len() * list("criteria").len(), failed)
}

/// A failure in the middle, with how to go on: nothing that was scored is lost.
fn hinted(failure: Failure, id: &str) -> Failure {
    let goes_on = format!("`althing decide evaluate {}` goes on where it ended", clean(id));
    let hint = match failure.next() {
        Some(hint) => format!("{hint}; {goes_on}"),
        None => goes_on,
    };
    failure.hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_goes_on_for_want_of_time_alone() {
        let told = |scores: u64, list: &str, code: &str| {
            let mut told = json!({ "reused": 2, "summary": { "successful_scores": scores, "abstentions": 1 } });
            told[list] = json!([{ "code": code }]);
            told
        };
        assert!(is_short_of_time(&told(2, "missing", "deadline")));
        assert!(is_short_of_time(&told(2, "errors", "deadline_exceeded")));
        assert!(!is_short_of_time(&told(1, "missing", "deadline")), "nothing new was scored");
        assert!(!is_short_of_time(&told(2, "missing", "breaker_open")));
        assert!(!is_short_of_time(&told(2, "errors", "upstream_error")));
        assert!(!is_short_of_time(&told(2, "missing", "")) && !is_short_of_time(&Value::Null));
    }

    #[test]
    fn what_was_asked_and_spent_adds_up() {
        let one = json!({ "asked": 3, "took_ms": 1.5, "cost_usd": 0.25, "reused": 1, "complete": false });
        let other = json!({ "asked": 2, "took_ms": 2.0, "cost_usd": 0.5, "reused": 4, "complete": true });
        let sum = added(&added(&Value::Null, one.clone()), other);
        assert_eq!(sum, json!({ "asked": 5, "took_ms": 3.5, "cost_usd": 0.75, "reused": 1, "complete": true }));
        let unknown = json!({ "asked": 2, "took_ms": 2.0, "cost_usd": null, "reused": 4, "complete": true });
        assert_eq!(added(&one, unknown)["cost_usd"], Value::Null);
    }

    #[test]
    fn pairs_are_counted_as_far_as_they_are_valid() {
        let pair = |outcome: &str, outdated: bool| json!({ "outcome": outcome, "outdated": outdated });
        let pairs = [pair("scored", false), pair("scored", true), pair("abstained", false), pair("failed", false)];
        let decision = json!({ "options": [1, 2, 3], "criteria": [1, 2], "pairs": pairs });
        assert_eq!(counts(&decision), (2, 6, 1));
        assert_eq!(counts(&Value::Null), (0, 0, 0));
    }
}
