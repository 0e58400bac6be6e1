//! The list of all tools in one piece, as a start reads it: a row for each costs several times what is in it.
//!
//! Each change raises the version of the catalogue in its own transaction, and a snapshot is of one version. One that is not
//! of the version in force is not read, whoever has kept it and whatever happened since: no tool that was removed or
//! hidden comes back by it.

use crate::admit::own;
use crate::catalogue::Entry;
use crate::tables::{CATALOGUE, Place, column, page, version};
use definitions::Kind;
use futures_util::FutureExt;
use std::sync::Arc;
use store::{Isolation, Packed, Store, StoreError, Tx, Unpacked, args};

/// How tools are packed. Another way gets another number: rows are read then, until a new one is kept.
const FORMAT: u64 = 1;
/// The most bytes of one; of a larger catalogue there is none.
const BYTES_MAX: usize = 64 * 1024 * 1024;

const READ: &str = "SELECT body FROM toolbox_snapshot WHERE name = $1 AND version = $2";
const IS_KEPT: &str = "SELECT 1 FROM toolbox_snapshot WHERE name = $1 AND version = $2";
const KEEP: &str = "INSERT INTO toolbox_snapshot (name, version, body) VALUES ($1, $2, $3) \
     ON CONFLICT (name) DO UPDATE SET version = excluded.version, body = excluded.body";

/// All tools that are there, with the version of the catalogue: from the snapshot where one is in force, else by rows, each
/// page in a view of its own.
pub(crate) async fn all(store: &Store) -> Result<(Vec<Entry>, i64), StoreError> {
    let read = store.read(|tx| {
        async move {
            let version = version(tx).await?;
            let row = tx.fetch_optional(READ, args![CATALOGUE, version]).await?;
            Ok::<_, StoreError>((version, row.map(|row| row.get::<Vec<u8>>(0)).transpose()?))
        }
        .boxed()
    });
    let (version, body) = read.await?;
    if let Some(entries) = body.as_deref().and_then(unpack) {
        return Ok((entries, version));
    }
    let (mut entries, mut last) = (Vec::new(), Some(Place::default()));
    while let Some(after) = last {
        let read = store.read(|tx| {
            let after = after.clone();
            async move { page(tx, &after).await }.boxed()
        });
        let (page, next) = read.await?;
        entries.extend(page);
        last = next;
    }
    Ok((entries, version))
}

/// Keeps a snapshot where there is none in force; whether it did. A catalogue that is too large has none.
pub(crate) async fn keep(store: &Store) -> Result<bool, StoreError> {
    let taken = store.read(|tx| take(tx).boxed());
    let Some((version, entries)) = taken.await? else { return Ok(false) };
    let Some(body) = Some(pack(&entries)).filter(|body| body.len() <= BYTES_MAX) else { return Ok(false) };
    let args = args![CATALOGUE, version, body];
    let written = store.write(Isolation::ReadCommitted, move |tx| {
        let args = args.clone();
        async move { tx.execute(KEEP, args).await.map(drop) }.boxed()
    });
    written.await.map_err(|error: StoreError| error)?;
    Ok(true)
}

/// All tools as they are in this view, with their version; `None` where there is a snapshot of it already.
async fn take(tx: &mut Tx) -> Result<Option<(i64, Vec<Entry>)>, StoreError> {
    let version = version(tx).await?;
    // Of version 0 nothing was ever imported.
    if version == 0 || tx.fetch_optional(IS_KEPT, args![CATALOGUE, version]).await?.is_some() {
        return Ok(None);
    }
    let (mut entries, mut last) = (Vec::new(), Some(Place::default()));
    while let Some(after) = last {
        let (page, next) = page(tx, &after).await?;
        entries.extend(page);
        last = next;
    }
    Ok(Some((version, entries)))
}

fn pack(entries: &[Entry]) -> Vec<u8> {
    let mut packed = Packed::default();
    for entry in entries {
        let Entry { id, name, server, domain, summary, hash, tags, .. } = entry;
        let tenant = column(entry.tenant.as_deref());
        let texts: [&str; 9] = [tenant, id, name, server, domain, summary, hash, entry.kind.name(), entry.role.name()];
        texts.iter().for_each(|text| packed.text(text));
        let flags = u64::from(entry.read_only) | u64::from(entry.trusted_read_only) << 1;
        let numbers = [flags, entry.tokens, entry.version.cast_unsigned(), tags.len() as u64];
        numbers.iter().for_each(|number| packed.number(*number));
        tags.iter().for_each(|tag| packed.text(tag));
    }
    packed.sealed(FORMAT)
}

/// The tools in a snapshot; `None` of anything else.
fn unpack(body: &[u8]) -> Option<Vec<Entry>> {
    let mut unpacked = Unpacked::open(body, FORMAT)?;
    let mut entries = Vec::new();
    while !unpacked.is_empty() {
        entries.push(entry(&mut unpacked)?);
    }
    Some(entries)
}

fn entry(unpacked: &mut Unpacked<'_>) -> Option<Entry> {
    let mut text = || unpacked.text().map(Arc::<str>::from);
    let tenant = own(&text()?).map(Arc::from);
    let (id, name, server, domain, summary, hash) = (text()?, text()?, text()?, text()?, text()?, text()?);
    let (kind, role) = (Kind::named(&text()?)?, text()?.parse().ok()?);
    let (flags, tokens, version) = (unpacked.number()?, unpacked.number()?, unpacked.number()?.cast_signed());
    let (read_only, trusted_read_only) = (flags & 1 != 0, flags & 2 != 0);
    let tags = (0..unpacked.number()?).map(|_| unpacked.text().map(Arc::from)).collect::<Option<_>>()?;
    Some(Entry {
        tenant,
        id,
        name,
        server,
        kind,
        domain,
        role,
        summary,
        tags,
        read_only,
        trusted_read_only,
        tokens,
        version,
        hash,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use definitions::{Defaults, definition};
    use serde_json::json;

    fn some() -> Vec<Entry> {
        let item =
            |name: &str| json!({ "name": name, "server": "github", "description": "Öffnet", "tags": ["A", "b"] });
        let made = |name: &str, defaults: &Defaults| Entry::of(&definition(item(name), defaults).unwrap(), 3);
        let own = Defaults { tenant: Some("acme".into()), trust_read_only: true, ..Defaults::default() };
        let bare = Entry::of(&definition(json!({ "name": "bare" }), &Defaults::default()).unwrap(), 1);
        vec![made("one", &Defaults::default()), made("two", &own), bare]
    }

    #[test]
    fn what_is_packed_unpacks() {
        assert_eq!(unpack(&pack(&some())), Some(some()));
        assert_eq!(unpack(&pack(&[])), Some(Vec::new()));
    }

    #[test]
    fn what_no_snapshot_is_does_not_unpack() {
        let mut cut = Packed::default();
        cut.text("acme");
        cut.text("an id");
        assert_eq!(unpack(&cut.sealed(FORMAT)), None);
        assert_eq!(unpack(&Packed::default().sealed(FORMAT + 1)), None);
        assert_eq!(unpack(b"foreign"), None);
    }
}
