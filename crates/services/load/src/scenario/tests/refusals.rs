//! Every refusal: what is said, where, and what to do instead.

use super::*;

/// A text is refused with these words, and this hint if it is not empty.
fn check(text: &str, expect: &str, hint: &str) {
    let told_instead = |said: &str| format!("{text}\nis answered\n{said}");
    let error = read(text, "mine.toml").map(|_| ()).expect_err(text);
    assert_eq!(error.to_string(), expect, "{}", told_instead(&told(&error)));
    assert_eq!(error.hint().unwrap_or_default(), hint, "{}", told_instead(&told(&error)));
}

/// A text is refused with one of these problems, at a place in `mine.toml`; each hint is the one given.
fn all(hint: &str, table: &[(&str, &str, &str)]) {
    for (text, problem, place) in table {
        check(text, &format!("{problem} at mine.toml:{place}"), hint);
    }
}

#[test]
fn what_is_not_toml() {
    all(
        "",
        &[
            ("users 1", "not valid TOML: key with no value, expected `=`", "1:7"),
            ("users = 1\nusers = 2\n[[mix]]", "not valid TOML: duplicate key", "2:1"),
            ("name = \"a\n", "not valid TOML: invalid basic string, expected `\"`", "1:10"),
        ],
    );
    all(
        "write text in quotes, as in `pattern = \"burst\"`",
        &[("pattern = burst", "not valid TOML: string values must be quoted, expected literal string", "1:11")],
    );
    let deep = format!("a = {}1{}", "[".repeat(33), "]".repeat(33));
    check(&deep, "more than 32 tables and lists inside one another at mine.toml:1:37", "");
}

#[test]
fn keys_that_nobody_knows() {
    let table = [
        ("user = 1\n[[mix]]", "user", "1:1", "users"),
        ("[[mix]]\nkinds = 'chat'", "kinds", "2:1", "kind"),
        ("[[mix]]\n[slo]\np95_max_ms = 1", "p95_max_ms", "3:1", "p95_ms_max"),
        ("[[mix]]\n[goodput]\nttft_max = 1", "ttft_max", "3:1", "ttft_ms_max"),
        ("[[mix]]\n[fault]\nrate = 1", "rate", "3:1", "error_rate"),
        ("[[scenario]]\n[[scenario.mix]]\n[scenario.slo]\nsuccess = 1", "success", "4:1", "success_min"),
        // Columns count characters, not bytes.
        ("[[mix]]\nmodel = 'é'\n  'wéight' = 1", "wéight", "3:3", "weight"),
        ("mix = [{ prompt = 'ééé', wait = 1 }]", "wait", "1:26", "weight"),
    ];
    for (text, key, place, near) in table {
        check(text, &format!("unknown key `{key}` at mine.toml:{place}"), &format!("did you mean `{near}`?"));
    }
    // Nothing is near: all of them are named, and in a set they are those of the set.
    let hint = "known keys are `name`, `description`, `scenario`";
    check("users = 5\n[[scenario]]\n[[scenario.mix]]", "unknown key `users` at mine.toml:1:1", hint);
    let error = read("zebra = 1", "mine.toml").unwrap_err();
    assert_eq!(error.hint().unwrap().matches('`').count(), 2 * 15);
    assert_eq!(error.param().as_deref(), Some("zebra"));
}

