//! The usual files of Amazon's command line: one profile's static keys and region.
//!
//! Knows no single sign-on, no assumed role and no process that prints keys: a profile with only those has no keys.

use super::access::Env;
use aws_credential_types::Credentials;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// The most bytes read of one file.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// What the files say of one profile; what is missing there is missing here.
#[derive(Default)]
pub(super) struct Profile {
    pub(super) region: Option<String>,
    id: Option<String>,
    secret: Option<String>,
    token: Option<String>,
}

impl Profile {
    /// Reads both files; a file that cannot be read says nothing.
    pub(super) fn load(name: &str, env: Env<'_>) -> Self {
        let path = |variable: &str, usual: &str| {
            let home = || env("HOME").map(|home| PathBuf::from(home).join(".aws").join(usual));
            env(variable).map(PathBuf::from).or_else(home)
        };
        let mut profile = Self::default();
        // The file of credentials goes before the other.
        let files = [
            (path("AWS_SHARED_CREDENTIALS_FILE", "credentials"), [name.to_owned(), format!("profile {name}")]),
            (path("AWS_CONFIG_FILE", "config"), [format!("profile {name}"), name.to_owned()]),
        ];
        for (path, [section, other]) in files {
            let Some(text) = path.as_deref().and_then(read) else { continue };
            // In the one file a section is the profile's name, in the other only `default` is.
            let sections = if name == "default" { vec![section, other] } else { vec![section] };
            profile.take(&text, &sections);
        }
        profile
    }

    /// Static keys, if there is a whole pair.
    pub(super) fn keys(&self) -> Option<Credentials> {
        let (id, secret) = self.id.clone().zip(self.secret.clone())?;
        Some(Credentials::new(id, secret, self.token.clone(), None, "profile"))
    }

    fn take(&mut self, text: &str, sections: &[String]) {
        let mut found = Self::default();
        let mut here = false;
        for line in text.lines() {
            if let Some(section) = line.trim().strip_prefix('[').and_then(|line| line.split(']').next()) {
                let section = section.split_whitespace().collect::<Vec<_>>().join(" ");
                here = sections.contains(&section);
            } else if here
                && !line.starts_with([' ', '\t', '#', ';'])
                && let Some((key, value)) = line.split_once('=')
            {
                found.set(key.trim(), value.trim());
            }
        }
        // A pair comes from one file, or its halves belong to different keys.
        if self.id.is_none() && found.id.is_some() {
            (self.id, self.secret, self.token) = (found.id, found.secret, found.token);
        }
        self.region = self.region.take().or(found.region);
    }

    fn set(&mut self, key: &str, value: &str) {
        let slot = match key.to_ascii_lowercase().as_str() {
            "region" => &mut self.region,
            "aws_access_key_id" => &mut self.id,
            "aws_secret_access_key" => &mut self.secret,
            "aws_session_token" => &mut self.token,
            _ => return,
        };
        *slot = Some(value.to_owned()).filter(|value| !value.is_empty());
    }
}

fn read(path: &Path) -> Option<String> {
    let mut text = String::new();
    File::open(path).ok()?.take(FILE_BYTES_MAX).read_to_string(&mut text).ok()?;
    Some(text)
}
