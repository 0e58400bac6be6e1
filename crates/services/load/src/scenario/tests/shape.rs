//! What a file becomes: one scenario or several, their names and defaults, and the schema of it all.

use super::*;
use crate::scenario::{Kind, Mix, Pattern, Scenario, Slo, schema};
use proptest::prelude::*;

#[test]
fn one_scenario_is_a_set_of_one() {
    let set = good("description = 'a day'\nusers = 7\n[[mix]]\nkind = 'embeddings'\n[slo]\nsuccess_min = 0.9");
    assert_eq!((set.name.as_str(), set.description.as_str(), set.scenarios.len()), ("mine", "a day", 1));
    let expect = Scenario {
        name: "mine".to_owned(),
        description: "a day".to_owned(),
        users: 7,
        mix: vec![Mix { kind: Kind::Embeddings, ..Mix::default() }],
        slo: Slo { success_min: Some(0.9), ..Slo::default() },
        ..Scenario::default()
    };
    assert_eq!(set.scenarios, [expect]);
    assert_eq!(good("name = 'own'\n[[mix]]").name, "own");
}

#[test]
fn several_keep_their_order_and_get_names() {
    let one = "[[scenario.mix]]\n";
    let set = good(&format!("[[scenario]]\n{one}[[scenario]]\nname = 'b'\nusers = 3\n{one}[[scenario]]\n{one}"));
    let names: Vec<_> = set.scenarios.iter().map(|scenario| (scenario.name.as_str(), scenario.users)).collect();
    assert_eq!((set.name.as_str(), names), ("mine", vec![("mine-1", 10), ("b", 3), ("mine-3", 10)]));
    let set = good(&format!("name = 'week'\n[[scenario]]\n{one}"));
    assert_eq!((set.name.as_str(), set.scenarios[0].name.as_str()), ("week", "week"));
    // A folder is no part of a name.
    assert_eq!(read("[[mix]]", "there/here.v2.toml").unwrap().name, "here.v2");
}

#[test]
fn a_fault_lasts_the_whole_run_unless_it_says_otherwise() {
    let fault = |text: &str| {
        let fault = good(&format!("[[mix]]\n[fault]\n{text}")).scenarios.remove(0).fault.unwrap();
        (fault.error_rate, fault.from, fault.until)
    };
    assert_eq!(fault("error_rate = 0.2"), (0.2, 0.0, 1.0));
    assert_eq!(fault("error_rate = 1\nfrom = 0.3"), (1.0, 0.3, 1.0));
    assert_eq!(fault("error_rate = 1\nuntil = 0.5"), (1.0, 0.0, 0.5));
}

#[test]
fn limits_themselves_are_accepted() {
    good("users = 100_000\noperations = 10_000_000\ntimeout_ms = 3_600_000\nthink_ms = 3_600_000\n[[mix]]");
    good("duration_s = 604_800\nwarmup = 10_000_000\n[[mix]]\nweight = 0\n[[mix]]\nprompts = 100_000");
    good("[[mix]]\n[slo]\nsuccess_min = 1\nfallback_min = 0\ncost_usd_max = 0\nusers_min = 10");
    good(&format!("name = '{}'\n{}", "é".repeat(80), "[[mix]]\n".repeat(1000)));
    let table = "[[mix]]\nkind = 'mcp'\ntool = 'ask'\narguments = { slo = ['a'], mix = [[1]], fault = [] }";
    assert!(good(table).scenarios[0].mix[0].arguments.is_some(), "arguments are the tool's own");
}

#[test]
fn topics_come_in_turn() {
    let own = Mix { topics: vec!["a".to_owned(), "b".to_owned()], ..Mix::default() };
    assert_eq!([0, 1, 2, 3].map(|n| own.topic(n)), ["a", "b", "a", "b"]);
    let built_in = Mix::default();
    let first: std::collections::BTreeSet<_> = (0..40).map(|n| built_in.topic(n)).collect();
    assert_eq!((first.len(), built_in.topic(40)), (40, built_in.topic(0)));
    assert!(first.iter().all(|topic| topic.len() < 32), "`check` reckons with less than 32 bytes");
}

#[test]
fn the_schema_has_either_shape_and_explains_every_key() {
    let schema = schema();
    let either: Vec<_> = schema["anyOf"].as_array().unwrap().iter().map(|shape| &shape["$ref"]).collect();
    assert_eq!(either, ["#/$defs/Scenario", "#/$defs/Set"]);
    assert_eq!(schema["$defs"]["Set"]["properties"]["scenario"]["items"]["$ref"], "#/$defs/Scenario");
    for (table, shape) in schema["$defs"].as_object().unwrap() {
        let Some(keys) = shape["properties"].as_object() else { continue };
        assert_eq!(shape["additionalProperties"], false, "`{table}` takes any key");
        let silent: Vec<_> = keys.iter().filter(|(_, key)| !key["description"].is_string()).collect();
        assert!(silent.is_empty(), "`{table}` does not explain {silent:?}");
    }
    let words = |of: &str| schema["$defs"][of]["oneOf"].as_array().unwrap().len();
    assert_eq!((words("Pattern"), words("Kind")), (5, 5));
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let all = [Pattern::Sustained, Pattern::Burst, Pattern::Realistic, Pattern::Spike, Pattern::Ramp];
    proptest::sample::select(all.to_vec())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}|([a-z.\\[\\]={}\"' \n0-9-]|mix|slo|users|scenario|\\[\\[){0,30}") {
        if let Err(error) = read(&text, "mine.toml") {
            prop_assert!(!error.to_string().is_empty() && !error.code().is_empty());
        }
    }

    #[test]
    fn what_is_written_reads_back(
        name in "[^/\\p{Cc}]{1,20}",
        users in 1_u32..=100_000,
        duration_s in 0.001_f64..604_800.0,
        pattern in pattern(),
        prompts in proptest::collection::vec("\\PC*[a-z]", 1..4),
        success_min in proptest::option::of(0.0_f64..=1.0),
    ) {
        let mix = prompts.into_iter().map(|prompt| Mix { prompt, ..Mix::default() }).collect();
        let slo = Slo { success_min, ..Slo::default() };
        let scenario = Scenario { name: name.clone(), users, duration_s, pattern, mix, slo, ..Scenario::default() };
        let set = Set { name, description: String::new(), scenarios: vec![scenario] };
        prop_assert_eq!(good(&toml::to_string(&set).unwrap()), set);
    }
}
