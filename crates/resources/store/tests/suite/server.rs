//! PostgreSQL alone: poolers, replicas, and a server that goes away.

use crate::backend::{Backend, Site, exec};
use crate::logs::captured;
use fault::{Explain, Kind};
use futures_util::FutureExt;
use futures_util::future::join_all;
use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use store::{Config, Isolation, Store, StoreError, args};
use testkit::Postgres;

async fn site(backend: &Backend) -> Site {
    let site = backend.open().await;
    site.exec("CREATE TABLE item (id BIGINT PRIMARY KEY)", args![]).await.unwrap();
    site
}

const INSERT: &str = "INSERT INTO item (id) VALUES ($1)";

/// How many statements its connection keeps prepared.
async fn prepared(site: &Site) -> i64 {
    let asked = site.store.write(Isolation::Serializable, |tx| {
        async move {
            for id in 0..3_i64 {
                tx.fetch_all("SELECT id FROM item WHERE id = $1", args![id]).await?;
            }
            let sql = "SELECT COUNT(*) FROM pg_prepared_statements WHERE statement LIKE 'SELECT id FROM item%'";
            tx.fetch_one(sql, args![]).await?.get(0)
        }
        .boxed()
    });
    let asked: Result<i64, StoreError> = asked.await;
    asked.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_are_kept_prepared_only_where_the_server_itself_answers() {
    assert_eq!(prepared(&site(&Backend::postgres()).await).await, 1);
    assert_eq!(prepared(&site(&Backend::pgbouncer()).await).await, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_gives_every_transaction_another_connection() {
    let mut backend = Backend::pgbouncer();
    backend.settings.pool_max = 1;
    backend.settings.pool_min = 1;
    let sites = [site(&backend).await, backend.open().await, backend.open().await, backend.open().await];
    // On a busy machine it can take a while until two get into each other's way.
    let mut written = 0;
    while !switched(&sites, written).await {
        written += 60;
        assert!(written < 6_000, "connections were never switched");
    }
    assert_eq!(sites[0].int("SELECT COUNT(*) FROM item").await, 4 * (written + 60));
}

/// Sixty transactions of each client at the same time; whether one of them saw more than one connection.
async fn switched(sites: &[Site; 4], from: i64) -> bool {
    let clients = sites.iter().enumerate().map(|(client, site)| async move {
        let mut servers = HashSet::new();
        for step in from..from + 60 {
            let id = client as i64 * 1_000_000 + step;
            let write = site.store.write(Isolation::Serializable, move |tx| {
                async move {
                    tx.execute(INSERT, args![id]).await?;
                    let found: i64 = tx.fetch_one("SELECT id FROM item WHERE id = $1", args![id]).await?.get(0)?;
                    assert_eq!(found, id);
                    tx.fetch_one("SELECT pg_backend_pid()", args![]).await?.get::<i64>(0)
                }
                .boxed()
            });
            servers.insert(write.await.unwrap());
        }
        servers.len()
    });
    join_all(clients).await.into_iter().any(|servers| servers > 1)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_limit_holds_behind_a_pooler_too() {
    let mut backend = Backend::pgbouncer();
    backend.settings.transaction_ms = 1_234;
    for (backend, expected) in [(backend, "1234ms"), (Backend::postgres(), "10s")] {
        let site = site(&backend).await;
        let told = site.rows("SELECT current_setting('statement_timeout')", args![]).await.unwrap();
        let told: String = told[0].get(0).unwrap();
        assert_eq!(told, expected);
    }
}

/// Writers that go on whatever happens, until they are told to stop; gives what was acknowledged, the errors, and the
/// longest wait for one.
async fn load(site: &Site, stop: Arc<AtomicBool>) -> (Vec<i64>, Vec<StoreError>, Duration) {
    let writers = (0..16_i64).map(|writer| {
        let (store, stop) = (site.store.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            let (mut kept, mut errors, mut longest) = (Vec::new(), Vec::new(), Duration::ZERO);
            for step in 0.. {
                if stop.load(Ordering::Relaxed) {
                    break;
                }
                let (id, began) = (writer * 1_000_000 + step, Instant::now());
                match exec(&store, INSERT, args![id]).await {
                    Ok(_) => kept.push(id),
                    Err(error) => {
                        longest = longest.max(began.elapsed());
                        errors.push(error);
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                }
            }
            (kept, errors, longest)
        })
    });
    let mut all = (Vec::new(), Vec::new(), Duration::ZERO);
    for (kept, errors, longest) in join_all(writers).await.into_iter().map(Result::unwrap) {
        all.0.extend(kept);
        all.1.extend(errors);
        all.2 = all.2.max(longest);
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_and_starts_costs_nothing_that_was_acknowledged() {
    let ways: [fn(&Postgres); 3] = [Postgres::stop, Postgres::stop_immediate, Postgres::kill];
    let backend = Backend::postgres();
    let (site, postgres) = (site(&backend).await, backend.postgres.as_ref().unwrap());
    for (at, stop_server) in ways.into_iter().enumerate() {
        site.exec("DELETE FROM item", args![]).await.unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let events = async {
            tokio::time::sleep(Duration::from_millis(400)).await;
            tokio::task::block_in_place(|| stop_server(postgres));
            tokio::time::sleep(Duration::from_millis(600)).await;
            tokio::task::block_in_place(|| postgres.start_again());
            let back = Instant::now();
            while site.rows("SELECT 1", args![]).await.is_err() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            let back = back.elapsed();
            tokio::time::sleep(Duration::from_millis(200)).await;
            stop.store(true, Ordering::Relaxed);
            back
        };
        let ((kept, errors, longest), back) = tokio::join!(load(&site, Arc::clone(&stop)), events);
        let rows = site.rows("SELECT id FROM item", args![]).await.unwrap();
        let found: HashSet<i64> = rows.iter().map(|row| row.get(0).unwrap()).collect();
        assert!(!errors.is_empty() && kept.iter().all(|id| found.contains(id)), "way {at}");
        for error in &errors {
            assert!(matches!(error, StoreError::Unreachable { .. }), "way {at}: {error:?}");
            assert_eq!(error.kind(), Kind::Unavailable);
        }
        // A transaction under way when everything is killed is told by the system, at once.
        assert!(longest < Duration::from_millis(1_500), "way {at}: waited {longest:?} for an error");
        assert!(back < Duration::from_secs(2), "way {at}: {back:?}");
        assert!(site.is_quiet().await);
        println!("way {at}: {} kept, {} errors, longest {longest:?}, back after {back:?}", kept.len(), errors.len());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_died_in_the_pool_are_noticed_by_nobody() {
    let backend = Backend::postgres();
    let (site, postgres) = (site(&backend).await, backend.postgres.as_ref().unwrap());
    for _ in 0..2 {
        let held = join_all((0..10).map(|_| site.rows("SELECT pg_sleep(0.1)", args![]))).await;
        assert!(held.iter().all(Result::is_ok));
        tokio::task::block_in_place(|| {
            postgres.stop_immediate();
            postgres.start_again();
        });
        let mut asked = Vec::new();
        for id in 0..30_i64 {
            let store = site.store.clone();
            asked.push(tokio::spawn(async move {
                exec(&store, "INSERT INTO item VALUES ($1) ON CONFLICT DO NOTHING", args![id]).await
            }));
        }
        for asked in join_all(asked).await {
            asked.unwrap().unwrap();
        }
    }
    assert!(site.is_quiet().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_down_is_told_at_once() {
    let backend = Backend::postgres();
    let (site, postgres) = (site(&backend).await, backend.postgres.as_ref().unwrap());
    tokio::task::block_in_place(|| postgres.stop());
    let began = Instant::now();
    for _ in 0..200 {
        let error = site.exec(INSERT, args![1_i64]).await.unwrap_err();
        assert!(matches!(error, StoreError::Unreachable { .. }), "{error:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?} for 200 errors", began.elapsed());
    assert!(matches!(backend.try_open().await.err().unwrap(), StoreError::Unreachable { .. }));
    tokio::task::block_in_place(|| postgres.start_again());
    tokio::time::sleep(Duration::from_millis(300)).await;
    site.exec(INSERT, args![1_i64]).await.unwrap();
    assert!(site.is_quiet().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_stops_is_told_at_once() {
    let backend = Backend::pgbouncer();
    let site = site(&backend).await;
    tokio::task::block_in_place(|| backend.pooler.as_ref().unwrap().stop());
    let began = Instant::now();
    for _ in 0..50 {
        assert!(matches!(site.exec(INSERT, args![1_i64]).await, Err(StoreError::Unreachable { .. })));
    }
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_reads_that_may_be_stale_go_to_the_replica() {
    let mut backend = Backend::postgres();
    let url = backend.postgres.as_ref().unwrap().create_database("copy");
    backend.settings.replica_url = Some(url.parse().unwrap());
    let primary =
        Backend { settings: settings::Store { replica_url: None, ..backend.settings.clone() }, ..Backend::sqlite() };
    site(&primary).await.exec("INSERT INTO item VALUES (1)", args![]).await.unwrap();
    let planted = Backend {
        settings: settings::Store { url: Some(url.parse().unwrap()), ..settings::Store::default() },
        ..Backend::sqlite()
    };
    site(&planted).await.exec("INSERT INTO item VALUES (2)", args![]).await.unwrap();
    let site = backend.open().await;
    const ASK: &str = "SELECT CAST(SUM(id) AS BIGINT) FROM item";
    let stale: Result<i64, StoreError> =
        site.store.read_stale(|tx| async move { tx.fetch_one(ASK, args![]).await?.get(0) }.boxed()).await;
    let write = site.store.write(Isolation::Serializable, |tx| {
        async move {
            tx.execute(INSERT, args![10_i64]).await?;
            tx.fetch_one(ASK, args![]).await?.get::<i64>(0)
        }
        .boxed()
    });
    assert_eq!((stale.unwrap(), write.await.unwrap(), site.int(ASK).await), (2, 11, 11));
    let stale = site.store.read_stale(|tx| tx.execute(INSERT, args![3_i64]).boxed());
    let stale: Result<u64, StoreError> = stale.await;
    assert!(matches!(stale, Err(StoreError::ReadOnly { .. })), "{stale:?}");
    let without: Result<i64, StoreError> = primary
        .open()
        .await
        .store
        .read_stale(|tx| async move { tx.fetch_one(ASK, args![]).await?.get(0) }.boxed())
        .await;
    assert_eq!(without.unwrap(), 11, "without a replica there is only the primary");
    assert!(site.is_quiet().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_in_no_error_and_in_no_log() {
    const SECRET: &str = "s3cret-Pa55";
    let (log, _guard) = captured();
    let postgres = Postgres::start();
    postgres.psql(&format!("CREATE ROLE ada LOGIN PASSWORD '{SECRET}'; GRANT ALL ON SCHEMA public TO ada"));
    let hba = postgres.data_dir().join("pg_hba.conf");
    std::fs::write(&hba, "host all ada 127.0.0.1/32 scram-sha-256\nhost all all 127.0.0.1/32 trust\n").unwrap();
    postgres.psql("SELECT pg_reload_conf()");
    tokio::time::sleep(Duration::from_millis(200)).await;
    let (port, mut seen) = (postgres.port(), String::new());
    let good = format!("postgres://ada:{SECRET}@127.0.0.1:{port}/althing?sslmode=disable");
    let mut urls = vec![
        good.replace(SECRET, "wrong-s3cret-Pa55"),
        good.replace("/althing?", "/nowhere?"),
        good.replace(&port.to_string(), "1"),
        good.replace("127.0.0.1", "no-such-host.invalid"),
        good.replace("sslmode=disable", "sslmode=nonsense"),
        good.replace("sslmode=disable", "sslmode=require"),
        good.replace("sslmode=disable", &format!("passwd={SECRET}")),
        good.replace(':', "::"),
        format!("postgres://ada:{SECRET}@127.0.0.1:99999/althing"),
        format!("postgres://127.0.0.1:{port}/althing?user=ada&password=wrong-{SECRET}&sslmode=disable"),
    ];
    urls.push(good.clone());
    for text in &urls {
        let data = tempfile::tempdir().unwrap();
        let url: Result<settings::StoreUrl, _> = text.parse();
        let Ok(parsed) = url.inspect_err(|error| seen += &format!("{error} {error:?}\n")) else { continue };
        let settings = settings::Store { url: Some(parsed), ..settings::Store::default() };
        seen += &format!("{settings:?}\n");
        let config = match Config::new(&settings, data.path()) {
            Ok(config) => config,
            Err(error) => {
                seen += &format!("{error} {error:?} {:?}\n", error.hint());
                continue;
            }
        };
        seen += &format!("{config:?} {}\n", config.shown());
        match Store::open(&config, measure::Metrics::new("test").store()).await {
            Ok(store) => {
                assert_eq!(*text, good);
                seen += store.shown();
                for sql in ["CREATE TABLE mine (id BIGINT PRIMARY KEY)", "nonsense", "INSERT INTO mine VALUES (1), (1)"]
                {
                    seen += &format!("{:?}\n", exec(&store, sql, args![]).await);
                }
                store.close().await;
            }
            Err(error) => seen += &format!("{error} {error:?} {:?}\n", error.hint()),
        }
    }
    assert!(seen.contains("password authentication failed"), "{seen}");
    assert!(seen.contains("ada:***@127.0.0.1"), "{seen}");
    let log = log.text();
    assert!(!seen.contains("Pa55"), "{seen}");
    assert!(!log.contains("Pa55"), "{log}");
}
