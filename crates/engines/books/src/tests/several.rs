//! Three processes on one database.

use super::on_both;

on_both!(a_hundred_at_three_share_a_budget_for_ten, idle_money_of_one_serves_another, limits_hold_at_any_time);

mod cases {
    use super::super::*;
    use std::sync::atomic::AtomicBool;

    async fn three(bench: &Bench) -> [Server; 3] {
        [bench.server().await, bench.server().await, bench.server().await]
    }

    pub(super) async fn a_hundred_at_three_share_a_budget_for_ten(mut bench: Bench) {
        bench.budget.tenant_usd_per_day = usd("1");
        bench.budget.wait_ms = 8_000;
        let servers = three(&bench).await;
        let who = user("acme", "k1");
        let ask = |at: usize| {
            let (server, who) = (&servers[at % 3], &who);
            async move {
                let tab = server.reserve(who, exactly(USD / 10)).await?;
                tokio::time::sleep(Duration::from_millis(30)).await;
                spend(&tab, USD / 10);
                Ok::<_, SpendFault>(())
            }
        };
        let results = futures_util::future::join_all((0..100).map(ask)).await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 10);
        for server in &servers {
            server.books.close().await;
        }
        assert_eq!(servers[0].standing().await, (USD, 0));
    }

    pub(super) async fn idle_money_of_one_serves_another(mut bench: Bench) {
        bench.budget.key_usd_per_day = usd("1");
        let servers = three(&bench).await;
        let who = user("acme", "k1");
        // The first two lease ahead of what they spend; the last wants all that is left.
        for _ in 0..30 {
            servers[0].pay(&who, USD / 100).await.unwrap();
            servers[1].pay(&who, USD / 100).await.unwrap();
        }
        servers[2].pay(&who, USD * 4 / 10).await.unwrap();
        for server in &servers {
            server.books.close().await;
        }
        assert_eq!(servers[0].standing().await, (USD, 0));
    }

    /// Requests of all sizes, some of which cost less than they reserve; what is granted and not settled, and what is
    /// spent, never exceed the limit together, neither as the store sees it nor as the requests do.
    pub(super) async fn limits_hold_at_any_time(mut bench: Bench) {
        bench.budget.tenant_usd_per_day = usd("1");
        bench.budget.key_usd_per_day = usd("0.6");
        let servers = three(&bench).await;
        let (held, most_held, done) = (AtomicI64::new(0), AtomicI64::new(0), AtomicBool::new(false));
        let ask = |at: usize| {
            let (server, held, most_held) = (&servers[at % 3], &held, &most_held);
            let who = user("acme", if at.is_multiple_of(2) { "k1" } else { "k2" });
            async move {
                let mut chance = fastrand::Rng::with_seed(at as u64);
                for _ in 0..12 {
                    let most = chance.i64(1..USD / 40);
                    let Ok(tab) = server.reserve(&who, exactly(most)).await else { continue };
                    most_held.fetch_max(held.fetch_add(most, Ordering::SeqCst) + most, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(chance.u64(0..20))).await;
                    let cost = chance.i64(0..=most);
                    spend(&tab, cost);
                    held.fetch_sub(most - cost, Ordering::SeqCst);
                }
            }
        };
        let work = async {
            futures_util::future::join_all((0..60).map(ask)).await;
            done.store(true, Ordering::SeqCst);
        };
        let watch = async {
            let windows = "SELECT spent + reserved FROM access_budget_window ORDER BY scope, tenant, subject";
            while !done.load(Ordering::SeqCst) {
                let found = servers[0].numbers(windows).await;
                for (sum, limit) in found.iter().zip([USD * 6 / 10, USD * 6 / 10, USD]) {
                    assert!(sum[0] <= limit, "{found:?}");
                }
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        futures_util::future::join(work, watch).await;
        let spent = held.into_inner();
        assert!(most_held.into_inner() <= USD);
        assert!(spent > USD * 9 / 10, "most of it could be used: {spent}");
        for server in &servers {
            server.books.close().await;
        }
        assert_eq!(servers[0].standing().await, (2 * spent, 0));
    }
}
