//! What is written down, and what becomes of it when it cannot be.

use super::on_both;

on_both!(
    every_note_becomes_a_row,
    a_full_line_drops_rows_but_no_sums,
    a_store_that_comes_back_gets_everything,
    calls_that_cannot_be_written_hold_nothing_up,
    prompts_are_kept_only_where_wanted,
    old_rows_are_removed
);

mod cases {
    use super::super::*;
    use crate::{CallQuery, PromptQuery, UsageQuery};

    pub(super) async fn every_note_becomes_a_row(bench: Bench) {
        let server = bench.server().await;
        let pay = |at: i64| {
            let (server, who) = (&server, user("acme", if at % 2 == 0 { "k1" } else { "k2" }));
            async move {
                let tab = server.reserve(&who, exactly(0)).await.unwrap();
                for call in 0..3 {
                    let model = format!("sim/m{call}").into();
                    let outcome = if call == 2 { "failed" } else { "answered" };
                    tab.note(&Called { outcome, ..called(&model, at) });
                }
            }
        };
        futures_util::future::join_all((0..2_000).map(pay)).await;
        server.books.flush().await.unwrap();
        let sums = "SELECT COUNT(*), COUNT(DISTINCT id), COUNT(DISTINCT request_id), CAST(SUM(cost) AS BIGINT), \
                    CAST(SUM(latency_us) AS BIGINT), CAST(SUM(tokens_cached) AS BIGINT) FROM access_ledger_call";
        let cost = 3 * (0..2_000).sum::<i64>();
        assert_eq!(server.numbers(sums).await, [[6_000, 6_000, 2_000, cost, 9_000_000, 180_000]]);
        let days = "SELECT COUNT(*), CAST(SUM(calls) AS BIGINT), CAST(SUM(failed) AS BIGINT), CAST(SUM(cost) AS BIGINT), \
                    CAST(SUM(latency_us) AS BIGINT), CAST(SUM(tokens_cached) AS BIGINT) FROM access_ledger_day";
        assert_eq!(server.numbers(days).await, [[6, 6_000, 2_000, cost, 9_000_000, 180_000]]);
        assert_eq!(server.metric("althing_ledger_rows_total{outcome=\"written\"}"), 6_000.0);
        assert_eq!(server.metric("althing_ledger_queue_depth"), 0.0);
        let page = server.books.calls(&house(), &CallQuery::default(), None, Some(1)).await.unwrap();
        let call = &page.entries[0];
        assert_eq!((call.at.as_str(), call.tenant.as_str()), ("2026-11-21T12:00:00.000Z", "acme"));
        assert_eq!((call.latency_ms, call.exact, call.simulated), (1.5, true, false));
    }

    pub(super) async fn a_full_line_drops_rows_but_no_sums(mut bench: Bench) {
        bench.ledger.queue_max = 10;
        bench.ledger.flush_ms = 60_000;
        bench.budget.tenant_usd_per_day = usd("1");
        let server = bench.server().await;
        server.books.flush().await.unwrap();
        for _ in 0..25 {
            server.pay(&user("acme", "k1"), 1_000).await.unwrap();
        }
        assert_eq!(server.metric("althing_ledger_rows_total{outcome=\"dropped\"}"), 15.0);
        server.books.flush().await.unwrap();
        assert_eq!(server.numbers("SELECT COUNT(*) FROM access_ledger_call").await, [[10]]);
        assert_eq!(server.numbers("SELECT calls, cost FROM access_ledger_day").await, [[25, 25_000]]);
        assert_eq!(server.standing().await.0, 25_000);
        server.pay(&user("acme", "k1"), 1_000).await.unwrap();
        assert_eq!(server.books.desk.queue().len(), 1, "there is room again");
    }

