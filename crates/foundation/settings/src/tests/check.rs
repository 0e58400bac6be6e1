//! Every rule about meaning, tripped once and told with its place.

use super::{first, read, refusal, told};
use crate::{Source, problems};
use fault::{Explain, Kind};

fn check(text: &str, expect: &str) {
    assert_eq!(first(text), expect, "{text}");
}

#[test]
fn errors_point_at_the_value() {
    insta::assert_snapshot!(refusal("[server]\nbind = 'here'"), @r#"
    `server.bind` is `here`, not an address at althing.toml:2:8
      |
    2 | bind = 'here'
      |        ^^^^^^
    hint: write `host:port`, such as `127.0.0.1:8700` or `[::1]:8700`
    "#);
    insta::assert_snapshot!(refusal("[[provider]]\nname = 'a'\n\n[[provider]]\nkind = 'openai'"), @r#"
    `provider[1].name` is missing or empty at althing.toml:4:1
      |
    4 | [[provider]]
      | ^^^^^^^^^^^^
    hint: give it a name
    "#);
    insta::assert_snapshot!(refusal("[[panel]]\nname = 'p'\nmembers = ['a', 'b c']"), @r#"
    `panel[0].members[1].model` is `b c`, with white space in it at althing.toml:3:17
      |
    3 | members = ['a', 'b c']
      |                 ^^^^^
    hint: write a dash instead
    "#);
    insta::assert_snapshot!(refusal("[[panel]]\nname = 'p'\nmembers = ['a', { model = 'b', weight = 0 }]"), @r#"
    `panel[0].members[1].weight` is `0` at althing.toml:3:41
      |
    3 | members = ['a', { model = 'b', weight = 0 }]
      |                                         ^
    hint: write a number above 0 and at most 1000000
    "#);
}

#[test]
fn addresses() {
    check("server.bind = '8700'", "`server.bind` is `8700`, not an address at althing.toml:1:15");
    check("server.public_url = 'ftp://a'", "`server.public_url` has the scheme `ftp` at althing.toml:1:21");
    check("server.allowed_hosts = ['a', '*']", "`server.allowed_hosts[1]` is `*`, not a host at althing.toml:1:30");
    check("server.allowed_origins = ['a']", "`server.allowed_origins[0]` is `a`, not an origin at althing.toml:1:27");
    check(
        "provider = [{ name = 'p', base_url = 'api.example' }]",
        "`provider[0].base_url` has no scheme at althing.toml:1:38",
    );
}

#[test]
fn names() {
    check("[[provider]]", "`provider[0].name` is missing or empty at althing.toml:1:1");
    check("provider = [{ name = 'a b' }]", "`provider[0].name` is `a b`, with white space in it at althing.toml:1:22");
    check("provider = [{ name = 'a/b' }]", "`provider[0].name` is `a/b`, with a slash in it at althing.toml:1:22");
    check(
        "provider = [{ name = 'a', models = [''] }]",
        "`provider[0].models[0].name` is missing or empty at althing.toml:1:37",
    );
    check(
        "provider = [{ name = 'a', models = [{ name = 'm', upstream_name = ' ' }] }]",
        "`provider[0].models[0].upstream_name` is ` `, with white space in it at althing.toml:1:67",
    );
    check("panel = [{ members = ['a'] }]", "`panel[0].name` is missing or empty at althing.toml:1:10");
    check(
        "panel = [{ name = 'p', members = [{ weight = 2 }] }]",
        "`panel[0].members[0].model` is missing or empty at althing.toml:1:35",
    );
    check("route = [{ rules = [{ models = ['a'] }] }]", "`route[0].name` is missing or empty at althing.toml:1:10");
    let long = "n".repeat(201);
    assert!(first(&format!("provider = [{{ name = '{long}' }}]")).contains("…`, which is too long at"));
}

#[test]
fn clashes() {
    let twice = "provider = [{ name = 'a' }, { name = 'a' }]";
    check(twice, "`provider[1].name` is `a`, the name of `provider[0]` too at althing.toml:1:38");
    check(
        "provider = [{ name = 'a', models = ['m', { name = 'm' }] }]",
        "`provider[0].models[1].name` is `m`, which `provider[0].models[0]` already is at althing.toml:1:51",
    );
    let panels = "panel = [{ name = 'p', members = ['m'] }, { name = 'p', members = ['m'] }]";
    check(panels, "`panel[1].name` is `p`, the name of `panel[0]` too at althing.toml:1:52");
    let route = "route = [{ name = 'x', rules = [{ models = ['m'] }] }]\n";
    let panel = "panel = [{ name = 'x', members = ['m'] }]\n";
    check(&format!("{route}{panel}"), "`route[0].name` is `x`, the name of `panel[0]` too at althing.toml:1:19");
    let provider = "provider = [{ name = 'x' }]";
    check(&format!("{panel}{provider}"), "`panel[0].name` is `x`, the name of `provider[0]` too at althing.toml:1:19");
    for model in ["['x']", "[{ name = 'x' }]"] {
        let provider = format!("provider = [{{ name = 'a', models = {model} }}]");
        let expect = "`panel[0].name` is `x`, the name of `provider[0].models[0]` too at althing.toml:1:19";
        check(&format!("{panel}{provider}"), expect);
    }
    let full = "provider = [{ name = 'a', models = ['m'] }]\nroute = [{ name = 'a/m', rules = [{ models = ['m'] }] }]";
    check(full, "`route[0].name` is `a/m`, the name of `provider[0].models[0]` too at althing.toml:2:19");
    let shared = "provider = [{ name = 'a', models = ['m'] }, { name = 'b', models = ['m'] }]";
    assert!(read(shared).is_ok(), "two providers may offer the same model");
}

#[test]
fn numbers() {
    let bounds = [
        ("server.body_bytes_max", "1 to 1073741824"),
        ("server.header_read_ms", "1 to 86400000"),
        ("server.stream_max_ms", "1 to 86400000"),
        ("server.body_read_ms", "1 to 86400000"),
        ("server.connections_max", "1 to 1000000"),
        ("server.in_flight_max", "1 to 1000000"),
        ("server.deadline_ms", "1 to 86400000"),
        ("server.stream_idle_ms", "1 to 86400000"),
        ("server.n_max", "1 to 1024"),
        ("server.keepalive_first_ms", "1 to 86400000"),
        ("server.keepalive_ms", "1 to 86400000"),
        ("guard.attempts_max", "1 to 16"),
        ("guard.backoff_max_ms", "1 to 86400000"),
        ("guard.breaker_failures", "1 to 1000000"),
        ("guard.breaker_open_ms", "1 to 86400000"),
        ("balance.decay_ms", "1 to 86400000"),
        ("cache.ttl_s", "1 to 2678400"),
        ("cache.redis_connections_max", "1 to 10"),
        ("cache.redis_timeout_ms", "1 to 60000"),
        ("cache.entry_bytes_max", "1 to 1073741824"),
        ("cache.semantic.entries_max", "1 to 20000"),
        ("replicas.expected", "1 to 10000"),
    ];
    for (key, range) in bounds {
        let told = refusal(format!("{key} = 0"));
        assert!(told.starts_with(&format!("`{key}` is `0` at althing.toml:1:")), "{told}");
        assert!(told.ends_with(&format!("hint: write a whole number from {range}")), "{told}");
    }
    assert_eq!(refusal("server.drain_ms = 0"), "accepted");
    check("server.header_bytes_max = 8191", "`server.header_bytes_max` is `8191` at althing.toml:1:27");
    check("server.deadline_ms = 86400001", "`server.deadline_ms` is `86400001` at althing.toml:1:22");
    check("guard.retry_ratio = -0.1", "`guard.retry_ratio` is `-0.1` at althing.toml:1:21");
    check("guard.retry_min_per_s = nan", "`guard.retry_min_per_s` is `NaN` at althing.toml:1:25");
    check(
        "guard.backoff_base_ms = 9000",
        "`guard.backoff_base_ms` is `9000`, above `guard.backoff_max_ms`, which is `5000` at althing.toml:1:25",
    );
}

#[test]
fn numbers_of_providers() {
    let keys = ["in_flight_max", "timeout_ms", "connect_ms", "reply_bytes_max", "event_bytes_max", "breaker_failures"];
    for key in keys.into_iter().chain(["breaker_open_ms"]) {
        let told = first(&format!("[[provider]]\nname = 'p'\n{key} = 0"));
        assert!(told.starts_with(&format!("`provider[0].{key}` is `0` at althing.toml:3:")), "{told}");
    }
    assert_eq!(refusal("[[provider]]\nname = 'p'\nqueue_max = 0"), "accepted");
}

#[test]
fn headers() {
    let header = |header: &str| first(&format!("[[provider]]\nname = 'p'\nheaders = {{ {header} }}"));
    assert_eq!(header("X-Team = 'a'"), "accepted");
    let expect = "`provider[0].headers.\"a b\"` is not the name of a header at althing.toml:3:21";
    assert_eq!(header("'a b' = 'a'"), expect);
    assert_eq!(header("Host = 'a'"), "`provider[0].headers.Host` belongs to the connection at althing.toml:3:20");
    assert_eq!(
        header("x-team = \"a\\nb\""),
        "`provider[0].headers.x-team` has a value with line breaks or letters beyond ASCII at althing.toml:3:22"
    );
}

#[test]
fn secrets_are_never_repeated() {
    let literal = "sk-live-1234567890";
    let texts = [
        format!("[[provider]]\nname = 'p'\napi_key = '{literal}'"),
        format!("[[provider]]\nname = 'p'\napi_key = {literal}"),
        format!("[[provider]]\nname = 'p'\napi_key = ['{literal}']"),
        format!("[[provider]]\nname = 'p'\napi-key = '{literal}'"),
        format!("[[provider]]\nname = 'p'\nheaders = {{ Authorization = 'Bearer {literal}' }}"),
        format!("[[provider]]\nname = 'p'\nbase_url = 'https://u:{literal}@a.example'"),
        format!("[[provider]]\nname = 'p'\nbase_url = 'https://a.example?key={literal}'"),
        format!("[[provider]]\nname = 'p'\napi_key = 'env:{literal}'"),
    ];
    for text in texts {
        let told = refusal(&text);
        assert!(!told.contains(literal) && !told.contains("1234"), "{told}");
        assert!(told.contains("althing.toml:3:"), "{told}");
    }
    insta::assert_snapshot!(refusal("[[provider]]\napi_key = 'sk-1'"), @r#"
    `provider[0].api_key`: a secret must be a reference at althing.toml:2:11
      |
    2 | api_key = '**-*'
      |           ^^^^^^
    hint: write `env:NAME` or `file:PATH`
    "#);
}

#[test]
fn panels() {
    let panel = |rest: &str| first(&format!("[[panel]]\nname = 'p'\nmembers = ['m']\n{rest}"));
    assert_eq!(panel("agreement = 1"), "accepted");
    assert_eq!(panel("agreement = 0"), "`panel[0].agreement` is `0` at althing.toml:4:13");
    assert_eq!(panel("agreement = 1.01"), "`panel[0].agreement` is `1.01` at althing.toml:4:13");
    assert_eq!(panel("agreement = nan"), "`panel[0].agreement` is `NaN` at althing.toml:4:13");
    assert_eq!(panel("deadline_ms = 0"), "`panel[0].deadline_ms` is `0` at althing.toml:4:15");
    for (text, expect) in [
        ("judge = 'm'", "`panel[0].judge` is never asked, as `resolution` is `vote` at althing.toml:4:9"),
        (
            "resolution = 'vote'\njudge = 'm'",
            "`panel[0].judge` is never asked, as `resolution` is `vote` at althing.toml:5:9",
        ),
        ("resolution = 'judge'", "`panel[0].judge` is missing, and `resolution` asks for one at althing.toml:1:1"),
        ("resolution = 'arbiter'\njudge = 'm'", "accepted"),
        ("first = 1", "`panel[0].first` is `1` at althing.toml:4:9"),
    ] {
        assert_eq!(panel(text), expect, "{text}");
    }
    let first_of = |members: usize, first: usize| {
        refusal(format!("[[panel]]\nname = 'p'\nfirst = {first}\nmembers = [{}]", "'m',".repeat(members)))
    };
    for (members, first, expect) in [
        (3, 0, "hint: write 2 to 3, the number of members: nobody is of one mind alone"),
        (3, 1, "hint: write 2 to 3, the number of members: nobody is of one mind alone"),
        (3, 2, "accepted"),
        (3, 3, "accepted"),
        (3, 4, "hint: write 2 to 3, the number of members: nobody is of one mind alone"),
        (2, 1, "hint: write 2, the number of members: nobody is of one mind alone"),
        (1, 1, "hint: nobody agrees with nobody else, remove it"),
    ] {
        assert!(first_of(members, first).ends_with(expect), "{}", first_of(members, first));
    }
    check("[[panel]]\nname = 'p'", "`panel[0].members` is empty at althing.toml:1:1");
    check("[[panel]]\nname = 'p'\nmembers = []", "`panel[0].members` is empty at althing.toml:3:11");
    let members = |count: usize| format!("[[panel]]\nname = 'p'\nmembers = [{}]", "'m',".repeat(count));
    assert_eq!(refusal(members(64)), "accepted");
    check(&members(65), "`panel[0].members` has `65` entries at althing.toml:3:11");
}

#[test]
fn routes() {
    check("[[route]]\nname = 'r'", "`route[0].rules` is empty at althing.toml:1:1");
    let rules = |rules: &str| first(&format!("[[route]]\nname = 'r'\nrules = [{rules}]"));
    assert_eq!(rules("{}"), "`route[0].rules[0].models` is empty at althing.toml:3:10");
    assert_eq!(
        rules("{ models = ['m', ''] }"),
        "`route[0].rules[0].models[1]` is missing or empty at althing.toml:3:27"
    );
    assert_eq!(
        rules("{ models = ['m'], when = { prompt_chars_min = 2, prompt_chars_max = 1 } }"),
        "`route[0].rules[0].when.prompt_chars_min` is `2`, above `prompt_chars_max`, which is `1` at althing.toml:3:56"
    );
    let when = |when: &str| rules(&format!("{{ models = ['m'], when = {{ {when} }} }}"));
    for (text, expect) in [
        ("share = 0.5, complexity_min = 0.2, complexity_below = 0.3, tags = ['a', 'b'], class = 'low'", "accepted"),
        ("share = 1.1", "`route[0].rules[0].when.share` is `1.1` at althing.toml:3:45"),
        ("complexity_below = nan", "`route[0].rules[0].when.complexity_below` is `NaN` at althing.toml:3:56"),
        (
            "complexity_min = 0.5, complexity_below = 0.5",
            "`route[0].rules[0].when.complexity_min` is `0.5`, not below `complexity_below`, which is `0.5` \
             at althing.toml:3:54",
        ),
        ("tags = ['a', '']", "`route[0].rules[0].when.tags[1]` is missing or empty at althing.toml:3:50"),
        ("tags = ['a,b']", "`route[0].rules[0].when.tags[0]` is `a,b`, with a comma in it at althing.toml:3:45"),
        ("tags = ['a b']", "`route[0].rules[0].when.tags[0]` is `a b`, with white space in it at althing.toml:3:45"),
    ] {
        assert_eq!(when(text), expect, "{text}");
    }
    let shares = |shares: &[f64]| {
        let rule = |share: &f64| format!("{{ models = ['m'], when = {{ share = {share} }} }},\n");
        first(&format!("[[route]]\nname = 'r'\nrules = [\n{}]", shares.iter().map(rule).collect::<String>()))
    };
    assert_eq!(shares(&[0.5, 0.5]), "accepted");
    assert_eq!(shares(&[1.0 / 3.0, 1.0 / 3.0, 0.333_333_4]), "accepted");
    assert_eq!(
        shares(&[0.5, 0.3, 0.3, 0.2]),
        "`route[0].rules[2].when.share` makes the shares of the route's rules `1.1` together at althing.toml:6:36"
    );
    let many = when(&format!("tags = [{}]", "'t',".repeat(17)));
    assert_eq!(many, "`route[0].rules[0].when.tags` has `17` entries at althing.toml:3:44");
    assert_eq!(
        rules("{ models = [{ model = 'm', weight = 0 }] }"),
        "`route[0].rules[0].models[0].weight` is `0` at althing.toml:3:46"
    );
    assert_eq!(
        rules("{ models = ['m'], latency_ms_max = 0 }"),
        "`route[0].rules[0].latency_ms_max` is `0` at althing.toml:3:45"
    );
    assert_eq!(rules(&"{ models = ['m'] },".repeat(65)), "`route[0].rules` has `65` entries at althing.toml:3:9");
}

#[test]
fn classes_and_health_checks() {
    insta::assert_snapshot!(refusal("[guard]\nshed_low = 0.96"), @r#"
    `guard.shed_low` is `0.96`, above `guard.shed_normal`, which is `0.95` at althing.toml:2:12
      |
    2 | shed_low = 0.96
      |            ^^^^
    hint: requests of the class `low` are turned away first, make it the smaller number
    "#);
    insta::assert_snapshot!(refusal("[balance]\nhealth_check_ms = 999"), @r#"
    `balance.health_check_ms` is `999` at althing.toml:2:19
      |
    2 | health_check_ms = 999
      |                   ^^^
    hint: write 0 for no checks, or a whole number from 1000 to 86400000
    "#);
    for (text, expect) in [
        (
            "guard.shed_normal = 0.7",
            "`guard.shed_low` is `0.8`, above `guard.shed_normal`, which is `0.7` at althing.toml:1:1",
        ),
        ("guard = { shed_low = 0.7, shed_normal = 0.7 }", "accepted"),
        ("guard.critical_tenants = ['clinic', ' ']", "`guard.critical_tenants[1]` is empty at althing.toml:1:37"),
        ("guard.critical_tenants = ['Acme Ltd']", "accepted"),
        ("balance.health_check_ms = 0", "accepted"),
        ("balance.health_check_ms = 1000", "accepted"),
        ("balance.health_check_ms = 86400001", "`balance.health_check_ms` is `86400001` at althing.toml:1:27"),
    ] {
        check(text, expect);
    }
}

#[test]
fn what_similar_questions_are_found_by() {
    let semantic = |text: &str| {
        let providers = "[[provider]]\nname = 'open'\n[[provider]]\nname = 'p'\nmodels = ['embed', 'org/deep']";
        first(&format!("cache.semantic = {{ {text} }}\n{providers}"))
    };
    for (text, expect) in [
        ("model = 'p/embed'", "accepted"),
        ("model = 'p/org/deep'", "accepted"),
        ("model = 'open/anything'", "accepted"),
        ("model = 'p/other'", "`cache.semantic.model` is `p/other`, which `p` does not list at althing.toml:1:28"),
        (
            "model = 'q/embed'",
            "`cache.semantic.model` names the provider `q`, which does not exist at althing.toml:1:28",
        ),
        (
            "model = 'embed'",
            "`cache.semantic.model` is `embed`, which is not of the form `provider/model` at althing.toml:1:28",
        ),
        (
            "model = '/embed'",
            "`cache.semantic.model` is `/embed`, which is not of the form `provider/model` at althing.toml:1:28",
        ),
        (
            "model = 'p/'",
            "`cache.semantic.model` is `p/`, which is not of the form `provider/model` at althing.toml:1:28",
        ),
        ("similarity = 1.01", "`cache.semantic.similarity` is `1.01` at althing.toml:1:33"),
        ("similarity = -0.1", "`cache.semantic.similarity` is `-0.1` at althing.toml:1:33"),
        ("verify = 1.5", "`cache.semantic.verify` is `1.5` at althing.toml:1:29"),
        ("verify = 0", "`cache.semantic.verify` is `0` at althing.toml:1:29"),
        ("errors_max = 2", "`cache.semantic.errors_max` is `2` at althing.toml:1:33"),
        ("errors_max = -1", "`cache.semantic.errors_max` is `-1` at althing.toml:1:33"),
        ("entries_max = 0", "`cache.semantic.entries_max` is `0` at althing.toml:1:34"),
    ] {
        assert_eq!(semantic(text), expect, "{text}");
    }
    assert_eq!(first("cache.semantic.model = 'p/embed'"), "accepted", "providers may be found at the start");
}

#[test]
fn lists_end_somewhere() {
    let check = |text: String, count: usize| {
        let told = first(&text);
        assert!(told.contains(&format!("has `{count}` entries")), "{told}");
    };
    let providers: String = (0..257).map(|index| format!("[[provider]]\nname = 'p{index}'\n")).collect();
    check(providers, 257);
    let models: String = (0..4097).map(|index| format!("'m{index}',")).collect();
    check(format!("[[provider]]\nname = 'p'\nmodels = [{models}]"), 4097);
    let headers: String = (0..257).map(|index| format!("h{index} = '',")).collect();
    check(format!("[[provider]]\nname = 'p'\nheaders = {{ {headers} }}"), 257);
    check(format!("server.allowed_hosts = [{}]", "'h',".repeat(257)), 257);
    check(format!("server.allowed_origins = [{}]", "'http://h',".repeat(257)), 257);
    check(format!("panel = [{}]", "{},".repeat(257)), 257);
    check(format!("route = [{}]", "{},".repeat(257)), 257);
    let models = "'m',".repeat(65);
    check(format!("[[route]]\nname = 'r'\nrules = [{{ models = [{models}] }}]"), 65);
}

#[test]
fn every_problem_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("althing.toml");
    std::fs::write(&path, "server.bind = 'x'\nserver.n_max = 0\n[[panel]]").unwrap();
    let source = Source { file: Some(path.clone()), ..Source::default() };
    let found = problems(&source);
    assert_eq!(found.len(), 4, "{found:?}");
    assert!(found.iter().all(|error| error.kind() == Kind::Semantics && error.param().is_some()));
    std::fs::write(&path, "").unwrap();
    assert!(problems(&source).is_empty());
}

#[test]
fn values_of_profiles_are_blamed_on_the_profile() {
    let source = |name: &str| Source { profile: Some(name.to_owned()), ..Source::default() };
    let text = "[server]\nn_max = 1\n[profile.p.server]\nn_max = 0";
    let error = super::read_with(text, source("p")).unwrap_err();
    assert!(told(&error).starts_with("`server.n_max` is `0` at althing.toml:4:9"), "{error}");
    assert!(super::read_with(text, source("dev")).is_ok(), "a profile that is not chosen is not judged");
}

#[test]
fn what_would_lead_elsewhere_or_mean_nothing_is_told_with_its_place() {
    insta::assert_snapshot!(refusal("[[provider]]\nname = 'a'\naws = { region = '@evil.example' }"), @r#"
    `provider[0].aws.region` is `@evil.example`, not a region at althing.toml:3:18
      |
    3 | aws = { region = '@evil.example' }
      |                  ^^^^^^^^^^^^^^^
    hint: write it like `eu-central-1`
    "#);
    for (text, expect) in [
        (
            "aws = { region = 'x.evil.example/' }",
            "`provider[0].aws.region` is `x.evil.example/`, not a region at althing.toml:3:18",
        ),
        ("aws = { region = '' }", "`provider[0].aws.region` is ``, not a region at althing.toml:3:18"),
        ("aws = { profile = ' ' }", "`provider[0].aws.profile` is empty at althing.toml:3:19"),
        (
            "models = [{ name = 'm', price = { long = { input = 1 } } }]",
            "`provider[0].models[0].price.long.above_tokens` is `0` at althing.toml:3:42",
        ),
        ("[alias]\n'a*b' = 'a/m'", "`alias.\"a*b\"` has a `*` before its end at althing.toml:4:9"),
        ("[alias]\n'a**' = 'a/m'", "`alias.\"a**\"` has a `*` before its end at althing.toml:4:9"),
        ("aws = { region = 'us-gov-west-1', profile = 'my own' }\n[alias]\n'*' = 'a/m'\n'a*' = 'a/m'", "accepted"),
    ] {
        check(&format!("[[provider]]\nname = 'a'\n{text}"), expect);
    }
}
