//! What comes with a request: a name in its path, parameters, a JSON body, who asks and until when.

use crate::{Arrival, Refusal, Refused, Terms, body};
use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use bytes::Bytes;
use caller::{Caller, Guest, Wishes};
use fault::Kind;
use http::request::Parts;
use serde::de::DeserializeOwned;
use std::convert::Infallible;
use std::sync::Arc;

/// A name in the path. One that is no text is nobody's name.
pub struct Name(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Name {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let read = Path::from_request_parts(parts, state).await;
        Ok(Self(read.map_or_else(|_| String::from(char::REPLACEMENT_CHARACTER), |Path(name)| name)))
    }
}

/// Two names in the path, in its order. What is no text is nobody's name.
pub struct Names(pub String, pub String);

impl<S: Send + Sync> FromRequestParts<S> for Names {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let read: Result<Path<(String, String)>, _> = Path::from_request_parts(parts, state).await;
        let nobody = || String::from(char::REPLACEMENT_CHARACTER);
        Ok(read.map_or_else(|_| Self(nobody(), nobody()), |Path((first, second))| Self(first, second)))
    }
}

/// The parameters behind the `?`; unknown ones are refused.
pub struct Asked<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequestParts<S> for Asked<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let wrong = |error: axum::extract::rejection::QueryRejection| {
            let text = error.body_text();
            let reason = text.split_once(": ").map_or(text.as_str(), |(_, reason)| reason);
            Box::new(Refusal::new(Kind::BadInput, "invalid_parameter", format!("the query cannot be read: {reason}")))
        };
        let Query(asked) = Query::try_from_uri(&parts.uri).map_err(wrong)?;
        Ok(Self(asked))
    }
}

/// A JSON body; unknown members are refused.
pub struct Sent<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Sent<T> {
    type Rejection = Refused;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, Refused> {
        parsed(&whole(request).await?).map(Self)
    }
}

/// A JSON body, or none, which is as good as an empty object.
pub struct Perhaps<T>(pub T);

impl<S: Sync, T: DeserializeOwned> FromRequest<S> for Perhaps<T> {
    type Rejection = Refused;

    async fn from_request(request: Request<Body>, _: &S) -> Result<Self, Refused> {
        let bytes = whole(request).await?;
        parsed(if bytes.is_empty() { b"{}" } else { &bytes }).map(Self)
    }
}

async fn whole(request: Request<Body>) -> Result<Bytes, Refused> {
    let (parts, body) = request.into_parts();
    let terms = parts.extensions.get::<Arc<Terms>>().ok_or_else(lost)?;
    Ok(body::read(&parts.headers, body, terms).await?)
}

fn parsed<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Refused> {
    let wrong = |error: serde_json::Error| {
        let hint = "send one JSON object with the members that the OpenAPI document names";
        let message = format!("the body cannot be read: {error}");
        Box::new(Refusal::new(Kind::BadInput, "invalid_body", message).hint(hint))
    };
    serde_json::from_slice(bytes).map_err(|error| wrong(error).into())
}

/// Who asks, and until when.
pub struct Asking(pub Caller);

impl<S: Sync> FromRequestParts<S> for Asking {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let found = &parts.extensions;
        let known = (found.get::<Guest>(), found.get::<Arrival>(), found.get::<Arc<Terms>>());
        let (Some(guest), Some(arrival), Some(terms)) = known else { return Err(lost()) };
        let (request_id, deadline) = (Arc::clone(&arrival.id), arrival.at + terms.deadline(&parts.headers)?);
        Ok(Self(Caller { request_id, deadline, guest: guest.clone(), wishes: Wishes::default() }))
    }
}

fn lost() -> Refused {
    Box::new(Refusal::new(Kind::Internal, "internal_error", "a route has lost its limits")).into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    struct Wish {
        again: bool,
    }

    fn code<T: std::fmt::Debug>(refused: Result<T, Refused>) -> &'static str {
        refused.unwrap_err().0.code
    }

    #[tokio::test]
    async fn parameters_are_read_or_refused() {
        let parts = |query: &str| Request::get(format!("http://x/{query}")).body(()).unwrap().into_parts().0;
        let read = async |query: &str| Asked::<Wish>::from_request_parts(&mut parts(query), &()).await.map(|it| it.0);
        assert_eq!(read("").await.unwrap(), Wish { again: false });
        assert_eq!(read("?again=true").await.unwrap(), Wish { again: true });
        for query in ["?again=perhaps", "?other=1"] {
            assert_eq!(code(read(query).await), "invalid_parameter", "{query}");
        }
    }

    #[test]
    fn a_body_is_read_or_refused() {
        assert_eq!(parsed::<Wish>(br#"{"again": true}"#).unwrap(), Wish { again: true });
        for body in ["", "{", "3", r#"{"other": 1}"#, r#"{"again": true} {}"#] {
            assert_eq!(code(parsed::<Wish>(body.as_bytes())), "invalid_body", "{body}");
        }
    }

    #[tokio::test]
    async fn a_route_without_terms_is_a_defect_and_says_so() {
        let request = Request::post("http://x/").body(Body::from("{}")).unwrap();
        assert_eq!(code(Perhaps::<Wish>::from_request(request, &()).await.map(|it| it.0)), "internal_error");
        let mut parts = Request::get("http://x/").body(()).unwrap().into_parts().0;
        assert_eq!(code(Asking::from_request_parts(&mut parts, &()).await.map(|it| it.0)), "internal_error");
    }
}
