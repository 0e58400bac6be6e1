//! What is built in is what the originals say, and can be run.

use std::collections::BTreeSet;

use fault::Explain;

use super::*;
use crate::scenario::{Kind, Pattern, Scenario, Slo, read_file};
use Pattern::{Burst, Ramp, Realistic, Spike, Sustained};

fn one(name: &str) -> Scenario {
    let mut set = builtin(name).unwrap_or_else(|| panic!("no `{name}`"));
    assert_eq!(set.scenarios.len(), 1, "`{name}` is a set");
    set.scenarios.remove(0)
}

fn scenarios_of(set: &str) -> Vec<String> {
    builtin(set).unwrap().scenarios.into_iter().map(|scenario| scenario.name).collect()
}

/// Users, operations, pattern, seconds and requirements, where all users have to take part.
fn check(name: &str, (users, operations, pattern, duration_s): (u32, u32, Pattern, f64), slo: Slo) {
    let scenario = one(name);
    let is = (scenario.users, scenario.operations, scenario.pattern, scenario.duration_s);
    assert_eq!(is, (users, operations, pattern, duration_s), "`{name}`");
    assert_eq!(scenario.slo, Slo { users_min: Some(users), ..slo }, "`{name}`");
    assert!(!scenario.closed && scenario.warmup == 0, "`{name}` has arrivals, and all of them count");
}

fn slo(success: f64, p95_ms: f64, memory_mb: f64) -> Slo {
    let (success_min, p95_ms_max) = (Some(success), Some(p95_ms));
    Slo { success_min, p95_ms_max, memory_growth_mb_max: Some(memory_mb), ..Slo::default() }
}

#[test]
fn the_four_are_those_of_the_original() {
    let cached = |slo, share| Slo { cache_hit_min: Some(share), ..slo };
    check("academic", (50, 400, Sustained, 60.0), cached(slo(0.93, 3000.0, 180.0), 0.85));
    check("morning-rush", (60, 300, Burst, 60.0), cached(slo(0.96, 1500.0, 120.0), 0.75));
    let tiers = Slo { cache_l1_min: Some(0.85), cache_l2_min: Some(0.70), ..slo(0.95, 1800.0, 0.0) };
    check("cache", (80, 640, Realistic, 60.0), Slo { memory_growth_mb_max: None, ..tiers });
    let rag = Slo { memory_growth_mb_max: None, cost_usd_max: Some(0.12), ..slo(0.92, 3500.0, 0.0) };
    check("rag", (60, 480, Sustained, 60.0), rag);
    assert_eq!(scenarios_of("cmo"), ["academic", "morning-rush", "cache", "rag"]);
}

#[test]
fn the_two_with_faults_are_those_of_the_original() {
    let breaker = Slo { success_min: Some(0.85), recovery_min: Some(0.90), fallback_min: Some(0.88), ..Slo::default() };
    check("breaker", (100, 400, Spike, 60.0), breaker);
    let fallback =
        Slo { success_min: Some(0.90), chain_ms_max: Some(8000.0), fallback_min: Some(0.92), ..Slo::default() };
    check("fallback", (70, 350, Burst, 60.0), fallback);
    assert_eq!(scenarios_of("cmo-faults"), ["breaker", "fallback"]);
    let fault = |name| one(name).fault.map(|fault| (fault.error_rate, fault.from, fault.until));
    // All of it fails until the spike begins, and nothing after it, so that breakers open and close again.
    assert_eq!(fault("breaker"), Some((1.0, 0.3, 0.5)));
    assert_eq!(fault("fallback"), Some((0.2, 0.0, 1.0)));
    let others = names().into_iter().filter(|(name, _)| fault_of(name)).map(|(name, _)| name);
    assert_eq!(others.collect::<Vec<_>>(), ["cmo-faults", "breaker", "fallback"]);
}

fn fault_of(name: &str) -> bool {
    builtin(name).unwrap().scenarios.iter().any(|scenario| scenario.fault.is_some())
}

#[test]
fn the_seven_more_are_those_of_the_original() {
    let cached = |slo, share| Slo { cache_hit_min: Some(share), ..slo };
    check("emergency", (40, 200, Spike, 60.0), slo(0.98, 1200.0, 100.0));
    check("clinic", (80, 480, Realistic, 60.0), cached(slo(0.95, 2000.0, 140.0), 0.80));
    let priced = Slo { cost_usd_max: Some(0.15), ..slo(0.90, 4000.0, 220.0) };
    check("pharmaceutical", (30, 300, Sustained, 60.0), priced);
    check("literature", (40, 800, Burst, 60.0), cached(slo(0.94, 2500.0, 160.0), 0.90));
    check("adoption", (200, 800, Ramp, 60.0), slo(0.90, 2500.0, 250.0));
    check("peak", (200, 600, Spike, 60.0), slo(0.88, 3000.0, 300.0));
    check("stress-250", (250, 750, Sustained, 60.0), slo(0.85, 4000.0, 400.0));
    let seven = ["emergency", "clinic", "pharmaceutical", "literature", "adoption", "peak", "stress-250"];
    assert_eq!(scenarios_of("cmo-more"), seven);
}

