//! The report as plain text for a terminal, no wider than 80 columns and without colours.
//!
//! Text from outside loses its control characters here, so that no name can move a cursor.

use super::words::{self, Quantity};
use super::{faults, unfinished};
use crate::report::{Layer, Report, Requirement, ScenarioReport, Verdict};

/// The widest line.
const WIDTH: usize = 80;

/// The longest name that stands in the table; longer ones get a line of their own.
const NAME: usize = 15;

/// The report as a summary for a terminal: verdict, grades, scenarios, and whatever does not pass with what would
/// settle it. Lines have at most 80 columns, save for single words that are longer.
pub fn text(report: &Report) -> String {
    let mut page = Page::default();
    let verdict = words::verdict(report.verdict).to_uppercase();
    let (grade, grade_cmo) = (report.grade.name(), report.grade_cmo.name());
    page.line("", &format!("{}: {verdict}   grade {grade}   original's grade {grade_cmo}", report.name));
    page.line("", &origin(report));
    page.line("", words::verdict_sentence(report.verdict));
    page.gap();
    page.scenarios(&report.scenarios);
    for scenario in &report.scenarios {
        page.open(&scenario.name, &scenario.requirements);
    }
    if !report.layers.is_empty() {
        page.gap();
    }
    for layer in &report.layers {
        page.line("", &layer_line(layer));
    }
    page.notes(report);
    page.text
}

fn origin(report: &Report) -> String {
    let url = if report.target.url.is_empty() { "target unknown" } else { &report.target.url };
    let started = if report.started.is_empty() { "at an unknown time" } else { &report.started };
    format!("{url}, started {started}, {}", words::several(report.repeats.into(), "repeat"))
}

fn layer_line(layer: &Layer) -> String {
    let count = |verdict| layer.requirements.iter().filter(|one| one.verdict == verdict).count();
    let kinds = [Verdict::Pass, Verdict::Fail, Verdict::Inconclusive, Verdict::Invalid, Verdict::NotMeasured];
    let counts = kinds.map(|verdict| (count(verdict), words::verdict(verdict)));
    let counts = counts.into_iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    format!("layer {}: {} ({})", layer.name, words::verdict(layer.verdict), counts.collect::<Vec<_>>().join(", "))
}

/// Lines that keep within the width.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    /// Adds words, broken into as many lines as they need; every line but the first is indented as deep as the first
    /// one's `lead` is wide.
    fn line(&mut self, lead: &str, words: &str) {
        let (mut line, mut fresh) = (lead.to_owned(), true);
        for word in plain(words).split_whitespace() {
            if !fresh && line.chars().count() + 1 + word.chars().count() > WIDTH {
                self.push(&line);
                (line, fresh) = (" ".repeat(lead.chars().count()), true);
            }
            if !fresh {
                line.push(' ');
            }
            line.push_str(word);
            fresh = false;
        }
        self.push(&line);
    }

    fn push(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn gap(&mut self) {
        self.text.push('\n');
    }

    fn scenarios(&mut self, scenarios: &[ScenarioReport]) {
        if scenarios.is_empty() {
            return self.line("", "No scenario was run.");
        }
        self.row(["scenario", "ops", "ok %", "95 %", "p50 ms", "p95 ms", "per s", "grade"], "verdict");
        self.push(&"-".repeat(WIDTH));
        for scenario in scenarios {
            let (sample, success) = (&scenario.latency_ms, &scenario.success);
            let figure = |value: f64| if sample.count == 0 { words::NONE.to_owned() } else { words::number(value) };
            let bare = |text: String| plain(&text).replace(" %", "");
            let mut name = plain(&scenario.name);
            if name.chars().count() > NAME {
                self.line("", &name);
                name.clear();
            }
            let none = success.of == 0;
            let interval = if none { words::NONE.to_owned() } else { Quantity::Share.range(success.interval) };
            let share = if none { words::NONE.to_owned() } else { Quantity::Share.show(success.share) };
            self.row(
                [
                    &name,
                    &words::count(scenario.operations),
                    &bare(share),
                    &bare(interval),
                    &figure(sample.p50),
                    &figure(sample.p95),
                    &words::number(scenario.rate_per_s),
                    &format!("{}/{}", scenario.grade.name(), scenario.grade_cmo.name()),
                ],
                words::verdict(scenario.verdict),
            );
        }
    }

    /// One row of the table; the widths and the gaps between them add up to the widest line.
    fn row(&mut self, [name, operations, share, interval, p50, p95, rate, grade]: [&str; 8], verdict: &str) {
        let figures = format!("{operations:>7} {share:>5} {interval:>10} {p50:>6} {p95:>6} {rate:>6} {grade:>5}");
        self.push(&plain(&format!("{name:<NAME$} {figures} {verdict}")));
    }

    /// What does not pass, and what would settle it.
    fn open(&mut self, scenario: &str, requirements: &[Requirement]) {
        let mut open = requirements.iter().filter(|one| one.verdict != Verdict::Pass).peekable();
        if open.peek().is_some() {
            self.gap();
            self.line("", scenario);
        }
        for requirement in open {
            let quantity = Quantity::of(&requirement.name);
            let mut facts = format!("{}: {}", words::requirement(&requirement.name), words::target(requirement, false));
            if let Some(measured) = requirement.measured {
                facts += &format!(", measured {}", quantity.show(measured));
            }
            if let Some(interval) = requirement.interval {
                facts += &format!(" ({})", quantity.range(interval));
            }
            self.line(&format!("  {:<12}  ", words::verdict(requirement.verdict)), &facts);
            if let Some(reason) = &requirement.reason {
                self.line(&" ".repeat(16), reason);
            }
            if let Some(needed) = requirement.operations_needed {
                self.line(&" ".repeat(16), &format!("{} operations would settle it", words::count(needed)));
            }
        }
    }

    fn notes(&mut self, report: &Report) {
        let mut notes: Vec<_> =
            (!report.complete).then(|| format!("incomplete: {}", unfinished(report))).into_iter().collect();
        notes.extend(faults(report).map(|(name, fault)| format!("{name}: {fault}")));
        notes.extend(report.target.simulated.then(|| "the answers were simulated".to_owned()));
        notes.extend(report.notes.iter().cloned());
        if !notes.is_empty() {
            self.gap();
        }
        for note in notes {
            self.line("- ", &note);
        }
    }
}

/// Typographical signs as their plain forms, and what moves a cursor or turns the writing round as question marks.
fn plain(text: &str) -> String {
    let sign = |letter: char| match letter {
        '–' | '—' => '-',
        '’' => '\'',
        letter if letter.is_whitespace() => ' ',
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '?',
        letter if letter.is_control() => '?',
        letter => letter,
    };
    text.chars().map(sign).collect()
}
