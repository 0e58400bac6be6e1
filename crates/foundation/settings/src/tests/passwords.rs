//! A password in the address of a database is told by nobody: not when it is shown, and not when it is wrong.

use super::{env, read_with, refusal, rename};
use crate::{Loaded, SettingsError, Source, load, problems, show, to_json};
use fault::Explain;
use toml::Value;

const PASSWORD: &str = "hunter2";

/// Addresses that no database has, each with the password in it.
const WRONG: [&str; 9] = [
    "hunter2",
    "mysql://ada:hunter2@db/althing",
    "postgres:ada:hunter2@db/althing",
    "postgres//ada:hunter2@db",
    "host=db password=hunter2",
    "host=db user=ada pwd=hunter2",
    "env:hunter2-1",
    " postgres://ada:hunter2@db/althing",
    "jdbc:postgresql://db/althing?user=ada&pass=hunter2",
];

/// Everything that an error says anywhere.
fn everything(error: &SettingsError) -> String {
    let said = [error.snippet(), error.hint(), error.param(), error.place().map(ToString::to_string)];
    format!("{error}\n{error:?}\n{said:?}")
}

/// Everything that is said about settings that were refused.
fn refused(source: &Source) -> String {
    let wrong = problems(source);
    assert!(!wrong.is_empty(), "{source:?} is accepted");
    wrong.iter().chain([&load(source).unwrap_err()]).map(everything).collect()
}

/// Everything that is said about a file that was refused.
fn refused_file(text: &str, profile: Option<&str>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("althing.toml");
    std::fs::write(&path, text).unwrap();
    refused(&Source { file: Some(path), profile: profile.map(str::to_owned), ..Source::default() })
}

fn silent(text: &str, said: &str) {
    assert!(!said.contains(PASSWORD), "{text}\n{said}");
}

/// Everything that is said about settings in effect.
fn shown(loaded: &Loaded) -> String {
    format!("{loaded:?}\n{:?}\n{}\n{}", show(loaded), to_json(loaded), toml::to_string(&loaded.settings).unwrap())
}

const GOOD: &str = "postgres://ada:hunter2@db.example/althing?password=hunter2";

#[test]
fn addresses_are_shown_without_their_passwords() {
    let text = format!("[store]\nurl = '{GOOD}'\nreplica_url = '{GOOD}'\n[profile.p.store]\nreplica_url = '{GOOD}'");
    for profile in [None, Some("p".to_owned())] {
        let loaded = read_with(&text, Source { profile, ..Source::default() }).unwrap();
        silent(&text, &shown(&loaded));
        let masked = "postgres://ada:***@db.example/althing?***";
        let url = show(&loaded).into_iter().find(|shown| shown.path == "store.url").unwrap();
        assert_eq!(
            (url.value, to_json(&loaded)["store"]["replica_url"].as_str()),
            (format!("{masked:?}"), Some(masked))
        );
        let url = loaded.settings.store.url.unwrap().resolve().unwrap();
        assert_eq!(secrecy::ExposeSecret::expose_secret(&url), GOOD, "whoever connects gets all of it");
    }
}

#[test]
fn variables_and_flags_are_shown_without_their_passwords() {
    let loaded = load(&env("ALTHING__STORE__URL", GOOD)).unwrap();
    silent("variable", &shown(&loaded));
    assert_eq!(loaded.origins["store.url"].to_string(), "env ALTHING__STORE__URL");
    assert_eq!(loaded.settings.store.url.unwrap().to_string(), "postgres://ada:***@db.example/althing?***");
    let flags = vec![("store.url".to_owned(), Value::String(GOOD.to_owned()))];
    silent("flag", &shown(&load(&Source { flags, ..Source::default() }).unwrap()));
    let loaded = load(&env("ALTHING__STORE__URL", "env:DATABASE_URL")).unwrap();
    assert_eq!(to_json(&loaded)["store"]["url"], "env:DATABASE_URL");
}

