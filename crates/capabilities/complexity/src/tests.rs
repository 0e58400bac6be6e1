//! What prompts score, and why.

use super::{Complexity, TEXT_BYTES_MAX};
use bytes::Bytes;
use serde_json::{Value, json};
use wire::openai::{ChatRequest, Limits};

/// A prompt, its score, and the reasons besides its length.
type Row<'a> = (&'a str, f64, &'a str);

const LOW: [Row<'_>; 16] = [
    ("", 0.0, "0 words"),
    ("Hi", 0.01, "1 word"),
    ("Thanks, that helped a lot!", 0.07, "5 words"),
    ("What is the capital of France?", 0.0, "6 words, a look-up"),
    ("What is photosynthesis?", 0.0, "3 words, a look-up"),
    ("Who wrote The Old Man and the Sea?", 0.0, "8 words, a look-up"),
    ("Translate to German: good morning", 0.0, "5 words, a look-up"),
    ("Was ist die Hauptstadt von Norwegen?", 0.0, "6 words, a look-up"),
    ("Qu'est-ce que la photosynthèse ?", 0.0, "5 words, a look-up"),
    ("¿Quién pintó Las Meninas?", 0.0, "4 words, a look-up"),
    ("Write a haiku about the sea", 0.09, "6 words"),
    ("Summarise this page for me please", 0.09, "6 words"),
    ("日本の首都はどこですか", 0.09, "6 words"),
    ("What is the latest news today?", 0.0, "6 words, recency, a look-up"),
    ("Tell me a story about a fox who lives in the woods and meets an owl one night", 0.26, "18 words"),
    ("Why is the sky blue?", 0.27, "5 words, reasoning"),
];

const MEDIUM: [Row<'_>; 10] = [
    ("So how much is 12 + 30 * 4?", 0.3, "7 words, a calculation"),
    ("Compare Rust and Go for a small command line tool", 0.35, "10 words, reasoning"),
    ("Warum ist der Himmel am Abend rot und am Mittag blau?", 0.36, "11 words, reasoning"),
    ("¿Por qué el cielo es azul de día?", 0.32, "8 words, reasoning"),
    ("Prove that x^2 = 2 has no solution among fractions", 0.55, "10 words, reasoning, a calculation"),
    ("Why does it rain? And why does it snow?", 0.43, "9 words, reasoning, several questions"),
    (
        "Tell me a story about a fox who lives in the woods and meets an owl one night when it is very cold",
        0.33,
        "23 words",
    ),
    (
        "Tell me a long story about a fox who lives in the woods, about an owl whom it meets one night when the river \
         is frozen, about what they say, and about how both of them come home again late",
        0.49,
        "40 words",
    ),
    (
        "設計を比較してください。必ず三つの理由を挙げ、それぞれについて詳しく説明し、最後に結論を一文で述べてください。\
         さらに例も示してください。図は不要です。",
        0.44,
        "35 words",
    ),
    ("What are the trade-offs of microservices?", 0.3, "7 words, reasoning"),
];

const HIGH: [Row<'_>; 10] = [
    ("Name a bird with at most five letters", 0.6, "8 words, constraints"),
    ("Antworte mit genau drei Wörtern: Was ist Glück?", 0.6, "8 words, constraints"),
    ("Réponds en au plus dix mots, sans rien inventer", 0.6, "9 words, constraints"),
    ("List three birds as JSON", 0.6, "5 words, constraints"),
    ("Do this:\n1. Read it\n2. Shorten it", 0.6, "8 words, constraints"),
    ("What does this do?\n```\nlet x = f(y);\n```", 0.6, "8 words, code"),
    ("> to be or not to be\nWho says this?", 0.6, "9 words, a quotation"),
    ("Explain why this must be so", 0.8, "6 words, constraints, reasoning"),
    ("Fix it, you must not change f:\n```\nfn f() { g(); }\n```", 0.7, "10 words, constraints, code"),
    (
        "Compare both designs step by step and make sure that the answer names at least three risks, e.g. 2 * 3 = 6?",
        1.0,
        "22 words, constraints, reasoning, a calculation",
    ),
];

fn request(body: &Value) -> ChatRequest {
    let limits = Limits { n_max: 16, messages_max: 100 };
    ChatRequest::parse(Bytes::from(body.to_string()), &limits).unwrap()
}

fn of(text: &str) -> Complexity {
    Complexity::of_text(text, false, false)
}

