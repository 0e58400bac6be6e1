//! The rules of judging one figure: a share, a quantile, a mean, a plain figure. They know no key of `[slo]` by name.

use crate::report::{Requirement, Share, Verdict};
use statistics::{Interval, operations_to_settle, quantile, quantile_interval, quantile_operations_to_settle};

/// The normal quantile of a two-sided 95 % interval.
const Z_95: f64 = 1.959964;
/// Why more operations would not settle it.
const ON_TARGET: &str = "what was found is the target itself: no number of further operations is known to settle it";
/// Why a percentile is not judged.
const FEW_SUCCESSES: &str =
    "fewer than half of the operations succeeded: how fast those were says nothing about the others";
/// Why a percentile is not settled that single operations would settle.
const SLOW_SECONDS: &str =
    "slow operations came together, so that each says less than one by itself would: run for longer";
/// Why a percentile has no figure.
const TIMED_OUT: &str = "more operations timed out than the percentile leaves room for";

/// What is asked of a figure.
#[derive(Debug, Clone, Copy)]
pub(super) enum Want {
    AtLeast,
    MoreThan,
    AtMost,
    LessThan,
}

impl Want {
    /// Pass where the whole interval keeps to the target, fail where none of it does, else inconclusive.
    pub(super) fn verdict(self, interval: Interval, target: f64) -> Verdict {
        let Interval { lo, hi } = interval;
        let (holds, fails) = match self {
            Self::AtLeast => (lo >= target, hi < target),
            Self::MoreThan => (lo > target, hi <= target),
            Self::AtMost => (hi <= target, lo > target),
            Self::LessThan => (hi < target, lo >= target),
        };
        match (holds, fails) {
            (true, _) => Verdict::Pass,
            (_, true) => Verdict::Fail,
            _ => Verdict::Inconclusive,
        }
    }
}

/// A requirement of which nothing was found, and why.
pub(super) fn unmeasured(name: impl Into<String>, target: f64, why: &str) -> Requirement {
    Requirement {
        name: name.into(),
        target,
        measured: None,
        interval: None,
        verdict: Verdict::NotMeasured,
        operations_needed: None,
        reason: Some(why.to_owned()),
    }
}

/// A requirement on an estimate with its interval.
pub(super) fn estimate(
    name: impl Into<String>,
    want: Want,
    target: f64,
    measured: f64,
    interval: Interval,
) -> Requirement {
    Requirement {
        name: name.into(),
        target,
        measured: Some(measured),
        interval: Some(interval),
        verdict: want.verdict(interval, target),
        operations_needed: None,
        reason: None,
    }
}

/// A requirement on a figure that was counted or read, not estimated: it has no interval.
pub(super) fn plain(name: impl Into<String>, want: Want, target: f64, measured: f64) -> Requirement {
    let exactly = Interval { lo: measured, hi: measured };
    Requirement { interval: None, ..estimate(name, want, target, measured, exactly) }
}

/// A requirement on a share. `done` operations gave the `share.of` cases that it is a share of.
pub(super) fn share(name: impl Into<String>, want: Want, target: f64, share: Share, done: u64) -> Requirement {
    let mut found = estimate(name, want, target, share.share, share.interval);
    // An interval never reaches all of them, but one exception refutes it, whatever rounding makes of its upper end.
    if target >= 1.0 && share.count < share.of {
        found.verdict = Verdict::Fail;
    } else if target >= 1.0 {
        found.verdict = Verdict::Inconclusive;
        found.reason = Some("no number of successes shows that there is never a failure: ask for less than 1".into());
    } else if found.verdict == Verdict::Inconclusive {
        settle(&mut found, operations_to_settle(share.share, target), share.of, done);
    }
    found
}

/// Both intervals together: what one of them does not leave out may be true.
pub(super) fn union(one: Interval, other: Option<Interval>) -> Interval {
    other.map_or(one, |other| Interval { lo: one.lo.min(other.lo), hi: one.hi.max(other.hi) })
}

