//! Folders that hold a model, half of one, another one, or a broken one.

use super::{convert, sha256, swap};
use crate::fixture::folder;
use crate::folder::{ABOUT, Converted, ORIGINAL, Sealed, TOKENIZER, WEIGHTS, about};
use crate::{EmbedError, Embedder, Local, Options, Precision, open};
use fault::Explain;
use settings::{Embed, EmbedKind};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A folder with the published model.
fn published(to: &Path) {
    fs::create_dir_all(to).unwrap();
    link(&folder().join(ORIGINAL), &to.join(WEIGHTS));
    link(&folder().join(TOKENIZER), &to.join(TOKENIZER));
}

fn link(from: &Path, to: &Path) {
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop)).unwrap();
}

/// Why this folder cannot be used.
fn refused(folder: &Path) -> String {
    let error = Local::open(folder, &Options::default()).err().unwrap();
    assert!(error.hint().is_some(), "{error}");
    error.to_string()
}

#[test]
fn a_conversion_is_whole_and_the_same_each_time() {
    let work = tempfile::tempdir().unwrap();
    // Some way below, as in an unpacked package, and with another file in the place of the model.
    published(&work.path().join("package/model"));
    let to = work.path().join("models/mini");
    fs::create_dir_all(&to).unwrap();
    let converted = convert(work.path(), &to).unwrap();
    let kept = about(&folder()).unwrap();
    assert_eq!((&*converted.model, converted.dimensions), ("all-minilm-l6-v2", 384));
    assert_eq!((converted.original.clone(), &*converted.source_sha256), (kept.original, &*kept.source_sha256));
    assert_eq!(converted, about(&to).unwrap());
    // The same again, in the place of the first.
    fs::write(to.join(ABOUT), "damaged").unwrap();
    assert_eq!(convert(&work.path().join("package"), &to).unwrap(), converted);
    assert_eq!(converted, about(&to).unwrap());
    assert_eq!(fs::read_dir(work.path().join("models")).unwrap().count(), 1, "nothing is left beside it");
    assert!(converted.weights.bytes < 24_000_000);
    Local::open(&to, &Options::default()).unwrap();
}

#[test]
fn nothing_of_anybody_else_is_replaced() {
    let work = tempfile::tempdir().unwrap();
    let (from, to) = (work.path().join("from"), work.path().join("to"));
    published(&from);
    let refuses = |to: &Path, text: &str| {
        let before: Vec<_> = fs::read_dir(to).unwrap().flatten().map(|entry| entry.file_name()).collect();
        let error = convert(&from, to).unwrap_err();
        assert!(matches!(&error, EmbedError::Occupied { problem, .. } if problem.contains(text)), "{error}");
        let after: Vec<_> = fs::read_dir(to).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert_eq!(before, after);
    };
    refuses(&from, "it holds the model that is to be converted");
    refuses(&from.join("../from"), "it holds the model that is to be converted");
    published(&to);
    refuses(&to, "no `about.json` of a conversion");
    fs::write(to.join(ABOUT), "{}").unwrap();
    fs::write(to.join("thesis.tex"), "years of work").unwrap();
    refuses(&to, "`thesis.tex`, which no conversion has put there");
    fs::remove_file(to.join(ABOUT)).unwrap();
    refuses(&to, "thesis.tex");
    let file = work.path().join("file");
    fs::write(&file, "x").unwrap();
    assert!(matches!(convert(&from, &file), Err(EmbedError::File { doing: "read", .. })));
    assert_eq!(fs::read_to_string(file).unwrap(), "x");
}

#[test]
fn what_is_exchanged_is_there_at_every_moment() {
    let work = tempfile::tempdir().unwrap();
    let (new, to) = (work.path().join("new"), work.path().join("to"));
    for folder in [&new, &to] {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join(ABOUT), folder.display().to_string()).unwrap();
    }
    let read = || fs::read_to_string(to.join(ABOUT)).unwrap();
    let (done, missed) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                missed.fetch_add(usize::from(!to.is_dir()), Ordering::Relaxed);
            }
        });
        for _ in 0..501 {
            swap(&new, &to).unwrap();
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!((missed.into_inner(), read()), (0, new.display().to_string()));
}

#[test]
fn what_is_no_model_is_not_converted() {
    let work = tempfile::tempdir().unwrap();
    let (from, to) = (work.path().join("from"), work.path().join("to"));
    assert_eq!(convert(&from, &to).unwrap_err(), EmbedError::Missing { folder: from.clone() });
    published(&from);
    fs::write(
        from.join("config.json"),
        r#"{"model_type":"roberta","hidden_act":"gelu","num_attention_heads":12,"num_hidden_layers":6}"#,
    )
    .unwrap();
    let says = |text: &str| {
        let error = convert(&from, &to).unwrap_err().to_string();
        assert!(error.contains(text), "{error}");
    };
    says("roberta");
    fs::write(from.join("config.json"), "{").unwrap();
    says("does not describe a model");
    fs::remove_file(from.join("config.json")).unwrap();
    fs::remove_file(from.join(TOKENIZER)).unwrap();
    fs::write(from.join(TOKENIZER), "{}").unwrap();
    says("it is no tokenizer");
    assert!(!to.exists());
}

/// A safetensors file with this head, and some numbers.
fn tensors(head: &str) -> Vec<u8> {
    let mut bytes = (head.len() as u64).to_le_bytes().to_vec();
    bytes.extend(head.as_bytes());
    bytes.extend([0; 64]);
    bytes
}

