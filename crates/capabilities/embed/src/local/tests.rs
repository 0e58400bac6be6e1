//! The model at work: against its own original, text by text and together, in a hurry and not.

use crate::fixture::{cosine, folder, local, texts, usual};
use crate::{EmbedError, Embedder, Local, Options, Precision, Urgency, Vector};
use lanes::Path as Way;
use std::sync::Arc;
use std::time::Duration;

async fn embed(model: &Local, texts: &[&str]) -> Vec<Vector> {
    let vectors = model.embed(texts, Urgency::Background).await.unwrap();
    assert_eq!(vectors.len(), texts.len());
    for vector in &vectors {
        assert_eq!(vector.len(), model.dimensions());
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-5);
    }
    vectors
}

#[tokio::test]
async fn bytes_mean_what_floats_mean_on_every_path() {
    let texts = texts();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let exact = embed(&local(Precision::F32, Way::best()).unwrap(), &texts).await;
    for way in Way::available() {
        // Its integers are those of the others, bit for bit: a part is enough for what is as slow as everywhere.
        let step = if way == Way::Portable { 24 } else { 1 };
        let some: Vec<&str> = texts.iter().copied().step_by(step).collect();
        let made = embed(&local(Precision::Int8, way).unwrap(), &some).await;
        let cosines = || made.iter().zip(exact.iter().step_by(step)).map(|(made, exact)| cosine(made, exact));
        let (least, mean) = (cosines().fold(1.0, f32::min), cosines().sum::<f32>() / some.len() as f32);
        let wanted = if way == Way::Avx512Vnni { 0.995 } else { 0.99 };
        assert!(least >= wanted, "{}: {least}, in the mean {mean}", way.name());
    }
}

#[tokio::test]
async fn floats_are_the_published_model_on_every_path() {
    for way in Way::available() {
        let model = local(Precision::F32, way).unwrap();
        assert_eq!(model.model(), "all-minilm-l6-v2/f32");
        let all = embed(&model, &SENTENCES).await;
        for (other, expected) in [(1, 0.694_58), (2, 0.942_92), (3, 0.256_88)] {
            let found = cosine(&all[0], &all[other]);
            assert!((found - expected).abs() < 1e-3, "{}: {found} and not {expected}", way.name());
        }
    }
}

const SENTENCES: [&str; 4] =
    ["That is a happy person", "That is a happy dog", "That is a very happy person", "Today is a sunny day"];

#[tokio::test]
async fn together_is_as_one_by_one() {
    for precision in [Precision::F32, Precision::Int8] {
        let model = local(precision, Way::best()).unwrap();
        let texts: Vec<String> = texts().into_iter().step_by(9).collect();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let together = embed(&model, &texts).await;
        for (text, together) in texts.iter().zip(together) {
            let alone = model.embed(&[text], Urgency::Now).await.unwrap();
            let most = alone[0].iter().zip(&*together).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(most < 1e-5, "{precision:?} `{text}`: {most}");
        }
    }
}

#[tokio::test]
async fn any_text_has_a_vector() {
    let model = usual();
    assert_eq!((model.model(), model.dimensions()), ("all-minilm-l6-v2/int8", 384));
    let long = "tool ".repeat(10_000);
    let (endless, wide) = ("x".repeat(200_000), "語".repeat(30_000));
    let texts = [
        "",
        " \n\t",
        &long,
        &endless,
        &wide,
        "🦀🦀🦀",
        "\0\u{1}\u{7f}\u{feff}",
        "漢字とかな",
        "[CLS] [SEP] [MASK] ##a",
    ];
    let vectors = embed(&model, &texts).await;
    assert!(cosine(&vectors[0], &vectors[1]) > 0.999, "whitespace is nothing");
    let shorter = embed(&model, &[&"tool ".repeat(400)]).await;
    assert!(cosine(&vectors[2], &shorter[0]) > 0.9999, "256 tokens are read, and no more");
    assert!(embed(&model, &[]).await.is_empty());
}

#[tokio::test]
async fn texts_of_one_meaning_are_near_each_other() {
    let texts = ["how warm is it outside", "get the current weather", "transfer money to a bank account"];
    let vectors = embed(&usual(), &texts).await;
    let (near, far) = (cosine(&vectors[0], &vectors[1]), cosine(&vectors[0], &vectors[2]));
    assert!(near > far + 0.2, "{near} {far}");
}

#[tokio::test]
async fn whoever_waits_goes_first() {
    let model = Arc::new(Local::open(&folder(), &Options { threads: 1, ..Options::default() }).unwrap());
    let (behind, long) = (Arc::clone(&model), "a text that takes its time ".repeat(40));
    let behind = tokio::spawn(async move {
        let texts = vec![long.as_str(); 32];
        behind.embed(&texts, Urgency::Background).await
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    model.embed(&["quick"], Urgency::Now).await.unwrap();
    assert!(!behind.is_finished(), "one thread answered in the middle of a batch");
    assert_eq!(behind.await.unwrap().unwrap().len(), 32);
}

#[tokio::test]
async fn what_waits_has_a_limit() {
    let model = Local::open(&folder(), &Options { waiting_max: 3, ..Options::default() }).unwrap();
    let busy = model.embed(&["a"; 4], Urgency::Now).await.unwrap_err();
    assert_eq!(busy, EmbedError::Busy { waiting: 0, most: 3 });
    assert_eq!(model.embed(&["a"; 3], Urgency::Now).await.unwrap().len(), 3);
}

#[tokio::test]
async fn what_nobody_waits_for_is_given_up() {
    let model = Local::open(&folder(), &Options { threads: 1, ..Options::default() }).unwrap();
    let long = "a text that takes its time ".repeat(40);
    let texts = vec![long.as_str(); 4_000];
    let left = tokio::time::timeout(Duration::from_millis(30), model.embed(&texts, Urgency::Background)).await;
    assert!(left.is_err());
    let wait = tokio::time::timeout(Duration::from_secs(20), model.embed(&["after"], Urgency::Background));
    assert!(wait.await.unwrap().is_ok(), "4,000 long texts would have taken a minute");
}

#[tokio::test]
async fn closing_ends_what_waits() {
    let model = Local::open(&folder(), &Options { threads: 1, ..Options::default() }).unwrap();
    let queue = Arc::clone(&model.queue);
    let texts = ["a text that takes its time, and another, and one more"; 3_000];
    let waiting = model.embed(&texts, Urgency::Background);
    let (ended, ()) = tokio::join!(waiting, async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        queue.line().close();
    });
    assert_eq!(ended.unwrap_err(), EmbedError::Closed);
    assert_eq!(model.embed(&["late"], Urgency::Now).await.unwrap_err(), EmbedError::Closed);
}
