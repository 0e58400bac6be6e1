//! Processes that end without a word, stand still, or lose their database.

use super::*;
use crate::post::{self, Done, Order};
use crate::{Period, Scope};
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Mutex;

on_both!(
    a_crash_frees_what_was_held,
    who_stood_still_has_nothing_left,
    a_turn_is_never_taken_twice,
    lost_answers_change_nothing,
    killed_processes_keep_their_word,
);

/// Where the child finds the database; it is a child if this is set.
const CHILD: &str = "ALTHING_TEST_BOOKS_CHILD";

/// Runs in a process of its own, until it is killed: changes a budget, holds some money, spends other, and says so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(url) = std::env::var(CHILD) else { return };
    let metrics = Metrics::new("test");
    let store = settings::Store { url: Some(url.parse().unwrap()), ..settings::Store::default() };
    let store = Store::open(&Config::new(&store, "/".as_ref()).unwrap(), metrics.store()).await.unwrap();
    let budget = settings::Budget { lease_ms: 1_000, tenant_usd_per_day: usd("1"), ..settings::Budget::default() };
    let ledger = settings::Ledger { flush_ms: 250, ..settings::Ledger::default() };
    let clock = Clock::of(|| NOON_MS);
    let books = Books::open_with(store, &budget, &ledger, metrics.access(), clock).await.unwrap();
    let server = Server { books, metrics };
    let who = user("acme", "k1");
    let _held = server.reserve(&who, exactly(USD / 2)).await.unwrap();
    for at in 1_i64.. {
        server.pay(&who, 1_000).await.unwrap();
        println!("paid {at}");
        if at % 10 == 0 {
            let target = target(Scope::Key, "acme", "k9", Period::Total);
            let limit = at.to_string().parse().unwrap();
            server.books.set_budget(&house(), &target, &limit, None).await.unwrap();
            println!("set {at}");
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What a child has said, and when.
type Said = (String, i64, Instant);

/// A child that is killed at the latest when the test ends.
struct Child {
    process: std::process::Child,
    heard: Arc<Mutex<Vec<Said>>>,
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

fn listen(url: &str) -> Child {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "tests::crash::child", "--nocapture"])
        .env(CHILD, url)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let (lines, said) = (BufReader::new(process.stdout.take().unwrap()).lines(), Arc::clone(&heard));
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            if let Some((what, at)) = line.split_once(' ')
                && let Ok(at) = at.parse()
            {
                said.lock().unwrap().push((what.to_owned(), at, Instant::now()));
            }
        }
    });
    Child { process, heard }
}

mod cases {
    use super::*;

    pub(super) async fn a_crash_frees_what_was_held(mut bench: Bench) {
        bench.budget.key_usd_per_day = usd("1");
        bench.budget.wait_ms = 4_000;
        let (first, second) = (bench.server().await, bench.server().await);
        let who = user("acme", "k1");
        let held = first.reserve(&who, exactly(USD / 2)).await.unwrap();
        first.pay(&who, USD / 10).await.unwrap();
        first.books.flush().await.unwrap();
        first.crash();
        let began = Instant::now();
        second.pay(&who, USD * 9 / 10).await.unwrap();
        let took = began.elapsed();
        assert!(took > Duration::from_millis(500) && took < Duration::from_millis(3_000), "{took:?}");
        second.books.close().await;
        assert_eq!(second.standing().await, (USD, 0));
        drop(held);
    }

    pub(super) async fn who_stood_still_has_nothing_left(mut bench: Bench) {
        bench.budget.key_usd_per_day = usd("1");
        bench.budget.wait_ms = 3_000;
        let (first, second) = (bench.server().await, bench.server().await);
        let who = user("acme", "k1");
        for _ in 0..20 {
            first.pay(&who, USD / 1_000).await.unwrap();
        }
        let held = first.reserve(&who, exactly(USD / 2)).await.unwrap();
        let pause = first.books.desk.paused.lock().await;
        // The clerk may be asleep on its bell, or on its way to the pause.
        first.books.desk.ring();
        second.pay(&who, USD * 9 / 10).await.unwrap();
        second.books.flush().await.unwrap();
        assert!(!first.books.desk.has_leases());
        drop(pause);
        // What the first still had in memory is worth nothing now.
        let fault = first.pay(&who, USD / 10).await.unwrap_err();
        assert!(matches!(fault, SpendFault::Exhausted { .. }), "{fault}");
        first.books.flush().await.unwrap();
        // What a request holds is set aside again.
        eventually("it is", || async { second.standing().await == (USD * 92 / 100, USD / 2) }).await;
        spend(&held, USD / 4);
        drop(held);
        first.books.close().await;
        second.books.close().await;
        assert_eq!(second.standing().await, (USD * 117 / 100, 0));
        let notes = first.numbers("SELECT COUNT(*) FROM access_ledger_call").await;
        assert_eq!(notes, [[22]]);
    }

