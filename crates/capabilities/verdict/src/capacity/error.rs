//! Why no plan is made. Knows no figure of a sweep.

use super::Demand;
use fault::{Explain, Kind, Origin};

/// Why no plan is made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum PlanError {
    /// There is no curve to read from.
    #[error("the sweep `{sweep}` gives no curve: {reason}")]
    NoCurve {
        /// The sweep's id.
        sweep: String,
        /// Why not.
        reason: String,
    },
    /// A figure of the demand that no plan can be made for.
    #[error("`{name}` of `{value}` is not a positive number")]
    Demand {
        /// Which.
        name: &'static str,
        /// What was given.
        value: f64,
    },
    /// None was given, and none can be taken from the sweep.
    #[error("no demand is given, and every measured rate is above `{most}` a second, 70 % of the maximum")]
    NoDemand {
        /// The highest rate that would do.
        most: f64,
    },
}

impl Explain for PlanError {
    fn code(&self) -> &'static str {
        match self {
            Self::NoCurve { .. } => "sweep_without_curve",
            Self::Demand { .. } => "invalid_demand",
            Self::NoDemand { .. } => "no_demand",
        }
    }

    fn kind(&self) -> Kind {
        match self {
            Self::NoCurve { .. } => Kind::Semantics,
            Self::Demand { .. } | Self::NoDemand { .. } => Kind::BadInput,
        }
    }

    fn origin(&self) -> Origin {
        Origin::Caller
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoCurve { .. } => {
                "sweep 6 levels or more that get answers, the highest 16 times the lowest: `--users 1,2,4,8,16,32,64`"
                    .to_owned()
            }
            Self::Demand { name, .. } => format!("give `{name}` as a number above 0"),
            Self::NoDemand { .. } => "say how many answers a second are needed today".to_owned(),
        })
    }

    fn param(&self) -> Option<String> {
        match self {
            Self::NoCurve { .. } => None,
            Self::Demand { name, .. } => Some((*name).to_owned()),
            Self::NoDemand { .. } => Some("rate_per_s".to_owned()),
        }
    }
}

/// Whether a plan can be made for a demand.
///
/// # Errors
/// [`PlanError::Demand`] for the first figure that is not positive and finite.
pub(super) fn check(demand: &Demand) -> Result<(), PlanError> {
    let quota = demand.quota.unwrap_or_default();
    let single = [
        ("rate_per_s", demand.rate_per_s),
        ("quota.rpm", quota.rpm),
        ("quota.tpm", quota.tpm),
        ("cores", demand.cores.map(f64::from)),
        ("memory_mb", demand.memory_mb),
        ("store_pool", demand.store_pool.map(f64::from)),
    ];
    let single = single.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let growths = demand.growths.iter().map(|growth| ("growths", *growth));
    match single.chain(growths).find(|(_, value)| !(value.is_finite() && *value > 0.0)) {
        Some((name, value)) => Err(PlanError::Demand { name, value }),
        None => Ok(()),
    }
}
