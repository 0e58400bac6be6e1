//! An error in the shape that the original's clients know.

use super::is_repairable;
use super::markdown::escaped;
use crate::DecisionError;
use caller::ToolFault;
use docket::DocketError;
use fault::{Explain, Kind};
use serde_json::{Value, json};

/// What to do next, where nothing else helps.
const AGAIN: &str = "call again in a moment";

/// `{error, context, timestamp, error_code, error_category, recovery_suggestion, formatted_output}`.
pub(super) fn shape(error: &DecisionError, context: &str) -> Value {
    let hint = error.hint().unwrap_or_else(|| match is_repairable(error) {
        true => "change the arguments and call again".to_owned(),
        false => AGAIN.to_owned(),
    });
    let mut shape = shaped((error.code(), category(error)), &error.to_string(), &hint, context);
    if let DecisionError::Begun { id, .. } = error {
        shape["session_id"] = json!(id);
    }
    shape
}

/// The same of a fault that is not this room's: the role, the deadline, a call that was cancelled or broke off.
pub(super) fn of_fault(fault: &ToolFault, context: &str) -> Value {
    let hint = fault.hint.as_deref().unwrap_or(AGAIN);
    shaped((fault.code, of_kind(fault.kind)), &fault.message, hint, context)
}

fn shaped((code, category): (&str, &str), message: &str, hint: &str, context: &str) -> Value {
    let mut text = format!("## Error\n\n**{code}**: {}\n", escaped(message));
    text.push_str(&format!("\n*{}*\n", escaped(hint)));
    json!({
        "error": message,
        "context": context,
        "timestamp": calendar::rfc3339(calendar::now_ms()),
        "error_code": code,
        "error_category": category,
        "recovery_suggestion": hint,
        "formatted_output": text,
    })
}

fn category(error: &DecisionError) -> &'static str {
    match error {
        DecisionError::Begun { error, .. } => return category(error),
        DecisionError::Kept(DocketError::UnknownSession { .. }) => return "session",
        DecisionError::Running { .. } | DecisionError::Kept(DocketError::LeaseLost { .. }) => {
            return "evaluation";
        }
        _ => {}
    }
    of_kind(error.kind())
}

fn of_kind(kind: Kind) -> &'static str {
    match kind {
        Kind::BadInput | Kind::NotFound | Kind::Conflict | Kind::Semantics | Kind::TooLarge => "validation",
        Kind::Unauthenticated | Kind::Forbidden => "access",
        Kind::Budget | Kind::RateLimited | Kind::Overloaded => "resource",
        Kind::Unavailable | Kind::Deadline => "backend",
        Kind::Internal => "internal",
    }
}
