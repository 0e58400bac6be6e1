//! What can be typed after `althing decide`.

use crate::At;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::str::FromStr;

/// `althing decide`.
#[derive(Debug, Clone, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    override_usage = "althing decide TOPIC --option NAME --option NAME --criterion NAME[:WEIGHT][=DESC]\n       \
                      althing decide list|show|evaluate|export|remove"
)]
pub struct Decide {
    /// What to do with decisions that are there.
    #[command(subcommand)]
    pub known: Option<KnownDecision>,
    /// A new one.
    #[command(flatten)]
    pub new: NewDecision,
}

/// `althing decide TOPIC`.
#[derive(Debug, Clone, Args)]
pub struct NewDecision {
    /// What is to be decided
    #[arg(required = true, value_name = "TOPIC")]
    pub topic: Vec<String>,
    /// Something to choose, once for each, two at least; what it is may follow behind `=`
    #[arg(long = "option", short = 'o', required = true, value_name = "NAME[=DESC]")]
    pub options: Vec<OptionWords>,
    /// What to judge by, once for each, so that more is better; its weight, 0.1 to 10 [default: 1], and what it means may
    /// follow: `--criterion "price:2=what it costs in a year; cheap is good"`
    #[arg(long = "criterion", short = 'c', required = true, value_name = "NAME[:WEIGHT][=DESC]")]
    pub criteria: Vec<CriterionWords>,
    /// Who scores: a model, panel or route [default: the panel `quorum`, else the first model]
    #[arg(long, short, value_name = "M")]
    pub model: Option<String>,
    /// Also write the result as one page of HTML
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Also write all scores as comma-separated values
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Where decisions are.
    #[command(flatten)]
    pub at: At,
}

/// What can be done with decisions that are there.
#[derive(Debug, Clone, Subcommand)]
pub enum KnownDecision {
    /// List decisions, newest first
    List {
        /// The most decisions
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        limit: u32,
        /// Where decisions are.
        #[command(flatten)]
        at: At,
    },
    /// Show what a decision comes to, as far as it has scores
    Show {
        /// Its id
        id: String,
        /// Where decisions are.
        #[command(flatten)]
        at: At,
    },
    /// Have scored what has no score yet, or no valid one
    Evaluate {
        /// Its id
        id: String,
        /// Have all pairs scored anew
        #[arg(long)]
        refresh: bool,
        /// Where decisions are.
        #[command(flatten)]
        at: At,
    },
    /// Print or write a decision as a document
    Export {
        /// Its id
        id: String,
        /// As what
        #[arg(long, value_name = "F")]
        format: DecisionFormat,
        /// Where to write it [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// Where decisions are.
        #[command(flatten)]
        at: At,
    },
    /// Remove a decision with its scores
    Remove {
        /// Its id
        id: String,
        /// Where decisions are.
        #[command(flatten)]
        at: At,
    },
}

/// What a decision can be exported as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DecisionFormat {
    /// Text with tables
    Markdown,
    /// Comma-separated values, a line for each score
    Csv,
    /// Everything, for programs
    Json,
    /// One page that needs nothing else
    Html,
}

/// An option as it is typed: `NAME` or `NAME=DESCRIPTION`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OptionWords {
    /// What it is called.
    pub name: String,
    /// What it is; may be empty.
    pub description: String,
}

impl FromStr for OptionWords {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let (name, description) = parts(typed);
        if name.is_empty() {
            return Err("it has no name: write `NAME` or `NAME=DESCRIPTION`".to_owned());
        }
        Ok(Self { name: name.to_owned(), description: description.to_owned() })
    }
}

/// A criterion as it is typed: `NAME`, `NAME:WEIGHT` or either with `=DESCRIPTION` behind it.
#[derive(Debug, Clone, PartialEq)]
pub struct CriterionWords {
    /// What it is called.
    pub name: String,
    /// How much it counts.
    pub weight: f64,
    /// What it means; may be empty.
    pub description: String,
}

impl FromStr for CriterionWords {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let (before, description) = parts(typed);
        let (name, weight) = match before.rsplit_once(':') {
            // A colon may belong to a name; what begins like a number does not.
            Some((name, weight)) if begins_a_number(weight.trim()) => (name.trim(), self::weight(weight.trim())?),
            _ => (before, 1.0),
        };
        if name.is_empty() {
            return Err("it has no name: write `NAME`, `NAME:WEIGHT` or `NAME:WEIGHT=DESCRIPTION`".to_owned());
        }
        Ok(Self { name: name.to_owned(), weight, description: description.to_owned() })
    }
}

/// What stands before the first `=`, and what behind it.
fn parts(typed: &str) -> (&str, &str) {
    let (before, behind) = typed.split_once('=').unwrap_or((typed, ""));
    (before.trim(), behind.trim())
}

fn begins_a_number(text: &str) -> bool {
    text.is_empty() || text.starts_with(|letter: char| letter.is_ascii_digit() || "+-.,".contains(letter))
}

fn weight(typed: &str) -> Result<f64, String> {
    let weight = typed.parse::<f64>().ok().filter(|weight| (0.1..=10.0).contains(weight));
    weight.ok_or_else(|| format!("`{typed}` is no weight: write a number from 0.1 to 10, such as `price:2`"))
}

#[cfg(test)]
mod tests;
