//! `althing keys` as it is typed: words and tables for people, one document for programs, a code for scripts.

use crate::support::{Ended, Place, Server, ask, until};
use serde_json::{Value, json};

/// A terminal is this wide.
const WIDTH: usize = 80;

fn fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= WIDTH, "{} columns: {line}", line.chars().count());
    }
}

/// Words that a failed command has said, with its code.
fn failed(ended: &Ended, code: i32) -> &str {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(code), ""), "{ended:?}");
    assert!(ended.stderr.starts_with("error: "), "{ended:?}");
    &ended.stderr
}

#[test]
fn a_key_is_shown_once_and_its_list_never_shows_it() {
    let place = Place::new("");
    let name = "for the nightly report of the accounts, 日本語, and a label of a hundred characters in all, x";
    let ended = place.told(&["keys", "create", "--role", "operator", "--expires", "30d", "--name", name]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    fits(&ended.stdout);
    let key = ended.stdout.lines().next().unwrap();
    assert!(key.starts_with("alth_") && key.len() == 56, "{}", ended.stdout);
    assert_eq!(ended.stdout.matches(key).count(), 1);
    for word in ["operator", "default", "expires", "only time", "authorization: Bearer"] {
        assert!(ended.stdout.contains(word), "{word}: {}", ended.stdout);
    }
    let id = ended.stdout.split_whitespace().find(|word| word.starts_with("key_")).unwrap();
    for ended in [
        place.told(&["keys", "list"]),
        place.run(&["keys", "list"]),
        place.told(&["keys", "revoke", id]),
        place.run(&["keys", "revoke", key]),
        place.told(&["keys", "list"]),
        place.run(&["audit", "verify"]),
    ] {
        assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
        assert!(!ended.stdout.contains(&key[12..]), "{}", ended.stdout);
    }
    let listed = place.told(&["keys", "list"]).stdout;
    fits(&listed);
    assert!(listed.contains(id) && listed.contains(&key[..12]) && listed.contains("revoked 20"), "{listed}");
    assert!(listed.ends_with("\n1 key\n"), "{listed}");
}

#[test]
fn programs_get_one_document() {
    let place = Place::new("");
    let made = place.run(&["keys", "create", "--role", "user", "--tenant", "acme", "--rpm", "5"]).good();
    let members = ["id", "key", "role", "tenant", "prefix", "created_at", "created_by", "expires_at", "rpm"];
    assert!(members.iter().all(|member| made.get(member).is_some()), "{made}");
    assert_eq!((&made["role"], &made["tenant"], &made["rpm"]), (&json!("user"), &json!("acme"), &json!(5)));
    let mut listed = place.run(&["keys", "list"]).good();
    let mut first = made.as_object().unwrap().clone();
    first.remove("key");
    assert_eq!(listed["keys"].take(), json!([first]));
    let revoked = place.run(&["keys", "revoke", made["id"].as_str().unwrap()]).good();
    assert!(revoked["id"] == made["id"] && revoked["revoked_at"].is_string(), "{revoked}");
    assert!(revoked.get("key").is_none());
}

#[test]
fn an_empty_store_has_no_keys_and_says_how_the_first_is_made() {
    let place = Place::new("");
    let ended = place.told(&["keys", "list"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(ended.stdout, "no keys; `althing keys create --role admin` makes the first\n");
    assert_eq!(place.run(&["keys", "list"]).good(), json!({ "keys": [] }));
    // Looking is not making: the server is still open.
    let server = place.start();
    assert_eq!(server.greeting()["open"], true);
}

#[test]
fn slips_are_told_with_what_to_write_instead() {
    let place = Place::new("");
    for (arguments, code, words) in [
        (&["keys", "create"][..], 2, &["--role"][..]),
        (&["keys", "create", "--role", "root"], 2, &["root", "`viewer`, `user`, `operator` or `admin`"]),
        (&["keys", "create", "--role", "Admin"], 2, &["Admin", "`admin`"]),
        (&["keys", "create", "--role", "user", "--expires", "soon"], 2, &["`expires`", "hint: ", "`30d`"]),
        (&["keys", "create", "--role", "user", "--expires", "2020-01-01"], 2, &["`expires`", "over already"]),
        (&["keys", "create", "--role", "user", "--rpm", "0"], 2, &["rpm"]),
        (&["keys", "create", "--role", "user", "--rpm", "many"], 2, &["--rpm", "many"]),
        (&["keys", "create", "--role", "user", "--tenant", "No Tenant"], 2, &["`tenant`", "`No Tenant`", "hint: "]),
        (&["keys", "create", "--role", "user", "--name", "two\nlines"], 2, &["`name`", "hint: "]),
        (&["keys", "revoke"], 2, &["<ID>"]),
        (&["keys", "revok"], 2, &["'revoke'"]),
        (&["keys", "revoke", "key_0000000000000000"], 1, &["there is no key `key_0000000000000000`"]),
        (&["keys", "revoke", "nobody"], 1, &["there is no key `nobody`"]),
        (&["keys", "revoke", ""], 1, &["there is no key"]),
    ] {
        let ended = place.told(arguments);
        let told = failed(&ended, code);
        assert!(words.iter().all(|word| told.contains(word)), "{arguments:?}: {words:?}: {told}");
        let ended = place.run(arguments);
        let document: Value = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}: {ended:?}"));
        assert!(ended.code == Some(code) && document["error"]["code"].is_string(), "{document}");
    }
    assert_eq!(place.run(&["keys", "list"]).good(), json!({ "keys": [] }));
}

#[test]
fn a_key_is_named_by_as_much_of_it_as_is_needed() {
    let place = Place::new("");
    let made = [(); 4].map(|()| place.made_key("user", "default"));
    let text = |nth: usize, member: &str| made[nth][member].as_str().unwrap().to_owned();
    for (nth, name) in
        [(0, text(0, "id")), (1, text(1, "id")[..12].to_owned()), (2, text(2, "prefix")), (3, text(3, "key"))]
    {
        assert_eq!(place.run(&["keys", "revoke", &name]).good()["id"], made[nth]["id"], "{name}");
    }
    let listed = place.run(&["keys", "list"]).good();
    assert!(listed["keys"].as_array().unwrap().iter().all(|key| key["revoked_at"].is_string()), "{listed}");
    // A whole key that is typed where it does not belong is not repeated.
    let stranger = Place::new("").key("user", "default");
    let ended = place.told(&["keys", "revoke", &stranger]);
    assert!(!failed(&ended, 1).contains(&stranger[12..]), "{}", ended.stderr);
    let wrong = format!("{}é", &text(0, "key")[..55]);
    let ended = place.told(&["keys", "revoke", &wrong]);
    assert!(!failed(&ended, 1).contains(&wrong[12..]), "{}", ended.stderr);
}

#[test]
fn a_list_shows_what_still_works_and_of_one_tenant_alone() {
    let place = Place::new("");
    place.made_key("viewer", "acme");
    let long = "t".repeat(64);
    place.made_key("admin", &long);
    place.run(&["keys", "create", "--role", "user", "--tenant", "acme", "--expires", "1s"]).good();
    let last = place.run(&["keys", "create", "--role", "user", "--expires", "2099-12-31"]).good();
    std::thread::sleep(std::time::Duration::from_millis(1_100));
    let listed = place.told(&["keys", "list"]).stdout;
    fits(&listed);
    for word in ["good", "expired 20", "until 2100-01-01", "4 keys"] {
        assert!(listed.contains(word), "{word}: {listed}");
    }
    let acme = place.run(&["keys", "list", "--tenant", "acme"]).good();
    let acme = acme["keys"].as_array().unwrap();
    assert!(acme.len() == 2 && acme.iter().all(|key| key["tenant"] == "acme"), "{acme:?}");
    let by_prefix = last["prefix"].as_str().unwrap();
    assert!(listed.lines().any(|line| line.contains(by_prefix) && line.contains("default")), "{listed}");
}

#[tokio::test]
async fn a_key_revoked_by_another_process_stops_working_within_its_cache() {
    let server = Server::start("[access]\nkey_cache_ms = 300\n");
    let made = server.place().made_key("user", "default");
    let (id, key) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    let whoami = async || ask(server.address(), key, "GET", "/api/v1/whoami", None).await;
    until("the key is known", async || (whoami().await.json()["subject"] == id).then_some(())).await;
    assert_eq!(server.place().run(&["keys", "revoke", id]).code, Some(0));
    let revoked = std::time::Instant::now();
    until("it is gone", async || (whoami().await.status == 401).then_some(())).await;
    assert!(revoked.elapsed() < std::time::Duration::from_millis(1_500), "{:?}", revoked.elapsed());
    assert_eq!(whoami().await.json()["code"], "revoked_key");
}

#[test]
fn keys_of_another_secret_are_told_from_a_broken_store() {
    let place = Place::new("[access]\nsecret = 'env:KEYS_SECRET'\n");
    let with = |secret: &str, arguments: &[&str]| {
        let mut command = place.on_data(arguments);
        command.env("KEYS_SECRET", secret);
        Ended::of(command)
    };
    assert_eq!(with("first secret, long enough", &["keys", "create", "--role", "admin"]).code, Some(0));
    for arguments in [&["keys", "create", "--role", "admin"][..], &["up", "--bind", "127.0.0.1:0"]] {
        let ended = with("second secret, long enough", arguments);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(3), ""), "{ended:?}");
        assert!(ended.stderr.contains("`access.secret`") && ended.stderr.contains("hint: "), "{}", ended.stderr);
        assert!(!ended.stderr.contains("second secret"), "{}", ended.stderr);
    }
    assert_eq!(with("first secret, long enough", &["keys", "list"]).code, Some(0));
    let ended = place.told(&["keys", "list"]);
    assert!(ended.code == Some(3) && ended.stderr.contains("env:KEYS_SECRET"), "{ended:?}");
}
