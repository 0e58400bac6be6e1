//! OpenAI's embeddings on the stage: vectors made from a hash of the text, as in its public API reference. They tell
//! texts apart and nothing else: texts that mean the same are as far from each other as any two.

use crate::openai::{failed, refuse};
use crate::stage::Stage;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::Value;
use wire::openai::ChatRequest;

/// The most texts in one request.
const INPUTS_MAX: usize = 2_048;
/// The most figures in one vector.
const DIMENSIONS_MAX: usize = 4_096;
/// How many figures a vector has if the request does not say.
const DIMENSIONS: usize = 64;
/// How many characters of a wrong value an error repeats.
const SHOWN_CHARS_MAX: usize = 40;

pub(crate) async fn embed(State(stage): State<Stage>, body: Bytes) -> Response {
    let take = stage.take();
    let asked = match Asked::read(&body) {
        Ok(asked) => asked,
        Err(error) => return take.whole(refuse(StatusCode::BAD_REQUEST, "invalid_request_error", &error.to_string())),
    };
    // Scripts are played to chats, and nothing here depends on what such a chat would say.
    let act = stage.act(&ChatRequest::from_prompt(&asked.model, "")).await;
    take.whole(failed(&act).unwrap_or_else(|| Json(asked.reply()).into_response()))
}

/// A request whose values make sense.
#[derive(Debug, PartialEq)]
struct Asked {
    model: String,
    inputs: Vec<String>,
    dimensions: usize,
}

/// Why a request is refused.
#[derive(Debug, thiserror::Error)]
enum AskedError {
    #[error("the body is not JSON: {0}")]
    NotJson(serde_json::Error),
    #[error("`{param}` must be {expected}, not `{found}`")]
    Wrong { param: &'static str, expected: &'static str, found: String },
}

impl Asked {
    fn read(body: &[u8]) -> Result<Self, AskedError> {
        let mut body: Value = serde_json::from_slice(body).map_err(AskedError::NotJson)?;
        let Some(Value::String(model)) = body.get("model").cloned() else {
            return Err(wrong("model", "a string", &body["model"]));
        };
        let dimensions = dimensions(body.get("dimensions").unwrap_or(&Value::Null))?;
        match body.get("encoding_format").unwrap_or(&Value::Null) {
            Value::Null => {}
            Value::String(format) if format == "float" => {}
            other => return Err(wrong("encoding_format", "`float`, the only one spoken here", other)),
        }
        let inputs = inputs(body.get_mut("input").map(Value::take).unwrap_or_default())?;
        Ok(Self { model, inputs, dimensions })
    }

    fn reply(&self) -> Reply<'_> {
        let embedding = |(index, text): (usize, &String)| {
            let embedding = vector(text, self.dimensions);
            Embedding { object: "embedding", index, embedding }
        };
        let words = self.inputs.iter().map(|text| text.split_whitespace().count()).sum();
        Reply {
            object: "list",
            data: self.inputs.iter().enumerate().map(embedding).collect(),
            model: &self.model,
            usage: Words { prompt_tokens: words, total_tokens: words },
        }
    }
}

fn dimensions(value: &Value) -> Result<usize, AskedError> {
    if value.is_null() {
        return Ok(DIMENSIONS);
    }
    let number = value.as_u64().and_then(|number| usize::try_from(number).ok());
    let fits = number.filter(|number| (1..=DIMENSIONS_MAX).contains(number));
    fits.ok_or_else(|| wrong("dimensions", "a whole number from 1 to 4096", value))
}

fn inputs(value: Value) -> Result<Vec<String>, AskedError> {
    const EXPECTED: &str = "a text or a list of 1 to 2048 texts";
    let list = match value {
        Value::Array(list) if (1..=INPUTS_MAX).contains(&list.len()) => list,
        Value::String(text) => vec![Value::String(text)],
        other => return Err(wrong("input", EXPECTED, &other)),
    };
    let text = |value| match value {
        Value::String(text) if !text.is_empty() => Ok(text),
        other => Err(wrong("input", "made of strings that are not empty", &other)),
    };
    list.into_iter().map(text).collect()
}

fn wrong(param: &'static str, expected: &'static str, found: &Value) -> AskedError {
    let found = match found {
        Value::Array(list) => format!("a list of {}", list.len()),
        Value::Object(_) => "an object".to_owned(),
        Value::String(text) => format!("{:?}", text.chars().take(SHOWN_CHARS_MAX).collect::<String>()),
        plain => plain.to_string(),
    };
    AskedError::Wrong { param, expected, found }
}

/// A vector of length 1: the same for the same text, whatever the model and the script's seed.
fn vector(text: &str, dimensions: usize) -> Vec<f32> {
    let mut rng = fastrand::Rng::with_seed(hash(text));
    let figures: Vec<f64> = (0..dimensions).map(|_| rng.f64() - 0.5).collect();
    let length = figures.iter().map(|figure| figure * figure).sum::<f64>().sqrt().max(f64::MIN_POSITIVE);
    figures.into_iter().map(|figure| (figure / length) as f32).collect()
}

