//! Where something is asked: at a server, or right on a database that no server has open, through the same API.

use crate::command::server;
use crate::exit::Failure;
use crate::house::House;
use crate::print;
use crate::sharing::Links;
use crate::wiring::{self, Ready};
use caller::Guest;
use http::{HeaderMap, Method};
use http_door::{Admits, Admitted, App, Parts};
use matrix::Matrix;
use measure::Metrics;
use remote::{RemoteError, Server};
use routes::Row;
use serde_json::{Value, json};
use settings::Settings;
use shell::{At, Global};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::StoreError;

/// How long a server that has the database open may take to say so.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// The largest document in process, where nobody's network is between.
const BODY_BYTES_MAX: usize = 1024 * 1024 * 1024;
/// The most of a list at a time.
const PAGE: usize = 1_000;

/// Something that can be asked in process: what a server makes of it, alone.
pub(super) trait Room: Sized {
    /// What is on its way before the database is open.
    type Begun;

    /// Begins with what takes a while, within a runtime.
    fn begin(settings: &Settings, data: &Path) -> Self::Begun;

    /// Opens it.
    async fn open(begun: Self::Begun, ground: &Ground<'_>) -> Result<Self, Failure>;

    /// What of the API it answers.
    fn rows(&self, house: &House) -> Vec<Row>;

    /// How long a request may take in process, in milliseconds.
    fn deadline_ms(settings: &Settings) -> u64 {
        settings.server.deadline_ms
    }

    /// Writes what is not written yet.
    async fn close(&self);
}

/// What a room stands on in process.
pub(super) struct Ground<'a> {
    pub(super) settings: &'a Settings,
    pub(super) data: &'a Path,
    pub(super) metrics: &'a Arc<Metrics>,
    pub(super) links: &'a Links,
    pub(super) matrix: &'a Arc<Matrix>,
    pub(super) house: &'a Arc<House>,
}

/// How it is asked.
pub(super) struct Way<R> {
    pub(super) server: Server,
    /// The room itself, where no server stands between.
    pub(super) here: Option<Arc<R>>,
}

impl<R> Way<R> {
    /// Page after page of a list, until there are enough; `cursor` is left where there are more.
    pub(super) async fn list(
        &self,
        path: &str,
        filter: &[(&str, Option<String>)],
        limit: usize,
        within: Duration,
    ) -> Result<Value, Failure> {
        let mut all = json!({ "items": [], "cursor": null });
        loop {
            let held = all["items"].as_array().map_or(0, Vec::len);
            let mut asked = filter.to_vec();
            asked.push(("limit", Some((limit - held).min(PAGE).to_string())));
            asked.push(("cursor", all["cursor"].as_str().map(str::to_owned)));
            let page = self.server.ask(Method::GET, &remote::query(path, &asked), None, within).await;
            let mut page = page.map_err(|error| server::failure(&error))?;
            if let (Some(items), Some(more)) = (all["items"].as_array_mut(), page["items"].as_array_mut()) {
                items.append(more);
            }
            all["cursor"] = page["cursor"].take();
            let held = all["items"].as_array().map_or(0, Vec::len);
            if all["cursor"].is_null() || held >= limit {
                return Ok(all);
            }
        }
    }
}

/// What people read of an answer.
pub(super) type Words = fn(&Value) -> String;

/// Prints an answer: as it is for programs, in words for people.
pub(super) fn show(global: &Global, told: &Value, words: Words) -> Result<(), Failure> {
    if global.json { print::json(told) } else { print::print(&words(told)) }
}

/// A name as one part of a path.
pub(super) fn part(name: &str) -> String {
    remote::escaped(name).replace('/', "%2F")
}

/// Finds out where to ask, and works on it.
pub(super) fn with<R: Room>(
    global: &Global,
    at: &At,
    work: impl AsyncFnOnce(&Way<R>) -> Result<u8, Failure>,
) -> Result<u8, Failure> {
    if let Some(target) = &at.target {
        let server = server::find(global, Some(target))?;
        return wiring::run(async { work(&Way { server, here: None }).await });
    }
    let (ready, data) = wiring::place(global, &at.place)?;
    wiring::run(async {
        if let Some(server) = running(&ready.loaded.settings, &data).await? {
            return work(&Way { server, here: None }).await;
        }
        here(&ready, &data, work).await
    })
}

/// The server that has this data folder open, if one does: only it would know at once what changes.
async fn running(settings: &Settings, data: &Path) -> Result<Option<Server>, Failure> {
    match store::lock_exclusive(data) {
        Ok(_) => return Ok(None),
        Err(StoreError::InUse { .. }) => {}
        Err(error) => return Err(wiring::of_store(&error)),
    }
    let server = server::of(settings);
    match server.ask(Method::GET, "/api/v1/whoami", None, HELLO_WITHIN).await {
        // Another command has it open.
        Err(RemoteError::Away { .. }) => Ok(None),
        Err(error) => Err(server::failure(&error)),
        Ok(_) => Ok(Some(server)),
    }
}

/// Works right on the database, through the same API.
async fn here<R: Room>(
    ready: &Ready,
    data: &Path,
    work: impl AsyncFnOnce(&Way<R>) -> Result<u8, Failure>,
) -> Result<u8, Failure> {
    let (settings, metrics, links) = (&ready.loaded.settings, &wiring::metrics(), &Links::default());
    let begun = R::begin(settings, data);
    let matrix = &wiring::matrix(ready, data, metrics, links)?;
    let house = &wiring::house_of(settings, data, metrics, links).await?;
    let room = R::open(begun, &Ground { settings, data, metrics, links, matrix, house }).await?;
    let room = Arc::new(room);
    let own = settings.server.clone();
    let app = App::new(Parts {
        matrix: Arc::clone(matrix),
        metrics: Arc::clone(metrics),
        server: settings::Server { body_bytes_max: BODY_BYTES_MAX, deadline_ms: R::deadline_ms(settings), ..own },
        api: false,
        admits: Arc::new(Local(Arc::clone(house))),
        rows: room.rows(house),
    });
    let server = Server::here(Arc::new(move |request| {
        let app = app.clone();
        Box::pin(async move { app.answer(request).await })
    }));
    let done = work(&Way { server, here: Some(Arc::clone(&room)) }).await;
    room.close().await;
    house.close().await;
    done
}

/// Whoever can open the database may do everything with it.
struct Local(Arc<House>);

impl Admits for Local {
    fn admit(&self, _: &HeaderMap, _: IpAddr) -> Admitted {
        let guest: Guest = self.0.local();
        Admitted::Now(Ok(guest))
    }
}
