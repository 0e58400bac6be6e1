//! The tables on both databases: who is alive, who else is there, and what was kept before tables had more columns.

use crate::tables::{MIGRATIONS, ROOM};
use crate::{Begun, Clock, CriterionRow, Docket, Looking, OptionRow, PairOutcome, Room, Which, Whom};
use futures_util::FutureExt;
use measure::Metrics;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use store::{Config, Isolation, Store, StoreError};
use tempfile::TempDir;
use testkit::Postgres;

const BEGINNING: i64 = 1_700_000_000_000;
/// How long a decision lives unused, in milliseconds.
const TTL: i64 = 1_000;

struct Bench {
    store: Store,
    clock: Arc<AtomicI64>,
    _data: TempDir,
}

impl Bench {
    async fn at(url: Option<String>) -> Self {
        let data = tempfile::tempdir().unwrap();
        let settings = settings::Store { url: url.map(|url| url.parse().unwrap()), ..settings::Store::default() };
        let config = Config::new(&settings, data.path()).unwrap();
        let store = Store::open(&config, Metrics::new("test").store()).await.unwrap();
        Self { store, clock: Arc::new(AtomicI64::new(BEGINNING)), _data: data }
    }

    async fn docket(&self) -> Docket {
        let clock = Arc::clone(&self.clock);
        let clock = Clock::Given(Arc::new(move || clock.load(Ordering::Relaxed)));
        Docket::open(self.store.clone(), clock, |_, _| Vec::new()).await.unwrap()
    }

    fn pass(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }
}

macro_rules! on_both {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test] async fn $name() { super::$name(super::Bench::at(None).await).await; })*
        }
        mod postgres {
            $(#[tokio::test] async fn $name() {
                let postgres = super::Postgres::start();
                super::$name(super::Bench::at(Some(postgres.url())).await).await;
            })*
        }
    };
}
on_both!(those_past_their_time_do_not_count, another_tenant_is_known_for_good, what_was_kept_before_is_read);

async fn begin(docket: &Docket, tenant: &str) -> Arc<str> {
    let option = |id| OptionRow { id, name: format!("option {id}"), ..OptionRow::default() };
    let begun = Begun {
        id: Arc::default(),
        tenant: tenant.into(),
        topic: "Which one?".to_owned(),
        backend: "default".to_owned(),
        model: Some("up/m".to_owned()),
        temperature: 0.1,
        degraded: false,
        reasons: Vec::new(),
        options: vec![option(1), option(2)],
        criteria: vec![CriterionRow { id: 3, name: "Price".to_owned(), weight: 1.0, ..CriterionRow::default() }],
    };
    docket.begin(begun, Room { most: 100, batch: 1 }).await.unwrap().0.head.id
}

async fn those_past_their_time_do_not_count(bench: Bench) {
    let docket = bench.docket().await;
    let (acme, other) = (Arc::from("acme"), Arc::from("other"));
    let held = async |tenant: &Arc<str>| {
        let listed = docket.list(tenant, TTL, None, None).await.unwrap().entries;
        let count = docket.count_alive(tenant, TTL).await.unwrap();
        assert_eq!(count, listed.len() as u64, "as many as are listed");
        listed.into_iter().map(|it| it.id).collect::<Vec<_>>()
    };
    assert!(held(&acme).await.is_empty(), "nobody was here yet");
    let expired = begin(&docket, "acme").await;
    let leased = begin(&docket, "acme").await;
    let looking = Looking::new(&acme, &leased, TTL);
    docket.lease(looking, None, "server".into(), TTL + 10, Whom::default(), false).await.unwrap();
    bench.pass(1);
    let (alive, foreign) = (begin(&docket, "acme").await, begin(&docket, "other").await);
    bench.pass(TTL - 1);
    assert_eq!(docket.count(Some(&acme)).await.unwrap(), 3, "what is past its time is kept until it is swept");
    assert_eq!(held(&acme).await, [&*alive, &*leased]);
    assert_eq!(held(&other).await, [&*foreign]);
    let past = BEGINNING;
    assert_eq!(docket.remove_some(Which::UnusedSince(past)).await.unwrap(), 1);
    assert!(docket.head(&Looking::new(&acme, &expired, TTL)).await.is_err());
    assert_eq!(held(&acme).await, [&*alive, &*leased], "what was swept is not taken off twice");
    bench.pass(1);
    assert_eq!(held(&acme).await, [&*leased]);
    assert!(held(&other).await.is_empty());
    bench.pass(9);
    assert!(held(&acme).await.is_empty(), "a lease that has ended keeps nothing alive");
}

async fn another_tenant_is_known_for_good(bench: Bench) {
    let docket = bench.docket().await;
    let (house, acme) = (Arc::from("default"), Arc::from("acme"));
    begin(&docket, &house).await;
    assert_eq!(docket.other_than(&house).await.unwrap(), None);
    begin(&docket, &acme).await;
    docket.remove_some(Which::Tenant(Arc::clone(&acme))).await.unwrap();
    assert_eq!(docket.other_than(&house).await.unwrap(), Some(acme));
}

async fn what_was_kept_before_is_read(bench: Bench) {
    bench.store.migrate(ROOM, &MIGRATIONS[..1]).await.unwrap();
    let written = bench.store.write(Isolation::ReadCommitted, |tx| {
        async move {
            for sql in [
                "INSERT INTO decision_tenants VALUES ('acme', 1)",
                "INSERT INTO decision_sessions VALUES ('dec_1', 'acme', 'Which one?', 'default', 'up/m', 0.1, 0, '[]', \
                 '[]', 1, 4, 1700000000000, 1700000000000, NULL, 1, '', 0, 1)",
                "INSERT INTO decision_options VALUES ('dec_1', 1, 'Ash', 'ash', '', '[]')",
                "INSERT INTO decision_criteria VALUES ('dec_1', 3, 'Price', 'price', '', 1.0, NULL, NULL, NULL, '[]')",
                "INSERT INTO decision_scores VALUES ('dec_1', 1, 3, 'x', 'scored', 7.0, NULL, NULL, NULL, 0, 0, 'up/m', \
                 '', '1', 'Because.', '', '[]', '[]', 1700000000000)",
            ] {
                tx.execute(sql, Vec::new()).await?;
            }
            Ok::<_, StoreError>(())
        }
        .boxed()
    });
    written.await.unwrap();
    let docket = bench.docket().await;
    let looking = Looking::new(&"acme".into(), "dec_1", TTL);
    let (_, whole) = docket.lease(looking.clone(), None, "server".into(), TTL, Whom::default(), true).await.unwrap();
    let row = whole.row(1, 3).unwrap();
    assert_eq!((row.outcome, row.score, row.fence), (PairOutcome::Scored, Some(7.0), 0));
    assert_eq!((whole.head.refresh, docket.head(&looking).await.unwrap().0.refresh), (2, 2));
}
