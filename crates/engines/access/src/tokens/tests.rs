//! Tests of tokens, with an identity provider on a real socket.

mod forged;
mod good;
mod keys;

use super::*;
use crate::gate::tests::{Door, told};
use crate::gate::{Gate, Presented};
use crate::keys::tests::{Bench, new_key};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caller::Role;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, RsaPrivateKey};
use serde_json::{Value, json};
use settings::Access;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::{Reply, Upstream};

/// Somebody who signs. The primes are known to everybody: they lie next to 2¹⁰²⁴ and to three quarters of it.
pub(super) struct Signer {
    private: RsaPrivateKey,
    pair: RsaKeyPair,
}

impl Signer {
    fn new(below: u32, below_other: u32) -> Self {
        let one = BigUint::from(1_u32);
        let p = (one.clone() << 1_024) - BigUint::from(below);
        let q = (one.clone() << 1_024) - (one << 1_022) - BigUint::from(below_other);
        let private = RsaPrivateKey::from_p_q(p, q, BigUint::from(65_537_u32)).unwrap();
        let pair = RsaKeyPair::from_der(private.to_pkcs1_der().unwrap().as_bytes()).unwrap();
        Self { private, pair }
    }

    fn ours() -> Self {
        Self::new(105, 91)
    }

    fn theirs() -> Self {
        Self::new(179, 869)
    }

    /// The public half, as it is published.
    fn public(&self, kid: &str) -> Value {
        let number = |number: &BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
        json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": number(self.private.n()), "e": number(self.private.e()) })
    }

    /// Signs whatever it is given.
    fn sign(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encoded(header), encoded(claims));
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// A token as it should be.
    fn token(&self, kid: &str, claims: &Value) -> String {
        self.sign(&json!({ "alg": "RS256", "typ": "JWT", "kid": kid }), claims)
    }
}

fn encoded(part: &Value) -> String {
    URL_SAFE_NO_PAD.encode(part.to_string())
}

/// An identity provider.
struct Idp {
    upstream: Upstream,
    set: Arc<Mutex<Option<Value>>>,
}

impl Idp {
    /// Publishes these keys; the configuration leads to them.
    async fn start(keys: &[Value]) -> Self {
        let set = Arc::new(Mutex::new(Some(json!({ "keys": keys }))));
        let shown = Arc::clone(&set);
        let upstream = Upstream::start(move |seen| {
            let Some(set) = shown.lock().unwrap().clone() else { return Reply::error(503, "server_error", "away") };
            if seen.path == "/.well-known/openid-configuration" {
                let issuer = format!("http://{}", seen.header("host").unwrap());
                return Reply::json(200, &json!({ "issuer": issuer, "jwks_uri": format!("{issuer}/keys") }));
            }
            Reply::json(200, &set)
        });
        Self { upstream: upstream.await, set }
    }

    /// Publishes other keys, or answers no more.
    fn publish(&self, keys: Option<&[Value]>) {
        *self.set.lock().unwrap() = keys.map(|keys| json!({ "keys": keys }));
    }

    fn issuer(&self) -> String {
        format!("http://{}", self.upstream.addr())
    }

    fn access(&self) -> Access {
        let oidc = Oidc { issuer: self.issuer(), audience: "althing".to_owned(), ..Oidc::default() };
        Access { oidc: Some(oidc), ..Access::default() }
    }

    fn claims(&self) -> Value {
        let exp = calendar::now_ms() / 1_000 + 600;
        json!({ "iss": self.issuer(), "aud": "althing", "sub": "ada", "exp": exp, "tenant": "acme", "role": "user" })
    }

    fn fetches(&self) -> usize {
        self.upstream.seen().iter().filter(|seen| seen.path == "/keys").count()
    }
}

/// An identity provider with one key, `a`, and a gate that accepts its tokens.
async fn usual() -> (Signer, Idp, Bench, Door) {
    let signer = Signer::ours();
    let idp = Idp::start(&[signer.public("a")]).await;
    let bench = Bench::sqlite(&Access::default()).await;
    let door = Door::new(&bench, &idp.access());
    (signer, idp, bench, door)
}
