//! What is read of answers in every form, and that there is no text without a reading.

mod forms;
mod totality;

use super::read;
use crate::{Note, Outcome, Reading};

/// A reading in short: `7`, `abstained`, `refused`, `nothing`, and the names of the notes.
fn brief(reading: &Reading) -> String {
    let outcome = match &reading.outcome {
        Outcome::Scored { score } => score.to_string(),
        Outcome::Abstained { .. } => "abstained".to_owned(),
        Outcome::Refused { .. } => "refused".to_owned(),
        Outcome::Nothing { .. } => "nothing".to_owned(),
    };
    let name = |note: &Note| match note {
        Note::Clamped { said } => format!("clamped {said:?}"),
        Note::Several { found } => format!("several {found}"),
        note => format!("{note:?}").to_lowercase(),
    };
    let notes: Vec<String> = reading.notes.iter().map(name).collect();
    if notes.is_empty() { outcome } else { format!("{outcome} ({})", notes.join(", ")) }
}

fn check(answer: &str, expect: &str) {
    assert_eq!(brief(&read(answer)), expect, "{answer:?}");
}
