//! Models at work in ONNX Runtime, beside our own arithmetic; folders and libraries that are none.

use super::fixture::{Attribute, library, minilm, settings, small, words};
use crate::fixture::{cosine, local, texts};
use crate::folder::TOKENIZER;
use crate::{EmbedError, Embedder, Onnx, Precision, Urgency, Vector, open};
use fault::Explain;
use lanes::Path as Way;
use settings::{Embed, EmbedDevice};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

const ALL: [&str; 3] = ["input_ids", "attention_mask", "token_type_ids"];

async fn embed(model: &dyn Embedder, texts: &[&str]) -> Vec<Vector> {
    let vectors = model.embed(texts, Urgency::Background).await.unwrap();
    assert_eq!(vectors.len(), texts.len());
    assert!(vectors.iter().all(|vector| vector.len() == model.dimensions()));
    vectors
}

/// Why a model is refused.
fn refused(settings: &Embed) -> EmbedError {
    let error = Onnx::open(settings).unwrap_err();
    assert!(error.hint().is_some(), "{error}");
    error
}

#[tokio::test]
async fn the_published_model_means_the_same_here() {
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join("all-MiniLM-L6-v2");
    minilm(&folder);
    let model = open(&settings(&folder), work.path()).unwrap().unwrap();
    assert!(model.model().starts_with("all-MiniLM-L6-v2-") && model.model().ends_with("/onnx"), "{}", model.model());
    assert_eq!((model.dimensions(), model.place(), model.batch()), (384, Some("cpu"), Some(32)));
    let mut texts = texts();
    // Longer than the 128 tokens of the file, and than the 256 of the model.
    texts.extend([190, 600].map(|words| "a weather station of the north ".repeat(words / 6)));
    texts.push(String::new());
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let (made, exact) = (embed(&*model, &texts).await, embed(&reference(), &texts).await);
    for ((made, exact), text) in made.iter().zip(&exact).zip(&texts) {
        assert!(cosine(made, exact) >= 0.999, "`{text}`: {}", cosine(made, exact));
    }
    let alone = model.embed(&texts[..1], Urgency::Now).await.unwrap();
    assert!(cosine(&alone[0], &made[0]) > 0.999_99, "alone is as together with longer ones");
}

fn reference() -> crate::Local {
    local(Precision::F32, Way::best()).unwrap()
}

