//! `althing keys`: make, list and revoke keys, right in the database.

use crate::exit::{DONE, Failure, USAGE};
use crate::house::House;
use crate::print::{self, print};
use crate::wiring;
use access::{AccessError, KeyRecord, NewKey, parse_expiry};
use calendar::{now_ms, rfc3339};
use caller::Identity;
use serde_json::{Value, json};
use shell::{Global, Keys, Where};
use std::sync::Arc;
use terminal::{WIDTH, beginning, clean, count, length};

/// Keys asked for at a time.
const PAGE: usize = 1_000;

/// Runs one of them.
pub(crate) fn run(global: &Global, keys: Keys) -> Result<u8, Failure> {
    match keys {
        Keys::Create { role, tenant, expires, name, rpm, place } => {
            let expires = expires.map(|text| parse_expiry(&text, now_ms())).transpose();
            let expires_ms = expires.map_err(|error| failure(&error))?;
            let new = NewKey { tenant, role, name, expires_ms, rpm };
            with(global, &place, async |house| create(global, house, new).await)
        }
        Keys::List { tenant, place } => {
            with(global, &place, async |house| list(global, house, tenant.as_deref()).await)
        }
        Keys::Revoke { id, place } => with(global, &place, async |house| revoke(global, house, &id).await),
    }
}

/// Opens the database, works on it and closes it again.
fn with(global: &Global, place: &Where, work: impl AsyncFnOnce(&House) -> Result<u8, Failure>) -> Result<u8, Failure> {
    wiring::logs(global, "warn")?;
    let (ready, data) = wiring::place(global, place)?;
    wiring::run(async {
        let house = wiring::house(&ready.loaded.settings, &data, &wiring::metrics()).await?;
        let done = work(&house).await;
        house.close().await;
        done
    })
}

async fn create(global: &Global, house: &House, new: NewKey) -> Result<u8, Failure> {
    let created = house.keys.create(&local(), new).await.map_err(|error| failure(&error))?;
    let (key, record) = (created.key.expose(), &created.record);
    if global.json {
        let mut document = document(record);
        document["key"] = json!(key);
        print::json(&document)?;
        return Ok(DONE);
    }
    let mut text = format!("{key}\n\n");
    text.push_str(&format!("  id       {}\n  role     {}\n  tenant   {}\n", record.id, record.role, record.tenant));
    if let Some(expires) = record.expires_ms {
        text.push_str(&format!("  expires  {}\n", rfc3339(expires)));
    }
    text.push_str("\nThis is the only time the key is shown. Send it as `authorization: Bearer KEY`.\n");
    print(&text)?;
    Ok(DONE)
}

async fn list(global: &Global, house: &House, tenant: Option<&str>) -> Result<u8, Failure> {
    let mut all: Vec<KeyRecord> = Vec::new();
    let mut cursor = None;
    loop {
        let page = house.keys.list(&local(), tenant, cursor.as_deref(), Some(PAGE)).await;
        let page = page.map_err(|error| failure(&error))?;
        all.extend(page.entries);
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    match global.json {
        true => print::json(&json!({ "keys": all.iter().map(document).collect::<Vec<_>>() }))?,
        false => print(&table(&all, now_ms()))?,
    }
    Ok(DONE)
}

async fn revoke(global: &Global, house: &House, id: &str) -> Result<u8, Failure> {
    let record = house.keys.revoke(&local(), id).await.map_err(|error| failure(&error))?;
    match global.json {
        true => print::json(&document(&record))?,
        false => print(&format!("{} of {} is revoked\n", record.id, record.tenant))?,
    }
    Ok(DONE)
}

/// What was typed wrongly has another code than what could not be done.
fn failure(error: &AccessError) -> Failure {
    let failure = Failure::of(error);
    if matches!(error, AccessError::Invalid { .. }) { failure.code(USAGE) } else { failure }
}

/// Whoever can open the database at this machine.
fn local() -> Arc<Identity> {
    Arc::new(Identity::local())
}

fn document(record: &KeyRecord) -> Value {
    json!({
        "id": record.id, "prefix": record.prefix, "role": record.role.name(), "tenant": record.tenant,
        "name": record.name, "created_at": rfc3339(record.created_ms), "created_by": record.created_by,
        "expires_at": record.expires_ms.map(rfc3339), "revoked_at": record.revoked_ms.map(rfc3339),
        "rpm": record.rpm, "version": record.version,
    })
}

/// One line for each key, within the terminal's width.
fn table(keys: &[KeyRecord], now_ms: i64) -> String {
    if keys.is_empty() {
        return "no keys; `althing keys create --role admin` makes the first\n".to_owned();
    }
    let tenant = keys.iter().map(|key| length(&key.tenant)).max().unwrap_or(0).clamp(6, 16);
    let mut text = format!("{:20}  {:12}  {:8}  {:tenant$}  {}\n", "ID", "KEY", "ROLE", "TENANT", "STATE");
    for key in keys {
        let state = match (key.revoked_ms, key.expires_ms) {
            (Some(at), _) => format!("revoked {}", day(at)),
            (None, Some(at)) if at <= now_ms => format!("expired {}", day(at)),
            (None, Some(at)) => format!("until {}", day(at)),
            (None, None) => "good".to_owned(),
        };
        let whose = beginning(&key.tenant, tenant, 1);
        let mut line = format!("{}  {}  {:8}  {whose:tenant$}  {state}", key.id, key.prefix, key.role.name());
        if let Some(name) = &key.name {
            line = format!("{line}  {}", clean(name));
        }
        text.push_str(&line.chars().take(WIDTH).collect::<String>());
        text.push('\n');
    }
    text + &format!("\n{}\n", count(keys.len(), "key"))
}

fn day(ms: i64) -> String {
    rfc3339(ms).chars().take(10).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use caller::Role;

    fn key(name: Option<&str>, expires_ms: Option<i64>, revoked_ms: Option<i64>) -> KeyRecord {
        KeyRecord {
            id: "key_0123456789abcdef".into(),
            prefix: "alth_abcdefg".to_owned(),
            tenant: "default".into(),
            role: Role::Operator,
            name: name.map(str::to_owned),
            created_ms: 0,
            created_by: "local".to_owned(),
            expires_ms,
            revoked_ms,
            rpm: None,
            version: 1,
        }
    }

    #[test]
    fn the_table_fits_a_terminal_and_says_what_still_works() {
        let long = "a very long label that nobody can read on a terminal of eighty columns";
        let keys = [key(Some(long), None, None), key(None, Some(1), None), key(None, Some(5_000), Some(1))];
        let text = table(&keys, 2_000);
        assert!(text.lines().all(|line| length(line) <= WIDTH), "{text}");
        for state in ["good", "expired 1970-01-01", "revoked 1970-01-01", "3 keys"] {
            assert!(text.contains(state), "{state}: {text}");
        }
        assert!(table(&[], 0).contains("althing keys create"));
    }
}
