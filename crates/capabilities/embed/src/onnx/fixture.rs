//! Test-only: models in the form of ONNX, written number by number, as the package of the model holds none: the published
//! MiniLM as a graph over its own weights, and small ones of a few words.

use crate::fixture::folder;
use crate::folder::{ORIGINAL, TOKENIZER};
use crate::weights::{HEADS, HIDDEN, LAYERS};
use serde_json::Value;
use settings::{Embed, EmbedDevice, EmbedKind};
use std::fs;
use std::path::{Path, PathBuf};

/// The library that the Python package `onnxruntime` of the tests brings along.
pub(super) fn library() -> PathBuf {
    let usual = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../target/python/bin/python");
    let python = std::env::var_os("ALTHING_TEST_PYTHON").map_or(usual, PathBuf::from);
    let within = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let root = python.parent().and_then(Path::parent).map(|root| root.join("lib")).unwrap();
    let folders = within(&root).map(|python| python.join("site-packages/onnxruntime/capi"));
    let name = |file: &PathBuf| file.file_name().unwrap().to_string_lossy().into_owned();
    let found = folders.flat_map(|folder| within(&folder).collect::<Vec<_>>()).find(|file| {
        let name = name(file);
        name.starts_with("libonnxruntime.") && (name.contains(".so") || name.ends_with(".dylib"))
    });
    found.expect("there is no ONNX Runtime: run `make test`, which prepares what clients need")
}

/// Settings for the model in a folder, on the processor.
pub(super) fn settings(path: &Path) -> Embed {
    Embed {
        kind: EmbedKind::Onnx,
        path: Some(path.to_owned()),
        library: Some(library()),
        devices: vec![EmbedDevice::Cpu],
        ..Embed::default()
    }
}

/// A message of protobuf.
#[derive(Clone, Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(mut self, mut number: u64) -> Self {
        while number >= 0x80 {
            self.0.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
        self
    }

    fn int(self, field: u64, number: i64) -> Self {
        self.varint(field << 3).varint(number.cast_unsigned())
    }

    fn float(mut self, field: u64, number: f32) -> Self {
        self = self.varint(field << 3 | 5);
        self.0.extend(number.to_le_bytes());
        self
    }

    fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self = self.varint(field << 3 | 2).varint(bytes.len() as u64);
        self.0.extend(bytes);
        self
    }

    fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    fn message(self, field: u64, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }
}

const FLOATS: i64 = 1;
const INTS: i64 = 7;

/// A graph in the making.
#[derive(Clone, Default)]
pub(super) struct Graph {
    message: Message,
    nodes: usize,
}

impl Graph {
    /// Texts by tokens, as `int64`.
    pub(super) fn input(mut self, name: &str) -> Self {
        self.message = self.message.message(11, &value(name, INTS, 2));
        self
    }

    /// Something for each text or each token.
    pub(super) fn output(mut self, name: &str, rank: usize) -> Self {
        self.message = self.message.message(12, &value(name, FLOATS, rank));
        self
    }

    pub(super) fn floats(&mut self, name: &str, shape: &[usize], numbers: &[f32]) {
        let raw: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.tensor(&tensor(name, shape, FLOATS).bytes(9, &raw));
    }

    fn ints(&mut self, name: &str, numbers: &[i64]) {
        let raw: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        self.tensor(&tensor(name, &[numbers.len()], INTS).bytes(9, &raw));
    }

    fn tensor(&mut self, tensor: &Message) {
        self.message = std::mem::take(&mut self.message).message(5, tensor);
    }

