//! One act of a script: what happens to one request.

use super::Script;
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;
use wire::openai::{ChatRequest, StreamWriter, Usage, compose_reply};

/// When scripted answers say they were made: a fixed moment, so that they can be compared.
const CREATED: u64 = 1_700_000_000;

/// A script and how far it has been played.
#[derive(Debug)]
pub struct Scene {
    script: Script,
    played: Mutex<Played>,
}

#[derive(Debug)]
struct Played {
    rng: fastrand::Rng,
    requests: usize,
}

/// What happens to one request, decided beforehand.
#[derive(Debug, Clone)]
pub struct Act {
    /// How long until the first byte.
    pub latency: Duration,
    /// Between the events of a stream.
    pub token_wait: Duration,
    /// Never answers.
    pub hang: bool,
    /// Answers with this status instead.
    pub status: Option<u16>,
    /// Goes with the status.
    pub retry_after: Option<Duration>,
    /// Answers with rubbish.
    pub garbage: bool,
    /// Breaks a stream off after so many events.
    pub cut_after: Option<usize>,
    model: String,
    message: Value,
    finish: &'static str,
    usage: Usage,
    include_usage: bool,
}

impl Scene {
    /// The beginning of a script; models of one seed have luck of their own.
    pub fn new(script: Script, model: &str) -> Self {
        let rng = fastrand::Rng::with_seed(luck(script.seed, &[model.as_bytes()]));
        Self { script, played: Mutex::new(Played { rng, requests: 0 }) }
    }

    /// The script.
    pub fn script(&self) -> &Script {
        &self.script
    }

    /// Decides what happens to the next request. One that carries a `seed` meets the same whenever it comes; others
    /// follow one another.
    pub fn next(&self, request: &ChatRequest, model: &str) -> Act {
        let script = &self.script;
        let prompt = request.last_user_text();
        let (at, mut rng) = self.turn(request, model, &prompt);
        let answer = script.answers.get(at % script.answers.len().max(1));
        // Every draw is made every time, so that one rate does not shift the others' luck.
        let latency = script.latency.draw(&mut rng);
        let mut happens = |rate: f64| rng.f64() < rate;
        let (error, limited) = (happens(script.error_rate), happens(script.rate_limit_rate));
        let (hang, cut, garbage) = (happens(script.hang_rate), happens(script.cut_rate), happens(script.garbage_rate));
        let status = if error { Some(script.error_status) } else { limited.then_some(429) };
        let text = match self.score(request, model, &prompt) {
            Some(score) => Some(score),
            None => answer.map(|answer| answer.replace("{prompt}", &prompt).replace("{model}", model)),
        };
        let (message, finish) = message(script, request, text.unwrap_or_default());
        let written = message["content"].as_str().map_or(8, |text| text.split_whitespace().count() as u64);
        let read = prompt.split_whitespace().count() as u64;
        Act {
            latency,
            token_wait: Duration::from_millis(script.token_ms),
            hang,
            status,
            retry_after: script.retry_after_s.filter(|_| limited).map(Duration::from_secs),
            garbage,
            cut_after: cut.then_some(script.cut_after),
            model: model.to_owned(),
            message,
            finish,
            usage: Usage {
                prompt_tokens: read,
                completion_tokens: written,
                total_tokens: read + written,
                ..Usage::default()
            },
            include_usage: request.include_usage(),
        }
    }

    /// A score made up, where the script gives scores and one is asked for.
    fn score(&self, request: &ChatRequest, model: &str, prompt: &str) -> Option<String> {
        let asks = |member: &str| memchr::memmem::find(request.bytes(), member.as_bytes()).is_some();
        // As members of JSON stand in a message, which is itself a string of JSON.
        if !self.script.scores || !asks(r#"\"score\""#) || !asks(r#"\"confidence\""#) {
            return None;
        }
        let mut rng = fastrand::Rng::with_seed(luck(self.script.seed, &[model.as_bytes(), prompt.as_bytes()]));
        let (score, confidence) = (f64::from(rng.u32(6..=18)) / 2.0, f64::from(rng.u32(5..=9)) / 10.0);
        let reasoning = format!("made up by the script of {model}; no model was asked");
        Some(
            json!({ "score": score, "reasoning": reasoning, "confidence": confidence, "status": "success" })
                .to_string(),
        )
    }