    pub(super) async fn a_turn_is_never_taken_twice(bench: Bench) {
        let server = bench.server().await;
        let desk = &server.books.desk;
        let account = desk.registry.account(&user("acme", "k1"));
        let mut queue = crate::ledger::Queue::default();
        let model = "sim/m".into();
        queue.push(crate::ledger::Entry::new(NOON_MS, &account, &"req_1".into(), &called(&model, 5)), 10);
        let mut batch = queue.batch();
        batch.number(&mut crate::ledger::Ids::default());
        let holder = post::register(&desk.store, Duration::from_secs(1)).await.unwrap();
        let name = crate::name::Name::of(Scope::Tenant, Period::Day, &"acme".into(), &"".into());
        let key = crate::name::Key { name, starts_day: 20_778 };
        let position = crate::turn::Position {
            limit: USD,
            alert_at: USD,
            leased: 0,
            held: 70,
            kept: 0,
            unwritten: 0,
            flushing: 5,
            target: 0,
        };
        let batch = Some(Arc::new(batch));
        let order = |turn| Order {
            holder,
            turn,
            lease: Duration::from_millis(1),
            keys: vec![key.clone()],
            positions: vec![position.clone()],
            asks: Vec::new(),
            batch: batch.clone(),
            renew: false,
            seen: None,
        };
        assert!(matches!(post::post(&desk.store, order(1)).await.unwrap(), Done::Turned(_)));
        let again = post::post(&desk.store, order(1)).await.unwrap();
        let Done::Already { leases, dead: false } = again else { panic!("{again:?}") };
        assert_eq!(leases, [(key.clone(), 70)]);
        assert_eq!(server.standing().await, (5, 70));
        assert_eq!(server.numbers("SELECT calls, cost FROM access_ledger_day").await, [[1, 5]]);
        // After it was declared dead, the last turn is still known to have happened, and the next one does not.
        tokio::time::sleep(Duration::from_millis(20)).await;
        post::expire(&desk.store, 0).await.unwrap();
        assert_eq!(server.standing().await, (5, 0));
        assert!(matches!(post::post(&desk.store, order(1)).await.unwrap(), Done::Already { dead: true, .. }));
        assert!(matches!(post::post(&desk.store, order(2)).await.unwrap(), Done::Dead));
        assert_eq!(server.standing().await, (5, 0));
    }

    pub(super) async fn lost_answers_change_nothing(mut bench: Bench) {
        bench.budget.tenant_usd_per_day = usd("1");
        bench.ledger.flush_ms = 10;
        let server = bench.server().await;
        let who = user("acme", "k1");
        let (mut paid, mut refused, mut unwritten) = (0, 0, 0);
        for round in 0..60 {
            server.books.desk.deaf.store(round % 2 == 0, Ordering::SeqCst);
            match server.pay(&who, USD / 1_000).await {
                Ok(()) => paid += 1,
                Err(SpendFault::Unavailable { .. }) => refused += 1,
                Err(fault) => panic!("{fault}"),
            }
            unwritten += i32::from(server.books.flush().await.is_err());
        }
        assert!(paid > 0 && refused > 0 && unwritten > 0, "{paid} {refused} {unwritten}");
        server.books.close().await;
        assert_eq!(server.standing().await, (paid * USD / 1_000, 0));
        let calls =
            "SELECT CAST(SUM(calls) AS BIGINT), (SELECT COUNT(*) FROM access_ledger_call) FROM access_ledger_day";
        assert_eq!(server.numbers(calls).await, [[paid, paid]]);
    }

    pub(super) async fn killed_processes_keep_their_word(mut bench: Bench) {
        bench.budget.tenant_usd_per_day = usd("1");
        bench.budget.wait_ms = 20_000;
        let server = bench.server().await;
        let url = match &bench.place {
            Place::Sqlite(folder) => format!("sqlite:{}", folder.path().join("althing.db").display()),
            Place::Postgres(postgres) => postgres.url(),
            Place::File(_) => panic!("nobody else's"),
        };
        let mut child = listen(&url);
        let began = Instant::now();
        while child.heard.lock().unwrap().len() < 500 {
            assert!(began.elapsed() < Duration::from_secs(60), "the child says too little");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let killed = Instant::now();
        child.process.kill().unwrap();
        child.process.wait().unwrap();
        let heard = child.heard.lock().unwrap().clone();
        let last = |what: &str| heard.iter().filter(|said| said.0 == what).map(|said| said.1).max().unwrap();
        let set = server.numbers("SELECT usd_nano FROM access_budget WHERE subject = 'k9'").await[0][0];
        assert!(set == last("set") * USD || set == (last("set") + 10) * USD, "{set}");
        // Whatever is older than `flush_ms`, and the time that one flush takes on a busy machine, is there.
        let old = |said: &&Said| said.0 == "paid" && killed - said.2 > Duration::from_millis(2_000);
        let old = heard.iter().filter(old).map(|said| said.1).max().unwrap_or(0);
        let calls = server.numbers("SELECT COUNT(*) FROM access_ledger_call").await[0][0];
        assert!(old > 0 && calls >= old && calls <= last("paid") + 1, "{old} {calls}");
        server.pay(&user("acme", "k2"), USD * 9 / 10).await.unwrap();
        server.books.close().await;
        assert_eq!(server.standing().await, (USD * 9 / 10 + calls * 1_000, 0));
    }
}
