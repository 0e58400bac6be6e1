//! Embeddings: requests checked and otherwise left as they came, replies read and composed.
//!
//! Shapes as published in OpenAI's API reference for `POST /v1/embeddings`.

use super::Usage;
use crate::dialect::with_model;
use crate::fields::Fields;
use crate::{WireError, check_nesting};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::ops::Range;

/// The most inputs of one request, as OpenAI has it.
pub const INPUTS_MAX: usize = 2_048;
/// Bytes of one figure in base64's bytes: 32 bits, the least significant first.
const FIGURE_BYTES: usize = 4;

/// How the figures of a vector are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figures {
    /// As numbers.
    Float,
    /// As base64 of 32-bit floats, the least significant byte first.
    Base64,
}

/// A request whose known parts make sense.
#[derive(Debug, Clone)]
pub struct EmbeddingRequest {
    bytes: Bytes,
    model: String,
    span: Range<usize>,
    inputs: Inputs,
    figures: Figures,
    dimensions: Option<u64>,
}

/// What is to be embedded.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Inputs {
    Texts(Vec<String>),
    /// Texts as numbers of tokens, which only a provider that knows them can read.
    Tokens(usize),
}

impl EmbeddingRequest {
    /// Reads a body.
    ///
    /// # Errors
    /// [`WireError`] for bytes that are not JSON, members of the wrong type, no input, an empty one or too many.
    pub fn parse(bytes: Bytes) -> Result<Self, WireError> {
        std::str::from_utf8(&bytes).map_err(|error| WireError::not_utf8(&bytes, &error))?;
        check_nesting(&bytes)?;
        let fields: Fields<'_> = match serde_json::from_slice(&bytes) {
            Ok(fields) => fields,
            Err(error) if serde_json::from_slice::<&RawValue>(&bytes).is_err() => {
                return Err(WireError::not_json(&error));
            }
            Err(_) => return Err(wrong("body", "a JSON object")),
        };
        // Of a key that stands twice, the last counts, as for every parser.
        let given = |name: &str| {
            let found = fields.0.iter().rev().find(|(key, _)| key == name).map(|(_, value)| *value);
            found.filter(|value| value.get() != "null")
        };
        let missing = |param: &str| WireError::Missing { param: param.to_owned() };
        let raw = given("model").ok_or_else(|| missing("model"))?;
        let model: String = serde_json::from_str(raw.get()).map_err(|_| wrong("model", "a string"))?;
        if model.is_empty() {
            return Err(WireError::Empty { param: "model".to_owned() });
        }
        let start = raw.get().as_ptr() as usize - bytes.as_ptr() as usize;
        let span = start..start + raw.get().len();
        let inputs = Inputs::read(given("input").ok_or_else(|| missing("input"))?)?;
        let figures = match given("encoding_format").map(RawValue::get) {
            None | Some("\"float\"") => Figures::Float,
            Some("\"base64\"") => Figures::Base64,
            Some(_) => return Err(wrong("encoding_format", "`float` or `base64`")),
        };
        let dimensions = given("dimensions").map(|raw| {
            let read = raw.get().parse::<u64>().ok().filter(|dimensions| *dimensions > 0);
            read.ok_or_else(|| wrong("dimensions", "a whole number above 0"))
        });
        let dimensions = dimensions.transpose()?;
        Ok(Self { model, span, inputs, figures, dimensions, bytes })
    }

    /// What the caller put into `model`.
    pub fn model(&self) -> &str {
        &self.model
    }

    /// How many vectors are wanted, one for each input.
    pub fn inputs(&self) -> usize {
        match &self.inputs {
            Inputs::Texts(texts) => texts.len(),
            Inputs::Tokens(lists) => *lists,
        }
    }

    /// The inputs as texts; `None` where they are numbers of tokens.
    pub fn texts(&self) -> Option<&[String]> {
        match &self.inputs {
            Inputs::Texts(texts) => Some(texts),
            Inputs::Tokens(_) => None,
        }
    }

    /// How the caller wants the figures.
    pub fn figures(&self) -> Figures {
        self.figures
    }

    /// How many figures a vector shall have, where the caller says.
    pub fn dimensions(&self) -> Option<u64> {
        self.dimensions
    }

    /// The body as it came.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The body for an upstream that calls the model `name`; every other byte stays as it came.
    pub fn for_model(&self, name: &str) -> Bytes {
        with_model(&self.bytes, &self.span, name)
    }
}

