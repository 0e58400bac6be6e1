//! What the page and the summary hold, of reports that are whole, empty and hostile. Knows no browser.

use super::sample::{integrity, night, rush, sample};
use super::*;
use crate::report::{Curve, Environment, Percentiles, Pooled, TargetFacts};
use proptest::prelude::*;
use testkit::elements;

const HOSTILE: &str = "<script>alert(\"1\")</script>'&\u{202e}\u{1b}[31m";

/// The sample with the name, or the like, replaced everywhere where somebody else may choose it.
fn named(name: &str) -> Report {
    let mut report = sample();
    let text = || name.to_owned();
    (report.name, report.id, report.started, report.target.url) = (text(), text(), text(), text());
    (report.target.althing, report.incomplete, report.complete) = (Some(text()), Some(text()), false);
    (report.environment.system, report.environment.processor) = (text(), text());
    (report.environment.version, report.notes) = (text(), vec![text()]);
    for layer in &mut report.layers {
        layer.name = text();
    }
    for scenario in &mut report.scenarios {
        (scenario.name, scenario.description, scenario.pattern) = (text(), text(), text());
        (scenario.schedule_sha256, scenario.cache) = (text(), [(text(), 1)].into());
        scenario.errors.iter_mut().for_each(|error| error.class = text());
        for row in &mut scenario.by_operation {
            (row.name, row.kind, row.model) = (text(), text(), Some(text()));
        }
        for requirement in &mut scenario.requirements {
            (requirement.name, requirement.reason) = (text(), Some(text()));
        }
    }
    report
}

/// A report of which only the shape is there.
fn bare() -> Report {
    Report {
        id: String::new(),
        started: String::new(),
        target: TargetFacts::default(),
        environment: Environment::default(),
        repeats: 0,
        pooled: Pooled { success: Share::new(0, 0), success_mean: f64::NAN, p95_ms_mean: f64::NAN },
        layers: Vec::new(),
        scenarios: Vec::new(),
        notes: Vec::new(),
        ..sample()
    }
}

/// A scenario of which no request was finished.
fn untouched() -> ScenarioReport {
    let (success, none) = (Share::new(0, 0), Percentiles::default);
    ScenarioReport {
        operations: 0,
        success,
        latency_ms: none(),
        service_ms: none(),
        wait_ms: none(),
        rate_per_s: 0.0,
        users_seen: 0,
        in_flight_max: 0,
        errors: Vec::new(),
        slices: Vec::new(),
        curve: Curve::default(),
        ..night()
    }
}

/// The page, having checked what holds for each: it is well-formed, runs nothing, fetches nothing, and every link in it
/// leads to a place in it.
fn checked(report: &Report) -> String {
    let page = page(report);
    let found = elements(&page).unwrap_or_else(|wrong| panic!("{wrong}"));
    let name = |tag: &str| tag.split(' ').next().unwrap_or_default().to_owned();
    for tag in &found {
        assert!(!["script", "link", "img", "iframe", "object", "base", "form"].contains(&name(tag).as_str()), "{tag}");
        assert!(![" on", " src=", " srcset=", " xlink:", " style="].iter().any(|bad| tag.contains(bad)), "{tag}");
        if let Some((_, link)) = tag.split_once(" href=\"") {
            let place = link.trim_end_matches('"').strip_prefix('#').unwrap_or_else(|| panic!("{tag} leads away"));
            assert!(page.contains(&format!("id=\"{place}\"")), "{tag} leads nowhere");
        }
    }
    assert!(!page.contains("url(") && !page.contains("@import") && !page.contains("<script"));
    assert!(!page.contains("NaN") && !page.contains("inf ") && !page.contains("Some("));
    page
}

/// The summary, having checked that it keeps within a terminal and says no more than text.
fn summed(report: &Report) -> String {
    let text = text(report);
    let wide: Vec<_> = text.lines().filter(|line| line.chars().count() > 80).collect();
    assert!(wide.is_empty(), "{wide:#?}");
    assert!(!text.chars().any(|letter| letter.is_control() && letter != '\n'), "{text}");
    text
}

#[test]
fn the_summary_of_the_sample() {
    insta::assert_snapshot!(summed(&sample()));
}

#[test]
fn a_pass_does_not_hide_what_was_not_measured() {
    for (unmeasured, expect) in [
        (0, "Everything that was judged holds."),
        (1, "Everything that was judged holds; 1 requirement could not be measured."),
        (4, "Everything that was judged holds; 4 requirements could not be measured."),
    ] {
        let mut report = sample();
        report.verdict = Verdict::Pass;
        report.scenarios[0].requirements.clear();
        report.scenarios[1].requirements = vec![night().requirements[1].clone(); unmeasured];
        assert!(checked(&report).contains(&format!("<p>{expect}</p>")), "{expect}");
        assert!(summed(&report).contains(&format!("\n{expect}\n")), "{}", text(&report));
        report.verdict = Verdict::Inconclusive;
        assert!(!checked(&report).contains("could not be measured."));
    }
}