    /// Whose turn it is among the answers, and the luck of one request.
    fn turn(&self, request: &ChatRequest, model: &str, prompt: &str) -> (usize, fastrand::Rng) {
        if let Some(seed) = seed(request) {
            let parts = [model.as_bytes(), prompt.as_bytes(), &seed.to_le_bytes()];
            let mut rng = fastrand::Rng::with_seed(luck(self.script.seed, &parts));
            return (rng.usize(..), rng);
        }
        let mut played = self.played.lock().unwrap_or_else(PoisonError::into_inner);
        let at = played.requests;
        played.requests += 1;
        (at, played.rng.fork())
    }
}

/// The `seed` of a request.
fn seed(request: &ChatRequest) -> Option<i64> {
    #[derive(serde::Deserialize)]
    struct Seeded {
        #[serde(default)]
        seed: Option<i64>,
    }
    serde_json::from_slice::<Seeded>(request.bytes()).ok()?.seed
}

/// A seed made of a seed and texts: FNV-1a over all of it. The lengths keep texts apart; the first step keeps seeds apart
/// that differ in few bits.
fn luck(seed: u64, parts: &[&[u8]]) -> u64 {
    let mixed = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    let start = seed.to_le_bytes().iter().fold(0xcbf2_9ce4_8422_2325, mixed);
    parts.iter().fold(start, |hash, part| part.iter().chain(&part.len().to_le_bytes()).fold(hash, mixed))
}

fn message(script: &Script, request: &ChatRequest, text: String) -> (Value, &'static str) {
    match &script.tool_call {
        Some(call) if request.has_tools() => {
            let arguments = if call.arguments.is_empty() { "{}" } else { &call.arguments };
            let function = json!({ "name": call.name, "arguments": arguments });
            let calls = json!([{ "id": "call_scripted", "type": "function", "function": function }]);
            (json!({ "role": "assistant", "content": null, "tool_calls": calls }), "tool_calls")
        }
        _ => (json!({ "role": "assistant", "content": text }), "stop"),
    }
}

impl Act {
    /// What it says, in words; empty for a tool call.
    pub fn text(&self) -> &str {
        self.message["content"].as_str().unwrap_or_default()
    }

    /// Tokens as words.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// The whole reply.
    pub fn reply(&self) -> Bytes {
        compose_reply("chatcmpl-scripted", CREATED, &self.model, &self.message, self.finish, self.usage)
    }

