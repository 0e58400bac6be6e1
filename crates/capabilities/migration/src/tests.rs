//! Tests of whole conversions: what becomes of realistic files, what is refused, and what must never come out.

mod properties;
mod refused;
mod secrets;
mod whole;

use crate::{Format, Imported, MigrationError, Source, import};

/// Files to read; each is written by hand after its project's documentation, with invented values.
const SAMPLES: [(&str, &str, Format); 9] = [
    ("litellm.yaml", include_str!("tests/samples/litellm.yaml"), Format::Litellm),
    ("wildcards.yaml", include_str!("tests/samples/wildcards.yaml"), Format::Litellm),
    ("toolweaver.env", include_str!("tests/samples/toolweaver.env"), Format::Toolweaver),
    ("toolweaver.yaml", include_str!("tests/samples/toolweaver.yaml"), Format::Toolweaver),
    ("conjecture.json", include_str!("tests/samples/conjecture.json"), Format::Conjecture),
    ("matrix.env", include_str!("tests/samples/matrix.env"), Format::DecisionMatrix),
    ("matrix.yaml", include_str!("tests/samples/matrix.yaml"), Format::DecisionMatrix),
    ("limits.json", include_str!("tests/samples/limits.json"), Format::DecisionMatrix),
    ("http.env", include_str!("tests/samples/http.env"), Format::DecisionMatrix),
];

fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), text: text.to_owned() }
}

/// What becomes of one text.
fn one(text: &str) -> Result<Imported, MigrationError> {
    import(None, &[source("given", text)])
}

/// Everything that anybody gets to see of an import.
fn shown(imported: &Imported) -> String {
    let carried = imported.carried.iter().map(|line| format!("+ {line}\n"));
    let left = imported.left.iter().map(|left| format!("- {}: {}\n", left.path, left.why));
    format!("{}\n---\n{}", imported.toml, carried.chain(left).collect::<String>())
}
