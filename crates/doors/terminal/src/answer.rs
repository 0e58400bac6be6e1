//! An answer and its report as a person reads them, eighty columns wide.

use crate::text::{WIDTH, beginning, clean, hang, labelled, length};
use matrix::{Agreement, AskAnswer, MemberOutcome, Report};
use models::Cost;

/// The widest a model's name is in the table; a longer one gets a line of its own.
const NAME_MAX: usize = 42;
/// How many lines of each answer are shown.
const ANSWER_LINES: usize = 3;
/// Digits behind the point of a cost in US dollars.
const COST_DIGITS: u32 = 6;

/// The answer, then what to know about it.
pub fn text(answer: &AskAnswer, unset: bool) -> String {
    let report = &answer.report;
    let mut text = format!("{}\n\n", clean(answer.answer.trim_end()));
    text.push_str(&simulated(report, unset));
    if let Some(told) = &report.agreement {
        text.push_str(&agreement(told, Some(&answer.answer)));
        text.push('\n');
    }
    text.push_str(&about(report));
    text
}

/// How much of what was said is made up: loud where all of it is.
fn simulated(report: &Report, unset: bool) -> String {
    match &report.agreement {
        Some(told) if told.simulated > 0 && told.simulated < told.answered => {
            return format!("{} of {} answers are simulated\n\n", told.simulated, told.answered);
        }
        _ if !report.simulated => return String::new(),
        _ => {}
    }
    let mut text = "*** SIMULATED: a script made this answer up, no model was asked. ***\n".to_owned();
    if unset {
        text.push_str("Set OPENAI_API_KEY, or add a [[provider]] to althing.toml, to ask real ones.\n");
    }
    text + "\n"
}

/// Who served it, at what price, and what failed on the way.
fn about(report: &Report) -> String {
    let mut text = labelled("served by", &report.served_by);
    text.push_str(&labelled("cost", &dollars(report.cost_usd)));
    text.push_str(&labelled("overhead", &format!("{:.1} ms added by this server", report.overhead_ms)));
    for (at, reason) in folded(report.reasons.iter().cloned()).iter().enumerate() {
        let label = match (at, report.degraded) {
            (0, true) => "degraded",
            (0, false) => "note",
            _ => "",
        };
        text.push_str(&labelled(label, reason));
    }
    text.push_str(&labelled("request", &report.request_id));
    text
}

/// How far a panel agreed; `above` is an answer that was printed already.
pub fn agreement(told: &Agreement, above: Option<&str>) -> String {
    let mut text = String::new();
    let [low, high] = told.interval;
    let reached = if told.reached { "reached" } else { "NOT REACHED" };
    let share = format!("{reached}: the leading answer holds {:.2} of the votes", told.share);
    text.push_str(&labelled("agreement", &format!("{share} (95 % interval {low:.2} to {high:.2})")));
    let voices = format!("worth {:.1} independent voices", told.effective_voters);
    let members = format!("{} asked, {} answered, {voices}, method {}", told.asked, told.answered, told.method);
    text.push_str(&labelled("members", &members));
    if told.stopped_early {
        let saved = if told.saved_ms > 0 { format!(", about {} ms saved", told.saved_ms) } else { String::new() };
        text.push_str(&labelled("stopped", &format!("early: the others could not change the result{saved}")));
    }
    for (at, caution) in told.caution.iter().enumerate() {
        text.push_str(&labelled(if at == 0 { "caution" } else { "" }, caution));
    }
    for (at, line) in told.figures().iter().enumerate() {
        text.push_str(&labelled(if at == 0 { "figures" } else { "" }, line));
    }
    text.push_str(&members_table(told));
    text.push_str(&answers(told, above));
    text
}

