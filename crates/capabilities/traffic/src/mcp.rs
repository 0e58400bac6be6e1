//! As much of the Model Context Protocol as a caller of tools needs: how a session begins over streamable HTTP.

use crate::Reading;
use crate::job::Body;
use crate::user::Letter;
use crate::worker::Floor;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, header};
use net::{Line, NetError, collect};
use serde_json::json;

/// The version of the protocol that sessions are begun with.
const VERSION: &str = "2025-11-25";
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const PROTOCOL: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The most bytes of the server's introduction.
const BYTES_MAX: usize = 4 << 20;

/// What a server wants to see in the requests of a session.
pub(crate) struct Session {
    id: Option<HeaderValue>,
}

impl Session {
    /// Introduces the user over `line`; where and with which headers, the `letter` says.
    pub(crate) async fn begin(line: &mut Line, letter: &Letter) -> Result<Self, NetError> {
        let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {
            "protocolVersion": VERSION, "capabilities": {}, "clientInfo": { "name": "althing-load", "version": "1" },
        } });
        let (status, headers) = post(line, letter, &HeaderMap::new(), hello.to_string()).await?;
        if !status.is_success() {
            return Err(NetError::Protocol);
        }
        let session = Self { id: headers.get(&SESSION).cloned() };
        let mut marks = HeaderMap::new();
        session.mark(&mut marks);
        let ready = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        post(line, letter, &marks, ready.to_string()).await?;
        Ok(session)
    }

    /// Ends the session, so that the server need not keep it until it is forgotten.
    pub(crate) async fn end(&self, mut line: Line, floor: &Floor) {
        let letter = floor.letters.iter().find(|letter| letter.reading == Reading::Mcp);
        let (Some(letter), true) = (letter, self.id.is_some()) else { return };
        let mut request = letter.request();
        *request.method_mut() = Method::DELETE;
        *request.body_mut() = Body::new(Bytes::new());
        self.mark(request.headers_mut());
        // Who forgets sessions by itself may refuse.
        let _ = line.send(request).await;
    }

    /// Marks a request as one of this session.
    pub(crate) fn mark(&self, headers: &mut HeaderMap) {
        headers.insert(PROTOCOL, HeaderValue::from_static(VERSION));
        accept(headers);
        if let Some(id) = &self.id {
            headers.insert(SESSION, id.clone());
        }
    }
}

fn accept(headers: &mut HeaderMap) {
    headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, text/event-stream"));
}

async fn post(
    line: &mut Line,
    letter: &Letter,
    marks: &HeaderMap,
    body: String,
) -> Result<(StatusCode, HeaderMap), NetError> {
    let mut request: Request<Body> = letter.request();
    *request.method_mut() = Method::POST;
    *request.body_mut() = Body::new(Bytes::from(body));
    accept(request.headers_mut());
    request.headers_mut().extend(marks.clone());
    let response = line.send(request).await.map_err(|(error, _)| error)?;
    let (head, body) = response.into_parts();
    collect(body, BYTES_MAX).await?;
    Ok((head.status, head.headers))
}
