//! Reasoning that a provider has signed, in the one place where a client carries it without reading it.
//!
//! Anthropic wants its thinking back as it signed it. A client of responses keeps `encrypted_content` and sends it with
//! the next request, so the blocks travel there. They are not secret: the client may read the same words in the summary.

use serde_json::Value;

/// What tells ours from the encrypted content of others.
const MARK: &str = "althing.thinking.";

/// Blocks as encrypted content; `None` where nothing is signed, so that the summary says it all.
pub(super) fn shut(blocks: &[Value]) -> Option<String> {
    let signed = |block: &Value| block["signature"].is_string() || block["data"].is_string();
    let signed: Vec<&Value> = blocks.iter().filter(|block| signed(block)).collect();
    let text = serde_json::to_string(&signed).ok()?;
    (!signed.is_empty()).then(|| format!("{MARK}{text}"))
}

/// The blocks in encrypted content; `None` in that of others.
pub(super) fn open(content: &str) -> Option<Vec<Value>> {
    let blocks: Vec<Value> = serde_json::from_str(content.strip_prefix(MARK)?).ok()?;
    // Whoever sends it may have written it: only what looks like a block goes on.
    let known = |block: &Value| block["type"] == "thinking" || block["type"] == "redacted_thinking";
    Some(blocks.into_iter().filter(known).collect())
}
