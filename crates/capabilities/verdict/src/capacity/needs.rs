//! What one rate needs, read from the curve and from what the levels around it used. Knows no bottleneck.

use super::{Cell, Demand, PlanError, REACH, Row, STORE_SPARE, STORE_USED_MAX, USED_MAX};
use crate::compare::effects::student;
use crate::compare::words::{figure, mean, median};
use crate::sweep::{LevelRepeat, LevelReport, Sweep, throughputs};
use fastrand::Rng;
use statistics::usl::{self, Fit, Level, Usl};
use statistics::{Interval, ROUNDS, block_bootstrap, quantile, slope};

const SEED: u64 = 1;
/// How often the curve is laid anew to see how sure a number of users is.
const CURVES: usize = 200;
/// What a curve has to be told from.
const PARAMETERS: f64 = 3.0;
/// No resampled throughput falls below this share of the curve.
const SHARE_MIN: f64 = 0.01;

/// The sweep as it is read.
pub(super) struct Model<'a> {
    pub(super) fit: Fit,
    levels: Vec<&'a LevelReport>,
    /// Curves that might as well have been found.
    curves: Vec<Usl>,
    /// The most users measured.
    pub(super) users_max: f64,
}

impl<'a> Model<'a> {
    pub(super) fn of(sweep: &'a Sweep) -> Result<Self, PlanError> {
        let no_curve = |reason: String| PlanError::NoCurve { sweep: sweep.id.clone(), reason };
        let unsaid = || sweep.fit_error.clone().unwrap_or_else(|| "the levels were not fitted".to_owned());
        let fit = sweep.fit.ok_or_else(|| no_curve(unsaid()))?;
        let levels = throughputs(&sweep.levels);
        // A sweep from a file may hold a curve that its levels cannot carry.
        usl::fit(&levels, 0, SEED).map_err(|error| no_curve(error.to_string()))?;
        let mut ordered: Vec<_> = sweep.levels.iter().collect();
        ordered.sort_by_key(|level| level.users);
        let users_max = ordered.last().map_or(0.0, |level| f64::from(level.users));
        Ok(Self { fit, levels: ordered, curves: curves(&levels, fit.usl), users_max })
    }

    pub(super) fn usl(&self) -> Usl {
        self.fit.usl
    }

    /// All runs.
    pub(super) fn runs(&self) -> Vec<String> {
        ids(self.levels.iter().flat_map(|level| &level.repeats))
    }

    /// How many users one server needs for a rate.
    pub(super) fn users(&self, rate: f64) -> Option<(f64, Interval)> {
        let users = self.usl().users_for(rate)?;
        // A curve that never reaches the rate would need users without end.
        let mut others: Vec<f64> = self.curves.iter().map(|usl| usl.users_for(rate).unwrap_or(f64::INFINITY)).collect();
        others.sort_by(f64::total_cmp);
        let lo = quantile(&others, 0.025).unwrap_or(users).min(users);
        let hi = quantile(&others, 0.975).unwrap_or(users).max(users);
        Some((users, Interval { lo, hi }))
    }

    /// What an operation uses, by the levels on both sides of so many users (the two highest beyond them).
    pub(super) fn per_operation(&self, users: f64, of: impl Fn(&LevelRepeat) -> Option<f64>, what: &str) -> Cell {
        let telling = |repeat: &&LevelRepeat| of(repeat).is_some_and(f64::is_finite);
        let levels: Vec<_> =
            self.levels.iter().filter(|level| level.repeats.iter().any(|repeat| telling(&repeat))).collect();
        let above = levels.partition_point(|level| f64::from(level.users) < users).min(levels.len().saturating_sub(1));
        let near = levels.get(above.saturating_sub(1)..levels.len().min(above + 1)).unwrap_or_default();
        let repeats: Vec<_> = near.iter().flat_map(|level| &level.repeats).filter(telling).collect();
        let blocks: Vec<_> = repeats.iter().filter_map(|repeat| Some(vec![of(repeat)?])).collect();
        let Some(value) = mean(blocks.iter().flatten().copied()) else {
            return Cell::none(format!("not measured: the target does not tell {what}"));
        };
        let middle = |sample: &mut Vec<f64>| mean(sample.iter().copied()).unwrap_or(f64::NAN);
        let interval = block_bootstrap(&blocks, ROUNDS, SEED, middle);
        Cell { value: Some(value), interval, reason: None, runs: ids(repeats.into_iter()) }
    }

