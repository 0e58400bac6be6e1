//! A plan for a terminal. Knows columns; computes nothing.

use super::{Cell, Plan, Row};
use crate::compare::words::{COLUMNS, figure, fitted, range, wrapped};
use statistics::Interval;

/// Columns of the names, and of each growth.
const NAME: usize = 20;
const GROWTH: usize = 20;
/// Growths that stand side by side.
const ABREAST: usize = 3;

/// The plan for a terminal, in lines of at most 80 columns. Figures carry the number of the list of runs they rest on.
pub fn text(plan: &Plan) -> String {
    let mut runs = Runs::default();
    let mut text =
        wrapped("capacity of ", &format!("{} under `{}` (sweep {})", plan.target, plan.scenario, plan.sweep));
    text += &wrapped("demand      ", &format!("{} answers/s, {}", figure(plan.demand_per_s), plan.demand_from));
    let mark = runs.mark(&plan.maximum_per_s.runs);
    let (most, users) = (said(&plan.maximum_per_s), said(&plan.maximum_users));
    text += &wrapped("one server  ", &format!("at most {most} answers/s at {users} users {mark}"));
    let mark = runs.mark(&plan.bottleneck.runs);
    text += &wrapped("gives out   ", &format!("{}: {} {mark}", plan.bottleneck.scarce.name(), plan.bottleneck.why));
    for rows in plan.rows.chunks(ABREAST) {
        text += &table(rows, &mut runs);
    }
    for row in &plan.rows {
        let growth = format!("{}x: ", figure(row.growth));
        for line in row.refused.iter().map(|why| format!("refused: {why}")).chain(row.exceeded.iter().cloned()) {
            text += &wrapped(&growth, &line);
        }
    }
    text += &claims(plan);
    for note in &plan.notes {
        text += &wrapped("note: ", note);
    }
    text + &runs.text()
}

fn table(rows: &[Row], runs: &mut Runs) -> String {
    type Of = fn(&Row) -> &Cell;
    const FIGURES: [(&str, Of); 9] = [
        ("servers", |row| &row.nodes),
        ("users at once", |row| &row.users),
        ("mean latency, ms", |row| &row.latency_ms),
        ("cores", |row| &row.cores),
        ("memory, MB", |row| &row.memory_mb),
        ("store connections", |row| &row.store_connections),
        ("provider slots", |row| &row.provider_slots),
        ("share of rpm", |row| &row.rpm_share),
        ("share of tpm", |row| &row.tpm_share),
    ];
    let columns = |name: &str, cells: Vec<String>| {
        let cells: String = cells.iter().map(|cell| format!("{:>GROWTH$}", fitted(cell, GROWTH - 1))).collect();
        format!("{:<NAME$}{cells}", fitted(name, NAME)).trim_end().to_owned() + "\n"
    };
    let mut text = "\n".to_owned();
    text += &columns("growth", rows.iter().map(|row| format!("{}x", figure(row.growth))).collect());
    text += &columns("answers/s", rows.iter().map(|row| figure(row.rate_per_s)).collect());
    let mut unsaid: Vec<(String, String)> = Vec::new();
    for (name, of) in FIGURES {
        let mut value = |row: &Row| {
            let cell = of(row);
            if let Some(reason) = cell.reason.clone() {
                unsaid.push((name.to_owned(), reason));
            }
            let mark = runs.mark(&cell.runs);
            cell.value.map_or_else(|| absent(cell).to_owned(), |value| format!("{} {mark}", figure(value)))
        };
        text += &columns(name, rows.iter().map(&mut value).collect());
        let intervals: Vec<_> = rows.iter().map(|row| of(row).interval.and_then(wide).unwrap_or_default()).collect();
        if intervals.iter().any(|interval| !interval.is_empty()) {
            text += &columns("", intervals);
        }
    }
    unsaid.dedup();
    text.push('\n');
    text + &unsaid.iter().map(|(name, reason)| wrapped(&format!("{name}: "), reason)).collect::<String>()
}

/// An interval whose ends differ in print.
fn wide(interval: Interval) -> Option<String> {
    (figure(interval.lo) != figure(interval.hi)).then(|| range(interval))
}

/// In a word, why a cell is empty.
fn absent(cell: &Cell) -> &str {
    match cell.reason.as_deref() {
        None => "refused",
        Some(reason) if reason.starts_with("no quota") => "-",
        _ => "not measured",
    }
}

fn said(cell: &Cell) -> String {
    let interval = cell.interval.map(|interval| format!(" ({})", range(interval))).unwrap_or_default();
    cell.value.map_or_else(|| "unbounded".to_owned(), figure) + &interval
}

fn claims(plan: &Plan) -> String {
    let mut text = "\n".to_owned() + &wrapped("", &format!("{}:", plan.claimed_by));
    for claim in &plan.claims {
        let ([cores, to], [few, many]) = (claim.cores, claim.concurrent);
        let line = format!(
            "  {:<8} ({}x)  {cores} to {to} cores, {} GB, {} store connections, {few} to {many} at once",
            claim.load, claim.growth, claim.memory_gb, claim.store_connections
        );
        text += &(fitted(&line, COLUMNS) + "\n");
    }
    text + "\n"
}

/// Lists of runs, numbered as they are named.
#[derive(Default)]
struct Runs {
    lists: Vec<Vec<String>>,
}

impl Runs {
    /// `[1]`; nothing for what rests on no run.
    fn mark(&mut self, runs: &[String]) -> String {
        if runs.is_empty() {
            return String::new();
        }
        let known = self.lists.iter().position(|list| list == runs);
        let at = known.unwrap_or_else(|| {
            self.lists.push(runs.to_vec());
            self.lists.len() - 1
        });
        format!("[{}]", at + 1)
    }

    fn text(&self) -> String {
        let line = |(at, list): (usize, &Vec<String>)| wrapped(&format!("[{}] ", at + 1), &list.join(", "));
        self.lists.iter().enumerate().map(line).collect()
    }
}
