//! What a growing demand needs: users at once, cores, memory, connections, provider slots, servers, and what gives
//! out first. Every figure names the runs it rests on; what was not measured is said to be so, never guessed.
//!
//! Knows a sweep and a demand; nothing of prices, machines for sale, or how a server is scaled.

mod bottleneck;
mod claim;
mod error;
mod needs;
mod show;

pub use bottleneck::{Bottleneck, Scarce};
pub use claim::{CLAIMED_BY, Claim};
pub use error::PlanError;
pub use show::text;

use crate::sweep::{LevelReport, Sweep};
use needs::Model;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statistics::Interval;

/// The version of the shape of [`Plan`].
pub const PLAN_SCHEMA: u32 = 1;
/// The share of a server's most, and of its cores, that is planned to be used: the rest is for bursts.
pub const USED_MAX: f64 = 0.7;
/// The share of the connections to the database that is planned to be used.
pub const STORE_USED_MAX: f64 = 0.8;
/// Connections to the database beyond that: one to write, one for health.
pub const STORE_SPARE: f64 = 2.0;
/// No figure is given for more users than so many times the most that were measured.
pub const REACH: f64 = 2.0;
/// Multiples of the demand that are planned for, unless said otherwise.
pub const GROWTHS: [f64; 3] = [1.5, 2.0, 3.0];

/// What is asked for. What is not given is none and shows as not measured.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Demand {
    /// Answers per second today; the highest measured rate of at most 70 % of the maximum if none.
    pub rate_per_s: Option<f64>,
    /// Multiples of it; 1.5, 2 and 3 if empty.
    pub growths: Vec<f64>,
    /// What the provider lets pass.
    pub quota: Option<Quota>,
    /// Cores of the machine that the target runs on.
    pub cores: Option<u32>,
    /// Memory in MB of that machine.
    pub memory_mb: Option<f64>,
    /// Connections to the database that the target may open.
    pub store_pool: Option<u32>,
}

/// What a provider lets pass per minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Quota {
    /// Requests.
    pub rpm: Option<f64>,
    /// Tokens, in and out.
    pub tpm: Option<f64>,
}

/// What a growing demand needs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The version of this shape.
    pub schema: u32,
    /// The sweep that it rests on: its id.
    pub sweep: String,
    /// The scenario that was swept.
    pub scenario: String,
    /// Who was measured.
    pub target: String,
    /// Answers per second today.
    pub demand_per_s: f64,
    /// Where that comes from.
    pub demand_from: String,
    /// The most that one server gives, in answers per second.
    pub maximum_per_s: Cell,
    /// With how many users at once.
    pub maximum_users: Cell,
    /// What gives out first.
    pub bottleneck: Bottleneck,
    /// Each growth.
    pub rows: Vec<Row>,
    /// What the original's report claims of loads, to be read beside the rows. Nothing here rests on it.
    pub claims: Vec<Claim>,
    /// Whose claim it is.
    pub claimed_by: String,
    /// What a reader should know before believing the figures.
    pub notes: Vec<String>,
}

/// One multiple of the demand. Figures are for all servers together, latency excepted.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// The multiple.
    pub growth: f64,
    /// Answers per second.
    pub rate_per_s: f64,
    /// Why no figures are given, if none are.
    pub refused: Option<String>,
    /// Servers like the measured one, each used to 70 % of its most.
    pub nodes: Cell,
    /// Users at once.
    pub users: Cell,
    /// Mean latency in milliseconds.
    pub latency_ms: Cell,
    /// Cores, used to 70 %.
    pub cores: Cell,
    /// Resident memory in MB.
    pub memory_mb: Cell,
    /// Connections to the database, used to 80 %, and two to spare per server.
    pub store_connections: Cell,
    /// Calls of models under way at once.
    pub provider_slots: Cell,
    /// Requests per minute as a share of the quota.
    pub rpm_share: Cell,
    /// Tokens per minute as a share of the quota.
    pub tpm_share: Cell,
    /// What does not suffice, in sentences.
    pub exceeded: Vec<String>,
}

