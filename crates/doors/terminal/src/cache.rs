//! What a cache holds and what was done to it, as the server tells it.

use crate::text::{clean, count};
use serde_json::Value;

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

/// The tiers, one below the other.
pub fn cache(stats: &Value) -> String {
    let rate = |value: &Value| value.as_f64().map_or_else(|| "-".to_owned(), |rate| format!("{:.1} %", rate * 100.0));
    let mut text = format!("{:8} {:>10} {:>12} {:>12} {:>10}\n", "TIER", "ENTRIES", "MIB", "LOOK-UPS", "HITS");
    for tier in stats["tiers"].as_array().into_iter().flatten() {
        let name = clean(tier["tier"].as_str().unwrap_or_default());
        if tier["on"] != true {
            text.push_str(&format!("{name:8} {:>10}\n", "off"));
            continue;
        }
        let entries = tier["entries"].as_u64().map_or_else(|| "-".to_owned(), |entries| entries.to_string());
        let mib = tier["bytes"].as_u64();
        let mib = mib.map_or_else(|| "-".to_owned(), |bytes| format!("{:.1}", bytes as f64 / 1_048_576.0));
        let (lookups, hits) = (number(&tier["lookups"]), rate(&tier["hit_rate"]));
        text.push_str(&format!("{name:8} {entries:>10} {mib:>12} {lookups:>12} {hits:>10}\n"));
    }
    let (all, hits) = (number(&stats["lookups"]), rate(&stats["hit_rate"]));
    let shared = number(&stats["shared"]);
    text + &format!("\n{all} look-ups, {hits} hits; {shared} shared an identical request in flight\n")
}

/// What came of dropping answers.
pub fn dropped(dropped: &Value) -> String {
    let many = usize::try_from(number(&dropped["dropped"])).unwrap_or(usize::MAX);
    let others = if dropped["told"] == true { "" } else { "; other servers will know when Redis is back" };
    format!("dropped, {} of them from memory{others}\n", count(many, "answer"))
}

/// What came of asking questions beforehand.
pub fn warmed(warmed: &Value) -> String {
    let one = |name: &str| number(&warmed[name]);
    let mut text = format!(
        "{} asked: {} answered and kept, {} kept already, {} failed\n",
        one("asked"),
        one("made"),
        one("kept"),
        one("failed")
    );
    for fault in warmed["faults"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        text.push_str(&format!("  {}\n", clean(fault)));
    }
    text
}