impl Inputs {
    fn read(raw: &RawValue) -> Result<Self, WireError> {
        const EXPECTED: &str = "a text, a list of texts, or lists of tokens";
        let value: Value = serde_json::from_str(raw.get()).map_err(|error| WireError::not_json(&error))?;
        let list = match value {
            Value::String(text) => vec![Value::String(text)],
            Value::Array(list) => list,
            _ => return Err(wrong("input", EXPECTED)),
        };
        if list.is_empty() {
            return Err(WireError::Empty { param: "input".to_owned() });
        }
        if list.iter().all(Value::is_u64) {
            return Ok(Self::Tokens(1));
        }
        if list.len() > INPUTS_MAX {
            let (found, most) = (list.len().to_string(), INPUTS_MAX as u64);
            return Err(WireError::OutOfRange { param: "input".to_owned(), found, least: 1, most });
        }
        let tokens = |one: &Value| one.as_array().is_some_and(|one| !one.is_empty() && one.iter().all(Value::is_u64));
        if list.iter().all(tokens) {
            return Ok(Self::Tokens(list.len()));
        }
        let text = |(at, one): (usize, Value)| match one {
            Value::String(text) if text.is_empty() => Err(WireError::Empty { param: format!("input[{at}]") }),
            Value::String(text) => Ok(text),
            _ => Err(wrong(&format!("input[{at}]"), EXPECTED)),
        };
        list.into_iter().enumerate().map(text).collect::<Result<_, _>>().map(Self::Texts)
    }
}

/// A reply: vectors in the order of the inputs.
#[derive(Debug, Clone)]
pub struct EmbeddingReply {
    bytes: Bytes,
    usage: Option<Usage>,
    simulated: bool,
}

#[derive(Deserialize)]
struct Raw<'a> {
    #[serde(borrow)]
    data: Vec<One<'a>>,
    #[serde(borrow)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct One<'a> {
    #[serde(borrow)]
    embedding: &'a RawValue,
}

impl EmbeddingReply {
    /// Reads a body that must hold as many vectors as there were `inputs`.
    ///
    /// # Errors
    /// [`WireError`] for bytes that are no such reply.
    pub fn parse(bytes: Bytes, inputs: usize) -> Result<Self, WireError> {
        let raw: Raw<'_> = serde_json::from_slice(&bytes).map_err(|error| WireError::not_json(&error))?;
        let whole = |one: &One<'_>| matches!(one.embedding.get().as_bytes().first(), Some(b'[' | b'"'));
        if raw.data.len() != inputs || !raw.data.iter().all(whole) {
            return Err(wrong("data", "one vector for each input"));
        }
        let usage = raw.usage.and_then(Usage::read);
        Ok(Self { bytes, usage, simulated: false })
    }

    /// A reply of our own.
    pub fn compose(model: &str, vectors: &[Vec<f32>], figures: Figures, usage: Option<Usage>) -> Self {
        let one = |(at, vector): (usize, &Vec<f32>)| json!({ "object": "embedding", "index": at, "embedding": written(vector, figures) });
        let data: Vec<Value> = vectors.iter().enumerate().map(one).collect();
        let mut body = json!({ "object": "list", "data": data, "model": model });
        if let Some(usage) = usage {
            body["usage"] = json!({ "prompt_tokens": usage.prompt_tokens, "total_tokens": usage.total_tokens });
        }
        Self { bytes: Bytes::from(body.to_string()), usage, simulated: false }
    }

    /// The same reply with its figures written as the caller wants them, whatever the provider did.
    #[must_use]
    pub fn in_figures(self, figures: Figures) -> Self {
        let Ok(raw) = serde_json::from_slice::<Raw<'_>>(&self.bytes) else { return self };
        let written_as =
            |one: &One<'_>| if one.embedding.get().starts_with('"') { Figures::Base64 } else { Figures::Float };
        if raw.data.iter().all(|one| written_as(one) == figures) {
            return self;
        }
        let Ok(mut body) = serde_json::from_slice::<Value>(&self.bytes) else { return self };
        for one in body["data"].as_array_mut().into_iter().flatten() {
            if let Some(vector) = read(&one["embedding"]) {
                one["embedding"] = written(&vector, figures);
            }
        }
        Self { bytes: Bytes::from(body.to_string()), ..self }
    }

    /// Marks it as made up by a script.
    #[must_use]
    pub fn marked_simulated(self) -> Self {
        Self { simulated: true, ..self }
    }

    /// Whether a script made it up.
    pub fn simulated(&self) -> bool {
        self.simulated
    }

    /// What the upstream counted, if it did.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }

    /// The body.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The vectors; empty where one cannot be read.
    pub fn vectors(&self) -> Vec<Vec<f32>> {
        let body: Value = serde_json::from_slice(&self.bytes).unwrap_or_default();
        let all = body["data"].as_array().into_iter().flatten().map(|one| read(&one["embedding"]));
        all.collect::<Option<_>>().unwrap_or_default()
    }

    /// The body with one more member, `althing`.
    pub fn with_althing(&self, report: &impl serde::Serialize) -> Bytes {
        let report = serde_json::to_string(report).unwrap_or_else(|_| "null".to_owned());
        match serde_json::from_slice::<Fields<'_>>(&self.bytes) {
            Ok(fields) => Bytes::from(fields.write(&[], &[("althing", report)])),
            Err(_) => self.bytes.clone(),
        }
    }
}

/// A vector as it is written.
fn written(vector: &[f32], figures: Figures) -> Value {
    match figures {
        Figures::Float => json!(vector),
        Figures::Base64 => {
            let bytes: Vec<u8> = vector.iter().flat_map(|figure| figure.to_le_bytes()).collect();
            Value::from(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, bytes))
        }
    }
}

