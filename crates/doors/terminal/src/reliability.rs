//! How far observers agree, line by line.

use crate::text::labelled;
use statistics::Reliability;

/// A coefficient with its interval and what it stands on.
pub fn reliability(found: &Reliability) -> String {
    let interval = match found.interval {
        Some(interval) => format!(" (95 % interval {:.3} to {:.3})", interval.lo, interval.hi),
        None => String::new(),
    };
    let mut text = labelled("alpha", &format!("{:.3}{interval}", found.alpha));
    if let Some(kappa) = found.kappa {
        text.push_str(&labelled("kappa", &format!("{kappa:.3} (Fleiss)")));
    }
    text.push_str(&labelled("level", found.level.as_str()));
    text.push_str(&labelled("observers", &found.observers.to_string()));
    let units = format!("{} with two ratings or more, {} pairs of ratings", found.units, found.pairs);
    text.push_str(&labelled("units", &units));
    text.push_str("\n1 is full agreement, 0 what chance would give; agreement is not correctness\n");
    text
}