#[test]
fn sophia_has_four_steps_of_ten_requests_a_user() {
    for users in [50, 200, 500, 1000] {
        let slo = Slo { memory_growth_mb_max: None, ..slo(0.95, 2000.0, 0.0) };
        check(&format!("sophia-{users}"), (users, users * 10, Sustained, 30.0), slo);
    }
    assert_eq!(scenarios_of("sophia"), ["sophia-50", "sophia-200", "sophia-500", "sophia-1000"]);
}

#[test]
fn the_kinds_of_benchmark() {
    // Users, operations, requests before the clock starts, whether users wait for answers, pattern and seconds.
    let table = [
        ("throughput", (10, 1000, 100, true), (Sustained, 60.0)),
        ("latency", (1, 1000, 10, true), (Sustained, 60.0)),
        ("concurrency", (5, 100, 10, true), (Sustained, 60.0)),
        ("scalability", (1, 500, 50, true), (Sustained, 60.0)),
        ("resources", (10, 600, 0, false), (Sustained, 60.0)),
        ("stability", (10, 3000, 50, false), (Sustained, 300.0)),
        ("stress", (500, 30_000, 0, false), (Ramp, 60.0)),
        ("conjecture-30x5", (5, 30, 0, true), (Sustained, 60.0)),
        ("conjecture-1000x10", (10, 1000, 0, true), (Sustained, 60.0)),
    ];
    assert_eq!(scenarios_of("benchmarks"), table.map(|(name, ..)| name));
    for (name, load, time) in table {
        let scenario = one(name);
        assert_eq!((scenario.users, scenario.operations, scenario.warmup, scenario.closed), load, "`{name}`");
        assert_eq!((scenario.pattern, scenario.duration_s), time, "`{name}`");
        assert!(scenario.slo.success_min.is_some() && scenario.slo.users_min.is_none(), "`{name}`");
    }
    for name in ["resources", "stability"] {
        assert_eq!(one(name).slo.memory_growth_mb_max, Some(100.0), "`{name}`");
    }
}

#[test]
fn sweeps_have_levels_that_begin_where_they_do() {
    assert_eq!(levels("concurrency").unwrap(), [5, 10, 15, 20, 25, 30, 35, 40, 45, 50]);
    assert_eq!(levels("scalability").unwrap(), [1, 2, 4, 8, 16, 32, 64]);
    let swept: Vec<_> = names().into_iter().filter_map(|(name, _)| Some((name, levels(name)?))).collect();
    assert_eq!(swept.len(), 2);
    for (name, levels) in swept {
        assert_eq!(one(name).users, levels[0], "`{name}`");
    }
}

/// Kinds by weight, and how many different prompts there are.
#[test]
fn mixes_are_what_their_stories_say() {
    let mix = |name: &str| one(name).mix.iter().map(|mix| (mix.kind, mix.weight, mix.prompts)).collect::<Vec<_>>();
    let (chat, stream) = (Kind::Chat, Kind::Stream);
    assert_eq!(mix("academic"), [(chat, 80.0, 30), (stream, 20.0, 10)]);
    assert_eq!(mix("morning-rush"), [(chat, 1.0, 50)]);
    assert_eq!(mix("cache"), [(chat, 1.0, 40)]);
    assert_eq!(mix("rag"), [(stream, 70.0, 480), (chat, 30.0, 480)]);
    assert_eq!(mix("pharmaceutical"), [(chat, 70.0, 300), (stream, 30.0, 300)]);
    for scenario in SETS.iter().flat_map(|set| read(set, "set").unwrap().scenarios) {
        for mix in &scenario.mix {
            let name = &scenario.name;
            assert!(mix.model.is_empty() && mix.prompt_file.is_none(), "`{name}` runs against any target");
            // Without a number in it a prompt has no more forms than there are topics.
            assert!(mix.prompt.contains("{n}") || mix.prompts <= 40, "`{name}` repeats itself");
            assert!(!mix.name.is_empty(), "`{name}` has a row without a name");
        }
        // Each prompt is new to a cache once: the target must be within reach all the same.
        let prompts: u32 = scenario.mix.iter().map(|mix| mix.prompts).sum();
        let reach = 1.0 - f64::from(prompts) / f64::from(scenario.operations);
        let asked = scenario.slo.cache_hit_min.or(scenario.slo.cache_l1_min);
        assert!(asked.is_none_or(|share| share < reach), "`{}` asks for more than {reach}", scenario.name);
    }
    let rag = one("rag").mix;
    assert!(rag.iter().all(|mix| mix.prompt.len() > 200 && !mix.prompt.contains('\n')), "long, and one line each");
}