    /// What a kind of node makes of its inputs; its name.
    pub(super) fn node(&mut self, kind: &str, inputs: &[&str], attributes: &[(&str, Attribute<'_>)]) -> String {
        self.nodes += 1;
        let made = format!("{kind}-{}", self.nodes);
        self.named(kind, inputs, attributes, &made);
        made
    }

    pub(super) fn named(&mut self, kind: &str, inputs: &[&str], attributes: &[(&str, Attribute<'_>)], made: &str) {
        let node = inputs.iter().fold(Message::default(), |node, input| node.text(1, input));
        let node = node.text(2, made).text(3, made).text(4, kind);
        let node = attributes.iter().fold(node, |node, (name, of)| node.message(5, &of.message(name)));
        self.message = std::mem::take(&mut self.message).message(1, &node);
    }

    /// The file.
    pub(super) fn file(&self) -> Vec<u8> {
        let graph = self.message.clone().text(2, "texts");
        let opset = Message::default().text(1, "").int(2, 20);
        Message::default().int(1, 9).message(7, &graph).message(8, &opset).0
    }
}

pub(super) enum Attribute<'a> {
    Int(i64),
    Float(f32),
    Ints(&'a [i64]),
}

impl Attribute<'_> {
    fn message(&self, name: &str) -> Message {
        let message = Message::default().text(1, name);
        match self {
            Self::Float(number) => message.float(2, *number).int(20, 1),
            Self::Int(number) => message.int(3, *number).int(20, 2),
            Self::Ints(numbers) => numbers.iter().fold(message, |all, number| all.int(8, *number)).int(20, 7),
        }
    }
}

fn tensor(name: &str, shape: &[usize], kind: i64) -> Message {
    let message = shape.iter().fold(Message::default(), |all, size| all.int(1, size.cast_signed() as i64));
    message.int(2, kind).text(8, name)
}

/// A value whose sizes are open.
fn value(name: &str, kind: i64, rank: usize) -> Message {
    let open = |all: Message, at| all.message(1, &Message::default().text(2, &format!("{name}-{at}")));
    let shape = (0..rank).fold(Message::default(), open);
    let tensor = Message::default().int(1, kind).message(2, &shape);
    Message::default().text(1, name).message(2, &Message::default().message(1, &tensor))
}

/// A folder with the published MiniLM as pages of models have it: the graph in `onnx`, its weights beside it.
pub(super) fn minilm(to: &Path) {
    fs::create_dir_all(to.join("onnx")).unwrap();
    let link = |from: &Path, to: &Path| fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop)).unwrap();
    link(&folder().join(ORIGINAL), &to.join("onnx/model.onnx_data"));
    fs::write(to.join("onnx/model.onnx"), bert(&folder().join(ORIGINAL)).file()).unwrap();
    // This file fills every text up to 128 tokens and cuts it there; the one beside it says 256.
    link(&folder().join(TOKENIZER), &to.join(TOKENIZER));
    fs::write(to.join("sentence_bert_config.json"), r#"{"max_seq_length": 256, "do_lower_case": false}"#).unwrap();
}

/// The graph of a BERT with erf-GELU over the weights in a file of tensors, of which it gives the states of all tokens.
fn bert(weights: &Path) -> Graph {
    let mut graph = ["input_ids", "attention_mask", "token_type_ids"].into_iter().fold(Graph::default(), Graph::input);
    declare(&mut graph, weights);
    let position = lengths(&mut graph);
    let words = graph.node("Gather", &["embeddings.word_embeddings.weight", "input_ids"], &[]);
    let kinds = graph.node("Gather", &["embeddings.token_type_embeddings.weight", "token_type_ids"], &[]);
    let words = graph.node("Add", &[&words, &kinds], &[]);
    let mut states = graph.node("Add", &[&words, &position], &[]);
    states = norm(&mut graph, &states, "embeddings.LayerNorm");
    let mask = hidden(&mut graph);
    for layer in 0..LAYERS {
        states = layer_of(&mut graph, &states, &mask, &format!("encoder.layer.{layer}"));
    }
    graph.named("Identity", &[&states], &[], "last_hidden_state");
    graph.output("last_hidden_state", 3)
}

/// Names every tensor of the file, where it lies in it.
fn declare(graph: &mut Graph, weights: &Path) {
    let bytes = fs::read(weights).unwrap();
    let head = u64::from_le_bytes(bytes[..8].try_into().unwrap());
    let names: serde_json::Map<String, Value> = serde_json::from_slice(&bytes[8..8 + head as usize]).unwrap();
    for (name, of) in names.iter().filter(|(_, of)| of["dtype"] == "F32") {
        let numbers = |key: &str| of[key].as_array().unwrap().iter().map(|it| it.as_u64().unwrap()).collect::<Vec<_>>();
        let (shape, place) = (numbers("shape"), numbers("data_offsets"));
        let shape: Vec<usize> = shape.into_iter().map(|size| size as usize).collect();
        let entry = |key: &str, value: String| Message::default().text(1, key).text(2, &value);
        let tensor = tensor(name, &shape, FLOATS)
            .message(13, &entry("location", "model.onnx_data".to_owned()))
            .message(13, &entry("offset", (8 + head + place[0]).to_string()))
            .message(13, &entry("length", (place[1] - place[0]).to_string()))
            .int(14, 1);
        graph.tensor(&tensor);
    }
}

/// The vectors of as many positions as there are tokens.
fn lengths(graph: &mut Graph) -> String {
    for (name, numbers) in [("zero", [0]), ("one", [1]), ("two", [2])] {
        graph.ints(name, &numbers);
    }
    let shape = graph.node("Shape", &["input_ids"], &[]);
    let long = graph.node("Slice", &[&shape, "one", "two", "zero"], &[]);
    graph.node("Slice", &["embeddings.position_embeddings.weight", "zero", &long, "zero"], &[])
}

/// What hides from all tokens those that a text was filled up with.
fn hidden(graph: &mut Graph) -> String {
    graph.ints("heads", &[1, 2]);
    graph.floats("all", &[1], &[1.0]);
    graph.floats("far", &[1], &[-10_000.0]);
    let mask = graph.node("Cast", &["attention_mask"], &[("to", Attribute::Int(FLOATS))]);
    let mask = graph.node("Unsqueeze", &[&mask, "heads"], &[]);
    let mask = graph.node("Sub", &["all", &mask], &[]);
    graph.floats("scale", &[1], &[1.0 / ((HIDDEN / HEADS) as f32).sqrt()]);
    graph.ints("split", &[0, 0, HEADS as i64, (HIDDEN / HEADS) as i64]);
    graph.ints("whole", &[0, 0, HIDDEN as i64]);
    graph.node("Mul", &[&mask, "far"], &[])
}

fn layer_of(graph: &mut Graph, states: &str, mask: &str, name: &str) -> String {
    let by_head = |graph: &mut Graph, part: &str, order: [i64; 4]| {
        let rows = linear(graph, states, &format!("{name}.attention.self.{part}"));
        let rows = graph.node("Reshape", &[&rows, "split"], &[]);
        graph.node("Transpose", &[&rows], &[("perm", Attribute::Ints(&order))])
    };
    let queries = by_head(graph, "query", [0, 2, 1, 3]);
    let keys = by_head(graph, "key", [0, 2, 3, 1]);
    let values = by_head(graph, "value", [0, 2, 1, 3]);
    let scores = graph.node("MatMul", &[&queries, &keys], &[]);
    let scores = graph.node("Mul", &[&scores, "scale"], &[]);
    let scores = graph.node("Add", &[&scores, mask], &[]);
    let scores = graph.node("Softmax", &[&scores], &[("axis", Attribute::Int(-1))]);
    let seen = graph.node("MatMul", &[&scores, &values], &[]);
    let seen = graph.node("Transpose", &[&seen], &[("perm", Attribute::Ints(&[0, 2, 1, 3]))]);
    let seen = graph.node("Reshape", &[&seen, "whole"], &[]);
    let seen = linear(graph, &seen, &format!("{name}.attention.output.dense"));
    let states = graph.node("Add", &[&seen, states], &[]);
    let states = norm(graph, &states, &format!("{name}.attention.output.LayerNorm"));
    let up = linear(graph, &states, &format!("{name}.intermediate.dense"));
    let up = graph.node("Gelu", &[&up], &[]);
    let down = linear(graph, &up, &format!("{name}.output.dense"));
    let states = graph.node("Add", &[&down, &states], &[]);
    norm(graph, &states, &format!("{name}.output.LayerNorm"))
}

fn linear(graph: &mut Graph, rows: &str, name: &str) -> String {
    let turned = [("perm", Attribute::Ints(&[1, 0]))];
    let weights = graph.node("Transpose", &[&format!("{name}.weight")], &turned);
    let product = graph.node("MatMul", &[rows, &weights], &[]);
    graph.node("Add", &[&product, &format!("{name}.bias")], &[])
}

fn norm(graph: &mut Graph, rows: &str, name: &str) -> String {
    let inputs = [rows, &format!("{name}.weight"), &format!("{name}.bias")];
    let attributes = [("axis", Attribute::Int(-1)), ("epsilon", Attribute::Float(1e-12))];
    graph.node("LayerNormalization", &inputs, &attributes)
}

/// What words stand for in small models: `[PAD]`, something unknown, `a`, `b`, `c`.
pub(super) const WORDS: [[f32; 2]; 5] = [[9.0, 9.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, -1.0]];

/// A graph that gives the vector of each word, without an output yet.
pub(super) fn words(inputs: &[&str]) -> Graph {
    let mut graph = inputs.iter().fold(Graph::default(), |graph, name| graph.input(name));
    graph.floats("words", &[WORDS.len(), 2], WORDS.as_flattened());
    graph.named("Gather", &["words", "input_ids"], &[], "last_hidden_state");
    graph
}

/// A folder with a small model.
pub(super) fn small(to: &Path, graph: &Graph) {
    fs::create_dir_all(to).unwrap();
    fs::write(to.join("model.onnx"), graph.file()).unwrap();
    let tokenizer = serde_json::json!({
        "version": "1.0",
        "truncation": { "direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0 },
        "padding": {
            "strategy": { "Fixed": 8 }, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
            "pad_type_id": 0, "pad_token": "[PAD]"
        },
        "added_tokens": [],
        "normalizer": null,
        "pre_tokenizer": { "type": "Whitespace" },
        "post_processor": null,
        "decoder": null,
        "model": {
            "type": "WordLevel",
            "vocab": { "[PAD]": 0, "[UNK]": 1, "a": 2, "b": 3, "c": 4 },
            "unk_token": "[UNK]"
        },
    });
    fs::write(to.join(TOKENIZER), tokenizer.to_string()).unwrap();
}