    /// Resident memory of one server with so many users at once: a base and so much for each, by all levels.
    pub(super) fn memory_mb(&self, users: f64) -> Cell {
        const UNTOLD: &str = "not measured: the target does not tell its resident memory at three levels or more";
        let told: Vec<_> = self
            .levels
            .iter()
            .flat_map(|level| level.repeats.iter().map(|repeat| (f64::from(level.users), repeat)))
            .filter_map(|(users, repeat)| Some((users, repeat.resident_mb.filter(|mb| mb.is_finite())?, repeat)))
            .collect();
        let mut distinct: Vec<f64> = told.iter().map(|(users, ..)| *users).collect();
        distinct.dedup();
        let points: Vec<_> = told.iter().map(|(users, mb, _)| (*users, *mb)).collect();
        let Some(found) = slope(&points).filter(|_| distinct.len() >= 3) else { return Cell::none(UNTOLD) };
        let at = |slope: f64, base: f64| base + slope * users;
        let base = |slope: f64| median(points.iter().map(|(users, mb)| mb - slope * users)).unwrap_or(f64::NAN);
        let ends = [found.interval.lo, found.interval.hi].map(|slope| at(slope, base(slope)));
        let interval = Interval { lo: ends[0].min(ends[1]), hi: ends[0].max(ends[1]) };
        let value = at(found.per_x, base(found.per_x));
        let interval = Some(interval).filter(|interval| !interval.lo.is_nan() && !interval.hi.is_nan());
        Cell { value: Some(value), interval, reason: None, runs: ids(told.into_iter().map(|(.., repeat)| repeat)) }
    }
}

fn ids<'a>(repeats: impl Iterator<Item = &'a LevelRepeat>) -> Vec<String> {
    let mut runs: Vec<String> = Vec::new();
    for repeat in repeats {
        if !runs.contains(&repeat.run) {
            runs.push(repeat.run.clone());
        }
    }
    runs
}

/// Curves through levels that are moved by each other's distance from the curve, widened for the parameters that the
/// curve used up and for how little so few levels tell of their scatter.
fn curves(levels: &[Level], usl: Usl) -> Vec<Usl> {
    let mut rng = Rng::with_seed(SEED);
    let count = levels.len() as f64;
    let free = (count - PARAMETERS).max(1.0);
    let wider = (count / free).sqrt() * student(free);
    let residual = |level: &Level| mean(level.x.iter().copied()).map(|x| (x / usl.throughput(level.n) - 1.0) * wider);
    let residuals: Vec<f64> = levels.iter().filter_map(residual).collect();
    let mut moved = || -> Option<Usl> {
        let level = |level: &Level| {
            let by = 1.0 + rng.choice(&residuals).copied().unwrap_or_default();
            // As often as it was measured: repeats weigh.
            Level { n: level.n, x: vec![usl.throughput(level.n) * by.max(SHARE_MIN); level.x.len()] }
        };
        let levels: Vec<_> = levels.iter().map(level).collect();
        usl::fit(&levels, 0, SEED).ok().map(|fit| fit.usl)
    };
    (0..CURVES).filter_map(|_| moved()).collect()
}

