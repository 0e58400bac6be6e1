//! What the truth adds to the counts, and who sees them.

use super::*;

on_both!(groups_are_right_together, the_truth_can_be_corrected, refusals_say_why, tenants_see_their_own);

const THREE: &[(&str, u32)] = &[("b", 0), ("a", 0), ("c", 1)];

fn accuracy(bench: &Bench, model: &str) -> Option<(u64, u64)> {
    let known = bench.votes.known("p")?;
    known.models.get(model).map(|found| (found.right, found.asked))
}

async fn groups_are_right_together(bench: Bench) {
    bench.votes.note(asked(HOUSE, "r1", THREE));
    bench.votes.note(asked(HOUSE, "r2", &[("a", 0), ("b", 1)]));
    let settled = bench.settle(HOUSE, "r1", &["a"]).await.unwrap();
    assert_eq!((settled.version, settled.right, settled.wrong), (1, vec!["b".into(), "a".into()], vec!["c".into()]));
    bench.settle(HOUSE, "r2", &["b"]).await.unwrap();
    let found = [accuracy(&bench, "a"), accuracy(&bench, "b"), accuracy(&bench, "c"), accuracy(&bench, "d")];
    assert_eq!(found, [Some((1, 2)), Some((2, 2)), Some((0, 1)), None]);
    let known = bench.votes.known("p").unwrap();
    assert_eq!((known.reached, known.not_reached), (1, 1));
    let pair = Together { both_right: 1, only_second: 1, ..Together::default() };
    assert_eq!(known.pair("a", "b"), Some(pair));
    assert_eq!(known.pair("b", "a"), Some(Together { only_first: 1, only_second: 0, ..pair }));
    assert_eq!(known.pair("c", "a"), Some(Together { only_second: 1, ..Together::default() }));
    assert_eq!((known.pair("a", "d"), bench.votes.known("q")), (None, None));
    assert_eq!((bench.metrics.logged.value(), bench.metrics.settled.value()), (2, 2));
}

async fn the_truth_can_be_corrected(bench: Bench) {
    bench.votes.note(asked(HOUSE, "r1", THREE));
    assert_eq!(bench.settle(HOUSE, "r1", &["c"]).await.unwrap().version, 1);
    assert_eq!(bench.settle(HOUSE, "r1", &[]).await.unwrap().version, 2);
    assert_eq!((accuracy(&bench, "a"), accuracy(&bench, "c")), (Some((0, 1)), Some((0, 1))));
    let right = vec!["a".to_owned(), "c".to_owned()];
    let stale = bench.votes.settle(&user(HOUSE), "p", "r1", right.clone(), Some(1)).await.unwrap_err();
    assert!(matches!(stale, VotesError::Stale { version: 2, .. }), "{stale}");
    assert_eq!(accuracy(&bench, "c"), Some((0, 1)));
    let settled = bench.votes.settle(&user(HOUSE), "p", "r1", right, Some(2)).await.unwrap();
    assert_eq!((settled.version, settled.wrong.len()), (3, 0));
    let known = bench.votes.known("p").unwrap();
    assert_eq!(known.models["c"], Accuracy { right: 1, asked: 1 });
    assert_eq!(known.pair("a", "c"), Some(Together { both_right: 1, ..Together::default() }));
}

async fn refusals_say_why(bench: Bench) {
    bench.votes.note(asked("acme", "r1", THREE));
    for (tenant, request, right, expect) in [
        ("acme", "r2", &[][..], "there is no question `r2` to the panel `p`"),
        (HOUSE, "r1", &[], "there is no question `r1` to the panel `p`"),
        ("acme", "r1", &["a", "x"], "`x` gave no answer to `r1`"),
    ] {
        let error = bench.settle(tenant, request, right).await.unwrap_err();
        assert_eq!(error.to_string(), expect);
    }
    // A refusal has changed nothing.
    assert_eq!(bench.settle("acme", "r1", &["a"]).await.unwrap().version, 1);
}

async fn tenants_see_their_own(bench: Bench) {
    for (tenant, request) in [("acme", "r1"), ("beta", "r1"), ("acme", "r2")] {
        bench.votes.note(asked(tenant, request, THREE));
        bench.settle(tenant, request, &["a"]).await.unwrap();
    }
    let right = async |tenant: &str| {
        let all = bench.votes.standings(&Identity { role: Role::Operator, ..user(tenant) }).await.unwrap();
        all.get("p").map(|standing| (standing.models["a"].right, standing.reached))
    };
    assert_eq!((right("acme").await, right("beta").await, right("gamma").await), (Some((2, 2)), Some((1, 1)), None));
    assert_eq!((right(HOUSE).await, accuracy(&bench, "a")), (Some((3, 3)), Some((3, 3))));
}
