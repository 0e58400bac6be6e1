//! What is refused, in which words, and how soon.

use super::{one, source};
use crate::{DEPTH_MAX, MigrationError, NODES_MAX, SOURCE_BYTES_MAX, SOURCES_MAX, import};
use fault::Explain;
use std::time::{Duration, Instant};

/// Nine lists of nine, each of the list before: a few hundred bytes for billions of values.
fn billions() -> String {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for at in 1..10 {
        let before = format!("*a{}, ", at - 1).repeat(9);
        text.push_str(&format!("a{at}: &a{at} [{}]\n", before.trim_end_matches(", ")));
    }
    text + "model_list: *a9\n"
}

#[test]
fn a_few_lines_that_stand_for_billions_are_refused_at_once() {
    let start = Instant::now();
    assert_eq!(one(&billions()).unwrap_err(), MigrationError::TooDeep { file: "given".to_owned() });
    let line = |at: usize| {
        let before = format!("*m{}", at - 1);
        format!("m{at}: &m{at} {{<<: [{before}, {before}, {before}], k{at}: [{before}, {before}]}}\n")
    };
    let merged = "m0: &m0 {k: 1}\n".to_owned() + &(1..40).map(line).collect::<String>();
    assert_eq!(one(&merged).unwrap_err().code(), "migration_too_deep");
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
}

#[test]
fn every_limit_is_tripped() {
    let code = |text: &str| one(text).unwrap_err().code();
    assert_eq!(code(&"[".repeat(DEPTH_MAX + 2)), "migration_too_deep");
    assert_eq!(code(&format!("{{\"a\": {}1{}}}", "[".repeat(200), "]".repeat(200))), "migration_too_deep");
    assert_eq!(code(&format!("a: [{}]", "1,".repeat(NODES_MAX + 1))), "migration_too_deep");
    assert_eq!(code(&format!("{{\"a\": [{}1]}}", "1,".repeat(NODES_MAX + 1))), "migration_too_deep");
    assert_eq!(code(&"a".repeat(SOURCE_BYTES_MAX + 1)), "migration_too_large");
    let many = vec![source("x", "a: 1"); SOURCES_MAX + 1];
    assert_eq!(import(None, &many).unwrap_err().code(), "migration_too_many");
}

#[test]
fn large_files_take_no_time_to_speak_of() {
    let start = Instant::now();
    let keys: String = (0..30_000).map(|at| format!("k{at}: v\n")).collect();
    assert_eq!(one(&keys).unwrap_err().code(), "migration_unknown_format");
    let item = |at: usize| format!("- {{model_name: m{}, litellm_params: {{model: openai/m{at}}}}}\n", at % 900);
    let list: String = (0..9_000).map(item).collect();
    let imported = one(&format!("model_list:\n{list}")).unwrap();
    assert_eq!(imported.providers[0].models.len(), 4096);
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
}

#[test]
fn errors_say_what_to_do() {
    let mut told = String::new();
    for text in [
        "a: [1\nsk-PLANTED: }",
        "a: &a [*a]",
        "a: 1\n---\nb: 2",
        "? [a]\n: b",
        "{\"a\": PLANTED",
        "name: something else",
        "JUST_A_VARIABLE=PLANTED",
        "",
        "model_list: []",
        "DMM_COT_TIMEOUT_SECONDS=3",
        "providers: [{url: 'ftp://h', model: m}]",
    ] {
        let error = one(text).unwrap_err();
        told.push_str(&format!("{}: {error}\n  {}\n", error.code(), error.hint().unwrap_or_default()));
    }
    let two = [source("a/b.yaml", "model_list: []"), source("c.env", "DMM_X=1")];
    let mixed = import(None, &two).unwrap_err();
    told.push_str(&format!("{}: {mixed}\n  {}\n", mixed.code(), mixed.hint().unwrap_or_default()));
    insta::assert_snapshot!(told);
}
