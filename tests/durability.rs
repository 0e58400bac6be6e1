//! What was acknowledged stays: killed at any moment under load, the server comes back with every key, every budget,
//! every row of the audit log, and all of the ledger but the last moment.

use crate::support::books::{items, metered, nano, priced, request, try_spend};
use crate::support::{Place, Server, ask, try_ask};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// How often the server is killed, unless `ALTHING_KILLS` says otherwise.
const KILLS: usize = 10;
/// How long after its start it is killed.
const LIVES_MS: std::ops::Range<u64> = 300..900;
/// How often the ledger is written.
const FLUSH: Duration = Duration::from_millis(50);
/// How much longer a busy machine may take for that.
const SLACK: Duration = Duration::from_millis(350);
/// Workers of each kind.
const WORKERS: usize = 3;

/// What the server has acknowledged in one life, in which all of it belongs to one tenant.
#[derive(Default)]
struct Life {
    tenant: String,
    /// Keys by their id.
    keys: HashMap<String, String>,
    /// The last limit of each key's budget, in billionths of a dollar.
    budgets: HashMap<String, i64>,
    /// Changes of budgets, as the audit log tells them: of what, to what.
    changes: HashSet<(String, i64)>,
    /// The requests of chats, and when they were answered.
    chats: Vec<(String, Instant)>,
}

type Notes = Arc<Mutex<Life>>;

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

/// Makes keys until the server is gone.
async fn make_keys(address: SocketAddr, admin: Arc<str>, notes: Notes) {
    let wanted = json!({ "role": "user", "tenant": notes.lock().unwrap().tenant });
    while let Some(made) = try_ask(address, &admin, "POST", "/api/v1/keys", Some(&wanted)).await {
        assert_eq!(made.status, 201, "{}", made.text());
        let made = made.json();
        notes.lock().unwrap().keys.insert(text(&made["id"]), text(&made["key"]));
    }
}

/// Raises a budget, a billionth at a time, until the server is gone.
async fn set_budgets(address: SocketAddr, admin: Arc<str>, subject: String, notes: Notes) {
    let tenant = notes.lock().unwrap().tenant.clone();
    for nano in 1_000_000_000.. {
        let limit = format!("{}.{:09}", nano / 1_000_000_000, nano % 1_000_000_000);
        let wanted = json!({ "scope": "key", "tenant": tenant, "key": subject, "period": "day", "limit_usd": limit });
        let Some(set) = try_ask(address, &admin, "PUT", "/api/v1/budgets", Some(&wanted)).await else { return };
        assert_eq!(set.status, 200, "{}", set.text());
        let mut notes = notes.lock().unwrap();
        notes.changes.insert((format!("key/{tenant}/{subject}/day"), nano));
        notes.budgets.insert(subject.clone(), nano);
    }
}

/// Chats until the server is gone.
async fn chat(address: SocketAddr, user: Arc<str>, notes: Notes) {
    let body = request("kit/m", false, Some(100));
    while let Some(reply) = try_spend(address, &user, &body).await {
        assert_eq!(reply.status, 200, "{}", reply.text());
        let id = reply.header("x-althing-request-id").unwrap().to_owned();
        notes.lock().unwrap().chats.push((id, Instant::now()));
    }
}

/// Works the server hard, kills it at some moment and gives that moment.
async fn live_and_die(server: Server, admin: &Arc<str>, notes: &Notes) -> (Place, Instant) {
    let (address, mut workers) = (server.address(), JoinSet::new());
    let wanted = json!({ "role": "user", "tenant": notes.lock().unwrap().tenant });
    let made = ask(address, admin, "POST", "/api/v1/keys", Some(&wanted)).await.json();
    let user: Arc<str> = made["key"].as_str().unwrap().into();
    for number in 0..WORKERS {
        let (admin, notes) = (|| Arc::clone(admin), || Arc::clone(notes));
        workers.spawn(make_keys(address, admin(), notes()));
        workers.spawn(set_budgets(address, admin(), format!("jwt:{number}"), notes()));
        workers.spawn(chat(address, Arc::clone(&user), notes()));
    }
    tokio::time::sleep(Duration::from_millis(fastrand::u64(LIVES_MS))).await;
    let killed = Instant::now();
    let place = server.killed();
    workers.join_all().await;
    (place, killed)
}