/// A vector as it was written, either way.
fn read(value: &Value) -> Option<Vec<f32>> {
    match value {
        Value::Array(figures) => figures.iter().map(|figure| figure.as_f64().map(|figure| figure as f32)).collect(),
        Value::String(text) => {
            let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text).ok()?;
            let (figures, rest) = bytes.as_chunks::<FIGURE_BYTES>();
            rest.is_empty().then(|| figures.iter().map(|figure| f32::from_le_bytes(*figure)).collect())
        }
        _ => None,
    }
}

fn wrong(param: &str, expected: &'static str) -> WireError {
    WireError::WrongType { param: param.to_owned(), expected, found: "something else" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn request(text: &str) -> Result<EmbeddingRequest, WireError> {
        EmbeddingRequest::parse(Bytes::copy_from_slice(text.as_bytes()))
    }

    #[test]
    fn reads_every_kind_of_input() {
        for (input, count, texts) in
            [(r#""a""#, 1, true), (r#"["a","b"]"#, 2, true), ("[1,2,3]", 1, false), ("[[1,2],[3]]", 2, false)]
        {
            let read = request(&format!(r#"{{"input":{input},"model":"m"}}"#)).unwrap();
            assert_eq!((read.inputs(), read.texts().is_some()), (count, texts), "{input}");
        }
        let read =
            request(r#"{"model" : "p\/m","input":"a","x":[1.50],"encoding_format":"base64","dimensions":8}"#).unwrap();
        assert_eq!((read.model(), read.figures(), read.dimensions()), ("p/m", Figures::Base64, Some(8)));
        let expected = r#"{"model" : "n","input":"a","x":[1.50],"encoding_format":"base64","dimensions":8}"#;
        assert_eq!(read.for_model("n").as_ref(), expected.as_bytes());
    }

    #[test]
    fn what_makes_no_sense_is_refused_where_it_stands() {
        for (text, message) in [
            ("[]", "`body` must be a JSON object, not something else"),
            (r#"{"input":"a"}"#, "`model` is missing"),
            (r#"{"model":"","input":"a"}"#, "`model` is empty"),
            (r#"{"model":"m"}"#, "`input` is missing"),
            (r#"{"model":"m","input":null}"#, "`input` is missing"),
            (r#"{"model":"m","input":[]}"#, "`input` is empty"),
            (r#"{"model":"m","input":["a",""]}"#, "`input[1]` is empty"),
            (
                r#"{"model":"m","input":["a",1]}"#,
                "`input[1]` must be a text, a list of texts, or lists of tokens, not something else",
            ),
            (
                r#"{"model":"m","input":"a","encoding_format":"hex"}"#,
                "`encoding_format` must be `float` or `base64`, not something else",
            ),
            (
                r#"{"model":"m","input":"a","dimensions":0}"#,
                "`dimensions` must be a whole number above 0, not something else",
            ),
        ] {
            assert_eq!(request(text).unwrap_err().to_string(), message, "{text}");
        }
        assert_eq!(request("{").unwrap_err().to_string().split(':').next(), Some("the body is not JSON"));
        let many = format!(r#"{{"model":"m","input":[{}"a"]}}"#, "\"a\",".repeat(INPUTS_MAX));
        assert!(matches!(request(&many), Err(WireError::OutOfRange { .. })));
    }

    #[test]
    fn a_reply_has_a_vector_for_each_input() {
        let body = br#"{"object":"list","data":[{"index":0,"embedding":[1,0.5]}],"usage":{"prompt_tokens":3,"total_tokens":3},"x":1.50}"#;
        let reply = EmbeddingReply::parse(Bytes::from_static(body), 1).unwrap();
        assert_eq!((reply.vectors(), reply.usage().unwrap().prompt_tokens), (vec![vec![1.0, 0.5]], 3));
        assert!(EmbeddingReply::parse(Bytes::from_static(body), 2).is_err());
        assert!(EmbeddingReply::parse(Bytes::from_static(br#"{"data":[{"embedding":null}]}"#), 1).is_err());
        let told = reply.with_althing(&json!({ "a": 1 }));
        assert!(std::str::from_utf8(&told).unwrap().ends_with(r#""x":1.50,"althing":{"a":1}}"#));
        let other = reply.in_figures(Figures::Base64);
        assert!(std::str::from_utf8(other.bytes()).unwrap().contains(r#""embedding":"AACAPwAAAD8=""#));
    }

    proptest! {
        #[test]
        fn figures_survive_being_written_either_way(vectors in prop::collection::vec(prop::collection::vec(-1e6_f32..1e6, 0..9), 1..4)) {
            for figures in [Figures::Float, Figures::Base64] {
                let reply = EmbeddingReply::compose("m", &vectors, figures, None);
                let again = EmbeddingReply::parse(reply.bytes().clone(), vectors.len()).unwrap();
                prop_assert_eq!(again.vectors(), vectors.clone());
                let other = if figures == Figures::Float { Figures::Base64 } else { Figures::Float };
                prop_assert_eq!(again.in_figures(other).in_figures(figures).vectors(), vectors.clone());
            }
        }
    }
}
