//! Blocks of a message as parts of a chat's content. Refuses to know roles.

use super::super::given::{given, list, text, wrong};
use super::super::note;
use serde_json::{Value, json};
use wire::WireError;

/// What a block becomes in a content; `None` for one that only Anthropic's own tools have written.
pub(super) fn part(block: &Value, at: &str, lost: &mut Vec<String>) -> Result<Option<Value>, WireError> {
    let kind = text(block, at, "type")?;
    let part = match kind {
        "text" => {
            if given(block, "citations").is_some_and(|citations| citations != &json!([])) {
                note(lost, "`citations`");
            }
            json!({ "type": "text", "text": text(block, at, "text")? })
        }
        "image" => image(block, at)?,
        "document" => document(block, at, lost)?,
        "search_result" => json!({ "type": "text", "text": search_result(block, at)? }),
        _ if is_anthropics(kind) => {
            note(lost, format!("`{kind}` (a block of a tool that only Anthropic runs)"));
            return Ok(None);
        }
        // Carried as it came: whoever cannot say it refuses it.
        _ => block.clone(),
    };
    Ok(Some(cached(part, block)))
}

fn is_anthropics(kind: &str) -> bool {
    matches!(kind, "server_tool_use" | "mcp_tool_use" | "container_upload") || kind.ends_with("_tool_result")
}

/// The same with the mark up to which its provider shall keep it in a cache.
pub(super) fn cached(mut part: Value, block: &Value) -> Value {
    if let Some(control) = given(block, "cache_control") {
        part["cache_control"] = control.clone();
    }
    part
}

/// The parts of a content that may be a string.
pub(super) fn parts(content: &Value, at: &str, lost: &mut Vec<String>) -> Result<Vec<Value>, WireError> {
    if let Value::String(text) = content {
        return Ok(vec![json!({ "type": "text", "text": text })]);
    }
    let mut parts = Vec::new();
    for (place, block) in list(content, at, "a string or a list of blocks")?.iter().enumerate() {
        let at = format!("{at}[{place}]");
        if !block.is_object() {
            return Err(wrong(at, "a block", block));
        }
        parts.extend(part(block, &at, lost)?);
    }
    Ok(parts)
}

/// A content as it is written: a lone plain text is a string, which everybody reads.
pub(super) fn content(mut parts: Vec<Value>) -> Value {
    let plain = |part: &Value| part["type"] == "text" && part.as_object().is_some_and(|part| part.len() == 2);
    match parts.as_mut_slice() {
        [only] if plain(only) => only["text"].take(),
        _ => Value::Array(parts),
    }
}

/// What a source says of itself, and where it stands.
fn source<'a>(block: &'a Value, at: &str) -> Result<(&'a Value, &'a str, String), WireError> {
    let at = format!("{at}.source");
    let source = given(block, "source").ok_or_else(|| WireError::Missing { param: at.clone() })?;
    if !source.is_object() {
        return Err(wrong(at, "an object", source));
    }
    Ok((source, text(source, &at, "type")?, at))
}

fn image(block: &Value, at: &str) -> Result<Value, WireError> {
    let (source, kind, at) = source(block, at)?;
    Ok(match kind {
        "base64" => json!({ "type": "image_url", "image_url": { "url": data_url(source, &at)? } }),
        "url" => json!({ "type": "image_url", "image_url": { "url": text(source, &at, "url")? } }),
        "file" => json!({ "type": "file", "file": { "file_id": text(source, &at, "file_id")? } }),
        _ => block.clone(),
    })
}

fn document(block: &Value, at: &str, lost: &mut Vec<String>) -> Result<Value, WireError> {
    let (source, kind, at) = source(block, at)?;
    if block["citations"]["enabled"] == true {
        note(lost, "`citations`");
    }
    let words = ["title", "context"].into_iter().filter_map(|key| block[key].as_str());
    let mut file = json!({});
    match kind {
        "text" => return Ok(written(words, &[text(source, &at, "data")?])),
        "content" => {
            let content =
                given(source, "content").ok_or_else(|| WireError::Missing { param: format!("{at}.content") })?;
            let parts = parts(content, &format!("{at}.content"), lost)?;
            // A document of nothing but texts is a text; one with images has no place.
            if parts.iter().any(|part| part["type"] != "text") {
                return Ok(block.clone());
            }
            let texts: Vec<&str> = parts.iter().filter_map(|part| part["text"].as_str()).collect();
            return Ok(written(words, &texts));
        }
        "base64" => file["file_data"] = json!(data_url(source, &at)?),
        // As OpenRouter documents it.
        "url" => file["file_data"] = json!(text(source, &at, "url")?),
        "file" => file["file_id"] = json!(text(source, &at, "file_id")?),
        _ => return Ok(block.clone()),
    }
    if kind == "base64" {
        file["filename"] = json!(block["title"].as_str().unwrap_or("document.pdf"));
    } else if let Some(title) = block["title"].as_str() {
        file["filename"] = json!(title);
    }
    if block["context"].is_string() {
        note(lost, "`context` of a document");
    }
    Ok(json!({ "type": "file", "file": file }))
}

/// What a client has found, as words.
fn search_result(block: &Value, at: &str) -> Result<String, WireError> {
    let mut lines = vec![text(block, at, "title")?, text(block, at, "source")?];
    let param = format!("{at}.content");
    let content = given(block, "content").ok_or_else(|| WireError::Missing { param: param.clone() })?;
    for (place, found) in list(content, &param, "a list of texts")?.iter().enumerate() {
        lines.push(text(found, &format!("{param}[{place}]"), "text")?);
    }
    Ok(lines.join("\n"))
}

fn written<'a>(before: impl Iterator<Item = &'a str>, texts: &[&'a str]) -> Value {
    let all: Vec<&str> = before.chain(texts.iter().copied()).collect();
    json!({ "type": "text", "text": all.join("\n") })
}

fn data_url(source: &Value, at: &str) -> Result<String, WireError> {
    Ok(format!("data:{};base64,{}", text(source, at, "media_type")?, text(source, at, "data")?))
}