/// What a list holds, each entry's text of this name.
async fn names(address: SocketAddr, admin: &str, path: &str, name: &str) -> HashSet<String> {
    items(address, admin, path).await.iter().map(|item| text(&item[name])).collect()
}

/// Looks for everything that was acknowledged in a life that has ended.
async fn nothing_is_lost(address: SocketAddr, admin: &str, life: &Life) {
    let tenant = &life.tenant;
    let listed = names(address, admin, &format!("/api/v1/keys?tenant={tenant}"), "id").await;
    let told = names(address, admin, &format!("/api/v1/audit?action=key.create&tenant={tenant}"), "target").await;
    for id in life.keys.keys() {
        assert!(listed.contains(id), "the key {id} is gone");
        assert!(told.contains(id), "nobody has written down that {id} was made");
    }
    for key in life.keys.values().take(3) {
        assert_eq!(ask(address, key, "GET", "/api/v1/whoami", None).await.json()["tenant"], tenant.as_str());
    }
    let all = items(address, admin, "/api/v1/budgets").await;
    for (subject, set) in &life.budgets {
        let found =
            all.iter().find(|budget| budget["tenant"] == tenant.as_str() && budget["subject"] == subject.as_str());
        let found = nano(&found.unwrap()["limit_usd"]);
        // The one that was being set when it died may be there, or not.
        assert!(found == *set || found == set + 1, "{found} was {set}");
    }
    let rows = items(address, admin, &format!("/api/v1/audit?action=budget.set&tenant={tenant}")).await;
    let told = rows.iter().map(|row| (text(&row["target"]), nano(&row["detail"]["limit_usd"]))).collect();
    assert!(life.changes.is_subset(&told), "not written down: {:?}", life.changes.difference(&told).next());
}

/// Looks for the calls that were made in a life before its last moment.
async fn the_ledger_is_there(address: SocketAddr, admin: &str, life: &Life, killed: Instant) {
    let written = names(address, admin, &format!("/api/v1/calls?tenant={}", life.tenant), "request_id").await;
    for (id, at) in &life.chats {
        let before = killed.saturating_duration_since(*at);
        assert!(before < FLUSH + SLACK || written.contains(id), "{id} was answered {before:?} before the end");
    }
}

/// What can be said of the data while nobody serves.
fn is_sound(place: &Place) {
    assert_eq!(place.run(&["audit", "verify"]).good()["ok"], true);
    assert_eq!(place.run(&["store", "check"]).good()["ok"], true);
}

#[tokio::test]
async fn what_was_acknowledged_survives_being_killed_at_any_moment() {
    let kills = std::env::var("ALTHING_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let upstream = metered(Duration::from_millis(2)).await;
    let flush_ms = FLUSH.as_millis();
    let place = Place::new(&format!("[ledger]\nflush_ms = {flush_ms}\n{}", priced(&upstream)));
    let admin: Arc<str> = place.key("admin", "default").into();
    let mut server = place.start();
    let mut lives = Vec::new();
    for number in 0..kills {
        let notes = Arc::new(Mutex::new(Life { tenant: format!("t{number}"), ..Life::default() }));
        let (place, killed) = live_and_die(server, &admin, &notes).await;
        is_sound(&place);
        server = place.start();
        let life = Arc::into_inner(notes).unwrap().into_inner().unwrap();
        assert!(![life.keys.len(), life.changes.len(), life.chats.len()].contains(&0), "it was not worked hard");
        nothing_is_lost(server.address(), &admin, &life).await;
        the_ledger_is_there(server.address(), &admin, &life, killed).await;
        lives.push(life);
    }
    for life in &lives {
        nothing_is_lost(server.address(), &admin, life).await;
    }
}
