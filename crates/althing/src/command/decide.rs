//! `althing decide`: decisions, asked for as a client of their API: of a server where one runs, else right on the database.

mod evaluate;

use super::load::whole;
use super::place::{self, Ground, Room, part};
use super::server;
use crate::decisions;
use crate::exit::{DONE, FAILED, Failure, UNREACHABLE, USAGE};
use crate::house::House;
use crate::print::{self, print};
use crate::wiring;
use ::decisions::Decisions;
use http::Method;
use remote::RemoteError;
use routes::Row;
use serde::Deserialize;
use serde_json::{Value, json};
use settings::Settings;
use sheet::Sheet;
use shell::{Decide, DecisionFormat, Global, KnownDecision, NewDecision};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use terminal::{clean, count};

const PATH: &str = "/api/v1/decisions";
/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(60);

/// Decisions, and who asks about them in process.
struct Deciding(Arc<Decisions>);

type Way = place::Way<Deciding>;

/// Runs one of them.
pub(crate) fn run(global: &Global, asked: Decide) -> Result<u8, Failure> {
    wiring::logs(global, "warn")?;
    match asked.known {
        None => begin(global, &asked.new),
        Some(KnownDecision::List { limit, at }) => place::with(global, &at, async |way: &Way| {
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let all = way.list(PATH, &[], limit, WITHIN).await?;
            place::show(global, &all, terminal::decisions).map(|()| DONE)
        }),
        Some(KnownDecision::Show { id, at }) => {
            place::with(global, &at, async |way: &Way| told(global, &outlook(way, &id).await?, None).map(|_| DONE))
        }
        Some(KnownDecision::Evaluate { id, refresh, at }) => place::with(global, &at, async |way: &Way| {
            let evaluation = evaluate::evaluate(way, &id, refresh).await?;
            told(global, &outlook(way, &id).await?, Some(&evaluation))
        }),
        Some(KnownDecision::Export { id, format, out, at }) => place::with(global, &at, async |way: &Way| {
            export(global, &sheet(&outlook(way, &id).await?)?, format, out.as_deref())
        }),
        Some(KnownDecision::Remove { id, at }) => place::with(global, &at, async |way: &Way| {
            let gone = way.server.ask(Method::DELETE, &named(&id), None, WITHIN).await;
            gone.map_err(|error| failure(&error))?;
            place::show(global, &json!({ "removed": id }), |_| "removed\n".to_owned()).map(|()| DONE)
        }),
    }
}

impl Room for Deciding {
    type Begun = ();

    fn begin(_: &Settings, _: &Path) {}

    async fn open((): (), ground: &Ground<'_>) -> Result<Self, Failure> {
        let Ground { settings, metrics, matrix, house, .. } = ground;
        decisions::open(&house.store, matrix, settings, metrics).await.map(Self)
    }

    fn rows(&self, _: &House) -> Vec<Row> {
        rest_door::decisions::rows(&self.0)
    }

    /// Nobody's connection is held up by it.
    fn deadline_ms(settings: &Settings) -> u64 {
        settings.server.deadline_ms.max(settings.decisions.evaluation_deadline_ms)
    }

    async fn close(&self) {
        self.0.close().await;
    }
}

/// Why the API did not do what it was asked, in the words of this command.
fn failure(error: &RemoteError) -> Failure {
    let told = server::failure(error);
    match error {
        RemoteError::Refused { status: 404, message, .. } if message.contains("session") => {
            told.hint("`althing decide list` shows those there are")
        }
        _ => told,
    }
}

/// Where the decision of an id is.
fn named(id: &str) -> String {
    format!("{PATH}/{}", part(id))
}

