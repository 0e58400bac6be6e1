//! Signed tokens of an identity provider: what opens the server, what does not, and that nothing else does meanwhile.

use crate::support::{Place, Response, Server, ask, ask_with, question, until};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rsa::pkcs1::{EncodeRsaPrivateKey, EncodeRsaPublicKey};
use rsa::traits::PublicKeyParts;
use rsa::{BigUint, RsaPrivateKey};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use testkit::{Reply, Upstream};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// The name of the issuer's key.
const KID: &str = "one";
/// Settings with which no address is put off.
const PATIENT: &str = "[access]\nwrong_keys_per_s = 1000000\n";

/// A signing key of 2048 bits. Finding primes would take seconds; these lie next to 2¹⁰²⁴ and to three quarters of it.
fn signing_key(below: u32, below_other: u32) -> RsaPrivateKey {
    let one = || BigUint::from(1_u32);
    let p = (one() << 1_024) - BigUint::from(below);
    let q = (one() << 1_024) - (one() << 1_022) - BigUint::from(below_other);
    RsaPrivateKey::from_p_q(p, q, BigUint::from(65_537_u32)).unwrap()
}

/// The issuer's.
fn ours() -> RsaPrivateKey {
    signing_key(105, 91)
}

/// Somebody else's.
fn theirs() -> RsaPrivateKey {
    signing_key(179, 869)
}

fn now() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap()
}

/// A token with this header and these claims.
fn signed(header: &Header, claims: &Value, key: &RsaPrivateKey) -> String {
    let key = EncodingKey::from_rsa_der(key.to_pkcs1_der().unwrap().as_bytes());
    jsonwebtoken::encode(header, claims, &key).unwrap()
}

fn rs256(kid: &str) -> Header {
    Header { kid: Some(kid.to_owned()), ..Header::new(Algorithm::RS256) }
}

/// An identity provider.
struct Issuer {
    upstream: Upstream,
    key: RsaPrivateKey,
}

impl Issuer {
    async fn start() -> Self {
        let key = ours();
        let number = |number: &BigUint| URL_SAFE_NO_PAD.encode(number.to_bytes_be());
        let keys = json!({ "keys": [
            { "kty": "RSA", "kid": KID, "use": "sig", "alg": "RS256", "n": number(key.n()), "e": number(key.e()) },
        ] });
        let upstream = Upstream::start(move |seen| match seen.path.as_str() {
            "/.well-known/openid-configuration" => {
                let own = format!("http://{}", seen.header("host").unwrap());
                Reply::json(200, &json!({ "issuer": own, "jwks_uri": format!("{own}/keys") }))
            }
            "/keys" => Reply::json(200, &keys),
            _ => Reply::error(404, "not_found", "no"),
        });
        Self { upstream: upstream.await, key }
    }

    fn url(&self) -> String {
        format!("http://{}", self.upstream.addr())
    }

    /// Settings that accept its tokens, with more of them.
    fn accepted(&self, more: &str) -> String {
        format!("{PATIENT}[access.oidc]\nissuer = '{}'\naudience = 'althing'\n{more}", self.url())
    }

    fn claims(&self) -> Value {
        let (issuer, now) = (self.url(), now());
        json!({
            "iss": issuer, "aud": "althing", "sub": "ada", "iat": now, "exp": now + 60, "tenant": "acme", "role": "user",
        })
    }

    /// The usual claims with one other, or without one.
    fn with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        match value {
            Value::Null => _ = claims.as_object_mut().unwrap().remove(name),
            value => claims[name] = value,
        }
        claims
    }

    fn token(&self, claims: &Value) -> String {
        signed(&rs256(KID), claims, &self.key)
    }
}

async fn whoami(server: &Server, token: &str) -> Response {
    ask(server.address(), token, "GET", "/api/v1/whoami", None).await
}