    /// The events of the streamed reply, one word each, up to where it breaks off.
    pub fn events(&self) -> Vec<Bytes> {
        let writer = StreamWriter { id: "chatcmpl-scripted".to_owned(), created: CREATED, model: self.model.clone() };
        let mut events = vec![writer.delta(&json!({ "role": "assistant", "content": "" }))];
        if let Some(calls) = self.message["tool_calls"].as_array() {
            let indexed = calls.iter().enumerate().map(|(at, call)| {
                let mut call = call.clone();
                call["index"] = json!(at);
                writer.delta(&json!({ "tool_calls": [call] }))
            });
            events.extend(indexed);
        }
        let words = self.text().split_inclusive(' ');
        events.extend(words.map(|word| writer.delta(&json!({ "content": word }))));
        events.push(writer.finish(self.finish, None::<&()>));
        if self.include_usage {
            events.push(writer.usage(self.usage, None::<&()>));
        }
        events.push(StreamWriter::done());
        events.truncate(self.cut_after.unwrap_or(usize::MAX));
        events
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ToolCallScript;
    use wire::openai::{ChatReply, ChunkView, Limits, is_done};
    use wire::sse::events;

    fn request(more: &str) -> ChatRequest {
        let body = format!(r#"{{"model":"m","messages":[{{"role":"user","content":"hello there"}}]{more}}}"#);
        ChatRequest::parse(Bytes::from(body), &Limits { n_max: 16, messages_max: 64 }).unwrap()
    }

    fn acts(script: &Script, count: usize) -> Vec<String> {
        let (scene, request) = (Scene::new(script.clone(), "m"), request(""));
        (0..count).map(|_| format!("{:?}", scene.next(&request, "m"))).collect()
    }

    fn script(text: &str) -> Script {
        Script::from_table(&toml::from_str(text).unwrap()).unwrap()
    }

    const WILD: &str = "answers = ['a', 'b', 'c']
        latency = { p50_ms = 900.0, p95_ms = 1500.0 }
        error_rate = 0.1
        rate_limit_rate = 0.2
        hang_rate = 0.3
        cut_rate = 0.4
        garbage_rate = 0.5";

    #[test]
    fn the_same_seed_plays_the_same_and_another_does_not() {
        let first = script(WILD);
        assert_eq!(acts(&first, 50), acts(&first, 50));
        assert_ne!(acts(&first, 50), acts(&Script { seed: 2, ..first }, 50));
    }

    #[test]
    fn a_seed_meets_the_same_in_any_order() {
        let seeded = |seed: u64| request(&format!(r#","seed":{seed}"#));
        let scene = Scene::new(script(WILD), "m");
        let mut act = |seed: u64| format!("{:?}", scene.next(&seeded(seed), "m"));
        let forth: Vec<String> = (0..50).map(&mut act).collect();
        let mut back: Vec<String> = (0..50).rev().map(&mut act).collect();
        back.reverse();
        assert_eq!(forth, back);
        assert!(forth.iter().any(|act| *act != forth[0]));
    }

    #[test]
    fn a_score_that_is_asked_for_hangs_on_the_question_alone() {
        let asking = |question: &str, wish: &str| {
            let messages = json!([{ "role": "system", "content": wish }, { "role": "user", "content": question }]);
            let body = json!({ "model": "m", "messages": messages }).to_string();
            ChatRequest::parse(Bytes::from(body), &Limits { n_max: 16, messages_max: 64 }).unwrap()
        };
        let form = r#"Reply with {"score": <1 to 10>, "confidence": <0 to 1>}."#;
        let scores = Scene::new(script("scores = true\nanswers = ['no score']"), "m");
        let text = |scene: &Scene, model: &str, question: &str, wish: &str| {
            scene.next(&asking(question, wish), model).text().to_owned()
        };
        let score = |model: &str, question: &str| -> f64 {
            let text = text(&scores, model, question, form);
            serde_json::from_str::<Value>(&text).unwrap()["score"].as_f64().unwrap_or_else(|| panic!("{text}"))
        };
        let mut all = Vec::new();
        for at in 0..200 {
            let (question, model) = (format!("question {at}"), ["m", "n"][at % 2]);
            assert_eq!(score(model, &question), score(model, &question));
            all.push(score(model, &question));
        }
        assert!(all.iter().all(|score| (3.0..=9.0).contains(score) && (score * 2.0).fract() == 0.0), "{all:?}");
        all.sort_by(f64::total_cmp);
        all.dedup();
        assert_eq!(all.len(), 13, "every half point");
        assert_eq!(text(&scores, "m", "hello", "Be brief."), "no score");
        assert_eq!(text(&Scene::new(script("answers = ['no score']"), "m"), "m", "hello", form), "no score");
    }

    #[test]
    fn models_and_seeds_have_luck_of_their_own() {
        let all = |seed: u64| ["m", "n", "o", "mm"].map(|model| luck(seed, &[model.as_bytes()]));
        let mut lucks: Vec<u64> = (0..500).flat_map(all).collect();
        lucks.sort_unstable();
        lucks.dedup();
        assert_eq!(lucks.len(), 2_000);
    }

    #[test]
    fn rates_are_met_and_independent() {
        let count = |script: &Script, happens: &dyn Fn(&Act) -> bool| {
            let (scene, request) = (Scene::new(script.clone(), "m"), request(""));
            (0..10_000).filter(|_| happens(&scene.next(&request, "m"))).count()
        };
        let wild = script(WILD);
        let near = |count: usize, expect: usize| assert!(count.abs_diff(expect) < 200, "{count} is not {expect}");
        near(count(&wild, &|act| act.status == Some(500)), 1_000);
        near(count(&wild, &|act| act.status == Some(429)), 1_800);
        near(count(&wild, &|act| act.hang), 3_000);
        near(count(&wild, &|act| act.cut_after.is_some()), 4_000);
        near(count(&wild, &|act| act.garbage), 5_000);
        let calm = Script { error_rate: 0.0, hang_rate: 0.0, ..wild.clone() };
        let cuts = |script| count(script, &|act| act.cut_after.is_some() && act.garbage);
        assert_eq!(cuts(&wild), cuts(&calm), "one rate does not shift the others' luck");
        assert_eq!(count(&calm, &|act| act.hang || act.status == Some(500)), 0);
        assert_eq!(count(&Script { hang_rate: 1.0, ..calm }, &|act| act.hang), 10_000);
    }

    #[test]
    fn answers_follow_one_another_with_names_and_prompts() {
        let scene = Scene::new(script("answers = ['{model}: {prompt}', 'two']"), "m");
        let said: Vec<String> = (0..3).map(|_| scene.next(&request(""), "m").text().to_owned()).collect();
        assert_eq!(said, ["m: hello there", "two", "m: hello there"]);
        let act = scene.next(&request(""), "m");
        assert_eq!(act.usage(), Usage { prompt_tokens: 2, completion_tokens: 1, total_tokens: 3, ..Usage::default() });
    }

    #[test]
    fn a_tool_is_called_only_where_one_is_offered() {
        let call = ToolCallScript { name: "look".to_owned(), arguments: r#"{"a":1}"#.to_owned() };
        let scene = Scene::new(Script { tool_call: Some(call), ..Script::default() }, "m");
        assert!(scene.next(&request(""), "m").text().starts_with("This is a scripted answer"));
        assert!(!scene.next(&request(r#","tools":[]"#), "m").text().is_empty());
        let offered = request(r#","tools":[{"type":"function","function":{"name":"look"}}]"#);
        let act = scene.next(&offered, "m");
        let reply = ChatReply::parse(act.reply()).unwrap();
        assert!(String::from_utf8_lossy(reply.bytes()).contains(r#""finish_reason":"tool_calls""#));
        assert_eq!(reply.answer(), r#"[{"name":"look","arguments":{"a":1}}]"#);
        let streamed: String = act.events().iter().map(|event| String::from_utf8_lossy(event).into_owned()).collect();
        assert!(streamed.contains(r#""finish_reason":"tool_calls""#) && streamed.contains(r#""index":0"#));
    }

    /// How many events there are, and whether they end as a stream should; each one is read.
    fn read(act: &Act) -> (usize, bool, Option<Usage>) {
        let (mut count, mut done, mut usage, mut finished) = (0, false, None, false);
        for block in act.events() {
            for event in events(&block) {
                assert!(!done, "nothing comes behind the end");
                let data = event.data.unwrap();
                count += 1;
                done = is_done(&data);
                if !done {
                    let view = ChunkView::read(&data).unwrap();
                    finished |= view.finished;
                    usage = view.usage.or(usage);
                }
            }
        }
        (count, done && finished, usage)
    }

    #[test]
    fn streams_are_whole_or_cut_where_the_script_says() {
        let act = |script: &str, more: &str| Scene::new(self::script(script), "m").next(&request(more), "m");
        // The role, three words, the end, `[DONE]`.
        assert_eq!(read(&act("answers = ['one two three']", "")), (6, true, None));
        let (count, whole, usage) =
            read(&act("answers = ['one two three']", r#","stream":true,"stream_options":{"include_usage":true}"#));
        assert_eq!((count, whole, usage.unwrap().completion_tokens), (7, true, 3));
        assert!(read(&act("answers = ['']", "")).1);
        for cut in [0, 1, 3] {
            let script = format!("answers = ['one two three']\ncut_rate = 1.0\ncut_after = {cut}");
            assert_eq!(read(&act(&script, "")), (cut, false, None));
        }
    }
}
