//! Budgets that are set and removed while serving.

use super::on_both;

on_both!(
    budgets_are_set_listed_and_removed,
    a_stale_version_is_refused,
    only_who_runs_the_server_sets_budgets,
    other_processes_learn_of_changes,
    what_is_set_holds_for_what_is_leased,
    more_money_raises_a_new_alert,
    many_budgets_are_read_in_parts,
);

mod cases {
    use super::super::*;
    use crate::{BooksError, BudgetState, Period, Scope, Source};

    async fn set(server: &Server, target: &BudgetTarget, limit: &str) -> i64 {
        let limit = limit.parse().unwrap();
        server.books.set_budget(&house(), target, &limit, None).await.unwrap().version
    }

    async fn listed(server: &Server, who: &Identity) -> Vec<BudgetState> {
        let mut found = Vec::new();
        let mut cursor = None;
        loop {
            let page = server.books.budgets(who, cursor.as_deref(), Some(2)).await.unwrap();
            found.extend(page.entries);
            cursor = page.cursor;
            if cursor.is_none() {
                return found;
            }
        }
    }

    pub(super) async fn budgets_are_set_listed_and_removed(mut bench: Bench) {
        bench.budget.key_usd_per_day = usd("5");
        bench.budget.usd_per_day = usd("100");
        let server = bench.server().await;
        assert_eq!(listed(&server, &house()).await.len(), 1, "the server's, of which nothing is spent");
        let month = target(Scope::Tenant, "acme", "", Period::Month);
        set(&server, &month, "20.25").await;
        set(&server, &target(Scope::Key, "acme", "k1", Period::Day), "2").await;
        server.pay(&user("acme", "k1"), USD).await.unwrap();
        server.pay(&user("acme", "k2"), USD / 2).await.unwrap();
        server.pay(&user("other", "k3"), USD / 2).await.unwrap();
        assert!(server.pay(&user("acme", "k1"), USD * 3 / 2).await.is_err());
        eventually("nothing is reserved", || async { server.standing().await.1 == 0 }).await;
        let shown = |state: &BudgetState| {
            let part = |text: &Option<String>| text.clone().unwrap_or_default();
            let (scope, period) = (state.target.scope.name(), state.target.period.name());
            let of = format!("{scope} {} {} {period}", part(&state.target.tenant), part(&state.target.subject));
            assert_eq!(state.reserved_usd, "0");
            (of, format!("{} {} {}", state.limit_usd, state.spent_usd, state.left_usd), state.from)
        };
        let all: Vec<_> = listed(&server, &house()).await.iter().map(shown).collect();
        let row = |of: &str, amounts: &str, from| (of.to_owned(), amounts.to_owned(), from);
        let acme = [
            row("key acme k1 day", "2 1 1", Source::Store),
            row("key acme k2 day", "5 0.5 4.5", Source::Settings),
            row("tenant acme  month", "20.25 1.5 18.75", Source::Store),
        ];
        let others =
            [row("key other k3 day", "5 0.5 4.5", Source::Settings), row("server   day", "100 2 98", Source::Settings)];
        assert_eq!(all, [&acme[0], &acme[1], &others[0], &others[1], &acme[2]].map(Clone::clone));
        let own: Vec<_> = listed(&server, &user("acme", "k1")).await.iter().map(shown).collect();
        assert_eq!(own, acme);
        server.books.remove_budget(&house(), &month, None).await.unwrap();
        let gone = server.books.remove_budget(&house(), &month, None).await.unwrap_err();
        assert_eq!(gone.to_string(), "there is no budget `tenant/acme/month`");
        assert_eq!(listed(&server, &user("acme", "k1")).await.len(), 2);
        let audit = "SELECT COUNT(*) FROM access_audit WHERE actor = 'root' AND tenant = 'acme' AND \
                     action = 'budget.set' OR action = 'budget.remove' AND target = 'tenant/acme/month' AND \
                     detail LIKE '%\"before_usd\":\"20.25\"%'";
        assert_eq!(server.numbers(audit).await, [[3]]);
    }

    pub(super) async fn a_stale_version_is_refused(bench: Bench) {
        let server = bench.server().await;
        let which = target(Scope::Tenant, "acme", "", Period::Day);
        let one = "1".parse().unwrap();
        let put = |expected| server.books.set_budget(&HOUSE, &which, &one, expected);
        let first = put(Some(0)).await.unwrap().version;
        let stale = put(Some(0)).await.unwrap_err();
        assert!(matches!(stale, BooksError::Stale { version, .. } if version == first), "{stale}");
        let second = put(Some(first)).await.unwrap().version;
        assert!(second > first);
        let stale = server.books.remove_budget(&HOUSE, &which, Some(first)).await.unwrap_err();
        assert!(matches!(stale, BooksError::Stale { version, .. } if version == second), "{stale}");
        server.books.remove_budget(&HOUSE, &which, Some(second)).await.unwrap();
        assert!(put(Some(second)).await.is_err());
        assert!(put(Some(0)).await.unwrap().version > second);
        assert_eq!(server.numbers("SELECT COUNT(*) FROM access_audit").await, [[4]], "what is refused leaves no trace");
    }