    pub(super) async fn a_store_that_comes_back_gets_everything(mut bench: Bench) {
        bench.budget.tenant_usd_per_day = usd("1");
        bench.store.acquire_ms = 1_500;
        bench.store.transaction_ms = 1_500;
        bench.store.retries_max = 0;
        let server = bench.server().await;
        let who = user("acme", "k1");
        let free = user("free", "k2");
        let limit = "1000".parse().unwrap();
        let target = target(crate::Scope::Tenant, "free", "", crate::Period::Day);
        server.books.set_budget(&house(), &target, &limit, None).await.unwrap();
        let tab = server.reserve(&who, exactly(USD / 2)).await.unwrap();
        server.books.flush().await.unwrap();
        let outage = Outage::begin(&bench, &server).await;
        spend(&tab, USD / 4);
        drop(tab);
        eventually("budgets cannot be checked", || async {
            let fault = server.pay(&free, USD).await.err();
            matches!(fault, Some(SpendFault::Unavailable { .. }))
        })
        .await;
        assert!(server.books.desk.queue().len() >= 1);
        assert!(server.books.flush().await.is_err());
        outage.end(&bench).await;
        eventually("everything is written", || async { server.books.flush().await.is_ok() }).await;
        server.pay(&who, USD / 2).await.unwrap();
        server.books.close().await;
        let free = "SELECT COALESCE(SUM(cost), 0) / 1000000000 FROM access_ledger_day WHERE tenant = 'free'";
        let free = format!("SELECT CAST(({free}) AS BIGINT)");
        let free = server.numbers(&free).await[0][0];
        assert_eq!(server.standing().await, (USD * 3 / 4 + free * USD, 0));
        let calls =
            "SELECT CAST(SUM(calls) AS BIGINT), (SELECT COUNT(*) FROM access_ledger_call) FROM access_ledger_day";
        assert_eq!(server.numbers(calls).await, [[2 + free, 2 + free]]);
    }

    pub(super) async fn calls_that_cannot_be_written_hold_nothing_up(mut bench: Bench) {
        bench.budget.tenant_usd_per_day = usd("1");
        let server = bench.server().await;
        let who = user("acme", "k1");
        server.execute("ALTER TABLE access_ledger_call RENAME TO elsewhere", Vec::new()).await;
        server.pay(&who, 7).await.unwrap();
        eventually("their sums are written", || async { server.standing().await == (7, 0) }).await;
        assert_eq!(server.metric("althing_ledger_rows_total{outcome=\"dropped\"}"), 1.0);
        assert_eq!(server.numbers("SELECT calls, cost FROM access_ledger_day").await, [[1, 7]]);
        server.execute("ALTER TABLE elsewhere RENAME TO access_ledger_call", Vec::new()).await;
        server.pay(&who, 7).await.unwrap();
        server.books.close().await;
        assert_eq!(server.numbers("SELECT COUNT(*) FROM access_ledger_call").await, [[1]]);
    }

    /// A database that cannot be written to.
    struct Outage(Arc<tokio::sync::Notify>);

    impl Outage {
        async fn begin(bench: &Bench, server: &Server) -> Self {
            let over = Arc::new(tokio::sync::Notify::new());
            if let Place::Postgres(postgres) = &bench.place {
                postgres.kill();
                return Self(over);
            }
            // Another process holds the lock of the file, for longer than anybody waits.
            let patient =
                Bench { store: settings::Store { transaction_ms: 60_000, ..bench.store.clone() }, ..bench.beside() };
            let (metrics, hold) = (Metrics::new("test"), Arc::clone(&over));
            let store = patient.open_store(&metrics).await;
            let (began, begun) = tokio::sync::oneshot::channel();
            let began = std::sync::Mutex::new(Some(began));
            tokio::spawn(async move {
                let began = Arc::new(began);
                let write = store.write(store::Isolation::ReadCommitted, move |tx| {
                    let (hold, began) = (Arc::clone(&hold), Arc::clone(&began));
                    async move {
                        tx.execute("UPDATE access_books_count SET value = value WHERE name = 'holder'", Vec::new())
                            .await?;
                        if let Some(began) = began.lock().unwrap().take() {
                            began.send(()).unwrap();
                        }
                        hold.notified().await;
                        Ok::<_, StoreError>(())
                    }
                    .boxed()
                });
                write.await.unwrap();
            });
            begun.await.unwrap();
            assert!(server.books.desk.store.engine() == store::Engine::Sqlite);
            Self(over)
        }

        async fn end(&self, bench: &Bench) {
            if let Place::Postgres(postgres) = &bench.place {
                postgres.start_again();
            }
            self.0.notify_one();
        }
    }

