//! Decisions kept: found, listed in pages, versioned, shared.

use super::{Bench, caller, code, criterion, new, on_both, option, root, user};
use crate::{DecisionError, DocketError, Evaluate};

on_both!(
    what_is_written_is_there_after_a_restart,
    lists_come_in_pages_newest_first,
    a_stale_version_is_refused,
    nothing_is_left_of_what_is_removed,
    writers_at_once_lose_nothing,
);

async fn what_is_written_is_there_after_a_restart(bench: Bench) {
    let mut wanted = new(&["Ash", "Elm"], &["Price", "Looks"]);
    wanted.options[0].description = "A tree".into();
    wanted.criteria[1].weight = 2.5;
    wanted.criteria[1].custom_prompt = Some("Be kind.".into());
    wanted.criteria[1].model_name = Some("up/n".into());
    wanted.temperature = Some(0.7);
    let begun = bench.room.start(&root(), wanted).await.unwrap();
    bench.evaluate(&begun.id).await;
    let before = bench.room.get(&root(), &begun.id).await.unwrap();
    let bench = bench.killed().await;
    let after = bench.room.get(&root(), &begun.id).await.unwrap();
    assert_eq!(before, after);
    assert_eq!((after.temperature, after.criteria[1].weight), (0.7, 2.5));
    assert_eq!(after.criteria[1].model.as_deref(), Some("up/n"));
    assert_eq!(after.criteria[0].model, None, "the decision's own needs no name");
    let other = bench.beside().await;
    assert_eq!(other.get(&root(), &begun.id).await.unwrap(), after, "another server sees the same");
}

async fn lists_come_in_pages_newest_first(bench: Bench) {
    let mut ids = Vec::new();
    for at in 0..7 {
        ids.push(bench.start(&[&format!("a{at}"), "b"], &["c"]).await.id);
    }
    bench.room.start(&user("acme"), new(&["x", "y"], &["z"])).await.unwrap();
    ids.reverse();
    let (mut found, mut cursor) = (Vec::new(), None);
    loop {
        let page = bench.room.list(&root(), Some(3), cursor.as_deref()).await.unwrap();
        assert!(page.entries.len() <= 3);
        found.extend(page.entries);
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(found.iter().map(|it| it.id.clone()).collect::<Vec<_>>(), ids);
    assert_eq!(
        (found[0].options.as_slice(), found[0].status()),
        (["a6".to_owned(), "b".to_owned()].as_slice(), "setup")
    );
    assert_eq!(bench.room.current(&root()).await.unwrap().unwrap().id, ids[0]);
    assert_eq!(bench.room.current(&user("nobody")).await.unwrap(), None);
    let wrong = bench.room.list(&root(), None, Some("nonsense")).await.unwrap_err();
    assert_eq!(code(&wrong), "invalid_cursor");
}

async fn a_stale_version_is_refused(bench: Bench) {
    let begun = bench.start(&["Ash", "Elm"], &["Price"]).await;
    let first = bench.room.add_option(&root(), &begun.id, option("Oak"), Some(begun.version)).await.unwrap();
    assert!(first.version > begun.version);
    let stale = bench.room.add_option(&root(), &begun.id, option("Fir"), Some(begun.version)).await.unwrap_err();
    let DecisionError::Kept(DocketError::Stale { version, .. }) = stale else { panic!("{stale:?}") };
    assert_eq!(version, first.version);
    let how = Evaluate { version: Some(begun.version), refresh: false };
    let stale = bench.room.evaluate(&caller(&root()), &begun.id, how).await.unwrap_err();
    assert_eq!(code(&stale), "version_conflict");
    assert_eq!(code(&bench.room.remove(&root(), &begun.id, Some(1)).await.unwrap_err()), "version_conflict");
    let now = bench.room.get(&root(), &begun.id).await.unwrap();
    assert_eq!((now.version, now.options.len()), (first.version, 3), "what was refused has changed nothing");
    bench.room.remove(&root(), &begun.id, Some(now.version)).await.unwrap();
}

async fn nothing_is_left_of_what_is_removed(bench: Bench) {
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = bench.start(&["Ash", "Elm"], &["Price"]).await.id;
        bench.evaluate(&id).await;
        ids.push(id);
    }
    let others = bench.room.start(&user("acme"), new(&["x", "y"], &["z"])).await.unwrap();
    bench.room.remove(&root(), &ids[0], None).await.unwrap();
    assert_eq!(code(&bench.room.get(&root(), &ids[0]).await.unwrap_err()), "session_not_found");
    assert_eq!(bench.room.statistics(&root()).await.unwrap().sessions_active, 2);
    assert_eq!(bench.room.clear(&root()).await.unwrap(), 2);
    assert_eq!(bench.room.statistics(&root()).await.unwrap().sessions_active, 0);
    assert!(bench.room.get(&user("acme"), &others.id).await.is_ok(), "another tenant's stays");
    bench.room.clear(&user("acme")).await.unwrap();
    for table in ["decision_sessions", "decision_options", "decision_criteria", "decision_scores", "decision_messages"]
    {
        assert_eq!(count(&bench, table).await, 0, "{table}");
    }
}

async fn writers_at_once_lose_nothing(bench: Bench) {
    let id = bench.start(&["Ash", "Elm"], &["Price"]).await.id;
    let other = bench.beside().await;
    let names: Vec<String> = (0..8).map(|at| format!("option {at}")).collect();
    let adding = names.iter().enumerate().map(async |(at, name)| {
        let room = if at % 2 == 0 { &bench.room } else { &other };
        room.add_option(&root(), &id, option(name), None).await.unwrap();
        room.add_criterion(&root(), &id, criterion(&format!("by {name}")), None).await.unwrap();
    });
    futures_util::future::join_all(adding).await;
    let decision = bench.room.get(&root(), &id).await.unwrap();
    assert_eq!((decision.options.len(), decision.criteria.len(), decision.version), (10, 9, 17));
}

async fn count(bench: &Bench, table: &'static str) -> i64 {
    use futures_util::FutureExt;
    let read = bench.store.read(|tx| {
        async move {
            let row = tx.fetch_one(format!("SELECT COUNT(*) FROM {table}"), Vec::new()).await?;
            row.get::<i64>(0)
        }
        .boxed()
    });
    read.await.map_err(|error: store::StoreError| error).unwrap()
}

#[tokio::test]
async fn what_the_caller_scores_is_evaluated_and_what_is_past_its_time_is_not_counted() {
    let bench = Bench::sqlite().await;
    let id = bench.start(&["Ash", "Elm"], &["Price"]).await.id;
    let status = async || bench.call("list_sessions", serde_json::json!({})).await.unwrap();
    assert_eq!(status().await["sessions"][0]["status"], "setup");
    let given = serde_json::json!({
        "session_id": id, "option_name": "Ash", "scores": [{ "criterion": "Price", "score": 4 }],
    });
    bench.call("score_option", given).await.unwrap();
    assert_eq!(status().await["sessions"][0]["status"], "evaluated");
    bench.pass(3_600_001);
    let listed = status().await;
    assert_eq!((&listed["total_active"], listed["sessions"].as_array().unwrap().len()), (&serde_json::json!(0), 0));
    let stranger = bench.call_as(&super::user("acme"), "list_sessions", serde_json::json!({})).await.unwrap();
    assert!(stranger["stats"].get("evaluations_running").is_none(), "{stranger}");
}
