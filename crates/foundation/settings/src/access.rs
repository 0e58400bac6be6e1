//! The sections about who may ask, what it may cost and what is written down.
//!
//! Keys, tenants and the budgets of single keys are no settings: they live in the store and change while serving.

use crate::secret::SecretRef;
use crate::usd::Usd;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Encryption of the connections that clients open.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Tls {
    /// The file with the certificate and those that lead to its root, as PEM.
    pub cert: PathBuf,
    /// The file with the certificate's private key, as PEM.
    pub key: PathBuf,
}

/// Who may ask.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Access {
    /// The secret that hashes keys, as `env:NAME` or `file:PATH`; without one, a secret made by chance and kept in the
    /// store. Keys made under one secret are unknown under another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<SecretRef>,
    /// How long a key that was looked up is believed, in milliseconds: the longest a key revoked elsewhere still works.
    pub key_cache_ms: u64,
    /// The most keys remembered at once.
    pub key_cache_max: usize,
    /// Requests per minute that each key may make, unless the key says otherwise; without it, any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rpm: Option<u32>,
    /// Wrong keys per second that one address may try before it is put off.
    pub wrong_keys_per_s: u32,
    /// Whether `/metrics` can be read without a key.
    pub metrics_open: bool,
    /// Seconds between signed checkpoints of the audit log, where something was added to it.
    pub checkpoint_s: u64,
    /// Tokens of an identity provider.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oidc: Option<Oidc>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            secret: None,
            key_cache_ms: 5_000,
            key_cache_max: 100_000,
            rpm: None,
            wrong_keys_per_s: 10,
            metrics_open: false,
            checkpoint_s: 300,
            oidc: None,
        }
    }
}

/// An identity provider whose signed tokens (JWT, RS256) are accepted beside keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Oidc {
    /// Who issues the tokens, exactly as in their claim `iss`: an `https://` address, or `http://` on this machine.
    pub issuer: String,
    /// Whom the tokens must be for: their claim `aud`.
    pub audience: String,
    /// Where the issuer's public keys are; without it, what the issuer's `/.well-known/openid-configuration` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// The claim that names the tenant.
    pub tenant_claim: String,
    /// The claim that names the role.
    pub role_claim: String,
    /// The role of tokens without that claim, one of `viewer`, `user`, `operator`, `admin`; without it they are refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// How long the issuer's public keys are believed, in seconds.
    pub jwks_cache_s: u64,
    /// By how many seconds the issuer's clock may differ from ours.
    pub leeway_s: u64,
}

impl Default for Oidc {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            audience: String::new(),
            jwks_url: None,
            tenant_claim: "tenant".to_owned(),
            role_claim: "role".to_owned(),
            role: None,
            jwks_cache_s: 300,
            leeway_s: 30,
        }
    }
}

/// What may be spent, in US dollars; days and months are those of UTC. Single keys and tenants can be given other
/// limits while serving.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// The most one request may cost. Where neither the request nor its model (`output_tokens_max`) bounds the answer,
    /// what a usual answer costs is compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_usd_max: Option<Usd>,
    /// The most each key may spend a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_usd_per_day: Option<Usd>,
    /// The most all keys of each tenant may spend a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_usd_per_day: Option<Usd>,
    /// The most everybody together may spend a day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usd_per_day: Option<Usd>,
    /// The share of a budget from which an alert is raised, above 0 and at most 1.
    pub alert_share: f64,
    /// How long money stays reserved for a server that is no longer heard of, in milliseconds, at least 1000.
    pub lease_ms: u64,
    /// How long a request waits for money that others have reserved and may not need, in milliseconds.
    pub wait_ms: u64,
    /// Output tokens reckoned with when a request sets no limit of its own.
    pub output_tokens: u64,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            request_usd_max: None,
            key_usd_per_day: None,
            tenant_usd_per_day: None,
            usd_per_day: None,
            alert_share: 0.8,
            lease_ms: 15_000,
            wait_ms: 2_000,
            output_tokens: 4_096,
        }
    }
}

/// What is written down about each call of a model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Ledger {
    /// How often calls are written, in milliseconds: what a crash can lose.
    pub flush_ms: u64,
    /// The most calls that wait to be written; beyond it they are counted and dropped.
    pub queue_max: usize,
    /// Days after which single calls are forgotten; the sums of each day stay.
    pub calls_days: u32,
    /// Whether prompts and answers are kept.
    pub prompts: bool,
    /// Days after which prompts and answers are forgotten.
    pub prompts_days: u32,
    /// The most bytes kept of one prompt or answer.
    pub prompt_bytes_max: usize,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            flush_ms: 250,
            queue_max: 50_000,
            calls_days: 90,
            prompts: false,
            prompts_days: 7,
            prompt_bytes_max: 64 * 1024,
        }
    }
}