#[test]
fn no_grade_where_the_figures_are_not_to_be_believed() {
    let graded = |verdict, complete| {
        let report = Report { verdict, complete, ..sample() };
        (checked(&report).contains("grade <strong>C<"), summed(&report).contains("grade C original's grade D"))
    };
    for (verdict, complete, shown) in
        [(Verdict::Fail, true, true), (Verdict::Invalid, true, false), (Verdict::Inconclusive, false, false)]
    {
        assert_eq!(graded(verdict, complete), (shown, shown), "{verdict:?} {complete}");
    }
    let mut report = Report { verdict: Verdict::Invalid, ..sample() };
    report.scenarios[0].verdict = Verdict::Invalid;
    report.scenarios[1].planned += 1;
    let (page, text) = (checked(&report), summed(&report));
    assert!(page.contains("grade <strong>–</strong>") && text.contains("grade - original's grade -\n"), "{text}");
    assert!(page.matches("original’s –").count() == 2 && text.matches("  -/- ").count() == 2, "{text}");
    assert!(!page.contains("<dt>Grade</dt><dd>B</dd>"));
}

#[test]
fn a_whole_report_says_everything_there_is() {
    let page = checked(&sample());
    for expect in [
        "Load test: ward",
        "? </span>inconclusive",
        "<strong>morning-rush</strong>: answers from any cache tier",
        "at least\u{a0}75\u{a0}%",
        "73.2–75.4\u{a0}%",
        "104,000",
        "cmo_015",
        "l1 3,900, l2 261",
        "the clock of the target is 2 s behind",
        "To the first token",
        "status 5xx",
        "breaker open",
        "Cache per second",
        "Breakers not closed",
        "Fallbacks, retries and requests turned away per second",
        "limit 330 MB",
        "althing load run ward --target https://models.example.org --repeat 2 --seed 7",
        "Nought throughout, and not drawn: MCP sessions.",
    ] {
        assert!(page.contains(expect), "{expect}\n{page}");
    }
    assert!(!page.contains("incomplete.") && !page.contains("Integrity"));
}