#[test]
fn wrong_addresses_are_not_repeated() {
    for wrong in WRONG {
        for key in ["url", "replica_url"] {
            for text in [
                format!("[store]\n{key} = '{wrong}'"),
                format!("store.{key} = \"{wrong}\""),
                format!("store = {{ pool_min = 1, {key} = '{wrong}' }}"),
                format!("[store]\n{key} = '''\n{wrong}'''"),
                format!("[profile.p.store]\n{key} = '{wrong}'"),
            ] {
                silent(&text, &refused_file(&text, None));
            }
            let name = format!("ALTHING__STORE__{}", key.to_uppercase());
            silent(&name, &refused(&env(&name, wrong)));
            silent(&name, &refused(&env(&name, &format!("'{wrong}'"))));
            let flags = vec![(format!("store.{key}"), Value::String(wrong.to_owned()))];
            silent(key, &refused(&Source { flags, ..Source::default() }));
        }
    }
    insta::assert_snapshot!(refusal("[store]\nurl = 'db.example'"), @r#"
    `store.url`: not the address of a database at althing.toml:2:7
      |
    2 | url = '**.*******'
      |       ^^^^^^^^^^^^
    hint: write `sqlite:FILE`, `postgres://user@host/database`, `env:NAME` or `file:PATH`
    "#);
}

#[test]
fn addresses_of_the_wrong_type_are_not_repeated() {
    let values = ["['hunter2']", "{ password = 'hunter2' }", "{ hunter2 = 1 }", "[{ hunter2 = 'hunter2' }]"];
    for value in values {
        let text = format!("[store]\nurl = {value}");
        silent(&text, &refused_file(&text, None));
        silent(value, &refused(&env("ALTHING__STORE__URL", value)));
        let flags = vec![("store.url".to_owned(), value.parse().unwrap())];
        silent(value, &refused(&Source { flags, ..Source::default() }));
    }
    for number in ["314159265", "99999999999999999999999", "314159.265", "0x314159265", "1979-05-27"] {
        let text = format!("[store]\nurl = {number}");
        let said = refused_file(&text, None) + &refused(&env("ALTHING__STORE__URL", number));
        assert!(!said.contains(number.trim_start_matches("0x")), "{said}");
    }
}

#[test]
fn addresses_in_the_wrong_place_are_not_repeated() {
    let address = "postgres://ada:hunter2@db/althing";
    for text in [
        format!("store = '{address}'"),
        format!("store = ['{address}']"),
        format!("[store]\npool_max = '{address}'"),
        format!("[store]\nulr = '{address}'"),
        format!("[server]\nbind = '{address}'"),
        format!("[server]\npublic_url = '{address}'"),
        format!("[server]\ntrusted_proxies = ['{address}']"),
        format!("[access.oidc]\nissuer = '{address}'\nrole = '{address}'"),
        format!("[[panel]]\non_disagreement = '{address}'"),
    ] {
        silent(&text, &refused_file(&text, None));
    }
}

#[test]
fn addresses_that_are_no_toml_are_not_repeated() {
    for wrong in WRONG {
        for text in [
            format!("[store]\nurl = {wrong}"),
            format!("[store]\nurl = '{wrong}"),
            format!("[store]\nurl = '{wrong}' x"),
            format!("[store]\nurl '{wrong}'"),
            format!("[store]\nurl = \"\"\"\n{wrong}\\q\"\"\""),
            format!("[store]\nurl = [\n  '{wrong}' x\n]"),
            format!("store = {{ url = '{wrong}'"),
        ] {
            silent(&text, &refused_file(&text, None));
        }
    }
}

#[test]
fn addresses_that_break_a_rule_are_not_repeated() {
    let sqlite = "[store]\nurl = 'sqlite:hunter2.db'\nreplica_url = 'postgres://ada:hunter2@db/althing'";
    silent(sqlite, &refused_file(sqlite, None));
    let source = env("ALTHING__STORE__REPLICA_URL", GOOD);
    silent("replica", &refused(&source));
    let error = rename(load(&source).unwrap_err()).to_string();
    assert!(error.ends_with("no replicas from the variable `ALTHING__STORE__REPLICA_URL`"), "{error}");
}

#[test]
fn references_that_lead_to_something_else_are_not_followed_in_words() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("url");
    let loaded = load(&env("ALTHING__STORE__URL", &format!("file:{}", path.display()))).unwrap();
    let url = loaded.settings.store.url.unwrap();
    std::fs::write(&path, "mysql://ada:hunter2@db\n").unwrap();
    let error = url.resolve().unwrap_err();
    silent("file", &everything(&error));
    assert!(error.to_string().ends_with(": it is not the address of a database"), "{error}");
    std::fs::write(&path, format!("{GOOD}\n")).unwrap();
    assert_eq!(secrecy::ExposeSecret::expose_secret(&url.resolve().unwrap()), GOOD);
}
