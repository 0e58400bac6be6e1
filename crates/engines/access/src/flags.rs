//! Flags for whoever asks for them: which variant a subject falls into, and that it was told.

use crate::AccessError;
use arc_swap::ArcSwap;
use fault::nearest;
use measure::Metrics;
use settings::Flag;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The flags of the settings in force.
pub struct Flags {
    flags: ArcSwap<BTreeMap<String, Flag>>,
    metrics: Arc<Metrics>,
}

impl Flags {
    /// The flags of these settings.
    pub fn new(flags: &BTreeMap<String, Flag>, metrics: &Arc<Metrics>) -> Self {
        Self { flags: ArcSwap::from_pointee(flags.clone()), metrics: Arc::clone(metrics) }
    }

    /// Takes over other flags.
    pub fn reload(&self, flags: &BTreeMap<String, Flag>) {
        self.flags.store(Arc::new(flags.clone()));
    }

    /// The variant of every flag that a subject falls into.
    pub fn all(&self, subject: &str) -> BTreeMap<String, String> {
        let flags = self.flags.load();
        flags.iter().map(|(name, flag)| (name.clone(), flag.variant(name, subject).to_owned())).collect()
    }

    /// The variant of one flag that a subject falls into; counted as an exposure.
    ///
    /// # Errors
    /// [`AccessError::NotFound`], with the nearest name.
    pub fn exposed(&self, name: &str, subject: &str) -> Result<String, AccessError> {
        let flags = self.flags.load();
        let Some(flag) = flags.get(name) else {
            let near = nearest(name, flags.keys().map(String::as_str), 1).into_iter().next().map(str::to_owned);
            return Err(AccessError::NoFlag { name: name.chars().take(100).collect(), near });
        };
        let variant = flag.variant(name, subject);
        // Names of flags and variants come from settings, never from a request.
        self.metrics.flag_exposures(name, variant).inc();
        Ok(variant.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variant_that_was_told_is_counted_and_an_unknown_flag_is_refused() {
        let metrics = Metrics::new("test");
        let flag = Flag { on: Some(true), ..Flag::default() };
        let flags = Flags::new(&BTreeMap::from([("new-model".to_owned(), flag)]), &metrics);
        assert_eq!(flags.all("key_1")["new-model"], "on");
        assert_eq!(metrics.flag_exposures("new-model", "on").value(), 0);
        assert_eq!(flags.exposed("new-model", "key_1").unwrap(), "on");
        assert_eq!(metrics.flag_exposures("new-model", "on").value(), 1);
        let error = flags.exposed("new-modle", "key_1").unwrap_err();
        assert!(error.to_string().contains("new-modle"), "{error}");
        flags.reload(&BTreeMap::new());
        assert!(flags.exposed("new-model", "key_1").is_err());
    }
}