#[tokio::test]
async fn tokens_are_averaged_without_what_fills_them_up() {
    let work = tempfile::tempdir().unwrap();
    for inputs in [&ALL[..2], &ALL] {
        small(work.path(), &words(inputs).output("last_hidden_state", 3));
        let model = Onnx::open(&settings(work.path())).unwrap();
        assert_eq!(model.dimensions(), 2);
        let half = 0.5_f32.sqrt();
        let made = embed(&model, &["a", "a b", "b c c", "", &"c ".repeat(100), "what"]).await;
        let expected = [[1.0, 0.0], [half, half], [0.0, -1.0], [half, half], [0.0, -1.0], [half, half]];
        for (made, expected) in made.iter().zip(expected) {
            assert!(made.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{made:?} and not {expected:?}");
        }
    }
}

#[tokio::test]
async fn the_vector_that_a_model_gives_whole_is_taken() {
    let work = tempfile::tempdir().unwrap();
    let graph = |axis: i64| {
        let mut graph = words(&ALL[..2]);
        let most = [("axis", Attribute::Int(axis)), ("keepdims", Attribute::Int(0))];
        let most = graph.node("ArgMax", &["last_hidden_state"], &most);
        let most = graph.node("Cast", &[&most], &[("to", Attribute::Int(1))]);
        graph.named("Neg", &[&most], &[], "sentence_embedding");
        graph.output("last_hidden_state", 3).output("sentence_embedding", 2)
    };
    small(work.path(), &graph(1));
    let model = Onnx::open(&settings(work.path())).unwrap();
    // Which word is the largest in each number: the second, and the first.
    assert_eq!(*embed(&model, &["b a"]).await[0], [-1.0, 0.0]);
    drop(model);
    // Something for each token, though it says that it is whole: the first try shows it.
    small(work.path(), &graph(2));
    let error = refused(&settings(work.path()));
    assert!(error.to_string().ends_with("its vectors have 4 numbers and not 1"), "{error}");
}

#[test]
fn folders_that_hold_no_model_say_what_to_do() {
    let work = tempfile::tempdir().unwrap();
    let none = refused(&settings(work.path()));
    assert_eq!(none, EmbedError::NoGraph { folder: work.path().to_owned() });
    assert!(none.hint().unwrap().contains("`embed.path`"));
    let says = |text: &str| {
        let error = refused(&settings(work.path()));
        assert!(matches!(error, EmbedError::Graph { .. }) && error.to_string().contains(text), "{error}");
    };
    let whole = words(&ALL).output("last_hidden_state", 3);
    small(work.path(), &whole);
    fs::remove_file(work.path().join(TOKENIZER)).unwrap();
    says("tokenizer.json` as an embedding model: it is not there");
    fs::write(work.path().join(TOKENIZER), "{}").unwrap();
    says("it is no tokenizer");
    small(work.path(), &whole);
    let file = whole.file();
    fs::write(work.path().join("model.onnx"), &file[..file.len() / 2]).unwrap();
    says("model.onnx");
    fs::write(work.path().join("model.onnx"), "").unwrap();
    says("model.onnx");
    small(work.path(), &words(&["input_ids", "pixel_values"]).output("last_hidden_state", 3));
    says("it takes `pixel_values`, which no text has");
    small(work.path(), &words(&["input_ids"]).output("last_hidden_state", 3));
    says("it takes no `attention_mask`");
    let mut two = words(&ALL);
    two.named("Neg", &["last_hidden_state"], &[], "other");
    small(work.path(), &two.output("last_hidden_state", 2).output("other", 2));
    refused(&settings(work.path()));
    let missing = Embed { path: None, ..settings(work.path()) };
    assert!(matches!(refused(&missing), EmbedError::Setting { key: "path", .. }));
}

#[test]
fn libraries_that_are_missing_or_foreign_are_named() {
    let work = tempfile::tempdir().unwrap();
    small(work.path(), &words(&ALL).output("last_hidden_state", 3));
    let refused = |library: PathBuf| {
        let error = refused(&Embed { library: Some(library.clone()), ..settings(work.path()) });
        assert!(matches!(&error, EmbedError::Library { library: named, .. } if *named == library), "{error}");
        assert!(error.hint().unwrap().contains("`embed.library` or `ORT_DYLIB_PATH`"));
        error.to_string()
    };
    assert!(refused(work.path().join("libonnxruntime.so")).contains("failed to load"));
    let text = work.path().join("text.so");
    fs::write(&text, "no library").unwrap();
    assert!(refused(text).contains("failed to load"));
    // What was refused is not kept: the next is loaded. A second one is not.
    assert!(Onnx::open(&settings(work.path())).is_ok());
    let copy = work.path().join("copy.so");
    fs::copy(library(), &copy).unwrap();
    assert!(refused(copy).contains("takes no second one"));
}

#[tokio::test]
async fn a_device_that_is_not_there_is_refused_and_named() {
    let work = tempfile::tempdir().unwrap();
    small(work.path(), &words(&ALL).output("last_hidden_state", 3));
    let on = |devices: &[EmbedDevice]| Embed { devices: devices.to_vec(), ..settings(work.path()) };
    let model = Onnx::open(&on(&[EmbedDevice::Cuda, EmbedDevice::Cpu])).unwrap();
    assert_eq!(model.place(), Some("cpu (cuda: ONNX Runtime was built without it)"));
    assert_eq!(embed(&model, &["a"]).await.len(), 1);
    let nowhere = refused(&on(&[EmbedDevice::Cuda]));
    let told = "the embedding model works on no device of `embed.devices`: cuda: ONNX Runtime was built without it";
    assert_eq!(nowhere.to_string(), told);
}

#[test]
fn vectors_are_kept_under_all_that_decides_what_they_are() {
    let work = tempfile::tempdir().unwrap();
    let folder = work.path().join("mine");
    let name = || Onnx::open(&settings(&folder)).unwrap().model().to_owned();
    small(&folder, &words(&ALL).output("last_hidden_state", 3));
    let first = name();
    assert_eq!((&first[..5], first.len(), &first[17..]), ("mine-", 22, "/onnx"));
    assert_eq!(name(), first);
    let changes: [&dyn Fn(&Path); 4] = [
        &|folder| small(folder, &words(&ALL[..2]).output("last_hidden_state", 3)),
        &|folder| fs::write(folder.join("model.onnx_data"), "weights").unwrap(),
        &|folder| fs::write(folder.join("sentence_bert_config.json"), r#"{"max_seq_length": 64}"#).unwrap(),
        &|folder| {
            let changed = fs::read_to_string(folder.join(TOKENIZER)).unwrap().replace("\"a\":2", "\"A\":2");
            fs::write(folder.join(TOKENIZER), changed).unwrap();
        },
    ];
    let mut names = vec![first];
    for change in changes {
        change(&folder);
        names.push(name());
        assert!(!names[..names.len() - 1].contains(&names[names.len() - 1]), "{names:?}");
    }
    fs::write(folder.join("README.md"), "it is fine").unwrap();
    assert_eq!(name(), names[4]);
}

/// The library for a graphics card is named by `ALTHING_TEST_ONNX_CUDA`; without it, or without a card, the test says so.
#[tokio::test]
async fn a_graphics_card_means_the_same_and_is_faster() {
    let Some(library) = std::env::var_os("ALTHING_TEST_ONNX_CUDA").map(PathBuf::from) else {
        return println!("not tried: `ALTHING_TEST_ONNX_CUDA` names no ONNX Runtime for a graphics card");
    };
    let work = tempfile::tempdir().unwrap();
    minilm(work.path());
    let on = |devices: Vec<EmbedDevice>| {
        let library = Some(library.clone());
        Embed { devices, library, batch: 128, memory_mb_max: Some(4_096), ..settings(work.path()) }
    };
    let card = match Onnx::open(&on(vec![EmbedDevice::Cuda])) {
        Err(error @ EmbedError::Devices { .. }) => return println!("not tried: {error}"),
        opened => opened.unwrap(),
    };
    let processor = Onnx::open(&on(vec![EmbedDevice::Cpu])).unwrap();
    let texts: Vec<String> = texts().into_iter().cycle().take(1_280).collect();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    // The first batch of each shape is slow on a card.
    embed(&card, &texts).await;
    let start = Instant::now();
    let fast = embed(&card, &texts).await;
    let (fast_s, start) = (start.elapsed().as_secs_f64(), Instant::now());
    let exact = embed(&processor, &texts).await;
    let times = start.elapsed().as_secs_f64() / fast_s;
    let least = fast.iter().zip(&exact).map(|(a, b)| cosine(a, b)).fold(1.0, f32::min);
    println!("a graphics card is {times:.1} times as fast; cosines are {least} and more");
    assert!(least >= 0.999 && times >= 10.0, "{least} {times}");
}
