//! Keys: made, listed, taken back; looked up by digest when a request comes with one.
//!
//! This file knows who may do what with keys. What a key looks like is `keys/text.rs`'s business, the secret behind
//! them that of `keys/secret.rs`; whether a request gets in is decided by the gate.

mod record;
mod secret;
mod table;
#[cfg(test)]
pub(crate) mod tests;
mod text;

pub use record::{Created, KeyRecord, NewKey};
pub(crate) use text::{Digest, Hasher, Parsed};
pub use text::{Key, without_keys};

use crate::AccessError;
use crate::gate::Cache;
use audit::Entry;
use caller::{Identity, Role};
use futures_util::FutureExt;
use measure::AccessMetrics;
use record::{COLUMNS, shown};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store::{Isolation, Page, Row, Store, StoreError, Tx, Value, args, decode_cursor, page_limit};
use text::{MARK, PREFIX_CHARS};

/// What ids begin with.
const ID_MARK: &str = "key_";
/// The fewest hexadecimal digits by which an id can be abbreviated.
const ID_DIGITS_MIN: usize = 4;
/// Hexadecimal digits of a whole id.
const ID_DIGITS: usize = 16;
/// The place of the digest among the columns.
const DIGEST_AT: usize = 11;

/// Whether a key was ever made in a store whose tables are there.
///
/// # Errors
/// Whatever the store says, also that there are no tables.
pub async fn any_key(store: &Store) -> Result<bool, StoreError> {
    let first = "SELECT 1 FROM access_key LIMIT 1";
    let found = store.read(move |tx| async move { tx.fetch_optional(first, Vec::new()).await }.boxed());
    Ok(found.await?.is_some())
}

/// The keys of this server.
pub struct Keys {
    store: Store,
    pub(crate) hasher: Hasher,
    pub(crate) cache: Cache,
    /// Whether a key was ever made, as far as this process knows.
    made: AtomicBool,
    metrics: AccessMetrics,
}

impl Keys {
    /// Brings the tables up to date and finds the secret.
    ///
    /// # Errors
    /// [`AccessError::OtherSecret`] if there are keys that were made under another secret.
    pub async fn open(store: &Store, settings: &settings::Access, metrics: AccessMetrics) -> Result<Self, AccessError> {
        audit::migrate(store).await?;
        store.migrate(table::ROOM, table::MIGRATIONS).await?;
        let hasher = secret::hasher(store, settings).await?;
        let cache = Cache::new(settings.key_cache_max);
        let keys = Self { store: store.clone(), hasher, cache, made: AtomicBool::new(false), metrics };
        keys.any_key_ever().await?;
        Ok(keys)
    }

    /// Makes a key. Only admins do, and none gives more than it has.
    ///
    /// # Errors
    /// [`AccessError::Beyond`], [`AccessError::Invalid`], [`AccessError::OtherSecret`] if the secret has changed
    /// meanwhile, and whatever the store says.
    pub async fn create(&self, actor: &Identity, new: NewKey) -> Result<Created, AccessError> {
        admins_only(actor, "making keys")?;
        new.check()?;
        new.allowed_to(actor)?;
        let (key, digest) = self.hasher.make()?;
        let id = format!("{ID_MARK}{:016x}", u64::from_be_bytes(text::chance()?));
        let (hasher, actor, prefix) = (self.hasher.clone(), actor.clone(), key.prefix().to_owned());
        let insert = self.store.write(Isolation::ReadCommitted, move |tx| {
            let mut record = new.record(&id, &prefix, &actor);
            let (hasher, actor) = (hasher.clone(), actor.clone());
            async move {
                if !secret::is_ours(tx, &hasher).await? {
                    return Err(AccessError::OtherSecret);
                }
                record.created_ms = tx.now_ms().await?;
                insert(tx, &record, digest).await?;
                audit::append(tx, &told(&actor, "key.create", &record)).await?;
                Ok(record)
            }
            .boxed()
        });
        let record = insert.await?;
        self.metrics.audit_rows.inc();
        self.made.store(true, Ordering::Release);
        Ok(Created { key, record })
    }