#[test]
fn originals_are_told_with_their_minutes() {
    let table = [
        ("academic", 40),
        ("morning-rush", 15),
        ("cache", 20),
        ("rag", 30),
        ("breaker", 10),
        ("fallback", 15),
        ("emergency", 10),
        ("clinic", 30),
        ("pharmaceutical", 60),
        ("literature", 30),
        ("adoption", 30),
        ("peak", 15),
        ("stress-250", 40),
    ];
    for (name, minutes) in table {
        let told = one(name).description;
        assert!(told.ends_with(&format!("; {minutes} minutes in the original")), "`{name}`: {told}");
    }
}

#[test]
fn every_name_is_its_own_and_passes_its_check() {
    let names = names();
    let unique: BTreeSet<&str> = names.iter().map(|(name, _)| *name).chain(ALIASES.map(|(alias, _)| alias)).collect();
    assert_eq!(unique.len(), names.len() + ALIASES.len());
    assert_eq!(names.len(), 5 + 4 + 7 + 2 + 4 + 9);
    for (name, description) in names {
        let set = builtin(name).unwrap_or_else(|| panic!("`{name}` is refused"));
        assert_eq!((set.name.as_str(), &set.description), (name, &description));
        assert!(!description.is_empty() && !description.contains('\n'), "`{name}`");
        for scenario in &set.scenarios {
            scenario.check().unwrap();
            assert_eq!(one(&scenario.name), *scenario, "alone `{}` is what it is in `{name}`", scenario.name);
        }
    }
}

#[test]
fn what_is_shown_can_be_saved_and_run() {
    let folder = tempfile::tempdir().unwrap();
    for (name, _) in names() {
        let path = folder.path().join("saved.toml");
        std::fs::write(&path, show(name).unwrap()).unwrap();
        let (saved, set) = (read_file(&path).unwrap(), builtin(name).unwrap());
        assert_eq!(saved, set, "`{name}`");
        // Every value survives being written anew, also where the text leaves it out.
        assert_eq!(read(&toml::to_string(&set).unwrap(), "again.toml").unwrap(), set, "`{name}`");
        for scenario in &saved.scenarios {
            let files = crate::prompts(scenario, &path.display().to_string()).unwrap();
            let pool = crate::pool(scenario, "m", &files);
            let arrivals = crate::schedule(scenario, 0, &pool.prompts());
            assert_eq!(arrivals.len(), scenario.operations as usize, "`{}`", scenario.name);
            let different: BTreeSet<_> = pool.requests.iter().map(|request| &request.body).collect();
            let prompts: u32 = scenario.mix.iter().map(|mix| mix.prompts).sum();
            assert_eq!(different.len(), prompts as usize, "`{}` makes the same request twice", scenario.name);
        }
    }
}

#[test]
fn aliases_lead_to_what_is_built_in() {
    for (alias, name) in ALIASES {
        assert_eq!(show(alias).unwrap(), show(name).unwrap());
        assert_eq!(builtin(alias).unwrap().name, name);
        assert!(names().iter().any(|(known, _)| *known == name), "`{name}`");
    }
    for (long, name) in [
        ("seed-002", "cmo"),
        ("clinical", "cmo"),
        ("academic_research_sustained_50", "academic"),
        ("clinical_morning_rush_60", "morning-rush"),
        ("cache_effectiveness_realistic_80", "cache"),
        ("rag_intensive_sustained_60", "rag"),
    ] {
        assert_eq!(builtin(long).unwrap().name, name);
    }
}

#[test]
fn one_scenario_is_shown_as_a_file_of_its_own() {
    insta::assert_snapshot!(show("morning-rush").unwrap(), @r#"
    name = "morning-rush"
    description = "a clinic's first hour: short questions that come in bursts; 15 minutes in the original"
    users = 60
    operations = 300
    pattern = "burst"
    duration_s = 60.0

    [[mix]]
    name = "bedside question"
    kind = "chat"
    prompt = "What does a raised level of {topic} suggest in a fasting adult? (patient {n})"
    prompts = 50

    [slo]
    success_min = 0.96
    p95_ms_max = 1500.0
    memory_growth_mb_max = 120.0
    cache_hit_min = 0.75
    users_min = 60
    "#);
}

#[test]
fn unknown_names_are_answered_with_near_ones() {
    assert!(builtin("cmos").is_none() && show("").is_none() && builtin("nothing").is_none());
    let error = unknown("acadmic");
    assert_eq!(error.to_string(), "no scenario `acadmic`");
    let own = "a scenario of your own is named by its file, such as `mine.toml`";
    assert_eq!(error.hint().unwrap(), format!("did you mean `academic`?; {own}"));
    let hint = unknown("zzzzzz").hint().unwrap();
    assert!(names().iter().all(|(name, _)| hint.contains(&format!("`{name}`"))), "{hint}");
}
