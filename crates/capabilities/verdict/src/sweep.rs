//! Throughput over concurrency: what was measured level by level, and the curve through it.
//!
//! Knows neither how a level is measured nor what a capacity is needed for.

use crate::compare::words::{COLUMNS, figure, fitted as cut, mean, median, range, wrapped};
use crate::report::{Environment, TargetFacts};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statistics::{ROUNDS, usl};

/// The version of the shape of [`Sweep`].
pub const SWEEP_SCHEMA: u32 = 1;
/// The same levels give the same intervals.
const SEED: u64 = 1;
/// Little's law may be missed by this share before it is noted.
const LITTLE_MAX: f64 = 0.1;
/// Below this share of successes a level is noted.
const SUCCESS_MIN: f64 = 0.95;
/// The longest bar of the text, in columns.
const BAR: usize = 15;

/// A sweep over numbers of users, each of whom sends the next request as soon as the last is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sweep {
    /// The version of this shape.
    pub schema: u32,
    /// `sweep_` and 16 hexadecimal digits.
    pub id: String,
    /// When it began, as `2026-11-21T03:26:06Z`.
    pub started: String,
    /// Who was measured.
    pub target: TargetFacts,
    /// Where the generator ran.
    pub environment: Environment,
    /// The scenario that was run at each level.
    pub scenario: String,
    /// Each level, the fewest users first.
    pub levels: Vec<LevelReport>,
    /// The curve.
    pub fit: Option<usl::Fit>,
    /// Why there is no curve, if there is none.
    pub fit_error: Option<String>,
    /// What a reader should know before believing the figures.
    pub notes: Vec<String>,
}

/// One number of users.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LevelReport {
    /// Users at once.
    pub users: u32,
    /// Each time it was measured.
    pub repeats: Vec<LevelRepeat>,
}

/// One measurement of a level. What the target did not tell is none.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LevelRepeat {
    /// Requests finished per second, one way or the other.
    pub rate_per_s: f64,
    /// Mean latency in milliseconds, of successes.
    pub mean_ms: f64,
    /// Median latency in milliseconds, of successes.
    pub p50_ms: f64,
    /// Their 95th percentile.
    pub p95_ms: f64,
    /// Share of requests that got the answer they asked for, 0 to 1.
    pub success: f64,
    /// The target's processor seconds per finished request.
    pub cpu_s_per_operation: Option<f64>,
    /// The target's resident memory in MB, at most.
    pub resident_mb: Option<f64>,
    /// Seconds spent inside models per finished request, summed over calls.
    pub model_s_per_operation: Option<f64>,
    /// Calls of models per finished request.
    pub model_calls_per_operation: Option<f64>,
    /// Tokens, in and out, per finished request.
    pub tokens_per_operation: Option<f64>,
    /// Connections to the database in use, on average.
    pub store_in_use: Option<f64>,
    /// The run that says so: its id.
    pub run: String,
}

impl LevelRepeat {
    /// Answers got per second: what failed fast is no throughput.
    pub fn answered_per_s(&self) -> f64 {
        self.rate_per_s * self.success
    }
}

impl LevelReport {
    /// The mean of the repeats' answers per second; none without a repeat.
    pub fn answered_per_s(&self) -> Option<f64> {
        mean(self.repeats.iter().map(LevelRepeat::answered_per_s))
    }

    /// The median over the repeats.
    fn middle(&self, of: impl Fn(&LevelRepeat) -> f64) -> f64 {
        median(self.repeats.iter().map(of)).unwrap_or(f64::NAN)
    }
}

/// What levels come to.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The curve.
    pub fit: Option<usl::Fit>,
    /// Why there is no curve, if there is none.
    pub fit_error: Option<String>,
    /// What looks odd about the levels.
    pub notes: Vec<String>,
}

/// Lays the Universal Scalability Law through the answers per second of each level, and checks the levels by Little's
/// law: as many users are at work as answers come per second times the seconds that one takes.
pub fn fitted(levels: &[LevelReport]) -> Fitted {
    let found = usl::fit(&throughputs(levels), ROUNDS, SEED);
    let notes =
        levels.iter().flat_map(oddities).chain(found.iter().filter_map(|fit| unseen_peak(fit, levels))).collect();
    Fitted { fit_error: found.as_ref().err().map(ToString::to_string), fit: found.ok(), notes }
}

/// The levels as the law takes them.
pub(crate) fn throughputs(levels: &[LevelReport]) -> Vec<usl::Level> {
    let level = |level: &LevelReport| usl::Level {
        n: f64::from(level.users),
        x: level.repeats.iter().map(LevelRepeat::answered_per_s).collect(),
    };
    levels.iter().map(level).collect()
}

