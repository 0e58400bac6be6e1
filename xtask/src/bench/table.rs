//! Results as a table for people.

use serde_json::Value;

pub(super) fn print(results: &[(&str, Value)]) {
    println!("{:<8} {:<30} {:>12} {:>10}", "what", "figure", "measured", "verdict");
    for (name, result) in results {
        for (key, label, unit) in ROWS {
            if let Some(value) = result[*key].as_f64() {
                let verdict = result["verdict"].as_str().unwrap_or_default();
                println!("{name:<8} {label:<30} {:>12} {verdict:>10}", format!("{value:.4} {unit}"));
            }
        }
    }
}

/// Which figures are shown: the key, what it is called, its unit.
const ROWS: &[(&str, &str, &str)] = &[
    ("cpu_share", "processor while idle", "core"),
    ("added_p50_ms", "added to the median", "ms"),
    ("added_p99_ms", "added to the 99th percentile", "ms"),
    ("cpu_ms_per_request", "processor per request", "ms"),
    ("resident_mb", "resident memory", "MB"),
    ("direct_drift", "drift of the direct baseline", ""),
];
