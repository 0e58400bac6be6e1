//! The working day of 80 users: a catalogue of questions asked by Zipf's law, and a memory too small for it.
//!
//! What makes it a fair test: 800 different questions, drawn by Zipf's law with the exponent 1, as studies of web and
//! search caches report it (0.6 to 1.1) and as users of one assistant for one subject ask; answers of 0.4 to 8 KiB,
//! log-uniform, as chats are; 400 requests from each user; memory for less than half the bytes of all answers, so that
//! the second tier matters. It starts empty, and every first question of its kind counts as the miss that it is.

use super::tests::{Bench, wanted};

const USERS: usize = 80;
const REQUESTS: usize = 400;
const QUESTIONS: usize = 800;
const EXPONENT: f64 = 1.0;

/// The shares of all questions up to each.
fn shares() -> Vec<f64> {
    let mut sum = 0.0;
    let weights = (1..=QUESTIONS).map(|rank| (rank as f64).powf(-EXPONENT));
    let sums: Vec<f64> = weights
        .map(|weight| {
            sum += weight;
            sum
        })
        .collect();
    sums.iter().map(|part| part / sum).collect()
}

fn answer(question: usize) -> String {
    let mut rng = fastrand::Rng::with_seed(question as u64);
    let bytes = 400.0 * 20_f64.powf(rng.f64());
    let letters = (0..bytes as usize).map(|_| rng.alphanumeric());
    letters.collect()
}

#[tokio::test]
async fn most_questions_of_80_users_are_answered_from_what_is_kept() {
    let settings = settings::Cache {
        memory_mb: 1,
        memory_entries: 10_000,
        disk_mb: 64,
        ttl_s: 3_600,
        ..settings::Cache::default()
    };
    let mut bench = Bench::new(settings, false);
    let (shares, mut rng) = (shares(), fastrand::Rng::with_seed(80));
    let answers: Vec<String> = (0..QUESTIONS).map(answer).collect();
    assert!(answers.iter().map(String::len).sum::<usize>() > 2 * 1024 * 1024 - 300_000, "memory would hold half of it");
    for at in 0..USERS * REQUESTS {
        let drawn = rng.f64();
        let question = shares.partition_point(|share| *share < drawn).min(QUESTIONS - 1);
        bench.ask(wanted(&question.to_string(), "t", &[]), &answers[question]).await;
        if at % 64 == 0 {
            bench.worker.settle().await;
        }
    }
    let stats = bench.cache.stats();
    let (memory, disk) = (&stats.tiers[0], &stats.tiers[1]);
    let shown = (stats.hit_rate, memory.hit_rate, disk.hit_rate);
    println!("hit rates: {shown:.3?}");
    assert!(stats.hit_rate.unwrap() >= 0.85, "overall {:?}", stats.hit_rate);
    assert!(memory.hit_rate.unwrap() >= 0.85, "memory {:?}", memory.hit_rate);
    assert!(disk.hit_rate.unwrap() >= 0.72, "disk {:?}", disk.hit_rate);
}
