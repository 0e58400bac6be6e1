//! Messages and what is in them, as Converse wants it.
//!
//! Blank texts are left out, because Converse refuses them. Neighbours of one role become one message, and system
//! messages all go to the front.

use super::request::{Maker, cannot};
use crate::ConverseError;
use serde_json::{Map, Value, json};
use std::collections::{BTreeSet, HashMap};

/// The longest id of a call and name of a document that Converse takes, in characters.
const ID_CHARS_MAX: usize = 64;
const DOCUMENT_CHARS_MAX: usize = 100;
/// The most that is told of what gets lost: a body may hold any number of unknown members.
const LOST_MAX: usize = 32;

/// A request in the making.
pub(crate) struct Draft {
    pub(crate) maker: Maker,
    pub(crate) lost: Vec<String>,
    pub(crate) system: Vec<Value>,
    pub(crate) messages: Vec<(&'static str, Vec<Value>)>,
    /// Names of the tools that the conversation has called.
    pub(crate) called: BTreeSet<String>,
    /// Names of documents, and the number that the next one of the name gets.
    documents: HashMap<String, usize>,
}

impl Draft {
    pub(crate) fn new(maker: Maker) -> Self {
        let (lost, system, messages) = (Vec::new(), Vec::new(), Vec::new());
        Self { maker, lost, system, messages, called: BTreeSet::new(), documents: HashMap::new() }
    }

    /// Notes once what cannot be said.
    pub(crate) fn lose(&mut self, what: String) {
        if self.lost.len() < LOST_MAX && !self.lost.contains(&what) {
            self.lost.push(what);
        }
    }

    fn push(&mut self, role: &'static str, blocks: Vec<Value>) {
        match self.messages.last_mut() {
            _ if blocks.is_empty() => {}
            Some((last, content)) if *last == role => content.extend(blocks),
            _ => self.messages.push((role, blocks)),
        }
    }

    /// A mark behind what is to be cached, where `holder` asks for one.
    pub(crate) fn mark(&mut self, holder: &Value, blocks: &mut Vec<Value>) {
        let Some(control) = holder.get("cache_control").filter(|control| control.is_object()) else { return };
        if !self.maker.may_cache() {
            self.lose("`cache_control`".to_owned());
        } else if !blocks.is_empty() {
            let mut point = json!({ "type": "default" });
            if let Some(ttl @ ("5m" | "1h")) = control["ttl"].as_str() {
                point["ttl"] = ttl.into();
            }
            blocks.push(json!({ "cachePoint": point }));
        }
    }
}

/// Translates all messages.
pub(crate) fn messages(draft: &mut Draft, messages: &Value) -> Result<(), ConverseError> {
    let messages = messages.as_array().ok_or_else(|| cannot("`messages` must be a list"))?;
    for (at, message) in messages.iter().enumerate() {
        let at = format!("messages[{at}]");
        match message["role"].as_str().unwrap_or_default() {
            "system" | "developer" => system(draft, message, &at)?,
            "user" => {
                let mut blocks = parts(draft, &message["content"], &format!("{at}.content"))?;
                draft.mark(message, &mut blocks);
                draft.push("user", blocks);
            }
            "assistant" => assistant(draft, message, &at)?,
            "tool" => tool(draft, message, &at)?,
            other => return Err(cannot(format!("`{at}.role` `{other}` has no place in Converse"))),
        }
    }
    Ok(())
}

fn system(draft: &mut Draft, message: &Value, at: &str) -> Result<(), ConverseError> {
    let mut blocks = parts(draft, &message["content"], &format!("{at}.content"))?;
    if blocks.iter().any(|block| block.get("text").is_none() && block.get("cachePoint").is_none()) {
        return Err(cannot(format!("`{at}.content` holds more than text")));
    }
    draft.mark(message, &mut blocks);
    draft.system.extend(blocks);
    Ok(())
}

fn assistant(draft: &mut Draft, message: &Value, at: &str) -> Result<(), ConverseError> {
    for member in ["audio", "function_call"] {
        if !message[member].is_null() {
            return Err(cannot(format!("`{at}.{member}` has no place in Converse")));
        }
    }
    let mut blocks = thoughts(draft, message, at)?;
    blocks.extend(parts(draft, &message["content"], &format!("{at}.content"))?);
    blocks.extend(text(message["refusal"].as_str().unwrap_or_default()));
    let calls = match &message["tool_calls"] {
        Value::Null => &[],
        Value::Array(calls) => calls.as_slice(),
        _ => return Err(cannot(format!("`{at}.tool_calls` must be a list"))),
    };
    for (index, call) in calls.iter().enumerate() {
        blocks.push(tool_use(draft, call, &format!("{at}.tool_calls[{index}]"))?);
    }
    draft.mark(message, &mut blocks);
    draft.push("assistant", blocks);
    Ok(())
}

/// What the model thought before it spoke.
fn thoughts(draft: &mut Draft, message: &Value, at: &str) -> Result<Vec<Value>, ConverseError> {
    let blocks = match &message["thinking_blocks"] {
        Value::Array(blocks) => blocks.clone(),
        _ => Vec::new(),
    };
    let mut made = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        match block["type"].as_str() {
            Some("thinking") => {
                let signature = block["signature"].as_str().filter(|signature| !signature.is_empty());
                made.extend(thought(draft, block["thinking"].as_str().unwrap_or_default(), signature));
            }
            Some("redacted_thinking") if !draft.maker.may_sign() => {
                draft.lose("`thinking_blocks` (another model's)".to_owned());
            }
            Some("redacted_thinking") => {
                made.push(json!({ "reasoningContent": { "redactedContent": block["data"] } }));
            }
            _ => return Err(cannot(format!("`{at}.thinking_blocks[{index}].type` is unknown"))),
        }
    }
    if blocks.is_empty()
        && let Some(text) = message["reasoning_content"].as_str().filter(|text| !text.is_empty())
    {
        made.extend(thought(draft, text, None));
    }
    Ok(made)
}

