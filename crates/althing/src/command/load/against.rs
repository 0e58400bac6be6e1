//! Who is measured, from what was typed.

use crate::exit::{CONFIGURATION, Failure, USAGE};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use load::{Options, Scenario};
use shell::Against;

/// How scenarios are run.
pub(super) fn options(against: &Against) -> Result<Options, Failure> {
    Ok(Options {
        target: root(&against.target)?,
        headers: headers(against)?,
        repeats: 1,
        workers: against.workers,
        model: against.model.clone(),
        inject: None,
        pid: against.pid,
        integrity: false,
        version: env!("CARGO_PKG_VERSION").to_owned(),
    })
}

/// The root of a server, as people write it: with or without a scheme, a slash at its end, or `/v1`.
pub(super) fn root(written: &str) -> Result<Uri, Failure> {
    let text = written.trim();
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let text = text.trim_end_matches('/');
    let text = text.strip_suffix("/v1").unwrap_or(text);
    let uri = text.parse::<Uri>().ok();
    let good = |uri: &Uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty())
    };
    // They would not be sent, and what a connection says of its address would show them.
    if text.contains('@') {
        return Err(Failure::new(USAGE, "the address of a server may hold no user and no password")
            .hint("leave them out; `--key env:NAME` sends a key"));
    }
    uri.filter(good).ok_or_else(|| {
        Failure::new(USAGE, format!("`{written}` is no address of a server"))
            .hint("write its root, such as `http://127.0.0.1:8700`")
    })
}

fn headers(against: &Against) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    for line in &against.header {
        let parts = line.split_once(':').and_then(|(name, value)| {
            let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        });
        // The line itself may hold a secret.
        let (name, value) = parts.ok_or_else(|| {
            Failure::new(USAGE, "a header cannot be read").hint("write it as `--header 'NAME: VALUE'`")
        })?;
        headers.append(name, value);
    }
    if let Some(reference) = &against.key {
        use secrecy::ExposeSecret;
        let key = reference.resolve().map_err(|error| Failure::of_settings(&error))?;
        let value = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret()));
        let mut value =
            value.map_err(|_| Failure::new(CONFIGURATION, "the key holds characters that no header may"))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
    }
    Ok(headers)
}

/// Says over what a scenario says.
pub(super) fn adjust(scenario: &mut Scenario, against: &Against) {
    if let Some(seed) = against.seed {
        scenario.seed = seed;
    }
    if let Some(seconds) = against.timeout {
        scenario.timeout_ms = (seconds * 1e3).max(0.0).round() as u64;
    }
}

/// Refuses what has become impossible.
pub(super) fn check(scenario: &Scenario) -> Result<(), Failure> {
    scenario.check().map_err(|error| Failure::of(&error).code(USAGE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_is_what_people_write() {
        for (written, expect) in [
            ("http://127.0.0.1:8700", "http://127.0.0.1:8700/"),
            ("http://127.0.0.1:8700/v1", "http://127.0.0.1:8700/"),
            ("http://127.0.0.1:8700/v1/", "http://127.0.0.1:8700/"),
            ("127.0.0.1:8700", "http://127.0.0.1:8700/"),
            ("localhost:8700/v1", "http://localhost:8700/"),
            ("https://h/api/v1", "https://h/api"),
        ] {
            assert_eq!(root(written).unwrap().to_string(), expect, "{written}");
        }
        for bad in ["", "ftp://h", "http://", "no host", "http:///v1", "http://user:secret@h", "user:secret@h"] {
            let failure = root(bad).unwrap_err();
            assert!(!failure.text().contains("secret"), "{bad}");
        }
    }
}
