//! What event streams cost: `cargo run --release -p anthropic --example streams`.
//!
//! Ten million random streams in random pieces (the fuzz of `make test`, longer), events per second of a core, and
//! what it takes to translate a stream. With `-- --json FOLDER` it writes `streams.json` there; `cargo xtask bench
//! streams` runs it, `ALTHING_BENCH_QUICK` makes it short. Knows no socket.

#[path = "../../../foundation/wire/tests/streams/clock.rs"]
mod clock;
#[path = "../../../foundation/wire/tests/streams/fuzz.rs"]
mod fuzz;
#[path = "../../../foundation/wire/tests/streams/oracle.rs"]
mod oracle;
#[path = "../../../foundation/wire/tests/streams/random.rs"]
mod random;

use anthropic::{FromChat, ToChat};
use bytes::Bytes;
use clock::thread_cpu_s;
use serde_json::{Value, json};
use std::error::Error;
use std::hint::black_box;
use std::io::Write;
use std::path::PathBuf;
use wire::sse::{Splitter, events};
use wire::{About, Dialect, Translate};

/// Random streams, whole and quick.
const CASES: (u64, u64) = (10_000_000, 200_000);
/// Streams per round when speed is measured, and rounds; the first one warms up and does not count.
const STREAMS: u32 = 20_000;
const ROUNDS: usize = 12;
/// The most that the translation of a stream of 22 events may take, in microseconds.
const TRANSLATION_US_MAX: f64 = 150.0;
/// Words in a stream: with the role, the end, the usage and `[DONE]` it has 22 events.
const WORDS: usize = 18;

fn main() -> Result<(), Box<dyn Error>> {
    let quick = std::env::var_os("ALTHING_BENCH_QUICK").is_some();
    let usual = if quick { CASES.1 } else { CASES.0 };
    let (seed, cases) = (fuzz::from_env("ALTHING_FUZZ_SEED", fuzz::SEED), fuzz::from_env("ALTHING_FUZZ_CASES", usual));
    let fuzzed = fuzz::run(seed, cases);
    let chat = chat_stream();
    let message = translated(Dialect::Chat, Dialect::Messages, &chat);
    let told = json!({
        "benchmark": "streams",
        "figures": [
            {
                "name": "streams, nothing lost",
                "value": cases, "unit": "", "verdict": if fuzzed.is_ok() { "pass" } else { "fail" },
            },
            figure("events in them", fuzzed.as_ref().copied().unwrap_or_default() as f64, ""),
            figure("events per core-second", per_core_s(&chat), "/s"),
            aimed("chat into message, 22 events", translation_us(Dialect::Chat, Dialect::Messages, &chat)),
            aimed("message into chat", translation_us(Dialect::Messages, Dialect::Chat, &message)),
        ],
    });
    tell(&told)?;
    Ok(fuzzed.map(drop)?)
}

/// A chat as its provider sends it.
fn chat_stream() -> Bytes {
    let chunk = |choices: Value, usage: Value| {
        let chunk = json!({
            "id": "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG", "object": "chat.completion.chunk", "created": 1_790_000_000,
            "model": "gpt-4o-mini", "system_fingerprint": "fp_06737a9306", "choices": choices, "usage": usage,
        });
        format!("data: {chunk}\n\n")
    };
    let choice = |delta: Value, reason: Value| {
        chunk(json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": reason }]), Value::Null)
    };
    let mut text = choice(json!({ "role": "assistant", "content": "", "refusal": null }), Value::Null);
    (0..WORDS).for_each(|word| text += &choice(json!({ "content": format!(" word {word}\n") }), Value::Null));
    text += &choice(json!({}), json!("stop"));
    text += &chunk(json!([]), json!({ "prompt_tokens": 20, "completion_tokens": 18, "total_tokens": 38 }));
    Bytes::from(text + "data: [DONE]\n\n")
}

/// A stream in another dialect, event by event as it comes from a socket.
fn translated(from: Dialect, to: Dialect, stream: &Bytes) -> Bytes {
    let about = About { id: "req-01jb", model: "oak", created: 1_790_000_000, original: None };
    let mut translate: Box<dyn Translate> = match (from, to) {
        (Dialect::Chat, Dialect::Messages) => Box::new(FromChat::new(&about)),
        (Dialect::Messages, Dialect::Chat) => Box::new(ToChat::new(&about)),
        _ => return Bytes::new(),
    };
    let mut out = Vec::new();
    let mut rest = stream.as_ref();
    while let Some(end) = rest.windows(2).position(|pair| pair == b"\n\n") {
        let (event, behind) = rest.split_at(end + 2);
        out.extend_from_slice(&translate.push(event));
        rest = behind;
    }
    out.extend_from_slice(&translate.end());
    Bytes::from(out)
}

/// Seconds of processor time that one call takes: the median of several rounds.
fn cpu_s(mut call: impl FnMut()) -> f64 {
    let mut rounds: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let began = thread_cpu_s();
            (0..STREAMS).for_each(|_| call());
            (thread_cpu_s() - began) / f64::from(STREAMS)
        })
        .skip(1)
        .collect();
    rounds.sort_by(f64::total_cmp);
    rounds.get(rounds.len() / 2).copied().unwrap_or_default()
}

/// Events that a core cuts out of a stream and reads in a second, when they come in pieces of 700 bytes.
fn per_core_s(stream: &Bytes) -> f64 {
    let mut found = 0_u64;
    let took = cpu_s(|| {
        let mut splitter = Splitter::new(1 << 20);
        for at in (0..stream.len()).step_by(700) {
            let pushed = splitter.push(stream.slice(at..stream.len().min(at + 700)));
            let block = pushed.ok().flatten().unwrap_or_default();
            found += events(black_box(&block)).filter(|event| event.data.is_some()).count() as u64;
        }
    });
    let each = found as f64 / (ROUNDS as f64 * f64::from(STREAMS));
    (each / took).round()
}

fn translation_us(from: Dialect, to: Dialect, stream: &Bytes) -> f64 {
    let took = cpu_s(|| drop(black_box(translated(from, to, black_box(stream)))));
    (took * 1e8).round() / 1e2
}

fn figure(name: &str, value: f64, unit: &str) -> Value {
    json!({ "name": name, "value": value, "unit": unit, "verdict": "measured" })
}

fn aimed(name: &str, us: f64) -> Value {
    let mut figure = figure(name, us, "µs");
    figure["target"] = json!({ "at_most": TRANSLATION_US_MAX });
    figure["verdict"] = if us <= TRANSLATION_US_MAX { "pass" } else { "fail" }.into();
    figure
}

/// Prints it, and writes it into the folder after `--json`.
fn tell(told: &Value) -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip_while(|argument| argument != "--json").skip(1);
    if let Some(folder) = arguments.next().map(PathBuf::from) {
        std::fs::create_dir_all(&folder)?;
        std::fs::write(folder.join("streams.json"), format!("{told:#}\n"))?;
    }
    Ok(writeln!(std::io::stdout(), "{told:#}")?)
}
