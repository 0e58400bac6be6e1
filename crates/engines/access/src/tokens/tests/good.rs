//! Tokens that are good, and for how long.

use super::*;
use fault::Explain;
use jsonwebtoken::{EncodingKey, Header};

#[tokio::test]
async fn a_token_is_verified_once_and_then_believed() {
    let (signer, idp, bench, mut door) = usual().await;
    let token = signer.token("a", &idp.claims());
    assert_eq!(door.says(&token).await, "jwt:ada acme user");
    idp.publish(None);
    for _ in 0..10 {
        assert_eq!(door.says(&token).await, "jwt:ada acme user");
    }
    door.pass_s(6.0);
    assert_eq!(door.says(&token).await, "jwt:ada acme user");
    assert_eq!(idp.fetches(), 1);
    assert_eq!(bench.metrics.access().admission(measure::Admission::Token).value(), 12);
}

#[tokio::test]
async fn a_token_made_by_the_library_is_good() {
    let (signer, idp, _bench, door) = usual().await;
    let key = EncodingKey::from_rsa_der(signer.private.to_pkcs1_der().unwrap().as_bytes());
    let header = Header { kid: Some("a".to_owned()), ..Header::new(Algorithm::RS256) };
    let token = jsonwebtoken::encode(&header, &idp.claims(), &key).unwrap();
    assert_eq!(door.says(&token).await, "jwt:ada acme user");
}

#[tokio::test]
async fn a_token_ends_when_it_says() {
    let (signer, idp, _bench, mut door) = usual().await;
    let mut claims = idp.claims();
    claims["exp"] = json!(door.now().wall_ms as f64 / 1_000.0 + 2.0);
    let token = signer.token("a", &claims);
    assert_eq!(door.says(&token).await, "jwt:ada acme user");
    door.pass_s(31.0);
    assert_eq!(door.says(&token).await, "jwt:ada acme user");
    door.pass_s(1.1);
    assert_eq!(door.says(&token).await, "token_expired");
    door.pass_s(10.0);
    assert_eq!(door.says(&token).await, "token_expired");
}

#[tokio::test]
async fn keys_are_good_beside_tokens() {
    let (_signer, _idp, bench, door) = usual().await;
    assert!(door.gate.guarded());
    let created = bench.key(new_key("other", Role::Viewer)).await;
    assert_eq!(door.says(created.key.expose()).await, format!("{} other viewer", created.record.id));
}

#[tokio::test]
async fn who_is_known_and_has_no_role_is_forbidden_and_not_suspected() {
    let (signer, idp, bench, door) = usual().await;
    for (claim, value) in [("tenant", json!("No Tenant")), ("tenant", json!(null)), ("role", json!("root"))] {
        let mut claims = idp.claims();
        claims[claim] = value;
        let token = signer.token("a", &claims);
        for _ in 0..100 {
            let denial = door.admit(&token, [192, 0, 2, 1].into()).await.unwrap_err();
            assert_eq!((denial.code(), denial.kind()), (format!("token_{claim}").as_str(), fault::Kind::Forbidden));
        }
    }
    assert_eq!(bench.metrics.access().admission(measure::Admission::Forbidden).value(), 300);
    assert_eq!(bench.metrics.access().limited_addresses.value(), 0);
}

#[tokio::test]
async fn all_tokens_of_one_person_share_a_rate_and_a_purse() {
    let (signer, idp, _bench, door) = usual().await;
    door.gate.reload(&Access { rpm: Some(60), ..idp.access() }).unwrap();
    let (mut taken, mut guests) = (0, Vec::new());
    for at in 0..20 {
        let mut claims = idp.claims();
        claims["jti"] = json!(at);
        match door.admit(&signer.token("a", &claims), [127, 0, 0, 1].into()).await {
            Ok(guest) => guests.push(guest),
            Err(denial) => taken += usize::from(denial.code() == "rate_limited"),
        }
    }
    assert_eq!((guests.len(), taken), (10, 10));
    assert!(guests.iter().all(|guest| Arc::ptr_eq(&guest.spend, &guests[0].spend)));
    let mut claims = idp.claims();
    claims["sub"] = json!("bob");
    assert_eq!(door.says(&signer.token("a", &claims)).await, "jwt:bob acme user");
}

#[tokio::test]
async fn tokens_of_an_issuer_that_settings_no_longer_name_are_refused() {
    let (signer, idp, _bench, door) = usual().await;
    let token = signer.token("a", &idp.claims());
    assert_eq!(door.says(&token).await, "jwt:ada acme user");
    let mut other = idp.access();
    other.oidc.as_mut().unwrap().audience = "another".to_owned();
    door.gate.reload(&other).unwrap();
    assert_eq!(door.says(&token).await, "token_audience");
    door.gate.reload(&Access::default()).unwrap();
    assert_eq!(door.says(&token).await, "malformed_key");
}

#[tokio::test]
async fn nothing_is_believed_where_settings_say_so() {
    let (signer, idp, _bench, door) = usual().await;
    door.gate.reload(&Access { key_cache_ms: 0, ..idp.access() }).unwrap();
    let token = signer.token("a", &idp.claims());
    for _ in 0..3 {
        let presented = Presented::from_text(&token);
        assert!(door.gate.admit_now(Some(&presented), IpAddr::from([127, 0, 0, 1])).is_none());
        assert_eq!(door.says(&token).await, "jwt:ada acme user");
    }
}

#[test]
fn a_gate_can_be_shared() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Gate>();
}