#[test]
fn values_of_the_wrong_type() {
    const U32: &str = "a whole number from 0 to 4294967295";
    let table = [
        ("users = 'ten'\n[[mix]]", "users", U32, "the string `ten`", "1:9"),
        ("users = -1\n[[mix]]", "users", U32, "the integer `-1`", "1:9"),
        ("users = 1.5\n[[mix]]", "users", U32, "the number `1.5`", "1:9"),
        ("operations = 5_000_000_000\n[[mix]]", "operations", U32, "the integer `5000000000`", "1:14"),
        ("seed = -1\n[[mix]]", "seed", "a whole number from 0 on", "the integer `-1`", "1:8"),
        ("closed = 'yes'\n[[mix]]", "closed", "`true` or `false`", "the string `yes`", "1:10"),
        ("duration_s = true\n[[mix]]", "duration_s", "a number", "the boolean `true`", "1:14"),
        ("name = 5\n[[mix]]", "name", "a string", "the integer `5`", "1:8"),
        ("slo = 0.95\n[[mix]]", "slo", "a table", "the number `0.95`", "1:7"),
        ("[[mix]]\n[[slo]]", "slo", "a table", "a list", "2:1"),
        ("[[mix]]\n[[goodput]]", "goodput", "a table", "a list", "2:1"),
        ("fault = [1.0, 0.3, 0.5]\n[[mix]]", "fault", "a table", "a list", "1:9"),
        ("mix = ['chat']", "mix[0]", "a table", "the string `chat`", "1:8"),
        ("mix = [['a', 'chat']]", "mix[0]", "a table", "a list", "1:8"),
        ("scenario = [['a', 'b']]", "scenario[0]", "a table", "a list", "1:13"),
        ("[[mix]]\narguments = 'x'", "mix[0].arguments", "a table", "the string `x`", "2:13"),
        ("[[mix]]\nbody = {a = 1}", "mix[0].body", "a string", "a table", "2:8"),
        ("[[mix]]\ntopics = ['a', 5]", "mix[0].topics[1]", "a string", "the integer `5`", "2:16"),
    ];
    for (text, path, wanted, given, place) in table {
        check(text, &format!("`{path}` must be {wanted}, not {given} at mine.toml:{place}"), "");
    }
}

#[test]
fn lists_and_words_that_are_none() {
    let list = |text: &str, path: &str, given: &str, place: &str, hint: &str| {
        check(text, &format!("`{path}` must be a list, not {given} at mine.toml:{place}"), &format!("write `{hint}`"));
    };
    list("mix = 'chat'", "mix", "the string `chat`", "1:7", "[[mix]]");
    list("[mix]\nkind = 'chat'", "mix", "a table", "1:1", "[[mix]]");
    list("[scenario]\nusers = 1", "scenario", "a table", "1:1", "[[scenario]]");
    list("[[scenario]]\n[scenario.mix]", "scenario[0].mix", "a table", "2:1", "[[scenario.mix]]");
    list("[[mix]]\ntopics = 'a'", "mix[0].topics", "the string `a`", "2:10", "topics = [\"citrate\", \"lactate\"]");
    let patterns = "`sustained`, `burst`, `realistic`, `spike`, `ramp`";
    let pattern = |given: &str| format!("`pattern` must be one of {patterns}, not `{given}` at mine.toml:1:11");
    check("pattern = 'bursts'", &pattern("bursts"), "did you mean `burst`?");
    check("pattern = 'zzz'", &pattern("zzz"), &format!("known values are {patterns}"));
    check("pattern = 1", "`pattern` must be a string at mine.toml:1:11", "write one of its words in quotes");
    let kinds = "`chat`, `stream`, `embeddings`, `mcp`, `rest`";
    let kind = format!("`mix[0].kind` must be one of {kinds}, not `stremed` at mine.toml:2:8");
    check("[[mix]]\nkind = 'stremed'", &kind, "did you mean `stream`?");
}

#[test]
fn numbers_out_of_bounds() {
    let table = [
        ("users", "0", "from 1 to 100000", ""),
        ("users", "100001", "from 1 to 100000", ""),
        ("operations", "0", "from 1 to 10000000", ""),
        ("operations", "10000001", "from 1 to 10000000", ""),
        ("timeout_ms", "0", "from 1 to 3600000", ""),
        ("timeout_ms", "3600001", "from 1 to 3600000", ""),
        ("think_ms", "3600001", "from 0 to 3600000", ""),
        ("warmup", "10000001", "from 0 to 10000000", ""),
        ("prompts", "0", "from 1 to 100000", "[[mix]]"),
        ("prompts", "100001", "from 1 to 100000", "[[mix]]"),
        ("max_tokens", "0", "from 1 to 4294967295", "[[mix]]"),
    ];
    for (key, value, range, table) in table {
        let text = format!("{table}\n{key} = {value}\n[[mix]]");
        let place = format!("2:{}", key.len() + 4);
        let expect = format!("`{key}` must be {range}, not `{value}` at mine.toml:{place}");
        check(&text, &expect, "write a whole number in that range");
    }
    for duration in ["0", "-1", "NaN", "inf", "604801"] {
        let text = format!("duration_s = {}\n[[mix]]", duration.to_lowercase());
        let expect = format!("`duration_s` must be above 0 and at most 604800, not `{duration}` at mine.toml:1:14");
        check(&text, &expect, "write seconds, seven days at most");
    }
}

