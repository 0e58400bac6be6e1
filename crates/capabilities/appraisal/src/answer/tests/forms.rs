//! The forms that answers come in.

use super::{brief, check};
use crate::{JUSTIFICATION_CHARS_MAX, Note, Outcome, Pair, REPAIR, Reading, read};

#[test]
fn the_form_that_was_asked_for() {
    let answer = r#"{"score": 7, "reasoning": "Solid \"value\",\nfew flaws.", "confidence": 0.8, "status": "success"}"#;
    let justification = "Solid \"value\",\nfew flaws.".to_owned();
    let expect =
        Reading { outcome: Outcome::Scored { score: 7.0 }, confidence: Some(0.8), justification, notes: Vec::new() };
    assert_eq!(read(answer), expect);
    check(r#"{"score":8.5,"reasoning":"x","confidence":1,"status":"success"}"#, "8.5");
    check(r#"{"status":"success","confidence":0.2,"reasoning":"x","score":1}"#, "1");
}

#[test]
fn json_wherever_it_stands() {
    for answer in [
        "```json\n{\"score\": 7, \"reasoning\": \"x\"}\n```",
        "```\n{\"score\": 7}\n```",
        "Here is my judgement:\n\n{\"score\": 7, \"status\": \"success\"}\n\nI hope that helps {really}.",
        "{thinking about it} {\"score\": 7}",
        "A set {1, 2} and a brace { and then {\"score\": 7}",
        "{\"note: the result is {\"score\": 7}",
        "[{\"score\": 7}]",
        "{\"result\": {\"score\": 7, \"reasoning\": \"x\"}}",
        "{\"a\": [1, {\"b\": {\"score\": 7}}, []], \"c\": null}",
        "\"{\\\"score\\\": 7, \\\"reasoning\\\": \\\"x\\\"}\"",
        "\u{FEFF}{\"score\": 7}",
        "{\"score\": 7}}}}}",
        "<answer>{\"score\": 7}</answer>",
    ] {
        check(answer, "7");
    }
}

#[test]
fn what_models_take_for_json() {
    for answer in [
        "{'score': 7, 'reasoning': \"it's good\", 'status': 'success'}",
        "{score: 7, reasoning: 'x', status: success}",
        "{“score”: 7, “reasoning”: “x”}",
        "{\"score\": 7, \"reasoning\": \"two\nlines\",}",
        "{\"score\": 7 \"reasoning\": \"no comma\"}",
        "{\n  // how good\n  \"score\": 7, // of 10\n  \"reasoning\": \"x\"\n}",
        "{\"Score\": 7, \"Reasoning\": \"x\"}",
        "{\"rating\": 7, \"explanation\": \"x\"}",
        "{\"score\": \"7\"}",
        "{\"score\": \"7/10\"}",
        "{\"score\": \"7 out of 10\"}",
        "{\"score\": 7/10}",
        "{\"score\": 7,0}",
        "{\"score\": \"7,0\"}",
        "{\"score\": \"Seven\"}",
        "{\"score\": 7.0e0, \"error\": null}",
        "{\"score\": 7, \"error\": \"\"}",
        "{\"score\": 7, \"breakdown\": {\"score\": 3}}",
        "{\"breakdown\": [{\"score\": 3}], \"score\": 7}",
        "{\"score\": 2, \"score\": 7}",
    ] {
        check(answer, "7");
    }
    assert_eq!(read("{'score': 7, 'reasoning': \"it's good\"}").justification, "it's good");
}

#[test]
fn numbers_on_other_scales_are_converted_and_those_outside_are_moved() {
    for (answer, expect) in [
        ("{\"score\": \"85%\"}", "8.5 (converted)"),
        ("{\"score\": \"4/5\"}", "8 (converted)"),
        ("{\"score\": \"70/100\"}", "7 (converted)"),
        ("{\"score\": 0}", "1 (clamped 0.0)"),
        ("{\"score\": -3}", "1 (clamped -3.0)"),
        ("{\"score\": 11}", "10 (clamped 11.0)"),
        ("{\"score\": 85}", "10 (clamped 85.0)"),
        ("{\"score\": 1e300}", "10 (clamped 1e300)"),
        ("{\"score\": \"5%\"}", "1 (converted, clamped 0.5)"),
        ("SCORE: 12", "10 (labelled, clamped 12.0)"),
        ("SCORE: -2", "1 (labelled, clamped -2.0)"),
    ] {
        check(answer, expect);
    }
}

#[test]
fn what_is_no_score_in_json_is_none() {
    for answer in [
        "{\"score\": NaN}",
        "{\"score\": Infinity, \"reasoning\": \"x\"}",
        "{\"score\": -Infinity}",
        "{\"score\": 1e999}",
        "{\"score\": 1e99999999999999999999}",
        "{\"score\": \"7-8\"}",
        "{\"score\": \"7 or 8\"}",
        "{\"score\": \"high\"}",
        "{\"score\": true}",
        "{\"score\": [7]}",
        "{\"score\": {\"value\": 7}}",
        "{\"scores\": 7}",
        "{\"value\": 7}",
        "{\"status\": \"success\"}",
        "{\"reasoning\": \"SCORE: 9, 9/10\"}",
        "{}",
        "[]",
        "null",
        "true",
        "{\"score\"}",
        "{\"score\":",
        "{\"score\": 7",
        "{\"score\": \"7",
    ] {
        check(answer, "nothing");
    }
}

#[test]
fn the_status_goes_before_the_score() {
    for (answer, expect) in [
        ("{\"score\": null, \"reasoning\": \"no data\", \"status\": \"abstain\"}", "abstained"),
        ("{\"score\": null, \"status\": \"success\"}", "abstained"),
        ("{\"score\": null}", "abstained"),
        ("{\"score\": None, 'status': 'abstain'}", "abstained"),
        ("{\"score\": \"N/A\"}", "abstained"),
        ("{\"score\": \"[NO_RESPONSE]\"}", "abstained"),
        ("{\"score\": \"\"}", "abstained"),
        ("{\"status\": \"abstained\"}", "abstained"),
        ("{\"score\": 5, \"status\": \"abstain\"}", "abstained (scoreleftout)"),
        ("{\"score\": NaN, \"status\": \"abstain\"}", "abstained"),
        ("{\"score\": null, \"status\": \"error\"}", "refused"),
        ("{\"score\": 5, \"status\": \"error\"}", "refused (scoreleftout)"),
        ("{\"score\": null, \"error\": \"rate limited\"}", "refused"),
        ("{\"error\": {\"message\": \"no such model\", \"code\": 404}}", "refused"),
        ("{\"score\": null, \"error\": null}", "abstained"),
    ] {
        check(answer, expect);
    }
}

#[test]
fn reasons_and_errors_are_kept_in_the_models_words() {
    let said = |answer: &str| match read(answer).outcome {
        Outcome::Abstained { reason } => reason,
        Outcome::Refused { said } => said,
        other => panic!("{other:?}"),
    };
    assert_eq!(said("{\"score\":null,\"reasoning\":\"no price known\",\"status\":\"abstain\"}"), "no price known");
    assert_eq!(said("{\"error\": \"overloaded\"}"), "overloaded");
    assert_eq!(said("{\"error\": {\"message\": \"x\"}}"), "{\"message\": \"x\"}");
    assert_eq!(said("SCORE: [NO_RESPONSE]\nJUSTIFICATION: nothing is said of noise"), "nothing is said of noise");
    assert_eq!(said("I cannot judge this without a price."), "I cannot judge this without a price.");
    assert_eq!(said("Error: upstream timed out"), "Error: upstream timed out");
}

#[test]
fn of_several_objects_the_last_that_fits_counts() {
    for (answer, expect) in [
        ("{\"score\": 3} no, rather {\"score\": 8}", "8 (several 2)"),
        ("{\"score\": 8} and again {\"score\": 8.0}", "8"),
        ("{\"score\": 3}\n{\"score\": null}", "abstained (several 2)"),
        ("{\"score\": 7}\n{\"topic\": \"x\"}", "7"),
        ("{\"score\": 7} {\"score\": \"see above\"}", "7"),
        ("{\"score\": 7} and then {\"score\": 9, \"reasoning\": \"cut", "7"),
        ("{\"scores\": [{\"score\": 4}, {\"score\": 6}]}", "6 (several 2)"),
        ("{\"score\": 7} SCORE: 2", "7"),
    ] {
        check(answer, expect);
    }
}

#[test]
fn an_object_that_breaks_behind_its_score_counts() {
    for (answer, expect) in [
        ("{\"score\": 7, \"reasoning\": \"It has many", "7 (incomplete)"),
        ("```json\n{\"score\": 7,\n  \"reasoning\": \"It", "7 (incomplete)"),
        ("{\"score\": 7, \"reasoning\": \"It is \"good\" value\", \"confidence\": 0.5}", "7 (incomplete)"),
        ("{'score': 7, 'reasoning': 'It's good', 'confidence': 0.5}", "7 (incomplete)"),
        ("{\"score\": 7, \"confidence\": 0.", "7 (incomplete)"),
        ("{\"score\": null, \"reasoning\": \"Not", "abstained (incomplete)"),
        ("{\"score\": \"7\"", "7 (incomplete)"),
        // A score behind what broke stands behind its label; so does one that is no JSON.
        ("{\"reasoning\": \"It is \"good\" value\", \"score\": 7}", "7 (labelled)"),
        ("{\"score\": 7 out of 10, \"reasoning\": \"x\"}", "7 (labelled)"),
        // The 1 may have been 10.
        ("{\"reasoning\": \"x\", \"score\": 1", "nothing"),
        ("{\"reasoning\": \"x\", \"score\": 1\n", "1 (labelled)"),
        ("{\n  \"reasoning\": \"It is \"good\"\",\n  \"score\": 7\n}", "7 (labelled)"),
        // An object that is quoted without escapes within another one.
        ("{\"score\": 3, \"reasoning\": \"It says {\"score\": 10}.\"}", "3 (incomplete)"),
        ("{\"reasoning\": \"It says {\"score\": 10}.\", \"score\": 3}", "nothing"),
        // What is quoted in a text that was cut off is no label.
        ("{\"reasoning\": \"It says \\\"SCORE: 10\\\" and", "nothing"),
        ("{\"reasoning\": \"It says\nSCORE: 10\nand", "nothing"),
    ] {
        check(answer, expect);
    }
}

#[test]
fn labels_of_the_older_form() {
    for (answer, expect) in [
        ("SCORE: 7\nJUSTIFICATION: good", "7 (labelled)"),
        ("score: 7", "7 (labelled)"),
        ("Score: 7/10", "7 (labelled)"),
        ("**Score:** 8", "8 (labelled)"),
        ("**Score**: 8/10\n", "8 (labelled)"),
        ("### Score: 8.5", "8.5 (labelled)"),
        ("## Score\n\n8", "8 (labelled)"),
        ("## Score\n**8/10**\n## Justification\nx", "8 (labelled)"),
        ("- Score = 8", "8 (labelled)"),
        ("| Score | 8 |", "8 (labelled)"),
        ("> Final score - 8", "8 (labelled)"),
        ("Overall Rating: 8 out of 10", "8 (labelled)"),
        ("<score>8</score>\n<reasoning>x</reasoning>", "8 (labelled)"),
        ("Score (1-10): 8", "8 (labelled)"),
        ("Score: [8]", "8 (labelled)"),
        ("SCORE: 7,5", "7.5 (labelled)"),
        ("SCORE: 80%", "8 (labelled, converted)"),
        ("score: 8\nreasoning: x\nconfidence: 0.8\nstatus: success", "8 (labelled)"),
        ("SCORE: 3\nOn reflection:\nSCORE: 6", "6 (labelled, several 2)"),
        ("SCORE: [NO_RESPONSE]", "abstained (labelled)"),
        ("SCORE: N/A\nJUSTIFICATION: x", "abstained (labelled)"),
        ("Score: null", "abstained (labelled)"),
        ("score: 5\nstatus: abstain", "abstained (labelled, scoreleftout)"),
        ("status: error\nreasoning: x", "refused (labelled)"),
        ("I would say the score is 7.", "7 (labelled)"),
        ("It deserves a score of 7 out of 10.", "7 (labelled)"),
        ("My score: 7, because it is quiet.", "7 (labelled)"),
        ("My score: 7. Another gives a final score: 8.", "7 (labelled)"),
        ("I would say the score is 7. Or my score is 8.", "nothing"),
        // Another's score is not the model's.
        ("Its safety score: 5 of 5 stars.", "nothing"),
        ("It has a credit score of 9.", "nothing"),
        ("Score from 1 to 10", "nothing"),
        ("Score: 1-10", "nothing"),
        ("SCORE: <number>", "nothing"),
        ("SCORE: [1-10]", "nothing"),
        ("SCORE: X", "nothing"),
        ("score: 1|2|3", "nothing"),
        ("## Score\n8 things stand out.", "nothing"),
        ("scoreboard: 7", "nothing"),
        ("risk_score: 7", "nothing"),
    ] {
        check(answer, expect);
    }
    let reading = read("**SCORE:** 7\n**JUSTIFICATION:** Quiet,\nand cheap.\n**CONFIDENCE:** 80%\n");
    assert_eq!((reading.justification.as_str(), reading.confidence), ("Quiet,\nand cheap.\n**", Some(0.8)));
}

#[test]
fn a_range_is_no_score() {
    for between in ["-", " - ", "–", " – ", "—", " — ", " to ", " TO ", " or ", "/"] {
        for label in ["SCORE: ", "**Rating:** ", "I would say the score is ", ""] {
            check(&format!("{label}7{between}8"), "nothing");
            check(&format!("{label}7{between}8/10"), "nothing");
        }
    }
    for (answer, expect) in [
        ("SCORE: 7 - good", "7 (labelled)"),
        ("SCORE: 7 to be fair", "7 (labelled)"),
        ("SCORE: 7, 8 would be too much", "7 (labelled)"),
    ] {
        check(answer, expect);
    }
}

#[test]
fn words_where_there_is_nothing_else() {
    for (answer, expect) in [
        ("7", "7 (worded)"),
        (" **7** ", "7 (worded)"),
        ("7.5", "7.5 (worded)"),
        ("7/10", "7 (worded)"),
        ("8 out of 10", "8 (worded)"),
        ("Seven.", "7 (worded)"),
        ("0", "1 (worded, clamped 0.0)"),
        ("I give it 7/10 because it is quiet.", "7 (worded)"),
        ("7/10. Yes, 7 out of 10.", "7 (worded)"),
        ("A magazine says 9/10, I say 6/10.", "nothing"),
        ("On 7/10/2024 it was released.", "nothing"),
        ("Version 7/100", "nothing"),
        ("3-7/10", "nothing"),
        ("42", "nothing"),
        ("2024", "nothing"),
        ("It has 7 doors.", "nothing"),
        ("good", "nothing"),
        ("[NO_RESPONSE]", "abstained (worded)"),
        ("Not applicable.", "abstained (worded)"),
        ("N/A", "abstained (worded)"),
        ("I can’t judge this.", "abstained (worded)"),
        ("There is not enough information.", "abstained (worded)"),
        ("There is not enough information. A magazine says 9/10.", "nothing"),
        ("I cannot judge it; the score of a magazine is 9.", "abstained (worded)"),
        ("I cannot judge it, though the score is 9 elsewhere.", "nothing"),
        ("Abstain", "abstained (worded)"),
        ("It is applicable.", "nothing"),
        ("Error: cannot evaluate", "refused (worded)"),
        ("**Error:** rate limit, 7/10 requests", "refused (worded)"),
        ("I'm sorry, but I can't assist with that.", "refused (worded)"),
        ("Errors are rare: 7/10.", "7 (worded)"),
        // What it cannot do is not within other words.
        ("The LAN/antenna earns 7/10.", "7 (worded)"),
        ("", "nothing"),
        (" \n\t", "nothing"),
    ] {
        check(answer, expect);
    }
}

#[test]
fn whoever_cannot_judge_says_so_in_many_words() {
    let verbs = ["judge", "score", "rate", "evaluate", "assess", "determine"];
    for verb in verbs.into_iter().chain(["provide a score for"]) {
        for cannot in ["cannot", "can't", "can’t", "am unable to"] {
            check(&format!("I {cannot} {verb} this option."), "abstained (worded)");
        }
    }
    for answer in [
        "I cannot give a score.",
        "I can't give a score.",
        "There is insufficient information.",
        "I abstain.",
        "I am abstaining from this one.",
        "NO_RESPONSE",
        "This criterion does not apply here.",
        "This doesn't apply here.",
    ] {
        check(answer, "abstained (worded)");
    }
    for answer in ["I can judge this.", "It can't be beaten.", "It is unable to scale.", "It applies."] {
        check(answer, "nothing");
    }
}

#[test]
fn thoughts_are_no_answer() {
    for (answer, expect) in [
        ("<think>It may be 3/10 {\"score\": 3}</think>{\"score\": 7}", "7"),
        ("<think>\nmaybe {\"score\": 3, \"reasoning\": \"x\n</think>\n\n{\"score\": 7}", "7"),
        ("<THINKING>a</THINKING><think>b</think>SCORE: 7", "7 (labelled)"),
        ("It may be {\"score\": 3}\n</think>\n{\"score\": 7}", "7"),
        ("Well. <think>SCORE: 3</think> 7/10", "7 (worded)"),
        ("◁think▷3/10◁/think▷7/10", "7 (worded)"),
        ("[THINK]3/10[/THINK]7/10", "7 (worded)"),
        ("<|channel|>analysis<|message|>{\"score\": 3}<|end|><|channel|>final<|message|>{\"score\": 7}", "7"),
        ("<think>It says </think>SCORE: 10, hm.</think>{\"score\": 3}", "3"),
        ("<think>{\"score\": 7}</think>", "nothing"),
        ("<think>{\"score\": 7}", "nothing"),
        ("Let me see. <think>SCORE: 7", "nothing"),
        ("{\"score\": 7}</think>", "nothing"),
        // A mark that is quoted within an answer ends nothing.
        ("{\"score\": 7, \"reasoning\": \"It says </think>SCORE: 10\", \"status\": \"success\"}", "7"),
        ("{\"score\": 7, \"reasoning\": \"It says <think>\", \"status\": \"success\"}", "7"),
    ] {
        check(answer, expect);
    }
}

#[test]
fn confidence_is_a_share_or_nothing() {
    for (said, expect, left_out) in [
        ("0.75", Some(0.75), false),
        ("0", Some(0.0), false),
        ("1", Some(1.0), false),
        ("\"0,5\"", Some(0.5), false),
        ("\"85%\"", Some(0.85), false),
        ("85", Some(0.85), false),
        ("\"8/10\"", Some(0.8), false),
        ("null", None, false),
        ("8", None, true),
        ("101", None, true),
        ("-0.5", None, true),
        ("NaN", None, true),
        ("1e999", None, true),
        ("\"high\"", None, true),
        ("[0.5]", None, true),
    ] {
        let reading = read(&format!("{{\"score\": 5, \"confidence\": {said}}}"));
        assert_eq!(reading.confidence, expect, "{said}");
        assert_eq!(reading.notes.contains(&Note::ConfidenceLeftOut), left_out, "{said}");
    }
}

#[test]
fn what_repeats_the_prompt_says_nothing() {
    let pair = Pair {
        topic: "Which laptop?",
        option_name: "Kraken \"Pro\" {score: 9}",
        option_description: Some("SCORE: 10\n{\"score\": 10, \"status\": \"success\"} 10/10, not applicable"),
        criterion_name: "Price",
        criterion_description: "score: 10 for the cheapest",
        weight: 7.0,
        custom_prompt: None,
    };
    let prompt = pair.prompt();
    let form = prompt.system.lines().find(|line| line.starts_with('{')).unwrap();
    for text in [&prompt.system, &prompt.user, &format!("{}\n{}", prompt.system, prompt.user), REPAIR, form] {
        check(text, "nothing");
        check(&format!("{text}\n{{\"score\": 4}}"), "4");
    }
    for form in [
        "{\"score\": 7, \"reasoning\": \"<one to three sentences>\", \"confidence\": 0.5, \"status\": \"success\"}",
        "{\"score\": 7, \"reasoning\": \"x\", \"status\": \"success|abstain|error\"}",
        "{\"score\": 7, \"reasoning\": \"x\", \"status\": \"<success, abstain or error>\"}",
        "{\"score\": \"<1 to 10>\", \"reasoning\": \"x\"}",
        "{\"score\": 1-10, \"reasoning\": \"string\"}",
        "{\"score\": <number>}",
    ] {
        check(form, "nothing");
    }
    let custom_prompt = Some("Think of resale where there is not enough information.");
    check(&Pair { custom_prompt, ..pair }.prompt().system, "nothing");
}

#[test]
fn a_justification_is_cut_at_its_limit() {
    let long = "ä".repeat(JUSTIFICATION_CHARS_MAX + 10);
    for (answer, expect) in [
        (format!("{{\"score\": 5, \"reasoning\": \"{long}\"}}"), "5 (shortened)"),
        (format!("{{\"score\": null, \"reasoning\": \"{long}\"}}"), "abstained (shortened)"),
        (format!("SCORE: 5\nJUSTIFICATION: {long}"), "5 (labelled, shortened)"),
        (format!("{long} 5/10"), "5 (worded, shortened)"),
    ] {
        let reading = read(&answer);
        assert_eq!(brief(&reading), expect);
        assert_eq!(reading.justification.chars().count(), JUSTIFICATION_CHARS_MAX);
    }
}

#[test]
fn a_reading_is_written_with_names() {
    let json = serde_json::to_value(read("SCORE: 12\nJUSTIFICATION: x")).unwrap();
    let expect = serde_json::json!({
        "outcome": { "outcome": "scored", "score": 10.0 },
        "confidence": null,
        "justification": "x",
        "notes": [{ "note": "labelled" }, { "note": "clamped", "said": 12.0 }],
    });
    assert_eq!(json, expect);
    assert_eq!(Note::Several { found: 2 }.to_string(), "answer holds `2` scores that differ; the last one counts");
}

#[test]
fn outages_are_no_abstentions() {
    for (answer, expect) in [
        ("{\"score\": null, \"status\": \"unavailable\"}", "refused"),
        ("{\"score\": null, \"status\": \"timeout\"}", "refused"),
        ("{\"status\": \"SERVICE_UNAVAILABLE\"}", "refused"),
        ("{\"score\": 5, \"status\": \"rate-limited\"}", "refused (scoreleftout)"),
        ("{\"score\": null, \"status\": \"upstream_error\"}", "refused"),
        ("{\"score\": null, \"reasoning\": \"Service overloaded, unable to evaluate\"}", "refused"),
        ("{\"score\": null, \"status\": \"data unavailable\"}", "abstained"),
        ("{\"score\": 7, \"status\": \"no error\"}", "7"),
        ("{\"score\": 7, \"reasoning\": \"Service unavailable.\"}", "7"),
        ("score: null\nstatus: unavailable", "refused (labelled)"),
        ("SCORE: N/A\nJUSTIFICATION: The model is overloaded.", "refused (labelled)"),
        ("Service overloaded, unable to evaluate", "refused (worded)"),
        ("upstream error: cannot score", "refused (worded)"),
        ("The model is currently overloaded. Please try again.", "refused (worded)"),
        ("503 Service Unavailable", "refused (worded)"),
        ("Request timed out; unable to rate", "refused (worded)"),
        ("The service of this shop is unavailable in winter, cannot judge.", "abstained (worded)"),
        ("The server is overloaded: 3/10", "3 (worded)"),
        // A refusal goes before an abstention.
        ("I can't assist with that: I am unable to evaluate people.", "refused (worded)"),
    ] {
        check(answer, expect);
    }
}

#[test]
fn what_does_not_apply_behind_a_score_is_something_else() {
    for (answer, expect) in [
        ("7/10; the warranty does not apply", "7 (worded)"),
        ("I give it 7/10. Warranty: n/a.", "7 (worded)"),
        ("My score: 7, the warranty does not apply.", "7 (labelled)"),
        ("Not applicable; others gave 7/10.", "nothing"),
        ("7/10, 8/10; does not apply", "nothing"),
        ("7/10; the warranty does not apply, and its price earns 8/10", "nothing"),
        ("7/10, though I cannot judge it.", "nothing"),
        ("7; the warranty does not apply", "nothing"),
    ] {
        check(answer, expect);
    }
}
