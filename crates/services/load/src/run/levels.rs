//! Running one scenario at several numbers of users: a sweep.

use super::measured::Measured;
use super::{Answers, LoadError, One, Options, Step, Target, scenario_report};
use crate::environment::environment;
use crate::scenario::{Files, Scenario, Set};
use tokio_util::sync::CancellationToken;
use verdict::sweep::{LevelRepeat, LevelReport, SWEEP_SCHEMA, Sweep, fitted};
use verdict::{Glimpse, ScenarioReport, TargetFacts, generator_fault};

/// How many requests each user sends at least, so that a level is more than its beginning and its end.
const PER_USER_MIN: u32 = 10;

/// Fewer looks at a target say nothing of its mean.
const LOOKS_MIN: usize = 3;

/// Runs a scenario, closed, at each number of users and fits the curve. Each repeat goes through all levels in an order
/// of its own, so that a machine that tires does not tire the large levels alone.
///
/// # Errors
/// [`LoadError`] when a run cannot begin; what `stop` cuts short is left out and noted.
pub async fn sweep(
    scenario: &Scenario,
    files: &Files,
    users: &[u32],
    options: &Options,
    stop: &CancellationToken,
    tell: impl Fn(Step),
) -> Result<Sweep, LoadError> {
    let (started, environment) = (calendar::rfc3339(calendar::now_ms()), environment(&options.version));
    let set = Set { scenarios: vec![scenario.clone()], ..Set::default() };
    let target = Target::find(options, &set).await?;
    let mut levels: Vec<LevelReport> =
        users.iter().map(|users| LevelReport { users: *users, ..LevelReport::default() }).collect();
    levels.sort_by_key(|level| level.users);
    levels.dedup_by_key(|level| level.users);
    let options = Options { integrity: false, inject: None, ..options.clone() };
    let (once, repeats) = (Options { repeats: 1, ..options.clone() }, options.repeats.max(1));
    let mut rng = fastrand::Rng::with_seed(scenario.seed);
    let mut simulated = false;
    let mut left_out = Vec::new();
    for repeat in 0..repeats {
        let mut order: Vec<usize> = (0..levels.len()).collect();
        rng.shuffle(&mut order);
        for at in order {
            let Some(level) = levels.get_mut(at) else { continue };
            let scenario = at_level(scenario, level.users, repeat);
            let one = One { scenario: &scenario, files, options: &once, target: &target, stop, tell: &tell };
            let measured = one.measure(&mut Answers::default()).await?;
            if stop.is_cancelled() {
                break;
            }
            simulated |= measured.simulated();
            let report = scenario_report(&scenario, &measured, false);
            match generator_fault(&report.generator) {
                None => level.repeats.push(level_repeat(&measured, &report)),
                Some(why) => left_out.push(format!("{} users, left out of the curve: {why}", level.users)),
            }
            tell(Step::Ends { scenario: scenario.name.clone(), verdict: report.verdict });
        }
    }
    levels.retain(|level| !level.repeats.is_empty());
    let mut fitted = fitted(&levels);
    fitted.notes.append(&mut left_out);
    if stop.is_cancelled() {
        fitted.notes.push("interrupted: not every level was measured as often as planned".to_owned());
    }
    Ok(Sweep {
        schema: SWEEP_SCHEMA,
        id: format!("sweep_{:016x}", fastrand::u64(..)),
        started,
        target: TargetFacts { url: target.shown(), althing: target.version.clone(), simulated },
        environment,
        scenario: scenario.name.clone(),
        levels,
        fit: fitted.fit,
        fit_error: fitted.fit_error,
        notes: fitted.notes,
    })
}

/// The scenario at one level.
fn at_level(scenario: &Scenario, users: u32, repeat: u32) -> Scenario {
    Scenario {
        name: format!("{} × {users}", scenario.name),
        users,
        operations: scenario.operations.max(users.saturating_mul(PER_USER_MIN)),
        seed: scenario.seed.wrapping_add(u64::from(repeat)),
        closed: true,
        fault: None,
        ..scenario.clone()
    }
}

fn level_repeat(measured: &Measured, report: &ScenarioReport) -> LevelRepeat {
    let operations = report.operations.max(1) as f64;
    let last = |value: fn(&Glimpse) -> Option<f64>| measured.glimpses.iter().rev().find_map(value);
    // Streams do not say how many tokens they took; then nothing is known of the others' mean either.
    let tokens: Option<Vec<u32>> = measured.records().filter(|one| one.ok()).map(|one| one.total_tokens).collect();
    let tokens = tokens.filter(|tokens| !tokens.is_empty());
    // The looks before and after find a target at rest.
    let within = |glimpse: &&Glimpse| glimpse.at_s > 0.0 && glimpse.at_s < report.wall_s;
    let in_use: Vec<f64> = measured.glimpses.iter().filter(within).filter_map(|one| one.store_in_use).collect();
    LevelRepeat {
        rate_per_s: report.rate_per_s,
        mean_ms: report.latency_ms.mean,
        p50_ms: report.latency_ms.p50,
        p95_ms: report.latency_ms.p95,
        success: report.success.share,
        cpu_s_per_operation: report.cpu_s_per_operation,
        resident_mb: report.memory.map(|memory| memory.max_mb),
        model_s_per_operation: last(|glimpse| glimpse.model_s).map(|spent| spent / operations),
        model_calls_per_operation: last(|glimpse| glimpse.model_calls).map(|calls| calls / operations),
        tokens_per_operation: tokens.map(|all| all.iter().map(|one| f64::from(*one)).sum::<f64>() / all.len() as f64),
        store_in_use: (in_use.len() >= LOOKS_MIN).then(|| in_use.iter().sum::<f64>() / in_use.len() as f64),
        run: format!("{:016x}", fastrand::u64(..)),
    }
}