/// Begins a decision, has it scored, tells what it comes to.
fn begin(global: &Global, new: &NewDecision) -> Result<u8, Failure> {
    let hint = "`althing decide \"which one?\" --option A --option B --criterion \"price:2=cheap is good\"`";
    if new.options.len() < 2 {
        return Err(Failure::new(USAGE, "there is one option alone, and nothing to decide")
            .hint(format!("name another one with `--option`: {hint}")));
    }
    let topic = new.topic.join(" ");
    if topic.trim().is_empty() {
        return Err(Failure::new(USAGE, "the topic is empty").hint(hint));
    }
    let files = [(DecisionFormat::Html, &new.html), (DecisionFormat::Csv, &new.csv)];
    let files: Vec<_> = files.iter().filter_map(|(format, path)| Some((*format, path.as_deref()?))).collect();
    // What nobody could keep is not paid for.
    files.iter().try_for_each(|(_, path)| writable(path))?;
    let options = new.options.iter().map(|it| json!({ "name": it.name, "description": it.description }));
    let criteria =
        new.criteria.iter().map(|it| json!({ "name": it.name, "weight": it.weight, "description": it.description }));
    let body = json!({ "topic": topic, "options": Vec::from_iter(options), "criteria": Vec::from_iter(criteria),
        "model_name": new.model });
    place::with(global, &new.at, async |way: &Way| {
        let begun = way.server.ask(Method::POST, PATH, Some(&body), WITHIN).await.map_err(|error| failure(&error))?;
        let id = begun["id"].as_str().unwrap_or_default();
        let evaluation = evaluate::evaluate(way, id, false).await?;
        let outlook = outlook(way, id).await?;
        let mut code = told(global, &outlook, Some(&evaluation))?;
        let sheet = sheet(&outlook)?;
        for (format, path) in &files {
            // What it comes to is out already, and with `--json` it is the one document there is.
            if let Err(failure) = written(path, &text(&sheet, *format)) {
                print::say(&failure.text());
                code = FAILED;
            }
        }
        Ok(code)
    })
}

/// What a decision comes to.
async fn outlook(way: &Way, id: &str) -> Result<Value, Failure> {
    let told = way.server.ask(Method::GET, &format!("{}/matrix", named(id)), None, WITHIN).await;
    told.map_err(|error| failure(&error))
}

/// The same as it is exported.
fn sheet(outlook: &Value) -> Result<Sheet, Failure> {
    Sheet::deserialize(&outlook["sheet"])
        .map_err(|error| Failure::new(FAILED, format!("the server's answer does not read: {error}")))
}

/// Prints what a decision comes to; the code to end with after this evaluation.
fn told(global: &Global, outlook: &Value, evaluation: Option<&Value>) -> Result<u8, Failure> {
    if global.json {
        let mut document = outlook.clone();
        if let Some(evaluation) = evaluation {
            document["evaluation"] = evaluation.clone();
        }
        print::json(&document)?;
    } else {
        print(&terminal::decision(&sheet(outlook)?))?;
    }
    let Some(evaluation) = evaluation else { return Ok(DONE) };
    if evaluation["complete"] == true {
        return Ok(DONE);
    }
    let summary = |key: &str| usize::try_from(evaluation["summary"][key].as_u64().unwrap_or(0)).unwrap_or(usize::MAX);
    let id = clean(outlook["session_id"].as_str().unwrap_or_default());
    let without = count(summary("errors"), "pair");
    print::say(&format!("\nno score for {without}; `althing decide evaluate {id}` goes on\n"));
    let nobody = summary("successful_scores") + summary("abstentions") == 0;
    Ok(if nobody { UNREACHABLE } else { FAILED })
}

fn text(sheet: &Sheet, format: DecisionFormat) -> String {
    match format {
        DecisionFormat::Markdown => sheet::markdown(sheet),
        DecisionFormat::Csv => sheet::csv(sheet),
        DecisionFormat::Json => sheet::json(sheet),
        DecisionFormat::Html => sheet::page(sheet),
    }
}

/// Prints a decision as a document, or writes it; for programs what is no JSON itself comes wrapped.
fn export(global: &Global, sheet: &Sheet, format: DecisionFormat, out: Option<&Path>) -> Result<u8, Failure> {
    let content = text(sheet, format);
    match (out, global.json) {
        (Some(out), true) => {
            whole(out, content.as_bytes())?;
            print::json(&json!({ "id": sheet.id, "out": out, "bytes": content.len() }))?;
        }
        (Some(out), false) => written(out, &content)?,
        (None, true) if format != DecisionFormat::Json => {
            let format = format!("{format:?}").to_lowercase();
            print::json(&json!({ "id": sheet.id, "format": format, "content": content }))?;
        }
        (None, _) => print(&content)?,
    }
    Ok(DONE)
}

fn written(path: &Path, text: &str) -> Result<(), Failure> {
    whole(path, text.as_bytes())?;
    print::say(&format!("written to {}\n", path.display()));
    Ok(())
}

/// Whether a file can be written there, tried beside it.
fn writable(path: &Path) -> Result<(), Failure> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
    let tried = if path.is_dir() { Err(std::io::ErrorKind::IsADirectory.into()) } else { doctor::write_once(&folder) };
    tried.map_err(|error| {
        Failure::new(USAGE, format!("cannot write `{}`: {error}", path.display()))
            .hint("name a file in a folder that is there and can be written to")
    })
}
