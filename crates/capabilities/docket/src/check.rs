//! Whether what a caller wants fits the limits: numbers, lengths, names. Asks nobody.

use crate::decision::{SCORES, WEIGHTS};
use crate::tables::write::folded;
use crate::{DocketError, GivenScore};
use settings::Decisions;

/// The most characters of an id that are looked at.
pub(crate) const ID_CHARS_MAX: usize = 200;
/// The fewest options: one is no choice.
pub const OPTIONS_MIN: usize = 2;

/// What a text is called, how long it may be, and which limit says so.
#[derive(Clone, Copy)]
pub struct Text {
    param: &'static str,
    what: &'static str,
    most: usize,
    limit: &'static str,
}

/// The limits of a topic.
pub fn topic(rules: &Decisions) -> Text {
    Text { param: "topic", what: "the topic", most: rules.topic_chars_max, limit: "topic_chars_max" }
}

/// The limits of an option's name.
pub fn option_name(rules: &Decisions) -> Text {
    let (param, what) = ("option_name", "the name of the option");
    Text { param, what, most: rules.option_name_chars_max, limit: "option_name_chars_max" }
}

/// The limits of a criterion's name.
pub fn criterion_name(rules: &Decisions) -> Text {
    let (param, what) = ("name", "the name of the criterion");
    Text { param, what, most: rules.criterion_name_chars_max, limit: "criterion_name_chars_max" }
}

/// The limits of a description.
pub fn description(rules: &Decisions) -> Text {
    let (param, what) = ("description", "the description");
    Text { param, what, most: rules.description_chars_max, limit: "description_chars_max" }
}

/// The limits of a criterion's own instruction.
pub fn custom_prompt(rules: &Decisions) -> Text {
    let (param, what) = ("custom_prompt", "the custom prompt");
    Text { param, what, most: rules.custom_prompt_chars_max, limit: "custom_prompt_chars_max" }
}

impl Text {
    /// The text without white space at its ends; it may be empty.
    ///
    /// # Errors
    /// [`DocketError::Limit`] where it is too long, [`DocketError::Argument`] for a character that cannot be kept.
    pub fn fits(self, text: &str) -> Result<String, DocketError> {
        let text = text.trim();
        if text.contains('\0') {
            return Err(DocketError::argument(self.param, format!("{} holds the character U+0000", self.what), None));
        }
        let chars = text.chars().count();
        if chars > self.most {
            let problem = format!("{} has {chars} characters, and at most {} may be", self.what, self.most);
            return Err(DocketError::limit(self.limit, problem));
        }
        Ok(text.to_owned())
    }

    /// The same, where it may not be empty.
    ///
    /// # Errors
    /// As for [`Text::fits`].
    pub fn fits_and_is_there(self, text: &str) -> Result<String, DocketError> {
        let text = self.fits(text)?;
        if text.is_empty() {
            let hint = "write what it is about".to_owned();
            return Err(DocketError::argument(self.param, format!("{} is empty", self.what), hint));
        }
        Ok(text)
    }
}

/// A weight within [`WEIGHTS`].
///
/// # Errors
/// [`DocketError::Argument`].
pub fn weight(weight: f64) -> Result<f64, DocketError> {
    let [least, most] = WEIGHTS;
    if (least..=most).contains(&weight) {
        return Ok(weight);
    }
    Err(DocketError::argument("weight", format!("`weight` is `{weight}`"), format!("write {least} to {most}")))
}

/// A temperature from 0 to 2.
///
/// # Errors
/// [`DocketError::Argument`].
pub fn temperature(temperature: f64) -> Result<f64, DocketError> {
    if (0.0..=2.0).contains(&temperature) {
        return Ok(temperature);
    }
    let hint = "write 0 to 2".to_owned();
    Err(DocketError::argument("temperature", format!("`temperature` is `{temperature}`"), hint))
}

/// Names of options to be there from the beginning.
///
/// # Errors
/// [`DocketError::Limit`], [`DocketError::DuplicateName`].
pub fn options(rules: &Decisions, names: &[&str]) -> Result<(), DocketError> {
    if names.len() < OPTIONS_MIN {
        let problem = format!("`options` holds {}, and a decision needs at least {OPTIONS_MIN}", names.len());
        return Err(DocketError::limit("options", problem));
    }
    count_options(rules, names.len())?;
    unique("option", names)
}

/// Names of criteria to be there from the beginning.
///
/// # Errors
/// [`DocketError::Limit`], [`DocketError::DuplicateName`].
pub fn criteria(rules: &Decisions, names: &[&str]) -> Result<(), DocketError> {
    count_criteria(rules, names.len())?;
    unique("criterion", names)
}

pub(crate) fn count_options(rules: &Decisions, count: usize) -> Result<(), DocketError> {
    if count <= rules.options_max {
        return Ok(());
    }
    let problem = format!("there would be {count} options, and at most {} may be", rules.options_max);
    Err(DocketError::limit("options_max", problem))
}

pub(crate) fn count_criteria(rules: &Decisions, count: usize) -> Result<(), DocketError> {
    if count <= rules.criteria_max {
        return Ok(());
    }
    let problem = format!("there would be {count} criteria, and at most {} may be", rules.criteria_max);
    Err(DocketError::limit("criteria_max", problem))
}

/// Names of which no two are the same, whatever their case.
fn unique(what: &'static str, names: &[&str]) -> Result<(), DocketError> {
    let mut seen = std::collections::HashSet::new();
    for name in names {
        if !seen.insert(folded(name)) {
            return Err(DocketError::DuplicateName { what, name: shown(name) });
        }
    }
    Ok(())
}

/// A name as an error shows it.
pub fn shown(name: &str) -> String {
    name.trim().chars().take(crate::tables::SHOWN_CHARS_MAX).collect()
}

/// A score that the caller gives.
///
/// # Errors
/// [`DocketError::Argument`].
pub fn score(given: &GivenScore) -> Result<(), DocketError> {
    let [least, most] = SCORES;
    if let Some(score) = given.score.filter(|score| !(least..=most).contains(score)) {
        let hint = format!("write {least} to {most}, or leave it out to abstain");
        return Err(DocketError::argument("score", format!("`score` is `{score}`"), hint));
    }
    if let Some(confidence) = given.confidence.filter(|confidence| !(0.0..=1.0).contains(confidence)) {
        let hint = "write 0 to 1, or leave it out".to_owned();
        return Err(DocketError::argument("confidence", format!("`confidence` is `{confidence}`"), hint));
    }
    if given.justification.contains('\0') {
        return Err(DocketError::argument("justification", "`justification` holds the character U+0000", None));
    }
    Ok(())
}

/// A text of somebody else's, as much of it as is kept.
pub fn kept(text: &str, most: usize) -> String {
    let clean = text.chars().filter(|c| *c != '\0');
    if text.len() <= most { clean.collect() } else { shortened(clean, most) }
}

fn shortened(text: impl Iterator<Item = char>, most: usize) -> String {
    let mut kept: String = text.take(most.saturating_add(1)).collect();
    if kept.chars().count() > most {
        kept.pop();
        kept.pop();
        kept.push('…');
    }
    kept
}
