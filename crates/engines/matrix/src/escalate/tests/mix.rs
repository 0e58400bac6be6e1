//! A seeded mix of questions through the whole engine: what escalation saves, and whether the same answer wins.
//!
//! Five members whose accuracy rises with their price, from 60 % at 1 to 90 % at 10. Two of five times luck is the
//! question's and not the member's, so that hard questions are hard for all; and of two who err, three of five say the
//! same, as Kim et al. found of language models (ICML 2025).

use crate::fixtures::*;
use crate::{Matrix, Outcome};
use bytes::Bytes;
use caller::{Caller, Guest, Identity};
use measure::UpstreamMetrics;
use models::{Call, ChatFuture, Kind, Provider, RegistryError, Reply};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use testkit::Purse;
use wire::openai::{ChatReply, ChatRequest};

const QUESTIONS: usize = 1_000;
/// Accuracy and price of each member.
const MEMBERS: [(f64, u32); 5] = [(0.60, 1), (0.70, 2), (0.75, 4), (0.82, 7), (0.90, 10)];
const SHARED_LUCK: f64 = 0.4;
const SAME_ERROR: f64 = 0.6;
const RIGHT: &str = "Paris";
const WRONG: [&str; 4] = ["Rome", "Berlin", "Madrid", "Vienna"];

/// What the members say to question `number`.
fn answers(number: u64) -> [&'static str; 5] {
    let mut rng = fastrand::Rng::with_seed(number.wrapping_mul(0x9e37_79b9) ^ 20_261_121);
    let (luck, error) = (rng.f64(), rng.usize(..WRONG.len()));
    MEMBERS.map(|(accuracy, _)| {
        let luck = if rng.f64() < SHARED_LUCK { luck } else { rng.f64() };
        let error = if rng.f64() < SAME_ERROR { error } else { rng.usize(..WRONG.len()) };
        if luck < accuracy { RIGHT } else { WRONG[error] }
    })
}

struct Knowing;

fn build(_: &settings::Provider, _: Option<UpstreamMetrics>) -> Result<Arc<dyn Provider>, RegistryError> {
    Ok(Arc::new(Knowing))
}

impl Provider for Knowing {
    fn chat<'a>(&'a self, call: Call<'a>) -> ChatFuture<'a> {
        Box::pin(async move {
            let (seat, number): (usize, u64) =
                (call.model.parse().unwrap(), call.request.last_user_text().parse().unwrap());
            // The dearer, the slower; nobody hears of whoever comes second.
            tokio::time::sleep(Duration::from_millis(100 + seat as u64)).await;
            let body = json!({ "choices": [{ "message": { "role": "assistant", "content": answers(number)[seat] } }],
                "usage": { "prompt_tokens": 1_000, "completion_tokens": 1_000, "total_tokens": 2_000 } });
            Ok(Reply::Whole(ChatReply::parse(Bytes::from(body.to_string())).unwrap()).into())
        })
    }
}

fn engine(keys: &str) -> Matrix {
    let entry = |(at, (_, price)): (usize, &(f64, u32))| {
        format!("{{ name = \"{at}\", family = \"f{at}\", price = {{ input = {price}, output = {price} }} }}")
    };
    let models: Vec<String> = MEMBERS.iter().enumerate().map(entry).collect();
    let members: Vec<String> = (0..MEMBERS.len()).map(|at| format!("\"k/{at}\"")).collect();
    let text = format!(
        "[[provider]]\nname = \"k\"\nkind = \"knowing\"\nmodels = [{}]\n[[panel]]\nname = \"p\"\nmembers = [{}]\n{keys}\n",
        models.join(", "),
        members.join(", ")
    );
    Matrix::new(&settings(&text), vec![Kind { name: "knowing", build }], metrics()).unwrap()
}

/// What came of all questions.
struct Sitting {
    /// The winner of each, where the panel agreed.
    winners: Vec<Option<String>>,
    /// How many of those are right.
    right: usize,
    /// The price of every call that was made, as a share of asking all members every time. Whoever was cancelled is
    /// charged in full: when a provider stops counting, nobody knows.
    cost: f64,
    /// How long the questions took one after the other.
    took: Duration,
}

async fn sit(keys: &str) -> Sitting {
    let (matrix, purse) = (engine(keys), Purse::new());
    let guest = Guest { identity: Arc::new(Identity::local()), spend: purse.clone() };
    let (start, mut winners) = (tokio::time::Instant::now(), Vec::new());
    for number in 0..QUESTIONS {
        let caller = Caller { guest: guest.clone(), ..caller(PATIENCE) };
        let outcome = matrix.ask(&caller, &ChatRequest::from_prompt("p", &number.to_string())).await.unwrap();
        let Outcome::Whole { reply, report, .. } = outcome else { panic!("a stream") };
        winners.push(report.agreement.unwrap().reached.then(|| reply.answer()));
    }
    let price = |model: &str| MEMBERS[model.strip_prefix("k/").unwrap().parse::<usize>().unwrap()].1;
    let spent: u32 = purse.notes().iter().map(|note| price(&note.model)).sum();
    let all = MEMBERS.iter().map(|(_, price)| price).sum::<u32>() * QUESTIONS as u32;
    Sitting {
        right: winners.iter().flatten().filter(|winner| *winner == RIGHT).count(),
        winners,
        cost: f64::from(spent) / f64::from(all),
        took: start.elapsed(),
    }
}

/// The share of what asking all members to the end costs, and the share of questions with the same outcome.
async fn compared(keys: &str, full: &Sitting) -> (f64, f64) {
    let less = sit(keys).await;
    let same = full.winners.iter().zip(&less.winners).filter(|(a, b)| a == b).count();
    let same = same as f64 / QUESTIONS as f64;
    println!(
        "{keys:?}: cost {:.3}, same {same:.3}, right {} of {} reached (all: {} of {}), {:.0} ms a question (all: {:.0})",
        less.cost,
        less.right,
        less.winners.iter().flatten().count(),
        full.right,
        full.winners.iter().flatten().count(),
        less.took.as_secs_f64() * 1_000.0 / QUESTIONS as f64,
        full.took.as_secs_f64() * 1_000.0 / QUESTIONS as f64,
    );
    (less.cost, same)
}

#[tokio::test(start_paused = true)]
async fn the_first_three_of_five_save_a_third_and_change_no_winner() {
    let full = sit("").await;
    let (cost, same) = compared("first = 3", &full).await;
    assert!(cost <= 0.70 && same >= 0.99, "{cost} {same}");
    let at_once = cost_of_asking_the_rest_at_once();
    assert!(at_once > cost + 0.1, "one after the other {cost}, the rest at once {at_once}");
    println!("the rest at once: cost {at_once:.3}");
}

/// The same for a panel that asks all others at once as soon as the first three are not of one mind.
fn cost_of_asking_the_rest_at_once() -> f64 {
    let price = |of: &[(f64, u32)]| f64::from(of.iter().map(|(_, price)| price).sum::<u32>());
    let cost = |number: u64| {
        let answers = answers(number);
        let of_one_mind = answers[0] == answers[1] && answers[1] == answers[2];
        if of_one_mind { price(&MEMBERS[..3]) / price(&MEMBERS) } else { 1.0 }
    };
    (0..QUESTIONS as u64).map(cost).sum::<f64>() / QUESTIONS as f64
}

#[tokio::test(start_paused = true)]
async fn two_of_five_save_more_and_change_some_winners() {
    let full = sit("").await;
    let (cost, same) = compared("first = 2", &full).await;
    assert!(cost <= 0.45 && (0.95..0.99).contains(&same), "{cost} {same}");
}