fn oddities(level: &LevelReport) -> Vec<String> {
    let users = f64::from(level.users);
    let mut notes = Vec::new();
    let busy = level.middle(|repeat| repeat.rate_per_s * repeat.mean_ms / 1e3);
    if (busy / users - 1.0).abs() > LITTLE_MAX {
        notes.push(format!(
            "at {users} users: by Little's law only {} were at work (rate times mean latency): they rested between \
             requests, requests failed, or the generator was late",
            figure(busy)
        ));
    }
    let success = level.middle(|repeat| repeat.success);
    if success < SUCCESS_MIN {
        notes.push(format!(
            "at {users} users: only {} % succeeded; the curve counts answers alone",
            figure(success * 100.0)
        ));
    }
    notes
}

fn unseen_peak(fit: &usl::Fit, levels: &[LevelReport]) -> Option<String> {
    let most = levels.iter().map(|level| level.users).max()?;
    let peak = fit.usl.peak();
    (peak.n > f64::from(most)).then(|| {
        format!(
            "the maximum lies at {} users, beyond the {most} measured: it is the curve's word, not the target's",
            figure(peak.n)
        )
    })
}

/// The sweep for a terminal, in lines of at most 80 columns.
pub fn text(sweep: &Sweep) -> String {
    let repeats: usize = sweep.levels.iter().map(|level| level.repeats.len()).sum();
    let mut text = wrapped("", &format!("{} of `{}` on {}", sweep.id, sweep.scenario, sweep.target.url));
    text += &wrapped("", &format!("{}, {} levels, {repeats} runs", sweep.started, sweep.levels.len()));
    text += "\n users  answers/s      fitted   p50 ms   p95 ms  success\n";
    let most = sweep.levels.iter().filter_map(LevelReport::answered_per_s).fold(0.0, f64::max);
    for level in &sweep.levels {
        text += &row(level, sweep.fit.as_ref(), most);
    }
    text.push('\n');
    match &sweep.fit {
        Some(fit) => text += &curve(fit),
        None => text += &wrapped("no curve: ", sweep.fit_error.as_deref().unwrap_or("the levels were not fitted")),
    }
    for note in &sweep.notes {
        text += &wrapped("note: ", note);
    }
    text
}

fn row(level: &LevelReport, fit: Option<&usl::Fit>, most: f64) -> String {
    let measured = level.answered_per_s().unwrap_or(f64::NAN);
    let by_curve = fit.map_or(f64::NAN, |fit| fit.usl.throughput(f64::from(level.users)));
    let p50 = figure(level.middle(|repeat| repeat.p50_ms));
    let p95 = figure(level.middle(|repeat| repeat.p95_ms));
    let success = figure(level.middle(|repeat| repeat.success * 100.0));
    let share = if most > 0.0 { (measured / most).clamp(0.0, 1.0) } else { 0.0 };
    let bar = "#".repeat((share * BAR as f64).round() as usize);
    let (users, measured, by_curve) = (level.users, figure(measured), figure(by_curve));
    let line = format!("{users:>6} {measured:>10}  {by_curve:>10} {p50:>8} {p95:>8} {success:>6} %  {bar}");
    cut(line.trim_end(), COLUMNS) + "\n"
}

