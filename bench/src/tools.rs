//! How long it takes to find a tool among many, through MCP. Knows the catalogue by its rule, and no other benchmark.

use super::ask::{metric, send};
use super::catalogue;
use super::mcp::Client;
use super::outcome::{Figure, Measured, Subject};
use super::process::{Folder, Server};
use super::sample::{median, percentile, round};
use super::{Setup, version};
use crate::trouble::Trouble;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How many tools there are, from one end of the curve to the other.
const SIZES: [usize; 5] = [100, 1_000, 5_000, 10_000, 15_000];
/// The size that most targets are about.
const MANY: usize = 5_000;
/// Questions for each size in one round.
const QUESTIONS: u32 = 50;
/// Repetitions of one question.
const REPEATS: u32 = 1_000;
/// How long the vectors of a whole catalogue may take.
const FILL_MAX: Duration = Duration::from_secs(600);
/// How many starts are timed.
const STARTS: usize = 5;
/// Where a model lies that somebody made elsewhere.
const MODEL: &str = "ALTHING_TEST_MODEL";
const SEARCHES: &str = "althing_search_duration_seconds";
const REQUESTS: &str = "althing_request_duration_seconds";

/// A server that knows so many tools.
struct Shop {
    server: Server,
    client: Client,
    size: usize,
    /// Milliseconds of each question.
    took: Vec<f64>,
}

pub(super) fn run(setup: &Setup) -> Result<Measured, Trouble> {
    let Some(model) = model() else {
        let void = Some(format!("there is no model: `make model` gets it, or `{MODEL}` names its folder"));
        return Ok(Measured { void, ..Measured::default() });
    };
    let mut measured = Measured::default();
    let mut shops = Vec::new();
    for size in SIZES {
        let (shop, filled) = Shop::open(setup, size, &format!("[embed]\nfolder = {model:?}\n"))?;
        if size == MANY {
            tell_fill(&mut measured, size, filled);
        }
        shops.push(shop);
    }
    let (mut words, _) = Shop::open(setup, MANY, "[embed]\nkind = \"off\"\n")?;
    let mut number = 0;
    for _ in 0..setup.rounds() {
        // Sizes take turns, so that whatever the machine does meanwhile happens to all of them.
        for shop in shops.iter_mut().chain([&mut words]) {
            // Servers hang up on connections that were silent while the others took their turn.
            shop.client = Client::connect(shop.server.address)?;
            for _ in 0..setup.share(QUESTIONS) {
                number += 1;
                shop.ask(number)?;
            }
        }
    }
    tell_curve(&mut measured, setup, &shops, &words);
    let Some(many) = shops.iter_mut().find(|shop| shop.size == MANY) else { return Ok(measured) };
    measured.figures.push(Figure::new("resident memory, 5,000 tools", many.server.resident_mb(), "MB"));
    repeat(setup, many, &mut measured)?;
    drop(shops);
    drop(words);
    restart(setup, &model, &mut measured)?;
    Ok(measured)
}

/// The folder of the converted model.
fn model() -> Option<PathBuf> {
    let data = std::env::var_os("XDG_DATA_HOME").map(PathBuf::from);
    let home = || std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share"));
    let usual = || Some(data.or_else(home)?.join("althing/models/all-minilm-l6-v2"));
    std::env::var_os(MODEL).map(PathBuf::from).or_else(usual).filter(|folder| folder.is_dir())
}

impl Shop {
    /// Starts a server, tells it the tools, and waits until it has a vector for each; with how long the vectors took.
    fn open(setup: &Setup, size: usize, config: &str) -> Result<(Self, Duration), Trouble> {
        let server = Server::up(&setup.binary, config)?;
        let began = Instant::now();
        import(server.address, size)?;
        let mut client = Client::connect(server.address)?;
        let is_off = config.contains("off");
        settle(&mut client, began, is_off)?;
        let took = began.elapsed();
        Ok((Self { server, client, size, took: Vec::new() }, took))
    }

    /// Asks what nobody has asked before.
    fn ask(&mut self, number: usize) -> Result<(), Trouble> {
        let found = find(&mut self.client, &catalogue::question(number, self.size))?;
        if found.1.as_array().is_none_or(Vec::is_empty) {
            return Err(Trouble::Bench { what: format!("question {number} finds none of {} tools", self.size) });
        }
        self.took.push(found.0.as_secs_f64() * 1e3);
        Ok(())
    }
}

fn import(address: SocketAddr, size: usize) -> Result<(), Trouble> {
    let answer = send(address, "POST", "/api/v1/tools/import?format=jsonl", None, &catalogue::tools(size))?;
    let told: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    if !answer.is_good() || told["added"] != size {
        return Err(Trouble::Bench { what: format!("{size} tools were imported with {}: {told}", answer.status) });
    }
    Ok(())
}

/// How long a question took, and the tools that were found.
fn find(client: &mut Client, query: &str) -> Result<(Duration, Value), Trouble> {
    let mut called = client.call("find_tools", &json!({ "query": query }))?;
    Ok((called.took, called.content["tools"].take()))
}