/// Claude takes back only what is signed; those who sign nothing take back nothing that is.
fn thought(draft: &mut Draft, text: &str, signature: Option<&str>) -> Option<Value> {
    let mut block = json!({ "text": text });
    match signature {
        Some(signature) if draft.maker.may_sign() => block["signature"] = signature.into(),
        None if !draft.maker.may_be_anthropic() => {}
        Some(_) => {
            draft.lose("`thinking_blocks` (another model's)".to_owned());
            return None;
        }
        None => {
            draft.lose("`reasoning_content` (without a signature)".to_owned());
            return None;
        }
    }
    Some(json!({ "reasoningContent": { "reasoningText": block } }))
}

fn tool_use(draft: &mut Draft, call: &Value, at: &str) -> Result<Value, ConverseError> {
    let id = call["id"].as_str().ok_or_else(|| cannot(format!("`{at}.id` is missing")))?;
    let (function, custom) = (&call["function"], &call["custom"]);
    let (name, input) = if custom.is_object() {
        (&custom["name"], json!({ "input": custom["input"].as_str().unwrap_or_default() }))
    } else {
        (&function["name"], input(&function["arguments"]))
    };
    let name = name.as_str().ok_or_else(|| cannot(format!("`{at}.function.name` is missing")))?;
    if !draft.called.contains(name) {
        draft.called.insert(name.to_owned());
    }
    Ok(json!({ "toolUse": { "toolUseId": identifier(id), "name": name, "input": input } }))
}

/// The input of a tool is an object; text that is none is kept as its member `arguments`.
fn input(arguments: &Value) -> Value {
    let text = match arguments {
        Value::String(text) => text.as_str(),
        Value::Object(_) => return arguments.clone(),
        _ => "",
    };
    match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(members)) => members.into(),
        _ if text.trim().is_empty() => json!({}),
        _ => json!({ "arguments": text }),
    }
}

fn tool(draft: &mut Draft, message: &Value, at: &str) -> Result<(), ConverseError> {
    let id = message["tool_call_id"].as_str().ok_or_else(|| cannot(format!("`{at}.tool_call_id` is missing")))?;
    let content = parts(draft, &message["content"], &format!("{at}.content"))?;
    let (marks, content): (Vec<Value>, Vec<Value>) =
        content.into_iter().partition(|block| block.get("cachePoint").is_some());
    if content.iter().any(|block| block.get("audio").is_some()) {
        return Err(cannot(format!("`{at}.content` holds sound, which Converse takes from users alone")));
    }
    let mut result = json!({ "toolUseId": identifier(id), "content": content });
    if message["is_error"] == true {
        result["status"] = "error".into();
    }
    let mut blocks = vec![json!({ "toolResult": result })];
    if marks.is_empty() {
        draft.mark(message, &mut blocks);
    } else {
        // Inside a result there is no place for a mark.
        blocks.extend(marks.into_iter().next_back());
    }
    draft.push("user", blocks);
    Ok(())
}

/// An id that Converse takes: other providers write longer ones, with other characters.
fn identifier(id: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_') { c } else { '_' };
    let skip = id.chars().count().saturating_sub(ID_CHARS_MAX);
    id.chars().skip(skip).map(fits).collect()
}

fn text(text: &str) -> Option<Value> {
    (!text.trim().is_empty()).then(|| json!({ "text": text }))
}

