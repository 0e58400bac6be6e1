//! Precedence, origins, positions and the words of what is refused before its meaning is judged.

use super::{env, read, read_with, refusal, told};
use crate::{FILE_BYTES_MAX, OnDisagreement, Origin, PROFILES, Settings, Source, load, problems, show, to_json};
use fault::{Explain, Kind};

const WHOLE: &str = r#"
[server]
bind = "0.0.0.0:9000"
allowed_hosts = ["a.example"]

[server.tls]
cert = "tls/cert.pem"
key = "tls/key.pem"

[store]
url = "env:DATABASE_URL"
replica_url = "file:/run/secrets/replica"
backup_every_h = 24

[access]
secret = "env:ALTHING_SECRET"
rpm = 600

[access.oidc]
issuer = "https://id.example/"
audience = "althing"
role = "user"

[budget]
usd_per_day = 100
request_usd_max = "0.50"

[ledger]
prompts = true

[flag.terse]
percent = 12.5

[flag."new.search"]
split = { new = 25, old = 75 }

[[provider]]
name = "openai"
base_url = "https://api.openai.com/v1"
api_key = "env:OPENAI_API_KEY"
family = "gpt"
headers = { OpenAI-Organization = "org" }
models = ["gpt-4o", { name = "mini", upstream_name = "gpt-4o-mini", price = { input = 0.15, output = "0.60", cached = 0.01 }, output_tokens_max = 16384 }]

[[provider]]
name = "play"
kind = "scripted"
models = [{ name = "ash", script = { says = ["yes", "no"], latency_ms = 5 } }]

[[panel]]
name = "quorum"
members = ["gpt-4o", { model = "play/ash", weight = 0.5 }]
cost_usd_max = 0.02
on_disagreement = "plurality"

[[route]]
name = "auto"
rules = [{ when = { tools = true, flag = "new.search=new", prompt_chars_max = 400 }, models = ["gpt-4o"] }, { models = ["mini", "ash"] }]

[profile.tiny.server]
connections_max = 2
[[profile.tiny.panel]]
name = "alone"
members = ["ash"]
"#;

#[test]
fn without_a_source_everything_is_a_default() {
    let loaded = load(&Source::default()).unwrap();
    assert_eq!(loaded.settings, Settings::default());
    assert_eq!(loaded.settings.server.bind, "127.0.0.1:8700");
    assert_eq!(loaded.settings.server.body_bytes_max, 16 << 20);
    assert_eq!(loaded.settings.guard.attempts_max, 2);
    assert!(loaded.origins.len() > 20);
    assert!(loaded.origins.values().all(|origin| *origin == Origin::Default));
    assert!(loaded.file.is_none());
    assert_eq!(read("").unwrap().settings, Settings::default());
    assert_eq!(read("\u{feff}[server]\n").unwrap().settings, Settings::default());
}

#[test]
fn reads_every_shape() {
    let settings = read(WHOLE).unwrap().settings;
    let [openai, play] = &settings.provider[..] else { panic!("two providers") };
    assert_eq!((openai.kind.as_str(), play.kind.as_str()), ("openai", "scripted"));
    assert_eq!(openai.api_key.as_ref().unwrap().to_string(), "env:OPENAI_API_KEY");
    assert_eq!(openai.models[0].name, "gpt-4o");
    let price = openai.models[1].price.as_ref().unwrap();
    assert_eq!((price.input.as_str(), price.output.as_str()), ("0.15", "0.60"));
    assert_eq!(play.models[0].script.as_ref().unwrap()["latency_ms"].as_integer(), Some(5));
    assert_eq!((openai.in_flight_max, openai.queue_max, openai.breaker_failures), (None, 1_024, None));
    let panel = &settings.panel[0];
    assert_eq!((panel.members[0].weight, panel.members[1].weight), (1.0, 0.5));
    assert_eq!((panel.agreement, panel.on_disagreement), (0.6, OnDisagreement::Plurality));
    assert_eq!(panel.cost_usd_max.as_ref().unwrap().as_str(), "0.02");
    assert_eq!(settings.route[0].rules[0].when.as_ref().unwrap().tools, Some(true));
    assert!(settings.route[0].rules[1].when.is_none());
}

