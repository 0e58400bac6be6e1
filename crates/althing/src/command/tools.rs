//! `althing tools`: the catalogue, asked as a client of its API: of a server where one runs, else right on the database.

use super::eval;
use super::place::{self, Ground, Room, Words, part};
use super::server::failure;
use crate::catalogue::{Catalogue, Embedding};
use crate::exit::{DONE, FAILED, Failure, USAGE};
use crate::house::House;
use crate::{progress, wiring};
use http::Method;
use remote::{parts, query};
use routes::Row;
use serde_json::{Value, json};
use settings::Settings;
use shell::{Filter, Global, Tools, ToolsImport};
use std::io::Read;
use std::path::Path;
use std::time::Duration;
use terminal::clean;

const PATH: &str = "/api/v1/tools";
/// How long an answer may take.
const WITHIN: Duration = Duration::from_secs(60);
/// How long a document may take.
const IMPORT_WITHIN: Duration = Duration::from_secs(15 * 60);
/// What of a long list of lines is sent to a server at a time: below what it takes unless it was told otherwise.
const PART_BYTES: usize = 8 * 1024 * 1024;

type Way = place::Way<Catalogue>;

/// Runs one of them.
pub(crate) fn run(global: &Global, asked: Tools) -> Result<u8, Failure> {
    wiring::logs(global, "warn")?;
    let one = |at: &_, method: Method, path: String, body: Option<Value>, words: Words| {
        place::with(global, at, async |way: &Way| {
            let told = way.server.ask(method, &path, body.as_ref(), WITHIN).await.map_err(|error| failure(&error))?;
            show(global, &told, words)
        })
    };
    let named = |id: &str| format!("{PATH}/{}", part(id));
    match asked {
        Tools::List { limit, filter, kind, at } => {
            let Filter { server, domain, tag } = filter;
            let filter = [("server", server), ("domain", domain), ("tag", tag), ("type", kind)];
            place::with(global, &at, async |way: &Way| {
                show(global, &way.list(PATH, &filter, limit, WITHIN).await?, terminal::tools)
            })
        }
        Tools::Search(search) => {
            let Filter { server, domain, tag } = search.filter;
            let body = json!({ "query": search.query.join(" "), "limit": search.limit, "server": server,
                "domain": domain, "tags": Vec::from_iter(tag), "read_only": search.read_only });
            place::with(global, &search.at, async |way: &Way| {
                if let Some(catalogue) = &way.here {
                    // A server reads vectors behind its back; whoever asks once would find by words alone.
                    progress::wait("reading vectors", catalogue.retrieval.settled()).await?;
                }
                let found = way.server.ask(Method::POST, &format!("{PATH}/search"), Some(&body), WITHIN).await;
                show(global, &found.map_err(|error| failure(&error))?, terminal::found_tools)
            })
        }
        Tools::Info { id, at } => one(&at, Method::GET, named(&id), None, terminal::tool),
        Tools::Import(import) => place::with(global, &import.at, async |way: &Way| take_in(global, way, &import).await),
        Tools::Remove { id, tenant, revision, at } => {
            let version = revision.map(|revision| revision.to_string());
            let path = query(&named(&id), &[("tenant", tenant), ("version", version)]);
            one(&at, Method::DELETE, path, None, |_| "removed\n".to_owned())
        }
        Tools::Domains { at } => one(&at, Method::GET, format!("{PATH}/domains"), None, terminal::domains),
        Tools::Stats { at } => one(&at, Method::GET, format!("{PATH}/statistics"), None, terminal::tool_statistics),
        Tools::Tune { dir, limit, profile } => eval::tune(global, &dir, limit, profile.as_deref()),
        Tools::Execute { id, arguments, query, idempotency_key, read_only, at } => {
            let body = json!({ "arguments": object(&arguments)?, "query": query, "idempotency_key": idempotency_key,
                "read_only": read_only });
            one(&at, Method::POST, format!("{}/execute", named(&id)), Some(body), terminal::called)
        }
        Tools::Forget { id, at } => {
            let path = query(&format!("{PATH}/usage"), &[("id", id)]);
            one(&at, Method::DELETE, path, None, terminal::forgotten)
        }
    }
}

fn show(global: &Global, told: &Value, words: Words) -> Result<u8, Failure> {
    place::show(global, told, words).map(|()| DONE)
}

impl Room for Catalogue {
    type Begun = Embedding;

    fn begin(settings: &Settings, data: &Path) -> Embedding {
        Embedding::begin(settings, data)
    }

    async fn open(embedding: Embedding, ground: &Ground<'_>) -> Result<Self, Failure> {
        let Ground { settings, data, metrics, links, house, .. } = ground;
        Self::open(&house.store, settings, data, metrics, links, embedding).await
    }

    fn rows(&self, house: &House) -> Vec<Row> {
        rest_door::tools::rows(&self.toolbox, &house.audit)
    }

