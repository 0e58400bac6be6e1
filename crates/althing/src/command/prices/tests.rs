//! What people are shown of prices and of their changes.

use super::*;
use terminal::{WIDTH, length};

fn table(rows: &str) -> Table {
    Table::parse(&format!("[h]\nsource = 'https://h.example'\ndate = '2026-11-21'\n[h.models]\n{rows}")).unwrap()
}

#[test]
fn a_model_is_found_by_a_part_of_its_name_or_by_what_it_stands_for() {
    let table = table("some = {input=1,output=1}\nawesome = {input=2,output=2}\nother = {input=3,output=3}");
    let names = |model| -> Vec<String> {
        let found = listed(&table, None, Some(model));
        found.iter().flat_map(|(_, _, models)| models.iter().map(|(name, _)| (*name).to_owned())).collect()
    };
    assert_eq!(names("some"), ["awesome", "some"]);
    assert_eq!(names("some-2026-11-21"), ["some"]);
    assert_eq!(names("none"), [""; 0]);
    assert!(listed(&table, Some("x"), None).is_empty());
}

#[test]
fn an_update_tells_what_changed_most() {
    let old: String = (0..12).map(|at| format!("m{at} = {{input=1,output=1}}\n")).collect();
    let new: String = (0..12).map(|at| format!("m{at} = {{input={at},output=3}}\n")).collect();
    let before = table(&format!("{old}gone = {{input=1,output=1}}\ncache = {{input=1,output=1}}\n"));
    let after = table(&format!("{new}new = {{input=1,output=1}}\ncache = {{input=1,output=1,cached=0}}\n"));
    let update =
        Update { read: 5, notes: vec!["read it".to_owned()], changes: changes(&before, &after), written: None };
    let text = update.text();
    assert!(
        text.starts_with("read it\n15 prices: 1 new, 13 changed, 1 gone\n  h/m11: 11 and 3, was 1 and 1 (+600 %)\n")
    );
    assert!(text.ends_with("  and 3 smaller ones; `--json` tells them all\nnothing was written\n"), "{text}");
    assert!(text.lines().all(|line| length(line) <= WIDTH), "{text}");
    let document = update.document();
    assert_eq!((&document["new"], &document["changed"], &document["gone"]), (&json!(1), &json!(13), &json!(1)));
    assert_eq!(document["changes"][0]["after"], json!({ "input": "11", "output": "3" }));
    let cache = update.changes.iter().find(|one| one.model == "cache").unwrap();
    assert_eq!(told(cache), "h/cache: 1 and 1 as before, but other parts changed");
}

#[test]
fn an_update_is_written_and_a_dry_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    std::fs::write(&list, table("m = {input=1,output=1}").to_toml()).unwrap();
    let global = Global { config: None, json: false, log: None };
    let data = folder.path().join("data");
    assert_eq!(update(&global, &list, true, Some(&data)).unwrap(), DONE);
    assert!(!data.exists());
    assert_eq!(update(&global, &list, false, Some(&data)).unwrap(), DONE);
    assert_eq!(prices::load(Some(&data)).unwrap().0.len(), Table::shipped().len() + 1);
    std::fs::write(prices::file(&data), "broken").unwrap();
    assert!(super::list(&global, None, None, Some(&data)).is_err());
    assert_eq!(update(&global, &list, false, Some(&data)).unwrap(), DONE);
    assert!(update(&global, &folder.path().join("none"), false, Some(&data)).is_err());
    assert!(super::list(&global, Some("nobody"), None, Some(&data)).is_err());
    assert!(super::list(&global, None, Some("nothing"), Some(&data)).is_err());
}
