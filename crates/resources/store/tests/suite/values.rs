//! One SQL text for both databases: what goes in comes out, and a row that is not as expected says so.

use crate::backend::{Backend, Site, everywhere, exec};
use futures_util::FutureExt;
use std::sync::Arc;
use store::{Isolation, StoreError, Value, args};

everywhere!(
    every_value_comes_back_as_it_went_in,
    every_type_has_a_null,
    truth_is_zero_and_one,
    what_one_database_cannot_keep_neither_does,
    large_text_and_bytes_come_back,
    conflicts_are_settled_in_the_statement,
    many_rows_go_in_with_few_statements,
    sums_and_counts_are_whole_numbers,
    a_row_of_another_shape_says_so,
    the_clock_is_the_time,
    the_engine_is_known,
);

const TABLE: &str = "CREATE TABLE kept (
    id BIGINT PRIMARY KEY,
    whole BIGINT,
    words TEXT,
    raw BYTEA,
    part DOUBLE PRECISION
)";

async fn site(backend: &Backend) -> Site {
    let site = backend.open().await;
    site.exec(TABLE, args![]).await.unwrap();
    site
}

const INSERT: &str = "INSERT INTO kept (id, whole, words, raw, part) VALUES ($1, $2, $3, $4, $5)";

async fn every_value_comes_back_as_it_went_in(backend: Backend) {
    let site = site(&backend).await;
    let whole = [0, 1, -1, i64::from(i32::MAX) + 1, i64::MAX, i64::MIN];
    let words = ["", "plain", "it's \"quoted\" \\ $1 ? ; --", "ünïcödé 漢字 🦀 \u{202e}", "line\nline\ttab", " "];
    let raw: [Vec<u8>; 6] = [vec![], vec![0], (0..=255).collect(), vec![255; 3], b"text".to_vec(), vec![0; 9]];
    let part = [0.0, -0.0, 0.1, f64::MAX, f64::MIN_POSITIVE, -1.5e-300];
    for at in 0..6 {
        let args = args![at as i64, whole[at], words[at], raw[at].clone(), part[at]];
        assert_eq!(site.exec(INSERT, args).await.unwrap(), 1);
    }
    let rows = site.rows("SELECT whole, words, raw, part FROM kept ORDER BY id", args![]).await.unwrap();
    assert_eq!(rows.len(), 6);
    for (at, row) in rows.iter().enumerate() {
        assert_eq!(row.get::<i64>(0).unwrap(), whole[at]);
        assert_eq!(row.get::<Option<i64>>(0).unwrap(), Some(whole[at]));
        assert_eq!(row.get::<String>(1).unwrap(), words[at]);
        assert_eq!(row.get::<Arc<str>>(1).unwrap().as_ref(), words[at]);
        assert_eq!(row.get::<Vec<u8>>(2).unwrap(), raw[at]);
        // SQLite keeps no sign of zero.
        assert_eq!(row.get::<f64>(3).unwrap(), part[at]);
    }
    let found = |column: &str| format!("SELECT id FROM kept WHERE {column} = $1");
    for at in 0..6 {
        for (column, value) in
            [("whole", Value::from(whole[at])), ("words", words[at].into()), ("raw", raw[at].clone().into())]
        {
            let rows = site.rows(&found(column), vec![value]).await.unwrap();
            assert_eq!((rows.len(), rows[0].get::<i64>(0).unwrap()), (1, at as i64), "{column} {at}");
        }
    }
}

async fn every_type_has_a_null(backend: Backend) {
    let site = site(&backend).await;
    let args = args![1_i64, None::<i64>, None::<String>, None::<Vec<u8>>, None::<f64>];
    site.exec(INSERT, args).await.unwrap();
    let row = &site.rows("SELECT whole, words, raw, part FROM kept", args![]).await.unwrap()[0];
    assert_eq!(row.get::<Option<i64>>(0).unwrap(), None);
    assert_eq!(row.get::<Option<String>>(1).unwrap(), None);
    assert_eq!(row.get::<Option<Arc<str>>>(1).unwrap(), None);
    assert_eq!(row.get::<Option<Vec<u8>>>(2).unwrap(), None);
    assert_eq!(row.get::<Option<f64>>(3).unwrap(), None);
    for at in 0..4 {
        let refused = match at {
            0 => row.get::<i64>(0).map(drop),
            1 => row.get::<String>(1).map(drop),
            2 => row.get::<Vec<u8>>(2).map(drop),
            _ => row.get::<f64>(3).map(drop),
        };
        assert!(matches!(refused, Err(StoreError::Shape { .. })), "column {at}: {refused:?}");
    }
    // The same statement with a value, prepared before with `NULL`, and the other way round.
    site.exec(INSERT, args![2_i64, 5_i64, "a", vec![1_u8], 0.5]).await.unwrap();
    let sql = "SELECT COUNT(*) FROM kept WHERE whole IS NOT NULL AND (words = $1 OR $1 IS NULL)";
    for words in [Some("a"), None] {
        assert_eq!(site.rows(sql, args![words]).await.unwrap()[0].get::<i64>(0).unwrap(), 1);
    }
}

