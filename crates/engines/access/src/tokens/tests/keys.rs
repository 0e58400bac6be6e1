//! Where keys come from, and when they are fetched again.

use super::*;
use futures_util::FutureExt;
use futures_util::future::join_all;

#[tokio::test]
async fn keys_are_fetched_again_when_one_is_missing_but_not_at_every_guess() {
    let (old, idp, _bench, mut door) = usual().await;
    assert_eq!(door.says(&old.token("a", &idp.claims())).await, "jwt:ada acme user");
    let new = Signer::theirs();
    idp.publish(Some(&[old.public("a"), new.public("b")]));
    let rotated = new.token("b", &idp.claims());
    door.pass_s(9.9);
    for _ in 0..20 {
        assert_eq!(door.says_to_anybody(&rotated).await, "token_unknown_key");
    }
    assert_eq!(idp.fetches(), 1);
    door.pass_s(0.1);
    assert_eq!(door.says(&rotated).await, "jwt:ada acme user");
    for _ in 0..20 {
        assert_eq!(door.says_to_anybody(&new.token("c", &idp.claims())).await, "token_unknown_key");
    }
    assert_eq!(idp.fetches(), 2);
}

#[tokio::test]
async fn keys_that_are_no_longer_published_are_forgotten() {
    let (old, idp, _bench, mut door) = usual().await;
    let token = old.token("a", &idp.claims());
    assert_eq!(door.says(&token).await, "jwt:ada acme user");
    idp.publish(Some(&[Signer::theirs().public("b")]));
    door.pass_s(299.0);
    assert_eq!(door.says(&token).await, "jwt:ada acme user");
    door.pass_s(6.0);
    assert_eq!(door.says(&token).await, "token_unknown_key");
}

#[tokio::test]
async fn old_keys_are_kept_while_the_provider_does_not_answer() {
    let (signer, idp, _bench, mut door) = usual().await;
    let mut claims = idp.claims();
    claims["exp"] = json!(claims["exp"].as_i64().unwrap() + 200_000);
    let token = signer.token("a", &claims);
    assert_eq!(door.says(&token).await, "jwt:ada acme user");
    idp.publish(None);
    for _ in 0..3 {
        door.pass_s(4_000.0);
        assert_eq!(door.says(&token).await, "jwt:ada acme user");
    }
    door.pass_s(86_400.0);
    assert_eq!(door.says(&token).await, "access_unavailable");
    idp.publish(Some(&[signer.public("a")]));
    door.pass_s(10.0);
    assert_eq!(door.says(&token).await, "jwt:ada acme user");
}

#[tokio::test]
async fn a_crowd_fetches_the_keys_once() {
    let (signer, idp, _bench, door) = usual().await;
    let tokens: Vec<String> = (0..30)
        .map(|at| {
            let mut claims = idp.claims();
            claims["sub"] = json!(format!("p{at}"));
            signer.token("a", &claims)
        })
        .collect();
    let said = join_all(tokens.iter().map(|token| door.says(token))).await;
    assert!(said.iter().all(|said| said.ends_with("acme user")), "{said:?}");
    assert_eq!(idp.fetches(), 1);
}

#[tokio::test]
async fn who_hangs_up_while_keys_are_fetched_delays_nobody() {
    let (signer, idp, _bench, door) = usual().await;
    let (guess, good) = (signer.token("zzz", &idp.claims()), signer.token("a", &idp.claims()));
    for _ in 0..10 {
        let mut leaves = Box::pin(door.says(&guess));
        assert_eq!(leaves.as_mut().now_or_never(), None);
    }
    assert_eq!(door.says(&good).await, "jwt:ada acme user");
    assert_eq!(idp.fetches(), 1);
}

#[tokio::test]
async fn a_fetch_that_was_left_behind_is_finished_and_begun_anew_when_it_is_old() {
    let (signer, idp, _bench, mut door) = usual().await;
    let new = Signer::theirs();
    let token = new.token("b", &idp.claims());
    let mut leaves = Box::pin(door.says(&token));
    assert_eq!(leaves.as_mut().now_or_never(), None);
    drop(leaves);
    tokio::time::sleep(Duration::from_millis(300)).await;
    idp.publish(Some(&[signer.public("a"), new.public("b")]));
    door.pass_s(400.0);
    assert_eq!(door.says(&token).await, "jwt:ada acme user");
}

