//! What it costs to judge a credential: `cargo run --release -p access --example key_check`.
//!
//! Prints what each kind takes, the median of several rounds; with `-- --json FOLDER` it writes `key_check.json` there.
//! `cargo xtask bench key_check` runs it. Knows no socket: what is measured is what the gate adds to a request, from its headers to the answer.

use access::{Gate, Keys, NewKey, Presented, Purses};
use caller::{Identity, Role, Spend, Unmetered};
use http::{HeaderMap, HeaderValue};
use measure::Metrics;
use serde_json::{Value, json};
use std::error::Error;
use std::hint::black_box;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use store::{Config, Store};

const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
/// Checks per round, and rounds; the first one warms up and does not count.
const CHECKS: u32 = 100_000;
const ROUNDS: usize = 12;
/// The most a key that is known may cost, in nanoseconds.
const KNOWN_NS_MAX: f64 = 2_000.0;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let metrics = Metrics::new("key_check");
    let store = Store::open(&Config::new(&settings::Store::default(), folder.path())?, metrics.store()).await?;
    // Nothing is looked up while the clock runs.
    let settings = settings::Access { key_cache_ms: 3_600_000, ..settings::Access::default() };
    let keys = Arc::new(Keys::open(&store, &settings, metrics.access()).await?);
    let purses: Purses = Arc::new(|_: &_| Arc::new(Unmetered) as Arc<dyn Spend>);
    let gate = Gate::new(Arc::clone(&keys), purses, &settings, metrics.access(), None)?;
    let plain = NewKey { tenant: "acme".to_owned(), role: Role::User, name: None, expires_ms: None, rpm: None };
    let limited = NewKey { rpm: Some(1_000_000_000), ..plain.clone() };
    let (plain, limited) =
        (keys.create(&Identity::local(), plain).await?.key, keys.create(&Identity::local(), limited).await?.key);
    for key in [&plain, &limited] {
        gate.admit(Some(&Presented::from_text(key.expose())), HERE).await?;
    }
    let mut forged = plain.expose().to_owned();
    forged.replace_range(20..22, if forged.get(20..22) == Some("AA") { "BB" } else { "AA" });
    let (known, known_limited) = (time(&gate, plain.expose())?, time(&gate, limited.expose())?);
    let figure = |name: &str, ns: f64| json!({ "name": name, "value": ns / 1e3, "unit": "µs", "verdict": "measured" });
    let aimed = |name: &str, ns: f64| {
        let mut figure = figure(name, ns);
        figure["target"] = json!({ "at_most": KNOWN_NS_MAX / 1e3 });
        figure["verdict"] = if ns <= KNOWN_NS_MAX { "pass" } else { "fail" }.into();
        figure
    };
    let told = json!({
        "benchmark": "key_check",
        "figures": [
            aimed("a key that is known", known),
            aimed("a key with a rate", known_limited),
            figure("a forged key", time(&gate, &forged)?),
            figure("a malformed key", time(&gate, "sk-no-key-of-ours")?),
        ],
    });
    store.close().await;
    tell(&told)
}

/// Nanoseconds to read and judge one credential.
fn time(gate: &Gate, text: &str) -> Result<f64, Box<dyn Error>> {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("127.0.0.1:8700"));
    headers.insert("content-type", HeaderValue::from_static("application/json"));
    headers.insert("authorization", HeaderValue::try_from(format!("Bearer {text}"))?);
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = Instant::now();
            for _ in 0..CHECKS {
                let presented = Presented::from_headers(black_box(&headers));
                drop(black_box(gate.admit_now(presented.as_ref(), HERE)));
            }
            began.elapsed().as_nanos() as f64 / f64::from(CHECKS)
        })
        .skip(1)
        .collect();
    rounds.sort_by(f64::total_cmp);
    Ok(rounds[rounds.len() / 2].round())
}

/// Prints it, and writes it into the folder after `--json`.
fn tell(told: &Value) -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--json").skip(1);
    if let Some(folder) = arguments.next().map(PathBuf::from) {
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("key_check.json"), format!("{told:#}\n"))?;
    }
    Ok(writeln!(std::io::stdout(), "{told:#}")?)
}
