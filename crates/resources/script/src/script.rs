//! What a scripted model does, as it is written.

use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What a scripted model does. Every key is optional; the default answers at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Script {
    /// What it says, one after the other; `{prompt}` stands for the user's last message and `{model}` for its name.
    pub answers: Vec<String>,
    /// Whether it answers a request that asks for a JSON object with `score` and `confidence` by one in place of
    /// `answers`. The score, 3 to 9, hangs on the seed, the model and the user's last message alone.
    pub scores: bool,
    /// How long it thinks.
    pub latency: Latency,
    /// Milliseconds between the events of a stream.
    pub token_ms: u64,
    /// Share of requests (0 to 1) answered with `error_status`.
    pub error_rate: f64,
    /// The status of an error.
    pub error_status: u16,
    /// Share of requests (0 to 1) answered with 429.
    pub rate_limit_rate: f64,
    /// Seconds in the `retry-after` of a 429; none if absent.
    pub retry_after_s: Option<u64>,
    /// Share of requests (0 to 1) never answered.
    pub hang_rate: f64,
    /// Share of streams (0 to 1) that break off.
    pub cut_rate: f64,
    /// After how many events a stream breaks off.
    pub cut_after: usize,
    /// Share of requests (0 to 1) answered with something that is not JSON.
    pub garbage_rate: f64,
    /// A tool call made in place of an answer when the request offers tools.
    pub tool_call: Option<ToolCallScript>,
    /// Seed of everything random.
    pub seed: u64,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            answers: vec!["This is a scripted answer from {model}; no model was asked.".to_owned()],
            scores: false,
            latency: Latency::default(),
            token_ms: 0,
            error_rate: 0.0,
            error_status: 500,
            rate_limit_rate: 0.0,
            retry_after_s: None,
            hang_rate: 0.0,
            cut_rate: 0.0,
            cut_after: 2,
            garbage_rate: 0.0,
            tool_call: None,
            seed: 1,
        }
    }
}

/// The tool call of a script.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCallScript {
    /// The tool's name.
    pub name: String,
    /// Its arguments as JSON text.
    #[serde(default)]
    pub arguments: String,
}

/// How long a scripted model thinks.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum Latency {
    /// Lognormal through two percentiles.
    Lognormal {
        /// Half of the answers are faster, in milliseconds.
        p50_ms: f64,
        /// 95 % of the answers are faster, in milliseconds.
        p95_ms: f64,
    },
    /// Uniform from `ms - spread_ms` to `ms + spread_ms`.
    Uniform {
        /// The middle, in milliseconds.
        ms: f64,
        /// Half the width, in milliseconds.
        #[serde(default)]
        spread_ms: f64,
    },
}

impl Default for Latency {
    fn default() -> Self {
        Self::Uniform { ms: 0.0, spread_ms: 0.0 }
    }
}

/// The 95th percentile of the standard normal distribution.
const NORMAL_P95: f64 = 1.644_853_6;

impl Latency {
    /// One draw.
    pub fn draw(&self, rng: &mut fastrand::Rng) -> Duration {
        let ms = match self {
            Self::Uniform { ms, spread_ms } => ms + spread_ms * (2.0 * rng.f64() - 1.0),
            Self::Lognormal { p50_ms, p95_ms } => {
                let sigma = (p95_ms / p50_ms).ln() / NORMAL_P95;
                p50_ms * (sigma * normal(rng)).exp()
            }
        };
        Duration::try_from_secs_f64(ms / 1_000.0).unwrap_or_default()
    }

    fn sane(&self) -> bool {
        match *self {
            Self::Uniform { ms, spread_ms } => (0.0..=MS_MAX).contains(&ms) && (0.0..=MS_MAX).contains(&spread_ms),
            Self::Lognormal { p50_ms, p95_ms } => p50_ms > 0.0 && p95_ms >= p50_ms && p95_ms <= MS_MAX,
        }
    }
}

/// The longest latency a script may ask for: one day.
const MS_MAX: f64 = 86_400_000.0;

/// A standard normal draw (Box and Muller).
fn normal(rng: &mut fastrand::Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.f64()).cos()
}

/// Why a script is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ScriptError {
    /// It does not read.
    #[error("{0}")]
    Unreadable(String),
    /// A value makes no sense.
    #[error("`{key}` must be {expected}")]
    OutOfRange {
        /// Which one.
        key: &'static str,
        /// What would make sense.
        expected: &'static str,
    },
}

impl Script {
    /// From a table of settings.
    ///
    /// # Errors
    /// [`ScriptError`] for unknown keys, wrong types and values that make no sense.
    pub fn from_table(table: &toml::Table) -> Result<Self, ScriptError> {
        let script: Self = table
            .clone()
            .try_into()
            .map_err(|error: toml::de::Error| ScriptError::Unreadable(error.message().into()))?;
        script.check().map(|()| script)
    }

    /// Refuses values that make no sense.
    ///
    /// # Errors
    /// [`ScriptError::OutOfRange`].
    pub fn check(&self) -> Result<(), ScriptError> {
        let rates = [
            ("error_rate", self.error_rate),
            ("rate_limit_rate", self.rate_limit_rate),
            ("hang_rate", self.hang_rate),
            ("cut_rate", self.cut_rate),
            ("garbage_rate", self.garbage_rate),
        ];
        for (key, rate) in rates {
            if !(0.0..=1.0).contains(&rate) {
                return Err(ScriptError::OutOfRange { key, expected: "a share from 0 to 1" });
            }
        }
        if !(400..=599).contains(&self.error_status) {
            return Err(ScriptError::OutOfRange { key: "error_status", expected: "a status from 400 to 599" });
        }
        if self.answers.is_empty() {
            return Err(ScriptError::OutOfRange { key: "answers", expected: "a list with at least one answer" });
        }
        if !self.latency.sane() {
            return Err(ScriptError::OutOfRange { key: "latency", expected: "positive milliseconds, p95 above p50" });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_follow_their_distribution() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut draw = |latency: Latency| {
            let mut ms: Vec<f64> = (0..20_000).map(|_| latency.draw(&mut rng).as_secs_f64() * 1e3).collect();
            ms.sort_by(f64::total_cmp);
            (ms[0], ms[10_000], ms[19_000], ms[19_999])
        };
        let (least, p50, _, most) = draw(Latency::Uniform { ms: 100.0, spread_ms: 30.0 });
        assert!(least >= 70.0 && most <= 130.0 && (p50 - 100.0).abs() < 2.0);
        let (_, p50, p95, _) = draw(Latency::Lognormal { p50_ms: 900.0, p95_ms: 1_500.0 });
        assert!((p50 - 900.0).abs() < 20.0 && (p95 - 1_500.0).abs() < 40.0, "{p50} {p95}");
    }

    #[test]
    fn refuses_nonsense() {
        let read = |text: &str| Script::from_table(&toml::from_str(text).unwrap()).unwrap_err().to_string();
        assert_eq!(read("error_rate = 2.0"), "`error_rate` must be a share from 0 to 1");
        assert_eq!(read("latency = { ms = -1 }"), "`latency` must be positive milliseconds, p95 above p50");
        assert!(read("colour = 1").starts_with("unknown field `colour`"));
    }
}
