//! What decisions cost, measured: `cargo run --release -p decisions --example decisions_cost -- [STORED]`.
//!
//! Whole sessions one after another with a model that answers at once, operations with their percentiles beside one wait
//! for the disk, a wide matrix at 100 ms a call, and listing among many stored sessions (100,000 unless told otherwise).
//! It asserts nothing.
#![allow(clippy::print_stdout, clippy::unwrap_used)] // A command for people.

use caller::{Caller, Guest, Wishes};
use decisions::{
    Clock, CriterionChange, Decisions, Evaluate, GivenScore, Look, NewCriterion, NewDecision, NewOption, Setup,
};
use futures_util::future::join_all;
use matrix::Matrix;
use measure::Metrics;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use store::{Config, Store};

const ANSWER: &str = r#"{\"score\": 7, \"reasoning\": \"Because.\", \"confidence\": 0.8, \"status\": \"success\"}"#;

/// The models `s/now`, which answers at once, and `s/slow`, which takes 100 ms.
fn settings(stored: usize) -> settings::Settings {
    let model = |name: &str, ms: u64| {
        format!("{{ name = \"{name}\", script = {{ answers = [\"{ANSWER}\"], latency = {{ ms = {ms} }} }} }}")
    };
    let text = format!(
        "[[provider]]\nname = \"s\"\nkind = \"scripted\"\nmodels = [{}, {}]\n\
         [decisions]\nsessions_max = {}\nsession_ttl_s = 86400\n",
        model("now", 0),
        model("slow", 100),
        stored + 100_000
    );
    toml::from_str(&text).unwrap()
}

async fn open(settings: &settings::Settings, folder: &Path) -> Arc<Decisions> {
    let metrics = Metrics::new("0");
    let store = Store::open(&Config::new(&settings.store, folder).unwrap(), metrics.store()).await.unwrap();
    let setup = Setup {
        store,
        matrix: Arc::new(Matrix::new(settings, vec![models::scripted::KIND], Arc::clone(&metrics)).unwrap()),
        settings: settings.decisions.clone(),
        metrics,
        clock: Clock::Store,
        memory: Arc::new(|| None),
        seed: 1,
    };
    Decisions::open(setup).await.unwrap()
}

fn caller() -> Caller {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
    Caller { request_id: "req-1".into(), deadline, guest: Guest::local(), wishes: Wishes::default() }
}

fn new(options: usize, criteria: usize, model: &str) -> NewDecision {
    let option = |at| NewOption { name: format!("option {at}"), description: "What it is, in a few words.".into() };
    let criterion = |at| NewCriterion { name: format!("criterion {at}"), ..NewCriterion::default() };
    NewDecision {
        topic: "Which one?".into(),
        options: (0..options).map(option).collect(),
        criteria: (0..criteria).map(criterion).collect(),
        model_name: Some(model.into()),
        ..NewDecision::default()
    }
}

fn told(name: &str, mut times: Vec<Duration>) {
    times.sort();
    let at = |share: f64| times[((times.len() as f64 * share) as usize).min(times.len() - 1)].as_secs_f64() * 1e3;
    println!(
        "{name:<28} p50 {:7.3} ms   p95 {:7.3} ms   p99 {:7.3} ms   n {}",
        at(0.5),
        at(0.95),
        at(0.99),
        times.len()
    );
}

/// One wait for the disk that holds the store.
fn disk(folder: &Path) -> Vec<Duration> {
    let mut file = std::fs::File::create(folder.join("sync")).unwrap();
    (0..200)
        .map(|_| {
            file.write_all(&[7; 4096]).unwrap();
            let began = Instant::now();
            file.sync_data().unwrap();
            began.elapsed()
        })
        .collect()
}

async fn sessions(room: &Arc<Decisions>, count: usize) {
    let who = &caller().guest.identity;
    let began = Instant::now();
    for _ in 0..count {
        let id = room.start(who, new(5, 0, "s/now")).await.unwrap().id;
        for at in 0..4 {
            let criterion = NewCriterion { name: format!("criterion {at}"), ..NewCriterion::default() };
            room.add_criterion(who, &id, criterion, None).await.unwrap();
        }
        assert!(room.evaluate(&caller(), &id, Evaluate::default()).await.unwrap().complete);
        room.result(who, &id, Look::default()).await.unwrap();
    }
    let took = began.elapsed();
    println!("whole sessions (5 x 4)       {:.0} a minute", count as f64 / took.as_secs_f64() * 60.0);
}

async fn operations(room: &Arc<Decisions>, rounds: usize) {
    let who = &caller().guest.identity;
    let mut times: [Vec<Duration>; 7] = Default::default();
    for round in 0..rounds {
        let mut at = 0;
        let mut note = |began: Instant| {
            times[at].push(began.elapsed());
            at += 1;
        };
        let began = Instant::now();
        let id = room.start(who, new(5, 4, "s/now")).await.unwrap().id;
        note(began);
        let began = Instant::now();
        let option = NewOption { name: format!("more {round}"), description: String::new() };
        room.add_option(who, &id, option, None).await.unwrap();
        note(began);
        let began = Instant::now();
        let weight = CriterionChange { weight: Some(2.0), ..CriterionChange::default() };
        room.change_criterion(who, &id, "criterion 1", weight, None).await.unwrap();
        note(began);
        let began = Instant::now();
        let (option, criterion) = ("option 1".to_owned(), "criterion 1".to_owned());
        let given = GivenScore { option, criterion, score: Some(5.0), ..GivenScore::default() };
        room.score(who, &id, vec![given], None).await.unwrap();
        note(began);
        let began = Instant::now();
        room.get(who, &id).await.unwrap();
        note(began);
        let began = Instant::now();
        room.list(who, Some(20), None).await.unwrap();
        note(began);
        let began = Instant::now();
        room.result(who, &id, Look::default()).await.unwrap();
        note(began);
    }
    let names = ["start", "add option", "change weight", "score", "get", "list 20", "result (10,000 draws)"];
    names.into_iter().zip(times).for_each(|(name, times)| told(name, times));
}

async fn wide(room: &Arc<Decisions>) {
    let who = &caller().guest.identity;
    let id = room.start(who, new(20, 15, "s/slow")).await.unwrap().id;
    let began = Instant::now();
    let done = room.evaluate(&caller(), &id, Evaluate::default()).await.unwrap();
    let took = began.elapsed().as_secs_f64();
    println!("20 x 15 at 100 ms, 20 at once {took:.3} s, {:.3} of the ideal ({})", took / 1.5, done.asked);
    let began = Instant::now();
    room.result(who, &id, Look::default()).await.unwrap();
    println!("its result                    {:.3} ms", began.elapsed().as_secs_f64() * 1e3);
}

async fn stored(room: &Arc<Decisions>, count: usize) {
    let who = &caller().guest.identity;
    let began = Instant::now();
    for _ in 0..count / 200 {
        join_all((0..200).map(|_| room.start(who, new(5, 4, "s/now")))).await;
    }
    println!("\n{count} sessions stored in {:.1} s", began.elapsed().as_secs_f64());
}

#[tokio::main]
async fn main() {
    let count = std::env::args().nth(1).and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(count);
    let room = open(&settings, folder.path()).await;
    told("one wait for the disk", disk(folder.path()));
    sessions(&room, 200).await;
    operations(&room, 300).await;
    wide(&room).await;
    stored(&room, count).await;
    operations(&room, 300).await;
}