    /// Lists keys, the oldest first; of all tenants that the actor may see, or of one.
    ///
    /// # Errors
    /// [`AccessError::Beyond`], [`AccessError::Cursor`], and whatever the store says.
    pub async fn list(
        &self,
        actor: &Identity,
        tenant: Option<&str>,
        cursor: Option<&str>,
        limit: Option<usize>,
    ) -> Result<Page<KeyRecord>, AccessError> {
        admins_only(actor, "listing keys")?;
        if let Some(tenant) = tenant.filter(|tenant| !actor.may_see(tenant)) {
            return Err(AccessError::Beyond { what: format!("the tenant `{}`", shown(tenant)) });
        }
        let tenant: Option<Arc<str>> = tenant.or(actor.confined_to()).map(Arc::from);
        let after = cursor.map_or(Ok((i64::MIN, String::new())), position)?;
        let limit = page_limit(limit);
        let most = i64::try_from(limit + 1).unwrap_or(i64::MAX);
        let rows = self.store.read(move |tx| {
            let after = args![after.0, after.1.as_str(), most];
            let tenant = tenant.clone();
            async move {
                let Some(tenant) = tenant else {
                    let sql = select("WHERE (created_ms, id) > ($1, $2) ORDER BY created_ms, id LIMIT $3");
                    return tx.fetch_all(sql, after).await;
                };
                let sql = select("WHERE tenant = $4 AND (created_ms, id) > ($1, $2) ORDER BY created_ms, id LIMIT $3");
                tx.fetch_all(sql, [after, args![tenant]].concat()).await
            }
            .boxed()
        });
        let entries = records(&rows.await?)?;
        Ok(Page::cut(entries, limit, |last| vec![last.created_ms.to_string(), last.id.to_string()]))
    }

    /// One key, by its id or an abbreviation as for [`Keys::revoke`].
    ///
    /// # Errors
    /// As for [`Keys::revoke`].
    pub async fn get(&self, actor: &Identity, id: &str) -> Result<KeyRecord, AccessError> {
        admins_only(actor, "looking at keys")?;
        Ok(self.find(actor, id).await?.0)
    }

    /// Takes a key back: at once in this process, elsewhere within `access.key_cache_ms`. A key that was taken back
    /// before stays as it is.
    ///
    /// A key is named by its id, the beginning of its id (4 digits or more), its prefix, or the key itself.
    ///
    /// # Errors
    /// [`AccessError::NotFound`] also for a key of another tenant, [`AccessError::Invalid`] if several keys begin so,
    /// [`AccessError::Beyond`], and whatever the store says.
    pub async fn revoke(&self, actor: &Identity, id: &str) -> Result<KeyRecord, AccessError> {
        admins_only(actor, "revoking keys")?;
        let (found, digest) = self.find(actor, id).await?;
        let actor = actor.clone();
        let revoked = self.store.write(Isolation::ReadCommitted, move |tx| {
            let (id, actor) = (Arc::clone(&found.id), actor.clone());
            async move {
                let now = tx.now_ms().await?;
                let changed = tx.execute(table::REVOKE, args![&id, now]).await?;
                let record = KeyRecord::read(&tx.fetch_one(select("WHERE id = $1"), args![&id]).await?)?;
                if changed > 0 {
                    audit::append(tx, &told(&actor, "key.revoke", &record)).await?;
                }
                Ok::<_, AccessError>((record, changed))
            }
            .boxed()
        });
        let (record, changed) = revoked.await?;
        self.metrics.audit_rows.add(changed);
        self.cache.forget(&digest);
        Ok(record)
    }

