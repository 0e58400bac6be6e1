//! Pairs that a panel scores: every member is asked, votes and spread are kept.

use super::{Bench, abstains, new, root, says};
use crate::PairOutcome;
use testkit::Reply;

async fn judged(bench: &Bench) -> crate::Decision {
    let new = crate::NewDecision { model_name: Some("jury".to_owned()), ..new(&["Ash", "Elm"], &["Price"]) };
    let id = bench.room.start(&root(), new).await.unwrap().id;
    bench.evaluate(&id).await;
    bench.room.get(&root(), &id).await.unwrap()
}

#[tokio::test]
async fn votes_and_their_spread_are_kept() {
    let bench = Bench::sqlite().await;
    bench.script(|asked| {
        Reply::chat(&says(match asked.model.as_str() {
            "m" => 4.0,
            "n" => 6.0,
            _ => 8.0,
        }))
    });
    let decision = judged(&bench).await;
    let pair = &decision.pairs[0];
    assert_eq!((pair.score, pair.spread, pair.model.as_str()), (Some(6.0), Some(2.0), "jury"));
    let votes: Vec<_> = pair.votes.iter().map(|vote| (vote.model.as_str(), vote.score)).collect();
    assert_eq!(votes, [("up/m", Some(4.0)), ("up/n", Some(6.0)), ("up/o", Some(8.0))]);
    assert_eq!(bench.asked().len(), 6);
    let outlook = bench.result(&decision.id).await;
    assert_eq!(outlook.sheet.pairs[0].votes.len(), 3);
    assert!(outlook.sheet.first_share.is_some_and(|share| share.options.iter().all(|it| it.p > 0.2)));
}

#[tokio::test]
async fn a_member_that_fails_is_told_and_a_majority_may_abstain() {
    let bench = Bench::with("retries_max = 0").await;
    bench.script(|asked| match (asked.option.as_str(), asked.model.as_str()) {
        ("Ash", "o") => Reply::error(500, "server_error", "x"),
        ("Ash", _) => Reply::chat(&says(7.0)),
        (_, "m") => Reply::chat(&says(2.0)),
        _ => Reply::chat(&abstains("nothing is known")),
    });
    let decision = judged(&bench).await;
    let (ash, elm) = (&decision.pairs[0], &decision.pairs[1]);
    assert_eq!((ash.outcome, ash.score, ash.spread), (PairOutcome::Scored, Some(7.0), Some(0.0)));
    assert!(ash.notes.iter().any(|note| note == "1 of 3 members did not answer"), "{:?}", ash.notes);
    assert!(!ash.votes[2].reason.is_empty());
    assert_eq!((elm.outcome, elm.score), (PairOutcome::Abstained, None));
    assert!(elm.reason.contains("nothing is known"), "{}", elm.reason);
}

#[tokio::test]
async fn a_pair_fails_where_most_of_its_members_do() {
    let bench = Bench::with("retries_max = 0").await;
    bench.script(|asked| match asked.model.as_str() {
        "m" => Reply::chat(&says(9.0)),
        _ => Reply::error(500, "server_error", "x"),
    });
    let decision = judged(&bench).await;
    let pair = &decision.pairs[0];
    assert_eq!((pair.outcome, pair.score, pair.retryable), (PairOutcome::Failed, None, true));
    assert!(pair.reason.starts_with("2 of 3 members did not answer: `up/n`"), "{}", pair.reason);
    assert_eq!(pair.votes.iter().map(|vote| vote.score).collect::<Vec<_>>(), [Some(9.0), None, None]);
}

#[tokio::test]
async fn a_pair_fails_where_most_of_its_members_have_no_turn() {
    let bench = Bench::with("in_flight_max = 1").await;
    bench.script(|_| Reply::chat(&says(9.0)).after(std::time::Duration::from_millis(600)));
    let new = crate::NewDecision { model_name: Some("jury".to_owned()), ..new(&["Ash", "Elm"], &["Price"]) };
    let id = bench.room.start(&root(), new).await.unwrap().id;
    let short = super::within(&root(), std::time::Duration::from_millis(1_000));
    let done = bench.room.evaluate(&short, &id, crate::Evaluate::default()).await.unwrap();
    assert_eq!((done.errors.len(), done.missing.len()), (1, 1), "{done:?}");
    assert!(done.errors[0].retryable && done.errors[0].reason.contains("members did not answer"), "{done:?}");
}

#[tokio::test]
async fn a_pair_fails_where_all_members_do() {
    let bench = Bench::with("retries_max = 0").await;
    bench.script(|_| Reply::error(500, "server_error", "x"));
    let decision = judged(&bench).await;
    let pair = &decision.pairs[0];
    assert_eq!((pair.outcome, pair.retryable), (PairOutcome::Failed, true));
    assert!(["up/m", "up/n", "up/o"].iter().all(|name| pair.reason.contains(name)), "{}", pair.reason);
}
