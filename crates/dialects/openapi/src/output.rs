//! What a successful answer of an operation looks like.

use crate::document::deref;
use crate::schemas::{Schemas, Side};
use serde_json::Value;

/// How many statuses of an operation, and media types of an answer or a body, are looked at.
pub(crate) const OFFERED_MAX: usize = 100;

/// The media type and the schema of the JSON that a success answers with.
///
/// Nobody needs it to call the operation: where the schema is too large or leads nowhere it is left out.
pub(crate) fn output(schemas: &mut Schemas<'_>, operation: &Value) -> (Option<String>, Option<Value>) {
    let root = schemas.root();
    let Some(answer) = success(operation).and_then(|answer| deref(root, answer).ok()) else { return (None, None) };
    let content = answer.get("content").and_then(Value::as_object);
    let offered = content.into_iter().flatten().take(OFFERED_MAX).find(|(media, _)| is_json(media));
    let Some((media, content)) = offered else { return (None, None) };
    let schema = content.get("schema").and_then(|schema| schemas.whole(schema, Side::Output).ok());
    (Some(media.clone()), schema)
}

/// The first answer whose status means success.
fn success(operation: &Value) -> Option<&Value> {
    let answers = operation.get("responses")?.as_object()?;
    let mut statuses: Vec<&String> =
        answers.keys().take(OFFERED_MAX).filter(|status| status.starts_with('2')).collect();
    // `2XX` comes after every number.
    statuses.sort();
    answers.get(statuses.first()?.as_str())
}

/// Whether a media type is JSON.
pub(crate) fn is_json(media: &str) -> bool {
    let media = media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media == "application/json" || (media.starts_with("application/") && media.ends_with("+json"))
}
