//! What a token says: who, for whom, from when to when, of which tenant, in which role.

use super::TokenFault;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use caller::is_tenant;
use caller::{HOUSE, Identity, Role};
use serde_json::{Map, Value};
use settings::Oidc;

/// The longest subject.
const SUBJECT_CHARS_MAX: usize = 200;
/// The last second that a token can name: the end of the year 9999.
const SECONDS_MAX: f64 = 253_402_300_799.0;
/// What subjects of tokens begin with: no key has such an id.
const SUBJECT_MARK: &str = "jwt:";

/// The claims of a token.
pub(super) struct Claims {
    all: Map<String, Value>,
    subject: String,
    /// Seconds since 1970.
    exp: f64,
    nbf: Option<f64>,
    iat: Option<f64>,
}

impl Claims {
    /// Reads the claims; times and the subject must be of the right type.
    pub(super) fn read(encoded: &str) -> Result<Self, TokenFault> {
        let bytes = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| TokenFault::Malformed)?;
        let all: Map<String, Value> = serde_json::from_slice(&bytes).map_err(|_| TokenFault::Malformed)?;
        let fits =
            |sub: &str| (1..=SUBJECT_CHARS_MAX).contains(&sub.chars().count()) && !sub.contains(char::is_control);
        let subject = all.get("sub").and_then(Value::as_str).filter(|sub| fits(sub)).map(str::to_owned);
        Ok(Self {
            subject: subject.ok_or(TokenFault::Claim("sub"))?,
            exp: seconds(&all, "exp")?.ok_or(TokenFault::Claim("exp"))?,
            nbf: seconds(&all, "nbf")?,
            iat: seconds(&all, "iat")?,
            all,
        })
    }

    /// Checks who the token is from and for, and its time.
    pub(super) fn check(&self, oidc: &Oidc, now_ms: i64) -> Result<(), TokenFault> {
        if self.all.get("iss").and_then(Value::as_str) != Some(&oidc.issuer) {
            return Err(TokenFault::Issuer);
        }
        let ours = |audience: &Value| audience.as_str() == Some(&oidc.audience);
        let is_for_us = match self.all.get("aud") {
            Some(Value::Array(several)) => several.iter().any(ours),
            Some(one) => ours(one),
            None => false,
        };
        if !is_for_us {
            return Err(TokenFault::Audience);
        }
        let (now, leeway) = (now_ms as f64 / 1_000.0, oidc.leeway_s as f64);
        if self.exp + leeway <= now {
            return Err(TokenFault::Expired);
        }
        let early = |time: Option<f64>| time.is_some_and(|time| time > now + leeway);
        if early(self.nbf) || early(self.iat) { Err(TokenFault::Early) } else { Ok(()) }
    }

    /// When the token ends, in milliseconds since 1970, as far as the clocks may differ.
    pub(super) fn expires_ms(&self, oidc: &Oidc) -> i64 {
        ((self.exp + oidc.leeway_s as f64) * 1_000.0) as i64
    }

    /// Who the token speaks for: only to be asked once it is known to be signed.
    pub(super) fn identity(&self, oidc: &Oidc) -> Result<Identity, TokenFault> {
        let tenant = self.at(&oidc.tenant_claim).and_then(Value::as_str).filter(|tenant| is_tenant(tenant));
        let tenant = tenant.ok_or(TokenFault::Tenant)?;
        let role = self.role(oidc, tenant)?;
        Ok(Identity { subject: format!("{SUBJECT_MARK}{}", self.subject).into(), tenant: tenant.into(), role })
    }

    /// The role that the claim gives, of a list the highest, else the one that the settings give to tokens without
    /// one. A list may name roles of other systems alone; a single role that is not known here is refused.
    ///
    /// Settings make nobody an admin of the house: that a token must say itself.
    fn role(&self, oidc: &Oidc, tenant: &str) -> Result<Role, TokenFault> {
        let known = |role: &Value| role.as_str().and_then(|role| role.parse::<Role>().ok());
        let given = match self.at(&oidc.role_claim) {
            None => None,
            Some(Value::Array(several)) => several.iter().filter_map(known).max(),
            Some(one) => Some(known(one).ok_or(TokenFault::Role)?),
        };
        let usual = || oidc.role.as_deref().and_then(|role| role.parse::<Role>().ok());
        let too_much = |role: &Role| *role == Role::Admin && tenant == HOUSE;
        given.or_else(|| usual().filter(|role| !too_much(role))).ok_or(TokenFault::Role)
    }

    /// A claim by its name, else by a path of names between dots: `realm_access.roles`.
    fn at(&self, name: &str) -> Option<&Value> {
        self.all.get(name).or_else(|| {
            let mut path = name.split('.');
            let first = self.all.get(path.next()?)?;
            path.try_fold(first, |value, name| value.get(name))
        })
    }
}

