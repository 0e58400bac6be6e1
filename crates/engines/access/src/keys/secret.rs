//! The secret that keys are made and kept under: from the settings, or made once and kept in the store.

use super::text::{Hasher, chance};
use crate::AccessError;
use futures_util::FutureExt;
use secrecy::ExposeSecret;
use settings::Access;
use store::{Isolation, Store, Tx, args};

/// The fewest bytes that a secret may have.
const BYTES_MIN: usize = 16;
/// The row with the secret that was made by chance.
const MADE: &str = "made";
/// The row with the fingerprint of the secret in force.
const FINGERPRINT: &str = "fingerprint";

const INSERT: &str = "INSERT INTO access_secret (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
const READ: &str = "SELECT value FROM access_secret WHERE name = $1";
/// Changes nothing; whoever else makes a key or changes the secret waits until this transaction ends.
const LOCK: &str = "UPDATE access_secret SET value = value WHERE name = $1 RETURNING value";
const USABLE: &str =
    "SELECT 1 FROM access_key WHERE revoked_ms IS NULL AND (expires_ms IS NULL OR expires_ms > $1) LIMIT 1";

/// The hasher with the secret in force.
///
/// A secret other than the last one takes over where no key is left that can be used, and is refused elsewhere.
pub(super) async fn hasher(store: &Store, settings: &Access) -> Result<Hasher, AccessError> {
    let given = match &settings.secret {
        None => None,
        Some(secret) => Some(secret.resolve().map_err(|error| AccessError::Settings(error.to_string()))?),
    };
    let given = given.map(|secret| secret.expose_secret().as_bytes().to_vec());
    if given.as_ref().is_some_and(|secret| secret.len() < BYTES_MIN) {
        let message =
            format!("`access.secret` has fewer than {BYTES_MIN} bytes: `openssl rand -hex 32` makes a good one");
        return Err(AccessError::Settings(message));
    }
    let fresh = chance::<32>()?;
    store.write(Isolation::ReadCommitted, move |tx| open(tx, given.clone(), fresh).boxed()).await
}

async fn open(tx: &mut Tx, given: Option<Vec<u8>>, fresh: [u8; 32]) -> Result<Hasher, AccessError> {
    let secret = match given {
        Some(secret) => secret,
        None => {
            tx.execute(INSERT, args![MADE, &fresh[..]]).await?;
            tx.fetch_one(READ, args![MADE]).await?.get::<Vec<u8>>(0)?
        }
    };
    let hasher = Hasher::new(&secret);
    let ours = hasher.fingerprint();
    tx.execute(INSERT, args![FINGERPRINT, &ours[..]]).await?;
    if is_ours(tx, &hasher).await? {
        return Ok(hasher);
    }
    let now = tx.now_ms().await?;
    if tx.fetch_optional(USABLE, args![now]).await?.is_some() {
        return Err(AccessError::OtherSecret);
    }
    tx.execute("UPDATE access_secret SET value = $2 WHERE name = $1", args![FINGERPRINT, &ours[..]]).await?;
    tracing::warn!("keys made before are unknown from now on: `access.secret` is another one");
    Ok(hasher)
}

/// Whether keys are made under this secret, until the end of the transaction.
pub(super) async fn is_ours(tx: &mut Tx, hasher: &Hasher) -> Result<bool, store::StoreError> {
    let known: Vec<u8> = tx.fetch_one(LOCK, args![FINGERPRINT]).await?.get(0)?;
    Ok(known == hasher.fingerprint())
}
