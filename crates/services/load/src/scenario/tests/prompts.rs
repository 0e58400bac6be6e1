//! Prompt files: where they lie, what they hold, what is refused.

use std::io::Write;
use std::path::PathBuf;

use super::*;
use crate::scenario::{Prompt, prompts, read_file};

/// A folder with a scenario `mine.toml` whose only entry reads `prompts.txt`, and with that file.
fn folder(lines: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("mine.toml");
    std::fs::write(&scenario, "[[mix]]\nprompt_file = 'prompts.txt'").unwrap();
    std::fs::write(folder.path().join("prompts.txt"), lines).unwrap();
    (folder, scenario)
}

/// What is said of a prompt file, without the folder's name.
fn refusal(lines: &[u8]) -> String {
    let (folder, scenario) = folder(lines);
    let said = read_file(&scenario).map_or_else(|error| told(&error), |_| "accepted".to_owned());
    said.replace(&format!("{}/", folder.path().display()), "")
}

fn read_prompts(lines: &str) -> Vec<Prompt> {
    let (_folder, scenario) = folder(lines.as_bytes());
    let set = read_file(&scenario).unwrap();
    let mut files = prompts(&set.scenarios[0], &scenario.display().to_string()).unwrap();
    assert_eq!(files.len(), 1);
    files.remove(&0).unwrap()
}

fn prompt(prompt: &str, answer: Option<&str>) -> Prompt {
    Prompt { prompt: prompt.to_owned(), answer: answer.map(str::to_owned) }
}

#[test]
fn a_line_is_a_prompt() {
    let expect = [prompt("What is citrate?", None), prompt("[1] and \"two\"", None)];
    assert_eq!(read_prompts("What is citrate?\r\n\n   \n  [1] and \"two\"  \n"), expect);
}

#[test]
fn a_line_of_json_may_know_its_answer() {
    let lines = "{\"prompt\": \"1 + 1?\", \"answer\": \"2\"}\n{\"prompt\": \"a\\nb\"}\nplain\n";
    assert_eq!(read_prompts(lines), [prompt("1 + 1?", Some("2")), prompt("a\nb", None), prompt("plain", None)]);
}

#[test]
fn they_lie_beside_the_scenario() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("inner");
    std::fs::create_dir(&inner).unwrap();
    std::fs::write(folder.path().join("p.txt"), "outer").unwrap();
    std::fs::write(inner.join("p.txt"), "inner").unwrap();
    let first = |named: &str| {
        let scenario = inner.join("mine.toml").display().to_string();
        let set = read(&format!("[[mix]]\n[[mix]]\nprompt_file = '{named}'"), &scenario).unwrap();
        prompts(&set.scenarios[0], &scenario).unwrap()[&1][0].prompt.clone()
    };
    assert_eq!(first("p.txt"), "inner");
    assert_eq!(first("../p.txt"), "outer");
    assert_eq!(first(&folder.path().join("p.txt").display().to_string()), "outer");
}

#[test]
fn the_missing_one_is_named_with_its_line() {
    let (folder, scenario) = folder(b"x");
    std::fs::remove_file(folder.path().join("prompts.txt")).unwrap();
    let error = read_file(&scenario).unwrap_err();
    let expect = format!("cannot read the prompt file `prompts.txt` at {}:2:15", scenario.display());
    // The whole path would be said twice otherwise.
    assert_eq!(error.to_string().replace(&format!("`{}/", folder.path().display()), "`"), expect);
    let hint = error.hint().unwrap();
    assert!(hint.starts_with("prompt files lie beside the scenario; no such file"), "{hint}");
    std::fs::remove_file(&scenario).unwrap();
    let error = read_file(&scenario).unwrap_err();
    assert_eq!(
        (error.to_string(), error.kind()),
        (format!("cannot read `{}`", scenario.display()), fault::Kind::NotFound)
    );
}

#[test]
fn lines_that_are_no_prompt_are_named() {
    let hint = "hint: write one prompt per line, or `{\"prompt\": \"…\", \"answer\": \"…\"}`";
    for (lines, expect) in [
        ("", "no prompts at prompts.txt:1"),
        (" \n\n", "no prompts at prompts.txt:1"),
        ("a\n\n{\"prompt\": \" \"}", "an empty prompt at prompts.txt:3"),
        ("{\"prompt\": 1}", "invalid type: integer `1`, expected a string at line 1 column 12 at prompts.txt:1"),
        ("a\n{\"answer\": \"b\"}", "missing field `prompt` at line 1 column 15 at prompts.txt:2"),
        (
            "{\"prompt\": \"a\", \"reply\": \"b\"}",
            "unknown field `reply`, expected `prompt` or `answer` at line 1 column 23 at prompts.txt:1",
        ),
    ] {
        assert_eq!(refusal(lines.as_bytes()), format!("{expect}\n{hint}"));
    }
    let said = refusal(b"a\n\xff");
    assert!(said.ends_with("hint: prompt files lie beside the scenario; it is not utf-8"), "{said}");
}

#[test]
fn too_much_is_refused() {
    let hint = "hint: split it, or make it smaller";
    assert_eq!(refusal(&b"a\n".repeat(100_000)), "accepted");
    assert_eq!(refusal(&b"a\n".repeat(100_001)), format!("`prompts.txt` holds more than 100000 prompts\n{hint}"));
    let mut large = vec![b'a'; 15_999_999];
    assert_eq!(refusal(&[&large[..], b"\n"].concat()), "accepted");
    // The limit falls into the middle of a character.
    large.write_all("éé".as_bytes()).unwrap();
    assert_eq!(refusal(&large), format!("`prompts.txt` holds more than 16000000 bytes\n{hint}"));
}

#[test]
fn what_is_made_of_them_has_a_limit_too() {
    let (folder, scenario) = folder(&b"a\n".repeat(100_000));
    let body = format!("\"{}{{prompt}}\"", "a".repeat(2600));
    std::fs::write(&scenario, format!("[[mix]]\nprompt_file = 'prompts.txt'\nbody = '{body}'")).unwrap();
    let said = told(&read_file(&scenario).unwrap_err()).replace(&format!("{}/", folder.path().display()), "");
    let problem = "100000 prompts of 2612 bytes are more than 256000000 bytes at mine.toml:2:15";
    assert_eq!(said, format!("{problem}\nhint: ask for fewer prompts, or shorter ones"));
}