fn curve(fit: &usl::Fit) -> String {
    let usl::Usl { lambda, sigma, kappa } = fit.usl;
    let peak = fit.usl.peak();
    let lines = [
        ("maximum     ", format!("{} answers/s ({})", figure(peak.x), range(fit.peak_x))),
        ("at          ", format!("{} users ({})", figure(peak.n), range(fit.peak_n))),
        ("one user    ", format!("{} answers/s ({})", figure(lambda), range(fit.lambda))),
        ("contention  ", format!("sigma {} ({})", figure(sigma), range(fit.sigma))),
        ("coherence   ", format!("kappa {} ({})", figure(kappa), range(fit.kappa))),
        ("off by      ", format!("{} % of the curve, root mean square", figure(fit.relative_error * 100.0))),
    ];
    lines.iter().map(|(word, line)| wrapped(word, line)).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use fastrand::Rng;
    use proptest::prelude::*;
    use statistics::usl::Usl;

    pub(crate) const TRUTH: Usl = Usl { lambda: 40.0, sigma: 0.02, kappa: 0.0004 };
    pub(crate) const USERS: [u32; 7] = [1, 2, 4, 8, 16, 32, 64];

    /// A sweep over a curve whose throughput scatters by a share, of a target that tells everything.
    pub(crate) fn sweep(usl: Usl, users: &[u32], repeats: u32, noise: f64, seed: u64) -> Sweep {
        let mut rng = Rng::with_seed(seed);
        let mut level = |users: u32| {
            let mut repeat = |repeat: u32| {
                let normal = (0..12).map(|_| rng.f64()).sum::<f64>() - 6.0;
                let rate = usl.throughput(f64::from(users)) * (1.0 + noise * normal);
                let mean_ms = f64::from(users) / rate * 1e3;
                LevelRepeat {
                    rate_per_s: rate,
                    mean_ms,
                    p50_ms: mean_ms * 0.9,
                    p95_ms: mean_ms * 2.0,
                    success: 1.0,
                    cpu_s_per_operation: Some(0.01),
                    resident_mb: Some(100.0 + 2.0 * f64::from(users)),
                    model_s_per_operation: Some(0.5),
                    model_calls_per_operation: Some(5.0),
                    tokens_per_operation: Some(200.0),
                    store_in_use: Some(rate * 0.005),
                    run: format!("load_{users}_{repeat}"),
                }
            };
            LevelReport { users, repeats: (0..repeats).map(&mut repeat).collect() }
        };
        let levels: Vec<_> = users.iter().map(|users| level(*users)).collect();
        let Fitted { fit, fit_error, notes } = fitted(&levels);
        Sweep {
            schema: SWEEP_SCHEMA,
            id: "sweep_1".into(),
            started: "2026-11-21T03:26:06Z".into(),
            target: TargetFacts { url: "http://127.0.0.1:8700".into(), ..TargetFacts::default() },
            environment: Environment::default(),
            scenario: "chat".into(),
            levels,
            fit,
            fit_error,
            notes,
        }
    }

    #[test]
    fn the_curve_is_found() {
        let sweep = sweep(TRUTH, &USERS, 2, 0.0, 1);
        let fit = sweep.fit.unwrap();
        assert!((fit.usl.lambda - 40.0).abs() < 1e-3 && (fit.usl.peak().n - 49.497).abs() < 0.01, "{fit:?}");
        assert_eq!((sweep.fit_error, sweep.notes), (None, vec![]));
    }

    #[test]
    fn failures_are_no_throughput() {
        let mut levels = sweep(TRUTH, &USERS, 2, 0.0, 1).levels;
        for repeat in &mut levels[6].repeats {
            // Fails twice as fast as it answers: the rate rises, the answers do not.
            repeat.rate_per_s *= 2.0;
            repeat.success = 0.5;
        }
        let found = fitted(&levels);
        assert!((found.fit.unwrap().usl.lambda - 40.0).abs() < 1e-3);
        assert!(found.notes.iter().any(|note| note.contains("only 50 % succeeded")), "{:?}", found.notes);
    }

    #[test]
    fn littles_law_is_checked() {
        let mut levels = sweep(TRUTH, &USERS, 2, 0.0, 1).levels;
        levels[3].repeats.iter_mut().for_each(|repeat| repeat.mean_ms *= 0.85);
        let notes = fitted(&levels).notes;
        assert!(notes.len() == 1 && notes[0].starts_with("at 8 users: by Little's law only 6.8 were"), "{notes:?}");
    }

    #[test]
    fn no_curve_without_enough_levels() {
        for (users, expect) in
            [(&USERS[..5], "only `5`"), (&[1, 2, 3, 4, 5, 6][..], "only `6` times"), (&[], "only `0`")]
        {
            let sweep = sweep(TRUTH, users, 2, 0.0, 1);
            assert_eq!(sweep.fit, None);
            assert!(sweep.fit_error.as_ref().unwrap().contains(expect), "{:?}", sweep.fit_error);
            assert!(text(&sweep).contains("no curve: "));
        }
    }

    #[test]
    fn a_maximum_that_was_not_seen_is_noted() {
        let flat = Usl { kappa: 1e-6, ..TRUTH };
        assert!(sweep(flat, &USERS, 2, 0.0, 1).notes[0].contains("beyond the 64 measured"));
    }

    #[test]
    fn as_text() {
        insta::assert_snapshot!(text(&sweep(TRUTH, &USERS, 3, 0.04, 7)));
    }

    #[test]
    fn written_and_read_back() {
        let sweep = sweep(TRUTH, &USERS, 2, 0.0, 1);
        let read: Sweep = serde_json::from_str(&serde_json::to_string(&sweep).unwrap()).unwrap();
        let (read, wrote) = (read.fit.unwrap(), sweep.fit.unwrap());
        assert!((read.usl.lambda - wrote.usl.lambda).abs() < 1e-9 && (read.peak_x.hi - wrote.peak_x.hi).abs() < 1e-9);
        assert!(serde_json::to_string(&schemars::schema_for!(Sweep)).unwrap().contains("store_in_use"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        #[test]
        fn no_line_is_too_wide(
            values in prop::collection::vec((any::<u32>(), prop::num::f64::ANY, prop::num::f64::ANY), 0..9),
            name in ".{0,99}",
        ) {
            let mut sweep = sweep(TRUTH, &USERS[..2], 1, 0.0, 1);
            let repeat = |rate_per_s, mean_ms| LevelRepeat { rate_per_s, mean_ms, success: 1.0, ..Default::default() };
            let level = |users, rate, ms| LevelReport { users, repeats: vec![repeat(rate, ms)] };
            sweep.levels = values.iter().map(|(users, rate, ms)| level(*users, *rate, *ms)).collect();
            let Fitted { fit, fit_error, notes } = fitted(&sweep.levels);
            (sweep.scenario, sweep.fit, sweep.fit_error, sweep.notes) = (name, fit, fit_error, notes);
            for line in text(&sweep).lines() {
                prop_assert!(line.chars().count() <= COLUMNS, "{line}");
            }
        }
    }
}
