//! The sheet as one JSON document that programs can rely on. Changes no text and leaves nothing out.

use crate::Sheet;
use serde::Serialize;

/// The first member of every document: what it is, and the version of its form.
///
/// Members may be added within a version; a member that is renamed, removed or means something else raises it.
pub const FORMAT: &str = "althing.decision/1";

#[derive(Serialize)]
struct Document<'a> {
    format: &'static str,
    #[serde(flatten)]
    sheet: &'a Sheet,
}

/// The whole decision as one JSON document on one line, which ends with a line break.
///
/// Its first member is `format`, [`FORMAT`]; the others are [`Sheet`]'s, in the order in which they are declared there.
/// The same sheet gives the same bytes. A figure that is no number becomes `null`.
pub fn json(sheet: &Sheet) -> String {
    // Only maps whose keys are no strings and writers that break can fail, and there are neither.
    let mut text = serde_json::to_string(&Document { format: FORMAT, sheet }).unwrap_or_default();
    text.push('\n');
    text
}
