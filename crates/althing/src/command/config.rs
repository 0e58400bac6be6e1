//! `althing config`: what can be set, whether it is right, what is in force, what others' settings become.

mod import;

use crate::check;
use crate::exit::{CONFIGURATION, DONE, Failure};
use crate::print::{self, print};
use crate::wiring::{self, Ready};
use fault::Explain;
use serde_json::{Value, json};
use settings::{Origin, Place, SettingsError};
use shell::{Config, Global};
use terminal::{count, length};

/// Values longer than this do not push the origins of all others to the right.
const VALUE_CHARS_MAX: usize = 46;

/// Runs one of them.
pub(crate) fn run(global: &Global, command: &Config) -> Result<u8, Failure> {
    wiring::logs(global, "warn")?;
    match command {
        Config::Schema => print::json(&settings::schema()).map(|()| DONE),
        Config::Check { profile } => check(global, profile.as_deref()),
        Config::Show { profile } => show(global, profile.as_deref()),
        Config::Import(asked) => import::run(global, asked),
    }
}

fn check(global: &Global, profile: Option<&str>) -> Result<u8, Failure> {
    let source = wiring::source(global, profile);
    let mut wrong = settings::problems(&source);
    let (mut set, mut warnings) = (0, Vec::new());
    if wrong.is_empty() {
        let ready = wiring::load(source.clone())?;
        set = ready.values_set();
        warnings = ready.loaded.settings.decisions.warnings();
        wrong = check::problems(&ready).into_iter().map(|problem| problem.error).collect();
    }
    let file = source.file.as_ref().map(|file| file.display().to_string());
    if global.json {
        let problems: Vec<Value> = wrong.iter().map(document).collect();
        print::json(&json!({
            "ok": wrong.is_empty(), "file": file, "settings": set, "problems": problems, "warnings": warnings,
        }))?;
    } else if wrong.is_empty() {
        let file = file.unwrap_or_else(|| "no settings file, defaults are in force".to_owned());
        print(&format!("ok: {file} ({})\n", count(set, "setting")))?;
    }
    warnings.iter().for_each(|warning| print::say(&format!("warning: {warning}\n")));
    if wrong.is_empty() {
        return Ok(DONE);
    }
    for error in &wrong {
        print::say(&format!("{}\n", Failure::of_settings(error).text()));
    }
    print::say(&format!("{} found\n", count(wrong.len(), "problem")));
    Ok(CONFIGURATION)
}

fn document(error: &SettingsError) -> Value {
    let mut document = json!({ "code": error.code(), "message": error.to_string(), "hint": error.hint() });
    if let Some(path) = error.param() {
        document["path"] = Value::from(path);
    }
    if let Some(Place::File(spot)) = error.place() {
        document["file"] = Value::from(spot.file.display().to_string());
        document["line"] = Value::from(spot.line);
        document["column"] = Value::from(spot.column);
    }
    document
}

fn show(global: &Global, profile: Option<&str>) -> Result<u8, Failure> {
    let ready = wiring::load(wiring::source(global, profile))?;
    let loaded = &ready.loaded;
    let shown = settings::show(loaded);
    if global.json {
        let file = loaded.file.as_ref().map(|file| file.display().to_string());
        let origins: Value =
            shown.iter().map(|one| (one.path.clone(), Value::from(told(&ready, &one.origin)))).collect();
        let values = settings::to_json(loaded);
        print::json(&json!({ "file": file, "profile": profile, "settings": values, "origins": origins }))?;
        return Ok(DONE);
    }
    let widest = |lengths: &mut dyn Iterator<Item = usize>| lengths.filter(|length| *length <= VALUE_CHARS_MAX).max();
    let names = shown.iter().map(|one| length(&one.path)).max().unwrap_or(0);
    let values = widest(&mut shown.iter().map(|one| length(&one.value))).unwrap_or(0);
    let mut text = String::new();
    for one in &shown {
        let origin = told(&ready, &one.origin);
        text.push_str(&format!("{:names$} = {:values$}  # {origin}\n", one.path, one.value));
    }
    print(&text)?;
    Ok(DONE)
}

/// An origin in words; what the command line would set is here what was found in its place.
fn told(ready: &Ready, origin: &Origin) -> String {
    match origin {
        Origin::Flag if ready.scripted() => "no provider is set up".to_owned(),
        Origin::Flag => "found on this machine".to_owned(),
        other => other.to_string(),
    }
}
