//! From the published model to the form in which it is used; knows no network.

use crate::EmbedError;
use crate::folder::{ABOUT, Converted, FORMAT, ORIGINAL, Sealed, TOKENIZER, WEIGHTS, read, unusable};
use crate::tokens::Splitter;
use crate::weights::{HEADS, HIDDEN, LAYERS, Part, Tensors, parts, quantise, scale_name};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde::Deserialize;
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The name of the published model, for the weights with this SHA-256. Others of its shape are named by their own.
const KNOWN: (&str, &str) = ("53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db", "all-minilm-l6-v2");
/// What a conversion writes.
const OURS: [&str; 4] = [WEIGHTS, ORIGINAL, TOKENIZER, ABOUT];
/// How deep below the named folder the model may lie, as in an unpacked package.
const DEPTH_MAX: usize = 3;
/// How many folders are looked into.
const FOLDERS_MAX: usize = 200;

/// Converts the model in `from` (`model.safetensors`, `tokenizer.json` and perhaps `config.json`, in the folder itself
/// or some way below it, as in an unpacked package) into the folder `to`: the weights as bytes, and as they were for who wants
/// those. The folder is replaced as a whole: it is complete or as it was before. It must be new, empty, or one that an earlier
/// conversion has made.
///
/// # Errors
/// [`EmbedError::Missing`] where there is no model, [`EmbedError::Unusable`] where it is another one or damaged,
/// [`EmbedError::Occupied`] where `to` holds something else, [`EmbedError::File`] where a file cannot be read or written.
pub fn convert(from: &Path, to: &Path) -> Result<Converted, EmbedError> {
    let from = find(from).ok_or_else(|| EmbedError::Missing { folder: from.to_owned() })?;
    let to = vacant(to, &from)?;
    check_config(&from.join("config.json"))?;
    let (weights, tokenizer) = (from.join(WEIGHTS), from.join(TOKENIZER));
    let splits = read(&tokenizer)?;
    Splitter::read(&splits).map_err(|problem| unusable(&tokenizer, problem))?;
    let original = read(&weights)?;
    let source_sha256 = sha256(&original);
    let bytes = shrink(&original, &source_sha256).map_err(|problem| unusable(&weights, problem))?;
    let converted = Converted {
        format: FORMAT,
        model: model_name(&source_sha256),
        dimensions: HIDDEN,
        weights: Sealed::of(&bytes),
        original: Sealed::of(&original),
        tokenizer: Sealed::of(&splits),
        source_sha256,
    };
    let about = serde_json::to_vec_pretty(&converted).unwrap_or_default();
    replace(&to, &[(WEIGHTS, &bytes), (ORIGINAL, &original), (TOKENIZER, &splits), (ABOUT, &about)])?;
    Ok(converted)
}

/// The name of the model with these weights.
fn model_name(source_sha256: &str) -> String {
    if source_sha256 == KNOWN.0 {
        return KNOWN.1.to_owned();
    }
    format!("minilm-l6-{}", source_sha256.get(..12).unwrap_or(source_sha256))
}