fn members_table(told: &Agreement) -> String {
    let widths = told.members.iter().map(|member| length(&member.model)).filter(|width| *width <= NAME_MAX);
    let name = widths.max().unwrap_or(NAME_MAX).max("member".len());
    let mut text = format!("\n{:name$}  {:9}  {:>9}  {:>10}\n", "member", "outcome", "ms", "cost");
    for member in &told.members {
        if length(&member.model) > name {
            text.push_str(&format!("{}\n", clean(&member.model)));
        }
        let shown = if length(&member.model) > name { "" } else { &member.model };
        let cost = dollars(member.cost_usd);
        let outcome = word(member.outcome);
        text.push_str(&format!("{shown:name$}  {outcome:9}  {:9.0}  {cost:>10}\n", member.latency_ms));
        if let Some(reason) = &member.reason {
            text.push_str(&hang("    ", reason));
        }
    }
    text
}

fn answers(told: &Agreement, above: Option<&str>) -> String {
    let printed = format!("\n{}\n", above.unwrap_or_default().trim());
    let is_above = |answer: &str| above.is_some() && printed.contains(&format!("\n{}\n", answer.trim()));
    // Where everybody said what was printed, or all answers were, there is nothing to add.
    let plain = told.clusters.iter().all(|cluster| is_above(&cluster.answer));
    if plain && (told.clusters.len() != 1 || told.clusters[0].members.len() == told.answered) {
        return String::new();
    }
    let mut text = "\nshare  answer\n".to_owned();
    for cluster in &told.clusters {
        let share = format!("{:5.2}  ", cluster.share);
        let said = match is_above(&cluster.answer) {
            true => "(above)".to_owned(),
            false => beginning(&cluster.answer, WIDTH - length(&share), ANSWER_LINES),
        };
        text.push_str(&hang(&share, &said));
        text.push_str(&hang("       by ", &cluster.members.join(", ")));
    }
    text
}

/// Lines of which one that stands several times in a row is said once, with how often.
pub fn folded(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut folded: Vec<(String, usize)> = Vec::new();
    for line in lines {
        match folded.last_mut() {
            Some((last, times)) if *last == line => *times += 1,
            _ => folded.push((line, 1)),
        }
    }
    let told = |(line, times)| if times == 1 { line } else { format!("{line} ({times} times)") };
    folded.into_iter().map(told).collect()
}

fn word(outcome: MemberOutcome) -> &'static str {
    match outcome {
        MemberOutcome::Answered => "answered",
        MemberOutcome::Failed => "failed",
        MemberOutcome::TimedOut => "timed out",
        MemberOutcome::Cancelled => "cancelled",
        MemberOutcome::Skipped => "skipped",
    }
}

fn dollars(cost: Cost) -> String {
    let Some(cost) = cost else { return "unknown".to_owned() };
    let rounded = cost.round_dp(COST_DIGITS).normalize();
    if rounded.is_zero() && !cost.is_zero() { "< $0.000001".to_owned() } else { format!("${rounded}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn banner(simulated: bool, made_up: Option<usize>) -> String {
        let agreement = made_up.map(|made_up| Agreement {
            method: "exact",
            asked: 3,
            answered: 3,
            reached: true,
            share: 1.0,
            interval: [0.4, 1.0],
            effective_voters: 1.5,
            stopped_early: false,
            saved_ms: 0,
            simulated: made_up,
            ..Agreement::default()
        });
        let report = Report {
            request_id: "req_1".into(),
            served_by: "a/b".to_owned(),
            simulated,
            degraded: false,
            reasons: Vec::new(),
            cache: "off",
            cost_usd: None,
            overhead_ms: 0.0,
            agreement,
        };
        super::simulated(&report, false)
    }

    #[test]
    fn only_what_is_all_made_up_is_said_loudly() {
        for (simulated, made_up) in [(true, None), (true, Some(3)), (true, Some(0))] {
            assert!(banner(simulated, made_up).starts_with("*** SIMULATED"), "{made_up:?}");
        }
        for simulated in [true, false] {
            assert_eq!(banner(simulated, Some(1)), "1 of 3 answers are simulated\n\n");
            assert_eq!(banner(false, None), "");
        }
        assert_eq!(banner(false, Some(0)), "");
    }
}
