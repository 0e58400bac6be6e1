//! What a benchmark tells.

use serde_json::{Value, json};
use std::time::Duration;

/// The figures of one benchmark, and the one that its target is about.
pub(crate) struct Result {
    pub(crate) figures: Vec<(&'static str, f64)>,
    /// What it was compared with, as a share of it.
    pub(crate) ratio: Option<f64>,
    /// The name of the figure, or `ratio`, and the least that it may be.
    pub(crate) target: Option<(&'static str, f64)>,
    /// How many threads of others wanted a core for each that there is, before it began.
    pub(crate) load: f64,
}

/// The load of this machine by others, averaged over a minute, for each of its cores.
pub(crate) fn load() -> f64 {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load: f64 = text.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or_default();
    load / std::thread::available_parallelism().map_or(1.0, |cores| cores.get() as f64)
}

impl Result {
    fn aim(&self) -> Option<(f64, f64)> {
        let (name, least) = self.target?;
        let found = self.figures.iter().find(|(figure, _)| *figure == name).map(|(_, value)| *value);
        Some((found.or(self.ratio)?, least))
    }

    pub(crate) fn is_good(&self) -> bool {
        self.aim().is_none_or(|(found, least)| found >= least)
    }

    /// A target that is missed while others use the machine says nothing.
    fn verdict(&self) -> &'static str {
        match self.aim() {
            None => "measured",
            Some(_) if self.is_good() => "pass",
            Some(_) if self.load > 1.0 => "void",
            Some(_) => "fail",
        }
    }

    pub(crate) fn print(&self, name: &str) {
        let figures: Vec<String> = self.figures.iter().map(|(name, value)| format!("{name} {value:.2}")).collect();
        let ratio = self.ratio.map_or(String::new(), |ratio| format!("{ratio:.3}"));
        let target = self.target.map_or(String::new(), |(name, least)| format!("{name} >= {least}"));
        let (verdict, load, figures) = (self.verdict(), self.load, figures.join(", "));
        println!("{name:<22} {verdict:<8} {ratio:<7} {target:<24} {load:<5.2} {figures}");
    }

    /// In the shape that `cargo xtask bench` reads.
    pub(crate) fn json(&self, name: &str) -> Value {
        let told = |figure: &str, value: f64| {
            let (words, unit) = worded(figure);
            let mut told = json!({ "name": words, "value": (value * 1e3).round() / 1e3, "unit": unit });
            let aim = self.target.filter(|(aimed, _)| *aimed == figure);
            told["verdict"] = aim.map_or("measured", |_| self.verdict()).into();
            if let Some((_, least)) = aim {
                told["target"] = json!({ "at_least": least });
            }
            told
        };
        let figures = self.figures.iter().map(|(figure, value)| (*figure, *value));
        let figures: Vec<Value> = figures
            .chain(self.ratio.map(|ratio| ("ratio", ratio)))
            .map(|(figure, value)| told(figure, value))
            .collect();
        json!({ "benchmark": name, "figures": figures, "load_before": self.load, "verdict": self.verdict() })
    }
}

/// A figure's name in words, and its unit, which is last in the name.
fn worded(figure: &str) -> (String, &'static str) {
    let units = [("_per_s", "/s"), ("_ms", "ms")];
    let found = units.iter().find_map(|(end, unit)| Some((figure.strip_suffix(end)?, *unit)));
    let (words, unit) = found.unwrap_or((figure, ""));
    (words.replace('_', " "), unit)
}

pub(crate) fn head() {
    println!("{:<22} {:<8} {:<7} {:<24} {:<5} figures", "benchmark", "verdict", "ratio", "target", "load");
}

/// Milliseconds below which a share of the sample lies (nearest rank).
pub(crate) fn at_ms(sample: &mut [Duration], share: f64) -> f64 {
    sample.sort_unstable();
    let rank = ((sample.len() as f64 * share).ceil() as usize).clamp(1, sample.len().max(1));
    sample.get(rank - 1).copied().unwrap_or_default().as_secs_f64() * 1e3
}

pub(crate) fn median(mut sample: Vec<f64>) -> f64 {
    sample.sort_by(f64::total_cmp);
    sample.get(sample.len() / 2).copied().unwrap_or_default()
}
