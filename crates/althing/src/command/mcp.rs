//! `althing mcp`: the tools over standard input and output, on which nothing but protocol may appear, and what clients
//! are told of the server.

use super::server;
use crate::catalogue::{Catalogue, Embedding};
use crate::exit::{DONE, Failure, USAGE};
use crate::print::{self, print};
use crate::sharing::Links;
use crate::{data, decisions, wiring};
use http::Uri;
use mcp_door::McpDoor;
use serde_json::json;
use shell::{Global, Mcp, Where};
use std::io::IsTerminal;
use terminal::{Client, Connection, clean};

/// Runs one of them.
pub(crate) fn run(global: &Global, asked: &Mcp) -> Result<u8, Failure> {
    wiring::logs(global, "warn")?;
    match asked {
        Mcp::Stdio { toolset, place } => stdio(global, toolset.as_deref(), place),
        Mcp::Config { client, url, toolset, place } => {
            config(global, known(*client), url.as_deref(), toolset.as_deref(), place)
        }
    }
}

/// Serves one client until it closes standard input.
fn stdio(global: &Global, toolset: Option<&str>, place: &Where) -> Result<u8, Failure> {
    let (ready, data) = wiring::place(global, place)?;
    if std::io::stdin().is_terminal() {
        print::say("waiting for an MCP client on standard input: clients start this command themselves\n");
        print::say("hint: `althing mcp config --client claude-desktop` prints what a client wants to be told\n");
    }
    wiring::run(async {
        let metrics = wiring::metrics();
        let settings = &ready.loaded.settings;
        let links = Links::open(settings, &metrics)?;
        let embedding = Embedding::begin(settings, &data);
        let matrix = wiring::matrix(&ready, &data, &metrics, &links)?;
        let house = wiring::house_of(settings, &data, &metrics, &links).await?;
        matrix.keep_votes(&house.votes);
        let catalogue = Catalogue::open(&house.store, settings, &data, &metrics, &links, embedding).await?;
        let decisions = decisions::open(&house.store, &matrix, settings, &metrics).await?;
        let door = wiring::mcp(settings, &matrix, &catalogue, &decisions, &metrics, house.local())?;
        let served = spoken(&door, toolset).await;
        decisions.close().await;
        catalogue.close().await;
        house.close().await;
        served.map(|()| DONE)
    })
}

async fn spoken(door: &McpDoor, toolset: Option<&str>) -> Result<(), Failure> {
    let served = match toolset {
        None => door.stdio().await,
        Some(name) => door.with_toolset(name).ok_or_else(|| unknown(door, name))?.stdio().await,
    };
    served.map_err(|error| Failure::of(&error))
}

fn unknown(door: &McpDoor, name: &str) -> Failure {
    let names: Vec<String> = door.toolsets().map(|name| format!("`{name}`")).collect();
    Failure::new(USAGE, format!("there is no toolset `{}`", clean(name)))
        .hint(format!("there are {}", names.join(", ")))
}

/// The client that a word stands for.
fn known(client: shell::Client) -> Client {
    match client {
        shell::Client::ClaudeDesktop => Client::ClaudeDesktop,
        shell::Client::ClaudeCode => Client::ClaudeCode,
        shell::Client::Cursor => Client::Cursor,
        shell::Client::VsCode => Client::VsCode,
        shell::Client::Codex => Client::Codex,
    }
}

fn config(
    global: &Global,
    client: Client,
    url: Option<&str>,
    toolset: Option<&str>,
    place: &Where,
) -> Result<u8, Failure> {
    let ready = wiring::load(wiring::source(global, place.profile.as_deref()))?;
    let settings = &ready.loaded.settings;
    let url = match url {
        Some(url) => rooted(url)?,
        None => settings.server.public_url.clone().unwrap_or_else(|| server::root(settings)),
    };
    let guarded = !is_loopback(&url) || is_guarded(global, place)?;
    let program = std::env::current_exe().ok().and_then(|path| path.into_os_string().into_string().ok());
    let mut arguments = Vec::new();
    for (flag, path) in [("--config", &global.config), ("--data", &place.data)] {
        if let Some(path) = path {
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            arguments.extend([flag.to_owned(), path.display().to_string()]);
        }
    }
    arguments.extend(place.profile.iter().flat_map(|profile| ["--profile".to_owned(), profile.clone()]));
    let program = program.as_deref().unwrap_or("althing");
    let block = client.block(&Connection { url: &url, toolset, guarded, program, arguments: &arguments });
    if global.json {
        print::json(&json!({ "client": client.name(), "file": client.place(), "block": block }))?;
        return Ok(DONE);
    }
    // The block alone is printed, so that it can be piped; where it belongs is said beside.
    print::say(&format!("for {}:\n", client.place()));
    print(&block)?;
    Ok(DONE)
}

/// An address with a scheme and a host.
fn rooted(url: &str) -> Result<String, Failure> {
    let wrong = || {
        let message = format!("`{}` is no address of a server", clean(url));
        Failure::new(USAGE, message).hint("write `http://HOST:PORT`")
    };
    let uri: Uri = url.parse().map_err(|_| wrong())?;
    let fits = matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some() && uri.query().is_none();
    if fits { Ok(url.trim_end_matches('/').to_owned()) } else { Err(wrong()) }
}

fn is_loopback(url: &str) -> bool {
    let uri: Option<Uri> = url.parse().ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default().trim_matches(['[', ']']).to_owned();
    host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether the server on this machine wants keys. Where there is no database yet, there is no key.
fn is_guarded(global: &Global, place: &Where) -> Result<bool, Failure> {
    let (ready, folder) = wiring::place(global, place)?;
    let settings = ready.loaded.settings;
    let config = store::Config::new(&settings.store, &folder).map_err(|error| wiring::of_store(&error))?;
    if data::there(&config).is_err() {
        return Ok(false);
    }
    wiring::run(async {
        let house = wiring::house(&settings, &folder, &wiring::metrics()).await?;
        let guarded = house.gate.guarded();
        house.close().await;
        Ok(guarded)
    })
}
