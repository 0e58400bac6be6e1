//! One operation of a document, as it is kept and called.

use crate::Place;
use bytes::Bytes;
use http::{HeaderMap, Method, Uri};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

/// One operation of a document. It is complete: whoever keeps it needs the document no more.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    /// 1 to 64 of `A–Za–z0–9_-.`, unique within the document and the same each time the document is read.
    pub name: String,
    /// One line; method and path where the document says nothing.
    pub summary: String,
    /// More than one line; empty where the document has no more than a summary.
    pub description: String,
    /// The method.
    #[serde(serialize_with = "write_method", deserialize_with = "read_method")]
    pub method: Method,
    /// The path below the server's, with its `{name}`s.
    pub path: String,
    /// What the arguments look like: an object of JSON Schema 2020-12 with `$defs` of its own; cycles stay references.
    pub input_schema: Value,
    /// What a successful JSON answer looks like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output_schema: Option<Value>,
    /// The document's tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Where each argument goes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub places: Vec<Place>,
    /// The media type of the body that is sent, where one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sends: Option<String>,
    /// The media type of the answer, where the document promises JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepts: Option<String>,
    /// Whether a request without a body makes no sense.
    #[serde(default)]
    pub body_required: bool,
    /// The server that this operation alone is at, instead of the document's; as in [`Imported::servers`].
    ///
    /// [`Imported::servers`]: crate::Imported::servers
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// The names of the security schemes of which one or more are needed; those of each alternative, the first first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub security: Vec<String>,
    /// Whether the document calls it outdated.
    #[serde(default)]
    pub deprecated: bool,
    /// Whether the method promises to change nothing: GET and HEAD.
    pub read_only: bool,
    /// Whether the method takes something away: DELETE.
    pub destructive: bool,
    /// Whether the method promises that doing it twice is doing it once: GET, HEAD, PUT, DELETE.
    pub idempotent: bool,
}

/// A request that is ready to be sent. Its credentials are for the sender to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The method.
    pub method: Method,
    /// The whole address; `http` or `https`.
    pub uri: Uri,
    /// `accept`, `content-type` and what the arguments say.
    pub headers: HeaderMap,
    /// The body; empty where there is none.
    pub body: Bytes,
}

impl From<Prepared> for http::Request<Bytes> {
    fn from(prepared: Prepared) -> Self {
        let mut request = Self::new(prepared.body);
        *request.method_mut() = prepared.method;
        *request.uri_mut() = prepared.uri;
        *request.headers_mut() = prepared.headers;
        request
    }
}

fn write_method<S: Serializer>(method: &Method, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(method.as_str())
}

fn read_method<'de, D: Deserializer<'de>>(from: D) -> Result<Method, D::Error> {
    let word = String::deserialize(from)?;
    Method::from_bytes(word.as_bytes()).map_err(|_| de::Error::custom("this is no method of HTTP"))
}