#[tokio::test]
async fn a_name_that_means_no_key_or_several_is_refused() {
    let (ours, theirs) = (Signer::ours(), Signer::theirs());
    let check = async |keys: &[Value], header: Value| {
        let idp = Idp::start(keys).await;
        let bench = Bench::sqlite(&Access::default()).await;
        let door = Door::new(&bench, &idp.access());
        door.says(&ours.sign(&header, &idp.claims())).await
    };
    let (named, unnamed) = (json!({ "alg": "RS256", "kid": "a" }), json!({ "alg": "RS256" }));
    let good = "jwt:ada acme user";
    assert_eq!(check(&[ours.public("a")], unnamed.clone()).await, good);
    assert_eq!(check(&[ours.public("a"), theirs.public("b")], named.clone()).await, good);
    assert_eq!(check(&[ours.public("a"), theirs.public("b")], unnamed).await, "token_unknown_key");
    assert_eq!(check(&[ours.public("a"), theirs.public("a")], named.clone()).await, "token_unknown_key");
    assert_eq!(check(&[theirs.public("b")], named.clone()).await, "token_unknown_key");
    let mut encrypts = ours.public("a");
    encrypts["use"] = json!("enc");
    assert_eq!(check(&[encrypts, theirs.public("b")], named).await, "token_unknown_key");
}

#[tokio::test]
async fn a_provider_that_cannot_be_used_lets_nobody_in() {
    let signer = Signer::ours();
    let keys = json!({ "keys": [signer.public("a")] });
    let bodies: [fn(&Value) -> Reply; 6] = [
        |_| Reply::error(500, "server_error", "no"),
        |_| Reply::body(200, "text/html", "<html>"),
        |_| Reply::json(200, &json!({ "keys": [] })),
        |keys| Reply::json(200, &json!({ "keys": keys["keys"], "padding": "x".repeat(256 * 1024) })),
        |keys| Reply::json(200, keys).cut_after(0, 20),
        |_| Reply::body(302, "text/plain", "").header("location", "/elsewhere"),
    ];
    for (at, reply) in bodies.into_iter().enumerate() {
        let keys = keys.clone();
        let upstream = Upstream::start(move |_| reply(&keys)).await;
        let issuer = format!("http://{}", upstream.addr());
        let jwks_url = Some(format!("{issuer}/keys"));
        let idp = Idp { upstream, set: Arc::default() };
        let mut access = idp.access();
        access.oidc.as_mut().unwrap().jwks_url = jwks_url;
        let bench = Bench::sqlite(&Access::default()).await;
        let door = Door::new(&bench, &access);
        assert_eq!(door.says(&signer.token("a", &idp.claims())).await, "access_unavailable", "{at}");
        assert_eq!(door.says(&signer.token("a", &idp.claims())).await, "access_unavailable", "{at}");
        assert_eq!(idp.upstream.seen().len(), 1, "{at}");
    }
}

#[tokio::test]
async fn a_configuration_about_somebody_else_is_not_followed() {
    let signer = Signer::ours();
    let documents: [fn(&str) -> Value; 5] = [
        |issuer| json!({ "issuer": format!("{issuer}/other"), "jwks_uri": format!("{issuer}/keys") }),
        |issuer| json!({ "jwks_uri": format!("{issuer}/keys") }),
        |issuer| json!({ "issuer": issuer }),
        |issuer| json!({ "issuer": issuer, "jwks_uri": "http://192.0.2.1/keys" }),
        |issuer| json!({ "issuer": issuer, "jwks_uri": "file:///etc/passwd" }),
    ];
    for (at, document) in documents.into_iter().enumerate() {
        let keys = json!({ "keys": [signer.public("a")] });
        let upstream = Upstream::start(move |seen| {
            let issuer = format!("http://{}", seen.header("host").unwrap());
            Reply::json(200, &if seen.path == "/keys" { keys.clone() } else { document(&issuer) })
        });
        let idp = Idp { upstream: upstream.await, set: Arc::default() };
        let bench = Bench::sqlite(&Access::default()).await;
        let door = Door::new(&bench, &idp.access());
        assert_eq!(door.says(&signer.token("a", &idp.claims())).await, "access_unavailable", "{at}");
        assert_eq!(idp.fetches(), 0, "{at}");
    }
}

#[tokio::test]
async fn a_provider_that_hangs_is_waited_for_five_seconds() {
    let signer = Signer::ours();
    let idp = Idp { upstream: Upstream::start(|_| Reply::hang()).await, set: Arc::default() };
    let bench = Bench::sqlite(&Access::default()).await;
    let door = Door::new(&bench, &idp.access());
    let began = std::time::Instant::now();
    let token = signer.token("a", &idp.claims());
    let said = join_all((0..5).map(|_| door.says(&token))).await;
    assert!(said.iter().all(|said| said == "access_unavailable"), "{said:?}");
    assert!((4..8).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert_eq!(told(door.admit(&token, [127, 0, 0, 1].into()).await), "access_unavailable");
    assert!(began.elapsed().as_secs() < 8);
}