/// FNV-1a, 64 bits.
fn hash(text: &str) -> u64 {
    let mixed = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, mixed)
}

#[derive(Serialize)]
struct Reply<'a> {
    object: &'static str,
    data: Vec<Embedding>,
    model: &'a str,
    usage: Words,
}

#[derive(Serialize)]
struct Embedding {
    object: &'static str,
    index: usize,
    embedding: Vec<f32>,
}

/// Tokens as words.
#[derive(Serialize)]
struct Words {
    prompt_tokens: usize,
    total_tokens: usize,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn read(body: &Value) -> Result<Asked, String> {
        Asked::read(body.to_string().as_bytes()).map_err(|error| error.to_string())
    }

    #[test]
    fn one_text_or_many_with_or_without_dimensions() {
        let asked = |inputs: &[&str], dimensions| {
            let inputs = inputs.iter().map(ToString::to_string).collect();
            Ok(Asked { model: "m".to_owned(), inputs, dimensions })
        };
        for (body, expect) in [
            (json!({ "model": "m", "input": "a b" }), asked(&["a b"], 64)),
            (json!({ "model": "m", "input": ["a", "b"], "dimensions": 4096 }), asked(&["a", "b"], 4096)),
            (json!({ "model": "m", "input": ["a"], "dimensions": null, "user": 7 }), asked(&["a"], 64)),
            (json!({ "model": "m", "input": "a", "dimensions": 1, "encoding_format": "float" }), asked(&["a"], 1)),
            (json!({ "model": "m", "input": vec!["a"; INPUTS_MAX] }), asked(&["a"; INPUTS_MAX], 64)),
        ] {
            assert_eq!(read(&body), expect);
        }
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let texts = "`input` must be a text or a list of 1 to 2048 texts, not";
        let strings = "`input` must be made of strings that are not empty, not";
        let whole = "`dimensions` must be a whole number from 1 to 4096, not";
        for (body, expect) in [
            (json!({ "input": "a" }), "`model` must be a string, not `null`".to_owned()),
            (json!([]), "`model` must be a string, not `null`".to_owned()),
            (json!({ "model": 7, "input": "a" }), "`model` must be a string, not `7`".to_owned()),
            (json!({ "model": "m" }), format!("{texts} `null`")),
            (json!({ "model": "m", "input": [] }), format!("{texts} `a list of 0`")),
            (json!({ "model": "m", "input": { "a": 1 } }), format!("{texts} `an object`")),
            (json!({ "model": "m", "input": vec!["a"; INPUTS_MAX + 1] }), format!("{texts} `a list of 2049`")),
            (json!({ "model": "m", "input": [1, 2] }), format!("{strings} `1`")),
            (json!({ "model": "m", "input": ["a", ""] }), format!("{strings} `\"\"`")),
            (json!({ "model": "m", "input": "" }), format!("{strings} `\"\"`")),
            (json!({ "model": "m", "input": "a", "dimensions": 0 }), format!("{whole} `0`")),
            (json!({ "model": "m", "input": "a", "dimensions": 4097 }), format!("{whole} `4097`")),
            (json!({ "model": "m", "input": "a", "dimensions": -1 }), format!("{whole} `-1`")),
            (json!({ "model": "m", "input": "a", "dimensions": "9".repeat(99) }), {
                format!("{whole} `\"{}\"`", "9".repeat(SHOWN_CHARS_MAX))
            }),
            (
                json!({ "model": "m", "input": "a", "encoding_format": "base64" }),
                "`encoding_format` must be `float`, the only one spoken here, not `\"base64\"`".to_owned(),
            ),
        ] {
            assert_eq!(read(&body), Err(expect));
        }
        let error = Asked::read(b"{").unwrap_err().to_string();
        assert!(error.starts_with("the body is not JSON: EOF"), "{error}");
    }

    #[test]
    fn vectors_are_of_length_one_the_same_for_the_same_text_and_apart_for_others() {
        for dimensions in [1, 2, DIMENSIONS, DIMENSIONS_MAX] {
            let figures = vector("some text", dimensions);
            let length: f64 = figures.iter().map(|&figure| f64::from(figure).powi(2)).sum();
            assert_eq!(figures.len(), dimensions);
            assert!((length - 1.0).abs() < 1e-6, "{length} at {dimensions}");
            assert_eq!(figures, vector("some text", dimensions));
        }
        let texts = ["", "a", "b", "ab", "ba", "a b", "a b ", "A b", "ä"];
        for (at, one) in texts.iter().enumerate() {
            for other in &texts[..at] {
                let (one, other) = (vector(one, DIMENSIONS), vector(other, DIMENSIONS));
                let likeness: f32 = one.iter().zip(&other).map(|(a, b)| a * b).sum();
                assert!(likeness.abs() < 0.5, "{likeness}");
            }
        }
    }
}
