//! What a server answers that a test asks in process. Knows no server.

use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use std::fmt::Debug;

/// A reply as it came, to its end.
#[derive(Debug)]
pub struct Heard {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Heard {
    /// Waits for all of a reply.
    pub async fn of<Body>(reply: Response<Body>) -> Self
    where
        Body: BodyExt<Data = Bytes>,
        Body::Error: Debug,
    {
        let (parts, body) = reply.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self { status: parts.status, headers: parts.headers, body }
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The error in OpenAI's shape, whose request id must be the header's.
    pub fn error(&self) -> Value {
        let error = self.json()["error"].take();
        assert_eq!(error["request_id"].as_str(), self.header("x-althing-request-id"), "{self:?}");
        assert!(!error["message"].as_str().unwrap().is_empty(), "{self:?}");
        error
    }

    /// The status and the code of an error in OpenAI's shape.
    pub fn refusal(&self) -> (u16, String) {
        (self.status.as_u16(), self.error()["code"].as_str().unwrap().to_owned())
    }
}
