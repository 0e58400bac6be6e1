//! Checkpoints: when they are written, and what becomes of those that somebody touched.

use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

impl Bench {
    fn lines(&self) -> Vec<String> {
        fs::read_to_string(self.checkpoints()).unwrap().lines().map(str::to_owned).collect()
    }

    fn key_file(&self) -> PathBuf {
        self.data.path().join("audit.key")
    }
}

#[tokio::test]
async fn a_checkpoint_is_written_when_something_was_appended() {
    on_both(async |bench| {
        assert_eq!(bench.checkpoint().await, None);
        assert!(!bench.checkpoints().exists() && !bench.key_file().exists());
        bench.rows(2).await;
        let first = bench.checkpoint().await.unwrap();
        assert_eq!((first.seq, first.hash.as_str()), (2, hex::encode(&bench.stored().await[1].hash).as_str()));
        assert_eq!(bench.checkpoint().await, None);
        bench.rows(1).await;
        let second = bench.checkpoint().await.unwrap();
        assert_eq!((second.seq, &second.key), (3, &first.key));
        let lines = [first, second].map(|line| serde_json::to_string(&line).unwrap());
        assert_eq!(bench.lines(), lines);
        let verdict = bench.verify_all().await;
        assert_eq!((verdict.checkpoints, verdict.keys.len()), (2, 1));
        expect(&verdict, &[]);
        assert_eq!(fs::metadata(bench.key_file()).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(
            fs::read_dir(bench.data.path())
                .unwrap()
                .filter(|file| { file.as_ref().unwrap().file_name().to_string_lossy().starts_with("audit") })
                .count(),
            2
        );
    })
    .await;
}

#[tokio::test]
async fn servers_on_one_database_keep_a_file_each() {
    let postgres = Postgres::start();
    let here = Bench::postgres(&postgres).await;
    let there = here.beside().await;
    here.rows(2).await;
    here.checkpoint().await.unwrap();
    there.rows(2).await;
    there.checkpoint().await.unwrap();
    let verdict = verify(&here.store, &[here.checkpoints(), there.checkpoints()]).await.unwrap();
    assert_eq!((verdict.rows, verdict.checkpoints, verdict.keys.len()), (4, 2, 2));
    expect(&verdict, &[]);
}

#[tokio::test]
async fn they_are_kept_while_the_server_runs() {
    let bench = Bench::sqlite().await;
    bench.rows(1).await;
    let (audit, data) = (Arc::clone(&bench.audit), bench.data.path().to_owned());
    let keeper = tokio::spawn(keep_checkpoints(audit, data, Duration::ZERO));
    for count in 1..=2 {
        let reached = async {
            while !bench.checkpoints().exists() || bench.lines().len() < count {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), reached).await.unwrap();
        bench.rows(1).await;
    }
    keeper.abort();
    expect(&bench.verify_all().await, &[]);
}

#[tokio::test]
async fn forged_and_damaged_lines_are_told_apart() {
    on_both(async |bench| {
        bench.rows(3).await;
        let good = bench.checkpoint().await.unwrap();
        let line = bench.lines().remove(0);
        let other = {
            let other = Bench::sqlite().await;
            other.rows(1).await;
            other.checkpoint().await.unwrap()
        };
        let forged = |change: &dyn Fn(&mut Checkpoint)| {
            let mut forged = good.clone();
            change(&mut forged);
            serde_json::to_string(&forged).unwrap()
        };
        let cases = [
            (forged(&|it| it.seq = 2), "2 line 1 of"),
            (forged(&|it| it.hash = other.hash.clone()), "3 line 1 of"),
            (forged(&|it| it.at = other.at.replace('T', " ")), "3 line 1 of"),
            (forged(&|it| it.key = other.key.clone()), "3 line 1 of"),
            (forged(&|it| it.signature = other.signature.clone()), "3 line 1 of"),
            (forged(&|it| it.key = "00".to_owned()), "3 line 1 of"),
            (forged(&|it| it.hash = "00".to_owned()), "? line 1 of"),
            (line[..line.len() / 2].to_owned(), "? line 1 of"),
            (line.replace("\"at\"", "\"When\""), "? line 1 of"),
            (line.replace('}', ",\"more\":1}"), "? line 1 of"),
            (String::new(), "? line 1 of"),
            ("\u{0}\u{ff}".to_owned(), "? line 1 of"),
        ];
        for (text, found) in &cases {
            fs::write(bench.checkpoints(), format!("{text}\n{line}\n")).unwrap();
            let verdict = bench.verify_all().await;
            expect(&verdict, &[found]);
            let kind = if found.starts_with('?') { "is damaged" } else { "is forged" };
            assert!(verdict.faults[0].what.contains(kind), "{text}: {verdict:?}");
            assert_eq!(verdict.checkpoints, 1);
        }
    })
    .await;
}

#[tokio::test]
async fn a_good_signature_of_another_key_is_shown_by_its_key() {
    let (bench, other) = (Bench::sqlite().await, Bench::sqlite().await);
    bench.rows(2).await;
    let good = bench.checkpoint().await.unwrap();
    other.replace(bench.stored().await).await;
    let forged = other.checkpoint().await.unwrap();
    fs::write(bench.checkpoints(), serde_json::to_string(&forged).unwrap() + "\n").unwrap();
    let verdict = bench.verify_all().await;
    expect(&verdict, &[]);
    assert_eq!(verdict.keys, [forged.key]);
    assert_ne!(verdict.keys, [good.key]);
}

#[tokio::test]
async fn a_hundred_keys_are_told_apart() {
    let bench = Bench::sqlite().await;
    bench.rows(1).await;
    let folders: Vec<_> = (0..102).map(|at| bench.data.path().join(at.to_string())).collect();
    for folder in &folders {
        bench.audit.checkpoint(folder).await.unwrap();
    }
    let files: Vec<_> = folders.iter().map(|folder| checkpoints_file(folder)).collect();
    let verdict = verify(&bench.store, &files).await.unwrap();
    assert_eq!((verdict.checkpoints, verdict.keys.len()), (102, 100));
    expect(&verdict, &[]);
}

#[tokio::test]
async fn there_is_a_most_of_checkpoints() {
    let bench = Bench::sqlite().await;
    bench.rows(1).await;
    bench.checkpoint().await.unwrap();
    let line = &bench.lines()[0];
    fs::write(bench.checkpoints(), format!("{line}\n{line}\n{line}\n")).unwrap();
    let read = |most| marks::read_all(vec![bench.checkpoints()], most);
    assert_eq!(read(3).unwrap().verdict.checkpoints, 3);
    let refused = read(2).map(drop).unwrap_err();
    assert!(refused.to_string().contains("more than 2 checkpoints"), "{refused}");
}

#[tokio::test]
async fn any_changed_bit_of_a_line_is_found() {
    let bench = Bench::sqlite().await;
    bench.rows(1).await;
    bench.checkpoint().await.unwrap();
    let line = fs::read(bench.checkpoints()).unwrap();
    let file = bench.data.path().join("changed");
    for (at, bit) in (0..line.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut changed = line.clone();
        changed[at] ^= 1 << bit;
        fs::write(&file, &changed).unwrap();
        let verdict = marks::load(std::slice::from_ref(&file)).await.unwrap().verdict;
        assert!(!verdict.ok(), "byte {at}, bit {bit}: {}", String::from_utf8_lossy(&changed));
    }
}

#[tokio::test]
async fn after_a_torn_line_the_next_one_begins_anew() {
    on_both(async |bench| {
        bench.rows(1).await;
        bench.checkpoint().await.unwrap();
        let whole = fs::read_to_string(bench.checkpoints()).unwrap();
        fs::write(bench.checkpoints(), format!("{whole}{}", &whole[..100])).unwrap();
        expect(&bench.verify_all().await, &["? line 2 of"]);
        bench.checkpoint().await.unwrap();
        assert_eq!(bench.lines().len(), 3);
        let verdict = bench.verify_all().await;
        expect(&verdict, &["? line 2 of"]);
        assert_eq!(verdict.checkpoints, 2);
    })
    .await;
}

#[tokio::test]
async fn lines_without_end_and_files_that_are_missing() {
    let bench = Bench::sqlite().await;
    bench.rows(1).await;
    let missing = verify(&bench.store, &[bench.checkpoints()]).await;
    assert!(matches!(missing, Err(AuditError::File { .. })));
    fs::write(bench.checkpoints(), vec![b'x'; 1 << 20]).unwrap();
    let verdict = bench.verify_all().await;
    assert_eq!((verdict.faults.len(), verdict.unlisted), (100, 924));
    bench.checkpoint().await.unwrap();
    assert_eq!(bench.verify_all().await.checkpoints, 1);
}

#[tokio::test]
async fn a_key_that_is_none_is_refused_and_one_that_others_can_read_is_not() {
    let bench = Bench::sqlite().await;
    bench.rows(1).await;
    let made = bench.checkpoint().await.unwrap();
    fs::set_permissions(bench.key_file(), fs::Permissions::from_mode(0o644)).unwrap();
    bench.rows(1).await;
    assert_eq!(bench.checkpoint().await.unwrap().key, made.key);
    fs::write(bench.key_file(), "no key").unwrap();
    bench.rows(1).await;
    let refused = bench.audit.checkpoint(bench.data.path()).await.unwrap_err();
    assert!(refused.to_string().contains("audit.key`: it holds no Ed25519 key"), "{refused}");
}
