//! The figures and warnings of an agreement report.

use crate::fixtures::*;
use crate::{Agreement, AskAnswer};
use serde_json::Value;
use wire::openai::ChatRequest;

async fn agreement(settings: &str) -> Agreement {
    ask(&matrix(settings), "p").await.unwrap().1.agreement.unwrap()
}

async fn cautions(settings: &str) -> Vec<String> {
    agreement(settings).await.caution
}

/// The same, without the word that all of it is made up.
async fn other_cautions(settings: &str) -> Vec<String> {
    let lines = cautions(settings).await;
    assert!(lines[0].starts_with("simulated: "), "{lines:?}");
    lines[1..].to_vec()
}

const FEW: &str = "too few answers";
const ONE_FAMILY: &str = "one family: all answers come from";
const UNANIMOUS: &str = "unanimous is not the same as correct";
const LEXICAL: &str = "free text is compared by its words";
const TIE: &str = "a tie: the largest groups are equally heavy";
const COST: &str = "cost limit: members without a price";
const STOPPED: &str = "stopped early: cancelled members count as dissent";

async fn check(settings: &str, expected: &[&str]) {
    let found = other_cautions(settings).await;
    assert_eq!(found.len(), expected.len(), "{found:?}");
    assert!(found.iter().zip(expected).all(|(found, start)| found.starts_with(start)), "{found:?}");
}

#[tokio::test(start_paused = true)]
async fn every_caution_has_its_case() {
    let (yes, no) = (("yes", 10), ("no", 10));
    let all = "agreement = 1.0";
    check(&panel_saying(&[yes, yes, yes], all), &[UNANIMOUS]).await;
    check(&panel_saying(&[yes], all), &[FEW]).await;
    check(&panel_saying(&[yes, yes], all), &[FEW, UNANIMOUS]).await;
    check(&panel_saying(&[yes, no, yes], "agreement = 0.6\ndeadline_ms = 50"), &[]).await;
    check(&panel_saying(&[yes, yes, yes, ("no", 500)], ""), &[UNANIMOUS, STOPPED]).await;
    let red = ("It is the red one, because the others are all taken by now", 10);
    check(
        &panel_saying(&[red, ("red", 20), ("Take any one of them but be quick", 30)], "agreement = 0.5"),
        &[TIE, LEXICAL],
    )
    .await;
    check(&panel_saying(&[yes, yes, yes], "agreement = 1.0\ncost_usd_max = 1"), &[UNANIMOUS, COST]).await;
    let one_family = panel_saying(&[yes, yes, yes], all).replace("of-b", "of-a").replace("of-c", "of-a");
    check(&one_family, &[ONE_FAMILY, UNANIMOUS]).await;
    check(&one_family.replacen("of-a", "of-b", 1), &[UNANIMOUS]).await;
    check(&panel(&[&says("yes", 10), FAILS, HANGS], "deadline_ms = 50"), &[FEW]).await;
}

#[tokio::test]
async fn what_an_upstream_calls_simulated_is_simulated() {
    let scripted =
        testkit::Upstream::start(|_| testkit::Reply::chat("yes").header("x-althing-simulated", "true")).await;
    let real = testkit::Upstream::start(|_| testkit::Reply::chat("yes")).await;
    let text = provider("a", &scripted.url()) + &provider("b", &real.url());
    let panel = "[[panel]]\nname = \"p\"\nmembers = [\"a/m\", \"b/m\"]\nagreement = 1.0\n";
    let (_, report) = ask(&matrix(&(text + panel)), "p").await.unwrap();
    assert!(report.simulated);
    assert_eq!(report.agreement.unwrap().caution[0], "simulated: 1 of 2 answers were made up by scripts");
}

#[tokio::test]
async fn real_models_are_not_called_simulated() {
    let upstream = testkit::Upstream::start(|_| testkit::Reply::chat("yes")).await;
    let text = provider("a", &upstream.url()) + "[[panel]]\nname = \"p\"\nmembers = [\"a/m\"]\n";
    assert!(cautions(&text).await.iter().all(|line| !line.starts_with("simulated")));
}

