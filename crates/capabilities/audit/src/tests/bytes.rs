//! No byte of any row can change unseen.

use super::*;
use proptest::prelude::*;
use proptest::test_runner::{Config as Runs, TestRunner};
use std::cell::Cell;
use tokio::runtime::Runtime;

const ROWS: usize = 12;

/// The columns of both tables, and what kind of value they hold.
const PLACES: &[(&str, &str, Kind)] = &[
    ("access_audit", "seq", Kind::Int),
    ("access_audit", "at_ms", Kind::Int),
    ("access_audit", "actor", Kind::Text),
    ("access_audit", "tenant", Kind::Text),
    ("access_audit", "action", Kind::Text),
    ("access_audit", "target", Kind::Text),
    ("access_audit", "detail", Kind::Text),
    ("access_audit", "prev", Kind::Bytes),
    ("access_audit", "hash", Kind::Bytes),
    ("access_audit_head", "seq", Kind::Int),
    ("access_audit_head", "at_ms", Kind::Int),
    ("access_audit_head", "hash", Kind::Bytes),
];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Int,
    Text,
    Bytes,
}

/// One byte to change: where, at which share of the value's length, and by which bits.
#[derive(Debug, Clone, Copy)]
struct Change {
    place: usize,
    row: usize,
    byte: prop::sample::Index,
    bits: u8,
}

fn changes() -> impl Strategy<Value = Change> {
    (0..PLACES.len(), 1..=ROWS, any::<prop::sample::Index>(), 1..=u8::MAX).prop_map(|(place, row, byte, bits)| Change {
        place,
        row,
        byte,
        bits,
    })
}

impl Change {
    /// Whether the database took the change.
    async fn check(self, bench: &Bench) -> bool {
        let (table, column, kind) = PLACES[self.place];
        let key = match (table, column) {
            ("access_audit_head", _) => "id = 1".to_owned(),
            _ => format!("seq = {}", self.row),
        };
        let before = read(bench, table, column, kind, &key).await;
        let changed = self.changed(&before);
        let update = |value: &str| format!("UPDATE {table} SET {column} = {value} WHERE {key}");
        let text = matches!(changed, Value::Bytes(_)) && matches!(kind, Kind::Text);
        let value = match (text, bench.store.engine()) {
            (false, _) => "$1",
            (true, Engine::Sqlite) => "CAST($1 AS TEXT)",
            (true, Engine::Postgres) => "convert_from($1, 'UTF8')",
        };
        let Ok(1) = bench.tamper_with(&update(value), args![changed]).await else {
            // A number that is taken, or text that PostgreSQL does not keep.
            return false;
        };
        assert!(!bench.verify().await.ok(), "{self:?} in {table}.{column}");
        let key = if column == "seq" && table == "access_audit" { self.moved(bench).await } else { key };
        let mended = bench.tamper_with(&format!("UPDATE {table} SET {column} = $1 WHERE {key}"), args![before]).await;
        assert_eq!(mended.unwrap(), 1);
        true
    }

    fn changed(self, before: &Value) -> Value {
        let flip = |mut bytes: Vec<u8>| {
            let at = self.byte.index(bytes.len());
            bytes[at] ^= self.bits;
            bytes
        };
        match before {
            Value::Int(Some(before)) => {
                Value::from(i64::from_be_bytes(flip(before.to_be_bytes().to_vec()).try_into().unwrap()))
            }
            Value::Text(Some(before)) => Value::from(flip(before.as_bytes().to_vec())),
            Value::Bytes(Some(before)) => Value::from(flip(before.clone())),
            other => panic!("{other:?}"),
        }
    }

    /// Where the row stands whose number was changed.
    async fn moved(self, bench: &Bench) -> String {
        let rows = bench.stored().await;
        let strange = rows.iter().find(|row| !(1..=ROWS as i64).contains(&row.seq)).unwrap();
        format!("seq = {}", strange.seq)
    }
}

async fn read(bench: &Bench, table: &str, column: &str, kind: Kind, key: &str) -> Value {
    let sql = format!("SELECT {column} FROM {table} WHERE {key}");
    let read = bench.store.read(|tx| {
        let sql = sql.clone();
        async move {
            let row = tx.fetch_one(sql, args![]).await?;
            Ok::<_, StoreError>(match kind {
                Kind::Int => Value::from(row.get::<i64>(0)?),
                Kind::Text => Value::from(row.get::<String>(0)?),
                Kind::Bytes => Value::from(row.get::<Vec<u8>>(0)?),
            })
        }
        .boxed()
    });
    read.await.unwrap()
}

fn any_byte_is_missed(runtime: &Runtime, bench: &Bench, cases: u32) {
    runtime.block_on(bench.rows(ROWS));
    let mut runner = TestRunner::new(Runs { cases, failure_persistence: None, ..Runs::default() });
    let checked = Cell::new(0);
    let run = runner.run(&changes(), |change| {
        checked.set(checked.get() + u32::from(runtime.block_on(change.check(bench))));
        Ok(())
    });
    run.unwrap();
    assert!(checked.get() > cases / 2, "the database took {} changes of {cases}", checked.get());
    assert!(runtime.block_on(bench.verify()).ok(), "every change was mended");
}

#[test]
fn any_changed_byte_is_found_in_sqlite() {
    let runtime = Runtime::new().unwrap();
    let bench = runtime.block_on(Bench::sqlite());
    any_byte_is_missed(&runtime, &bench, 512);
}

#[test]
fn any_changed_byte_is_found_in_postgres() {
    let runtime = Runtime::new().unwrap();
    let postgres = Postgres::start();
    let bench = runtime.block_on(Bench::postgres(&postgres));
    any_byte_is_missed(&runtime, &bench, 256);
}