/// A time in seconds since 1970; a claim that is there must hold one.
fn seconds(claims: &Map<String, Value>, name: &'static str) -> Result<Option<f64>, TokenFault> {
    let Some(claim) = claims.get(name) else { return Ok(None) };
    let seconds = claim.as_f64().filter(|seconds| (0.0..=SECONDS_MAX).contains(seconds));
    seconds.map(Some).ok_or(TokenFault::Claim(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW_MS: i64 = 1_800_000_000_000;
    const NOW: i64 = NOW_MS / 1_000;

    fn oidc() -> Oidc {
        Oidc { issuer: "https://id.example".into(), audience: "althing".into(), ..Oidc::default() }
    }

    fn claims() -> Value {
        json!({ "iss": "https://id.example", "aud": "althing", "sub": "ada", "exp": NOW + 60, "tenant": "acme", "role": "user" })
    }

    fn with(name: &str, value: Value) -> Value {
        let mut claims = claims();
        claims[name] = value;
        claims
    }

    fn without(name: &str) -> Value {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        claims
    }

    fn judge(claims: &Value, oidc: &Oidc) -> Result<Identity, TokenFault> {
        let claims = Claims::read(&URL_SAFE_NO_PAD.encode(claims.to_string()))?;
        claims.check(oidc, NOW_MS)?;
        claims.identity(oidc)
    }

    fn code(claims: &Value) -> &'static str {
        judge(claims, &oidc()).map_or_else(|fault| fault.code(), |_| "good")
    }

    #[test]
    fn good_claims_tell_who_asks() {
        let identity = judge(&claims(), &oidc()).unwrap();
        assert_eq!((&*identity.subject, &*identity.tenant, identity.role), ("jwt:ada", "acme", Role::User));
        assert_eq!(code(&with("aud", json!(["other", "althing"]))), "good");
        assert_eq!(code(&with("exp", json!(NOW as f64 + 0.5))), "good");
        assert_eq!(code(&with("nbf", json!(NOW))), "good");
    }

    #[test]
    fn issuer_and_audience_must_be_ours() {
        for issuer in [json!("https://id.example/"), json!(["https://id.example"]), json!(null), json!("")] {
            assert_eq!(code(&with("iss", issuer)), "token_issuer");
        }
        for audience in
            [json!("other"), json!([]), json!([["althing"]]), json!({"althing": 1}), json!("althing2"), json!(null)]
        {
            assert_eq!(code(&with("aud", audience)), "token_audience");
        }
        assert_eq!((code(&without("iss")), code(&without("aud"))), ("token_issuer", "token_audience"));
    }

    #[test]
    fn times_must_be_numbers_that_make_sense() {
        assert_eq!(code(&with("exp", json!(NOW - 29))), "good");
        assert_eq!(code(&with("exp", json!(NOW - 30))), "token_expired");
        assert_eq!(code(&with("exp", json!(0))), "token_expired");
        assert_eq!(code(&with("nbf", json!(NOW + 31))), "token_not_yet_valid");
        assert_eq!(code(&with("iat", json!(NOW + 31))), "token_not_yet_valid");
        assert_eq!(code(&without("exp")), "token_claim");
        let late = NOW + 60;
        for wrong in
            [json!(late.to_string()), json!(1e300), json!(u64::MAX), json!(-1), json!(true), json!([late]), json!(null)]
        {
            for name in ["exp", "nbf", "iat"] {
                assert_eq!(code(&with(name, wrong.clone())), "token_claim", "{name}: {wrong}");
            }
        }
    }

    #[test]
    fn the_subject_is_a_short_word() {
        for wrong in [json!(""), json!(7), json!(null), json!("a\nb"), json!("s".repeat(201))] {
            assert_eq!(code(&with("sub", wrong)), "token_claim");
        }
        assert_eq!(code(&with("sub", json!("é".repeat(200)))), "good");
    }

    #[test]
    fn a_tenant_must_be_named() {
        for wrong in [json!(""), json!("Acme"), json!("a/b"), json!(["acme"]), json!(1), json!(null)] {
            assert_eq!(code(&with("tenant", wrong)), "token_tenant");
        }
        assert_eq!(code(&without("tenant")), "token_tenant");
    }

    #[test]
    fn a_role_comes_from_the_claim_or_the_settings() {
        let role = |claims: Value, usual: Option<&str>| {
            judge(&claims, &Oidc { role: usual.map(str::to_owned), ..oidc() }).map(|identity| identity.role)
        };
        assert_eq!(role(with("role", json!(["offline", "operator", "viewer"])), None), Ok(Role::Operator));
        assert_eq!(role(without("role"), None), Err(TokenFault::Role));
        assert_eq!(role(without("role"), Some("viewer")), Ok(Role::Viewer));
        assert_eq!(role(with("role", json!(["offline"])), Some("viewer")), Ok(Role::Viewer));
        assert_eq!(role(with("role", json!(["offline"])), None), Err(TokenFault::Role));
        for wrong in [json!("root"), json!("Admin"), json!(4), json!(null), json!({"admin": true})] {
            assert_eq!(role(with("role", wrong), Some("viewer")), Err(TokenFault::Role));
        }
    }

    #[test]
    fn only_the_token_itself_makes_an_admin_of_the_house() {
        let all = Oidc { role: Some("admin".to_owned()), ..oidc() };
        let mut house = without("role");
        house["tenant"] = json!("default");
        assert_eq!(judge(&house, &all), Err(TokenFault::Role));
        house["role"] = json!("admin");
        assert_eq!(judge(&house, &all).unwrap().role, Role::Admin);
        assert_eq!(judge(&without("role"), &all).unwrap().role, Role::Admin);
    }

    #[test]
    fn claims_can_lie_deeper() {
        let deep = Oidc {
            role_claim: "realm_access.roles".to_owned(),
            tenant_claim: "https://a.example/t".to_owned(),
            ..oidc()
        };
        let mut claims = without("tenant");
        claims["https://a.example/t"] = json!("acme");
        claims["realm_access"] = json!({ "roles": ["uma", "viewer"] });
        assert_eq!(judge(&claims, &deep).unwrap().role, Role::Viewer);
    }
}
