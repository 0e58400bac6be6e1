//! How long a matrix takes to be ranked by all methods, and its draws: `cargo run --release -p preference --example speed
//! [options criteria]`, 20 × 15 where nothing else is asked for. Scores are made up; each figure is of one core.
//!
//! With `-- --json FOLDER` it writes `speed.json` there instead: `cargo xtask bench ranking` runs that.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use preference::{
    Draws, Table, WEIGHT_RANGE, Weights, ahp, chances, close_call, second_opinions, sensitivity, weighted_sum,
};
use std::hint::black_box;
use std::time::Instant;

/// How often each figure is taken; the median and the largest are shown.
const ROUNDS: usize = 101;

fn main() {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--json").skip(1);
    if let Some(folder) = arguments.next() {
        return tell(folder.as_ref());
    }
    let sizes: Vec<usize> = std::env::args().skip(1).filter_map(|size| size.parse().ok()).collect();
    let (options, criteria) = if let [options, criteria] = sizes[..] { (options, criteria) } else { (20, 15) };
    let full = table(options, criteria, |_| false);
    let partial = table(options, criteria, |at| at % 10 == 3);
    println!("{options} options × {criteria} criteria, {ROUNDS} rounds");
    println!("| what | table | median µs | largest µs |");
    println!("|---|---|---|---|");
    for (name, table) in [("full", &full), ("a tenth absent", &partial)] {
        let flips = sensitivity(table, WEIGHT_RANGE);
        assert!(flips.winner.is_some() && flips.anywhere.iter().flatten().count() > 0, "nothing to work out");
        time("weighted sum", name, || weighted_sum(table));
        time("second opinions", name, || second_opinions(table));
        time("sensitivity", name, || sensitivity(table, WEIGHT_RANGE));
        time("all methods and the close call", name, || ranked(table));
        let usual = Draws::usual(1);
        time("10,000 draws with spread", name, || chances(table, &usual));
        time("10,000 draws without spread", name, || chances(table, &Draws { spread: false, ..usual }));
        let uniform = Draws { weights: Weights::Uniform, spread: false, ..usual };
        time("10,000 draws of all weights", name, || chances(table, &uniform));
    }
    let weights: Vec<f64> = (0..criteria).map(|at| 1.0 + (at % 7) as f64).collect();
    let compared: Vec<Vec<f64>> = weights.iter().map(|a| weights.iter().map(|b| bent(a / b)).collect()).collect();
    time("AHP weights", "", || ahp(&compared));
}

/// What has targets, of the larger matrix; of a whole one and of one with gaps the slower counts.
fn tell(folder: &std::path::Path) {
    let tables = [table(20, 15, |_| false), table(20, 15, |at| at % 10 == 3)];
    let slower = |work: &dyn Fn(&Table) -> f64| tables.iter().map(work).fold(0.0, f64::max);
    let ranking = slower(&|table| middle(|| ranked(table))[0]);
    let draws = slower(&|table| middle(|| chances(table, &Draws::usual(1)))[0]) / 1e3;
    let figure = |name: &str, value: f64, unit: &str| {
        format!(r#"{{"name": "{name}", "value": {value:.4}, "unit": "{unit}", "verdict": "measured"}}"#)
    };
    let figures =
        [figure("all methods and the close call", ranking, "µs"), figure("10,000 draws with spread", draws, "ms")];
    let told = format!("{{\"benchmark\": \"ranking\", \"figures\": [{}]}}\n", figures.join(", "));
    std::fs::create_dir_all(folder).unwrap();
    std::fs::write(folder.join("speed.json"), &told).unwrap();
    print!("{told}");
}

/// Everything about a table that needs no draws.
fn ranked(table: &Table) -> impl Sized + use<> {
    let (order, flips) = (weighted_sum(table), sensitivity(table, WEIGHT_RANGE));
    let close = close_call(table, &order, &flips, None);
    (second_opinions(table), order, flips, close)
}

/// A comparison that does not quite fit the others, and its opposite.
fn bent(ratio: f64) -> f64 {
    if ratio > 1.0 { ratio.ceil() } else { 1.0 / (1.0 / ratio).ceil() }
}

fn table(options: usize, criteria: usize, absent: impl Fn(usize) -> bool) -> Table {
    let score = |at: usize| (!absent(at)).then(|| 1.0 + (mixed(at) % 10) as f64);
    let rows: Vec<Vec<_>> =
        (0..options).map(|row| (0..criteria).map(|at| score(row * criteria + at)).collect()).collect();
    let weights: Vec<f64> = (0..criteria).map(|at| 0.5 + (at % 5) as f64).collect();
    let spreads = vec![vec![0.8; criteria]; options];
    Table::new(&weights, &rows).unwrap().with_spread(&spreads).unwrap()
}

/// A number that looks like chance.
fn mixed(at: usize) -> usize {
    let at = (at + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (at ^ (at >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32
}

fn time<T>(what: &str, table: &str, work: impl Fn() -> T) {
    let [median, largest] = middle(work);
    println!("| {what} | {table} | {median:.1} | {largest:.1} |");
}

/// The median and the largest of all rounds, in microseconds.
fn middle<T>(work: impl Fn() -> T) -> [f64; 2] {
    let mut took: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            black_box(work());
            began.elapsed().as_secs_f64() * 1e6
        })
        .collect();
    took.sort_by(f64::total_cmp);
    [took[ROUNDS / 2], took[ROUNDS - 1]]
}
