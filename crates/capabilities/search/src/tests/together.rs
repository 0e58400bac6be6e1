//! Many who read while others write.

use super::{EVERYTHING, said, words};
use crate::{Doc, Embedded, Index, Query, Vector};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A word for each time.
fn word(times: usize) -> String {
    format!("kx{}", char::from(b'a' + times as u8))
}

/// A document of which everything says which time it was written.
fn version(id: usize, times: usize) -> Doc {
    let (sin, cos) = (times as f32).sin_cos();
    let vectors = vec![Vector::from([sin, cos])];
    Doc {
        vectors,
        group: Some(times.to_string().into()),
        ..said(&id.to_string(), "all", &format!("sun {}", word(times)))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn documents_are_seen_whole_while_they_change() {
    let (index, done) = (Arc::new(Embedded::default()), Arc::new(AtomicBool::new(false)));
    index.upsert("c", (0..200).map(|id| version(id, 0)).collect()).await.unwrap();
    let readers: Vec<_> = (0..3)
        .map(|_| {
            let (index, done) = (Arc::clone(&index), Arc::clone(&done));
            tokio::spawn(async move {
                let (scopes, mut asked) = (["all".into()], 0);
                while !done.load(Ordering::Relaxed) || asked == 0 {
                    let query = Query {
                        collection: "c",
                        scopes: &scopes,
                        text: Some("sun"),
                        vector: Some(&[0.0, 1.0]),
                        filter: &EVERYTHING,
                        limit: 200,
                    };
                    let found = index.query(query).await.unwrap().candidates;
                    assert_eq!(found.len(), 200, "what is replaced is never missing");
                    for candidate in found {
                        let times: f32 = candidate.group.unwrap().parse().unwrap();
                        assert!((candidate.cosine.unwrap() - times.cos()).abs() < 1e-4);
                    }
                    asked += 1;
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    for times in 1..=20 {
        index.upsert("c", (0..200).map(|id| version(id, times)).collect()).await.unwrap();
        let found = words(&index, &format!("sun {}", word(times))).await.candidates;
        assert_eq!(found.len(), 100, "what was written is seen at once");
        assert!(found.iter().all(|candidate| candidate.matched == 2));
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
}

#[tokio::test]
async fn memory_follows_what_is_held() {
    let index = Embedded::default();
    let text =
        |n: usize| format!("tool{n} lists files{} of a folder and sorts them by column{} and date", n % 700, n % 90);
    for round in 0..5 {
        let docs = (0..2_000).map(|n| said(&format!("{n}"), &format!("s{}", n % 7), &text(n + round * 10_000)));
        index.upsert("c", docs.collect()).await.unwrap();
    }
    let held = index.snapshot("c").await.unwrap();
    assert_eq!(held.documents.len(), 2_000);
    assert!(held.bytes < 4_000_000, "{} bytes", held.bytes);
    let ids: Vec<_> = held.documents.into_iter().map(|held| held.id).collect();
    index.delete("c", &ids).await.unwrap();
    let left = index.snapshot("c").await.unwrap().bytes;
    assert!(left < held.bytes / 4, "{left} bytes");
}
