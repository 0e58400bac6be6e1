//! Usage as each provider's API document shows it, read and charged: dollars worked out by hand, in millionths.

use super::{End, bill};
use crate::seen::Seen;
use prices::{Price, Rates};
use rust_decimal::Decimal;
use wire::openai::Usage;

/// Dollars per million tokens: read 10, from the cache 1, into it 12, for an hour 16, written 20, thought 30.
fn price() -> Price {
    let usd = |text: &str| text.parse::<Decimal>().unwrap();
    let rates = Rates {
        input: usd("10"),
        output: usd("20"),
        cached: Some(usd("1")),
        cached_write: Some(usd("12")),
        cached_write_hour: Some(usd("16")),
        reasoning: Some(usd("30")),
        request: None,
    };
    Price { rates, long: None }
}

#[track_caller]
fn check(usage: &str, micro: u64) {
    let usage = Usage::read(serde_json::from_str(usage).unwrap());
    assert!(usage.is_some());
    let mut seen = Seen::new(0);
    seen.usage = usage;
    let bill = bill(Some(price()), End::Whole, 40, &seen);
    assert!(bill.exact);
    assert_eq!(bill.usd, Decimal::from(micro) / Decimal::from(1_000_000), "{usage:?}");
}

#[test]
fn openai_chat() {
    // 100 × 10 + 50 × 20 = 2,000.
    check(r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150}"#, 2_000);
    // 40 × 10 + 60 × 1 + 20 × 20 + 30 × 30 = 400 + 60 + 400 + 900.
    check(
        r#"{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,"prompt_tokens_details":{"cached_tokens":60,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":30,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}"#,
        1_760,
    );
    // Nothing written: 100 × 1.
    check(r#"{"prompt_tokens":100,"completion_tokens":0,"prompt_tokens_details":{"cached_tokens":100}}"#, 100);
}

#[test]
fn openai_responses() {
    // What was cached is in the input: 30 × 10 + 70 × 1 + 5 × 20 + 15 × 30 = 300 + 70 + 100 + 450.
    check(
        r#"{"input_tokens":100,"input_tokens_details":{"cached_tokens":70},"output_tokens":20,"output_tokens_details":{"reasoning_tokens":15},"total_tokens":120}"#,
        920,
    );
}

#[test]
fn anthropic_messages() {
    // What was cached is beside the input: 10 × 10 + 200 × 1 + 30 × 12 + 7 × 20 = 100 + 200 + 360 + 140.
    check(
        r#"{"input_tokens":10,"cache_read_input_tokens":200,"cache_creation_input_tokens":30,"output_tokens":7}"#,
        800,
    );
    // Of 30 put into the cache 20 stay an hour: 100 + 10 × 12 + 20 × 16 + 140.
    check(
        r#"{"input_tokens":10,"cache_read_input_tokens":0,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_5m_input_tokens":10,"ephemeral_1h_input_tokens":20},"output_tokens":7,"service_tier":"standard"}"#,
        680,
    );
    check(r#"{"input_tokens":10,"output_tokens":7}"#, 240);
    // Four of seven were thought: 100 + 3 × 20 + 4 × 30.
    check(r#"{"input_tokens":10,"output_tokens":7,"output_tokens_details":{"thinking_tokens":4}}"#, 280);
}

#[test]
fn others() {
    // DeepSeek tells hits at the top: 40 × 10 + 60 × 1 + 10 × 20.
    check(
        r#"{"prompt_tokens":100,"completion_tokens":10,"total_tokens":110,"prompt_cache_hit_tokens":60,"prompt_cache_miss_tokens":40}"#,
        660,
    );
    // Gemini's compatible endpoint counts thoughts beside what was written: 100 × 10 + 10 × 20 + 90 × 30.
    check(
        r#"{"prompt_tokens":100,"completion_tokens":10,"total_tokens":200,"completion_tokens_details":{"reasoning_tokens":90}}"#,
        3_900,
    );
    // OpenRouter: 20 × 10 + 50 × 1 + 30 × 12 + 5 × 20.
    check(
        r#"{"prompt_tokens":100,"completion_tokens":5,"total_tokens":105,"cost":0.1,"prompt_tokens_details":{"cached_tokens":50,"cache_write_tokens":30}}"#,
        710,
    );
    // LiteLLM: 70 × 10 + 30 × 12 + 5 × 20.
    check(
        r#"{"prompt_tokens":100,"completion_tokens":5,"total_tokens":105,"prompt_tokens_details":{"cached_tokens":0,"cache_creation_tokens":30}}"#,
        1_160,
    );
    // Mistral, Groq, vLLM: the plain shape with more beside it.
    check(r#"{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,"queue_time":0.01,"prompt_time":0.001}"#, 110);
    // An embedding: nothing is written.
    check(r#"{"prompt_tokens":8,"total_tokens":8}"#, 80);
}

#[test]
fn a_stream_that_tells_in_two_parts_is_charged_once() {
    use wire::Dialect;
    let mut seen = Seen::new(0);
    seen.dialect = Dialect::Messages;
    let start = r#"{"type":"message_start","message":{"type":"message","content":[],"usage":{"input_tokens":10,"cache_read_input_tokens":200,"cache_creation_input_tokens":30,"output_tokens":1}}}"#;
    let text = r#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"hi"}}"#;
    let delta = r#"{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":7}}"#;
    for event in [start, text, delta, r#"{"type":"message_stop"}"#] {
        seen.read(format!("event: x\ndata: {event}\n\n").as_bytes());
    }
    assert!(seen.complete());
    let bill = bill(Some(price()), End::Whole, 40, &seen);
    assert_eq!((bill.usd.to_string().as_str(), bill.exact), ("0.0008", true));
}