/// A content, which is a text or a list of parts.
fn parts(draft: &mut Draft, content: &Value, at: &str) -> Result<Vec<Value>, ConverseError> {
    let parts = match content {
        Value::Null => return Ok(Vec::new()),
        Value::String(words) => return Ok(text(words).into_iter().collect()),
        Value::Array(parts) => parts,
        _ => return Err(cannot(format!("`{at}` must be a string or a list of parts"))),
    };
    let mut blocks = Vec::with_capacity(parts.len());
    for (index, part) in parts.iter().enumerate() {
        let at = format!("{at}[{index}]");
        let words = |member: &str| text(part[member].as_str().unwrap_or_default());
        let block = match part["type"].as_str().unwrap_or_default() {
            "text" => words("text"),
            "refusal" => words("refusal"),
            "image_url" => Some(image(draft, part, &at)?),
            "file" => Some(document(draft, &part["file"], &at)?),
            "input_audio" => Some(sound(&part["input_audio"], &at)?),
            other => return Err(cannot(format!("`{at}.type` `{other}` has no place in Converse"))),
        };
        if let Some(block) = block {
            let mut blocks_here = vec![block];
            draft.mark(part, &mut blocks_here);
            blocks.append(&mut blocks_here);
        }
    }
    Ok(blocks)
}

/// The media type and the base64 of a `data:` address.
fn data_url(url: &str) -> Option<(String, &str)> {
    let (head, data) = url.strip_prefix("data:")?.split_once(',')?;
    let head = head.strip_suffix(";base64")?;
    Some((head.split(';').next().unwrap_or_default().trim().to_ascii_lowercase(), data))
}

fn image(draft: &mut Draft, part: &Value, at: &str) -> Result<Value, ConverseError> {
    let given = &part["image_url"];
    let url = given["url"].as_str().or_else(|| given.as_str()).unwrap_or_default();
    let Some((media, data)) = data_url(url) else {
        return Err(cannot(format!("`{at}.image_url` must be a `data:` address: Converse fetches no images")));
    };
    let format = match media.as_str() {
        "image/png" => "png",
        "image/jpeg" | "image/jpg" => "jpeg",
        "image/gif" => "gif",
        "image/webp" => "webp",
        _ => return Err(cannot(format!("`{at}.image_url` is no PNG, JPEG, GIF or WebP"))),
    };
    if matches!(given["detail"].as_str(), Some("low" | "high")) {
        draft.lose("`detail` of images".to_owned());
    }
    Ok(json!({ "image": { "format": format, "source": { "bytes": data } } }))
}

fn document(draft: &mut Draft, file: &Value, at: &str) -> Result<Value, ConverseError> {
    let Some(data) = file["file_data"].as_str() else {
        return Err(cannot(format!("`{at}.file` must hold `file_data`: Converse knows no uploaded files")));
    };
    let filename = file["filename"].as_str().unwrap_or_default();
    let (stem, extension) = filename.rsplit_once('.').unwrap_or((filename, ""));
    let (media, data) = data_url(data).unwrap_or((String::new(), data));
    let extension = extension.to_ascii_lowercase();
    let Some(format) = document_format(&media).or_else(|| document_format(&extension)) else {
        return Err(cannot(format!("`{at}.file` is of no kind that Converse reads")));
    };
    let name = document_name(&mut draft.documents, stem);
    Ok(json!({ "document": { "format": format, "name": name, "source": { "bytes": data } } }))
}

/// By media type or extension.
fn document_format(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "application/pdf" | "pdf" => "pdf",
        "text/csv" | "csv" => "csv",
        "application/msword" | "doc" => "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document" | "docx" => "docx",
        "application/vnd.ms-excel" | "xls" => "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet" | "xlsx" => "xlsx",
        "text/html" | "html" | "htm" => "html",
        "text/markdown" | "md" => "md",
        "text/plain" | "txt" => "txt",
        _ => return None,
    })
}

/// A name of letters, digits, single spaces and few signs, as Converse wants it, that no other document has.
fn document_name(taken: &mut HashMap<String, usize>, name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '(' | ')' | '[' | ']') { c } else { ' ' };
    let plain: String = name.chars().take(DOCUMENT_CHARS_MAX).map(fits).collect();
    let plain = plain.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain = if plain.is_empty() { "document".to_owned() } else { plain };
    // Where to go on counting is known: a thousand documents of one name are no search among a thousand names each.
    let mut number = taken.get(&plain).copied().unwrap_or(2);
    let mut unique = plain.clone();
    while taken.contains_key(&unique) {
        unique = format!("{plain} {number}");
        number += 1;
    }
    taken.insert(plain, number);
    taken.entry(unique.clone()).or_insert(2);
    unique
}

fn sound(given: &Value, at: &str) -> Result<Value, ConverseError> {
    let (Some(data), Some(format)) = (given["data"].as_str(), given["format"].as_str()) else {
        return Err(cannot(format!("`{at}.input_audio` must hold `data` and `format`")));
    };
    Ok(json!({ "audio": { "format": format, "source": { "bytes": data } } }))
}

/// Whether a block is a member of a conversation that needs its tools described.
pub(crate) fn is_tool(block: &Value) -> bool {
    block
        .as_object()
        .is_some_and(|block: &Map<String, Value>| block.contains_key("toolUse") || block.contains_key("toolResult"))
}