#[tokio::test(start_paused = true)]
async fn figures() {
    let yes = ("yes", 10);
    let found = agreement(&panel_saying(&[yes, yes, yes, ("no", 5), ("no", 500)], "")).await;
    assert_eq!((found.share, found.interval), (0.6, [0.2307, 0.8824]));
    // Four answers of four families: 4 / (1 + 3 * 0.4).
    assert_eq!((found.answered, found.effective_voters), (4, 1.82));
    assert_eq!(found.clusters.iter().map(|cluster| cluster.share).collect::<Vec<_>>(), [0.6, 0.2]);
    let weighed = "agreement = 1.0\nmembers = [{ model = \"s/a\", weight = 2 }, \"s/b\"]";
    let found = agreement(&panel_saying(&[yes, yes], weighed)).await;
    // Weights of 2 and 1 are worth 9/5 equal ones.
    assert_eq!((found.share, found.interval), (1.0, [0.3191, 1.0]));
    let same = panel_saying(&[yes, yes, yes], "agreement = 1.0").replace("of-b", "of-a").replace("of-c", "of-a");
    assert_eq!(agreement(&same).await.effective_voters, 1.0);
}

#[tokio::test(start_paused = true)]
async fn shares_never_add_up_to_more_than_everything() {
    let mut scripts: Vec<String> = ["a", "b", "c", "d", "e", "f"].iter().map(|text| says(text, 10)).collect();
    scripts.extend(vec![HANGS.to_owned(); 12]);
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    let found = agreement(&panel(&scripts, "agreement = 0.5\ndeadline_ms = 100")).await;
    assert_eq!((found.clusters.len(), found.reached), (6, false));
    let sum: f64 = found.clusters.iter().map(|cluster| cluster.share).sum();
    assert!(sum <= 1.0, "{sum}");
}

#[tokio::test(start_paused = true)]
async fn a_share_shown_never_passes_what_was_missed() {
    let found = agreement(&panel_saying(&[("yes", 10), ("yes", 20), ("no", 30)], "agreement = 0.6667")).await;
    assert!(!found.reached && found.share < 0.6667, "{}", found.share);
}

#[tokio::test(start_paused = true)]
async fn saved_time_is_told_once_it_is_known() {
    let matrix = matrix(&panel_saying(&[("yes", 10), ("yes", 20), ("yes", 30), ("no", 400), ("no", 900)], ""));
    let saved = async || ask(&matrix, "p").await.unwrap().1.agreement.unwrap().saved_ms;
    assert_eq!(saved().await, 0, "nobody knows yet what the cancelled ones take");
    ask(&matrix, "s/d").await.unwrap();
    let known = saved().await;
    assert!((365..=370).contains(&known), "{known}");
    ask(&matrix, "s/e").await.unwrap();
    let known = saved().await;
    assert!((865..=870).contains(&known), "{known}");
}

#[tokio::test(start_paused = true)]
async fn a_whole_report() {
    let yes = |after| says("**Yes**", after);
    let scripts = [yes(40), says("No", 20), FAILS.to_owned(), yes(30), HANGS.to_owned(), says("yes", 50)];
    let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
    let matrix = matrix(&panel(&scripts, "agreement = 0.6"));
    let (reply, report) =
        whole(matrix.ask(&caller(PATIENCE), &ChatRequest::from_prompt("p", "Is it so?")).await).unwrap();
    let mut report = serde_json::to_value(AskAnswer { answer: reply.answer(), report }).unwrap();
    let member_times = report["agreement"]["members"].as_array_mut().unwrap();
    member_times.iter_mut().for_each(|member| member["latency_ms"] = Value::from("[ms]"));
    report["overhead_ms"] = Value::from("[ms]");
    insta::assert_snapshot!(serde_json::to_string_pretty(&report).unwrap());
}

