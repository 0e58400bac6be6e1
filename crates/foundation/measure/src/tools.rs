//! What is measured about the catalogue of tools.

use crate::handles::{Count, Level};
use crate::registrar::{Counters, Registrar};
use crate::rows;
use prometheus_client::metrics::gauge::Gauge;

/// The families, as they are registered.
#[derive(Debug)]
pub(crate) struct Tools {
    known: Gauge,
    calls: Counters<2>,
    saved: Counters<0>,
}

impl Tools {
    pub(crate) fn register(registrar: &mut Registrar) -> Self {
        Self {
            known: registrar.gauge(&rows::TOOLS),
            calls: registrar.counters(&rows::TOOL_CALLS),
            saved: registrar.counters(&rows::TOOL_TOKENS_SAVED),
        }
    }

    pub(crate) fn metrics(&self) -> ToolMetrics {
        let kinds = ["mcp", "function", "code_exec", "agent", "tool", "http"];
        let calls = |outcome| kinds.map(|kind| (kind, Count(self.calls.with([kind, outcome]))));
        ToolMetrics {
            known: Level(self.known.clone()),
            tokens_saved: Count(self.saved.with([])),
            answered: calls("answered"),
            failed: calls("failed"),
            refused: calls("refused"),
        }
    }
}

/// The handles of the catalogue of tools.
#[derive(Debug, Clone)]
pub struct ToolMetrics {
    /// Tools in the catalogue.
    pub known: Level,
    /// Tokens that answers to searches spared the contexts of models.
    pub tokens_saved: Count,
    answered: [(&'static str, Count); 6],
    failed: [(&'static str, Count); 6],
    refused: [(&'static str, Count); 6],
}

impl ToolMetrics {
    /// A tool of this kind was called and answered.
    pub fn answered(&self, kind: &str) {
        inc(&self.answered, kind);
    }

    /// A tool of this kind was called and failed.
    pub fn failed(&self, kind: &str) {
        inc(&self.failed, kind);
    }

    /// A tool of this kind was to be called, which its arguments or our rules forbade.
    pub fn refused(&self, kind: &str) {
        inc(&self.refused, kind);
    }
}

fn inc(counts: &[(&'static str, Count)], kind: &str) {
    if let Some((_, count)) = counts.iter().find(|(name, _)| *name == kind) {
        count.inc();
    }
}
