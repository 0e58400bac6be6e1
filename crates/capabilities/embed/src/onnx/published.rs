//! What lies in the folder of a published model: its graph, how its texts are split, how much of them it reads. Knows no
//! session.

use super::splitter::Splitter;
use crate::EmbedError;
use crate::folder::{TOKENIZER, read};
use ring::digest::{Context, SHA256};
use serde_json::Value;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// The graph, and often the weights.
const GRAPH: &str = "model.onnx";
/// Where pages of models keep it, below the folder.
const BELOW: &str = "onnx";
/// Files, and keys in them, that say how many tokens of a text a model reads. The first counts that is there.
const LENGTHS: [(&str, &str); 3] = [
    ("sentence_bert_config.json", "max_seq_length"),
    ("tokenizer_config.json", "model_max_length"),
    ("config.json", "max_position_embeddings"),
];
/// Positions that some models count before the first token.
const BEFORE: u64 = 2;
/// What is read of a file at a time, in bytes.
const PIECE: usize = 1 << 20;

/// A model as it was published.
#[derive(Debug)]
pub(super) struct Published {
    /// What its vectors are kept under: the folder's name, and a sum of all that decides what they are.
    pub(super) name: String,
    pub(super) graph: PathBuf,
    pub(super) splitter: Splitter,
}

impl Published {
    pub(super) fn read(folder: &Path) -> Result<Self, EmbedError> {
        let graph = [folder.join(GRAPH), folder.join(BELOW).join(GRAPH)].into_iter().find(|graph| graph.is_file());
        let graph = graph.ok_or_else(|| EmbedError::NoGraph { folder: folder.to_owned() })?;
        let beside = graph.with_file_name(TOKENIZER);
        let tokenizer = Some(folder.join(TOKENIZER)).filter(|file| file.is_file()).unwrap_or(beside);
        let wrong = |problem: String| EmbedError::Graph { file: tokenizer.clone(), problem };
        if !tokenizer.is_file() {
            return Err(wrong("it is not there, and without it no text can be split".to_owned()));
        }
        let splits = match read(&tokenizer) {
            Err(EmbedError::Unusable { problem, .. }) => return Err(wrong(problem)),
            read => read?,
        };
        let splitter = Splitter::read(&splits, length(folder)).map_err(wrong)?;
        let sum = sum(&graph, &splits, splitter.tokens_max())?;
        let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let name = whole.file_name().map_or("model".into(), |name| name.to_string_lossy());
        Ok(Self { name: format!("{name}-{sum}/onnx"), graph, splitter })
    }
}

/// How many tokens of a text the model reads, where its files say it.
fn length(folder: &Path) -> Option<usize> {
    let said = |(name, key): (&str, &str)| {
        let file: Value = serde_json::from_slice(&read(&folder.join(name)).ok()?).ok()?;
        // Some write a number without end, which says nothing.
        let length = file.get(key)?.as_u64()?;
        let length = if name == "config.json" { length.saturating_sub(BEFORE) } else { length };
        usize::try_from(length).ok()
    };
    LENGTHS.into_iter().find_map(said)
}

/// The beginning of the SHA-256 of the graph, of the weights beside it (`model.onnx_data` and the like), of how texts are
/// split and of how much of them is read, in hexadecimal.
fn sum(graph: &Path, splits: &[u8], tokens_max: usize) -> Result<String, EmbedError> {
    let parent = graph.parent().unwrap_or(Path::new("."));
    let failed = |file: &Path, error: &std::io::Error| EmbedError::File {
        doing: "read",
        file: file.to_owned(),
        problem: error.to_string().to_lowercase(),
    };
    let entries = fs::read_dir(parent).map_err(|error| failed(parent, &error))?;
    let paths = entries.flatten().map(|entry| entry.path());
    let is_part = |path: &PathBuf| {
        path.is_file() && path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(GRAPH))
    };
    let mut parts: Vec<PathBuf> = paths.filter(is_part).collect();
    parts.sort();
    let mut context = Context::new(&SHA256);
    let mut piece = vec![0; PIECE];
    for part in parts {
        let mut file = File::open(&part).map_err(|error| failed(&part, &error))?;
        loop {
            let count = file.read(&mut piece).map_err(|error| failed(&part, &error))?;
            if count == 0 {
                break;
            }
            context.update(piece.get(..count).unwrap_or_default());
        }
    }
    context.update(splits);
    context.update(&(tokens_max as u64).to_le_bytes());
    Ok(context.finish().as_ref().iter().take(6).map(|byte| format!("{byte:02x}")).collect())
}
