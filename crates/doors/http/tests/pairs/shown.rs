//! What came and went, as a snapshot shows it: readable, and without what differs each time.

use serde_json::{Map, Value};

/// A body of JSON, indented.
pub(crate) fn json(body: &[u8]) -> String {
    match serde_json::from_slice::<Value>(body) {
        Ok(value) => serde_json::to_string_pretty(&value).unwrap(),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    }
}

/// A reply as the client got it.
pub(crate) fn reply(body: &[u8], kind: &str, id: &str) -> String {
    // Ids of calls hold but the end of it.
    let end = id.strip_prefix("req_").unwrap_or(id);
    let text = String::from_utf8_lossy(body).replace(id, "REQ").replace(end, "REQ");
    if kind.starts_with("text/event-stream") || kind.starts_with("application/x-ndjson") {
        return text.lines().map(line).collect::<Vec<_>>().join("\n");
    }
    match serde_json::from_str::<Value>(&text) {
        Ok(value) => serde_json::to_string_pretty(&settled(value)).unwrap(),
        Err(_) => text,
    }
}

fn line(line: &str) -> String {
    let (field, data) = line.split_once("data: ").map_or(("", line), |(_, data)| ("data: ", data));
    match serde_json::from_str::<Value>(data) {
        Ok(value) if value.is_object() => format!("{field}{}", settled(value)),
        _ => line.to_owned(),
    }
}

/// Without moments, and with our report reduced to what it says about the pair.
fn settled(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let settle = |(key, value): (String, Value)| {
                let value = match key.as_str() {
                    "created" | "created_at" | "modified_at" | "completed_at" => Value::from("WHEN"),
                    "althing" => {
                        let mut kept = Map::new();
                        for name in ["served_by", "degraded", "reasons", "cost_usd"] {
                            kept.extend(value.get(name).map(|value| (name.to_owned(), value.clone())));
                        }
                        Value::Object(kept)
                    }
                    _ => settled(value),
                };
                (key, value)
            };
            Value::Object(members.into_iter().map(settle).collect())
        }
        Value::Array(items) => items.into_iter().map(settled).collect(),
        other => other,
    }
}

/// All pieces of text of a stream behind each other: what was cut into pieces can be found in it.
pub(crate) fn joined(reply: &str) -> String {
    const PIECES: [&str; 7] =
        ["content", "reasoning_content", "text", "thinking", "partial_json", "arguments", "delta"];
    fn walk(value: &Value, out: &mut String) {
        match value {
            Value::Object(members) => members.iter().for_each(|(key, value)| match value {
                Value::String(text) if PIECES.contains(&key.as_str()) => out.push_str(text),
                other => walk(other, out),
            }),
            Value::Array(items) => items.iter().for_each(|item| walk(item, out)),
            _ => {}
        }
    }
    let mut out = String::new();
    for line in reply.lines() {
        let data = line.strip_prefix("data: ").unwrap_or(line);
        if let Ok(value) = serde_json::from_str::<Value>(data) {
            walk(&value, &mut out);
        }
    }
    out
}
