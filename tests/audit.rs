//! The audit log: what is done is in it, and whoever changes it afterwards is found out.

use crate::support::{Ended, Place, Server, ask};
use serde_json::{Value, json};
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions, Connection, SqlSafeStr};
use std::fs;
use std::path::PathBuf;

fn database(place: &Place) -> PathBuf {
    place.data().join("althing.db")
}

/// Does to the database what somebody who can write to its file can do.
async fn tamper(place: &Place, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(database(place));
    let mut connection = options.connect().await.unwrap();
    let done = sqlx::raw_sql(sql.into_sql_str()).execute(&mut connection).await.unwrap();
    assert!(done.rows_affected() > 0, "{sql}");
    connection.close().await.unwrap();
}

fn verified(place: &Place) -> (Ended, Value) {
    let (told, ended) = (place.told(&["audit", "verify"]), place.run(&["audit", "verify"]));
    assert_eq!(told.code, ended.code, "{told:?} {ended:?}");
    let document: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
    assert_eq!(document["ok"], json!(told.code == Some(0)), "{document}");
    (told, document["verdict"].clone())
}

/// A server's place after keys were made and revoked, and the server was told to stop.
async fn history() -> Place {
    let place = Place::new("");
    let admin = place.made_key("admin", "default");
    let server = place.start();
    let key = admin["key"].as_str().unwrap();
    for tenant in ["acme", "other"] {
        let wanted = json!({ "role": "user", "tenant": tenant, "name": "a label" });
        let made = ask(server.address(), key, "POST", "/api/v1/keys", Some(&wanted)).await.json();
        let path = format!("/api/v1/keys/{}", made["id"].as_str().unwrap());
        assert_eq!(ask(server.address(), key, "DELETE", &path, None).await.status, 200);
    }
    server.stopped()
}

