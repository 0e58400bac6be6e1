//! What a pair was asked with, as a hash: a score belongs to it, and to nothing else.

use crate::decision::CALLER;
use crate::rows::{CriterionRow, Head, OptionRow, ScoreRow, Whole};
use ring::digest::{Context, SHA256};
use std::fmt::Write as _;
use std::sync::Arc;

/// Bytes of the hash that are kept.
const BYTES: usize = 16;

/// The hash of all texts of a pair and of whom it is put to. The weight is none of them: that it changes makes no score
/// outdated, though models are told it.
pub fn asked(head: &Head, option: &OptionRow, criterion: &CriterionRow, model: &str) -> Arc<str> {
    let prompt = criterion.custom_prompt.as_deref().unwrap_or_default();
    let mut context = Context::new(&SHA256);
    let texts = [
        head.topic.as_str(),
        &option.name,
        &option.description,
        &criterion.name,
        &criterion.description,
        prompt,
        model,
    ];
    for text in texts {
        // With its length, so that no two lists of texts are one.
        context.update(&(text.len() as u64).to_le_bytes());
        context.update(text.as_bytes());
    }
    let mut hex = String::with_capacity(2 * BYTES);
    for byte in context.finish().as_ref().iter().take(BYTES) {
        let _ = write!(hex, "{byte:02x}");
    }
    hex.into()
}

/// Whom a criterion's pairs are put to.
pub fn model_of<'a>(head: &'a Head, criterion: &'a CriterionRow) -> Option<&'a str> {
    criterion.model.as_deref().or(head.model.as_deref())
}

impl Whole {
    /// Whether what a pair was given is about the texts as they are now. All pairs are looked at once, however often this
    /// is asked.
    pub fn is_current(&self, row: &ScoreRow) -> bool {
        let current = self.current.get_or_init(|| self.scores.iter().map(|row| self.belongs(row)).collect());
        let at = self.scores.binary_search_by_key(&row.place, |row| row.place);
        at.ok().and_then(|at| current.get(at)).is_some_and(|current| *current)
    }

    fn belongs(&self, row: &ScoreRow) -> bool {
        let option = self.options.iter().find(|option| option.id == row.place.0);
        let criterion = self.criteria.iter().find(|criterion| criterion.id == row.place.1);
        let (Some(option), Some(criterion)) = (option, criterion) else { return false };
        let model = if row.model == CALLER { CALLER } else { model_of(&self.head, criterion).unwrap_or_default() };
        asked(&self.head, option, criterion, model) == row.asked
    }
}
