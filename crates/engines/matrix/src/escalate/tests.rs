//! Who is asked first, when that suffices, and what it saves on a seeded mix of questions.

mod mix;

use crate::MemberOutcome::{Answered, Cancelled, Failed, Skipped};
use crate::fixtures::*;
use crate::{MemberOutcome, Report};
use std::time::Duration;
use tokio::time::Instant;

/// A panel over five members that say these words; the later in the alphabet, the cheaper.
fn priced(said: &[(&str, u64)], keys: &str) -> String {
    let text = panel_saying(said, keys);
    names().zip(1_u32..).take(said.len()).fold(text, |text, (name, at)| {
        let price = 10 - at;
        let entry = format!("name = \"{name}\", family");
        text.replace(&entry, &format!("name = \"{name}\", price = {{ input = {price}, output = {price} }}, family"))
    })
}

async fn timed(settings: &str) -> (Duration, String, Report) {
    let matrix = matrix(settings);
    let start = Instant::now();
    let (reply, report) = ask(&matrix, "p").await.unwrap();
    (start.elapsed(), reply.answer(), report)
}

fn outcomes(report: &Report) -> Vec<MemberOutcome> {
    report.agreement.as_ref().unwrap().members.iter().map(|member| member.outcome).collect()
}

#[tokio::test(start_paused = true)]
async fn the_cheapest_are_asked_first_and_suffice_when_of_one_mind() {
    let said = [("red", 10), ("red", 20), ("green", 30), ("green", 40), ("green", 50)];
    let (took, text, report) = timed(&priced(&said, "first = 3")).await;
    assert_eq!((text.as_str(), took), ("green", ms(50)));
    assert_eq!(outcomes(&report), [Skipped, Skipped, Answered, Answered, Answered]);
    assert_eq!(report.reasons, ["2 of 5 members were not needed: the first 3 agreed"]);
    assert!(!report.degraded);
    let agreement = report.agreement.unwrap();
    assert_eq!((agreement.asked, agreement.answered, agreement.share), (3, 3, 1.0));
    assert!(agreement.reached && !agreement.stopped_early);
    assert_eq!(agreement.members[0].reason.as_deref(), Some("not needed: the first 3 agreed"));
}

#[tokio::test(start_paused = true)]
async fn dissent_calls_as_many_as_could_settle_it() {
    let said = [("red", 10), ("green", 20), ("green", 30), ("red", 40), ("green", 50)];
    let (took, text, report) = timed(&priced(&said, "first = 3")).await;
    // The third wants the fourth, once the second dissents after 40 ms.
    assert_eq!((text.as_str(), took), ("green", ms(60)));
    assert_eq!(outcomes(&report), [Skipped, Answered, Answered, Answered, Answered]);
    assert_eq!(report.reasons, ["1 of 5 members was not needed: the others had decided the result"]);
    let agreement = report.agreement.unwrap();
    assert_eq!((agreement.asked, agreement.share, agreement.reached), (4, 0.75, true));
    assert_eq!(agreement.members[1].latency_ms, 20.0);
}

#[tokio::test(start_paused = true)]
async fn whoever_fails_or_hangs_is_replaced() {
    let (yes, price) = (says("yes", 10), "price = { input = 1, output = 1 }, script =");
    let (a, b) = (panel(&[FAILS, &yes, &yes, &yes], "first = 2"), panel(&[HANGS, &yes, &yes, &yes], "first = 2"));
    let (took, text, report) = timed(&a.replace("script =", price)).await;
    assert_eq!((text.as_str(), took), ("yes", ms(10)));
    assert_eq!(outcomes(&report), [Failed, Answered, Answered, Skipped]);
    assert!(report.degraded && report.reasons.len() == 2, "{:?}", report.reasons);
    // A quarter of its eight seconds is all that the panel waits for whoever hangs.
    let quarter = (b + "deadline_ms = 8000\n").replace("script =", price);
    let matrix_ = matrix(&quarter);
    let start = Instant::now();
    let (_, report) = ask(&matrix_, "p").await.unwrap();
    assert_eq!(start.elapsed(), ms(2_010));
    assert_eq!(outcomes(&report), [Cancelled, Answered, Answered, Skipped]);
    assert_eq!(report.agreement.unwrap().share, 0.6666);
}

#[tokio::test(start_paused = true)]
async fn members_without_a_price_are_asked_last() {
    let said = [("red", 10), ("green", 20), ("green", 30)];
    let text = panel_saying(&said, "first = 2");
    let price = "name = \"b\", price = { input = 9, output = 9 }, family";
    let text = text.replace("name = \"b\", family", price).replace("name = \"c\", family", &price.replace('b', "c"));
    let (_, answer, report) = timed(&text).await;
    assert_eq!((answer.as_str(), outcomes(&report)), ("green", vec![Skipped, Answered, Answered]));
}

#[tokio::test(start_paused = true)]
async fn the_deadline_holds_for_all_waves() {
    let text = panel(&[HANGS; 7], "first = 2\ndeadline_ms = 400");
    let matrix = matrix(&text);
    let start = Instant::now();
    let error = fails(&matrix, "p").await;
    assert_eq!(start.elapsed(), ms(400), "{error:?}");
    let last = error.attempts().last().unwrap();
    assert_eq!((last.model.as_str(), last.reason.as_str()), ("s/g", "not asked: time ran out"));
}

#[tokio::test(start_paused = true)]
async fn of_equal_prices_whoever_usually_answers_sooner_goes_first() {
    let text = panel_saying(&[("yes", 90), ("yes", 50), ("yes", 10)], "first = 2");
    let matrix = matrix(&text.replace("script =", "price = { input = 1, output = 1 }, script ="));
    for name in names().take(3) {
        ask(&matrix, &format!("s/{name}")).await.unwrap();
    }
    let (_, report) = ask(&matrix, "p").await.unwrap();
    assert_eq!(outcomes(&report), [Skipped, Answered, Answered]);
}