    pub(super) async fn prompts_are_kept_only_where_wanted(mut bench: Bench) {
        let server = bench.server().await;
        let say = |server: &Server, who: &Arc<Identity>, prompt: &str| {
            let (who, prompt) = (Arc::clone(who), prompt.to_owned());
            let purse = server.books.purse(&who);
            async move {
                let tab = purse.reserve(&format!("req_{prompt}").into(), exactly(0), Instant::now()).await.unwrap();
                tab.note(&Called { words: Some((prompt.as_bytes(), b"an answer")), ..called(&"sim/m".into(), 1) });
                tab.words_max()
            }
        };
        let (ours, theirs) = (user("acme", "k1"), user("other", "k2"));
        assert_eq!(say(&server, &ours, "secret").await, 0);
        (bench.ledger.prompts, bench.ledger.prompt_bytes_max) = (true, 6);
        server.books.reload(&bench.budget, &bench.ledger);
        assert_eq!(say(&server, &ours, "one and more").await, 6);
        bench.pass(1_000);
        say(&server, &ours, "two").await;
        say(&server, &theirs, "three").await;
        server.books.flush().await.unwrap();
        let admin = identity("acme", "boss", Role::Admin);
        let read = |who: &Arc<Identity>| {
            let who = Arc::clone(who);
            let books = Arc::clone(&server.books);
            async move {
                let page = books.prompts(&who, &PromptQuery::default(), None, None).await.unwrap();
                page.entries.into_iter().map(|row| format!("{} {}", row.prompt, row.answer)).collect::<Vec<_>>()
            }
        };
        assert_eq!(read(&admin).await, ["two an ans", "one an an ans"]);
        assert_eq!(read(&house()).await.len(), 3);
        for role in [Role::Viewer, Role::User, Role::Operator] {
            let who = identity("default", "x", role);
            let query = PromptQuery::default();
            assert!(matches!(server.books.prompts(&who, &query, None, None).await, Err(BooksError::Beyond { .. })));
            assert!(matches!(server.books.erase_prompts(&who, &query).await, Err(BooksError::Beyond { .. })));
        }
        let before = PromptQuery { before_ms: Some(NOON_MS + 1), ..PromptQuery::default() };
        assert_eq!(server.books.erase_prompts(&admin, &before).await.unwrap(), 1);
        assert_eq!(read(&admin).await, ["two an ans"]);
        // What waits to be written is erased too; what is somebody else's is not.
        say(&server, &ours, "four").await;
        assert_eq!(server.books.erase_prompts(&admin, &PromptQuery::default()).await.unwrap(), 2);
        assert_eq!(read(&house()).await, ["three an ans"]);
        let calls = server.books.calls(&house(), &CallQuery::default(), None, None).await.unwrap();
        assert_eq!(calls.entries.len(), 5, "the calls themselves stay");
        let audit = "SELECT COUNT(*) FROM access_audit WHERE action = 'prompts.erase' AND tenant = 'acme' AND \
                     actor = 'boss' AND detail LIKE '%\"erased\":%' AND detail NOT LIKE '%two%'";
        assert_eq!(server.numbers(audit).await, [[2]]);
    }
    use crate::BooksError;

    pub(super) async fn old_rows_are_removed(mut bench: Bench) {
        (bench.ledger.prompts, bench.ledger.calls_days, bench.ledger.prompts_days) = (true, 90, 7);
        bench.budget.key_usd_per_day = usd("1");
        let server = bench.server().await;
        for day in 0..100 {
            let tab = server.reserve(&user("acme", "k1"), exactly(10)).await.unwrap();
            for _ in 0..12 {
                tab.note(&Called { words: Some((b"a", b"b")), ..called(&"sim/m".into(), 1) });
            }
            drop(tab);
            if day < 99 {
                bench.pass(86_400_000);
            }
        }
        server.books.flush().await.unwrap();
        eventually("everything is given back", || async { server.books.desk.is_asleep() }).await;
        let config = server.books.desk.config.load_full();
        let now_ms = server.books.desk.clock.now_ms();
        assert!(!crate::purge::purge(&server.books.desk.store, &config, now_ms).await.unwrap());
        let count = |table: &str| {
            let sql = format!("SELECT COUNT(*) FROM access_{table}");
            let server = &server;
            async move { server.numbers(&sql).await[0][0] }
        };
        assert_eq!((count("ledger_call").await, count("ledger_prompt").await), (91 * 12, 8 * 12));
        assert_eq!((count("ledger_day").await, count("budget_window").await), (100, 41));
        let usage = server.books.usage(&house(), &UsageQuery::default(), None, None).await.unwrap();
        assert_eq!(usage.entries[0].calls, 1_200, "sums stay");
    }
}
