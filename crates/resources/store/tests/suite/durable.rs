//! What was acknowledged is there: after a kill, after a disk that was full, and because the disk was really waited for.

use crate::backend::Backend;
use crate::child::{TABLE, command, told};
use std::collections::HashSet;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;
use store::args;

/// How often a writing process is killed.
fn rounds(usual: u32) -> u32 {
    std::env::var("ALTHING_KILLS").ok().and_then(|number| number.parse().ok()).unwrap_or(usual)
}

/// Kills a writing process again and again; every row that it was told of is there, and no half of a transaction.
async fn survives_kills(backend: &Backend, rounds: u32) {
    let url = backend.config();
    let url = url.file().is_none().then(|| backend.postgres.as_ref().unwrap().url());
    backend.open().await.exec(TABLE, args![]).await.unwrap();
    let mut kept = HashSet::new();
    for round in 0..rounds {
        let mut child = command("write", backend.data.path(), url.as_deref(), &[]).spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        let reader = std::thread::spawn(move || {
            let mut text = String::new();
            out.read_to_string(&mut text).unwrap();
            text
        });
        tokio::time::sleep(Duration::from_millis(200 + fastrand::u64(..400))).await;
        child.kill().unwrap();
        child.wait().unwrap();
        let acknowledged = told(&reader.join().unwrap(), "kept");
        assert!(!acknowledged.is_empty(), "round {round}: nothing was written");
        kept.extend(acknowledged);
        let site = backend.open().await;
        let rows = site.rows("SELECT id FROM pair", args![]).await.unwrap();
        let found: HashSet<i64> = rows.iter().map(|row| row.get(0).unwrap()).collect();
        let lost: Vec<_> = kept.iter().filter(|id| !found.contains(id)).collect();
        assert!(lost.is_empty(), "round {round}: lost {lost:?}");
        assert!(found.iter().all(|id| found.contains(&-id)), "round {round}: half a transaction");
        if backend.is_sqlite() {
            let check = site.rows("PRAGMA integrity_check", args![]).await.unwrap();
            assert_eq!(check[0].get::<String>(0).unwrap(), "ok", "round {round}");
        }
        site.store.close().await;
    }
    println!("{rounds} kills, {} transactions acknowledged, none lost", kept.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_keeps_what_it_acknowledged_when_it_is_killed() {
    survives_kills(&Backend::sqlite(), rounds(10)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_keeps_what_it_acknowledged_when_we_are_killed() {
    survives_kills(&Backend::postgres(), rounds(3)).await;
}

/// Runs a task under `strace`, with more arguments for it. `None` where the system lets nobody be traced.
fn traced(task: &str, backend: &Backend, more: &[&str]) -> Option<(String, String)> {
    let report = backend.data.path().join("strace");
    let around = [&["strace", "-f", "-q", "-o", report.to_str().unwrap()], more].concat();
    let known = Command::new("strace").arg("-V").stdout(Stdio::null()).status();
    known.expect("`strace` is missing: run `make test-services`");
    let output = command(task, backend.data.path(), None, &around).output().unwrap();
    let (told, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if said.contains("ptrace") && said.contains("not permitted") {
        println!("nothing can be traced here, so nothing is shown: {said}");
        return None;
    }
    assert!(output.status.success(), "{told}\n{said}");
    Some((told.into_owned(), std::fs::read_to_string(report).unwrap()))
}

#[test]
fn each_commit_waits_for_the_disk_and_carries_a_group() {
    let backend = Backend::sqlite();
    let Some((output, report)) = traced("sync", &backend, &["-e", "trace=fsync,fdatasync"]) else { return };
    let number = |word| told(&output, word)[0];
    assert_eq!(number("level"), 2, "FULL");
    let syncs = report.lines().filter(|line| line.contains("sync(") && line.contains("= 0")).count() as i64;
    let (alone, commits, transactions) = (number("alone"), number("commits"), number("transactions"));
    assert_eq!((alone, transactions), (41, 681));
    assert!(syncs >= commits, "{syncs} waits for the disk, {commits} commits");
    assert!(commits - alone <= 320, "{} commits for 640 transactions", commits - alone);
    println!("{transactions} transactions, {commits} commits, {syncs} waits for the disk");
}

/// Some of what was written was refused, all that was acknowledged is there and nothing that was refused, and in the
/// end it works again by itself.
fn holds_its_word(output: &str, code: &str) {
    let (kept, refused, seen) = (told(output, "kept"), told(output, "refused"), told(output, "seen"));
    assert!(!refused.is_empty(), "nothing went wrong: {output}");
    for line in output.lines().filter(|line| line.starts_with("why ")) {
        assert!(line.contains(code), "{line}");
    }
    assert_eq!(seen.len(), 60, "reading always works");
    assert!(kept.iter().max() > refused.iter().min(), "it works again: {output}");
    assert_eq!(*seen.last().unwrap(), kept.len() as i64, "{output}");
}

#[test]
fn a_full_disk_costs_nobody_what_was_acknowledged() {
    let backend = Backend::sqlite();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let site = runtime.block_on(async {
        let site = backend.open().await;
        site.exec(TABLE, args![]).await.unwrap();
        site.store.close().await;
        site
    });
    drop(site);
    // The counter runs for each thread: every new connection has room again, for a while.
    let inject = "inject=pwrite64:error=ENOSPC:when=120..160";
    let Some((output, _)) = traced("fill", &backend, &["-e", "trace=pwrite64", "-e", inject]) else { return };
    holds_its_word(&output, "Full");
}

#[test]
fn a_disk_that_cannot_be_written_costs_nobody_what_was_acknowledged() {
    let backend = Backend::sqlite();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { backend.open().await.exec(TABLE, args![]).await.unwrap() });
    drop(runtime);
    let inject = "inject=fsync,fdatasync:error=EIO:when=15..17";
    let Some((output, _)) = traced("fill", &backend, &["-e", "trace=fsync,fdatasync", "-e", inject]) else { return };
    holds_its_word(&output, "Unreachable");
}

#[test]
fn nothing_wakes_up_while_nobody_asks() {
    let backend = Backend::sqlite();
    let output = command("idle", backend.data.path(), None, &[]).output().unwrap();
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    let (woken, resident) = (told(&output, "woken")[0], told(&output, "resident")[0]);
    assert!(woken < 30, "woken {woken} times in three seconds");
    println!("woken {woken} times in three seconds, {resident} KiB resident");
}
