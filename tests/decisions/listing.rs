//! Many decisions in the store: listing them takes no longer than listing few.

use super::{begin, good};
use crate::support::{Kept, Place, Server, get, nobody, provider, request, tool_call};
use serde_json::json;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqlSafeStr};
use std::time::{Duration, Instant};

/// How much longer a list may take where there are a hundred times as many, at most; what walks all of them takes
/// a hundred times as long.
const RATIO_MAX: f64 = 3.0;
/// How often each list is read.
const LOOKS: usize = 40;

/// Copies the one decision of a store until there are so many, each with an id of its own: half of them are another
/// tenant's, and newer.
async fn fill(place: &Place, count: usize) {
    let options = SqliteConnectOptions::new().filename(place.data().join("althing.db"));
    let mut connection = options.connect().await.unwrap();
    let columns = "topic, backend, model, temperature, degraded, reasons, comparisons, version, next_id, created_ms, \
                   touched_ms, evaluated_ms, evaluations, owner, lease_ms, fence";
    let half = count / 2;
    let id = "substr(s.id, 1, 24) || printf('%012x', n.n)";
    let sql = format!(
        "BEGIN;
         CREATE TEMP TABLE n AS WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {}) SELECT n FROM n;
         CREATE TEMP TABLE s AS SELECT * FROM decision_sessions;
         INSERT INTO decision_sessions (id, tenant, {columns})
             SELECT {id}, CASE WHEN n.n < {half} THEN s.tenant ELSE 'other' END, {columns} FROM s, n;
         INSERT INTO decision_options SELECT {id}, o.id, o.name, o.folded, o.description, o.flags
             FROM s JOIN decision_options o ON o.session = s.id, n;
         INSERT INTO decision_criteria SELECT {id}, c.id, c.name, c.folded, c.description, c.weight, c.custom_prompt, c.model,
             c.temperature, c.flags FROM s JOIN decision_criteria c ON c.session = s.id, n;
         UPDATE decision_tenants SET sessions = {half};
         COMMIT;",
        count - 1
    );
    sqlx::raw_sql(sqlx::AssertSqlSafe(sql).into_sql_str()).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

/// A server whose store holds so many decisions.
async fn holding(count: usize) -> Server {
    let config = "[embed]\nkind = \"off\"\n[decisions]\nsessions_max = 1_000_000\nsession_ttl_s = 1_000_000\n";
    let server = Server::start(&format!("{config}{}", provider("kit", &nobody(), &["m"])));
    begin(server.address(), "", "where to go", 2, 1).await;
    let place = server.stopped();
    fill(&place, count).await;
    place.start()
}

/// What lists take, in the middle: the first page through REST, one that goes on, and the tool's.
async fn look(server: &Server, kept: &mut Kept, took: &mut [Vec<Duration>; 3]) {
    let address = server.address();
    let page = |cursor: &str| request(address, &format!("GET /api/v1/decisions?limit=20{cursor}"), &[], b"");
    let mut cursor = String::new();
    for (at, took) in took.iter_mut().enumerate() {
        let request = match at {
            0 => page(""),
            1 => page(&format!("&cursor={cursor}")),
            _ => tool_call(address, "/mcp/s/decisions", "", "list_sessions", &json!({})),
        };
        let began = Instant::now();
        let reply = kept.ask(&request).await;
        took.push(began.elapsed());
        assert_eq!(reply.status, 200, "{}", reply.text());
        if at == 0 {
            let page = reply.json();
            assert_eq!(page["items"].as_array().unwrap().len(), 20, "{page}");
            cursor = page["cursor"].as_str().unwrap_or_else(|| panic!("{page}")).to_owned();
        }
    }
}

fn middle(mut took: Vec<Duration>) -> f64 {
    took.sort_unstable();
    took[took.len() / 2].as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_thousand_are_listed_as_fast_as_a_thousand() {
    let (few, many) = (holding(1_000).await, holding(100_000).await);
    let listed = good(many.address(), "", "list_sessions", &json!({})).await;
    assert_eq!((&listed["total_active"], listed["sessions"].as_array().unwrap().len()), (&json!(50_000), 100));
    let figures = get(many.address(), "/metrics").await;
    assert!(figures.text().contains("sessions_active"), "{}", figures.text());
    let (mut short, mut long): ([Vec<_>; 3], [Vec<_>; 3]) = Default::default();
    let (mut to_few, mut to_many) = (Kept::to(few.address()).await, Kept::to(many.address()).await);
    // By turns, so that whatever else the machine does meets both.
    for _ in 0..LOOKS {
        look(&few, &mut to_few, &mut short).await;
        look(&many, &mut to_many, &mut long).await;
    }
    let ratios: Vec<f64> = short.into_iter().zip(long).map(|(short, long)| middle(long) / middle(short)).collect();
    assert!(ratios.iter().all(|ratio| *ratio < RATIO_MAX), "{ratios:?}");
}
