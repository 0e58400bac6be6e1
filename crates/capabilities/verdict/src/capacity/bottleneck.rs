//! What gives out first when demand grows, and why. Knows how much there is of each thing, if it was told.

use super::needs::{Model, Used};
use super::{Cell, Demand, REACH};
use crate::compare::words::figure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use statistics::usl::Usl;

/// A thing that is used to this share at the maximum is what makes it the maximum.
const SPENT: f64 = 0.8;

/// What can give out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scarce {
    /// Work that waits in line for other work: σ.
    Contention,
    /// Work that keeps others informed: κ.
    Coherence,
    /// Processors of the machine.
    Cores,
    /// Memory of the machine.
    Memory,
    /// Connections to the database.
    StorePool,
    /// Requests or tokens that the provider lets pass.
    ProviderQuota,
    /// Neither waiting nor anything else was seen within what was measured.
    NotReached,
}

impl Scarce {
    /// In words.
    pub fn name(self) -> &'static str {
        match self {
            Self::Contention => "contention (sigma)",
            Self::Coherence => "coherence (kappa)",
            Self::Cores => "cores of the machine",
            Self::Memory => "memory of the machine",
            Self::StorePool => "connections to the database",
            Self::ProviderQuota => "the provider's quota",
            Self::NotReached => "none within what was measured",
        }
    }
}

/// What gives out first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bottleneck {
    /// What.
    pub scarce: Scarce,
    /// Why, in a sentence with its figures.
    pub why: String,
    /// How much of each known thing one server would use at its maximum, as a share; the largest first.
    pub used: Vec<(Scarce, f64)>,
    /// Ids of the runs that it rests on.
    pub runs: Vec<String>,
}

/// Names what gives out first: the thing used most at the curve's maximum, if it is as good as spent there; else what
/// bends the curve. A curve shows that work waits, but not for what: a spent thing says for what.
pub(super) fn name(model: &Model, demand: &Demand) -> Bottleneck {
    let peak = model.usl().peak();
    let users = peak.n.min(REACH * model.users_max);
    // Not beyond what may be said at all.
    let rate = model.usl().throughput(users);
    let mut used = spent(model, demand, users, rate);
    used.sort_by(|one, other| other.share.total_cmp(&one.share));
    let shares = used.iter().map(|used| (used.scarce, used.share)).collect();
    if let Some(Spent { scarce, what, share, runs }) = used.into_iter().next().filter(|used| used.share >= SPENT) {
        let (rate, percent) = (figure(rate), figure(share * 100.0));
        let why = format!("at the {rate} answers/s that one server reaches, {percent} % of {what} would be used");
        return Bottleneck { scarce, why, used: shares, runs };
    }
    let (scarce, why) = bend(model.usl());
    Bottleneck { scarce, why, used: shares, runs: model.runs() }
}

/// A thing, and how much of it is used.
struct Spent {
    scarce: Scarce,
    what: &'static str,
    share: f64,
    runs: Vec<String>,
}

/// How much of each thing is used, where both what is needed and what is there are known.
fn spent(model: &Model, demand: &Demand, users: f64, rate: f64) -> Vec<Spent> {
    const MINUTE_S: f64 = 60.0;
    let each = Used::of(model, users);
    let quota = demand.quota.unwrap_or_default();
    let share = |scarce, what, needed: Cell, by: f64, there: Option<f64>| {
        Some(Spent { scarce, what, share: needed.value? * by / there?, runs: needed.runs })
    };
    let (pool, minute) = (demand.store_pool.map(f64::from), rate * MINUTE_S);
    let known = [
        share(Scarce::Cores, "the cores", each.cpu_s, rate, demand.cores.map(f64::from)),
        share(Scarce::StorePool, "the pool", each.store_s, rate, pool),
        share(Scarce::ProviderQuota, "the requests per minute", each.calls, minute, quota.rpm),
        share(Scarce::ProviderQuota, "the tokens per minute", each.tokens, minute, quota.tpm),
        share(Scarce::Memory, "the memory", model.memory_mb(users), 1.0, demand.memory_mb),
    ];
    known.into_iter().flatten().collect()
}

/// Which term of the law, if it were gone, would raise the maximum more.
fn bend(usl: Usl) -> (Scarce, String) {
    let without_sigma = Usl { sigma: 0.0, ..usl }.peak().x;
    let without_kappa = Usl { kappa: 0.0, ..usl }.peak().x;
    let [now, sigma, kappa] = [usl.peak().x, without_sigma, without_kappa].map(figure);
    if usl.sigma <= 0.0 && usl.kappa <= 0.0 {
        return (Scarce::NotReached, "throughput rises in a straight line up to the most users measured".to_owned());
    }
    let why = format!(
        "one server reaches {now} answers/s; without work that waits in line (sigma) it would be {sigma}, without work \
         that agrees with other work (kappa) {kappa}; nothing whose limit is known is as good as spent"
    );
    (if without_sigma >= without_kappa { Scarce::Contention } else { Scarce::Coherence }, why)
}