#[test]
fn reads_every_section() {
    let settings = read(WHOLE).unwrap().settings;
    assert_eq!(settings.server.tls.as_ref().unwrap().key, std::path::Path::new("tls/key.pem"));
    assert_eq!(settings.store.url.as_ref().unwrap().to_string(), "env:DATABASE_URL");
    assert_eq!((settings.store.backup_every_h, settings.store.pool_max), (24, 10));
    let oidc = settings.access.oidc.as_ref().unwrap();
    assert_eq!((oidc.issuer.as_str(), oidc.tenant_claim.as_str()), ("https://id.example/", "tenant"));
    assert_eq!((settings.access.rpm, settings.access.key_cache_ms), (Some(600), 5_000));
    let amounts = [&settings.budget.usd_per_day, &settings.budget.request_usd_max, &settings.budget.key_usd_per_day];
    assert_eq!(amounts.map(|amount| amount.as_ref().map(crate::Usd::as_str)), [Some("100"), Some("0.50"), None]);
    assert!(settings.ledger.prompts);
    assert_eq!(settings.flag["terse"].percent, Some(12.5));
    assert_eq!(settings.flag["new.search"].split["old"], 75.0);
    let mini = &settings.provider[0].models[1];
    assert_eq!(mini.price.as_ref().unwrap().cached.as_ref().unwrap().as_str(), "0.01");
    assert_eq!(mini.output_tokens_max, Some(16_384));
    assert_eq!(settings.route[0].rules[0].when.as_ref().unwrap().flag.as_deref(), Some("new.search=new"));
}

#[test]
fn what_is_written_back_means_the_same() {
    let settings = read(WHOLE).unwrap().settings;
    let again = read(toml::to_string(&settings).unwrap()).unwrap().settings;
    assert_eq!(again, settings);
}

#[test]
fn later_layers_win_and_say_so() {
    let file = "[server]\nbind = 'file:1'\nn_max = 1\ndrain_ms = 1\nconnections_max = 1\n\
                [profile.p.server]\nn_max = 2\ndrain_ms = 2\nconnections_max = 2";
    let source = Source {
        profile: Some("p".to_owned()),
        env: vec![
            ("ALTHING__SERVER__DRAIN_MS".to_owned(), "3".to_owned()),
            ("ALTHING__SERVER__CONNECTIONS_MAX".to_owned(), "3".to_owned()),
            ("UNRELATED".to_owned(), "3".to_owned()),
        ],
        flags: vec![("server.connections_max".to_owned(), toml::Value::Integer(4))],
        ..Source::default()
    };
    let loaded = read_with(file, source).unwrap();
    let server = &loaded.settings.server;
    assert_eq!((server.bind.as_str(), server.n_max, server.drain_ms, server.connections_max), ("file:1", 2, 3, 4));
    let origin = |path: &str| loaded.origins[path].clone();
    assert_eq!(origin("server.bind"), Origin::File(loaded.file.clone().unwrap(), 2));
    assert_eq!(origin("server.n_max"), Origin::Profile("p".to_owned()));
    assert_eq!(origin("server.drain_ms"), Origin::Env("ALTHING__SERVER__DRAIN_MS".to_owned()));
    assert_eq!(origin("server.connections_max"), Origin::Flag);
    assert_eq!(origin("server.deadline_ms"), Origin::Default);
}

#[test]
fn origins_reach_into_lists() {
    let loaded = read(WHOLE).unwrap();
    let line = |path: &str| match &loaded.origins[path] {
        Origin::File(_, line) => WHOLE.lines().nth(line - 1).unwrap(),
        other => panic!("{path}: {other}"),
    };
    assert!(line("provider[0].models[0]").starts_with("models = [\"gpt-4o\""));
    assert!(line("provider[0].models[1].price.input").starts_with("models = [\"gpt-4o\""));
    assert_eq!(line("provider[1].kind"), "kind = \"scripted\"");
    assert!(line("panel[0].members[1].weight").starts_with("members = "));
    assert_eq!(line("server.tls.key"), "key = \"tls/key.pem\"");
    assert_eq!(line("access.oidc.role"), "role = \"user\"");
    assert_eq!(line("flag.\"new.search\".split.new"), "split = { new = 25, old = 75 }");
    assert_eq!(loaded.origins["access.oidc.leeway_s"], Origin::Default);
    assert_eq!(loaded.origins["provider[1].queue_max"], Origin::Default);
}

