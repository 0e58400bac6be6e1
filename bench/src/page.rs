//! The page `docs/performance.md`, rendered from `docs/performance.json`. Knows how results look on a page, and the
//! prose around them in `page.md`; refuses to know how they came about.

use super::outcome::{Environment, Figure, Outcome, Ratio, Subject, Verdict, json};
use super::registry::{BENCHMARKS, Benchmark};
use super::table::{bound, number, with_unit};
use super::write_failed;
use crate::trouble::Trouble;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where in the prose the results come.
const RESULTS: &str = "@results\n";
/// How wide prose is.
const WIDTH: usize = 120;

/// What subjects are told with on the page: the key and its heading, in this order.
const COLUMNS: &[(&str, &str)] = &[
    ("users", "users"),
    ("requests", "requests"),
    ("sessions", "sessions"),
    ("attempts", "attempts"),
    ("attempts_at_the_sick_one", "at the sick one"),
    ("mean_ms", "mean, ms"),
    ("p50_ms", "p50, ms"),
    ("p95_ms", "p95, ms"),
    ("p99_ms", "p99, ms"),
    ("first_p50_ms", "first content p50, ms"),
    ("requests_per_s", "requests/s"),
    ("requests_per_core_s", "requests per core-second"),
    ("cpu_us_per_request", "processor per request, µs"),
    ("resident_mb", "memory, MB"),
    ("watched_s", "watched, s"),
];

/// `docs/performance.json`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct Published {
    /// Counts up with every change that readers must know of.
    schema: u32,
    /// Those of the registry in its order, then others.
    benchmarks: Vec<Outcome>,
}

/// Puts what counts into `docs/performance.json` and writes the page anew. What is void or was skipped replaces nothing.
pub(super) fn publish(outcome: &Outcome) -> Result<(), Trouble> {
    if !outcome.verdict.counts() {
        eprintln!("not published: {} is {}", outcome.benchmark, outcome.verdict.word());
        return Ok(());
    }
    let mut published = read()?;
    published.take(outcome.clone());
    for (name, text) in [("performance.json", json(&published)?), ("performance.md", render(&published))] {
        let path = docs().join(name);
        std::fs::write(&path, text).map_err(|source| write_failed(&path, source))?;
    }
    Ok(())
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

fn read() -> Result<Published, Trouble> {
    let path = docs().join("performance.json");
    let text = std::fs::read_to_string(&path)
        .map_err(|source| Trouble::Read { path: "docs/performance.json".to_owned(), source })?;
    serde_json::from_str(&text)
        .map_err(|source| Trouble::Answer { command: "docs/performance.json".to_owned(), source })
}

impl Published {
    fn take(&mut self, outcome: Outcome) {
        self.benchmarks.retain(|other| other.benchmark != outcome.benchmark);
        self.benchmarks.push(outcome);
        let place = |name: &str| BENCHMARKS.iter().position(|known| known.name == name).unwrap_or(usize::MAX);
        self.benchmarks.sort_by(|left, right| {
            (place(&left.benchmark), &left.benchmark).cmp(&(place(&right.benchmark), &right.benchmark))
        });
    }
}

/// The page in Markdown, byte for byte as it lies in `docs/performance.md`.
pub(super) fn render(published: &Published) -> String {
    let of = |name: &str| published.benchmarks.iter().find(|outcome| outcome.benchmark == name);
    let known = BENCHMARKS.iter().map(|benchmark| section(benchmark, of(benchmark.name)));
    let is_known = |outcome: &&Outcome| BENCHMARKS.iter().any(|known| known.name == outcome.benchmark);
    let others = published.benchmarks.iter().filter(|outcome| !is_known(outcome)).map(other);
    let results: Vec<String> = known.chain(others).collect();
    include_str!("page.md").replace(RESULTS, &results.join("\n"))
}

fn section(benchmark: &Benchmark, outcome: Option<&Outcome>) -> String {
    let mut text = format!("## `{}`: {}\n\n{}\n", benchmark.name, benchmark.title, wrap(benchmark.what));
    let prose = [benchmark.ratio, benchmark.target].join(" ");
    text += &format!("{}\n", wrap(&format!("{} Void if {}.", prose.trim(), benchmark.void)));
    match outcome {
        Some(outcome) => text += &results(outcome),
        None => {
            let what = format!("Not measured yet; `cargo xtask bench {}` does.", benchmark.name);
            text += &format!("\n{}\n", wrap(&what));
        }
    }
    text
}

/// An entry that no benchmark of the registry makes.
fn other(outcome: &Outcome) -> String {
    format!("## `{}`\n\n{}\n{}", outcome.benchmark, wrap(&outcome.what), results(outcome))
}

fn results(outcome: &Outcome) -> String {
    let mut text = format!("\n{}\n", wrap(&occasion(outcome)));
    for part in [subjects(&outcome.subjects), figures(&outcome.figures), ratios(&outcome.ratios)] {
        if !part.is_empty() {
            text += &format!("\n{part}");
        }
    }
    text
}

/// When it was measured, where, with what, and how it came out.
fn occasion(outcome: &Outcome) -> String {
    let Environment { date: day, cores, load_average, others_cores, processor, .. } = &outcome.environment;
    let processor = processor.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    let mut text = format!("{}, {cores} cores{processor}", date(day));
    if let Some(load) = load_average {
        text += &format!(", load average {load:.1} before");
    }
    if let Some(others) = others_cores {
        text += &format!(", others kept {others:.1} cores busy meanwhile");
    }
    if outcome.environment.is_busy() {
        text += ": **others were using the machine**";
    }
    text += &format!(". `{}`: {}.", outcome.command, verdict(outcome.verdict));
    if let Some(drift) = outcome.drift {
        text += &format!(" The baseline drifted by {:.1} %.", drift * 1e2);
    }
    for note in &outcome.notes {
        text += &format!(" {}.", sentence(note));
    }
    text
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "every target was met",
        Verdict::Fail => "**a target was missed**",
        Verdict::Void => "void",
        Verdict::Measured => "there is no target",
        Verdict::Skipped => "skipped",
    }
}

