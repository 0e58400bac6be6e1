//! The rules about the store, access, budgets, the ledger and flags, each tripped once and told with its place.

use super::{env, first, read, refusal, told};
use crate::load;

fn check(text: &str, expect: &str) {
    assert_eq!(first(text), expect, "{text}");
}

#[test]
fn errors_point_at_the_value() {
    insta::assert_snapshot!(refusal("[server]\ntrusted_proxies = ['::1', 'proxy']"), @r#"
    `server.trusted_proxies[1]` is `proxy`, neither an address nor a network at althing.toml:2:27
      |
    2 | trusted_proxies = ['::1', 'proxy']
      |                           ^^^^^^^
    hint: write an IP address such as `10.0.0.7` or a network such as `10.0.0.0/8`
    "#);
    insta::assert_snapshot!(refusal("[store]\npool_min = 11"), @r#"
    `store.pool_min` is `11`, above `store.pool_max`, which is `10` at althing.toml:2:12
      |
    2 | pool_min = 11
      |            ^^
    hint: make the fewest connections the smaller number
    "#);
    insta::assert_snapshot!(refusal("[access.oidc]\nissuer = 'https://id.example'"), @r#"
    `access.oidc.audience` is missing or empty at althing.toml:1:1
      |
    1 | [access.oidc]
      | ^^^^^^^^^^^^^
    hint: write it as it stands in the tokens, or remove `access.oidc`
    "#);
    insta::assert_snapshot!(refusal("[flag.'new search']\non = true"), @r#"
    `flag."new search"` is `new search`, with white space in it at althing.toml:1:1
      |
    1 | [flag.'new search']
      | ^^^^^^^^^^^^^^^^^^^
    hint: write a dash instead
    "#);
    insta::assert_snapshot!(refusal("[flag.search]\npercent = 5\n[[route]]\nname = 'r'\n[[route.rules]]\nmodels = ['m']\nwhen.flag = 'serch'"), @r#"
    `route[0].rules[0].when.flag` names the flag `serch`, which does not exist at althing.toml:7:13
      |
    7 | when.flag = 'serch'
      |             ^^^^^^^
    hint: did you mean `search`?
    "#);
    insta::assert_snapshot!(refusal("[flag.search]\non = 'yes'"), @r#"
    `flag.search.on` must be `true` or `false`, not the string `yes` at althing.toml:2:6
      |
    2 | on = 'yes'
      |      ^^^^^
    "#);
}

#[test]
fn numbers() {
    let bounds = [
        ("store.pool_min", 0, "1 to 10000"),
        ("store.pool_max", 10_001, "1 to 10000"),
        ("store.acquire_ms", 0, "1 to 86400000"),
        ("store.transaction_ms", 0, "1 to 86400000"),
        ("store.slow_ms", 0, "1 to 86400000"),
        ("store.queue_max", 0, "1 to 1000000"),
        ("store.group_max", 0, "1 to 10000"),
        ("store.retries_max", 101, "0 to 100"),
        ("store.backup_every_h", 8_761, "0 to 8760"),
        ("store.backup_keep", 0, "1 to 10000"),
        ("access.key_cache_ms", 86_400_001, "0 to 86400000"),
        ("access.key_cache_max", 0, "1 to 1000000"),
        ("access.rpm", 0, "1 to 1000000000"),
        ("access.wrong_keys_per_s", 0, "1 to 1000000"),
        ("access.checkpoint_s", 0, "1 to 86400"),
        ("budget.lease_ms", 999, "1000 to 86400000"),
        ("budget.wait_ms", 86_400_001, "0 to 86400000"),
        ("budget.output_tokens", 0, "1 to 1000000000"),
        ("ledger.flush_ms", 60_001, "1 to 60000"),
        ("ledger.queue_max", 0, "1 to 1000000"),
        ("ledger.calls_days", 36_501, "1 to 36500"),
        ("ledger.prompts_days", 3_651, "1 to 3650"),
        ("ledger.prompt_bytes_max", 0, "1 to 1073741824"),
    ];
    for (key, wrong, range) in bounds {
        let told = refusal(format!("{key} = {wrong}"));
        assert!(told.starts_with(&format!("`{key}` is `{wrong}` at althing.toml:1:")), "{told}");
        assert!(told.ends_with(&format!("hint: write a whole number from {range}")), "{told}");
    }
    for zero in ["store.retries_max", "store.backup_every_h", "access.key_cache_ms", "budget.wait_ms"] {
        assert_eq!(refusal(format!("{zero} = 0")), "accepted", "{zero}");
    }
    for share in ["0", "-0.5", "1.1", "nan", "inf"] {
        let told = refusal(format!("budget.alert_share = {share}"));
        assert!(told.ends_with("hint: write a number above 0 and at most 1"), "{told}");
    }
    let free = "budget = { usd_per_day = 0, request_usd_max = 0, key_usd_per_day = 0, tenant_usd_per_day = '0.00' }";
    assert_eq!(refusal(free), "accepted");
}

#[test]
fn numbers_of_models() {
    let model = |most: &str| first(&format!("provider = [{{ name = 'p', models = [{{ name = 'm', {most} }}] }}]"));
    let expect = "`provider[0].models[0].output_tokens_max` is `0` at althing.toml:1:71";
    assert_eq!(model("output_tokens_max = 0"), expect);
    assert!(model("output_tokens_max = 1_000_000_001").contains("is `1000000001`"));
    assert_eq!(model("output_tokens_max = 1_000_000_000, price = { cached = 0 }"), "accepted");
}

#[test]
fn encryption_needs_both_files() {
    check("[server.tls]\ncert = 'c'", "`server.tls.key` is missing or empty at althing.toml:1:1");
    check("server.tls = { cert = '', key = 'k' }", "`server.tls.cert` is missing or empty at althing.toml:1:23");
    check("[server.tls]", "`server.tls.cert` is missing or empty at althing.toml:1:1");
    assert_eq!(refusal("server.tls = { cert = 'c', key = 'k' }"), "accepted");
}

#[test]
fn proxies() {
    assert_eq!(refusal("server.trusted_proxies = ['10.0.0.1', '10.0.0.0/8', '::1', 'fd00::/8']"), "accepted");
    for bad in ["", "*", "proxy.example", "10.0.0.0/33", "10.0.0.1:80"] {
        let told = refusal(format!("server.trusted_proxies = ['{bad}']"));
        assert!(told.contains(&format!("`{bad}`, neither an address nor a network at althing.toml:1:27")), "{told}");
    }
    let many = format!("server.trusted_proxies = [{}]", "'::1',".repeat(257));
    check(&many, "`server.trusted_proxies` has `257` entries at althing.toml:1:26");
}

#[test]
fn databases() {
    check(
        "store = { pool_max = 1 }",
        "`store.pool_min` is `2`, above `store.pool_max`, which is `1` at althing.toml:1:9",
    );
    check("store.backup_dir = ''", "`store.backup_dir` is empty at althing.toml:1:20");
    let beside = |url: &str, replica: &str| first(&format!("[store]\n{url}\nreplica_url = '{replica}'"));
    let postgres = "postgres://replica/althing";
    assert_eq!(beside("url = 'postgres://db/althing'", postgres), "accepted");
    assert_eq!(beside("url = 'env:DATABASE_URL'", postgres), "accepted", "who resolves it will see");
    assert_eq!(beside("url = 'postgres://db/althing'", "env:REPLICA_URL"), "accepted");
    let alone = "`store.replica_url` stands beside a database of SQLite, which has no replicas at althing.toml:3:15";
    for url in ["", "url = 'sqlite:a.db'"] {
        assert_eq!(beside(url, postgres), alone);
        assert_eq!(beside(url, "sqlite:b.db"), alone);
        assert_eq!(beside(url, "env:REPLICA_URL"), alone);
    }
    let file = "`store.replica_url` is a file of SQLite, which is no replica at althing.toml:3:15";
    assert_eq!(beside("url = 'env:DATABASE_URL'", "sqlite:b.db"), file);
}

#[test]
fn identity_providers() {
    let oidc = |rest: &str| {
        let mut lines: Vec<&str> = ["issuer = 'https://id.example'", "audience = 'a'"]
            .into_iter()
            .filter(|line| !rest.starts_with(line.split(' ').next().unwrap()))
            .collect();
        lines.insert(0, rest);
        first(&format!("[access.oidc]\n{}", lines.join("\n")))
    };
    for good in [
        "issuer = 'https://login.example/tenant/v2.0/'",
        "issuer = 'http://localhost:8800/realm'",
        "jwks_url = 'http://[::1]:8800/keys'",
        "jwks_url = 'https://id.example/keys?policy=sign_in'",
        "role = 'operator'",
        "leeway_s = 0",
    ] {
        assert_eq!(oidc(good), "accepted", "{good}");
    }
    let wrong = |rest: &str, expect: &str| {
        assert_eq!(oidc(rest).split(" at althing.toml:2:").next().unwrap(), format!("`access.oidc.{expect}"), "{rest}");
    };
    wrong("issuer = ' '", "issuer` is missing or empty");
    wrong("audience = ''", "audience` is missing or empty");
    wrong("tenant_claim = ''", "tenant_claim` is missing or empty");
    wrong("role_claim = ''", "role_claim` is missing or empty");
    wrong("issuer = 'id.example'", "issuer` has no scheme");
    wrong("issuer = 'http://id.example'", "issuer` is not encrypted");
    wrong("issuer = 'https://id.example?a=b'", "issuer` has a query or a fragment");
    wrong("jwks_url = 'http://10.0.0.1/keys'", "jwks_url` is not encrypted");
    wrong("jwks_url = 'http://10.0.0.1?a=b'", "jwks_url` is not encrypted");
    wrong("jwks_url = 'https://id.example/keys#a'", "jwks_url` has a query or a fragment");
    wrong("jwks_url = 'https://id.example/keys?a#b'", "jwks_url` has a query or a fragment");
    wrong("role = 'root'", "role` is `root`, not a role");
    wrong("jwks_cache_s = 0", "jwks_cache_s` is `0`");
    wrong("leeway_s = 3601", "leeway_s` is `3601`");
    let source = env("ALTHING__ACCESS__OIDC__ROLE", "admn");
    let told = crate::problems(&source).iter().map(told).collect::<Vec<_>>().join("\n");
    assert!(told.contains("hint: did you mean `admin`?"), "{told}");
    assert!(load(&source).is_err());
}

#[test]
fn flags() {
    let flag = |rest: &str| first(&format!("[flag.f]\n{rest}"));
    for good in
        ["on = false", "percent = 0", "percent = 100", "split = { a = 33.3333333, b = 33.3333333, c = 33.3333334 }"]
    {
        assert_eq!(flag(good), "accepted", "{good}");
    }
    let told = |rest: &str, expect: &str| {
        assert_eq!(flag(rest).split(" at althing.toml:").next().unwrap(), format!("`flag.f{expect}"), "{rest}");
    };
    told("", "` says nothing");
    told("split = {}", "` says nothing");
    told("on = true\npercent = 5", "` says more than one thing");
    told("percent = 5\nsplit = { a = 50, b = 50 }", "` says more than one thing");
    told("percent = 100.1", ".percent` is `100.1`");
    told("percent = -1", ".percent` is `-1`");
    told("percent = nan", ".percent` is `NaN`");
    told("split = { a = 100 }", ".split` has `1` variant");
    told("split = { a = 50, b = 49.9 }", ".split` adds up to `99.9`");
    told("split = { a = 50, b = inf }", ".split.b` is `inf`");
    told("split = { a = -1, b = 101 }", ".split.a` is `-1`");
    told("split = { 'a b' = 50, c = 50 }", ".split.\"a b\"` is `a b`, with white space in it");
    told("split = { '' = 50, c = 50 }", ".split.\"\"` is missing or empty");
    told("split = { 'a=b' = 50, c = 50 }", ".split.\"a=b\"` is `a=b`, with `=` in it");
    check("[flag.'a=b']\non = true", "`flag.\"a=b\"` is `a=b`, with `=` in it at althing.toml:1:1");
    check("[flag.'']\non = true", "`flag.\"\"` is missing or empty at althing.toml:1:1");
    let split = |count: usize| {
        let share = 100.0 / count as f64;
        (0..count).map(|index| format!("v{index} = {share:?}")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(refusal(format!("[flag.f.split]\n{}", split(32))), "accepted");
    check(&format!("[flag.f.split]\n{}", split(33)), "`flag.f.split` has `33` entries at althing.toml:1:1");
    let many: String = (0..257).map(|index| format!("[flag.f{index}]\non = true\n")).collect();
    assert!(first(&many).starts_with("`flag` has `257` entries at althing.toml:"));
}

#[test]
fn a_profile_must_not_say_another_thing_about_a_flag() {
    let source = || crate::Source { profile: Some("p".to_owned()), ..crate::Source::default() };
    let text = "[flag.f]\non = true\n[profile.p.flag.f]\n";
    let error = super::read_with(format!("{text}percent = 5"), source()).unwrap_err();
    assert!(told(&error).starts_with("`flag.f` says more than one thing at althing.toml:"), "{error}");
    let loaded = super::read_with(format!("{text}on = false"), source()).unwrap();
    assert_eq!(loaded.settings.flag["f"].on, Some(false));
}

#[test]
fn conditions_on_flags() {
    let flags = "[flag.search]\nsplit = { newest = 50, oldest = 50 }\n[flag.terse]\npercent = 5\n";
    let when = |flag: &str| {
        let rules = format!("[[route]]\nname = 'r'\nrules = [{{ models = ['m'], when = {{ flag = '{flag}' }} }}]");
        refusal(format!("{flags}{rules}"))
    };
    for good in ["terse", "terse=on", "terse=off", "search=newest", "search=oldest"] {
        assert_eq!(when(good), "accepted", "{good}");
    }
    let wrong = |flag: &str, problem: &str, hint: &str| {
        let told = when(flag);
        assert!(told.starts_with(&format!("`route[0].rules[0].when.flag` {problem} at althing.toml:7:")), "{told}");
        assert!(told.ends_with(&format!("\nhint: {hint}")), "{told}");
    };
    wrong("serch=new", "names the flag `serch`, which does not exist", "did you mean `search`?");
    wrong("", "names the flag ``, which does not exist", "known flags are `search`, `terse`");
    let variants = "known variants are `newest`, `oldest`";
    wrong("search", "asks for the variant `on`, which the flag `search` does not have", variants);
    wrong(
        "search=newst",
        "asks for the variant `newst`, which the flag `search` does not have",
        "did you mean `newest`?",
    );
    let variants = "known variants are `on`, `off`";
    wrong("terse=new", "asks for the variant `new`, which the flag `terse` does not have", variants);
    let alone = refusal("route = [{ name = 'r', rules = [{ models = ['m'], when = { flag = 'a' } }] }]");
    assert!(alone.ends_with("hint: add a table `[flag.NAME]`"), "{alone}");
}

#[test]
fn the_example_of_every_section_at_once_is_good() {
    let text = "server.tls = { cert = 'c', key = 'k' }\nstore = { url = 'postgres://a@db/althing', pool_max = 2 }\n\
                access = { rpm = 60, oidc = { issuer = 'https://a', audience = 'b', role = 'viewer' } }\n\
                ledger.prompts = true\nflag.terse.on = true";
    assert!(read(text).is_ok());
}