#[test]
fn names_and_sets() {
    let long = format!("name = '{}'\n[[mix]]", "a".repeat(81));
    let cut = format!("the name `{}…` cannot be used", "a".repeat(60));
    all(
        "write 1 to 80 characters without `/`, such as `morning-rush`",
        &[
            (&long, &cut, "1:8"),
            ("name = 'a/b'\n[[mix]]", "the name `a/b` cannot be used", "1:8"),
            ("name = \"a\\nb\"\n[[mix]]", "the name `a b` cannot be used", "1:8"),
        ],
    );
    let many: String = (0..101).map(|n| format!("[[scenario]]\nname = 'a{n}'\n[[scenario.mix]]\n")).collect();
    all(
        "write from 1 to 100 times `[[scenario]]`",
        &[("scenario = []", "a set of 0 scenarios", "1:12"), (&many, "a set of 101 scenarios", "1:1")],
    );
    let twice = "[[scenario]]\nname = 'a'\n[[scenario.mix]]\n".repeat(2);
    check(&twice, "two scenarios are named `a` at mine.toml:5:8", "give each its own name");
    let hint = "write from 1 to 1000 times `[[mix]]` with a `kind`";
    check("", "a mix of 0 entries at mine.toml:1:1", hint);
    check(&"[[mix]]\n".repeat(1001), "a mix of 1001 entries at mine.toml:1:1", hint);
    let hint = "write from 1 to 1000 times `[[scenario.mix]]` with a `kind`";
    let second = "[[scenario]]\n[[scenario.mix]]\n\n[[scenario]]\nname = 'b'";
    check(second, "a mix of 0 entries at mine.toml:4:1", hint);
    let second = "[[scenario]]\n[[scenario.mix]]\n[[scenario]]\n[[scenario.mix]]\nweight = -1";
    let expect = "`weight` must be 0 or more, not `-1` at mine.toml:5:10";
    check(second, expect, "write a share among the weights of all");
}

#[test]
fn weights_and_prompts() {
    for weight in ["-1", "NaN", "inf"] {
        let text = format!("[[mix]]\nweight = {}", weight.to_lowercase());
        let expect = format!("`weight` must be 0 or more, not `{weight}` at mine.toml:2:10");
        check(&text, &expect, "write a share among the weights of all");
    }
    let hint = "give at least one entry a weight above 0";
    let zero = "[[mix]]\nweight = 0\n[[mix]]\nweight = 0.0";
    let huge = "[[mix]]\nweight = 1e308\n[[mix]]\nweight = 1e308";
    all(hint, &[(zero, "the weights of the mix come to `0`", "2:10")]);
    all(hint, &[(huge, "the weights of the mix come to `inf`", "2:10")]);
    let hint = "write a question, or name a `prompt_file`";
    all(
        hint,
        &[("[[mix]]\nprompt = ''", "an empty prompt", "2:10"), ("[[mix]]\nprompt = ' '", "an empty prompt", "2:10")],
    );
    let hint = "leave it out; without topics the built-in ones are used";
    check("[[mix]]\ntopics = ['a', '']", "an empty topic at mine.toml:2:10", hint);
}

