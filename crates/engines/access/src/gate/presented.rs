//! The credential that came with a request, read from its headers.
//!
//! Reading never fails: an open server ignores credentials, so a wrong one is refused by the gate and not here.
//! Nothing of a credential is ever shown.

use crate::keys::Parsed;
use http::header::{AUTHORIZATION, HeaderMap, HeaderName};
use std::fmt;
use std::sync::Arc;

/// The header that holds nothing but a key.
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
/// The longest credential that is looked at.
const BYTES_MAX: usize = 8 * 1024;

/// A credential, as it came.
#[derive(Clone)]
pub struct Presented(pub(super) Form);

/// What it looks like.
#[derive(Clone)]
pub(super) enum Form {
    /// A key.
    Key(Parsed),
    /// A signed token.
    Token(Arc<str>),
    /// Neither: what is wrong with it.
    Malformed(&'static str),
}

impl Presented {
    /// Reads `authorization: Bearer X` and `x-api-key: X`; `None` if neither is there.
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        let read = one(headers, &AUTHORIZATION)
            .and_then(|text| text.map(bearer).transpose())
            .and_then(|bearer| Ok((bearer, one(headers, &X_API_KEY)?)));
        let text = match read {
            Err(problem) => return Some(Self(Form::Malformed(problem))),
            Ok((None, None)) => return None,
            Ok((Some(one), Some(other))) if one != other => {
                return Some(Self(Form::Malformed("`authorization` and `x-api-key` hold different keys")));
            }
            Ok((bearer, key)) => bearer.or(key).unwrap_or_default(),
        };
        Some(Self::from_text(text))
    }

    /// Reads a key or a token from elsewhere.
    pub fn from_text(text: &str) -> Self {
        Self(if let Some(key) = Parsed::read(text) {
            Form::Key(key)
        } else if text.len() <= BYTES_MAX && is_token(text) {
            Form::Token(text.into())
        } else {
            Form::Malformed("it has not the form of a key")
        })
    }
}

/// The one header of this name.
fn one<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Result<Option<&'a str>, &'static str> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err("it came twice");
    }
    if value.len() > BYTES_MAX {
        return Err("it is longer than 8192 bytes");
    }
    value.to_str().map(|text| Some(text.trim_matches([' ', '\t']))).map_err(|_| "it is not plain text")
}

/// What stands behind `Bearer`.
fn bearer(value: &str) -> Result<&str, &'static str> {
    let (scheme, text) = value.split_once(' ').unwrap_or((value, ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Err("`authorization: Basic` is not known here");
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err("`authorization` does not say `Bearer`");
    }
    Ok(text.trim_start_matches(' '))
}

/// Whether text is three parts between dots in the alphabet of tokens.
fn is_token(text: &str) -> bool {
    let part = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    text.split('.').count() == 3 && text.split('.').all(part)
}

impl fmt::Debug for Presented {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Form::Key(_) => out.write_str("Presented(key)"),
            Form::Token(_) => out.write_str("Presented(token)"),
            Form::Malformed(problem) => write!(out, "Presented({problem})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Hasher;
    use http::HeaderValue;

    fn key() -> String {
        Hasher::new(b"secret").make().unwrap().0.expose().to_owned()
    }

    fn read(lines: &[(&'static str, &str)]) -> &'static str {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        match Presented::from_headers(&headers).map(|presented| presented.0) {
            None => "nothing",
            Some(Form::Key(_)) => "key",
            Some(Form::Token(_)) => "token",
            Some(Form::Malformed(problem)) => problem,
        }
    }

    #[test]
    fn keys_and_tokens_are_found_in_both_headers() {
        let key = &key();
        assert_eq!(read(&[]), "nothing");
        for scheme in ["Bearer ", "bearer ", "BEARER  ", " Bearer "] {
            assert_eq!(read(&[("authorization", &format!("{scheme}{key} "))]), "key", "{scheme}");
        }
        assert_eq!(read(&[("x-api-key", key)]), "key");
        assert_eq!(read(&[("x-api-key", key), ("authorization", &format!("Bearer {key}"))]), "key");
        assert_eq!(read(&[("authorization", "Bearer e30.e30.AA-_")]), "token");
        assert_eq!(read(&[("x-api-key", "e30.e30.")]), "token");
    }

    #[test]
    fn everything_else_is_malformed() {
        let (key, other) = (&key(), &key());
        let bearer = |text: &str| format!("Bearer {text}");
        let both = "`authorization` and `x-api-key` hold different keys";
        assert_eq!(read(&[("x-api-key", key), ("authorization", &bearer(other))]), both);
        assert_eq!(read(&[("x-api-key", ""), ("authorization", &bearer(key))]), both);
        assert_eq!(read(&[("x-api-key", key), ("x-api-key", key)]), "it came twice");
        assert_eq!(read(&[("authorization", &bearer(key)), ("authorization", &bearer(key))]), "it came twice");
        assert_eq!(read(&[("authorization", "Basic YTpi")]), "`authorization: Basic` is not known here");
        for no_bearer in [key, "", "Token x", &format!("Bearer{key}"), &format!("Bearer\t{key}")] {
            assert_eq!(read(&[("authorization", no_bearer)]), "`authorization` does not say `Bearer`", "{no_bearer}");
        }
        let half_known = &key[..55];
        for no_key in ["", "sk-1234", "a.b", "a.b.c.d.e", "a.b.c=", "a.b.c d", half_known] {
            assert_eq!(read(&[("x-api-key", no_key)]), "it has not the form of a key", "{no_key}");
        }
        assert_eq!(read(&[("x-api-key", "schl\u{fc}ssel")]), "it is not plain text");
        assert_eq!(read(&[("x-api-key", &"a".repeat(8_193))]), "it is longer than 8192 bytes");
    }

    #[test]
    fn nothing_of_a_credential_is_shown() {
        let key = key();
        assert_eq!(format!("{:?}", Presented::from_text(&key)), "Presented(key)");
        assert_eq!(format!("{:?}", Presented::from_text("e30.e30.c2ln")), "Presented(token)");
        assert!(!format!("{:?}", Presented::from_text("sk-s3cret")).contains("s3cret"));
    }
}