    async fn close(&self) {
        self.close().await;
    }
}

/// Takes documents in, one after the other.
async fn take_in(global: &Global, way: &Way, import: &ToolsImport) -> Result<u8, Failure> {
    let yes = |yes: bool| yes.then(|| "true".to_owned());
    let path = query(
        &format!("{PATH}/import"),
        &[
            ("format", import.format.clone()),
            ("server", import.server.clone()),
            ("tenant", import.tenant.clone()),
            ("role", import.role.clone()),
            ("tags", (!import.tag.is_empty()).then(|| import.tag.join(","))),
            ("domain", import.domain.clone()),
            ("base_url", import.base_url.clone()),
            ("credential", import.credential.clone()),
            ("timeout_ms", import.timeout_ms.map(|ms| ms.to_string())),
            ("trust_read_only", yes(import.trust_read_only)),
            ("replace", yes(import.replace)),
        ],
    );
    let mut all = json!({});
    for file in &import.files {
        let bytes = read(file)?;
        let lines = is_lines(&bytes) && !import.replace && way.here.is_none();
        for part in if lines { parts(&bytes, PART_BYTES) } else { vec![bytes.as_slice()] } {
            let body = part.to_vec().into();
            let sent = way.server.send(Method::POST, &path, "application/octet-stream", body, IMPORT_WITHIN);
            let what = format!("taking in {}", clean(&file.display().to_string()));
            let report = progress::wait(&what, sent).await?.map_err(|error| failure(&error))?;
            add(&mut all, report);
        }
    }
    if let Some(catalogue) = &way.here {
        progress::wait("embedding what is new", catalogue.retrieval.settled()).await?;
    }
    show(global, &all, terminal::imported)?;
    let went_in = ["added", "changed", "same"].iter().any(|name| all[*name].as_u64().unwrap_or(0) > 0);
    let refused = all["refused_total"].as_u64().unwrap_or(0) > 0;
    Ok(if refused && !went_in { FAILED } else { DONE })
}

/// Adds one report to the sum of those before.
fn add(all: &mut Value, report: Value) {
    let Value::Object(report) = report else { return };
    for (name, value) in report {
        match (&mut all[&name], value) {
            (Value::Number(sum), Value::Number(more)) if name != "catalog_version" => {
                *sum = (sum.as_u64().unwrap_or(0) + more.as_u64().unwrap_or(0)).into();
            }
            (Value::Array(list), Value::Array(mut more)) => list.append(&mut more),
            (kept, value) => *kept = value,
        }
    }
}

/// Whether each line is an object of its own.
fn is_lines(bytes: &[u8]) -> bool {
    let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    lines.by_ref().take(2).filter(|line| line.starts_with(b"{") && line.ends_with(b"}")).count() == 2
}

fn read(file: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = match file.as_os_str() == "-" {
        true => std::io::stdin().lock().read_to_end(&mut bytes).map(drop),
        false => std::fs::read(file).map(|read| bytes = read),
    };
    let shown = clean(&file.display().to_string());
    read.map_err(|error| Failure::new(USAGE, format!("`{shown}` cannot be read: {error}"))).map(|()| bytes)
}

/// Arguments as they were typed, or piped.
fn object(typed: &str) -> Result<Value, Failure> {
    let piped = (typed == "-").then(|| read(Path::new("-"))).transpose()?;
    let value: Option<Value> = serde_json::from_slice(piped.as_deref().unwrap_or(typed.as_bytes())).ok();
    value.filter(Value::is_object).ok_or_else(|| {
        Failure::new(USAGE, "the arguments are no JSON object").hint("write them as `'{\"name\": \"value\"}'`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_are_tried_without_a_second_log() {
        let global = Global { config: None, json: true, log: None };
        let dir = Path::new("/nobody/has/this").to_owned();
        let failed = run(&global, Tools::Tune { dir, limit: None, profile: None }).unwrap_err();
        assert!(failed.text().contains("/nobody/has/this"), "{}", failed.text());
    }

    #[test]
    fn lines_are_told_from_one_document() {
        assert!(is_lines(b"{\"name\": \"a\"}\n\n{\"name\": \"b\"}\n"));
        assert!(!is_lines(b"{\n  \"openapi\": \"3.1.0\"\n}"));
        assert!(!is_lines(b"[{}]") && !is_lines(b"{}") && !is_lines(b""));
    }

    #[test]
    fn reports_add_up() {
        let mut all = json!({});
        let report = |version: u64| json!({ "format": "jsonl", "added": 2, "refused": [{ "line": 1 }], "catalog_version": version });
        add(&mut all, report(3));
        add(&mut all, report(4));
        let expect =
            json!({ "format": "jsonl", "added": 4, "refused": [{ "line": 1 }, { "line": 1 }], "catalog_version": 4 });
        assert_eq!(all, expect);
    }
}
