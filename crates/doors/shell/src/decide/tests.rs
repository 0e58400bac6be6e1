//! What is typed, and what is understood by it; and the help.

use super::{CriterionWords, Decide, DecisionFormat, KnownDecision, OptionWords};
use crate::{Cli, Command};
use clap::{CommandFactory, Parser};

fn typed(words: &[&str]) -> Result<Decide, String> {
    let words = ["althing", "decide"].iter().chain(words);
    match Cli::try_parse_from(words).map_err(|error| error.to_string())?.command {
        Command::Decide(decide) => Ok(*decide),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_decision_is_typed_in_one_line() {
    let decide = typed(&[
        "which",
        "database",
        "to",
        "show",
        "--option",
        "SQLite=one file",
        "-o",
        "PostgreSQL",
        "--criterion",
        "running costs:2.5=what it takes a year; less is better",
        "-c",
        "speed",
        "--model",
        "quorum",
    ]);
    let decide = decide.unwrap();
    assert!(decide.known.is_none(), "a topic is no command, whatever words are in it");
    assert_eq!(decide.new.topic.join(" "), "which database to show");
    let option = |name: &str, description: &str| OptionWords { name: name.into(), description: description.into() };
    assert_eq!(decide.new.options, [option("SQLite", "one file"), option("PostgreSQL", "")]);
    let criterion = |name: &str, weight: f64, description: &str| CriterionWords {
        name: name.into(),
        weight,
        description: description.into(),
    };
    let costs = criterion("running costs", 2.5, "what it takes a year; less is better");
    assert_eq!(decide.new.criteria, [costs, criterion("speed", 1.0, "")]);
    assert_eq!(decide.new.model.as_deref(), Some("quorum"));
}

#[test]
fn decisions_that_are_there_have_commands_of_their_own() {
    let known = |words: &[&str]| typed(words).unwrap().known.unwrap();
    assert!(matches!(known(&["list"]), KnownDecision::List { limit: 50, .. }));
    assert!(matches!(known(&["show", "dec_1"]), KnownDecision::Show { id, .. } if id == "dec_1"));
    assert!(matches!(known(&["evaluate", "dec_1", "--refresh"]), KnownDecision::Evaluate { refresh: true, .. }));
    let export = known(&["export", "dec_1", "--format", "html", "--out", "a.html"]);
    assert!(matches!(export, KnownDecision::Export { format: DecisionFormat::Html, out: Some(_), .. }));
    assert!(matches!(known(&["remove", "dec_1"]), KnownDecision::Remove { .. }));
    // A command takes nothing that a new decision takes.
    assert!(typed(&["show", "dec_1", "--option", "a"]).is_err());
}

#[test]
fn criteria_are_read_as_they_are_meant() {
    let read = |text: &str| text.parse::<CriterionWords>().map(|it| (it.name, it.weight, it.description));
    let fine = |text: &str, name: &str, weight: f64, description: &str| {
        assert_eq!(read(text), Ok((name.to_owned(), weight, description.to_owned())), "{text}");
    };
    fine("price", "price", 1.0, "");
    fine("price:3", "price", 3.0, "");
    fine(" price : .5 = a = b: c ", "price", 0.5, "a = b: c");
    fine("price=3:2", "price", 1.0, "3:2");
    fine("TCO: five years", "TCO: five years", 1.0, "");
    fine("TCO: five years:10", "TCO: five years", 10.0, "");
    fine("größe:2=weit", "größe", 2.0, "weit");
    for text in ["price:0", "price:11", "price:3x", "price:-1", "price:", "price:1e9", "price:1,5", "price:nan=x:+"] {
        let read = read(text);
        match text {
            // No number begins with a letter, so this one is a name.
            "price:nan=x:+" => assert_eq!(read.unwrap().0, "price:nan"),
            _ => assert!(read.unwrap_err().contains("from 0.1 to 10"), "{text}"),
        }
    }
    for text in ["", " ", ":2", "=what"] {
        assert!(read(text).unwrap_err().contains("it has no name"), "{text}");
    }
}

#[test]
fn what_is_missing_is_named() {
    for (words, named) in [
        (&["topic"][..], "--option"),
        (&["topic", "-o", "a", "-o", "b"], "--criterion"),
        (&["-o", "a", "-o", "b", "-c", "c"], "TOPIC"),
        (&["topic", "-o", "a", "-c", "c:x1=2", "-c", "c:99"], "from 0.1 to 10"),
        (&["export", "dec_1"], "--format"),
        (&["show"], "ID"),
    ] {
        let error = typed(words).unwrap_err();
        assert!(error.contains(named), "{words:?}: {error}");
    }
}

#[test]
fn the_help_says_how() {
    let mut cli = Cli::command();
    let decide = cli.find_subcommand_mut("decide").unwrap();
    insta::assert_snapshot!("decide", decide.render_long_help());
    let mut known = Vec::new();
    for name in ["list", "show", "evaluate", "export", "remove"] {
        known.push(decide.find_subcommand_mut(name).unwrap().render_long_help().to_string());
    }
    insta::assert_snapshot!("decide_known", known.join("\n----\n"));
}

#[test]
fn the_words_of_the_command_line_fit_together() {
    Cli::command().debug_assert();
}
