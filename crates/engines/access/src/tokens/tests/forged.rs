//! Tokens that somebody made who may not.

use super::*;
use fault::Explain;
use ring::hmac;
use rsa::pkcs1::EncodeRsaPublicKey;
use rsa::pkcs8::{EncodePublicKey, LineEnding};

#[tokio::test]
async fn a_token_without_a_signature_is_refused() {
    let (signer, idp, _bench, door) = usual().await;
    let claims = idp.claims();
    for alg in ["none", "None", "NONE", "nOnE"] {
        let header = json!({ "alg": alg, "typ": "JWT", "kid": "a" });
        let bare = format!("{}.{}.", encoded(&header), encoded(&claims));
        assert_eq!(door.says(&bare).await, "token_algorithm", "{alg}");
        assert_eq!(door.says(&signer.sign(&header, &claims)).await, "token_algorithm", "{alg}");
    }
    let good = signer.token("a", &claims);
    let (message, _) = good.rsplit_once('.').unwrap();
    for signature in
        ["", "AA", "e30", &"A".repeat(342), &URL_SAFE_NO_PAD.encode([0; 256]), &URL_SAFE_NO_PAD.encode([0; 257])]
    {
        assert_eq!(door.says(&format!("{message}.{signature}")).await, "token_signature", "{signature}");
    }
}

#[tokio::test]
async fn the_public_key_is_no_secret_to_sign_with() {
    let (signer, idp, _bench, door) = usual().await;
    let public = signer.private.to_public_key();
    let secrets = [
        public.to_public_key_pem(LineEnding::LF).unwrap().into_bytes(),
        public.to_pkcs1_pem(LineEnding::LF).unwrap().into_bytes(),
        public.to_pkcs1_der().unwrap().as_bytes().to_vec(),
        public.n().to_bytes_be(),
        signer.public("a")["n"].as_str().unwrap().as_bytes().to_vec(),
        signer.public("a").to_string().into_bytes(),
        Vec::new(),
    ];
    for secret in secrets {
        for alg in ["HS256", "RS256"] {
            let header = json!({ "alg": alg, "kid": "a" });
            let message = format!("{}.{}", encoded(&header), encoded(&idp.claims()));
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &secret), message.as_bytes());
            let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag));
            let expected = if alg == "HS256" { "token_algorithm" } else { "token_signature" };
            assert_eq!(door.says_to_anybody(&token).await, expected);
        }
    }
}

