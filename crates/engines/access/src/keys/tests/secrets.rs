//! The secret that keys are made under.

use super::*;
use fault::Explain;
use settings::SecretRef;

/// Settings with a secret in a file.
fn with_secret(folder: &TempDir, name: &str) -> Access {
    let path = folder.path().join(name);
    std::fs::write(&path, format!("the long secret of {name}")).unwrap();
    Access { secret: Some(SecretRef::File(path)), ..Access::default() }
}

fn knows(bench: &Bench, key: &Key) -> bool {
    bench.keys.hasher.digest(&Parsed::read(key.expose()).unwrap()).is_some()
}

#[tokio::test]
async fn a_secret_is_made_once_for_all_servers() {
    on_both(async |bench| {
        let made = bench.key(new_key("acme", Role::User)).await.key;
        for _ in 0..2 {
            assert!(knows(&bench.beside(&Access::default()).await.unwrap(), &made));
        }
        assert_eq!(bench.rows("SELECT name FROM access_secret").await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn another_secret_is_refused_while_a_key_can_be_used() {
    let folder = tempfile::tempdir().unwrap();
    let (a, b) = (with_secret(&folder, "a"), with_secret(&folder, "b"));
    on_both_with(&a, async |bench| {
        let open = async |access: &Access| bench.beside(access).await.map(drop).map_err(|error| error.code());
        assert_eq!(open(&a).await, Ok(()));
        let made = bench.key(new_key("acme", Role::User)).await;
        assert!(knows(bench, &made.key));
        for other in [&b, &Access::default()] {
            assert_eq!(open(other).await, Err("other_secret"));
        }
        assert_eq!(open(&a).await, Ok(()));
        bench.keys.revoke(&Identity::local(), &made.record.id).await.unwrap();
        let other = bench.beside(&b).await.unwrap();
        assert!(!knows(&other, &made.key) && other.keys.is_made());
        let refused = bench.keys.create(&Identity::local(), new_key("acme", Role::User)).await;
        assert_eq!(refused.unwrap_err().code(), "other_secret");
        other.key(new_key("acme", Role::User)).await;
        assert_eq!(open(&a).await, Err("other_secret"));
    })
    .await;
}

#[tokio::test]
async fn a_short_secret_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("short");
    std::fs::write(&path, "fifteen bytes !").unwrap();
    let access = Access { secret: Some(SecretRef::File(path)), ..Access::default() };
    let bench = Bench::sqlite(&Access::default()).await;
    let refused = Keys::open(&bench.store, &access, bench.metrics.access()).await.err().unwrap();
    assert!(refused.to_string().contains("fewer than 16 bytes"), "{refused}");
}

#[tokio::test]
async fn a_secret_that_cannot_be_read_is_told_without_showing_it() {
    let access = Access { secret: Some(SecretRef::Env("ALTHING_NO_SUCH_VARIABLE".to_owned())), ..Access::default() };
    let bench = Bench::sqlite(&Access::default()).await;
    let refused = bench.beside(&access).await.map(drop).unwrap_err();
    assert_eq!(refused.code(), "access_settings");
    assert!(refused.to_string().contains("ALTHING_NO_SUCH_VARIABLE"), "{refused}");
}

#[tokio::test]
async fn a_key_that_was_ever_made_counts_for_good() {
    on_both(async |bench| {
        let other = bench.beside(&Access::default()).await.unwrap();
        assert!(!other.keys.any_key_ever().await.unwrap());
        let made = bench.key(new_key("acme", Role::User)).await.record;
        bench.keys.revoke(&Identity::local(), &made.id).await.unwrap();
        bench.run("UPDATE access_key SET expires_ms = 1").await;
        assert!(!other.keys.is_made());
        assert!(other.keys.any_key_ever().await.unwrap() && other.keys.is_made());
    })
    .await;
}
