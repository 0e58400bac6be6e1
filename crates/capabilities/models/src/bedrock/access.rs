//! Where and as whom a provider asks: the address, the region, the credential.
//!
//! What is set for the provider goes before the environment, the environment before the usual files, and those before
//! the role of a container. Nothing here ever repeats a secret.

use super::keys::{Container, Keys};
use super::profile::Profile;
use crate::RegistryError;
use crate::http::credential;
use aws_credential_types::Credentials;
use http::HeaderValue;
use secrecy::ExposeSecret;
use settings::{Aws, SecretRef};

/// The environment, as far as somebody asks for it.
pub(super) type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

const REGION_HINT: &str = "set `aws.region`, or the variable `AWS_REGION`";
const KEYS_HINT: &str = "set `aws.access_key_id` and `aws.secret_access_key`, or `api_key` for a Bedrock API key, or the \
                         variables `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, or `aws.profile`";
const PAIR_HINT: &str = "set `aws.access_key_id` and `aws.secret_access_key` together";
const PROFILE_HINT: &str = "give the profile `aws_access_key_id` and `aws_secret_access_key`: single sign-on and assumed \
                            roles are not supported";
const CONTAINER_HINT: &str = "set `AWS_CONTAINER_CREDENTIALS_FULL_URI` to an address of this machine or one with https";

/// Where requests go and what they carry.
pub(super) struct Place {
    /// The address without a slash at its end.
    pub(super) base: String,
    pub(super) access: Access,
}

/// As whom.
pub(super) enum Access {
    /// A Bedrock API key, as the value of its header.
    Bearer(HeaderValue),
    /// Keys that sign.
    Signed { region: String, keys: Keys },
}

/// Finds both, or tells what to set.
pub(super) fn find(provider: &settings::Provider, env: Env<'_>) -> Result<Place, RegistryError> {
    let aws = provider.aws.clone().unwrap_or_default();
    let env = |name: &str| env(name).filter(|value| !value.trim().is_empty());
    let name = aws.profile.clone().or_else(|| env("AWS_PROFILE")).unwrap_or_else(|| "default".to_owned());
    let profile = Profile::load(&name, &env);
    let region = aws.region.clone().or_else(|| env("AWS_REGION")).or_else(|| env("AWS_DEFAULT_REGION"));
    let region = region.or_else(|| profile.region.clone());
    // It becomes part of an address that keys are sent to.
    let is_region = |text: &String| text.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'));
    if region.as_ref().is_some_and(|region| !is_region(region)) {
        return Err(missing(provider, "usable AWS region".to_owned(), REGION_HINT));
    }
    let who = Finder { provider, aws: &aws, profile: &profile, env: &env }.who()?;
    let no_region = || missing(provider, "AWS region".to_owned(), REGION_HINT);
    let base = match (&provider.base_url, &region) {
        (Some(base), _) => base.trim_end_matches('/').to_owned(),
        (None, Some(region)) => address(region),
        (None, None) => return Err(no_region()),
    };
    let access = match who {
        Who::Bearer(token) => Access::Bearer(token),
        Who::Keys(keys) => Access::Signed { region: region.ok_or_else(no_region)?, keys },
    };
    Ok(Place { base, access })
}

/// The usual address of a region; China has a domain of its own.
fn address(region: &str) -> String {
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://bedrock-runtime.{region}.{domain}")
}

fn missing(provider: &settings::Provider, what: String, hint: &'static str) -> RegistryError {
    RegistryError::Aws { provider: provider.name.clone(), what, hint }
}

enum Who {
    Bearer(HeaderValue),
    Keys(Keys),
}

struct Finder<'a> {
    provider: &'a settings::Provider,
    aws: &'a Aws,
    profile: &'a Profile,
    env: Env<'a>,
}

impl Finder<'_> {
    fn who(&self) -> Result<Who, RegistryError> {
        if let Some(keys) = self.of_settings()? {
            return Ok(Who::Keys(keys));
        }
        if let Some(token) = credential(self.provider, "Bearer ")? {
            return Ok(Who::Bearer(token));
        }
        if let Some(name) = &self.aws.profile {
            let what = || format!("profile `{name}` with a static key in the AWS files");
            let keys = self.profile.keys().map(|keys| Who::Keys(Keys::Fixed(keys)));
            return keys.ok_or_else(|| missing(self.provider, what(), PROFILE_HINT));
        }
        if let Some(token) = (self.env)("AWS_BEARER_TOKEN_BEDROCK") {
            return self.bearer(&token);
        }
        if let Some(keys) = self.of_environment()?.or_else(|| self.profile.keys()) {
            return Ok(Who::Keys(Keys::Fixed(keys)));
        }
        match Container::find(self.env) {
            None => Err(missing(self.provider, "AWS credentials".to_owned(), KEYS_HINT)),
            Some(Some(container)) => Ok(Who::Keys(Keys::Container(Box::new(container)))),
            Some(None) => {
                Err(missing(self.provider, "address of container credentials to trust".to_owned(), CONTAINER_HINT))
            }
        }
    }

    fn bearer(&self, token: &str) -> Result<Who, RegistryError> {
        let bad =
            || RegistryError::BadHeader { provider: self.provider.name.clone(), header: "authorization".to_owned() };
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.trim())).map_err(|_| bad())?;
        value.set_sensitive(true);
        Ok(Who::Bearer(value))
    }

    fn of_settings(&self) -> Result<Option<Keys>, RegistryError> {
        let (id, secret) = match (&self.aws.access_key_id, &self.aws.secret_access_key) {
            (None, None) => return Ok(None),
            (Some(id), Some(secret)) => (self.secret(id)?, self.secret(secret)?),
            (None, _) => return Err(missing(self.provider, "`aws.access_key_id`".to_owned(), PAIR_HINT)),
            (_, None) => return Err(missing(self.provider, "`aws.secret_access_key`".to_owned(), PAIR_HINT)),
        };
        let token = self.aws.session_token.as_ref().map(|token| self.secret(token)).transpose()?;
        Ok(Some(Keys::Fixed(Credentials::new(id, secret, token, None, "settings"))))
    }

    fn secret(&self, reference: &SecretRef) -> Result<String, RegistryError> {
        let secret = reference.resolve();
        let failed = |error| RegistryError::Secret { provider: self.provider.name.clone(), error: Box::new(error) };
        secret.map(|secret| secret.expose_secret().to_owned()).map_err(failed)
    }

    fn of_environment(&self) -> Result<Option<Credentials>, RegistryError> {
        let Some(id) = (self.env)("AWS_ACCESS_KEY_ID") else { return Ok(None) };
        let Some(secret) = (self.env)("AWS_SECRET_ACCESS_KEY") else {
            let hint = "set the variable beside `AWS_ACCESS_KEY_ID`";
            return Err(missing(self.provider, "`AWS_SECRET_ACCESS_KEY`".to_owned(), hint));
        };
        Ok(Some(Credentials::new(id, secret, (self.env)("AWS_SESSION_TOKEN"), None, "environment")))
    }
}

#[cfg(test)]
mod tests;