fn check((text, score, reasons): Row<'_>) {
    let found = of(text);
    assert_eq!(found.to_string(), format!("complexity {score:.2}: {reasons}"), "{text}");
}

#[test]
fn simple_prompts_are_low() {
    for row in LOW {
        check(row);
        assert!(row.1 < 0.3, "{row:?}");
    }
}

#[test]
fn some_prompts_are_in_between() {
    for row in MEDIUM {
        check(row);
        assert!((0.3..0.6).contains(&row.1), "{row:?}");
    }
}

#[test]
fn demanding_prompts_are_high() {
    for row in HIGH {
        check(row);
        assert!(row.1 >= 0.6, "{row:?}");
    }
}

#[test]
fn length_alone_is_low_to_20_words_and_high_from_51_on() {
    let score = |words: usize| of(&"word ".repeat(words)).score;
    for (words, expect) in [(0, 0.0), (10, 0.14), (20, 0.29), (21, 0.31), (50, 0.59), (51, 0.6), (64, 0.61), (500, 0.8)]
    {
        assert_eq!(score(words), expect, "{words}");
    }
    assert_eq!(score(3_000), 0.8);
    assert!((0..600).all(|words| score(words) <= score(words + 1)));
}

#[test]
fn earlier_turns_count_where_something_stands_on_them() {
    let of = |turns: &[(&str, &str)]| {
        let messages: Vec<_> = turns.iter().map(|(role, text)| json!({ "role": role, "content": text })).collect();
        Complexity::of(&request(&json!({ "model": "m", "messages": messages }))).to_string()
    };
    let before = [("user", "Hello"), ("assistant", "Hello!")];
    let with = |last: &'static str| of(&[&before[..], &[("user", last)]].concat());
    assert_eq!(with("And what about the other one?"), "complexity 0.60: 6 words, earlier turns");
    assert_eq!(with("Thanks!"), "complexity 0.01: 1 word");
    assert_eq!(of(&[("system", "You are terse."), ("user", "Go on with it please")]), "complexity 0.07: 5 words");
    assert_eq!(of(&[("assistant", "Hello!")]), "complexity 0.00: 0 words");
}

#[test]
fn parts_are_read_and_what_is_no_text_is_not() {
    let content = json!([
        { "type": "text", "text": "Compare both" },
        { "type": "image_url", "image_url": { "url": "data:image/png;base64,AAAA" } },
        { "type": "text", "text": "pictures please" },
    ]);
    let body = json!({ "model": "m", "messages": [{ "role": "user", "content": content }] });
    assert_eq!(Complexity::of(&request(&body)).to_string(), "complexity 0.26: 4 words, reasoning");
}

#[test]
fn pictures_are_no_words_however_large() {
    // As base64 writes it, signs that part words included.
    let data = "iVBORw0KGgo+AAA/ANSUhEUg==;{\n".repeat(20_000);
    let picture = json!({ "type": "image_url", "image_url": { "url": format!("data:image/png;base64,{data}") } });
    let sound = json!({ "type": "input_audio", "input_audio": { "data": data, "format": "wav" } });
    let of = |content: Value| {
        let body = json!({ "model": "m", "messages": [{ "role": "user", "content": content }] });
        Complexity::of(&request(&body)).to_string()
    };
    let asked = json!({ "type": "text", "text": "What is this?" });
    let alone = of(json!([asked]));
    assert_eq!(alone, "complexity 0.00: 3 words, a look-up");
    assert_eq!(of(json!([asked, picture])), alone);
    assert_eq!(of(json!([picture, sound, asked])), alone);
    assert_eq!(of(json!([picture])), "complexity 0.00: 0 words");
    let long = json!({ "type": "text", "text": "word ".repeat(TEXT_BYTES_MAX / 8) });
    let both = of(json!([long, picture, long, asked]));
    assert!(both.contains("0.80: more than ") && both.contains(" words"), "{both}");
}

#[test]
fn long_prompts_are_read_as_far_as_it_matters() {
    let text = "héllo wörld \\ \"quoted\" and so on\n".repeat(100_000);
    let body = request(&json!({ "model": "m", "messages": [{ "role": "user", "content": text }] }));
    let start = std::time::Instant::now();
    let found = Complexity::of(&body);
    let took = start.elapsed();
    assert!(found.score >= 0.8 && found.words < TEXT_BYTES_MAX / 4, "{found}");
    assert!(found.to_string().contains(": more than "), "{found}");
    assert!(took < std::time::Duration::from_millis(500), "{took:?}");
}
