//! What holds of every report, whatever the members do.

use crate::fixtures::*;
use crate::{Agreement, AskError, MemberOutcome};
use proptest::prelude::*;
use std::fmt::Write as _;

#[derive(Debug, Clone)]
enum Does {
    Answers(&'static str, u64),
    Fails(u64),
    Hangs,
}

impl Does {
    fn script(&self) -> String {
        match self {
            Self::Answers(text, after) => says(text, *after),
            Self::Fails(after) => format!("{FAILS}, latency = {{ ms = {after} }}"),
            Self::Hangs => HANGS.to_owned(),
        }
    }
}

fn does() -> impl Strategy<Value = Does> {
    prop_oneof![
        6 => (prop::sample::select(vec!["A", "B", "C"]), 0..90_u64).prop_map(|(text, after)| Does::Answers(text, after)),
        1 => (0..90_u64).prop_map(Does::Fails),
        1 => Just(Does::Hangs),
    ]
}

fn run(settings: &str) -> Result<Agreement, AskError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(async { ask(&matrix(settings), "p").await.map(|(_, report)| report.agreement.unwrap()) })
}

fn weight_of(ids: &[String], weights: &[f64]) -> f64 {
    ids.iter().map(|id| weights[(id.as_bytes()[2] - b'a') as usize]).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_report_adds_up(
        members in prop::collection::vec((does(), 1..50_u32), 1..9), share in 1..=20_u32,
    ) {
        let scripts: Vec<String> = members.iter().map(|(does, _)| does.script()).collect();
        let scripts: Vec<&str> = scripts.iter().map(String::as_str).collect();
        let weights: Vec<f64> = members.iter().map(|(_, tenths)| f64::from(*tenths) / 10.0).collect();
        let share = f64::from(share) / 20.0;
        let mut keys = format!("agreement = {share}\ndeadline_ms = 100\nmembers = [");
        for (name, weight) in names().zip(&weights) {
            write!(keys, "{{ model = \"s/{name}\", weight = {weight} }}, ").unwrap();
        }
        let answers = members.iter().any(|(does, _)| matches!(does, Does::Answers(..)));
        let report = match run(&panel(&scripts, &(keys + "]"))) {
            Ok(report) => report,
            Err(error) => {
                prop_assert!(!answers, "{}", error);
                prop_assert_eq!(error.attempts().len(), members.len());
                return Ok(());
            }
        };
        let ids: Vec<String> = report.members.iter().map(|member| member.model.clone()).collect();
        prop_assert_eq!(ids, names().take(members.len()).map(|name| format!("s/{name}")).collect::<Vec<_>>());
        let of = |outcome| {
            let which = report.members.iter().filter(move |member| member.outcome == outcome);
            which.map(|member| member.model.clone()).collect::<Vec<_>>()
        };
        let (answered, cancelled) = (of(MemberOutcome::Answered), of(MemberOutcome::Cancelled));
        let lost = of(MemberOutcome::Failed).len() + of(MemberOutcome::TimedOut).len();
        prop_assert_eq!(report.asked, answered.len() + lost + cancelled.len());
        prop_assert_eq!((report.asked, report.answered), (members.len(), answered.len()));
        prop_assert_eq!(report.stopped_early, !cancelled.is_empty());
        for member in &report.members {
            prop_assert_eq!(member.outcome == MemberOutcome::Answered, member.reason.is_none());
        }
        let clustered: usize = report.clusters.iter().map(|cluster| cluster.members.len()).sum();
        prop_assert_eq!(clustered, answered.len());
        prop_assert!(report.clusters.iter().map(|cluster| cluster.share).sum::<f64>() <= 1.0 + 1e-9);
        prop_assert!(report.clusters.windows(2).all(|pair| pair[0].share >= pair[1].share));
        let counted = weight_of(&answered, &weights) + weight_of(&cancelled, &weights);
        let leader = weight_of(&report.clusters[0].members, &weights);
        prop_assert_eq!(report.reached, leader >= share * counted - 1e-9 * counted);
        prop_assert!((report.share - leader / counted).abs() <= 1e-4);
        let [lo, hi] = report.interval;
        prop_assert!(0.0 <= lo && lo <= report.share && report.share <= hi && hi <= 1.0, "{:?}", report.interval);
        prop_assert!(report.effective_voters >= 1.0 && report.effective_voters <= answered.len() as f64);
    }
}