async fn truth_is_zero_and_one(backend: Backend) {
    let site = site(&backend).await;
    for (id, truth) in [(1_i64, true), (2, false)] {
        site.exec("INSERT INTO kept (id, whole) VALUES ($1, $2)", args![id, truth]).await.unwrap();
    }
    let rows = site.rows("SELECT whole FROM kept ORDER BY id", args![]).await.unwrap();
    assert_eq!((rows[0].get::<i64>(0).unwrap(), rows[1].get::<i64>(0).unwrap()), (1, 0));
    assert_eq!((rows[0].get::<bool>(0).unwrap(), rows[1].get::<bool>(0).unwrap()), (true, false));
    assert_eq!(site.rows("SELECT id FROM kept WHERE whole = $1", args![true]).await.unwrap().len(), 1);
    // A literal has 32 bits on PostgreSQL.
    assert!(site.rows("SELECT 1", args![]).await.unwrap()[0].get::<bool>(0).unwrap());
    assert_eq!(
        site.rows("SELECT CASE WHEN whole = 1 THEN 7 ELSE 8 END FROM kept ORDER BY id", args![]).await.unwrap()[1]
            .get::<i64>(0)
            .unwrap(),
        8
    );
}

async fn what_one_database_cannot_keep_neither_does(backend: Backend) {
    let site = site(&backend).await;
    let insert = "INSERT INTO kept (id, words, part) VALUES ($1, $2, $3)";
    for (words, part) in [("a\0b", 0.5), ("\0", 0.5), ("fine", f64::NAN)] {
        let error = site.exec(insert, args![1_i64, words, part]).await.unwrap_err();
        assert!(matches!(error, StoreError::Unfit { .. }), "{error:?}");
        assert_eq!(fault::Explain::kind(&error), fault::Kind::BadInput);
        let rows = site.rows("SELECT id FROM kept WHERE words = $1 AND part = $2", args![words, part]).await;
        assert!(matches!(rows, Err(StoreError::Unfit { .. })), "{rows:?}");
    }
    for (id, part) in [(1_i64, f64::INFINITY), (2, f64::NEG_INFINITY)] {
        site.exec(insert, args![id, "fine", part]).await.unwrap();
        let row = site.rows("SELECT part FROM kept WHERE id = $1", args![id]).await.unwrap();
        assert_eq!(row[0].get::<f64>(0).unwrap(), part);
    }
    assert_eq!(site.int("SELECT COUNT(*) FROM kept").await, 2);
}

async fn large_text_and_bytes_come_back(backend: Backend) {
    let site = site(&backend).await;
    let (words, raw) = ("ä".repeat(1 << 20), (0..3_u32 << 20).map(|at| (at % 251) as u8).collect::<Vec<u8>>());
    let insert = "INSERT INTO kept (id, words, raw) VALUES ($1, $2, $3)";
    site.exec(insert, args![1_i64, words.as_str(), raw.as_slice()]).await.unwrap();
    let row = &site.rows("SELECT words, raw FROM kept", args![]).await.unwrap()[0];
    assert!(row.get::<String>(0).unwrap() == words && row.get::<Vec<u8>>(1).unwrap() == raw);
}

async fn conflicts_are_settled_in_the_statement(backend: Backend) {
    let site = site(&backend).await;
    let insert = "INSERT INTO kept (id, whole) VALUES ($1, $2)";
    site.exec(insert, args![1_i64, 10_i64]).await.unwrap();
    let nothing = format!("{insert} ON CONFLICT DO NOTHING");
    assert_eq!(site.exec(&nothing, args![1_i64, 11_i64]).await.unwrap(), 0);
    assert_eq!(site.exec(&nothing, args![2_i64, 11_i64]).await.unwrap(), 1);
    let update = format!("{insert} ON CONFLICT (id) DO UPDATE SET whole = kept.whole + excluded.whole RETURNING whole");
    for (expected, id) in [(15, 1_i64), (5, 3)] {
        let update = update.clone();
        let written = site.store.write(Isolation::Serializable, move |tx| {
            let update = update.clone();
            async move { tx.fetch_one(update, args![id, 5_i64]).await?.get::<i64>(0) }.boxed()
        });
        assert_eq!(written.await.unwrap(), expected);
    }
    assert_eq!(
        site.exec("UPDATE kept SET whole = 0 WHERE id = $1 AND whole = $2", args![1_i64, 99_i64]).await.unwrap(),
        0
    );
    assert_eq!(
        site.exec("UPDATE kept SET whole = 0 WHERE id = $1 AND whole = $2", args![1_i64, 15_i64]).await.unwrap(),
        1
    );
    assert_eq!(site.exec("DELETE FROM kept", args![]).await.unwrap(), 3);
}