/// Without an end, beginning with a capital.
fn sentence(note: &str) -> String {
    let mut letters = note.trim_end_matches('.').chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn subjects(subjects: &[Subject]) -> String {
    let is_there = |key: &str| subjects.iter().any(|subject| subject.measured.contains_key(key));
    let columns: Vec<_> = COLUMNS.iter().filter(|(key, _)| is_there(key)).collect();
    if columns.is_empty() {
        return String::new();
    }
    let headings: Vec<&str> = columns.iter().map(|(_, heading)| *heading).collect();
    let mut text = format!("| medians of rounds | {} |\n|---|{}\n", headings.join(" | "), "---|".repeat(columns.len()));
    for subject in subjects {
        let version = subject.version.as_ref().map(|version| format!(" {version}")).unwrap_or_default();
        let cell = |key: &str| subject.measured.get(key).map(|value| number(*value)).unwrap_or_default();
        let cells: Vec<String> = columns.iter().map(|(key, _)| cell(key)).collect();
        text += &row(&[format!("{}{version}", subject.name), cells.join(" | ")]);
    }
    text
}

fn figures(figures: &[Figure]) -> String {
    if figures.is_empty() {
        return String::new();
    }
    let mut text = "| figure | measured | target | |\n|---|---|---|---|\n".to_owned();
    for figure in figures {
        let value = with_unit(&number(figure.value), &figure.unit);
        let target = figure.target.map(bound).unwrap_or_default();
        let verdict = if figure.verdict == Verdict::Measured { "" } else { figure.verdict.word() };
        text += &row(&[figure.name.clone(), value, target, verdict.to_owned()]);
    }
    text
}

fn ratios(ratios: &[Ratio]) -> String {
    if ratios.is_empty() {
        return String::new();
    }
    let mut text = "| ratio | | median | least to largest of the rounds |\n|---|---|---|---|\n".to_owned();
    for ratio in ratios {
        let range = format!("{} to {}", number(ratio.low), number(ratio.high));
        text += &row(&[ratio.name.clone(), format!("{} / {}", ratio.of, ratio.to), number(ratio.value), range]);
    }
    text
}

fn row(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | ")).replace("|  |", "| |")
}

/// `2026-11-21` as `21 November 2026`; whatever else it is, as it is.
fn date(day: &str) -> String {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let parts: Vec<usize> = day.split('-').filter_map(|part| part.parse().ok()).collect();
    match parts.as_slice() {
        [year, month @ 1..=12, day] => format!("{day} {} {year}", MONTHS[month - 1]),
        _ => day.to_owned(),
    }
}

/// Words in lines of the page's width.
fn wrap(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let Some(line) = lines.last_mut() else { continue };
        if line.is_empty() {
            line.push_str(word);
        } else if line.chars().count() + 1 + word.chars().count() <= WIDTH {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn performance_page_is_that_of_its_json() {
        let published = read().unwrap();
        let path = docs().join("performance.md");
        if std::env::var_os("ALTHING_WRITE_DOCS").is_some_and(|value| value == "1") {
            std::fs::write(&path, render(&published)).unwrap();
            std::fs::write(docs().join("performance.json"), json(&published).unwrap()).unwrap();
        }
        let page = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(page, render(&published), "regenerate with `ALTHING_WRITE_DOCS=1 cargo test -p bench performance`");
        assert!(published.benchmarks.iter().all(|outcome| outcome.verdict.counts() && !outcome.environment.quick));
    }

    #[test]
    fn a_newer_result_takes_the_place_of_the_older() {
        let outcome = |name: &str, day: &str| Outcome {
            benchmark: name.to_owned(),
            environment: Environment { date: day.to_owned(), ..Environment::default() },
            ..Outcome::default()
        };
        let mut published = Published::default();
        for (name, day) in [("zebra", "1"), ("stream", "1"), ("chat", "1"), ("stream", "2")] {
            published.take(outcome(name, day));
        }
        let order: Vec<_> =
            published.benchmarks.iter().map(|one| (one.benchmark.as_str(), one.environment.date.as_str())).collect();
        assert_eq!(order, [("chat", "1"), ("stream", "2"), ("zebra", "1")]);
    }

    #[test]
    fn dates_are_spelt_out() {
        assert_eq!(date("2026-11-01"), "1 November 2026");
        assert_eq!(date("2026-13-01"), "2026-13-01");
        assert_eq!(date(""), "");
    }

    #[test]
    fn prose_is_wrapped_between_words() {
        let text = wrap(&"word ".repeat(100));
        assert!(text.lines().count() == 5 && text.lines().all(|line| line.len() <= WIDTH && line.ends_with("word")));
    }
}