/// Waits until nothing is degraded any more.
fn settle(client: &mut Client, began: Instant, is_off: bool) -> Result<(), Trouble> {
    let mut tries = 0;
    loop {
        tries += 1;
        let query = format!("is everything there yet {tries}");
        let content = client.call("find_tools", &json!({ "query": query }))?.content;
        if is_off || content.get("degraded").is_none_or(Value::is_null) {
            return Ok(());
        }
        if began.elapsed() > FILL_MAX {
            return Err(Trouble::Bench { what: format!("the vectors are still missing: {content}") });
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn tell_fill(measured: &mut Measured, size: usize, filled: Duration) {
    let rate = size as f64 / filled.as_secs_f64();
    measured.figures.push(Figure::new("tools imported and embedded", rate, "per second"));
}

fn tell_curve(measured: &mut Measured, setup: &Setup, shops: &[Shop], words: &Shop) {
    for shop in shops {
        let size = thousands(shop.size);
        measured.figures.push(Figure::new(format!("p50 of {size}"), median(&shop.took), "ms"));
        measured.figures.push(Figure::new(format!("p95 of {size}"), percentile(&shop.took, 0.95), "ms"));
    }
    measured.figures.push(Figure::new("p50 of 5,000, words only", median(&words.took), "ms"));
    let of = |size: usize| shops.iter().find(|shop| shop.size == size).map_or(0.0, |shop| median(&shop.took));
    measured.figures.push(Figure::new("p50 of 1,000 over that of 100", of(1_000) / of(100), "times"));
    let asked = shops.iter().map(|shop| shop.took.len()).sum::<usize>();
    let told = [("questions".to_owned(), asked as f64)];
    let version = version(&setup.binary, "--version");
    measured.subjects.push(Subject { name: "althing".to_owned(), version, measured: told.into() });
}

/// One question again and again: what the server takes for it by its own clock, and whether anything is embedded.
fn repeat(setup: &Setup, shop: &mut Shop, measured: &mut Measured) -> Result<(), Trouble> {
    let address = shop.server.address;
    let count = |name: &str, part: &str| Ok(metric(address, &format!("{name}_{part}"))?.unwrap_or_default());
    let searched = count(SEARCHES, "sum")? / count(SEARCHES, "count")?.max(1.0);
    measured.figures.push(Figure::new("search alone, 5,000 tools", searched * 1e3, "ms"));
    let query = catalogue::question(1, shop.size);
    shop.client = Client::connect(address)?;
    find(&mut shop.client, &query)?;
    let embedded = metric(address, "althing_embed_texts_total")?.unwrap_or_default();
    let (sum, asked) = (count(REQUESTS, "sum")?, count(REQUESTS, "count")?);
    let mut took = Vec::new();
    for _ in 0..setup.share(REPEATS) {
        took.push(find(&mut shop.client, &query)?.0.as_secs_f64() * 1e3);
    }
    let inside = (count(REQUESTS, "sum")? - sum) / (count(REQUESTS, "count")? - asked).max(1.0);
    let again = metric(address, "althing_embed_texts_total")?.unwrap_or_default() - embedded;
    measured.figures.push(Figure::new("a repeated question, inside the server", inside * 1e3, "ms"));
    measured.figures.push(Figure::new("a repeated question, p50", median(&took), "ms"));
    measured.figures.push(Figure::new("texts embedded for it again", again, "texts"));
    Ok(())
}

/// From the start of a server that knows 5,000 tools to its first answer, and to the first with vectors.
fn restart(setup: &Setup, model: &Path, measured: &mut Measured) -> Result<(), Trouble> {
    let (home, config) = (Folder::new()?, format!("[embed]\nfolder = {model:?}\n"));
    let first = Server::up_in(&setup.binary, home.clone(), &config)?;
    import(first.address, MANY)?;
    settle(&mut Client::connect(first.address)?, Instant::now(), false)?;
    drop(first);
    let (mut answers, mut whole, mut embedded) = (Vec::new(), Vec::new(), 0.0);
    for number in 0..STARTS {
        let began = Instant::now();
        let server = Server::up_in(&setup.binary, home.clone(), &config)?;
        let mut client = Client::connect(server.address)?;
        let found = find(&mut client, &catalogue::question(number, MANY))?.1;
        answers.push(began.elapsed().as_secs_f64() * 1e3);
        if found.as_array().is_none_or(Vec::is_empty) {
            measured.failed.get_or_insert_with(|| "the first question after a start finds nothing".to_owned());
        }
        settle(&mut client, began, false)?;
        whole.push(began.elapsed().as_secs_f64() * 1e3);
        // Questions are embedded too; each is one text.
        embedded += metric(server.address, "althing_embed_texts_total")?.unwrap_or_default();
    }
    measured.figures.push(Figure::new("start to first answer, 5,000 tools", median(&answers), "ms"));
    measured.figures.push(Figure::new("start to first answer with vectors", median(&whole), "ms"));
    measured.notes.push(format!("{STARTS} starts; {} texts were embedded in them, all questions", round(embedded)));
    Ok(())
}

fn thousands(number: usize) -> String {
    match number {
        0..1_000 => number.to_string(),
        _ => format!("{},{:03}", number / 1_000, number % 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_told_apart() {
        assert_eq!((thousands(100), thousands(15_000)), ("100".to_owned(), "15,000".to_owned()));
    }
}
