//! Request bodies, read whole within their limits.

use crate::{Refusal, Terms};
use axum::body::Body;
use bytes::{Bytes, BytesMut};
use fault::Kind;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};

/// Reads a body of at most `body_bytes_max` bytes in at most `body_read`.
///
/// # Errors
/// A refusal: too large, too slow, or broken off.
pub async fn read(headers: &HeaderMap, body: Body, terms: &Terms) -> Result<Bytes, Box<Refusal>> {
    let most = terms.body_bytes_max;
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    if announced.is_some_and(|length| length > most as u64) {
        return Err(Box::new(too_large(most)));
    }
    let collected = tokio::time::timeout(terms.body_read, whole(Limited::new(body, most))).await;
    let Ok(collected) = collected else {
        let ms = terms.body_read.as_millis();
        let late = Refusal::new(Kind::BadInput, "body_too_slow", format!("the body did not arrive within {ms} ms"));
        let late = late.status_is(StatusCode::REQUEST_TIMEOUT);
        return Err(Box::new(late.hint("send it faster, or raise `server.body_read_ms`")));
    };
    collected.map_err(|error| {
        if error.is::<LengthLimitError>() {
            return Box::new(too_large(most));
        }
        Box::new(Refusal::new(Kind::BadInput, "body_broken", "the body broke off or is not framed as announced"))
    })
}

/// Copies every piece into one buffer. A piece kept as it came would hold on to the whole buffer it was read into,
/// and a body that comes byte by byte would take thirty times its size.
async fn whole(mut body: Limited<Body>) -> Result<Bytes, axum::BoxError> {
    let mut whole = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            whole.extend_from_slice(&data);
        }
    }
    Ok(whole.freeze())
}

fn too_large(most: usize) -> Refusal {
    Refusal::new(Kind::TooLarge, "body_too_large", format!("the body is larger than {most} bytes"))
        .hint("send less, or raise `server.body_bytes_max`")
}