    /// Whether any key was ever made; keys that were revoked or have expired count. Once that is so it stays so, and
    /// the store is not asked again.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn any_key_ever(&self) -> Result<bool, StoreError> {
        if self.is_made() {
            return Ok(true);
        }
        let made = any_key(&self.store).await?;
        if made {
            self.made.store(true, Ordering::Release);
        }
        Ok(made)
    }

    /// Whose data a key opens, by its whole id; `None` if there is no such key.
    ///
    /// # Errors
    /// Whatever the store says.
    pub async fn tenant_of(&self, id: &str) -> Result<Option<Arc<str>>, StoreError> {
        let id: Arc<str> = id.into();
        let found = self.store.read(move |tx| {
            let id = Arc::clone(&id);
            async move { tx.fetch_optional("SELECT tenant FROM access_key WHERE id = $1", args![id]).await }.boxed()
        });
        found.await?.map(|row| row.get(0)).transpose()
    }

    /// Whether any key was ever made, as far as this process knows.
    pub(crate) fn is_made(&self) -> bool {
        self.made.load(Ordering::Acquire)
    }

    /// The key with this digest.
    pub(crate) async fn by_digest(store: &Store, digest: Digest) -> Result<Option<KeyRecord>, StoreError> {
        let found = store.read(move |tx| {
            async move { tx.fetch_optional(select("WHERE digest = $1"), args![&digest[..]]).await }.boxed()
        });
        found.await?.map(|row| KeyRecord::read(&row)).transpose()
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// The one key that is meant, and its digest.
    async fn find(&self, actor: &Identity, asked: &str) -> Result<(KeyRecord, Digest), AccessError> {
        let (condition, value) = self.meant(asked).ok_or_else(|| nothing(asked))?;
        let rows = self.store.read(move |tx| {
            let value = value.clone();
            async move { tx.fetch_all(select(condition), vec![value]).await }.boxed()
        });
        let rows: Vec<Row> = rows.await.map_err(|error: StoreError| AccessError::from(error))?;
        let mut seen = Vec::new();
        for row in &rows {
            let (record, digest) = (KeyRecord::read(row)?, row.get::<Vec<u8>>(DIGEST_AT)?);
            seen.extend(actor.may_see(&record.tenant).then_some((record, digest)));
        }
        match seen.len() {
            0 => Err(nothing(asked)),
            1 => {
                let (record, digest) = seen.swap_remove(0);
                let digest = digest.try_into().map_err(|_| StoreError::Shape { reason: "a digest".to_owned() })?;
                Ok((record, digest))
            }
            _ => Err(AccessError::Invalid {
                param: "id",
                problem: format!("the beginning of several keys: `{}`", shown(asked)),
                hint: "write the whole id",
            }),
        }
    }

    /// How the key that somebody names is looked for; `None` for a name that no key can have.
    fn meant(&self, asked: &str) -> Option<(&'static str, Value)> {
        if let Some(parsed) = Parsed::read(asked) {
            let digest = self.hasher.digest(&parsed)?;
            return Some(("WHERE digest = $1 LIMIT 2", Value::from(&digest[..])));
        }
        if asked.starts_with(MARK) {
            return (asked.len() == PREFIX_CHARS).then(|| ("WHERE prefix = $1 LIMIT 100", Value::from(asked)));
        }
        let is_hex = |digit: u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
        let digits = asked.strip_prefix(ID_MARK)?;
        let fits = (ID_DIGITS_MIN..=ID_DIGITS).contains(&digits.len()) && digits.bytes().all(is_hex);
        let sql = "WHERE id >= $1 AND SUBSTR(id, 1, LENGTH($1)) = $1 ORDER BY id LIMIT 100";
        fits.then(|| (sql, Value::from(asked)))
    }
}

/// Fails for everybody but admins.
fn admins_only(actor: &Identity, what: &str) -> Result<(), AccessError> {
    if actor.role == Role::Admin { Ok(()) } else { Err(AccessError::Beyond { what: what.to_owned() }) }
}

/// That there is no such key. Whoever passes a whole key by mistake does not find it in the message.
fn nothing(asked: &str) -> AccessError {
    let id = if asked.starts_with(MARK) { asked.chars().take(PREFIX_CHARS).collect() } else { shown(asked) };
    AccessError::NotFound { what: "key", id }
}

/// What the audit log is told about a key. Its label was written by a person and is left out.
fn told(actor: &Identity, action: &'static str, key: &KeyRecord) -> Entry {
    let detail = json!({
        "prefix": key.prefix,
        "role": key.role.name(),
        "expires_ms": key.expires_ms,
        "rpm": key.rpm,
    });
    let (actor, tenant) = (Arc::clone(&actor.subject), Arc::clone(&key.tenant));
    Entry { actor, tenant, action, target: key.id.to_string(), detail }
}

async fn insert(tx: &mut Tx, key: &KeyRecord, digest: Digest) -> Result<(), AccessError> {
    if key.expires_ms.is_some_and(|end| end <= key.created_ms) {
        let (problem, hint) = ("not in the future".to_owned(), "write a time to come, or leave it out");
        return Err(AccessError::Invalid { param: "expires_ms", problem, hint });
    }
    let values = args![
        &key.id,
        key.prefix.as_str(),
        &digest[..],
        &key.tenant,
        key.role.name(),
        key.name.as_deref(),
        key.created_ms,
        key.created_by.as_str(),
        key.expires_ms,
        key.rpm,
    ];
    tx.execute(table::INSERT, values).await?;
    Ok(())
}

fn select(condition: &str) -> String {
    format!("SELECT {COLUMNS} FROM access_key {condition}")
}

fn records(rows: &[Row]) -> Result<Vec<KeyRecord>, StoreError> {
    rows.iter().map(KeyRecord::read).collect()
}

/// Where a list goes on: behind this time and id.
fn position(cursor: &str) -> Result<(i64, String), AccessError> {
    let mut parts = decode_cursor(cursor, 2).map_err(|_| AccessError::Cursor)?.into_iter();
    let (Some(at), Some(id)) = (parts.next(), parts.next()) else { return Err(AccessError::Cursor) };
    Ok((at.parse().map_err(|_| AccessError::Cursor)?, id))
}