    static HOUSE: std::sync::LazyLock<Identity> = std::sync::LazyLock::new(|| (*house()).clone());

    pub(super) async fn only_who_runs_the_server_sets_budgets(bench: Bench) {
        let server = bench.server().await;
        let which = target(Scope::Key, "acme", "k1", Period::Day);
        let one = "1".parse().unwrap();
        for who in [user("default", "k"), identity("acme", "k", Role::Admin), identity("default", "k", Role::Viewer)] {
            let set = server.books.set_budget(&who, &which, &one, None).await;
            assert!(matches!(set, Err(BooksError::Beyond { .. })), "{who:?}");
            let remove = server.books.remove_budget(&who, &which, None).await;
            assert!(matches!(remove, Err(BooksError::Beyond { .. })), "{who:?}");
        }
        let operator = identity("default", "k", Role::Operator);
        server.books.set_budget(&operator, &which, &one, None).await.unwrap();
        let wrong = [
            target(Scope::Server, "acme", "", Period::Day),
            target(Scope::Tenant, "", "", Period::Day),
            target(Scope::Tenant, "acme", "k1", Period::Day),
            target(Scope::Key, "acme", "", Period::Day),
            target(Scope::Key, "acme", "a\nb", Period::Day),
        ];
        for which in wrong {
            let set = server.books.set_budget(&operator, &which, &one, None).await;
            assert!(matches!(set, Err(BooksError::Invalid { .. })), "{which:?}");
        }
        let much = "1e1".parse::<settings::Usd>().is_err().then(|| "99999999999".parse().unwrap()).unwrap();
        assert!(server.books.set_budget(&operator, &which, &much, None).await.is_err());
    }

    pub(super) async fn other_processes_learn_of_changes(bench: Bench) {
        let (first, second) = (bench.server().await, bench.server().await);
        let who = user("acme", "k1");
        second.pay(&who, 1_000 * USD).await.unwrap();
        set(&first, &target(Scope::Tenant, "acme", "", Period::Total), "1").await;
        assert!(first.pay(&who, 2 * USD).await.is_err(), "in the same process at once");
        let began = Instant::now();
        eventually("the other process knows", || async { second.pay(&who, 2 * USD).await.is_err() }).await;
        assert!(began.elapsed() < Duration::from_secs(6));
    }

    pub(super) async fn what_is_set_holds_for_what_is_leased(bench: Bench) {
        let server = bench.server().await;
        let (who, which) = (user("acme", "k1"), target(Scope::Key, "acme", "k1", Period::Total));
        set(&server, &which, "100").await;
        for _ in 0..100 {
            server.pay(&who, USD / 10).await.unwrap();
        }
        set(&server, &which, "10").await;
        assert!(server.pay(&who, 1).await.is_err(), "whatever is leased");
        set(&server, &which, "10.5").await;
        server.pay(&who, USD / 2).await.unwrap();
        assert!(server.pay(&who, 1).await.is_err());
        server.books.remove_budget(&house(), &which, None).await.unwrap();
        server.pay(&who, 1_000 * USD).await.unwrap();
    }

    pub(super) async fn more_money_raises_a_new_alert(bench: Bench) {
        let server = bench.server().await;
        let (who, which) = (user("acme", "k1"), target(Scope::Key, "acme", "k1", Period::Month));
        let alerts = || server.metric("althing_budget_alerts_total{scope=\"key\"}");
        set(&server, &which, "1").await;
        for _ in 0..2 {
            server.pay(&who, USD * 4 / 10).await.unwrap();
            server.books.flush().await.unwrap();
        }
        assert_eq!(alerts(), 1.0);
        let state = &listed(&server, &who).await[0];
        assert!(state.alerted_at.is_some());
        set(&server, &which, "2").await;
        server.pay(&who, USD / 10).await.unwrap();
        server.books.flush().await.unwrap();
        assert_eq!(alerts(), 1.0);
        server.pay(&who, USD * 8 / 10).await.unwrap();
        server.books.flush().await.unwrap();
        assert_eq!(alerts(), 2.0);
    }

    pub(super) async fn many_budgets_are_read_in_parts(bench: Bench) {
        let first = bench.server().await;
        let many = "INSERT INTO access_budget (scope, tenant, subject, period, usd_nano, version)
            WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
            SELECT 'key', 'acme', 'k' || i, 'total', i, i FROM n";
        first.execute(many, Vec::new()).await;
        let second = bench.server().await;
        for at in [1, 999, 1_000, 1_001, 2_500] {
            let who = user("acme", &format!("k{at}"));
            assert!(second.pay(&who, at + 1).await.is_err());
            second.pay(&who, at).await.unwrap();
        }
    }
}
