//! What budgets and the ledger cost each call: `cargo run --release -p books --example books_cost`.
//!
//! Reserves, notes and settles with three budgets in force (key, tenant, server) and the ledger on SQLite, which waits
//! for the disk at every commit. Processor time is that of the whole process, so what is written behind counts too.
//! Prints the figures; with `-- --json FOLDER` it writes `books_cost.json` there. `cargo xtask bench books_cost` runs it.

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
    let mut figures = Vec::new();
    for (name, calls, paced) in [("5,000 calls/s", PACED_CALLS, true), ("flat out", CALLS, false)] {
        let nothing = run(&free, calls, paced).await?;
        let began = cpu_us()?;
        let wall = run(&purses, calls, paced).await?.wall;
        books.flush().await?;
        let all = (cpu_us()? - began) / calls as f64;
        let added = all - nothing.cpu_us / calls as f64;
        let rate = calls as f64 / wall.as_secs_f64();
        figures.push(aimed(&format!("added to a call, {name}"), added, "µs", CALL_US_MAX));
        figures.push(measured(&format!("the whole call, {name}"), all, "µs"));
        figures.push(measured(&format!("calls, {name}"), rate, "/s"));
    }
    let dropped = metrics.access().ledger_dropped.value();
    figures.push(aimed("ledger rows dropped", dropped as f64, "", 0.0));
    books.close().await;
    store.close().await;
    tell(&json!({ "benchmark": "books_cost", "figures": figures }))
}

fn measured(name: &str, value: f64, unit: &str) -> Value {
    json!({ "name": name, "value": round(value), "unit": unit, "verdict": "measured" })
}

fn aimed(name: &str, value: f64, unit: &str, most: f64) -> Value {
    let mut figure = measured(name, value, unit);
    figure["target"] = json!({ "at_most": most });
    figure["verdict"] = if value <= most { "pass" } else { "fail" }.into();
    figure
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
        let tokens = Tokens { input: 1_200, output: 350, cached: 800, reasoning: 120, ..Tokens::default() };
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

/// Prints it, and writes it into the folder after `--json`. An error if a target was missed.
fn tell(told: &Value) -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--json").skip(1);
    if let Some(folder) = arguments.next().map(PathBuf::from) {
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("books_cost.json"), format!("{told:#}\n"))?;
    }
    writeln!(std::io::stdout(), "{told:#}")?;
    let missed = told["figures"].as_array().is_some_and(|figures| figures.iter().any(|one| one["verdict"] == "fail"));
    if missed { Err("a call costs more than it may, or a row was dropped".into()) } else { Ok(()) }
}