#[test]
fn more_than_there_is_room_for() {
    let hint = "ask for fewer prompts, or shorter ones";
    let refused = |mix: &str, each: usize, place: &str| {
        let problem = format!("100000 prompts of {each} bytes are more than 256000000 bytes");
        check(&format!("[[mix]]\nprompts = 100_000\n{mix}"), &format!("{problem} at mine.toml:{place}"), hint);
    };
    let long = "a".repeat(2561);
    refused(&format!("prompt = '{long}'"), 2561, "2:11");
    // Each time that `{topic}` or `{prompt}` is written counts.
    refused(&format!("prompt = '{{topic}}{{topic}}'\ntopics = ['{long}']"), 14 + 2 * 2561, "2:11");
    let prompt = "a".repeat(1300);
    refused(&format!("prompt = '{prompt}'\nbody = '\"{{prompt}}\"'"), 1300 + 10 + 1300, "2:11");
    let arguments = format!("kind = 'mcp'\ntool = 'ask'\nprompt = '{prompt}'\narguments = {{ a = '{{prompt}}' }}");
    refused(&arguments, 1300 + "a = \"{prompt}\"\n".len() + 1300, "2:11");
    good(&format!("[[mix]]\nprompts = 100_000\nprompt = '{}'", &long[..2560]));
}

#[test]
fn what_a_kind_does_not_have() {
    let hint = "write the path from the target's root, such as `/api/v1/tools`";
    all(hint, &[("[[mix]]\nkind = 'rest'", "a `rest` request without a path", "1:1")]);
    for path in ["", "v1", "//x", "/a b", "/a\t"] {
        let text = format!("[[mix]]\nkind = 'rest'\npath = \"{}\"", path.escape_default());
        let shown = path.replace('\t', " ");
        check(&text, &format!("`{shown}` is no path that begins with `/` at mine.toml:3:8"), hint);
    }
    all(
        "write `kind = \"mcp\"`, or leave it out",
        &[
            ("[[mix]]\ntool = 'ask'", "a `tool` is of `mcp` requests alone", "2:8"),
            ("[[mix]]\n[mix.arguments]\na = 1", "`arguments` are of `mcp` requests alone", "2:1"),
        ],
    );
    let hint = "write a tool's name, or leave it out to list tools";
    check("[[mix]]\nkind = 'mcp'\ntool = ''", "an empty tool at mine.toml:3:8", hint);
    let expect = "`arguments` without a tool at mine.toml:3:13";
    check("[[mix]]\nkind = 'mcp'\narguments = {a = 1}", expect, "name the `tool` they are for");
    let expect = "a `method` is of `rest` requests alone at mine.toml:2:10";
    check("[[mix]]\nmethod = 'GET'", expect, "write `kind = \"rest\"`, or leave it out");
    let methods = "known methods are `GET`, `POST`, `PUT`, `PATCH`, `DELETE`, `HEAD`, `OPTIONS`";
    for (method, hint) in [("PSOT", "did you mean `POST`?"), ("get", "did you mean `GET`?"), ("FROB", methods)] {
        let text = format!("[[mix]]\nkind = 'rest'\npath = '/'\nmethod = '{method}'");
        check(&text, &format!("unknown method `{method}` at mine.toml:4:10"), hint);
    }
}

#[test]
fn bodies_that_are_not_json() {
    let quotes = "`{topic}` and `{prompt}` stand within quotes";
    for (body, hint) in [
        ("hello", "expected value at line 1 column 1"),
        ("{\"a\": {topic}}", "expected value at line 1 column 7"),
        ("{\"a\": {prompt}}", "expected value at line 1 column 7"),
        ("", "eof while parsing a value at line 1 column 0"),
        ("{", "eof while parsing an object at line 1 column 1"),
    ] {
        for kind in ["chat", "stream", "embeddings", "mcp"] {
            let text = format!("[[mix]]\nkind = '{kind}'\nbody = '{body}'");
            check(&text, "the body is not JSON at mine.toml:3:8", &format!("{hint}; {quotes}"));
        }
        if !body.is_empty() {
            good(&format!("[[mix]]\nkind = 'rest'\npath = '/'\nbody = '{body}'"));
        }
    }
    good("[[mix]]\nbody = '{\"a\": {n}, \"b\": \"{topic} {prompt}\"}'");
}

