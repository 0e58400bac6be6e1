//! One process: reservations, waiting, settling, windows, alerts.

use super::on_both;

on_both!(
    a_hundred_at_once_share_a_budget_for_ten,
    all_of_a_budget_can_be_used,
    what_is_not_spent_goes_back,
    the_first_in_line_is_served_first,
    who_cannot_wait_is_told,
    windows_roll_over_at_midnight,
    an_open_end_takes_what_is_left,
    alerts_are_raised_once,
    without_budgets_nothing_is_asked,
    overruns_are_counted_and_charged,
    one_request_may_cost_too_much,
    the_line_is_bounded,
    idle_money_goes_back_and_the_clerk_sleeps,
);

mod cases {
    use super::super::*;

    pub(super) async fn a_hundred_at_once_share_a_budget_for_ten(mut bench: Bench) {
        bench.budget.key_usd_per_day = usd("1");
        let server = bench.server().await;
        let who = user("acme", "k1");
        let ask = |_| async {
            let tab = server.reserve(&who, exactly(USD / 10)).await?;
            tokio::time::sleep(Duration::from_millis(100)).await;
            spend(&tab, USD / 10);
            Ok::<_, SpendFault>(())
        };
        let results = futures_util::future::join_all((0..100).map(ask)).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 10);
        for refused in results.into_iter().filter_map(Result::err) {
            let SpendFault::Exhausted { whose, until, left, need, resets_in } = refused else { panic!("{refused}") };
            assert_eq!((whose, until, left, need), ("this key", "today", 0, USD / 10));
            assert_eq!(resets_in, Some(Duration::from_secs(43_200)));
        }
        server.books.flush().await.unwrap();
        assert_eq!(server.standing().await, (USD, 0));
    }

    pub(super) async fn all_of_a_budget_can_be_used(mut bench: Bench) {
        bench.budget.key_usd_per_day = usd("1");
        bench.budget.tenant_usd_per_day = usd("5");
        bench.budget.usd_per_day = usd("50");
        let server = bench.server().await;
        let who = user("acme", "k1");
        for _ in 0..1_000 {
            server.pay(&who, USD / 1_000).await.unwrap();
        }
        assert!(matches!(server.pay(&who, 1).await, Err(SpendFault::Exhausted { left: 0, .. })));
        server.pay(&user("acme", "k2"), USD / 1_000).await.unwrap();
        server.books.close().await;
        assert_eq!(server.standing().await, (USD + 2 * (USD + USD / 1_000) + USD / 1_000, 0));
    }

    pub(super) async fn what_is_not_spent_goes_back(mut bench: Bench) {
        bench.budget.key_usd_per_day = usd("1");
        let server = bench.server().await;
        let who = user("acme", "k1");
        for at in 0..50 {
            let tab = server.reserve(&who, exactly(USD - at)).await.unwrap();
            let again = Arc::clone(&tab);
            spend(&tab, 1);
            drop(tab);
            drop(again);
        }
        // Whoever gives up waiting holds nothing.
        let tab = server.reserve(&who, exactly(USD - 50)).await.unwrap();
        let impatient = tokio::time::timeout(Duration::from_millis(20), server.reserve(&who, exactly(USD - 50)));
        assert!(impatient.await.is_err());
        drop(tab);
        server.reserve(&who, exactly(USD - 50)).await.unwrap();
        server.books.close().await;
        assert_eq!(server.standing().await, (50, 0));
    }

    pub(super) async fn the_first_in_line_is_served_first(mut bench: Bench) {
        bench.budget.key_usd_per_day = usd("1");
        let server = bench.server().await;
        let who = user("acme", "k1");
        let all = server.reserve(&who, exactly(USD)).await.unwrap();
        let served = std::sync::Mutex::new(Vec::new());
        let ask = |at: u64| {
            let (server, who, served) = (&server, &who, &served);
            async move {
                tokio::time::sleep(Duration::from_millis(at * 20)).await;
                let most = if at == 0 { USD } else { USD / 100 };
                let tab = server.reserve(who, exactly(most)).await.unwrap();
                served.lock().unwrap().push(at);
                drop(tab);
            }
        };
        let release = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            drop(all);
        };
        futures_util::future::join(futures_util::future::join_all((0..5).map(ask)), release).await;
        let served = served.into_inner().unwrap();
        assert_eq!((served[0], served.len()), (0, 5), "the large one was first in line: {served:?}");
        assert_eq!(server.metric("althing_budget_reservations_total{outcome=\"waited\"}"), 5.0);
    }

    pub(super) async fn who_cannot_wait_is_told(mut bench: Bench) {
        bench.budget.tenant_usd_per_day = usd("1");
        bench.budget.wait_ms = 150;
        let server = bench.server().await;
        let _all = server.reserve(&user("acme", "k1"), exactly(USD * 9 / 10)).await.unwrap();
        let began = Instant::now();
        let fault = server.reserve(&user("acme", "k2"), exactly(USD / 5)).await.err().unwrap();
        let waited = began.elapsed();
        assert!(waited >= Duration::from_millis(140) && waited < Duration::from_secs(1), "{waited:?}");
        let SpendFault::Exhausted { whose, left, need, .. } = fault else { panic!("{fault}") };
        assert_eq!((whose, left, need), ("the tenant", USD / 10, USD / 5));
        // What can never be had is refused at once.
        let began = Instant::now();
        server.reserve(&user("acme", "k2"), exactly(2 * USD)).await.err().unwrap();
        assert!(began.elapsed() < Duration::from_millis(140));
        // A deadline counts too.
        let (deadline, began) = (Instant::now() + Duration::from_millis(120), Instant::now());
        let purse = server.books.purse(&user("acme", "k2"));
        purse.reserve(&caller::new_request_id(), exactly(USD / 5), deadline).await.err().unwrap();
        assert!(began.elapsed() < Duration::from_millis(140));
    }

    pub(super) async fn windows_roll_over_at_midnight(mut bench: Bench) {
        bench.budget.key_usd_per_day = usd("1");
        let server = bench.server().await;
        let who = user("acme", "k1");
        let tab = server.reserve(&who, exactly(USD)).await.unwrap();
        bench.pass(43_200_000 - 1);
        bench.budget.wait_ms = 0;
        server.books.reload(&bench.budget, &bench.ledger);
        assert!(server.reserve(&who, exactly(1)).await.is_err());
        bench.pass(1);
        server.pay(&who, USD / 4).await.unwrap();
        spend(&tab, USD / 2);
        drop(tab);
        server.books.close().await;
        let windows = "SELECT starts_day, spent, reserved FROM access_budget_window ORDER BY starts_day";
        let expected = [vec![20_778, USD / 2, 0], vec![20_779, USD / 4, 0]];
        assert_eq!(server.numbers(windows).await, expected, "what began yesterday counts as yesterday's");
    }

    pub(super) async fn an_open_end_takes_what_is_left(mut bench: Bench) {
        bench.budget.key_usd_per_day = usd("1");
        bench.budget.tenant_usd_per_day = usd("10");
        bench.budget.wait_ms = 0;
        let server = bench.server().await;
        let who = user("acme", "k1");
        let open = Need { most: 3 * USD, likely: USD / 10, bounded: false };
        let tab = server.reserve(&who, open).await.unwrap();
        assert!(server.reserve(&who, open).await.is_err(), "the first has it all");
        spend(&tab, USD / 2);
        drop(tab);
        drop(server.reserve(&who, open).await.unwrap());
        server.pay(&who, USD * 45 / 100).await.unwrap();
        let fault = server.reserve(&who, open).await.err().unwrap();
        assert!(matches!(fault, SpendFault::Exhausted { left, need, .. } if left == USD / 20 && need == USD / 10));
        server.books.close().await;
        assert_eq!(server.standing().await, (2 * (USD * 95 / 100), 0));
    }

    pub(super) async fn alerts_are_raised_once(mut bench: Bench) {
        bench.budget.tenant_usd_per_day = usd("1");
        let servers = [bench.server().await, bench.server().await, bench.server().await];
        let alerts = || -> f64 {
            servers.iter().map(|server| server.metric("althing_budget_alerts_total{scope=\"tenant\"}")).sum()
        };
        let who = user("acme", "k1");
        for at in 0..79 {
            servers[at % 3].pay(&who, USD / 100).await.unwrap();
        }
        for server in &servers {
            server.books.flush().await.unwrap();
        }
        assert_eq!(alerts(), 0.0);
        let who = &who;
        let pay = |server| async move {
            for _ in 0..5 {
                Server::pay(server, who, USD / 100).await.unwrap();
                server.books.flush().await.unwrap();
            }
        };
        futures_util::future::join_all(servers.iter().map(pay)).await;
        assert_eq!(alerts(), 1.0);
    }

    pub(super) async fn without_budgets_nothing_is_asked(bench: Bench) {
        let server = bench.server().await;
        server.books.desk.store.close().await;
        for _ in 0..100 {
            server.pay(&user("acme", "k1"), 1_000 * USD).await.unwrap();
        }
        assert_eq!(server.books.desk.queue().len(), 100);
    }

    pub(super) async fn overruns_are_counted_and_charged(mut bench: Bench) {
        bench.budget.key_usd_per_day = usd("1");
        let server = bench.server().await;
        let who = user("acme", "k1");
        let tab = server.reserve(&who, exactly(USD / 2)).await.unwrap();
        spend(&tab, USD / 2);
        spend(&tab, USD);
        drop(tab);
        let free = server.reserve(&who, exactly(0)).await.unwrap();
        spend(&free, 7);
        drop(free);
        server.books.flush().await.unwrap();
        assert_eq!(server.standing().await, (USD * 3 / 2 + 7, 0));
        assert_eq!(server.metric("althing_budget_overruns_total"), 2.0);
        assert!(matches!(server.pay(&who, 1).await, Err(SpendFault::Exhausted { left: 0, .. })));
        drop(server.reserve(&who, exactly(0)).await.unwrap());
    }

    pub(super) async fn one_request_may_cost_too_much(mut bench: Bench) {
        bench.budget.request_usd_max = usd("0.5");
        let server = bench.server().await;
        let who = user("acme", "k1");
        let expected = SpendFault::TooExpensive { need: USD, most: USD / 2 };
        assert_eq!(server.reserve(&who, exactly(USD)).await.err(), Some(expected));
        server.reserve(&who, exactly(USD / 2)).await.unwrap();
        let open = |likely| Need { most: 9 * USD, likely, bounded: false };
        server.reserve(&who, open(USD / 2)).await.unwrap();
        server.reserve(&who, open(USD)).await.err().unwrap();
    }

    pub(super) async fn idle_money_goes_back_and_the_clerk_sleeps(mut bench: Bench) {
        bench.budget.key_usd_per_day = usd("100");
        let server = bench.server().await;
        let who = user("acme", "k1");
        for _ in 0..200 {
            server.pay(&who, USD / 1_000).await.unwrap();
        }
        eventually("nothing is reserved", || async { server.standing().await == (USD / 5, 0) }).await;
        eventually("the clerk sleeps", || async { server.books.desk.is_asleep() }).await;
        server.pay(&who, USD).await.unwrap();
        eventually("nothing is reserved", || async { server.standing().await == (USD / 5 + USD, 0) }).await;
    }

    pub(super) async fn the_line_is_bounded(mut bench: Bench) {
        bench.budget.key_usd_per_day = usd("1");
        bench.budget.wait_ms = 60_000;
        let server = bench.server().await;
        let who = user("acme", "k1");
        let all = server.reserve(&who, exactly(USD)).await.unwrap();
        let ask = |_| Box::pin(server.reserve(&who, exactly(USD / 20_000)));
        let asked = futures_util::future::select_all((0..10_001).map(ask)).await;
        let (fault, waiting) = (asked.0.err().unwrap(), asked.2);
        assert!(matches!(&fault, SpendFault::Unavailable { reason } if reason.contains("too many")), "{fault}");
        drop(all);
        let served = futures_util::future::join_all(waiting).await;
        assert_eq!(served.iter().filter(|tab| tab.is_ok()).count(), 10_000);
    }
}