#[test]
fn well_known_profiles_need_no_table() {
    for name in PROFILES {
        let source = Source { profile: Some(name.to_owned()), ..Source::default() };
        let Settings { server, store, .. } = load(&source).unwrap().settings;
        let expected = if name == "high-scale" { (16_384, 8_192, 25) } else { (4_096, 1_024, 10) };
        assert_eq!((server.connections_max, server.in_flight_max, store.pool_max), expected, "{name}");
    }
    let source = Source { profile: Some("high-scale".to_owned()), ..Source::default() };
    let loaded = read_with("profile.high-scale.server.in_flight_max = 9", source.clone()).unwrap();
    let Settings { server, store, .. } = &loaded.settings;
    assert_eq!((server.connections_max, server.in_flight_max, store.pool_max), (16_384, 9, 25));
    assert_eq!(loaded.origins["store.pool_max"], Origin::Profile("high-scale".to_owned()));
    let crowded = told(&read_with("store.pool_min = 30\nstore.pool_max = 40", source).unwrap_err());
    assert!(crowded.starts_with("`store.pool_min` is `30`, above `store.pool_max`, which is `25` at "), "{crowded}");
}

#[test]
fn well_known_profiles_size_decisions() {
    for (profile, sizes, deadline_s, retries, breaker) in [
        (None, [100, 3_600, 300, 10, 20], 120, 3, 5),
        (Some("dev"), [10, 1_800, 300, 3, 5], 60, 1, 0),
        (Some("prod"), [500, 3_600, 180, 10, 20], 120, 3, 5),
        (Some("high-scale"), [2_000, 1_800, 60, 20, 50], 180, 2, 3),
    ] {
        let source = || Source { profile: profile.map(str::to_owned), ..Source::default() };
        let of = load(&source()).unwrap().settings.decisions;
        let found = [
            of.sessions_max as u64,
            of.session_ttl_s,
            of.sweep_s,
            of.criterion_in_flight_max as u64,
            of.in_flight_max as u64,
        ];
        assert_eq!(found, sizes, "{profile:?}");
        let found = (of.pair_deadline_ms / 1_000, of.retries_max, of.breaker_failures);
        assert_eq!(found, (deadline_s, retries, breaker), "{profile:?}");
        let Some(name) = profile else { continue };
        let file = format!("[profile.{name}.decisions]\nretries_max = 9");
        let of = read_with(&file, source()).unwrap().settings.decisions;
        assert_eq!((of.retries_max, of.sessions_max as u64), (9, sizes[0]), "{name}: what the file says wins");
    }
}

#[test]
fn a_profile_replaces_lists_and_others_are_left_alone() {
    let source = Source { profile: Some("tiny".to_owned()), ..Source::default() };
    let loaded = read_with(WHOLE, source).unwrap();
    assert_eq!(loaded.settings.panel.len(), 1);
    assert_eq!(loaded.settings.panel[0].name, "alone");
    assert_eq!(loaded.origins["panel[0].name"], Origin::Profile("tiny".to_owned()));
    assert!(!loaded.origins.contains_key("panel[0].cost_usd_max"));
    assert_eq!(loaded.settings.provider.len(), 2);
    assert!(loaded.settings.profile.contains_key("tiny"));
}

#[test]
fn unknown_profiles_are_refused_with_the_nearest() {
    let ask = |name: &str| {
        let source = Source { profile: Some(name.to_owned()), ..Source::default() };
        told(&read_with(WHOLE, source).unwrap_err())
    };
    assert_eq!(ask("prd"), "unknown profile `prd`\nhint: did you mean `prod`?");
    assert_eq!(ask("zzz"), "unknown profile `zzz`\nhint: known profiles are `dev`, `high-scale`, `prod`, `tiny`");
}

