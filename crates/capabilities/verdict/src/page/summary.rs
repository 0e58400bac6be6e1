//! The report as plain text for a terminal, no wider than 80 columns and without colours.
//!
//! Text from outside loses its control characters here, so that no name can move a cursor.

use super::words::{self, Quantity};
use super::{faults, unfinished};
use crate::report::{Integrity, Layer, Report, Requirement, ScenarioReport, Verdict};
use statistics::Interval;

/// The widest line.
const WIDTH: usize = 80;

/// The longest name that stands in the table; longer ones get a line of their own.
const NAME: usize = 15;

/// The report as a summary for a terminal: verdict, grades, scenarios, and whatever does not pass with what would
/// settle it. Lines have at most 80 columns; longer words are cut in pieces.
pub fn text(report: &Report) -> String {
    let mut page = Page::default();
    let verdict = words::verdict(report.verdict).to_uppercase();
    let [grade, grade_cmo] = words::grades(report);
    page.line("", &format!("{}: {verdict}   grade {grade}   original's grade {grade_cmo}", report.name));
    page.line("", &origin(report));
    page.line("", &words::verdict_sentence(report));
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
    if let Some(integrity) = &report.integrity {
        page.integrity(integrity);
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
        let indent = lead.chars().count();
        let (mut line, mut used) = (lead.to_owned(), indent);
        // A blank that must not break keeps a figure and its unit together.
        let parting = |letter: char| letter.is_whitespace() && letter != '\u{a0}';
        for word in words.split(parting).filter(|word| !word.is_empty()).flat_map(|word| pieces(word, WIDTH - indent)) {
            let size = word.chars().count();
            let blank = usize::from(used > indent);
            if used + blank + size > WIDTH {
                self.push(&line);
                (line, used) = (" ".repeat(indent), indent);
            } else if blank > 0 {
                line.push(' ');
                used += 1;
            }
            line += &word;
            used += size;
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
            let figure = |value: f64| if sample.count == 0 { words::NONE.to_owned() } else { short(value, 6) };
            let mut name = plain(&scenario.name);
            if name.chars().count() > NAME {
                self.line("", &name);
                name.clear();
            }
            let (share, interval) = if success.of == 0 {
                (words::NONE.to_owned(), words::NONE.to_owned())
            } else {
                (per_cent(success.share), per_cents(success.interval))
            };
            self.row(
                [
                    &name,
                    &operations(scenario.operations),
                    &share,
                    &interval,
                    &figure(sample.p50),
                    &figure(sample.p95),
                    &short(scenario.rate_per_s, 6),
                    &words::scenario_grades(scenario).join("/"),
                ],
                words::verdict(scenario.verdict),
            );
        }
    }

    /// One row of the table; the widths and the gaps between them add up to the widest line.
    fn row(&mut self, [name, operations, share, interval, p50, p95, rate, grade]: [&str; 8], verdict: &str) {
        let figures = format!("{operations:>6} {share:>6} {interval:>10} {p50:>6} {p95:>6} {rate:>6} {grade:>5}");
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
            let lead = format!("  {:<12}  ", words::verdict(requirement.verdict));
            self.line(&lead, &words::finding(requirement));
            if let Some(reason) = &requirement.reason {
                self.line(&" ".repeat(16), reason);
            }
            if let Some(needed) = requirement.operations_needed {
                self.line(&" ".repeat(16), &format!("{} operations would settle it", words::count(needed)));
            }
        }
    }

    fn integrity(&mut self, integrity: &Integrity) {
        self.gap();
        self.line("", "integrity: answers that are the same");
        let tallies = [
            ("under load as alone", Some(integrity.consistency)),
            ("alone, asked twice", Some(integrity.reproducibility)),
            ("known answer, alone", integrity.accuracy_alone),
            ("known answer, under load", integrity.accuracy),
        ];
        for (name, tally) in tallies.into_iter().filter_map(|(name, tally)| Some((name, tally?))) {
            let found = if tally.of == 0 {
                "nothing to count".to_owned()
            } else {
                let (share, range) = (Quantity::Share.show(tally.share), Quantity::Share.range(tally.interval));
                format!("{share} ({range}), {} of {}", words::count(tally.count), words::count(tally.of))
            };
            self.line(&format!("  {name:<24}  "), &found);
        }
        let [alone, loaded] = integrity.unanswered.map(words::count);
        self.line(&format!("  {:<24}  ", "unanswered"), &format!("{alone} alone, {loaded} under load"));
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

/// A word in as many pieces as a line of this width asks for.
fn pieces(word: &str, width: usize) -> Vec<String> {
    let letters: Vec<char> = plain(word).chars().collect();
    letters.chunks(width.max(1)).map(|piece| piece.iter().collect()).collect()
}

/// A figure of no more than so many letters: thousands or millions where there is no room for all of it.
fn short(value: f64, room: usize) -> String {
    let forms = [(1.0, ""), (1e3, "k"), (1e6, "M")];
    let forms = forms.map(|(unit, sign)| words::number(value / unit) + sign);
    forms.into_iter().find(|form| form.chars().count() <= room).unwrap_or_else(|| format!("{value:.0e}"))
}

/// A count of no more than six letters.
fn operations(count: u64) -> String {
    let all = words::count(count);
    if all.len() <= 6 { all } else { short(count as f64, 6) }
}

/// A share in per cent, without its sign, of no more than six letters.
fn per_cent(share: f64) -> String {
    let shown = Quantity::Share.show(share).replace("\u{a0}%", "");
    match shown.chars().count() {
        0..=6 => shown,
        _ if share > 0.5 => ">99.99".to_owned(),
        _ => "<0.01".to_owned(),
    }
}

/// Both ends of a share in per cent of no more than ten letters, rounded outwards where there is no room for more digits.
fn per_cents(interval: Interval) -> String {
    let shown = Quantity::Share.range(interval).replace("\u{a0}%", "");
    if shown.chars().count() <= 10 {
        return shown;
    }
    let (lo, hi) = ((interval.lo * 1_000.0).floor() / 10.0, (interval.hi * 1_000.0).ceil() / 10.0);
    format!("{lo:.1}–{hi:.1}")
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