/// A requirement on a quantile of a sorted sample in milliseconds, which `done` operations gave: infinite for those
/// that timed out. `blocks` is the interval that sees slow seconds come together, where there is one.
pub(super) fn latency(
    name: &str,
    at: f64,
    target: f64,
    sorted: &[f64],
    blocks: Option<Interval>,
    done: u64,
) -> Requirement {
    let Some(measured) = quantile(sorted, at) else {
        return unmeasured(name, target, "no operation that succeeded was timed");
    };
    let single = quantile_interval(sorted, at);
    let mut found = estimate(name, Want::AtMost, target, measured, union(single, blocks));
    if found.verdict == Verdict::Inconclusive && Want::AtMost.verdict(single, target) == Verdict::Inconclusive {
        settle(&mut found, quantile_operations_to_settle(sorted, at, target), sorted.len() as u64, done);
    } else if found.verdict == Verdict::Inconclusive {
        found.reason = Some(SLOW_SECONDS.to_owned());
    }
    if measured.is_infinite() {
        found.measured = None;
        found.reason = Some(TIMED_OUT.to_owned());
    }
    found
}

/// Takes back what a percentile says where most operations have none.
pub(super) fn of_survivors(found: Requirement, success: Share) -> Requirement {
    if success.count.saturating_mul(2) < success.of && found.verdict != Verdict::NotMeasured {
        return unmeasured(found.name, found.target, FEW_SUCCESSES);
    }
    found
}

/// A requirement on a mean, at most the target; normal interval of the mean, cut at 0, as nothing costs less. One
/// value says nothing about how far values lie apart, so it bounds the mean from neither side.
pub(super) fn mean(name: &str, target: f64, values: &[f64], done: u64) -> Requirement {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let deviation = (squares / (n - 1.0)).sqrt();
    let margin = if values.len() > 1 { Z_95 * deviation / n.sqrt() } else { f64::INFINITY };
    let interval = Interval { lo: (mean - margin).max(0.0), hi: mean + margin };
    let mut found = estimate(name, Want::AtMost, target, mean, interval);
    if values.len() < 2 {
        found.reason = Some("one answer does not say how far apart answers lie: ask for more operations".to_owned());
    } else if found.verdict == Verdict::Inconclusive {
        let needed = (Z_95 * deviation / (mean - target)).powi(2).ceil();
        settle(&mut found, needed.is_finite().then_some(needed as u64), values.len() as u64, done);
    }
    found
}

/// Says how many operations would settle it, of which `sample` of `done` were cases; never fewer than were done.
fn settle(found: &mut Requirement, cases: Option<u64>, sample: u64, done: u64) {
    let scaled = |cases: u64| (u128::from(cases) * u128::from(done)).div_ceil(u128::from(sample.max(1)));
    let most = |needed: u128| u64::try_from(needed).unwrap_or(u64::MAX).max(done);
    found.operations_needed = cases.map(scaled).map(most);
    if found.operations_needed.is_none() {
        found.reason = Some(ON_TARGET.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::{Want, plain, settle};
    use crate::report::Verdict::{self, Fail, Inconclusive, Pass};
    use statistics::Interval;

    fn check(lo: f64, hi: f64, [at_least, more_than, at_most, less_than]: [Verdict; 4]) {
        let found = [Want::AtLeast, Want::MoreThan, Want::AtMost, Want::LessThan]
            .map(|want| want.verdict(Interval { lo, hi }, 1.0));
        assert_eq!(found, [at_least, more_than, at_most, less_than], "{lo} {hi}");
    }

    #[test]
    fn intervals_on_beside_and_across_a_target_of_1() {
        check(0.8, 0.9, [Fail, Fail, Pass, Pass]);
        check(0.9, 1.0, [Inconclusive, Fail, Pass, Inconclusive]);
        check(0.9, 1.1, [Inconclusive; 4]);
        check(1.0, 1.0, [Pass, Fail, Pass, Fail]);
        check(1.0, 1.1, [Pass, Inconclusive, Inconclusive, Fail]);
        check(1.1, 1.2, [Pass, Pass, Fail, Fail]);
        check(f64::NEG_INFINITY, f64::INFINITY, [Inconclusive; 4]);
        check(f64::NAN, f64::NAN, [Inconclusive; 4]);
    }

    #[test]
    fn operations_are_scaled_and_never_fewer_than_were_done() {
        for (cases, sample, done, expect) in [
            (Some(73), 20, 20, Some(73)),
            (Some(73), 20, 200, Some(730)),
            (Some(73), 30, 100, Some(244)),
            (Some(10), 20, 20, Some(20)),
            (Some(10), 0, 0, Some(0)),
            (Some(u64::MAX), 1, u64::MAX, Some(u64::MAX)),
            (None, 20, 20, None),
        ] {
            let mut found = plain("x", Want::AtLeast, 1.0, 1.0);
            settle(&mut found, cases, sample, done);
            assert_eq!((found.operations_needed, found.reason.is_some()), (expect, expect.is_none()), "{cases:?}");
        }
    }
}