#[tokio::test]
async fn other_algorithms_are_refused_even_if_well_signed() {
    let (signer, idp, _bench, door) = usual().await;
    for alg in ["HS256", "HS384", "HS512", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA", "", "rs256", "RS256 "]
    {
        let token = signer.sign(&json!({ "alg": alg, "kid": "a" }), &idp.claims());
        assert_eq!(door.says_to_anybody(&token).await, "token_algorithm", "{alg}");
    }
    for (header, code) in [
        (json!({ "alg": "RS256", "kid": "a", "crit": ["exp"], "exp": 1 }), "token_header"),
        (json!({ "alg": "RS256", "kid": "a", "b64": false }), "token_header"),
        (json!({ "alg": "RS256", "kid": "a", "typ": "logout+jwt" }), "token_header"),
        (json!({ "kid": "a" }), "token_malformed"),
        (json!(["RS256"]), "token_malformed"),
    ] {
        assert_eq!(door.says_to_anybody(&signer.sign(&header, &idp.claims())).await, code, "{header}");
    }
}

#[tokio::test]
async fn a_header_cannot_bring_its_own_key() {
    let (_, idp, _bench, door) = usual().await;
    let theirs = Signer::theirs();
    let lure = Idp::start(&[theirs.public("a")]).await;
    let url = format!("{}/keys", lure.issuer());
    for header in [
        json!({ "alg": "RS256", "kid": "a" }),
        json!({ "alg": "RS256", "kid": "a", "jwk": theirs.public("a") }),
        json!({ "alg": "RS256", "kid": "a", "jku": url }),
        json!({ "alg": "RS256", "kid": "a", "x5u": url }),
        json!({ "alg": "RS256", "kid": "a", "x5c": ["AAAA"] }),
        json!({ "alg": "RS256", "jwk": theirs.public("a") }),
    ] {
        assert_eq!(door.says_to_anybody(&theirs.sign(&header, &idp.claims())).await, "token_signature", "{header}");
    }
    for kid in ["../../keys", "a' OR '1'='1", "A", "a ", "\u{0}"] {
        let header = json!({ "alg": "RS256", "kid": kid });
        assert_eq!(door.says_to_anybody(&theirs.sign(&header, &idp.claims())).await, "token_unknown_key", "{kid}");
    }
    assert_eq!((lure.upstream.seen().len(), idp.fetches()), (0, 1));
}

#[tokio::test]
async fn no_part_of_a_token_can_be_changed() {
    let (signer, idp, _bench, door) = usual().await;
    let token = signer.token("a", &idp.claims());
    assert_eq!(door.says(&token).await, "jwt:ada acme user");
    let mut richer = idp.claims();
    richer["role"] = json!("admin");
    let parts: Vec<&str> = token.split('.').collect();
    let swapped = format!("{}.{}.{}", parts[0], encoded(&richer), parts[2]);
    assert_eq!(door.says_to_anybody(&swapped).await, "token_signature");
    for at in (0..token.len()).step_by(7) {
        let other = if &token[at..at + 1] == "A" { "B" } else { "A" };
        let mut changed = token.clone();
        changed.replace_range(at..at + 1, other);
        let said = door.says_to_anybody(&changed).await;
        assert!(said.starts_with("token_") || said == "malformed_key", "{at}: {said}");
    }
    for odd in [format!("{token}="), format!("{token}A"), token.replace('.', ".."), format!("{token}.{token}")] {
        let said = door.says_to_anybody(&odd).await;
        assert!(said.starts_with("token_") || said == "malformed_key", "{odd}: {said}");
    }
}

#[tokio::test]
async fn a_token_for_others_is_refused_though_well_signed() {
    let (signer, idp, _bench, door) = usual().await;
    let late = door.now().wall_ms / 1_000;
    for (claim, value, code) in [
        ("iss", json!("https://elsewhere.example"), "token_issuer"),
        ("aud", json!("another"), "token_audience"),
        ("aud", json!([]), "token_audience"),
        ("exp", json!(late - 31), "token_expired"),
        ("exp", json!((late + 600).to_string()), "token_claim"),
        ("exp", json!(1e300), "token_claim"),
        ("nbf", json!(late + 40), "token_not_yet_valid"),
        ("nbf", json!("0"), "token_claim"),
        ("iat", json!(late + 40), "token_not_yet_valid"),
        ("sub", json!("x".repeat(201)), "token_claim"),
    ] {
        let mut claims = idp.claims();
        claims[claim] = value.clone();
        assert_eq!(door.says_to_anybody(&signer.token("a", &claims)).await, code, "{claim}: {value}");
    }
    let twice = r#"{"exp":1,"exp":99999999999,"iss":"x"}"#;
    let token = format!("{}.{}.AA", encoded(&json!({ "alg": "RS256" })), URL_SAFE_NO_PAD.encode(twice));
    assert!(door.says_to_anybody(&token).await.starts_with("token_"));
    assert_eq!(idp.fetches(), 0);
}

#[tokio::test]
async fn ten_thousand_forged_tokens_check_fifty_signatures() {
    let (_, idp, bench, door) = usual().await;
    let created = bench.key(new_key("acme", Role::User)).await;
    let theirs = Signer::theirs();
    let mut said = std::collections::BTreeMap::new();
    let reads = bench.reads();
    for at in 0..10_000 {
        let mut claims = idp.claims();
        claims["jti"] = json!(at);
        // Only those whose signature is looked at need one of their own.
        let token = if at < 60 {
            theirs.token("a", &claims)
        } else {
            format!("{}.{}.AA", encoded(&json!({"alg": "RS256", "kid": "a"})), encoded(&claims))
        };
        *said.entry(door.says(&token).await).or_insert(0) += 1;
    }
    let expected = [("token_signature".to_owned(), 50), ("too_many_wrong_keys".to_owned(), 9_950)];
    assert_eq!(said, expected.into());
    assert_eq!((bench.reads(), idp.fetches()), (reads, 1));
    // No signature is looked at for this address, not even a good one; keys are.
    let good = Signer::ours().token("a", &idp.claims());
    assert_eq!(door.says(&good).await, "too_many_wrong_keys");
    assert_eq!(door.says_to_anybody(&good).await, "jwt:ada acme user");
    assert_eq!(door.says(&good).await, "jwt:ada acme user");
    assert_eq!(door.says(created.key.expose()).await, format!("{} acme user", created.record.id));
}

#[tokio::test]
async fn no_refusal_repeats_anything_of_a_token() {
    let (_, idp, _bench, door) = usual().await;
    let mut claims = idp.claims();
    claims["tenant"] = json!("s3cret tenant");
    claims["sub"] = json!("s3cret subject");
    let token = Signer::theirs().token("a", &claims);
    for text in [token.as_str(), &token[3..], &Signer::ours().token("a", &claims)] {
        let denial = door.admit(text, [127, 0, 0, 1].into()).await.unwrap_err();
        let all = format!("{denial} {denial:?} {:?}", denial.hint());
        assert!(!all.contains("s3cret") && !all.contains(&text[..10]), "{all}");
    }
}
