//! Contents: texts, images, files.

use super::super::look::{at, text, wrong};
use serde_json::{Value, json};
use wire::WireError;

/// Parts of a chat for a content that is one text or a list of parts.
///
/// # Errors
/// [`WireError`] for parts that no chat can hold: words are not dropped in silence.
pub(super) fn parts(content: &Value, param: &str) -> Result<Vec<Value>, WireError> {
    match content {
        Value::String(text) => Ok(vec![json!({ "type": "text", "text": text })]),
        Value::Array(list) => {
            list.iter().enumerate().map(|(index, it)| part(it, &format!("{param}[{index}]"))).collect()
        }
        Value::Null => Err(WireError::Missing { param: param.to_owned() }),
        other => Err(wrong(param, "a string or a list of parts", other)),
    }
}

/// A content of these parts: one plain text stays a text, which every provider takes.
pub(super) fn content(mut parts: Vec<Value>) -> Value {
    match parts.as_mut_slice() {
        [] => "".into(),
        [only] if only["type"] == "text" && only["cache_control"].is_null() => only["text"].take(),
        _ => parts.into(),
    }
}

fn part(part: &Value, param: &str) -> Result<Value, WireError> {
    if !part.is_object() {
        return Err(wrong(param, "an object", part));
    }
    let mut out = match text(part, "type", param)? {
        "input_text" | "output_text" | "text" => json!({ "type": "text", "text": text(part, "text", param)? }),
        "refusal" => json!({ "type": "refusal", "refusal": text(part, "refusal", param)? }),
        "input_image" => image(part, param)?,
        "input_file" => file(part, param)?,
        "input_audio" => json!({ "type": "input_audio", "input_audio": part["input_audio"] }),
        _ => {
            let why = "use `input_text`, `input_image`, `input_file`, `input_audio`, `output_text` or `refusal`";
            return Err(WireError::Unsupported { param: at(param, "type"), why });
        }
    };
    if part["prompt_cache_breakpoint"].is_object() {
        out["cache_control"] = json!({ "type": "ephemeral" });
    }
    Ok(out)
}

/// An image by its address, or by the id of a file that lies with the provider.
fn image(part: &Value, param: &str) -> Result<Value, WireError> {
    if part["image_url"].is_null() && part["file_id"].is_string() {
        return Ok(json!({ "type": "file", "file": { "file_id": part["file_id"] } }));
    }
    let mut image = json!({ "url": text(part, "image_url", param)? });
    if part["detail"].is_string() {
        image["detail"] = part["detail"].clone();
    }
    Ok(json!({ "type": "image_url", "image_url": image }))
}

fn file(part: &Value, param: &str) -> Result<Value, WireError> {
    let mut file = json!({});
    for key in ["file_data", "file_id", "file_url", "filename"] {
        match &part[key] {
            Value::Null => {}
            Value::String(_) => file[key] = part[key].clone(),
            other => return Err(wrong(&at(param, key), "a string", other)),
        }
    }
    if ["file_data", "file_id", "file_url"].iter().all(|key| file[key].is_null()) {
        return Err(WireError::Missing { param: at(param, "file_data") });
    }
    Ok(json!({ "type": "file", "file": file }))
}
