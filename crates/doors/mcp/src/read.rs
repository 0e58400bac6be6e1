//! What can be read by its URI, in the protocol's words: links in lists and results, contents as text or base64.
//!
//! Unlike a tool's fault, one of reading is an error of the protocol: clients read, and models only see what came of it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use caller::{Caller, Content, ResourceLink, ResourceTemplate, Resources, ToolFault};
use fault::Kind;
use rmcp::model::{ErrorCode, ErrorData, Resource, ResourceContents, ResourceTemplate as ShownTemplate};
use serde_json::json;
use std::sync::Arc;
use tokio::time::timeout_at;

/// Everything that can be read, each kind of address by whoever knows it.
#[derive(Clone, Default)]
pub(crate) struct Reading(Arc<[Arc<dyn Resources>]>);

impl Reading {
    pub(crate) fn new(resources: Vec<Arc<dyn Resources>>) -> Self {
        Self(resources.into())
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn templates(&self) -> Vec<ShownTemplate> {
        self.0.iter().flat_map(|room| room.templates()).map(template).collect()
    }

    pub(crate) async fn list(&self, caller: &Caller) -> Result<Vec<Resource>, ErrorData> {
        let mut links = Vec::new();
        for room in self.0.iter() {
            let listed = timeout_at(caller.deadline, room.list(caller)).await;
            let listed = listed.map_err(|_| late(caller))?.map_err(|fault| refused(&fault, caller))?;
            links.extend(listed.into_iter().map(link));
        }
        Ok(links)
    }

    pub(crate) async fn read(&self, caller: &Caller, uri: &str) -> Result<ResourceContents, ErrorData> {
        let knows = |room: &&Arc<dyn Resources>| room.templates().iter().any(|known| scheme(known.uri) == scheme(uri));
        let Some(room) = self.0.iter().find(knows) else { return Err(self.unknown(uri)) };
        let read = timeout_at(caller.deadline, room.read(caller, uri)).await.map_err(|_| late(caller))?;
        read.map(|content| contents(content, uri)).map_err(|fault| refused(&fault, caller))
    }

    fn unknown(&self, uri: &str) -> ErrorData {
        let kinds: Vec<String> =
            self.0.iter().flat_map(|room| room.templates()).map(|known| format!("`{}`", known.uri)).collect();
        let kinds = if kinds.is_empty() { "nothing".to_owned() } else { kinds.join(", ") };
        ErrorData::resource_not_found(format!("there is nothing at `{uri}`; what can be read is {kinds}"), None)
    }
}

/// What stands before the first `:`.
fn scheme(uri: &str) -> Option<&str> {
    uri.split_once(':').map(|(scheme, _)| scheme)
}

fn template(known: ResourceTemplate) -> ShownTemplate {
    ShownTemplate::new(known.uri, known.name).with_description(known.description).with_mime_type(known.mime)
}

/// A link as lists and results show it.
pub(crate) fn link(link: ResourceLink) -> Resource {
    let mut shown = Resource::new(link.uri, link.name).with_mime_type(link.mime);
    if !link.description.is_empty() {
        shown = shown.with_description(link.description);
    }
    match link.size {
        Some(size) => shown.with_size(size),
        None => shown,
    }
}

/// Text where it is text, else base64.
fn contents(content: Content, uri: &str) -> ResourceContents {
    let Content { bytes, mime } = content;
    let textual = mime.starts_with("text/") || mime.contains("json") || mime.contains("xml") || mime.contains("yaml");
    let contents = match String::from_utf8(bytes) {
        Ok(text) if textual => ResourceContents::text(text, uri),
        Ok(text) => ResourceContents::blob(STANDARD.encode(text), uri),
        Err(binary) => ResourceContents::blob(STANDARD.encode(binary.as_bytes()), uri),
    };
    contents.with_mime_type(mime)
}

fn refused(fault: &ToolFault, caller: &Caller) -> ErrorData {
    let hint = fault.hint.as_deref().map(|hint| format!("; {hint}")).unwrap_or_default();
    let message = format!("{}{hint}", fault.message);
    let data = Some(json!({ "code": fault.code, "request_id": &*caller.request_id }));
    match fault.kind {
        Kind::NotFound => ErrorData::resource_not_found(message, data),
        Kind::BadInput => ErrorData::invalid_params(message, data),
        Kind::Unauthenticated | Kind::Forbidden => ErrorData::new(ErrorCode::INVALID_REQUEST, message, data),
        _ => ErrorData::internal_error(message, data),
    }
}

fn late(caller: &Caller) -> ErrorData {
    let data = json!({ "code": "deadline", "request_id": &*caller.request_id });
    ErrorData::internal_error("what was to be read did not come in time; ask again", Some(data))
}

#[cfg(test)]
mod tests {
    use super::{contents, scheme};
    use caller::Content;
    use serde_json::json;

    #[test]
    fn text_is_read_as_text_and_the_rest_as_base64() {
        let check = |bytes: &[u8], mime: &str, expect: serde_json::Value| {
            let shown = contents(Content { bytes: bytes.to_vec(), mime: mime.to_owned() }, "tool://a");
            let mut expect = expect;
            (expect["uri"], expect["mimeType"]) = (json!("tool://a"), json!(mime));
            assert_eq!(serde_json::to_value(shown).unwrap(), expect);
        };
        check(b"{}", "application/json", json!({ "text": "{}" }));
        check(b"words", "text/plain; charset=utf-8", json!({ "text": "words" }));
        check(b"abc", "image/png", json!({ "blob": "YWJj" }));
        check(b"\xff\x00", "text/plain", json!({ "blob": "/wA=" }));
    }

    #[test]
    fn a_scheme_ends_at_the_first_colon() {
        assert_eq!(scheme("tool://a:b"), Some("tool"));
        assert_eq!(scheme("nothing"), None);
    }
}