async fn rows(server: &Server, key: &str) -> Vec<Value> {
    let reply = ask(server.address(), key, "GET", "/api/v1/audit", None).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    reply.json()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn what_is_done_to_keys_is_written_down_in_a_chain() {
    let place = Place::new("");
    let admin = place.made_key("admin", "default");
    let (id, key) = (admin["id"].as_str().unwrap(), admin["key"].as_str().unwrap());
    let server = place.start();
    let wanted = json!({ "role": "user", "tenant": "acme", "name": "a person's words", "rpm": 5 });
    let made = ask(server.address(), key, "POST", "/api/v1/keys", Some(&wanted)).await.json();
    let user = made["id"].as_str().unwrap();
    assert_eq!(server.place().run(&["keys", "revoke", user]).code, Some(0));
    // What is refused or done already is not done, and what is only looked at leaves nothing.
    ask(server.address(), key, "POST", "/api/v1/keys", Some(&json!({ "role": "root" }))).await;
    assert_eq!(server.place().run(&["keys", "revoke", user]).code, Some(0));
    ask(server.address(), key, "GET", "/api/v1/keys", None).await;

    let rows = rows(&server, key).await;
    let told: Vec<[&str; 4]> = rows
        .iter()
        .map(|row| ["action", "actor", "tenant", "target"].map(|member| row[member].as_str().unwrap()))
        .collect();
    let expect = [
        ["key.revoke", "local", "acme", user],
        ["key.create", id, "acme", user],
        ["key.create", "local", "default", id],
    ];
    assert_eq!(told, expect);
    assert_eq!((&rows[1]["detail"]["role"], &rows[1]["detail"]["rpm"]), (&json!("user"), &json!(5)));
    assert!(!rows[1].to_string().contains("words"), "a label is what a person wrote: {}", rows[1]);
    for (row, before) in rows.iter().zip(&rows[1..]) {
        assert_eq!(row["prev"], before["hash"]);
        assert_eq!(row["seq"].as_i64(), before["seq"].as_i64().map(|seq| seq + 1));
        assert!(row["at"].as_str() >= before["at"].as_str());
    }
    // It can be verified while the server runs, and afterwards with a checkpoint.
    let (told, verdict) = verified(server.place());
    assert_eq!((told.code, &verdict["rows"]), (Some(0), &json!(3)), "{}", told.stdout);
    let (told, verdict) = verified(&server.stopped());
    assert_eq!((told.code, &verdict["rows"]), (Some(0), &json!(3)), "{}", told.stdout);
    assert!(told.stdout.starts_with("the audit log is whole: 3 rows, "), "{}", told.stdout);
    assert!(verdict["checkpoints"].as_u64() >= Some(1) && verdict["keys"].as_array().unwrap().len() == 1, "{verdict}");
}

#[tokio::test]
async fn one_changed_byte_is_found_and_its_row_is_named() {
    let place = history().await;
    assert_eq!(verified(&place).0.code, Some(0));
    let whole = fs::read(database(&place)).unwrap();
    for sql in [
        "UPDATE access_audit SET actor = 'locaL' WHERE seq = 2",
        "UPDATE access_audit SET tenant = 'acne' WHERE seq = 2",
        "UPDATE access_audit SET action = 'key.created' WHERE seq = 2",
        "UPDATE access_audit SET target = target || ' ' WHERE seq = 2",
        "UPDATE access_audit SET detail = replace(detail, 'user', 'uses') WHERE seq = 2",
        "UPDATE access_audit SET at_ms = at_ms + 1 WHERE seq = 2",
        "UPDATE access_audit SET prev = zeroblob(32) WHERE seq = 2",
        "UPDATE access_audit SET hash = zeroblob(32) WHERE seq = 2",
        "UPDATE access_audit SET detail = X'ff' WHERE seq = 2",
        "DELETE FROM access_audit WHERE seq = 2",
    ] {
        fs::write(database(&place), &whole).unwrap();
        tamper(&place, sql).await;
        let (told, verdict) = verified(&place);
        assert_eq!(told.code, Some(1), "{sql}: {}", told.stdout);
        assert!(told.stdout.starts_with("THE AUDIT LOG WAS TAMPERED WITH"), "{sql}: {}", told.stdout);
        assert!(told.stdout.contains("row 2: "), "{sql}: {}", told.stdout);
        assert!(told.stdout.lines().all(|line| line.chars().count() <= 80), "{}", told.stdout);
        assert_eq!(verdict["faults"][0]["seq"], 2, "{sql}: {verdict}");
    }
    // The same in the bytes of the file, without any database.
    let mut bytes = whole.clone();
    let at = whole.windows(10).position(|window| window == b"key.create").unwrap();
    bytes[at..at + 10].copy_from_slice(b"key.revoke");
    fs::write(database(&place), &bytes).unwrap();
    assert_eq!(verified(&place).0.code, Some(1));
    fs::write(database(&place), &whole).unwrap();
    assert_eq!(verified(&place).0.code, Some(0));
}

/// Cuts rows off the end and moves the head back, as somebody would who knows how the log is kept.
const CUT: &str = "DELETE FROM access_audit WHERE seq > 3;
    UPDATE access_audit_head SET seq = 3, at_ms = (SELECT at_ms FROM access_audit WHERE seq = 3),
        hash = (SELECT hash FROM access_audit WHERE seq = 3)";
/// Makes it look as if nothing was ever done.
const EMPTY: &str = "UPDATE access_audit_head SET seq = 0, at_ms = 0,
        hash = (SELECT prev FROM access_audit WHERE seq = 1);
    DELETE FROM access_audit";

#[tokio::test]
async fn what_is_cut_off_is_missed_by_the_checkpoint_of_the_last_stop() {
    let place = history().await;
    let whole = fs::read(database(&place)).unwrap();
    for sql in [CUT, EMPTY] {
        fs::write(database(&place), &whole).unwrap();
        tamper(&place, sql).await;
        let (told, verdict) = verified(&place);
        assert_eq!(told.code, Some(1), "{sql}: {}", told.stdout);
        assert!(verdict["faults"].as_array().unwrap().iter().any(|fault| fault["seq"] == 5), "{verdict}");
        assert!(told.stdout.contains("row 5: rows were removed"), "{}", told.stdout);
    }
    // A copy that was kept elsewhere knows it too, when the one beside the database is gone.
    let kept = place.path().join("kept.jsonl");
    let beside = fs::read_dir(place.data()).unwrap().map(|entry| entry.unwrap().path());
    let beside: Vec<PathBuf> = beside.filter(|path| path.to_string_lossy().contains("checkpoint")).collect();
    let file = beside.iter().find(|path| fs::read_to_string(path).is_ok_and(|text| text.starts_with('{')));
    fs::rename(file.expect("a file of checkpoints"), &kept).unwrap();
    let ended = place.told(&["audit", "verify", "--checkpoints", kept.to_str().unwrap()]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let ended = place.told(&["audit", "verify", "--checkpoints", "nowhere"]);
    assert!(ended.code != Some(0) && ended.stderr.contains("nowhere"), "{ended:?}");

    // And one that somebody has written to is not believed.
    fs::write(database(&place), &whole).unwrap();
    assert_eq!(place.told(&["audit", "verify", "--checkpoints", kept.to_str().unwrap()]).code, Some(0));
    let text = fs::read_to_string(&kept).unwrap();
    fs::write(&kept, text.replacen("\"seq\":5", "\"seq\":4", 1)).unwrap();
    let ended = place.told(&["audit", "verify", "--checkpoints", kept.to_str().unwrap()]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
}

#[tokio::test]
async fn an_empty_log_is_whole_and_a_broken_one_is_told_by_its_server_too() {
    let place = Place::new("");
    let ended = place.told(&["audit", "verify"]);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{ended:?}");
    assert!(ended.stderr.contains("there is no database") && ended.stderr.contains("`--data DIR`"), "{}", ended.stderr);
    assert_eq!(place.run(&["keys", "list"]).good(), json!({ "keys": [] }));
    let (told, verdict) = verified(&place);
    assert_eq!((told.code, &verdict["rows"]), (Some(0), &json!(0)), "{}", told.stdout);
    // Whoever tampers with the log cannot keep others from reading it.
    let place = history().await;
    let key = place.key("admin", "default");
    tamper(&place, "UPDATE access_audit SET detail = 'no json' WHERE seq = 2").await;
    let server = place.start();
    assert_eq!(rows(&server, &key).await.len(), 6);
    assert_eq!(verified(&server.stopped()).0.code, Some(1));
}
