//! The trait behind what a door can hand out by its URI: results that are too large to stand in an answer, and what
//! tools are described with.

use crate::{Caller, ToolFault};
use serde_json::{Value, json};
use std::future::Future;
use std::pin::Pin;

/// The member of a structured result that holds a [`ResourceLink`]: doors show it in their own words as well.
pub const RESOURCE_LINK: &str = "resource_link";

/// What reading returns: the content, or the reason why there is none.
pub type ReadFuture<'a> = Pin<Box<dyn Future<Output = Result<Content, ToolFault>> + Send + 'a>>;

/// What listing returns.
pub type LinksFuture<'a> = Pin<Box<dyn Future<Output = Result<Vec<ResourceLink>, ToolFault>> + Send + 'a>>;

/// Something that can be read, as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// Its bytes; UTF-8 where `mime` is text or JSON.
    pub bytes: Vec<u8>,
    /// Its media type, such as `application/json`.
    pub mime: String,
}

/// Where something can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceLink {
    /// Its address, such as `tool://github/create_issue`.
    pub uri: String,
    /// What to call it.
    pub name: String,
    /// What it is; may be empty.
    pub description: String,
    /// Its media type.
    pub mime: String,
    /// Its size in bytes, where that is known.
    pub size: Option<u64>,
}

impl ResourceLink {
    /// As it stands in a structured result under [`RESOURCE_LINK`], in MCP's words.
    pub fn to_value(&self) -> Value {
        let mut link = json!({ "uri": self.uri, "name": self.name, "mimeType": self.mime });
        if !self.description.is_empty() {
            link["description"] = json!(self.description);
        }
        if let Some(size) = self.size {
            link["size"] = json!(size);
        }
        link
    }

    /// The link that a structured result holds, if it holds one.
    pub fn of(result: &Value) -> Option<Self> {
        let link = result.get(RESOURCE_LINK)?;
        let text = |key| link.get(key).and_then(Value::as_str).map(str::to_owned);
        let (uri, name) = (text("uri")?, text("name")?);
        let mime = text("mimeType").unwrap_or_else(|| "application/octet-stream".to_owned());
        let size = link.get("size").and_then(Value::as_u64);
        Some(Self { uri, name, description: text("description").unwrap_or_default(), mime, size })
    }
}

/// A kind of address that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceTemplate {
    /// The addresses, as RFC 6570 writes them: `tool://{id}`.
    pub uri: &'static str,
    /// What to call them.
    pub name: &'static str,
    /// For people and models: what is there, and when to read it.
    pub description: &'static str,
    /// The media type of all of them.
    pub mime: &'static str,
}

/// Whatever can be read by its URI.
pub trait Resources: Send + Sync {
    /// The kinds of addresses there are; the same for every caller.
    fn templates(&self) -> Vec<ResourceTemplate>;

    /// What is there for this caller and not merely one of thousands of a kind, newest first and at most a hundred.
    fn list<'a>(&'a self, caller: &'a Caller) -> LinksFuture<'a> {
        let _ = caller;
        Box::pin(async { Ok(Vec::new()) })
    }

    /// Reads one. What the caller may not see does not exist: [`fault::Kind::NotFound`].
    fn read<'a>(&'a self, caller: &'a Caller, uri: &'a str) -> ReadFuture<'a>;
}

#[cfg(test)]
mod tests {
    use super::ResourceLink;
    use serde_json::json;

    #[test]
    fn a_link_survives_in_a_result() {
        let link = ResourceLink {
            uri: "tool://results/7".to_owned(),
            name: "result".to_owned(),
            description: String::new(),
            mime: "application/json".to_owned(),
            size: Some(12),
        };
        assert_eq!(ResourceLink::of(&json!({ "resource_link": link.to_value(), "more": 1 })), Some(link));
        assert_eq!(ResourceLink::of(&json!({ "resource_link": { "uri": "tool://x" } })), None);
        assert_eq!(ResourceLink::of(&json!([1])), None);
    }
}
