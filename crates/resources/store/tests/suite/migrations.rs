//! Tables that are made and changed in steps.

use crate::backend::{Backend, everywhere};
use futures_util::future::join_all;
use store::{Migration, StoreError, args};

everywhere!(
    steps_run_once_and_in_order,
    servers_that_start_together_do_it_once,
    tables_of_a_newer_program_are_refused,
    a_step_that_fails_leaves_nothing,
    rooms_do_not_mind_each_other,
);

const FIRST: Migration = Migration {
    name: "make shelf",
    sql: "CREATE TABLE shelf (id BIGINT PRIMARY KEY, label TEXT NOT NULL);
          CREATE INDEX shelf_label ON shelf (label);
          INSERT INTO shelf (id, label) VALUES (1, 'first; still first')",
};
const SECOND: Migration =
    Migration { name: "add width", sql: "ALTER TABLE shelf ADD COLUMN width BIGINT NOT NULL DEFAULT 0;" };
const THIRD: Migration = Migration { name: "widen", sql: "UPDATE shelf SET width = width * 10 + id" };
const BROKEN: Migration = Migration {
    name: "break",
    sql: "CREATE TABLE half (id BIGINT); INSERT INTO shelf (id, label) VALUES (1, 'again')",
};

const ONE: &[Migration] = &[FIRST];
const TWO: &[Migration] = &[FIRST, SECOND];
const ALL: &[Migration] = &[FIRST, SECOND, THIRD];
const FAULTY: &[Migration] = &[FIRST, SECOND, BROKEN];

async fn steps_run_once_and_in_order(backend: Backend) {
    let site = backend.open().await;
    for steps in [ONE, ONE, TWO, ALL, ALL] {
        site.store.migrate("shelves", steps).await.unwrap();
    }
    assert_eq!(site.int("SELECT width FROM shelf").await, 1);
    let rows = site.rows("SELECT room, version, name, applied_ms FROM store_migration ORDER BY version", args![]);
    let rows = rows.await.unwrap();
    let steps: Vec<(String, i64, String)> =
        rows.iter().map(|row| (row.get(0).unwrap(), row.get(1).unwrap(), row.get(2).unwrap())).collect();
    let expected = [(1, "make shelf"), (2, "add width"), (3, "widen")];
    assert_eq!(steps, expected.map(|(version, name)| ("shelves".to_owned(), version, name.to_owned())));
    assert!(rows.iter().all(|row| row.get::<i64>(3).unwrap() > 1_600_000_000_000));
}

async fn servers_that_start_together_do_it_once(backend: Backend) {
    let sites = join_all((0..4).map(|_| backend.open())).await;
    let rooms = ["shelves", "others", "more"];
    let migrate = |site: &crate::backend::Site, room: usize| {
        let store = site.store.clone();
        let steps = if room == 0 { ALL } else { &[] };
        tokio::spawn(async move { store.migrate(rooms[room], steps).await })
    };
    let starts: Vec<_> = sites.iter().flat_map(|site| (0..3).map(move |room| migrate(site, room))).collect();
    for start in join_all(starts).await {
        start.unwrap().unwrap();
    }
    let site = &sites[0];
    assert_eq!(site.int("SELECT width FROM shelf").await, 1, "the last step has run once");
    assert_eq!(site.int("SELECT COUNT(*) FROM store_migration").await, 3);
}

async fn tables_of_a_newer_program_are_refused(backend: Backend) {
    let site = backend.open().await;
    site.store.migrate("shelves", ALL).await.unwrap();
    let error = site.store.migrate("shelves", ONE).await.unwrap_err();
    assert!(matches!(&error, StoreError::Newer { room, found: 3, known: 1 } if room == "shelves"), "{error:?}");
    assert_eq!(error.to_string(), "the tables of `shelves` have version 3, and this program knows up to version 1");
    assert!(fault::Explain::hint(&error).unwrap().contains("newer version"), "{error:?}");
    assert_eq!(site.int("SELECT COUNT(*) FROM store_migration").await, 3);
    site.store.migrate("shelves", ALL).await.unwrap();
}

async fn a_step_that_fails_leaves_nothing(backend: Backend) {
    let site = backend.open().await;
    let error = site.store.migrate("shelves", FAULTY).await.unwrap_err();
    assert!(matches!(error, StoreError::Constraint { .. }), "{error:?}");
    for table in ["shelf", "half", "store_migration"] {
        let there = site.rows(&format!("SELECT COUNT(*) FROM {table}"), args![]).await;
        assert!(there.is_err(), "{table}");
    }
    site.store.migrate("shelves", TWO).await.unwrap();
    assert!(site.store.migrate("shelves", FAULTY).await.is_err());
    assert_eq!(site.int("SELECT COUNT(*) FROM store_migration").await, 2);
    assert!(site.rows("SELECT id FROM half", args![]).await.is_err());
    site.store.migrate("shelves", ALL).await.unwrap();
    assert_eq!(site.int("SELECT width FROM shelf").await, 1);
}

async fn rooms_do_not_mind_each_other(backend: Backend) {
    let site = backend.open().await;
    const OTHER: &[Migration] = &[Migration { name: "make lamp", sql: "CREATE TABLE lamp (id BIGINT PRIMARY KEY)" }];
    site.store.migrate("shelves", ALL).await.unwrap();
    site.store.migrate("lamps", OTHER).await.unwrap();
    assert_eq!(site.int("SELECT COUNT(*) FROM store_migration").await, 4);
    assert_eq!(site.int("SELECT version FROM store_migration WHERE room = 'lamps'").await, 1);
}
