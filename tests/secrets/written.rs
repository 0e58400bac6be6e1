//! Everything that a test has seen written, and the search through it.

use crate::support::{Ended, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;
use std::fs;
use std::path::Path;

/// Everything that was written, with where it was found.
#[derive(Default)]
pub(super) struct Written(pub(super) Vec<(String, Vec<u8>)>);

impl Written {
    pub(super) fn add(&mut self, place: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.push((place.into(), bytes.into()));
    }

    pub(super) fn reply(&mut self, place: &str, reply: &Response) {
        self.add(format!("{place}: headers"), format!("{:?}", reply.headers));
        self.add(format!("{place}: {}", reply.status), reply.body.clone());
    }

    pub(super) fn ended(&mut self, place: &str, ended: &Ended) {
        self.add(format!("{place}: stdout"), ended.stdout.clone());
        self.add(format!("{place}: stderr"), ended.stderr.clone());
    }

    /// Every file in a folder, and in those below.
    pub(super) fn files(&mut self, folder: &Path) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                self.files(&path);
            } else {
                self.add(path.display().to_string(), fs::read(&path).unwrap());
            }
        }
    }

    /// Where a secret is written, except in places whose names `may` allows.
    pub(super) fn found(&self, what: &str, secret: &[u8], may: impl Fn(&str) -> bool) -> Vec<String> {
        let searched = self.0.iter().filter(|(place, _)| !may(place));
        let found = searched.filter_map(|(place, bytes)| {
            let at = bytes.windows(secret.len()).position(|window| window == secret)?;
            let around = &bytes[at.saturating_sub(100)..bytes.len().min(at + 100)];
            Some(format!("{what} is written in {place}:\n{}", String::from_utf8_lossy(around)))
        });
        found.collect()
    }

    /// The same for text, also as it is written within JSON and within addresses.
    pub(super) fn text(&self, what: &str, secret: &str, may: impl Fn(&str) -> bool) -> Vec<String> {
        let encoded = secret.replace('%', "%25").replace('/', "%2F").replace('+', "%2B").replace('=', "%3D");
        let quoted = json!(secret).to_string();
        let forms = [secret, &encoded, quoted.trim_matches('"')];
        forms.iter().flat_map(|form| self.found(what, form.as_bytes(), &may)).collect()
    }

    /// The same for a caller's key: its beginning may be shown, neither its rest nor the bytes it stands for.
    pub(super) fn key(&self, key: &str) -> Vec<String> {
        let rest = self.found("a caller's key", &key.as_bytes()[12..], |_| false);
        let bytes = if key.starts_with("alth_") { URL_SAFE_NO_PAD.decode(&key[5..48]).unwrap() } else { key.into() };
        [rest, self.found("a caller's key", &bytes, |_| false)].concat()
    }
}
