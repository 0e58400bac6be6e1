//! Signature Version 4 of one request. Knows neither where keys come from nor what is asked.

use crate::ConverseError;
use aws_credential_types::Credentials;
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningParams, SigningSettings, sign as signature};
use aws_sigv4::sign::v4;
use http::{HeaderName, HeaderValue};
use std::time::SystemTime;

/// What is signed.
#[derive(Debug, Clone, Copy)]
pub struct What<'a> {
    /// Its method, in capitals.
    pub method: &'a str,
    /// The whole address; its path is encoded once here, and the signature encodes it once more.
    pub address: &'a str,
    /// Its body.
    pub body: &'a [u8],
}

/// The headers that make a request one of the keys' owner, valid for some minutes around `now`.
///
/// `headers` are signed besides the host and the date: only what nobody changes on the way belongs there. `scope` is
/// the region and the service.
///
/// # Errors
/// [`ConverseError::Untranslatable`] for an address or headers that cannot be signed.
pub fn sign(
    what: &What<'_>,
    headers: &[(&str, &str)],
    keys: &Credentials,
    scope: (&str, &str),
    now: SystemTime,
) -> Result<Vec<(HeaderName, HeaderValue)>, ConverseError> {
    // The library's own words may repeat a header.
    let failed = || ConverseError::Untranslatable { what: "it cannot be signed".to_owned() };
    let identity = keys.clone().into();
    let params: SigningParams<'_> = v4::SigningParams::builder()
        .identity(&identity)
        .region(scope.0)
        .name(scope.1)
        .time(now)
        .settings(SigningSettings::default())
        .build()
        .map_err(|_| failed())?
        .into();
    let body = SignableBody::Bytes(what.body);
    let request = SignableRequest::new(what.method, what.address, headers.iter().copied(), body);
    let (made, _) = signature(request.map_err(|_| failed())?, &params).map_err(|_| failed())?.into_parts();
    made.headers()
        .map(|(name, value)| {
            let mut value = HeaderValue::try_from(value).map_err(|_| failed())?;
            value.set_sensitive(true);
            Ok((HeaderName::try_from(name).map_err(|_| failed())?, value))
        })
        .collect()
}

/// A text as one segment of a path: all but letters, digits and `-._~` is escaped, slashes too.
pub fn segment(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    fn keys(token: Option<&str>) -> Credentials {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        Credentials::new("AKIDEXAMPLE", secret, token.map(str::to_owned), None, "test")
    }

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    fn header(made: &[(HeaderName, HeaderValue)], name: &str) -> String {
        made.iter().find(|(key, _)| key == name).unwrap().1.to_str().unwrap().to_owned()
    }

    /// 2015-08-30T12:36:00Z, the moment of Amazon's published examples.
    const PUBLISHED: u64 = 1_440_938_160;

    #[test]
    fn signs_as_the_published_test_suite_expects() {
        let iam = "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08";
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        for (method, address, headers, service, signed, signature) in [
            (
                "GET",
                "https://example.amazonaws.com/",
                vec![],
                "service",
                "host;x-amz-date",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "POST",
                "https://example.amazonaws.com/",
                vec![],
                "service",
                "host;x-amz-date",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                "POST",
                "https://example.amazonaws.com/",
                vec![("My-Header1", "value1")],
                "service",
                "host;my-header1;x-amz-date",
                "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
            ),
            // The example of the documentation, step by step, of a request to IAM.
            (
                "GET",
                iam,
                vec![("content-type", form)],
                "iam",
                "content-type;host;x-amz-date",
                "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            ),
        ] {
            let what = What { method, address, body: b"" };
            let made = sign(&what, &headers, &keys(None), ("us-east-1", service), at(PUBLISHED)).unwrap();
            let scope = format!("AKIDEXAMPLE/20150830/us-east-1/{service}/aws4_request");
            let expect = format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={signed}, Signature={signature}");
            assert_eq!(header(&made, "authorization"), expect);
            assert_eq!(header(&made, "x-amz-date"), "20150830T123600Z");
        }
    }

    /// What boto3 1.44.5 sent to `http://127.0.0.1:18123` at 2026-01-02T03:04:05Z with a temporary key.
    #[test]
    fn signs_as_the_official_python_client_does() {
        let body = r#"{"messages": [{"role": "user", "content": [{"text": "hi"}]}]}"#;
        let arn =
            "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-4-20250514-v1:0";
        let long = include_str!("tests/boto3_converse.json");
        for (model, path, body, signature) in [
            ("m", "/model/m/converse", body, "3923ff1fd730169061c4ca353f66863a3e0d30f85f3fc5016ba39a26331771d2"),
            (
                "eu.anthropic.claude-sonnet-4-20250514-v1:0",
                "/model/eu.anthropic.claude-sonnet-4-20250514-v1%3A0/converse",
                long,
                "8fa7897c90c4ac81046815e2e9b1b182e51ebc05c06e701168d6c692de21203c",
            ),
            (
                arn,
                "/model/arn%3Aaws%3Abedrock%3Aeu-central-1%3A123456789012%3Ainference-profile%2Feu.anthropic.claude-sonnet-4-20250514-v1%3A0/converse",
                long,
                "a75e3ccd9e53695d96d777d03ebdcac1a0f4736e02d96a49b8d957cfe43d2b5c",
            ),
        ] {
            assert_eq!(format!("/model/{}/converse", segment(model)), path);
            let address = format!("http://127.0.0.1:18123{path}");
            let what = What { method: "POST", address: &address, body: body.as_bytes() };
            let headers = [("content-type", "application/json")];
            let made =
                sign(&what, &headers, &keys(Some("TOKENEXAMPLE")), ("eu-central-1", "bedrock"), at(1_767_323_045));
            let made = made.unwrap();
            assert!(header(&made, "authorization").ends_with(&format!("Signature={signature}")), "{model}");
            assert_eq!(header(&made, "x-amz-security-token"), "TOKENEXAMPLE");
        }
    }

    #[test]
    fn what_is_signed_does_not_show_itself() {
        let what = What { method: "POST", address: "https://h/", body: b"" };
        let made = sign(&what, &[], &keys(None), ("r", "s"), at(PUBLISHED)).unwrap();
        assert!(!format!("{made:?}").contains("Signature="), "{made:?}");
        let what = What { method: "POST", address: "no address", body: b"" };
        let error = sign(&what, &[], &keys(None), ("r", "s"), at(PUBLISHED)).unwrap_err();
        assert_eq!(error, ConverseError::Untranslatable { what: "it cannot be signed".to_owned() });
    }

    #[test]
    fn a_segment_holds_no_slash_and_nothing_unescaped() {
        for (text, expect) in
            [("a/b:c", "a%2Fb%3Ac"), ("A-z_0.9~", "A-z_0.9~"), ("ä ?#%", "%C3%A4%20%3F%23%25"), ("", "")]
        {
            assert_eq!(segment(text), expect);
        }
    }
}