#[test]
fn foreign_weights_are_named() {
    let work = tempfile::tempdir().unwrap();
    link(&folder().join(TOKENIZER), &work.path().join(TOKENIZER));
    let other = r#"{"wte.weight":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]}}"#;
    let shape = r#"{"embeddings.word_embeddings.weight":{"dtype":"F32","shape":[4,4],"data_offsets":[0,64]}}"#;
    for (head, expected) in
        [(other, "has no tensor `embeddings.word_embeddings.weight`"), (shape, "has the shape [4, 4]")]
    {
        fs::write(work.path().join(WEIGHTS), tensors(head)).unwrap();
        let error = convert(work.path(), &work.path().join("to")).unwrap_err();
        assert!(error.to_string().contains(expected) && error.to_string().ends_with("another model"), "{error}");
    }
}

#[test]
fn damage_anywhere_is_noticed() {
    let work = tempfile::tempdir().unwrap();
    let to = work.path();
    link(&folder().join(TOKENIZER), &to.join(TOKENIZER));
    let whole = fs::read(folder().join(WEIGHTS)).unwrap();
    let kept = about(&folder()).unwrap();
    fs::write(to.join(ABOUT), serde_json::to_vec(&kept).unwrap()).unwrap();
    for length in [0, 1, 7, 8, 9, 100, 5_000, 1 << 20, whole.len() - 1] {
        fs::write(to.join(WEIGHTS), &whole[..length]).unwrap();
        assert!(refused(to).contains(&format!("it has {length} bytes")), "{length}");
    }
    for at in [0, 3, 7, 8, 9, 500, 12_345_678, whole.len() - 1] {
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        fs::write(to.join(WEIGHTS), flipped).unwrap();
        assert!(refused(to).contains("changed or damaged"), "{at}");
    }
}

#[test]
fn a_broken_head_is_refused_also_where_the_checksum_fits() {
    let work = tempfile::tempdir().unwrap();
    let to = work.path();
    link(&folder().join(TOKENIZER), &to.join(TOKENIZER));
    let whole = fs::read(folder().join(WEIGHTS)).unwrap();
    let kept = about(&folder()).unwrap();
    let mut broken: Vec<Vec<u8>> = [0, 7, 8, 2_000, 200_000].map(|length| whole[..length].to_vec()).into();
    broken.extend([(0, 0xFF), (5, 0xFF), (8, b'x'), (40, 0), (700, b'9')].map(|(at, byte)| {
        let mut bytes = whole.clone();
        bytes[at] = byte;
        bytes
    }));
    for bytes in broken {
        let about = Converted { weights: Sealed::of(&bytes), ..kept.clone() };
        fs::write(to.join(ABOUT), serde_json::to_vec(&about).unwrap()).unwrap();
        fs::write(to.join(WEIGHTS), &bytes).unwrap();
        // A changed number in the head may leave a model that can be read: none may break the program.
        if let Err(error) = Local::open(to, &Options::default()) {
            assert!(matches!(error, EmbedError::Unusable { .. }), "{error}");
        }
    }
}

#[test]
fn folders_that_were_not_converted_say_what_to_do() {
    let work = tempfile::tempdir().unwrap();
    published(work.path());
    assert!(refused(work.path()).contains("it was not converted"));
    fs::write(work.path().join(ABOUT), "{}").unwrap();
    assert!(refused(work.path()).contains("does not say what the folder holds"));
    let about = Converted { format: 7, ..about(&folder()).unwrap() };
    fs::write(work.path().join(ABOUT), serde_json::to_vec(&about).unwrap()).unwrap();
    assert!(refused(work.path()).contains("its format is 7"));
}

#[test]
fn settings_say_who_embeds() {
    let work = tempfile::tempdir().unwrap();
    let empty = |kind| open(&Embed { kind, ..Embed::default() }, work.path());
    assert!(empty(EmbedKind::Off).unwrap().is_none());
    assert!(empty(EmbedKind::Auto).unwrap().is_none());
    let missing = empty(EmbedKind::Local).err().unwrap();
    assert_eq!(missing, EmbedError::Missing { folder: work.path().join("all-minilm-l6-v2") });
    assert!(missing.hint().unwrap().contains("make model"));
    assert!(matches!(empty(EmbedKind::Openai), Err(EmbedError::Setting { key: "base_url", .. })));
    let here = Embed { folder: Some(folder()), ..Embed::default() };
    assert_eq!(open(&here, work.path()).unwrap().unwrap().model(), "all-minilm-l6-v2/int8");
    // A model that is there and broken is never passed over in silence.
    fs::create_dir(work.path().join("all-minilm-l6-v2")).unwrap();
    fs::write(work.path().join("all-minilm-l6-v2").join(ABOUT), "?").unwrap();
    assert!(matches!(empty(EmbedKind::Auto), Err(EmbedError::Unusable { .. })));
}

#[cfg(not(feature = "onnx"))]
#[test]
fn a_program_without_onnx_says_how_to_build_one() {
    let settings = Embed { kind: EmbedKind::Onnx, path: Some("anywhere".into()), ..Embed::default() };
    assert_eq!(crate::check(&settings).unwrap_err(), EmbedError::NotBuilt);
    let refused = open(&settings, Path::new("")).err().unwrap();
    assert_eq!(refused.to_string(), "`embed.kind` is `onnx`, which this program was built without");
    assert!(refused.hint().unwrap().contains("`cargo build --release -p althing --features onnx`"));
}

#[test]
fn a_hash_is_that_of_the_standard() {
    assert_eq!(sha256(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    let model = Local::open(&folder(), &Options { precision: Precision::F32, ..Options::default() }).unwrap();
    assert_eq!(model.dimensions(), 384);
}