/// What so many times the demand needs.
pub(super) fn row(model: &Model, demand: &Demand, growth: f64, today: f64) -> Row {
    let rate = today * growth;
    let most = USED_MAX * model.usl().peak().x;
    let nodes = (rate / most).ceil().max(1.0);
    let each = rate / nodes;
    let Some((users, interval)) = model.users(each) else {
        return refused(growth, rate, "no number of users brings one server there");
    };
    if users > REACH * model.users_max {
        let why = format!(
            "it takes {} users on one server, more than {REACH} times the {} measured: sweep further",
            figure(users),
            model.users_max
        );
        return refused(growth, rate, &why);
    }
    let nodes_for = |most: f64| (rate / (USED_MAX * most)).ceil().max(1.0);
    let count = Interval { lo: nodes_for(model.fit.peak_x.hi), hi: nodes_for(model.fit.peak_x.lo) };
    let cell =
        |value: f64, interval| Cell { value: Some(value), interval: Some(interval), reason: None, runs: model.runs() };
    let times = |cell: Cell, by: f64| cell.map(|value| value * by);
    let used = Used::of(model, users);
    let quota = demand.quota.unwrap_or_default();
    let mut row = Row {
        growth,
        rate_per_s: rate,
        refused: None,
        nodes: cell(nodes, count),
        users: times(cell(users, interval), nodes),
        latency_ms: times(cell(users, interval), 1e3 / each),
        cores: times(used.cpu_s, rate / USED_MAX),
        memory_mb: times(model.memory_mb(users), nodes),
        store_connections: used.store_s.map(|each| (each * rate / STORE_USED_MAX + STORE_SPARE * nodes).ceil()),
        provider_slots: used.model_s.map(|each| (each * rate).ceil()),
        rpm_share: share(used.calls, rate, quota.rpm),
        tpm_share: share(used.tokens, rate, quota.tpm),
        exceeded: Vec::new(),
    };
    row.exceeded = exceeded(&row, demand, nodes);
    row
}

/// What one answer uses. A target tells it per finished request; failures are paid for by the answers.
pub(super) struct Used {
    pub(super) cpu_s: Cell,
    pub(super) store_s: Cell,
    pub(super) model_s: Cell,
    pub(super) calls: Cell,
    pub(super) tokens: Cell,
}

impl Used {
    pub(super) fn of(model: &Model, users: f64) -> Self {
        let answer = |repeat: &LevelRepeat, each: Option<f64>| each.map(|each| each / repeat.success);
        let read = |of: fn(&LevelRepeat) -> Option<f64>, what| {
            model.per_operation(users, |repeat| answer(repeat, of(repeat)), what)
        };
        // By Little's law: connections in use over answers per second are seconds per answer.
        let store = |repeat: &LevelRepeat| Some(repeat.store_in_use? / repeat.rate_per_s);
        Self {
            cpu_s: read(|repeat| repeat.cpu_s_per_operation, "its processor time"),
            store_s: read(store, "its connections to the database"),
            model_s: read(|repeat| repeat.model_s_per_operation, "the time spent in models"),
            calls: read(|repeat| repeat.model_calls_per_operation, "how often it calls models"),
            tokens: read(|repeat| repeat.tokens_per_operation, "how many tokens an answer takes"),
        }
    }
}

/// What a rate takes of a quota per minute.
fn share(each: Cell, rate: f64, quota: Option<f64>) -> Cell {
    const MINUTE_S: f64 = 60.0;
    match quota {
        Some(quota) => each.map(|each| each * rate * MINUTE_S / quota),
        None => Cell::none("no quota is given"),
    }
}

/// What does not suffice for a row.
fn exceeded(row: &Row, demand: &Demand, nodes: f64) -> Vec<String> {
    let mut exceeded = Vec::new();
    let mut check = |cell: &Cell, limit: Option<f64>, what: &str| {
        if let Some((value, limit)) = cell.value.zip(limit).filter(|(value, limit)| value > limit) {
            exceeded.push(format!("{what}: {} needed, {} there", figure(value), figure(limit)));
        }
    };
    check(&row.cores, demand.cores.map(|cores| f64::from(cores) * nodes), "cores");
    check(&row.memory_mb, demand.memory_mb.map(|mb| mb * nodes), "memory in MB");
    check(&row.store_connections, demand.store_pool.map(|pool| f64::from(pool) * nodes), "store connections");
    for (cell, what) in [(&row.rpm_share, "requests"), (&row.tpm_share, "tokens")] {
        if let Some(share) = cell.value.filter(|share| *share > 1.0) {
            exceeded.push(format!("{what} per minute: {} % of the provider's quota", figure(share * 100.0)));
        }
    }
    exceeded
}

fn refused(growth: f64, rate_per_s: f64, why: &str) -> Row {
    Row { growth, rate_per_s, refused: Some(why.to_owned()), ..Row::default() }
}