fn sha256(bytes: &[u8]) -> String {
    ring::digest::digest(&ring::digest::SHA256, bytes).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The folder that holds the model: this one, or the nearest below it.
fn find(from: &Path) -> Option<PathBuf> {
    let mut level = vec![from.to_owned()];
    for _ in 0..=DEPTH_MAX {
        if let Some(found) =
            level.iter().find(|folder| folder.join(WEIGHTS).is_file() && folder.join(TOKENIZER).is_file())
        {
            return Some(found.clone());
        }
        let below = level.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().flatten();
        let mut below: Vec<PathBuf> =
            below.map(|entry| entry.path()).filter(|path| path.is_dir()).take(FOLDERS_MAX).collect();
        below.sort();
        level = below;
    }
    None
}

/// What a published model says about itself, as far as the tensors do not.
#[derive(Debug, Deserialize)]
struct Config {
    model_type: String,
    hidden_act: String,
    num_attention_heads: usize,
    num_hidden_layers: usize,
}

fn check_config(file: &Path) -> Result<(), EmbedError> {
    if !file.is_file() {
        return Ok(());
    }
    let config: Config = serde_json::from_slice(&read(file)?)
        .map_err(|error| unusable(file, format!("it does not describe a model ({error})")))?;
    let wanted = ("bert", "gelu", HEADS, LAYERS);
    let found = (&*config.model_type, &*config.hidden_act, config.num_attention_heads, config.num_hidden_layers);
    if found != wanted {
        return Err(unusable(file, format!("it describes {found:?} and not {wanted:?}, so it is another model")));
    }
    Ok(())
}

/// Every tensor of the model, matrices as bytes with a scale for each row.
fn shrink(original: &[u8], source_sha256: &str) -> Result<Vec<u8>, String> {
    let tensors = Tensors::read(original)?;
    let mut made: Vec<(String, Vec<usize>, Dtype, Vec<u8>)> = Vec::new();
    for Part { name, shape, is_matrix } in parts() {
        let numbers = tensors.f32(&name, &shape)?;
        if !is_matrix {
            made.push((name, shape, Dtype::F32, bytes_of(&numbers)));
            continue;
        }
        let (rows, width) = (shape.first().copied().unwrap_or(0), shape.last().copied().unwrap_or(0));
        let (values, scales) = quantise(&numbers, width);
        made.push((scale_name(&name), vec![rows], Dtype::F32, bytes_of(&scales)));
        made.push((name, shape, Dtype::I8, values.into_iter().map(i8::cast_unsigned).collect()));
    }
    let views: Result<Vec<_>, _> = made
        .iter()
        .map(|(name, shape, kind, bytes)| Ok((name, TensorView::new(*kind, shape.clone(), bytes)?)))
        .collect();
    // One entry: of several, each conversion would write another order.
    let about = HashMap::from([("source_sha256".to_owned(), source_sha256.to_owned())]);
    views.and_then(|views| safetensors::serialize(views, Some(about))).map_err(|error| error.to_string())
}

fn bytes_of(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The folder to write to, where nothing is lost by that.
fn vacant(to: &Path, from: &Path) -> Result<PathBuf, EmbedError> {
    let occupied = |problem: String| EmbedError::Occupied { folder: to.to_owned(), problem };
    let Ok(there) = to.canonicalize() else { return Ok(to.to_owned()) };
    if from.canonicalize().is_ok_and(|from| from == there) {
        return Err(occupied("it holds the model that is to be converted".to_owned()));
    }
    let entries = fs::read_dir(&there).map_err(|error| failed("read", &there, &error))?;
    let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
    if let Some(other) = names.iter().find(|name| !OURS.iter().any(|ours| name == ours)) {
        return Err(occupied(format!("it holds `{}`, which no conversion has put there", other.display())));
    }
    if !names.is_empty() && !names.iter().any(|name| name == ABOUT) {
        return Err(occupied(format!("it holds a model, and no `{ABOUT}` of a conversion")));
    }
    Ok(there)
}

fn failed(doing: &'static str, file: &Path, error: &std::io::Error) -> EmbedError {
    EmbedError::File { doing, file: file.to_owned(), problem: error.to_string().to_lowercase() }
}

/// Writes the files into a folder beside `to` and puts it in its place.
fn replace(to: &Path, files: &[(&str, &[u8])]) -> Result<(), EmbedError> {
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = to.with_file_name(name);
    let write = || -> Result<(), EmbedError> {
        fs::create_dir_all(&new).map_err(|error| failed("write", &new, &error))?;
        for (name, bytes) in files {
            let file = new.join(name);
            fs::write(&file, bytes)
                .and_then(|()| fs::File::open(&file)?.sync_all())
                .map_err(|error| failed("write", &file, &error))?;
        }
        swap(&new, to).map_err(|error| failed("write", to, &error))
    };
    let written = write();
    // What is left there is half of the new model, or the whole of the old one.
    clear(&new);
    written
}

/// Puts one folder in the place of another, which is then in its place. A crash leaves one or the other there.
fn swap(new: &Path, to: &Path) -> std::io::Result<()> {
    // This takes the place of an empty folder too, and of no other.
    if fs::rename(new, to).is_ok() {
        return Ok(());
    }
    if renameat_with(CWD, new, CWD, to, RenameFlags::EXCHANGE).is_ok() {
        return Ok(());
    }
    // Not every file system can exchange two folders; a crash right here leaves the old one beside its place.
    let old = new.with_extension("old");
    fs::rename(to, &old)?;
    match fs::rename(new, to) {
        Ok(()) => fs::rename(&old, new),
        Err(error) => fs::rename(&old, to).and(Err(error)),
    }
}

/// Removes the files of a conversion, and the folder where nothing else is in it. What is left behind is in nobody's way.
fn clear(folder: &Path) {
    for name in OURS {
        let _ = fs::remove_file(folder.join(name));
    }
    let _ = fs::remove_dir(folder);
}

#[cfg(test)]
mod tests;
