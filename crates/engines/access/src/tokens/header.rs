//! The header of a token: which algorithm, which key.

use super::TokenFault;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::{Deserialize, Deserializer, IgnoredAny};

/// The longest name of a key.
const KID_BYTES_MAX: usize = 256;
/// Types that a token may say it has; one that is made for something else, such as a log-out, is refused.
const TYPES: [&str; 4] = ["jwt", "at+jwt", "application/jwt", "application/at+jwt"];

/// Members that count; where one comes twice, the header cannot be read.
#[derive(serde::Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    typ: Option<String>,
    #[serde(default)]
    crit: Present,
    #[serde(default)]
    b64: Present,
}

/// Whether a member is there, whatever it holds.
#[derive(Default)]
struct Present(bool);

impl<'de> Deserialize<'de> for Present {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Self(true))
    }
}

/// Reads a header and gives the name of the key. Nothing but RS256 is accepted, whatever key there may be for it.
pub(super) fn read(encoded: &str) -> Result<Option<String>, TokenFault> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TokenFault::Malformed)?;
    let header: Header = serde_json::from_slice(&bytes).map_err(|_| TokenFault::Malformed)?;
    if header.alg != "RS256" {
        return Err(TokenFault::Algorithm);
    }
    if header.crit.0 {
        return Err(TokenFault::Header("crit"));
    }
    if header.b64.0 {
        return Err(TokenFault::Header("b64"));
    }
    if header.typ.is_some_and(|typ| !TYPES.contains(&typ.to_ascii_lowercase().as_str())) {
        return Err(TokenFault::Header("typ"));
    }
    if header.kid.as_ref().is_some_and(|kid| kid.len() > KID_BYTES_MAX) {
        return Err(TokenFault::UnknownKey);
    }
    Ok(header.kid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(header: &str) -> &'static str {
        read(&URL_SAFE_NO_PAD.encode(header)).map_or_else(|fault| fault.code(), |_| "read")
    }

    #[test]
    fn nothing_but_rs256_is_accepted() {
        for good in [r#"{"alg":"RS256"}"#, r#"{"alg":"RS256","typ":"at+JWT","kid":"1","x":[1]}"#] {
            assert_eq!(code(good), "read", "{good}");
        }
        for alg in ["none", "None", "NONE", "HS256", "HS512", "ES256", "PS256", "RS384", "RS512", "EdDSA", "rs256", ""]
        {
            assert_eq!(code(&format!(r#"{{"alg":"{alg}"}}"#)), "token_algorithm", "{alg}");
        }
    }

    #[test]
    fn a_header_that_wants_more_is_refused() {
        for crit in [r#"["exp"]"#, "[]", "null", "true"] {
            assert_eq!(code(&format!(r#"{{"alg":"RS256","crit":{crit}}}"#)), "token_header", "{crit}");
        }
        assert_eq!(code(r#"{"alg":"RS256","b64":false}"#), "token_header");
        assert_eq!(code(r#"{"alg":"RS256","typ":"logout+jwt"}"#), "token_header");
    }

    #[test]
    fn what_cannot_be_read_is_malformed() {
        let broken = [
            "",
            "{}",
            "[]",
            "null",
            r#""RS256""#,
            r#"{"alg":null}"#,
            r#"{"alg":["RS256"]}"#,
            r#"{"alg":"none","alg":"RS256"}"#,
            r#"{"alg":"RS256","alg":"none"}"#,
            r#"{"alg":"RS256","kid":"1","kid":"2"}"#,
            r#"{"alg":"RS256","kid":7}"#,
            r#"{"alg":"RS256"} {"#,
        ];
        for header in broken {
            assert_eq!(code(header), "token_malformed", "{header}");
        }
        assert!(read("e30=").is_err() && read("%").is_err());
        assert_eq!(code(&format!(r#"{{"alg":"RS256","kid":"{}"}}"#, "k".repeat(257))), "token_unknown_key");
    }
}
