//! What budgets and the ledger cost each call: `cargo run --release -p books --example books_cost`.
//!
//! Reserves, notes and settles with three budgets in force (key, tenant, server) and the ledger on SQLite, which waits
//! for the disk at every commit. Processor time is that of the whole process, so what is written behind counts too.
//! Prints the figures and writes them to `target/bench/books_cost.json`.

use books::Books;
use caller::{Called, Identity, Need, Role, Spend, Tokens, Unmetered};
use measure::Metrics;
use serde_json::{Value, json};
use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::{Config, Store};
use tokio::time::{Instant, MissedTickBehavior, interval};

/// Calls of one run, and how many come together every 5 ms where they are paced: 5,000 a second.
const CALLS: usize = 200_000;
const PACED_CALLS: usize = 100_000;
const PACE: Duration = Duration::from_millis(5);
const PACED_TOGETHER: usize = 25;
/// Keys, and tenants they belong to.
const KEYS: usize = 50;
const TENANTS: usize = 10;
/// The most that a call may cost, in microseconds of one core.
const CALL_US_MAX: f64 = 15.0;
/// Ticks of `/proc/self/stat` in a second, on every Linux there is.
const TICKS_PER_S: f64 = 100.0;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let metrics = Metrics::new("books_cost");
    let store = Store::open(&Config::new(&settings::Store::default(), folder.path())?, metrics.store()).await?;
    let a_lot = || "1000000".parse::<settings::Usd>().ok();
    let budget = settings::Budget {
        request_usd_max: a_lot(),
        key_usd_per_day: a_lot(),
        tenant_usd_per_day: a_lot(),
        usd_per_day: a_lot(),
        ..settings::Budget::default()
    };
    // Flat out, calls come faster than any disk takes them: nothing shall be dropped, for that would be cheaper.
    let ledger = settings::Ledger { queue_max: CALLS, ..settings::Ledger::default() };
    let books = Books::open(store.clone(), &budget, &ledger, metrics.access()).await?;
    let purse = |at: usize| {
        let (subject, tenant) = (format!("key_{at:016x}").into(), format!("tenant-{}", at % TENANTS).into());
        books.purse(&Arc::new(Identity { subject, tenant, role: Role::User }))
    };
    let purses: Vec<_> = (0..KEYS).map(purse).collect();
    let free: Vec<_> = (0..KEYS).map(|_| Arc::new(Unmetered) as Arc<dyn Spend>).collect();
    run(&purses, CALLS / 10, false).await?;
    books.flush().await?;
    let mut runs = Vec::new();
    for (name, calls, paced) in [("paced", PACED_CALLS, true), ("flat_out", CALLS, false)] {
        let nothing = run(&free, calls, paced).await?;
        let began = cpu_us()?;
        let wall = run(&purses, calls, paced).await?.wall;
        books.flush().await?;
        let all = (cpu_us()? - began) / calls as f64;
        let added = all - nothing.cpu_us / calls as f64;
        let figures = json!({
            "calls": calls, "calls_per_s": (calls as f64 / wall.as_secs_f64()).round(),
            "cpu_us_per_call": round(all), "added_us_per_call": round(added),
        });
        runs.push((name, added, figures));
    }
    let dropped = metrics.access().ledger_dropped.value();
    let good = dropped == 0 && runs.iter().all(|(_, added, _)| *added <= CALL_US_MAX);
    let mut figures = json!({
        "benchmark": "books_cost",
        "command": "cargo run --release -p books --example books_cost",
        "budgets_in_force": 3, "keys": KEYS, "ledger_rows_dropped": dropped, "call_us_max": CALL_US_MAX,
    });
    for (name, _, run) in runs {
        figures[name] = run;
    }
    figures["verdict"] = if good { "pass" } else { "fail" }.into();
    books.close().await;
    store.close().await;
    told(&figures)
}

/// How long calls took, and what they cost.
struct Run {
    wall: Duration,
    cpu_us: f64,
}

async fn run(purses: &[Arc<dyn Spend>], calls: usize, paced: bool) -> Result<Run, Box<dyn Error>> {
    let (began, cpu) = (Instant::now(), cpu_us()?);
    let models: Vec<Arc<str>> = (0..4).map(|at| format!("provider/model-{at}").into()).collect();
    let mut pace = interval(PACE);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let (deadline, latency) = (began + Duration::from_secs(600), Duration::from_millis(850));
    for at in 0..calls {
        if paced && at % PACED_TOGETHER == 0 {
            pace.tick().await;
        }
        let request_id = caller::new_request_id();
        let need = Need { most: 40_000_000, likely: 10_000_000, bounded: true };
        let purse = purses.get(at % purses.len()).ok_or("no purse")?;
        let tab = purse.reserve(&request_id, need, deadline).await?;
        let tokens = Tokens { input: 1_200, output: 350, cached: 800, reasoning: 120 };
        let model = models.get(at % 4).ok_or("no model")?;
        let cost = 1_234_567 + i64::try_from(at)?;
        let (outcome, exact, simulated) = ("answered", true, false);
        tab.note(&Called { model, outcome, tokens, cost, exact, latency, simulated, words: None });
        drop(tab);
        if at % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    Ok(Run { wall: began.elapsed(), cpu_us: cpu_us()? - cpu })
}

/// Microseconds of processor time that this process has taken.
fn cpu_us() -> Result<f64, Box<dyn Error>> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The name of the program, in brackets, may hold anything.
    let (_, fields) = stat.rsplit_once(')').ok_or("no process")?;
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / TICKS_PER_S * 1e6)
}

fn round(us: f64) -> f64 {
    (us * 100.0).round() / 100.0
}

fn told(figures: &Value) -> Result<(), Box<dyn Error>> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from("target"), PathBuf::from);
    let folder = target.join("bench");
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("books_cost.json"), format!("{figures:#}\n"))?;
    writeln!(std::io::stdout(), "{figures:#}")?;
    if figures["verdict"] == "pass" { Ok(()) } else { Err("a call costs more than it may".into()) }
}
