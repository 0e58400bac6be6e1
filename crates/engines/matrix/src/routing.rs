//! Which models a request may go to, in which order, and why: groups of endpoints, routes of rules.
//!
//! Decides and remembers whose turn it is; asks nobody. What an endpoint is and how it stands, `models` knows.

mod group;
mod route;
mod usual;

pub(crate) use group::{Asked, Group, Limits};
pub(crate) use route::Route;

use caller::{NANO_PER_USD, NanoUsd};
use models::Endpoint;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The longest that a failure counts as, whatever the load of the others.
const WORST_MAX: Duration = Duration::from_secs(60 * 60);

/// What a name has led to for one request. In which order those are asked is decided when they are.
#[derive(Clone)]
pub(crate) enum Way {
    /// The endpoint that the request named.
    To(Arc<Endpoint>),
    /// A group, and what led there.
    Among(Arc<Group>, String),
}

impl Way {
    /// By a bare name that several providers list.
    pub(crate) fn by_name(group: Arc<Group>) -> Self {
        let from = format!("`{}`, which {} providers offer,", group.name(), group.endpoints().len());
        Self::Among(group, from)
    }

    /// Everybody who may be asked, as they are written.
    pub(crate) fn models(&self) -> &[Arc<Endpoint>] {
        match self {
            Self::To(endpoint) => std::slice::from_ref(endpoint),
            Self::Among(group, _) => group.endpoints(),
        }
    }

    /// `model`, or `group` for a name that several share.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::To(_) => "model",
            Self::Among(..) => "group",
        }
    }

    /// The model's whole name, or the name that several share.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::To(endpoint) => endpoint.id(),
            Self::Among(group, _) => group.name(),
        }
    }

    /// Whom to ask for one request, in order.
    pub(crate) fn lead(&self, asked: &Asked<'_>) -> Lead {
        match self {
            Self::To(endpoint) => Lead::to(Arc::clone(endpoint)),
            Self::Among(group, from) => group.lead(asked, from.clone()),
        }
    }
}

/// Where a request goes.
pub(crate) struct Lead {
    /// Whom to ask, one after the other; never empty.
    pub(crate) candidates: Vec<Arc<Endpoint>>,
    /// Whether they are peers, so that whoever fails is left for another; else the first is wanted, and others stand in.
    pub(crate) peers: bool,
    /// After what time without an answer a second copy goes to the second of them.
    pub(crate) hedge_after: Option<Duration>,
    /// What led here, such as a route; nothing where the request named the endpoint.
    from: Option<String>,
    /// Why the first is the first, where somebody chose.
    why: Option<String>,
    /// Those of the candidates that are beyond a limit of their rule, and beyond which.
    beyond: Vec<(Arc<Endpoint>, &'static str)>,
}

impl Lead {
    /// To the endpoint that the request named.
    fn to(endpoint: Arc<Endpoint>) -> Self {
        let (candidates, beyond) = (vec![endpoint], Vec::new());
        Self { candidates, peers: false, hedge_after: None, from: None, why: None, beyond }
    }

    /// Only those that offer the same model as `model`, for what other models have nothing in common with.
    pub(crate) fn of_one_model(mut self, model: Option<&Arc<Endpoint>>) -> Self {
        let Some(name) = model.map(|endpoint| endpoint.upstream_name()) else { return self };
        self.candidates.retain(|endpoint| endpoint.upstream_name() == name);
        self
    }

    /// A sentence for whoever wants to know why these words are this model's.
    pub(crate) fn reason(&self, served_by: &Endpoint) -> Option<String> {
        let mut reason = format!("{} led to `{}`", self.from.as_deref()?, served_by.id());
        let at = self.candidates.iter().position(|endpoint| endpoint.id() == served_by.id()).unwrap_or_default();
        match (&self.why, at) {
            (Some(why), 0) => reason = format!("{reason}: {why}"),
            (_, at) if at > 0 => reason = format!("{reason}, its choice number {}", at + 1),
            _ => {}
        }
        if let Some((_, limit)) = self.beyond.iter().find(|(endpoint, _)| endpoint.id() == served_by.id()) {
            reason = format!("{reason}, although beyond `{limit}`");
        }
        Some(reason)
    }
}

/// Billionths of a US dollar as US dollars.
pub(crate) fn usd(nano: NanoUsd) -> f64 {
    nano as f64 / NANO_PER_USD as f64
}

/// Whether a request may go there at once: it is well and has room.
pub(crate) fn is_ready(endpoint: &Endpoint) -> bool {
    let reading = endpoint.reading(Instant::now().into_std());
    reading.available && !reading.penalised && reading.free > 0.0
}

/// Makes a failure count as much as the most loaded of the others: a fixed time would be too short where those are
/// busy. Only what speaks against the endpoint does; it has taken note of that itself.
pub(crate) fn spare(failed: &Arc<Endpoint>, candidates: &[Arc<Endpoint>]) {
    let now = Instant::now().into_std();
    if candidates.len() < 2 || !failed.reading(now).penalised {
        return;
    }
    let others = candidates.iter().filter(|other| !Arc::ptr_eq(other, failed)).map(|other| other.reading(now));
    // Those that failed too count as what failing counts as, which may not feed on itself.
    let worst = others.filter(|other| !other.penalised).map(|other| other.load_s).fold(0.0, f64::max);
    failed.penalise(now, Duration::try_from_secs_f64(worst).unwrap_or(WORST_MAX).min(WORST_MAX));
}

#[cfg(test)]
mod tests;