#[test]
fn unknown_keys_are_refused_where_they_stand() {
    insta::assert_snapshot!(refusal("\n[server]\nbnid = 'x:1'\n"), @r#"
    unknown key `bnid` in `server` at althing.toml:3:1
      |
    3 | bnid = 'x:1'
      | ^^^^
    hint: did you mean `bind`?
    "#);
    insta::assert_snapshot!(refusal("[servr]\nbind = 'x:1'"), @r#"
    unknown key `servr` at althing.toml:1:2
      |
    1 | [servr]
      |  ^^^^^
    hint: did you mean `server`?
    "#);
    insta::assert_snapshot!(refusal("[[panel]]\nname = 'p'\nmembers = ['a', { model = 'b', wieght = 2 }]"), @r#"
    unknown key `wieght` in `panel[0].members[1]` at althing.toml:3:32
      |
    3 | members = ['a', { model = 'b', wieght = 2 }]
      |                                ^^^^^^
    hint: did you mean `weight`?
    "#);
    insta::assert_snapshot!(refusal("[[provider]]\nname='p'\nmodels = [{ name = 'm', price = { in = 1 } }]"), @r#"
    unknown key `in` in `provider[0].models[0].price` at althing.toml:3:35
      |
    3 | models = [{ name = 'm', price = { in = 1 } }]
      |                                   ^^
    hint: did you mean `input`?
    "#);
    insta::assert_snapshot!(refusal("[profile.dev.guard]\n  attempts = 1"), @r#"
    unknown key `attempts` in `profile.dev.guard` at althing.toml:2:3
      |
    2 |   attempts = 1
      |   ^^^^^^^^
    hint: did you mean `attempts_max`?
    "#);
    insta::assert_snapshot!(refusal("zebra = 1"), @r#"
    unknown key `zebra` at althing.toml:1:1
      |
    1 | zebra = 1
      | ^^^^^
    hint: known keys are `server`, `guard`, `balance`, `cache`, `replicas`, `store`, `access`, `budget`, `ledger`, `embed`, `search`, `tools`, `decisions`, `flag`, `provider`, `panel`, `route`, `alias`, `profile`
    "#);
}

#[test]
fn wrong_types_are_refused_where_they_stand() {
    insta::assert_snapshot!(refusal("[server]\nn_max = 'many'"), @r#"
    `server.n_max` must be a whole number from 0 to 4294967295, not the string `many` at althing.toml:2:9
      |
    2 | n_max = 'many'
      |         ^^^^^^
    "#);
    insta::assert_snapshot!(refusal("[server]\nn_max = -1"), @r#"
    `server.n_max` must be a whole number from 0 to 4294967295, not the integer `-1` at althing.toml:2:9
      |
    2 | n_max = -1
      |         ^^
    "#);
    insta::assert_snapshot!(refusal("[server]\nn_max = 1.5"), @r#"
    `server.n_max` must be a whole number from 0 to 4294967295, not the number `1.5` at althing.toml:2:9
      |
    2 | n_max = 1.5
      |         ^^^
    "#);
    insta::assert_snapshot!(refusal("server = 1"), @r#"
    `server` must be a table, not the integer `1` at althing.toml:1:10
      |
    1 | server = 1
      |          ^
    "#);
    for list in ["server = ['a:1']", "[profile.p]\nserver = ['a:1']", "provider = [['p', 'openai']]"] {
        let told = refusal(list);
        assert!(told.contains("` must be a table, not a list at althing.toml:"), "{told}");
    }
    let price = refusal("provider = [{ name = 'p', models = [{ name = 'm', price = [1, 2] }] }]");
    assert!(
        price.starts_with("`provider[0].models[0].price` must be a table, not a list at althing.toml:1:59"),
        "{price}"
    );
    insta::assert_snapshot!(refusal("panel = { name = 'p' }"), @r#"
    `panel` must be a list, not a table at althing.toml:1:9
      |
    1 | panel = { name = 'p' }
      |         ^^^^^^^^^^^^^^
    "#);
}

#[test]
fn wrong_entries_are_refused_where_they_stand() {
    insta::assert_snapshot!(refusal("[[panel]]\nmembers = ['a', 7]"), @r#"
    `panel[0].members[1]` must be the name of a model or a table, not the integer `7` at althing.toml:2:17
      |
    2 | members = ['a', 7]
      |                 ^
    "#);
    insta::assert_snapshot!(refusal("[[panel]]\non_disagreement = 'lst'"), @r#"
    `panel[0].on_disagreement` must be one of `list`, `plurality`, `error`, not `lst` at althing.toml:2:19
      |
    2 | on_disagreement = 'lst'
      |                   ^^^^^
    hint: did you mean `list`?
    "#);
    insta::assert_snapshot!(refusal("[[panel]]\ncost_usd_max = -0.5"), @r#"
    `panel[0].cost_usd_max`: `-0.5` is not an amount of US dollars at althing.toml:2:16
      |
    2 | cost_usd_max = -0.5
      |                ^^^^
    hint: write digits with an optional fraction such as `0.15`
    "#);
    insta::assert_snapshot!(refusal("[profile]\ndev = 3"), @r#"
    `profile.dev` must be a table, not the integer `3` at althing.toml:2:7
      |
    2 | dev = 3
      |       ^
    "#);
    insta::assert_snapshot!(refusal("[profile.dev.profile.dev]"), @r#"
    `profile.dev` has profiles of its own at althing.toml:1:14
      |
    1 | [profile.dev.profile.dev]
      |              ^^^^^^^
    hint: profiles do not nest, write `[profile.NAME]`
    "#);
}

#[test]
fn text_that_is_not_toml_is_refused_where_it_stops() {
    insta::assert_snapshot!(refusal("[server]\nbind = \n"), @r#"
    not valid TOML: string values must be quoted, expected literal string at althing.toml:2:8
      |
    2 | bind =
      |        ^
    hint: write text in quotes, as in `bind = "127.0.0.1:8700"`
    "#);
    insta::assert_snapshot!(refusal("[server]\nbind = 'a:1'\nbind = 'b:2'"), @r#"
    not valid TOML: duplicate key at althing.toml:3:1
      |
    3 | bind = 'b:2'
      | ^^^^
    hint: a key or a table may stand only once, leave one of them out
    "#);
    insta::assert_snapshot!(refusal("[server]\nbind = nothing"), @r#"
    not valid TOML: invalid float, expected `nan` at althing.toml:2:8
      |
    2 | bind = nothing
      |        ^^^^^^^
    hint: write text in quotes, as in `bind = "127.0.0.1:8700"`
    "#);
    insta::assert_snapshot!(refusal(b"[server]\nbind = '\xff'"), @r#"
    not valid TOML: a byte that is not UTF-8 at althing.toml:2:9
      |
    2 | bind = '�'
      |         ^
    "#);
    insta::assert_snapshot!(refusal("a = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"), @r#"
    more than 32 tables and lists inside one another at althing.toml:1:37
      |
    1 | a = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
      |                                     ^^^^
    "#);
}

#[test]
fn files_that_cannot_be_read_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let source = |path: &std::path::Path| Source { file: Some(path.to_owned()), ..Source::default() };
    let missing = load(&source(&folder.path().join("no.toml"))).unwrap_err();
    assert_eq!((missing.kind(), missing.code()), (Kind::NotFound, "settings_missing"));
    assert!(missing.to_string().starts_with("no settings file at `/"));
    let unreadable = load(&source(folder.path())).unwrap_err();
    assert_eq!(unreadable.kind(), Kind::Unavailable);
    let large = folder.path().join("large.toml");
    std::fs::write(&large, vec![b'#'; FILE_BYTES_MAX as usize]).unwrap();
    assert!(load(&source(&large)).is_ok());
    std::fs::write(&large, vec![b'#'; FILE_BYTES_MAX as usize + 1]).unwrap();
    assert_eq!(load(&source(&large)).unwrap_err().kind(), Kind::TooLarge);
    assert_eq!(problems(&source(&large)).len(), 1);
}

#[test]
fn variables_are_read_as_toml_where_that_fits_and_else_as_text() {
    let read = |name: &str, value: &str| load(&env(name, value)).map(|loaded| loaded.settings.server);
    assert_eq!(read("ALTHING__SERVER__BIND", "a:1").unwrap().bind, "a:1");
    assert_eq!(read("ALTHING__server__Bind", "'a:1'").unwrap().bind, "a:1");
    assert_eq!(read("ALTHING__SERVER__N_MAX", "7").unwrap().n_max, 7);
    assert_eq!(read("ALTHING__SERVER__ALLOWED_HOSTS", "['a', \"b\"]").unwrap().allowed_hosts, ["a", "b"]);
    let networks = read("ALTHING__SERVER__TRUSTED_PROXIES", "['10.0.0.0/8']").unwrap().trusted_proxies;
    assert_eq!(networks, ["10.0.0.0/8"]);
    let url = read("ALTHING__SERVER__PUBLIC_URL", "12").unwrap_err();
    assert_eq!(
        told(&url),
        "`server.public_url` has no scheme from the variable `ALTHING__SERVER__PUBLIC_URL`\n\
         hint: write `https://host/path` or `http://host:port/path`"
    );
}

#[test]
fn variables_reach_into_nested_tables() {
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let env = vec![
        set("ALTHING__SERVER__TLS__CERT", "/run/tls/cert.pem"),
        set("ALTHING__SERVER__TLS__KEY", "12"),
        set("ALTHING__ACCESS__OIDC__ISSUER", "https://id.example"),
        set("ALTHING__ACCESS__OIDC__AUDIENCE", "althing"),
        set("ALTHING__BUDGET__USD_PER_DAY", "2.50"),
    ];
    let loaded = load(&Source { env, ..Source::default() }).unwrap();
    let tls = loaded.settings.server.tls.as_ref().unwrap();
    assert_eq!((tls.cert.to_str().unwrap(), tls.key.to_str().unwrap()), ("/run/tls/cert.pem", "12"));
    let oidc = loaded.settings.access.oidc.as_ref().unwrap();
    assert_eq!((oidc.issuer.as_str(), oidc.audience.as_str()), ("https://id.example", "althing"));
    assert_eq!(loaded.settings.budget.usd_per_day.as_ref().unwrap().as_str(), "2.5");
    assert_eq!(loaded.origins["server.tls.cert"].to_string(), "env ALTHING__SERVER__TLS__CERT");
    assert_eq!(loaded.origins["access.oidc.role_claim"], Origin::Default);
    let half = told(&load(&super::env("ALTHING__SERVER__TLS__CERT", "cert.pem")).unwrap_err());
    assert!(half.starts_with("`server.tls.key` is missing or empty from the variable `ALTHING__SERVER__TLS__CERT`"));
    let over = read_with(WHOLE, super::env("ALTHING__ACCESS__OIDC__ISSUER", "http://127.0.0.1:8800")).unwrap();
    let oidc = over.settings.access.oidc.unwrap();
    assert_eq!((oidc.issuer.as_str(), oidc.audience.as_str()), ("http://127.0.0.1:8800", "althing"));
}

#[test]
fn wrong_variables_are_refused_by_name() {
    let refusal = |name: &str, value: &str| told(&load(&env(name, value)).unwrap_err());
    insta::assert_snapshot!(refusal("ALTHING__SERVER__BNID", "a:1"), @r#"
    unknown key `bnid` in `server` from the variable `ALTHING__SERVER__BNID`
    hint: did you mean `bind`?
    "#);
    insta::assert_snapshot!(refusal("ALTHING__SERVRE__BIND", "a:1"), @r#"
    unknown key `servre` from the variable `ALTHING__SERVRE__BIND`
    hint: did you mean `server`?
    "#);
    insta::assert_snapshot!(refusal("ALTHING__SERVER__N_MAX", "many"), @r#"
    `server.n_max` must be a whole number from 0 to 4294967295, not the string `many` from the variable `ALTHING__SERVER__N_MAX`
    "#);
    insta::assert_snapshot!(refusal("ALTHING__SERVER__N_MAX", "1.5"), @r#"
    `server.n_max` must be a whole number from 0 to 4294967295, not the number `1.5` from the variable `ALTHING__SERVER__N_MAX`
    "#);
    insta::assert_snapshot!(refusal("ALTHING__SERVER__N_MAX", "1\nbind = 2"), @r#"
    `server.n_max` must be a whole number from 0 to 4294967295, not the string `1\nbind = 2` from the variable `ALTHING__SERVER__N_MAX`
    "#);
    insta::assert_snapshot!(refusal("ALTHING__SERVER", "{ bind = 'a:1' }"), @r#"
    a whole section cannot be overridden from the variable `ALTHING__SERVER`
    hint: write `ALTHING__SECTION__KEY`
    "#);
    insta::assert_snapshot!(refusal("ALTHING__SERVER__", "1"), @r#"
    a key without a name from the variable `ALTHING__SERVER__`
    hint: name a section and a key of it
    "#);
    insta::assert_snapshot!(refusal("ALTHING__PROVIDER__0__NAME", "x"), @r#"
    `provider` cannot be overridden from the variable `ALTHING__PROVIDER__0__NAME`
    hint: set it in the settings file, a variable only changes single keys of a section
    "#);
    insta::assert_snapshot!(refusal("ALTHING__FLAG__TERSE__ON", "true"), @r#"
    `flag` cannot be overridden from the variable `ALTHING__FLAG__TERSE__ON`
    hint: set it in the settings file, a variable only changes single keys of a section
    "#);
    insta::assert_snapshot!(refusal("ALTHING__SERVER__TLS__CRT", "a"), @r#"
    unknown key `crt` in `server.tls` from the variable `ALTHING__SERVER__TLS__CRT`
    hint: did you mean `cert`?
    "#);
    insta::assert_snapshot!(refusal("ALTHING__SERVER__BIND", "nowhere"), @r#"
    `server.bind` is `nowhere`, not an address from the variable `ALTHING__SERVER__BIND`
    hint: write `host:port`, such as `127.0.0.1:8700` or `[::1]:8700`
    "#);
}

#[test]
fn flags_set_single_values_and_whole_lists() {
    let flag = |path: &str, value: &str| Source {
        flags: vec![(path.to_owned(), value.parse().unwrap())],
        ..Source::default()
    };
    let loaded = load(&flag("provider", "[{ name = 'p', kind = 'scripted', models = ['m'] }]")).unwrap();
    assert_eq!(loaded.settings.provider[0].kind, "scripted");
    assert_eq!(loaded.origins["provider[0].models"], Origin::Flag);
    let refusal = |path: &str, value: &str| told(&load(&flag(path, value)).unwrap_err());
    insta::assert_snapshot!(refusal("server.bnid", "1"), @r#"
    unknown key `bnid` in `server` from the flag for `server.bnid`
    hint: did you mean `bind`?
    "#);
    insta::assert_snapshot!(refusal("server.bind", "1"), @r#"
    `server.bind` must be a string, not the integer `1` from the flag for `server.bind`
    "#);
    insta::assert_snapshot!(refusal("server.bind", "'x'"), @r#"
    `server.bind` is `x`, not an address from the flag for `server.bind`
    hint: write `host:port`, such as `127.0.0.1:8700` or `[::1]:8700`
    "#);
    insta::assert_snapshot!(refusal("", "1"), @r#"
    a key without a name from the flag for ``
    hint: name a section and a key of it
    "#);
    insta::assert_snapshot!(refusal("profile.dev", "{}"), @r#"
    a profile cannot be overridden from the flag for `profile.dev`
    hint: write it in the settings file
    "#);
}

#[test]
fn settings_are_shown_with_values_and_origins() {
    let loaded = read("[[provider]]\nname = 'p'\napi_key = 'env:KEY'\nmodels = ['m']\n[profile.x]").unwrap();
    let shown = show(&loaded);
    let find = |path: &str| shown.iter().find(|shown| shown.path == path).unwrap();
    assert_eq!(find("server.bind").value, "\"127.0.0.1:8700\"");
    assert_eq!(find("server.bind").origin.to_string(), "default");
    assert_eq!(find("provider[0].api_key").value, "\"env:KEY\"");
    assert!(find("provider[0].api_key").origin.to_string().ends_with("althing.toml:3"));
    assert_eq!(find("provider[0].models").value, "[\"m\"]");
    assert!(shown.iter().all(|shown| !shown.path.starts_with("profile")));
    let json = to_json(&loaded);
    assert_eq!(json["provider"][0]["api_key"], "env:KEY");
    assert_eq!(json["server"]["n_max"], 16);
    assert!(json.get("profile").is_none());
    assert_eq!(serde_json::to_value(find("server.n_max")).unwrap()["origin"], "default");
    let absent = ["server.tls", "access.oidc", "access.rpm", "store.url", "flag"];
    assert!(shown.iter().all(|shown| absent.iter().all(|path| !shown.path.starts_with(path))));
    assert_eq!(find("store.pool_max").value, "10");
}

#[test]
fn nested_tables_are_shown_key_by_key() {
    let loaded = read(WHOLE).unwrap();
    let shown = show(&loaded);
    let find = |path: &str| shown.iter().find(|shown| shown.path == path).unwrap();
    for (path, value) in [
        ("server.tls.cert", "\"tls/cert.pem\""),
        ("access.secret", "\"env:ALTHING_SECRET\""),
        ("access.oidc.role_claim", "\"role\""),
        ("budget.usd_per_day", "\"100\""),
        ("flag.terse.percent", "12.5"),
        ("flag.\"new.search\".split.new", "25.0"),
        ("route[0].rules[0].when.flag", "\"new.search=new\""),
    ] {
        assert_eq!(find(path).value, value, "{path}");
    }
    let json = to_json(&loaded);
    assert_eq!(json["server"]["tls"]["key"], "tls/key.pem");
    assert_eq!(json["access"]["oidc"]["leeway_s"], 30);
    assert_eq!(json["flag"]["new.search"]["split"]["old"], 75.0);
}