#[test]
fn hostile_names_stay_names() {
    let page = checked(&named(HOSTILE));
    assert!(page.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;"));
    let text = summed(&named(HOSTILE));
    assert!(text.contains("<script>alert(\"1\")") && !text.contains(['\u{202e}', '\u{1b}']), "{text}");
}

#[test]
fn a_command_holds_names_together() {
    let command = words::command("a b'c", "http://x/$(id)", 1, None);
    assert_eq!(command, r"althing load run 'a b'\''c' --target 'http://x/$(id)'");
    assert_eq!(words::command("--help", "", 1, Some(3)), "althing load run '--help' --seed 3");
}

#[test]
fn what_is_absent_is_told_in_a_sentence() {
    let page = checked(&bare());
    assert!(page.contains("No scenario was run.") && page.contains("nothing to count"));
    assert!(summed(&bare()).contains("No scenario was run."));

    let page = checked(&Report { scenarios: vec![night()], ..sample() });
    assert!(page.contains("The target showed no metrics of its own"));
    assert!(page.contains("each sending the next request as soon as it has an answer"));
    for silent in ["Cache per second", "Breakers not closed", "Fallbacks", "Target’s memory", "To the first token"] {
        assert!(!page.contains(silent), "{silent}");
    }
}

#[test]
fn no_operation_leaves_no_figure_and_no_chart() {
    let report = Report { scenarios: vec![untouched()], ..sample() };
    let page = checked(&report);
    assert!(page.contains("None of 200\u{a0}planned requests was finished"));
    assert!(page.contains("there is nothing to draw") && !page.contains("<svg"));
    let text = summed(&report);
    let row = text.lines().find(|line| line.starts_with("night") && line.len() > 5).unwrap();
    assert_eq!(row.split_whitespace().collect::<Vec<_>>()[1..6], ["0", "-", "-", "-", "-"]);
}

#[test]
fn banners_warn_of_what_takes_belief_away() {
    let calm = checked(&Report { notes: Vec::new(), ..sample() });
    assert!(calm.contains("nothing is known that speaks against the figures") && !calm.contains("class=\"banner\""));

    let report = Report { complete: false, incomplete: Some("it was interrupted".to_owned()), ..sample() };
    assert!(checked(&report).contains("This run is incomplete.</strong> it was interrupted"));
    assert!(summed(&report).contains("- incomplete: it was interrupted"));
    assert!(checked(&Report { complete: false, ..sample() }).contains("Why is not known."));

    let mut report = sample();
    report.scenarios[0].generator.dropped = 9;
    report.target.simulated = true;
    let page = checked(&report);
    assert!(page.contains("morning-rush:</strong> the generator was at fault: it dropped 9 of the arrivals"));
    assert!(page.contains("The answers were simulated."));
    assert!(summed(&report).contains("- morning-rush: the generator was at fault"));
}

#[test]
fn integrity_is_told_where_it_was_asked_for() {
    let page = checked(&Report { integrity: Some(integrity()), ..sample() });
    let [_, section] = page.split("<h2>Integrity</h2>").collect::<Vec<_>>()[..] else { panic!("{page}") };
    for expect in ["98.3\u{a0}%", "1,180 of 1,200", "no answers are known", "nothing to count", ">41<"] {
        assert!(section.contains(expect), "{expect}");
    }
    let text = summed(&Report { integrity: Some(integrity()), ..sample() });
    let [_, section] = text.split("integrity: answers that are the same\n").collect::<Vec<_>>()[..] else {
        panic!("{text}")
    };
    for expect in [
        "  under load as alone       98.3 % (97.4-98.9 %), 1,180 of 1,200\n",
        "  alone, asked twice        nothing to count\n",
        "  unanswered                3 alone, 41 under load\n",
    ] {
        assert!(section.contains(expect), "{expect}{section}");
    }
    assert!(!section.contains("known answer, alone") && !summed(&sample()).contains("integrity"));
}

#[test]
fn a_target_far_above_is_told_beside_the_chart() {
    let mut report = sample();
    report.scenarios = vec![rush()];
    report.scenarios[0].requirements[1].target = 60_000.0;
    let page = checked(&report);
    assert!(page.contains("Far above, and not drawn: p95 target 60 s."));
}

#[test]
fn an_early_end_of_all_success_is_told_beside_the_chart() {
    let mut report = sample();
    assert!(!checked(&report).contains("nothing succeeded"));
    for slice in &mut report.scenarios[1].slices[20..] {
        (slice.p50_ms, slice.p95_ms) = (None, None);
    }
    assert!(checked(&report).contains("meant to be sent from 20 s on, nothing succeeded."));
}

#[test]
fn a_timeline_of_which_half_is_told_says_so() {
    let mut report = sample();
    assert!(!checked(&report).contains("does not tell of"));
    for glimpse in &mut report.scenarios[0].glimpses {
        (glimpse.fallbacks, glimpse.shed) = (None, None);
    }
    assert!(checked(&report).contains("Drawn: retries. The target does not tell of: fallbacks, turned away."));
}

#[test]
fn a_counter_begun_anew_breaks_its_line_and_close_readings_are_passed_over() {
    let rates = super::charts::per_second(&[(0.0, 0.0), (1.0, 5.0), (1.01, 9.0), (2.0, 7.0), (3.0, 1.0), (5.0, 5.0)]);
    assert_eq!(rates.len(), 4);
    assert_eq!((rates[0], rates[1], rates[3]), ((1.0, 5.0), (2.0, 2.0), (5.0, 2.0)));
    assert!(rates[2].1.is_nan());
}

#[test]
fn more_requirements_than_fit_at_the_top_are_counted() {
    let mut report = sample();
    report.scenarios[0].requirements = vec![report.scenarios[0].requirements[3].clone(); 12];
    assert!(checked(&report).contains("<li>and 5 more, below</li>"));
}

#[test]
fn large_figures_and_long_names_keep_their_columns() {
    let mut report = named(&"a-name-with-many-parts-".repeat(8));
    for scenario in &mut report.scenarios {
        scenario.operations = 1_234_567_890;
        (scenario.success, scenario.rate_per_s) = (Share::new(9_999_999, 10_000_000), 1_234_567.0);
        (scenario.latency_ms.p50, scenario.latency_ms.p95) = (123_456.7, 3_600_000.0);
        scenario.requirements.iter_mut().for_each(|one| one.operations_needed = Some(u64::MAX));
    }
    let text = summed(&report);
    assert!(text.contains(" 1,235M >99.99 99.9-100.0   123k 3,600k 1,235k   B/B inconclusive"), "{text}");
}

#[test]
fn a_figure_and_its_unit_stay_together() {
    let mut report = sample();
    report.scenarios[1].requirements[1].name = "cache_l2_min".to_owned();
    assert!(summed(&report).contains("second cache tier: at\n                least 12 %\n"), "{}", text(&report));
}

#[test]
fn numbers() {
    let check = |value: f64, expect: &str| assert_eq!(words::number(value), expect);
    check(0.0, "0");
    check(0.008_12, "0.00812");
    check(9.999, "10.0");
    check(99.96, "100");
    check(2_004.4, "2,004");
    check(-1_234_567.0, "-1,234,567");
    check(f64::INFINITY, words::NONE);
    let check = |share: f64, expect: &str| assert_eq!(Quantity::Share.show(share), format!("{expect}\u{a0}%"));
    check(1.0, "100.0");
    check(1.0 - f64::EPSILON, "100.0");
    check(0.9997, "99.97");
    check(0.0, "0.0");
    check(0.0002, "0.02");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn any_text_is_shown_as_text(name in ".{0,200}") {
        checked(&named(&name));
        summed(&named(&name));
    }
}
