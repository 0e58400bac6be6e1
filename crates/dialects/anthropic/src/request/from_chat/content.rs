//! Parts of a chat's content as blocks of a message, written. Refuses to know roles.

use super::super::given::{given, text, wrong};
use super::super::note;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use wire::WireError;

/// The blocks of a content in their order; blank texts, which would be refused, are left out.
pub(super) fn blocks(content: &Value, at: &str, lost: &mut Vec<String>) -> Result<Vec<Value>, WireError> {
    let parts = match content {
        Value::Null => return Ok(Vec::new()),
        Value::String(text) => return Ok(words(text).into_iter().collect()),
        Value::Array(parts) => parts,
        _ => return Err(wrong(at, "a string or a list of parts", content)),
    };
    let mut blocks = Vec::new();
    for (place, part) in parts.iter().enumerate() {
        let at = format!("{at}[{place}]");
        if let Some(mut block) = block(part, &at, lost)? {
            if let Some(control) = given(part, "cache_control") {
                block["cache_control"] = control.clone();
            }
            blocks.push(block);
        }
    }
    Ok(blocks)
}

/// A block of text, unless nothing in it can be seen.
pub(super) fn words(text: &str) -> Option<Value> {
    (!text.trim().is_empty()).then(|| json!({ "type": "text", "text": text }))
}

fn block(part: &Value, at: &str, lost: &mut Vec<String>) -> Result<Option<Value>, WireError> {
    if !part.is_object() {
        return Err(wrong(at, "a part", part));
    }
    match text(part, at, "type")? {
        "text" => Ok(words(text(part, at, "text")?)),
        "refusal" => Ok(words(text(part, at, "refusal")?)),
        "image_url" => image(part, at, lost).map(Some),
        "file" => file(part, at).map(Some),
        _ => Err(refuse(at, "this provider reads text, images and PDF files only")),
    }
}

fn refuse(at: &str, why: &'static str) -> WireError {
    WireError::Unsupported { param: at.to_owned(), why }
}

fn image(part: &Value, at: &str, lost: &mut Vec<String>) -> Result<Value, WireError> {
    let image = &part["image_url"];
    let url = match image {
        Value::String(url) => url,
        _ => text(image, &format!("{at}.image_url"), "url")?,
    };
    if image["detail"].as_str().is_some_and(|detail| detail != "auto") {
        note(lost, "`image_url.detail`");
    }
    let source = match url.strip_prefix("data:") {
        None => json!({ "type": "url", "url": url }),
        Some(data) => {
            let (media_type, data) = encoded(data).ok_or_else(|| refuse(at, "send it as `data:…;base64,…`"))?;
            json!({ "type": "base64", "media_type": media_type, "data": data })
        }
    };
    Ok(json!({ "type": "image", "source": source }))
}

fn file(part: &Value, at: &str) -> Result<Value, WireError> {
    let file = &part["file"];
    let Some(data) = file["file_data"].as_str() else {
        return Err(refuse(at, "send the file itself: its id is known only where it was uploaded"));
    };
    let source = match data.strip_prefix("data:").map(encoded) {
        Some(Some(("application/pdf", data))) => {
            json!({ "type": "base64", "media_type": "application/pdf", "data": data })
        }
        Some(_) => return Err(refuse(at, "send a PDF file as `data:application/pdf;base64,…`, or its text")),
        None if data.starts_with("https://") || data.starts_with("http://") => json!({ "type": "url", "url": data }),
        None => return Err(refuse(at, "send the file as `data:application/pdf;base64,…`")),
    };
    let mut block = json!({ "type": "document", "source": source });
    if let Some(name) = file["filename"].as_str() {
        block["title"] = json!(name);
    }
    Ok(block)
}

/// Media type and data of what follows `data:`.
fn encoded(url: &str) -> Option<(&str, &str)> {
    let (head, data) = url.split_once(',')?;
    let media_type = head.strip_suffix(";base64")?;
    // Parameters such as a name are no part of the type.
    Some((media_type.split(';').next().unwrap_or(media_type), data))
}

/// What a tool is called with, as the object that Anthropic wants: written as it came, if it is one.
pub(crate) fn input(arguments: &str) -> String {
    let trimmed = arguments.trim();
    match serde_json::from_str::<&RawValue>(trimmed) {
        _ if trimmed.is_empty() => "{}".to_owned(),
        Ok(_) if trimmed.starts_with('{') => trimmed.to_owned(),
        // What a model has written is not thrown away for its form.
        _ => json!({ "arguments": arguments }).to_string(),
    }
}
