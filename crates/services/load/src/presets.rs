//! The scenarios and sets that are built in: texts such as a user could write, under the names they are asked for by.
//! Nothing here runs one.

#[cfg(test)]
mod tests;

use fault::nearest;

use crate::scenario::{ScenarioError, Set, read};

/// Every set, as a scenario file. After `[[scenario]]` and at the top stand `name` and `description`, in this order.
const SETS: [&str; 5] = [
    include_str!("presets/cmo.toml"),
    include_str!("presets/cmo-more.toml"),
    include_str!("presets/cmo-faults.toml"),
    include_str!("presets/sophia.toml"),
    include_str!("presets/benchmarks.toml"),
];

/// What else built-in scenarios and sets are called; the long names are those of the originals.
const ALIASES: [(&str, &str); 16] = [
    ("seed-002", "cmo"),
    ("clinical", "cmo"),
    ("conjecture", "benchmarks"),
    ("academic_research_sustained_50", "academic"),
    ("clinical_morning_rush_60", "morning-rush"),
    ("cache_effectiveness_realistic_80", "cache"),
    ("rag_intensive_sustained_60", "rag"),
    ("circuit_breaker_spike_100", "breaker"),
    ("fallback_system_burst_70", "fallback"),
    ("emergency_department_spike_40", "emergency"),
    ("clinic_consultations_80", "clinic"),
    ("pharmaceutical_research_complex_30", "pharmaceutical"),
    ("literature_review_burst_40", "literature"),
    ("gradual_adoption_ramp_200", "adoption"),
    ("peak_usage_spike_200", "peak"),
    ("stress_test_sustained_250", "stress-250"),
];

/// What stands before each scenario of a set.
const SCENARIO: &str = "\n[[scenario]]\n";

/// How many names an unknown one is answered with.
const OFFERED_MAX: usize = 3;

/// The built-in scenario or set of this name, or of another name that it has.
pub fn builtin(name: &str) -> Option<Set> {
    read(&show(name)?, "built in").ok()
}

/// The TOML of the built-in scenario or set of this name, to be copied and changed.
pub fn show(name: &str) -> Option<String> {
    let alias = ALIASES.iter().find(|(alias, _)| *alias == name);
    let name = alias.map_or(name, |(_, name)| name);
    SETS.iter().find_map(|set| {
        if quoted(set, "name") == name {
            return Some((*set).to_owned());
        }
        let scenario = scenarios(set).find(|scenario| quoted(scenario, "name") == name)?;
        Some(scenario.replace("[[scenario.", "\n[[").replace("[scenario.", "\n["))
    })
}

/// The names of everything built in, each set before its scenarios, and what each stands for in a line.
pub fn names() -> Vec<(&'static str, String)> {
    let named = |text| (quoted(text, "name"), quoted(text, "description").to_owned());
    SETS.iter().flat_map(|set| std::iter::once(named(set)).chain(scenarios(set).map(named))).collect()
}

/// The error for a name that is not built in and is no file.
pub fn unknown(name: &str) -> ScenarioError {
    let names: Vec<&str> = names().into_iter().map(|(name, _)| name).collect();
    let near = nearest(name, names.iter().copied(), OFFERED_MAX);
    let known = if near.is_empty() { names } else { near };
    ScenarioError::UnknownName { name: name.to_owned(), known: known.into_iter().map(str::to_owned).collect() }
}

/// The levels at which a built-in scenario that is one level of a sweep is run, in users.
pub fn levels(name: &str) -> Option<&'static [u32]> {
    match name {
        "concurrency" => Some(&[5, 10, 15, 20, 25, 30, 35, 40, 45, 50]),
        "scalability" => Some(&[1, 2, 4, 8, 16, 32, 64]),
        _ => None,
    }
}

fn scenarios(set: &'static str) -> impl Iterator<Item = &'static str> {
    set.split(SCENARIO).skip(1)
}

/// The first text in quotes that a key has.
fn quoted(text: &'static str, key: &str) -> &'static str {
    let value = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'));
    value.unwrap_or_default()
}