#[test]
fn requirements_and_faults() {
    let shares = ["success", "goodput", "cache_hit", "cache_l1", "cache_l2", "recovery", "fallback"];
    let shares = shares.map(|name| format!("slo.{name}_min")).into_iter();
    let times = ["p50", "p95", "p99", "ttft", "chain"].map(|name| format!("slo.{name}_ms_max")).into_iter();
    let limits = ["latency_ms_max", "ttft_ms_max", "per_token_ms_max"].map(|name| format!("goodput.{name}"));
    let amounts = ["memory_growth_mb_max", "cost_usd_max", "rate_min"].map(|name| format!("slo.{name}"));
    let is_share = ("must be a share from 0 to 1", "write `0.95` for 95 %", vec!["-0.1", "1.01", "NaN", "inf"]);
    let is_time = ("must be above 0", "write a number of milliseconds, or leave it out", vec!["0", "-5", "NaN", "inf"]);
    let is_amount =
        ("must be 0 or more", "write a number that is not negative, or leave it out", vec!["-1", "NaN", "inf"]);
    let faults = ["fault.error_rate", "fault.from", "fault.until"].map(str::to_owned);
    let rules = (shares.chain(faults).map(|path| (path, &is_share)))
        .chain(times.chain(limits).map(|path| (path, &is_time)))
        .chain(amounts.into_iter().map(|path| (path, &is_amount)));
    let mut checked = 0;
    for (path, (problem, hint, values)) in rules {
        for value in values {
            let text = format!("{path} = {}\n[[mix]]", value.to_lowercase());
            check(&text, &format!("`{path}` {problem}, not `{value}` at mine.toml:1:{}", path.len() + 4), hint);
            checked += 1;
        }
    }
    assert_eq!(checked, 10 * 4 + 8 * 4 + 3 * 3);
}

#[test]
fn what_contradicts_itself() {
    let hint = "let `from` be less than `until`";
    let fault = |from: &str, until: &str, said: &str| {
        let text = format!("[[mix]]\n[fault]\nfrom = {from}\nuntil = {until}");
        check(&text, &format!("the fault ends at {said} at mine.toml:4:9"), hint);
    };
    fault("0.5", "0.5", "`0.5` and begins at `0.5`");
    fault("0.6", "0.5", "`0.5` and begins at `0.6`");
    check("[[mix]]\n[fault]\nfrom = 1.0", "the fault ends at `1` and begins at `1` at mine.toml:2:1", hint);
    let hint = "ask for no more than take part";
    let users = "[[mix]]\n[slo]\nusers_min = 11";
    check(users, "`slo.users_min` asks for 11 users of 10 at mine.toml:3:13", hint);
    let users = "users = 20\noperations = 5\n[[mix]]\n[slo]\nusers_min = 6";
    check(users, "`slo.users_min` asks for 6 users of 5 at mine.toml:5:13", hint);
    let goodput = "[[mix]]\n[slo]\ngoodput_min = 0.9";
    let hint = "say what a good answer is, as in `[goodput]` with `latency_ms_max = 2000`";
    check(goodput, "`slo.goodput_min` without `[goodput]` at mine.toml:3:15", hint);
    let goodput = "[[scenario]]\nslo.goodput_min = 0.9\n[[scenario.mix]]";
    let hint = hint.replace("[goodput]", "[scenario.goodput]");
    check(goodput, "`slo.goodput_min` without `[scenario.goodput]` at mine.toml:2:19", &hint);
}

#[test]
fn files_that_are_too_large() {
    let error = read(&" ".repeat(1_048_577), "mine.toml").unwrap_err();
    let hint = "split it, or make it smaller";
    assert_eq!(told(&error), format!("`mine.toml` holds more than 1048576 bytes\nhint: {hint}"));
    good(&format!("[[mix]]{}", " ".repeat(1_048_576 - 7)));
}

#[test]
fn a_changed_scenario_is_checked_again() {
    let mut scenario = good("name = 'mine'\n[[mix]]").scenarios.remove(0);
    scenario.check().unwrap();
    scenario.users = 0;
    let error = scenario.check().unwrap_err();
    assert_eq!(error.to_string(), "`users` must be from 1 to 100000, not `0` in the scenario `mine`");
    assert_eq!((error.code(), error.param().as_deref()), ("scenario_rule", Some("users")));
}
