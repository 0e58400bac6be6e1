//! Flags as routes look at them: which variant a caller falls into, and that somebody was exposed to it.

use measure::{Count, Metrics};
use settings::{Flag, OFF, ON, Settings, parse_flag_condition};
use std::sync::Arc;

/// A flag and who counts its exposures.
pub(crate) struct Watched {
    name: String,
    flag: Flag,
    exposures: Vec<(String, Count)>,
}

/// A flag and the variant that a caller must fall into.
pub(crate) struct Condition {
    watched: Arc<Watched>,
    variant: String,
}

impl Condition {
    /// From a condition's text. A flag that settings do not describe is off.
    pub(crate) fn new(text: &str, settings: &Settings, metrics: &Metrics) -> Self {
        let (name, variant) = parse_flag_condition(text);
        let flag = settings.flag.get(name).cloned().unwrap_or_default();
        let variants: Vec<&str> =
            if flag.split.is_empty() { vec![ON, OFF] } else { flag.split.keys().map(String::as_str).collect() };
        let exposures = variants.into_iter().map(|it| (it.to_owned(), metrics.flag_exposures(name, it))).collect();
        Self { watched: Arc::new(Watched { name: name.to_owned(), flag, exposures }), variant: variant.to_owned() }
    }
}

/// What one request has seen of flags: each is looked at, and counted, once at most.
pub(crate) struct Looks<'a> {
    subject: &'a str,
    seen: Vec<(&'a str, &'a str)>,
}

impl<'a> Looks<'a> {
    /// Nothing yet, on behalf of a caller.
    pub(crate) fn of(subject: &'a str) -> Self {
        Self { subject, seen: Vec::new() }
    }

    /// Whether the caller falls into the variant that a condition asks for.
    pub(crate) fn hold(&mut self, condition: &'a Condition) -> bool {
        let watched = &condition.watched;
        let before = self.seen.iter().find(|(name, _)| *name == watched.name).map(|(_, variant)| *variant);
        let variant = before.unwrap_or_else(|| {
            let variant = watched.flag.variant(&watched.name, self.subject);
            if let Some((_, exposures)) = watched.exposures.iter().find(|(name, _)| name == variant) {
                exposures.inc();
            }
            self.seen.push((&watched.name, variant));
            variant
        });
        variant == condition.variant
    }
}

#[cfg(test)]
mod tests;
