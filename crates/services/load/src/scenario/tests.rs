//! Scenario files: what they become, what is refused and in which words, prompt files, the schema and the example.

mod example;
mod prompts;
mod refusals;
mod shape;

use fault::Explain;

use super::{ScenarioError, Set, read};

/// Reads a text as if it lay in `mine.toml`.
fn good(text: &str) -> Set {
    read(text, "mine.toml").unwrap_or_else(|error| panic!("{}", told(&error)))
}

/// What an operator is told: the error, and the hint on a line of its own.
fn told(error: &ScenarioError) -> String {
    error.hint().map_or_else(|| error.to_string(), |hint| format!("{error}\nhint: {hint}"))
}