#[tokio::test(start_paused = true)]
async fn figures_are_told_with_their_middle() {
    let said = [("about 90 km", 10), ("100 km", 20), ("It is 104 km.", 30), ("108 km", 40), ("900 km", 50)];
    let keys = "answers = \"number\"\nagreement = 0.2\non_disagreement = \"plurality\"";
    let (reply, report) = ask(&matrix(&panel_saying(&said, keys)), "p").await.unwrap();
    let found = report.agreement.unwrap();
    assert_eq!((reply.answer().as_str(), found.method, found.reached), ("about 90 km", "numeric", true));
    let found = agreement(&panel_saying(&said[..4], &keys.replace("0.2", "0.3"))).await;
    let numbers = found.numbers.clone().unwrap();
    assert_eq!((numbers.median, numbers.mad, numbers.unit.as_deref()), (102.0, 4.0, Some("km")));
    assert_eq!(numbers.members, ["s/a", "s/b", "s/c", "s/d"]);
    assert_eq!(found.figures(), ["median 102 km, median absolute deviation 4 km"]);
    let mixed = panel_saying(
        &[("5 km", 10), ("7", 20), ("9 km", 30), ("who knows", 40)],
        "answers = \"number\"\nagreement = 0.5",
    );
    let lines = agreement(&mixed).await.caution;
    assert!(
        lines.contains(&"units differ: only figures in the unit of most weight count, which is `km`".to_owned()),
        "{lines:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_nobody_said_as_a_whole_is_marked() {
    let said =
        [("{\"a\": 1, \"b\": 1}", 10), ("{\"a\": 1, \"b\": 2, \"c\": 3}", 20), ("{\"a\": 2, \"b\": 1, \"c\": 3}", 30)];
    let (reply, report) = ask(&matrix(&panel_saying(&said, "answers = \"json\"")), "p").await.unwrap();
    assert_eq!((reply.answer().as_str(), report.served_by.as_str()), ("{\"a\":1,\"b\":1,\"c\":3}", "p"));
    assert_eq!(report.reasons, ["the answer is composed of single fields: no member gave it as a whole"]);
    let found = report.agreement.unwrap();
    assert!(found.reached && found.composed && !report.degraded);
    assert_eq!((found.method, found.share, found.clusters.len()), ("json", 0.6666, 3));
    let fields: Vec<_> = found.fields.iter().map(|field| (field.path.as_str(), field.members.len())).collect();
    assert_eq!(fields, [("/a", 2), ("/b", 2), ("/c", 2)]);
    assert!(
        found.caution.iter().any(|line| line.starts_with("composed: "))
            && !found.caution.iter().any(|l| l.starts_with(TIE))
    );
    // A member that sides with every majority speaks for itself.
    let said = [said[0], said[0], said[2]];
    let (reply, report) = ask(&matrix(&panel_saying(&said, "answers = \"json\"\nagreement = 0.9")), "p").await.unwrap();
    assert!(reply.answer().starts_with("No agreement: ") && reply.answer().contains("\n/c: left out, 67 %"));
    assert!(!report.agreement.unwrap().composed);
}

#[tokio::test(start_paused = true)]
async fn orders_are_told_with_their_sum() {
    let said = [("1. A\n2. B\n3. C", 10), ("B > C > A", 20), ("C > A > B", 30)];
    let found = agreement(&panel_saying(&said, "answers = \"ranking\"\nagreement = 0.5")).await;
    let ranking = found.ranking.clone().unwrap();
    assert_eq!((ranking.condorcet, ranking.cycle, ranking.w), (None, true, Some(0.0)));
    assert_eq!((found.method, found.reached), ("ranking", false));
    assert_eq!(
        found.figures(),
        ["order by points: A (3) > B (3) > C (3)", "no item wins against every other: majorities go round in a circle"]
    );
    let said = [("A > B > C", 10), ("A > B", 20), ("none of them", 30)];
    let found = agreement(&panel_saying(&said, "answers = \"ranking\"\nagreement = 0.9")).await;
    assert_eq!(found.ranking.unwrap().condorcet.as_deref(), Some("A"));
    for start in ["another kind: 1 of 3 answers", "items differ: "] {
        assert!(found.caution.iter().any(|line| line.starts_with(start)), "{:?}", found.caution);
    }
}