/// The status and the code with which a token is refused.
async fn refused(server: &Server, token: &str) -> (u16, String) {
    let reply = whoami(server, token).await;
    let problem = reply.json();
    let signature = token.rsplit('.').next().filter(|part| part.len() > 8);
    assert!(signature.is_none_or(|part| !reply.text().contains(part)), "{problem}");
    (reply.status, problem["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn a_token_opens_what_its_claims_say() {
    let issuer = Issuer::start().await;
    for more in [String::new(), format!("jwks_url = '{}/keys'\n", issuer.url())] {
        let server = Server::start(&issuer.accepted(&more));
        assert_eq!(server.greeting()["open"], false);
        let user = issuer.token(&issuer.claims());
        let who = whoami(&server, &user).await.json();
        assert_eq!(who, json!({ "subject": "jwt:ada", "tenant": "acme", "role": "user" }));
        let header = [("x-api-key", &*user)];
        assert_eq!(ask_with(server.address(), "GET /api/v1/whoami", &header, b"").await.json(), who);
        let chat = question("scripted/ash", false);
        let chat = ask(server.address(), &user, "POST", "/v1/chat/completions", Some(&chat)).await;
        assert_eq!(chat.status, 200, "{}", chat.text());
        let keys = ask(server.address(), &user, "GET", "/api/v1/keys", None).await;
        assert_eq!((keys.status, &keys.json()["code"]), (403, &json!("role_too_low")));
    }
}

#[tokio::test]
async fn an_admin_by_token_makes_keys_of_its_tenant_and_its_name_is_written_down() {
    let issuer = Issuer::start().await;
    let place = Place::new(&issuer.accepted("role = 'viewer'\n"));
    let house = place.key("admin", "default");
    let server = place.start();
    let admin = issuer.token(&issuer.with("role", json!("admin")));
    for (tenant, status) in [("acme", 201), ("default", 403)] {
        let wanted = json!({ "role": "user", "tenant": tenant });
        let made = ask(server.address(), &admin, "POST", "/api/v1/keys", Some(&wanted)).await;
        assert_eq!(made.status, status, "{}", made.text());
    }
    let audit = ask(server.address(), &house, "GET", "/api/v1/audit?limit=1", None).await.json();
    let row = &audit["items"][0];
    assert_eq!((&row["actor"], &row["tenant"]), (&json!("jwt:ada"), &json!("acme")), "{audit}");
    // Whoever is given no role has the one of the settings; a list gives the highest that is known.
    for (role, expect) in [(Value::Null, "viewer"), (json!(["x", "user", "operator"]), "operator")] {
        let token = issuer.token(&issuer.with("role", role));
        assert_eq!(whoami(&server, &token).await.json()["role"], expect);
    }
}

#[tokio::test]
async fn every_other_token_is_refused_with_its_reason() {
    let issuer = Issuer::start().await;
    let server = Server::start(&issuer.accepted(""));
    let good = issuer.token(&issuer.claims());
    let parts: Vec<&str> = good.split('.').collect();
    let [head, payload, signature] = parts.as_slice() else { panic!("{good}") };
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let other = encoded(&issuer.with("role", json!("admin")));
    let none = |alg: &str| format!("{}.{payload}.", encoded(&json!({ "alg": alg, "typ": "JWT" })));
    // The public key is no secret: who signs with it as if it were one must not be believed.
    let public = issuer.key.to_public_key().to_pkcs1_der().unwrap();
    let hs256 = Header { kid: Some(KID.to_owned()), ..Header::new(Algorithm::HS256) };
    let confused =
        jsonwebtoken::encode(&hs256, &issuer.claims(), &EncodingKey::from_secret(public.as_bytes())).unwrap();
    let refusals = [
        ("token_expired", issuer.token(&issuer.with("exp", json!(now() - 31)))),
        ("token_not_yet_valid", issuer.token(&issuer.with("nbf", json!(now() + 60)))),
        ("token_issuer", issuer.token(&issuer.with("iss", json!("https://evil.example")))),
        ("token_audience", issuer.token(&issuer.with("aud", json!("another")))),
        ("token_claim", issuer.token(&issuer.with("exp", Value::Null))),
        ("token_claim", issuer.token(&issuer.with("sub", Value::Null))),
        ("token_algorithm", none("none")),
        ("token_algorithm", none("NONE")),
        ("token_algorithm", confused),
        ("token_unknown_key", signed(&rs256("two"), &issuer.claims(), &issuer.key)),
        ("token_signature", signed(&rs256(KID), &issuer.claims(), &theirs())),
        ("token_signature", format!("{head}.{other}.{signature}")),
        ("token_signature", format!("{head}.{payload}.{}", URL_SAFE_NO_PAD.encode([0; 256]))),
        ("token_signature", format!("{head}.{payload}.")),
        ("token_malformed", format!("{head}.{}.{signature}", encoded(&json!([1])))),
        ("token_malformed", format!("e30.{payload}.{signature}")),
        ("malformed_key", format!("{head}.{payload}")),
        ("malformed_key", format!("{good}.x")),
    ];
    for (expect, token) in &refusals {
        assert_eq!(refused(&server, token).await, (401, (*expect).to_owned()), "{token}");
    }
    let codes: BTreeSet<&str> = refusals.iter().map(|(code, _)| *code).collect();
    assert_eq!(codes.len(), 10);
    // Signed, and yet of no use here: asking with another token is, so it is no wrong key.
    for (expect, claims) in [
        ("token_tenant", issuer.with("tenant", Value::Null)),
        ("token_tenant", issuer.with("tenant", json!("No Tenant"))),
        ("token_role", issuer.with("role", Value::Null)),
        ("token_role", issuer.with("role", json!("root"))),
    ] {
        assert_eq!(refused(&server, &issuer.token(&claims)).await, (403, expect.to_owned()), "{claims}");
    }
    let chat = ask(server.address(), &refusals[0].1, "POST", "/v1/chat/completions", Some(&json!({}))).await;
    assert_eq!((chat.status, &chat.json()["error"]["code"]), (401, &json!("token_expired")));
    assert_eq!(whoami(&server, &good).await.status, 200);
}

#[tokio::test]
async fn a_server_that_accepts_tokens_is_not_open_without_keys() {
    let issuer = Issuer::start().await;
    let server = Place::new(&issuer.accepted("")).start_with("0.0.0.0:0", |_| {});
    let address = (std::net::Ipv4Addr::LOCALHOST, server.address().port()).into();
    let stranger = async || {
        let reply = ask_with(address, "POST /api/v1/keys", &[], br#"{"role":"admin"}"#).await;
        (reply.status, reply.json()["code"].clone())
    };
    assert_eq!(stranger().await, (401, json!("missing_key")));
    let token = issuer.token(&issuer.claims());
    assert_eq!(ask(address, &token, "GET", "/api/v1/whoami", None).await.status, 200);
    // Settings without an issuer let no token in, and do not open it either.
    std::fs::write(server.config(), PATIENT).unwrap();
    server.signal("HUP");
    let deaf = async || (ask(address, &token, "GET", "/api/v1/whoami", None).await.status == 401).then_some(());
    until("tokens are nothing any more", deaf).await;
    assert_eq!(stranger().await, (401, json!("missing_key")));
}

#[tokio::test]
async fn a_token_ends_when_it_says_so_though_it_was_just_believed() {
    let issuer = Issuer::start().await;
    let server = Server::start(&issuer.accepted("leeway_s = 0\n"));
    let token = issuer.token(&issuer.with("exp", json!(now() + 2)));
    assert_eq!(whoami(&server, &token).await.status, 200);
    assert_eq!(whoami(&server, &token).await.status, 200);
    sleep(Duration::from_millis(2_100)).await;
    assert_eq!(refused(&server, &token).await, (401, "token_expired".to_owned()));
}

#[tokio::test]
async fn unknown_keys_do_not_make_us_ask_the_issuer_again_and_again() {
    let issuer = Issuer::start().await;
    let server = Server::start(&issuer.accepted(""));
    let address = server.address();
    let unknown = |nth: usize| signed(&rs256(&format!("key-{nth}")), &issuer.claims(), &issuer.key);
    let tries = (0..30).map(|nth| {
        let token = unknown(nth);
        async move { ask(address, &token, "GET", "/api/v1/whoami", None).await.status }
    });
    let statuses = tries.collect::<JoinSet<u16>>().join_all().await;
    assert_eq!(statuses, [401; 30]);
    assert_eq!(whoami(&server, &issuer.token(&issuer.claims())).await.status, 200);
    assert_eq!(issuer.upstream.seen().len(), 2, "one look at its configuration, one at its keys");
}

#[tokio::test]
async fn an_issuer_that_is_gone_keeps_its_tokens_out_and_nobody_else() {
    let issuer = Issuer::start().await;
    let place = Place::new(&issuer.accepted(""));
    let key = place.key("user", "default");
    let token = issuer.token(&issuer.claims());
    issuer.upstream.stop().await;
    let server = place.start();
    let reply = whoami(&server, &token).await;
    assert_eq!((reply.status, &reply.json()["code"]), (503, &json!("access_unavailable")), "{}", reply.text());
    assert!(reply.header("retry-after").is_some());
    assert_eq!(whoami(&server, &key).await.status, 200);
}
