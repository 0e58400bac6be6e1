//! What is lost while searches go on: Redis, and the server itself while it embeds.

use super::{find, ids, import, many, tool};
use crate::support::{Kept, Place, ask, get, tool_call, until};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use testkit::Redis;
use tokio::task::JoinSet;

/// Searches while Redis is killed and started again.
const SEARCHES: usize = 10_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_killed_and_started_in_the_midst_of_searches() {
    let redis = Redis::start();
    let server = Place::new(&format!("{}[cache]\nredis_url = {:?}\n", super::WORDS, redis.url())).start();
    let address = server.address();
    import(address, "", "", &many(500)).await;
    let (done, degraded) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
    let mut users = JoinSet::new();
    for user in 0..8 {
        let (done, degraded) = (Arc::clone(&done), Arc::clone(&degraded));
        users.spawn(async move {
            let mut line = Kept::to(address).await;
            while done.fetch_add(1, Ordering::Relaxed) < SEARCHES {
                let box_ = (done.load(Ordering::Relaxed) * 7 + user) % 500;
                let arguments = json!({ "query": format!("copy the paper of box {box_}") });
                let found = line.ask(&tool_call(address, "/mcp", "", "find_tools", &arguments)).await.structured();
                assert!(!ids(&found).is_empty(), "{found}");
                if found["degraded"].to_string().to_lowercase().contains("redis") {
                    degraded.store(true, Ordering::Relaxed);
                }
            }
        });
    }
    let reached = async |share: usize| {
        until("searches", async || (done.load(Ordering::Relaxed) >= SEARCHES * share / 10).then_some(())).await;
    };
    reached(3).await;
    redis.kill();
    until("degraded is said", async || degraded.load(Ordering::Relaxed).then_some(())).await;
    reached(6).await;
    redis.start_again();
    users.join_all().await;
    until("recovery is seen", async || {
        let found = find(address, "", "copy the paper of box 3").await;
        (!found["degraded"].to_string().to_lowercase().contains("redis")).then_some(())
    })
    .await;
}

/// Texts that this process of the server has embedded.
async fn embedded(address: std::net::SocketAddr) -> usize {
    let text = get(address, "/metrics").await;
    let lines = text.text().lines().filter(|line| line.starts_with("althing_embed_texts_total"));
    lines.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum::<f64>() as usize
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_while_it_embeds_embeds_nothing_twice_but_one_batch() {
    const TOOLS: usize = 600;
    const BATCH: usize = 32;
    let model = testkit::model().expect("there is no model: run `make model`");
    let config = format!("[embed]\nfolder = {:?}\nbatch = {BATCH}\n[access]\nmetrics_open = true\n", model);
    let mut server = Place::new(&config).start();
    let tools: Vec<Value> = (0..TOOLS)
        .map(|at| tool("s", &format!("do_{at}"), &format!("Do number {at} of the things there are.")))
        .collect();
    import(server.address(), "", "", &tools).await;
    let (mut total, mut kills) = (0, 0);
    while kills < 3 {
        let enough = (kills + 1) * TOOLS / 5;
        let now = until("it embeds", async || {
            let now = embedded(server.address()).await;
            (total + now >= enough).then_some(now)
        })
        .await;
        total += now;
        kills += 1;
        server = server.killed_and_started();
    }
    until("all is embedded", async || {
        let told = ask(server.address(), "", "GET", "/api/v1/tools/statistics", None).await.json();
        (told["index"]["waiting"] == 0).then_some(())
    })
    .await;
    total += embedded(server.address()).await;
    // What was embedded between a look and a kill is not in the count, and makes it smaller, never larger.
    let texts = TOOLS * 2;
    assert!(total <= texts + kills * BATCH, "{total} texts embedded for {TOOLS} tools");
    let before = embedded(server.address()).await;
    server = server.killed_and_started();
    find(server.address(), "", "Do number 5").await;
    assert!(embedded(server.address()).await <= 1, "a restart embeds nothing but the question, {before} before");
}
