//! The disk fills up under a serving server: what must be written is refused in clear words, whatever only reads goes
//! on, and once there is room again everything works, with nothing broken.

use crate::support::books::{code, items, metered, priced, request, settled, spend};
use crate::support::{Ended, Place, Response, Server, ask, get, until};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The most requests until a disk of a few MiB is full.
const MOST: usize = 20_000;

/// Runs a line of shell; whether it worked.
fn shell(line: &str) -> bool {
    Command::new("sh").args(["-c", line]).output().unwrap().status.success()
}

/// What becomes full, and how room is made.
enum Disk {
    /// A small file system that nobody but the server sees; it is filled with a file.
    Small(PathBuf),
    /// Files may not grow beyond a size.
    Short,
}

impl Disk {
    /// Whether this machine lets a test make a file system.
    fn can_be_small() -> bool {
        shell("unshare -m mount -t tmpfs tmpfs /tmp")
    }

    /// Serves on a small file system.
    fn small(place: Place) -> (Server, Self) {
        let data = place.data();
        let shown = data.display();
        // What is there already goes with it.
        let server = place.start_in(&format!(
            "exec unshare -m sh -c 'cp -a {shown} {shown}.old && mount -t tmpfs -o size=8m tmpfs {shown} && \
             cp -a {shown}.old/. {shown} && exec \"$@\"' sh \"$@\""
        ));
        let seen = PathBuf::from(format!("/proc/{}/root{shown}/filler", server.pid()));
        (server, Self::Small(seen))
    }

    /// Serves with files that may not grow beyond a size.
    fn short(place: Place) -> (Server, Self) {
        (place.start(), Self::Short)
    }

    fn fill(&self, server: &Server) {
        match self {
            Self::Small(filler) => drop(shell(&format!("cat /dev/zero >{}", filler.display()))),
            Self::Short => {
                let pid = server.pid();
                assert!(shell(&format!("prlimit --pid {pid} --fsize=4096:unlimited")));
            }
        }
    }

    fn make_room(&self, server: &Server) {
        match self {
            Self::Small(filler) => std::fs::remove_file(filler).unwrap(),
            Self::Short => assert!(shell(&format!("prlimit --pid {} --fsize=unlimited:unlimited", server.pid()))),
        }
    }

    /// Checks the data, where the server sees it.
    fn is_sound(&self, server: &Server) {
        for arguments in [["store", "check", "--json"], ["audit", "verify", "--json"]] {
            let mut command = server.place().on_data(&arguments);
            if let Self::Small(_) = self {
                let mut inside = Command::new("nsenter");
                inside.args(["--mount", "--target", &server.pid().to_string()]);
                inside.arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
                command = inside;
            }
            assert_eq!(Ended::of(command).good()["ok"], true, "{arguments:?}");
        }
    }
}

fn wanted() -> Value {
    json!({ "role": "viewer", "tenant": "acme" })
}

async fn make_key(address: SocketAddr, admin: &str) -> Response {
    ask(address, admin, "POST", "/api/v1/keys", Some(&wanted())).await
}

fn id(key: &Value) -> String {
    key["id"].as_str().unwrap().to_owned()
}

/// What hears who wants something written.
fn is_refused(reply: &Response, codes: &[&str]) {
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert!(codes.contains(&code(reply).as_str()), "{}", reply.text());
    assert!(reply.header("retry-after").is_some() && reply.text().contains("; "), "{}", reply.text());
}

/// Fills the disk under a server and makes room again.
async fn fills_up(on: impl FnOnce(Place) -> (Server, Disk), codes: &[&str]) {
    let upstream = metered(Duration::from_millis(2)).await;
    let place = Place::new(&format!("[budget]\nlease_ms = 1000\nwait_ms = 200\n{}", priced(&upstream)));
    let (admin, free, thrifty) = (place.key("admin", "default"), place.key("user", "free"), place.key("user", "acme"));
    let (server, disk) = on(place);
    let address = server.address();
    let limit = json!({ "scope": "tenant", "tenant": "acme", "period": "day", "limit_usd": "100" });
    assert_eq!(ask(address, &admin, "PUT", "/api/v1/budgets", Some(&limit)).await.status, 200);
    let body = request("kit/m", false, Some(100));
    for key in [&free, &thrifty] {
        assert_eq!(spend(address, key, &body).await.status, 200);
    }
    let mut keys = HashSet::new();
    keys.insert(id(&make_key(address, &admin).await.json()));

    disk.fill(&server);
    let mut full = None;
    for _ in 0..MOST {
        let made = make_key(address, &admin).await;
        if made.status != 201 {
            full = Some(made);
            break;
        }
        keys.insert(id(&made.json()));
    }
    is_refused(&full.expect("the disk is full"), codes);
    // Reading goes on, and so does whoever has nothing to reserve; the books wait.
    for _ in 0..20 {
        let chat = spend(address, &free, &body).await;
        assert_eq!(chat.status, 200, "{}", chat.text());
        assert_eq!(ask(address, &admin, "GET", "/v1/models", None).await.status, 200);
        assert!(items(address, &admin, "/api/v1/keys").await.len() >= keys.len());
        is_refused(&make_key(address, &admin).await, codes);
    }
    let no_money = async || Some(spend(address, &thrifty, &body).await).filter(|reply| reply.status != 200);
    is_refused(&until("no money can be set aside", no_money).await, &["budget_unavailable"]);
    assert_eq!(get(address, "/livez").await.status, 200);

    disk.make_room(&server);
    let made = async || Some(make_key(address, &admin).await).filter(|reply| reply.status == 201);
    keys.insert(id(&until("a key is made", made).await.json()));
    let served = async || Some(spend(address, &thrifty, &body).await).filter(|reply| reply.status == 200);
    until("there is money again", served).await;
    let budget = settled(address, &admin, "tenant").await;
    assert!(budget.spent > 0);
    let calls = async || (items(address, &admin, "/api/v1/calls?tenant=free").await.len() == 21).then_some(());
    until("the ledger has caught up", calls).await;
    let listed = items(address, &admin, "/api/v1/keys").await;
    let listed: HashSet<String> = listed.iter().map(id).collect();
    assert!(keys.is_subset(&listed), "a key is gone");
    assert!(!server.log().contains("ERROR"), "{}", server.log());
    disk.is_sound(&server);
}

#[tokio::test]
async fn a_file_system_fills_up() {
    // Elsewhere the next test is all there is.
    if Disk::can_be_small() {
        fills_up(Disk::small, &["store_full"]).await;
    }
}

#[tokio::test]
async fn files_may_not_grow() {
    fills_up(Disk::short, &["store_full", "store_unreachable"]).await;
}