async fn many_rows_go_in_with_few_statements(backend: Backend) {
    let site = site(&backend).await;
    let rows = |from: i64, to: i64| (from..to).map(|id| args![id, id * 2, format!("row {id}")]).collect::<Vec<_>>();
    for (from, to, inserted) in [(0, 0, 0), (0, 1, 1), (0, 2_500, 2_499), (2_400, 2_733, 233)] {
        let rows = rows(from, to);
        let written = site.store.write(Isolation::Serializable, move |tx| {
            let rows = rows.clone();
            async move { tx.insert_many("INSERT INTO kept (id, whole, words)", rows, "ON CONFLICT DO NOTHING").await }
                .boxed()
        });
        let written: Result<u64, StoreError> = written.await;
        assert_eq!(written.unwrap(), inserted);
    }
    assert_eq!(site.int("SELECT COUNT(*) FROM kept WHERE whole = id * 2").await, 2_733);
    let wide: Vec<_> = (0..1_200_i64).map(|id| vec![Value::from(10_000 + id)]).collect();
    let written = site.store.write(Isolation::Serializable, move |tx| {
        let wide = wide.clone();
        async move { tx.insert_many("INSERT INTO kept (id)", wide, "").await }.boxed()
    });
    let written: Result<u64, StoreError> = written.await;
    assert_eq!(written.unwrap(), 1_200);
}

async fn sums_and_counts_are_whole_numbers(backend: Backend) {
    let site = site(&backend).await;
    let sum = "SELECT CAST(SUM(whole) AS BIGINT), COUNT(*), MAX(whole), CAST(AVG(part) AS DOUBLE PRECISION) FROM kept";
    let row = &site.rows(sum, args![]).await.unwrap()[0];
    assert_eq!((row.get::<Option<i64>>(0).unwrap(), row.get::<i64>(1).unwrap()), (None, 0));
    assert_eq!((row.get::<Option<i64>>(2).unwrap(), row.get::<Option<f64>>(3).unwrap()), (None, None));
    for id in 0..4_i64 {
        site.exec(INSERT, args![id, (1_i64 << 40) + id, "w", vec![0_u8], 0.25]).await.unwrap();
    }
    let row = &site.rows(sum, args![]).await.unwrap()[0];
    assert_eq!((row.get::<i64>(0).unwrap(), row.get::<i64>(1).unwrap()), ((4_i64 << 40) + 6, 4));
    assert_eq!((row.get::<i64>(2).unwrap(), row.get::<f64>(3).unwrap()), ((1_i64 << 40) + 3, 0.25));
    let coalesced = "SELECT CAST(COALESCE(SUM(whole), 0) AS BIGINT) FROM kept WHERE id > 99";
    assert_eq!(site.int(coalesced).await, 0);
}

async fn a_row_of_another_shape_says_so(backend: Backend) {
    let site = site(&backend).await;
    site.exec(INSERT, args![1_i64, 2_i64, "words", vec![3_u8], 0.5]).await.unwrap();
    let row = &site.rows("SELECT whole, words, raw, part FROM kept", args![]).await.unwrap()[0];
    let shapes = [
        row.get::<String>(0).map(drop),
        row.get::<i64>(1).map(drop),
        row.get::<f64>(2).map(drop),
        row.get::<Vec<u8>>(0).map(drop),
        row.get::<i64>(4).map(drop),
    ];
    for (at, shape) in shapes.into_iter().enumerate() {
        let Err(StoreError::Shape { reason }) = shape else { panic!("{at}: {shape:?}") };
        assert!(!reason.contains("words\""), "no value is repeated: {reason}");
    }
    let empty =
        site.store.read(|tx| async move { tx.fetch_one("SELECT id FROM kept WHERE id = 9", args![]).await }.boxed());
    assert!(matches!(empty.await, Err(StoreError::Shape { .. })));
    let none = site
        .store
        .read(|tx| async move { tx.fetch_optional("SELECT id FROM kept WHERE id = 9", args![]).await }.boxed());
    let none: Result<_, StoreError> = none.await;
    assert!(none.unwrap().is_none());
    let wrong = exec(&site.store, "SELECT nonsense FROM nowhere", args![]).await;
    assert!(matches!(wrong, Err(StoreError::Failed { .. })), "{wrong:?}");
}

async fn the_clock_is_the_time(backend: Backend) {
    let site = backend.open().await;
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    let before = now();
    let told: Result<i64, StoreError> = site.store.read(|tx| tx.now_ms().boxed()).await;
    let (told, after) = (told.unwrap(), now());
    assert!(before - 2 <= told && told <= after + 2, "{before} {told} {after}");
}

async fn the_engine_is_known(backend: Backend) {
    let site = backend.open().await;
    let postgres: Result<bool, StoreError> = site.store.read(|tx| async move { Ok(tx.is_postgres()) }.boxed()).await;
    assert_eq!(postgres.unwrap(), !backend.is_sqlite());
    assert_eq!(site.store.engine() == store::Engine::Sqlite, backend.is_sqlite());
}
