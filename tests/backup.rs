//! Backups: made while everybody works, brought back when nobody does, and never in the place of good data if they are
//! none.

use crate::support::books::{items, metered, priced, request, settled, spend};
use crate::support::{Ended, Place, Server, ask, get, until};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use testkit::{Postgres, PostgresOptions};

/// Keys as they were made, by id and by the key itself.
type Keys = Arc<Mutex<Vec<(String, String)>>>;

/// Makes keys again and again.
async fn make_keys(server: &Server, admin: &str, keys: Keys, done: Arc<AtomicBool>) {
    let wanted = json!({ "role": "viewer", "tenant": "acme" });
    while !done.load(Ordering::Relaxed) {
        let made = ask(server.address(), admin, "POST", "/api/v1/keys", Some(&wanted)).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let (made, text) = (made.json(), |value: &Value| value.as_str().unwrap().to_owned());
        keys.lock().unwrap().push((text(&made["id"]), text(&made["key"])));
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn run(place: &Place, verb: &str, file: &Path) -> Ended {
    place.run(&["store", verb, file.to_str().unwrap()])
}

/// What a command says that has not done what it was told.
fn refused(ended: &Ended, words: &str) {
    assert!(matches!(ended.code, Some(1 | 3)), "{ended:?}");
    let error: Value = serde_json::from_str(&ended.stdout).unwrap();
    let error = &error["error"];
    assert!(error["hint"].is_string() && error["code"].is_string(), "{ended:?}");
    assert!(ended.stderr.contains(words) && ended.stderr.contains("hint: "), "{ended:?}");
}

/// A backup while keys are made, and how many there were before it began and when it was done.
async fn back_up(server: &Server, admin: &str, keys: &Keys, file: &Path) -> (usize, usize) {
    let done = Arc::new(AtomicBool::new(false));
    let count = || keys.lock().unwrap().len();
    let work = make_keys(server, admin, Arc::clone(keys), Arc::clone(&done));
    let backup = async {
        let some = async |most: usize| _ = until("keys are made", async || (count() >= most).then_some(())).await;
        some(20).await;
        let before = count();
        let command = server.place().on_data(&["store", "backup", file.to_str().unwrap(), "--json"]);
        let made = tokio::task::spawn_blocking(move || Ended::of(command).good()).await.unwrap();
        let after = count();
        assert_eq!(made["file"], file.to_str().unwrap());
        assert_eq!(made["bytes"].as_u64().unwrap(), file.metadata().unwrap().len());
        some(after + 20).await;
        done.store(true, Ordering::Relaxed);
        (before, after)
    };
    tokio::join!(work, backup).1
}

/// A server under load is backed up, goes on, stops, and comes back as it was.
async fn comes_back_as_it_was(store: &str) {
    let upstream = metered(Duration::from_millis(2)).await;
    let budget = "[budget]\ntenant_usd_per_day = 1\n";
    let place = Place::new(&format!("{store}{budget}{}", priced(&upstream)));
    let (admin, user) = (place.key("admin", "default"), place.key("user", "acme"));
    let (server, keys, file) = (place.start(), Keys::default(), PathBuf::from("before.backup"));
    let file = server.place().path().join(file);
    assert_eq!(spend(server.address(), &user, &request("kit/m", false, None)).await.status, 200);
    let spent = settled(server.address(), &admin, "tenant").await.spent;
    let (before, after) = back_up(&server, &admin, &keys, &file).await;
    assert_eq!(spend(server.address(), &user, &request("kit/m", false, None)).await.status, 200);

    refused(&run(server.place(), "restore", &file), "in use");
    assert_eq!(ask(server.address(), &user, "GET", "/v1/models", None).await.status, 200, "it still serves");
    let place = server.stopped();
    let restored = run(&place, "restore", &file).good();
    assert!(restored["before"].is_string(), "{restored}");
    assert_eq!(place.run(&["store", "check"]).good()["ok"], true);
    // Checkpoints know rows that came after the backup: as the restore advises, they are moved aside.
    let checkpoints = place.data().join("audit-checkpoints.jsonl");
    std::fs::rename(&checkpoints, checkpoints.with_extension("old")).unwrap();
    assert_eq!(place.run(&["audit", "verify"]).good()["ok"], true);

    let server = place.start();
    let listed = items(server.address(), &admin, "/api/v1/keys").await;
    let listed: HashSet<&str> = listed.iter().map(|key| key["id"].as_str().unwrap()).collect();
    let keys = keys.lock().unwrap().clone();
    assert!(keys[..before].iter().all(|(id, _)| listed.contains(id.as_str())), "a key is missing");
    assert!(keys[after..].iter().all(|(id, _)| !listed.contains(id.as_str())), "a key of later is there");
    // Nor is one there whose predecessor is not: the backup is of one moment.
    let there: Vec<bool> = keys.iter().map(|(id, _)| listed.contains(id.as_str())).collect();
    assert!(there.is_sorted_by(|one, next| one >= next), "it is of no one moment");
    for (key, status) in [(&keys[0].1, 200), (&keys[after].1, 401)] {
        assert_eq!(ask(server.address(), key, "GET", "/v1/models", None).await.status, status);
    }
    assert_eq!(settled(server.address(), &admin, "tenant").await.spent, spent);
}

#[tokio::test]
async fn a_file_comes_back_as_it_was() {
    comes_back_as_it_was("").await;
}

#[tokio::test]
async fn a_server_of_postgresql_comes_back_as_it_was() {
    // A check finds fault with one that does not wait for the disk.
    let postgres = Postgres::start_with(&PostgresOptions { durable: true, ..PostgresOptions::default() });
    comes_back_as_it_was(&format!("[store]\nurl = {:?}\n", postgres.url())).await;
}

#[tokio::test]
async fn nothing_is_restored_under_a_server_on_another_machine() {
    let postgres = Postgres::start();
    let config = format!("[store]\nurl = {:?}\n", postgres.url());
    let (server, elsewhere) = (Server::start(&config), Place::new(&config));
    let file = elsewhere.path().join("all.dump");
    run(&elsewhere, "backup", &file).good();
    refused(&run(&elsewhere, "restore", &file), "in use");
    assert_eq!(get(server.address(), "/readyz").await.status, 200);
    drop(server);
    run(&elsewhere, "restore", &file).good();
}

/// Every database in a folder, and what SQLite keeps beside it.
fn databases(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.is_file() && path.to_str().unwrap().contains(".db"));
    let mut all: Vec<_> = files.map(|path| (path.clone(), std::fs::read(path).unwrap())).collect();
    all.sort();
    all
}

#[test]
fn a_damaged_backup_is_refused_and_nothing_is_touched() {
    let place = Place::new("");
    for _ in 0..3 {
        place.key("viewer", "acme");
    }
    let file = place.path().join("good.db");
    run(&place, "backup", &file).good();
    let (good, before) = (std::fs::read(&file).unwrap(), databases(&place.data()));
    let middle = good.len() / 2;
    let torn = [&good[..middle], &vec![0x55; 4096], &good[middle + 4096..]].concat();
    let odd = [vec![0; 100], good[100..].to_vec()].concat();
    for (what, bytes) in [
        ("cut", good[..middle].to_vec()),
        ("torn", torn),
        ("without a head", odd),
        ("empty", Vec::new()),
        ("text", b"this is no database\n".repeat(500)),
    ] {
        let bad = place.path().join("bad.db");
        std::fs::write(&bad, bytes).unwrap();
        println!("the backup is {what}");
        refused(&run(&place, "restore", &bad), "bad.db");
        assert!(databases(&place.data()) == before, "{what}: the data was touched");
    }
    refused(&run(&place, "restore", &place.path().join("missing.db")), "missing.db");
    assert!(databases(&place.data()) == before);
    assert_eq!(place.run(&["keys", "list"]).good()["keys"].as_array().unwrap().len(), 3);
    // A backup does not replace what is there already.
    refused(&run(&place, "backup", &file), "good.db");
    assert_eq!(std::fs::read(&file).unwrap(), good);
    run(&place, "restore", &file).good();
    assert_eq!(place.run(&["keys", "list"]).good()["keys"].as_array().unwrap().len(), 3);
}

#[tokio::test]
async fn a_backup_is_made_at_the_start_if_there_is_none() {
    let server = Server::start("[store]\nbackup_every_h = 1\nbackup_keep = 2\n");
    let folder = server.data().join("backups");
    let made = || databases(&folder).into_iter().map(|(path, _)| path).filter(|path| !hidden(path)).collect::<Vec<_>>();
    let first = async || Some(()).filter(|()| folder.is_dir() && !made().is_empty());
    until("a backup is made", first).await;
    let backups = made();
    assert_eq!(backups.len(), 1);
    let name = backups[0].file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("althing-2") && name.ends_with("Z.db"), "{name}");
    // The next start makes none: the one that is there is not an hour old.
    let server = server.stopped().start();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(made(), backups);
    let place = server.stopped();
    run(&place, "restore", &backups[0]).good();
    assert_eq!(place.run(&["store", "check"]).good()["ok"], true);
}

/// Whether a file is not done yet.
fn hidden(path: &Path) -> bool {
    path.file_name().unwrap().to_str().unwrap().starts_with('.')
}
