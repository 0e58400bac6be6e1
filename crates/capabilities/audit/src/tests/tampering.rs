//! What somebody can do who can write to the database, and what verifying finds of it.

use super::*;

/// Rows of the log that is tampered with; there are checkpoints of the 10th and of the last.
const ROWS: i64 = 20;

/// One way to tamper, and the faults that are found, with checkpoints and without.
struct Case {
    what: &'static str,
    statements: &'static [&'static str],
    found: &'static [&'static str],
    without: &'static [&'static str],
}

const fn case(what: &'static str, statements: &'static [&'static str], found: &'static [&'static str]) -> Case {
    Case { what, statements, found, without: found }
}

const CASES: &[Case] = &[
    case("an actor", &["UPDATE access_audit SET actor = 'x' WHERE seq = 7"], &["7 the row was changed"]),
    case("a tenant", &["UPDATE access_audit SET tenant = 'x' WHERE seq = 7"], &["7 the row was changed"]),
    case("an action", &["UPDATE access_audit SET action = 'x' WHERE seq = 7"], &["7 the row was changed"]),
    case("a target", &["UPDATE access_audit SET target = 'x' WHERE seq = 7"], &["7 the row was changed"]),
    case("white space", &["UPDATE access_audit SET detail = detail || ' ' WHERE seq = 7"], &["7 the row was changed"]),
    case("a time", &["UPDATE access_audit SET at_ms = at_ms + 1 WHERE seq = 7"], &["7 the row was changed"]),
    case(
        "text moved between columns",
        &["UPDATE access_audit SET actor = actor || tenant, tenant = '' WHERE seq = 7"],
        &["7 the row was changed"],
    ),
    case(
        "a link",
        &["UPDATE access_audit SET prev = hash WHERE seq = 7"],
        &["7 the row was changed", "7 the row does not follow"],
    ),
    case(
        "a hash",
        &["UPDATE access_audit SET hash = prev WHERE seq = 7"],
        &["7 the row was changed", "8 the row does not follow"],
    ),
    case(
        "the number of the last row",
        &["UPDATE access_audit SET seq = 25 WHERE seq = 20"],
        &[
            "20 rows are missing, up to 24",
            "20 rows were removed: line 2",
            "25 the row was changed",
            "25 the last row is 25 and the head stands at 20",
        ],
    ),
    case("a row removed", &["DELETE FROM access_audit WHERE seq = 7"], &["7 rows are missing, up to 7"]),
    case("the first row removed", &["DELETE FROM access_audit WHERE seq = 1"], &["1 rows are missing, up to 1"]),
    case(
        "rows removed",
        &["DELETE FROM access_audit WHERE seq BETWEEN 9 AND 11"],
        &["9 rows are missing, up to 11", "10 rows were removed: line 1"],
    ),
    case(
        "the tail removed",
        &["DELETE FROM access_audit WHERE seq > 18"],
        &["20 rows were removed: line 2", "18 the last row is 18 and the head stands at 20"],
    ),
    Case {
        what: "the tail removed, the head set back",
        statements: &[
            "DELETE FROM access_audit WHERE seq > 18",
            "UPDATE access_audit_head SET seq = 18, hash = (SELECT hash FROM access_audit WHERE seq = 18), \
             at_ms = (SELECT at_ms FROM access_audit WHERE seq = 18)",
        ],
        found: &["20 rows were removed: line 2"],
        without: &[],
    },
    case(
        "a row added at the end",
        &[
            "INSERT INTO access_audit SELECT 21, at_ms, actor, tenant, action, target, detail, hash, prev FROM access_audit WHERE seq = 20",
        ],
        &["21 the row was changed", "21 the last row is 21 and the head stands at 20"],
    ),
    case(
        "a row added before the first",
        &[
            "INSERT INTO access_audit SELECT 0, at_ms, actor, tenant, action, target, detail, prev, hash FROM access_audit WHERE seq = 1",
        ],
        &["0 the row stands before the first one", "0 the row was changed"],
    ),
    case(
        "a row put between others",
        &[
            "UPDATE access_audit SET seq = seq + 100 WHERE seq > 18",
            "UPDATE access_audit SET seq = seq - 99 WHERE seq > 100",
            "INSERT INTO access_audit SELECT 19, at_ms, actor, tenant, action, target, detail, hash, hash FROM access_audit WHERE seq = 18",
        ],
        &[
            "19 the row was changed",
            "20 the row was changed",
            "20 the log was rewritten: line 2",
            "21 the row was changed",
            "21 the last row is 21 and the head stands at 20",
        ],
    ),
    case(
        "rows swapped",
        &[
            "UPDATE access_audit SET seq = -1 WHERE seq = 7",
            "UPDATE access_audit SET seq = 7 WHERE seq = 8",
            "UPDATE access_audit SET seq = 8 WHERE seq = -1",
        ],
        &[
            "7 the row was changed",
            "7 the row does not follow",
            "8 the row was changed",
            "8 the row does not follow",
            "9 the row does not follow",
        ],
    ),
    case(
        "the head's number",
        &["UPDATE access_audit_head SET seq = 19"],
        &["20 the last row is 20 and the head stands at 19"],
    ),
    case(
        "the head's hash",
        &["UPDATE access_audit_head SET hash = (SELECT hash FROM access_audit WHERE seq = 19)"],
        &["20 the head has another hash"],
    ),
    case("the head's time", &["UPDATE access_audit_head SET at_ms = 0"], &["20 the head has another time"]),
    case("the head removed", &["DELETE FROM access_audit_head"], &["20 the head is missing"]),
    case(
        "every row removed",
        &["DELETE FROM access_audit"],
        &[
            "10 rows were removed: line 1",
            "20 rows were removed: line 2",
            "0 the last row is 0 and the head stands at 20",
        ],
    ),
    Case {
        what: "begun anew",
        statements: &[
            "UPDATE access_audit_head SET seq = 0, at_ms = 0, hash = (SELECT prev FROM access_audit WHERE seq = 1)",
            "DELETE FROM access_audit",
        ],
        found: &["10 rows were removed: line 1", "20 rows were removed: line 2"],
        without: &[],
    },
];

async fn bench_with_checkpoints(bench: &Bench) {
    bench.rows(10).await;
    bench.checkpoint().await;
    bench.rows(10).await;
    bench.checkpoint().await;
    expect(&bench.verify_all().await, &[]);
}

/// Puts a log back.
async fn mend(bench: &Bench, rows: &[Stored]) {
    bench.tamper(&["DELETE FROM access_audit_head"]).await;
    let head = "INSERT INTO access_audit_head (id, seq, at_ms, hash) VALUES (1, 0, 0, $1)";
    bench.tamper_with(head, args![rows[0].prev.clone()]).await.unwrap();
    bench.replace(rows.to_vec()).await;
}

#[tokio::test]
async fn whatever_is_changed_is_found() {
    on_both(async |bench| {
        bench_with_checkpoints(bench).await;
        let rows = bench.stored().await;
        for case in CASES {
            println!("{:?}: {}", bench.store.engine(), case.what);
            bench.tamper(case.statements).await;
            expect(&bench.verify_all().await, case.found);
            let without = case.without.iter().filter(|fault| !fault.contains(": line"));
            expect(&bench.verify().await, &without.copied().collect::<Vec<_>>());
            mend(bench, &rows).await;
            expect(&bench.verify_all().await, &[]);
        }
    })
    .await;
}

#[tokio::test]
async fn a_chain_that_is_rewritten_meets_its_checkpoints() {
    on_both(async |bench| {
        bench_with_checkpoints(bench).await;
        let mut rows = bench.stored().await;
        rows[6].actor = "somebody else".to_owned();
        for at in 6..rows.len() {
            rows[at].prev = rows[at - 1].hash.clone();
            rows[at].hash = rows[at].digest();
        }
        bench.replace(rows).await;
        expect(&bench.verify().await, &[]);
        expect(&bench.verify_all().await, &["10 the log was rewritten: line 1", "20 the log was rewritten: line 2"]);
        // A new checkpoint does not cover it up.
        assert_eq!(bench.checkpoint().await.unwrap().seq, ROWS);
        assert_eq!(bench.verify_all().await.faults.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn a_log_without_its_head_takes_no_more_rows() {
    on_both(async |bench| {
        bench.rows(2).await;
        bench.tamper(&["DELETE FROM access_audit_head"]).await;
        assert!(bench.audit.record(entry(2)).await.is_err());
        Audit::open(bench.store.clone(), bench.metrics.access()).await.unwrap();
        assert!(bench.audit.record(entry(2)).await.is_err());
        expect(&bench.verify().await, &["2 the head is missing"]);
    })
    .await;
}

#[tokio::test]
async fn values_of_another_type_are_faults_and_not_the_end() {
    // SQLite alone takes any value in any column.
    let bench = Bench::sqlite().await;
    bench_with_checkpoints(&bench).await;
    bench
        .tamper(&[
            "UPDATE access_audit SET at_ms = 'x' WHERE seq = 3",
            "UPDATE access_audit SET detail = x'ff00' WHERE seq = 5",
            "UPDATE access_audit SET hash = 5 WHERE seq = 7",
            "UPDATE access_audit SET actor = CAST(x'ff' AS TEXT) WHERE seq = 9",
            "UPDATE access_audit SET target = 'x' WHERE seq = 12",
            "UPDATE access_audit SET seq = 'many' WHERE seq = 20",
            "UPDATE access_audit_head SET seq = 'many'",
        ])
        .await;
    let found = [
        "3 the row cannot be read",
        "5 the row cannot be read",
        "7 the row cannot be read",
        "9 the row cannot be read",
        "12 the row was changed",
        "? a row cannot be read",
        "20 rows were removed: line 2",
        "19 the head cannot be read",
    ];
    expect(&bench.verify_all().await, &found);
}

#[tokio::test]
async fn a_page_of_rows_that_have_no_number_ends_the_search() {
    let bench = Bench::sqlite().await;
    bench.rows(1).await;
    let mut rows = bench.stored().await;
    rows.resize_with(1_002, || rows_like(1));
    for (seq, row) in (1..).zip(&mut rows) {
        row.seq = seq;
    }
    bench.replace(rows).await;
    bench.tamper(&["UPDATE access_audit SET seq = 'x' || seq WHERE seq > 1"]).await;
    let verdict = bench.verify().await;
    assert_eq!((verdict.rows, verdict.faults.len(), verdict.unlisted), (1_000, 100, 900));
}

#[tokio::test]
async fn a_hundred_faults_are_listed_and_the_others_counted() {
    on_both(async |bench| {
        bench.rows(130).await;
        bench.tamper(&["UPDATE access_audit SET target = 'x'"]).await;
        let verdict = bench.verify().await;
        assert_eq!((verdict.faults.len(), verdict.unlisted), (100, 30));
        assert!(!verdict.ok());
    })
    .await;
}

fn rows_like(seq: i64) -> Stored {
    Stored::new(seq, 0, &entry(0), Vec::new())
}