/// A figure with what it rests on.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// The figure.
    pub value: Option<f64>,
    /// Where the true value lies, where that can be told.
    pub interval: Option<Interval>,
    /// Why there is no figure.
    pub reason: Option<String>,
    /// Ids of the runs that it rests on.
    pub runs: Vec<String>,
}

impl Cell {
    pub(crate) fn none(reason: impl Into<String>) -> Self {
        Self { reason: Some(reason.into()), ..Self::default() }
    }

    /// The same through a function that rises.
    fn map(self, rising: impl Fn(f64) -> f64) -> Self {
        let interval = self.interval.map(|interval| Interval { lo: rising(interval.lo), hi: rising(interval.hi) });
        Self { value: self.value.map(rising), interval, ..self }
    }
}

/// Plans for a demand from a sweep.
///
/// # Errors
/// A sweep without a curve (too few levels, too narrow a span, a level that failed), a demand or growth that is not a
/// positive number, no demand given where every measured rate is above 70 % of the maximum.
pub fn plan(sweep: &Sweep, demand: &Demand) -> Result<Plan, PlanError> {
    let model = Model::of(sweep)?;
    error::check(demand)?;
    let (rate, demand_from) = rate(sweep, &model, demand)?;
    let growths = if demand.growths.is_empty() { &GROWTHS[..] } else { &demand.growths };
    let peak = model.usl().peak();
    let cell = |value: f64, interval| Cell {
        value: Some(value).filter(|value| value.is_finite()),
        interval: Some(interval),
        reason: (!value.is_finite()).then(|| "the curve never flattens within what was measured".to_owned()),
        runs: model.runs(),
    };
    Ok(Plan {
        schema: PLAN_SCHEMA,
        sweep: sweep.id.clone(),
        scenario: sweep.scenario.clone(),
        target: sweep.target.url.clone(),
        demand_per_s: rate,
        demand_from,
        maximum_per_s: cell(peak.x, model.fit.peak_x),
        maximum_users: cell(peak.n, model.fit.peak_n),
        bottleneck: bottleneck::name(&model, demand),
        rows: growths.iter().map(|growth| needs::row(&model, demand, *growth, rate)).collect(),
        claims: claim::claims(),
        claimed_by: CLAIMED_BY.to_owned(),
        notes: notes(sweep, &model),
    })
}

/// Answers per second today, and where that comes from.
fn rate(sweep: &Sweep, model: &Model, demand: &Demand) -> Result<(f64, String), PlanError> {
    if let Some(rate) = demand.rate_per_s {
        return Ok((rate, "as given".to_owned()));
    }
    let most = USED_MAX * model.usl().peak().x;
    let measured = |level: &LevelReport| Some((level.answered_per_s()?, level.users));
    let fitting = sweep.levels.iter().filter_map(measured).filter(|(rate, _)| *rate <= most);
    let (rate, users) = fitting.max_by(|one, other| one.0.total_cmp(&other.0)).ok_or(PlanError::NoDemand { most })?;
    Ok((rate, format!("measured with {users} users: the highest rate of at most 70 % of the maximum")))
}

fn notes(sweep: &Sweep, model: &Model) -> Vec<String> {
    let mut notes = vec![
        "several servers are taken to share nothing that gives out: measure them together before relying on it"
            .to_owned(),
        "users send the next request as soon as they have an answer; users who rest between requests are more"
            .to_owned(),
    ];
    if model.usl().peak().n > REACH * model.users_max {
        notes.push(format!(
            "the maximum lies beyond {REACH} times the {} users measured: sweep further before relying on it",
            model.users_max
        ));
    }
    if sweep.target.simulated {
        notes.push("answers were simulated: real models have other latencies and quotas".to_owned());
    }
    notes.extend(sweep.notes.iter().cloned());
    notes
}

#[cfg(test)]
mod tests;
