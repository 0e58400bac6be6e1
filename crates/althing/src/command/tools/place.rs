//! Where the catalogue is: with a server, or in a database that no server has open.

use crate::catalogue::{Catalogue, Embedding};
use crate::command::server;
use crate::exit::Failure;
use crate::house::House;
use crate::sharing::Links;
use crate::wiring::{self, Ready};
use caller::Guest;
use http::{HeaderMap, Method};
use http_door::{Admits, Admitted, App, Parts};
use remote::{RemoteError, Server};
use settings::Settings;
use shell::{Global, ToolsAt};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use store::StoreError;

/// How long a server that has the database open may take to say so.
const HELLO_WITHIN: Duration = Duration::from_secs(5);
/// The largest document in process, where nobody's network is between.
const BODY_BYTES_MAX: usize = 1024 * 1024 * 1024;

/// How the catalogue is asked.
pub(super) struct Way {
    pub(super) server: Server,
    /// The catalogue itself, where no server stands between.
    pub(super) here: Option<Arc<Catalogue>>,
}

/// Finds the catalogue and works on it.
pub(super) fn with(
    global: &Global,
    at: &ToolsAt,
    work: impl AsyncFnOnce(&Way) -> Result<u8, Failure>,
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
async fn here(ready: &Ready, data: &Path, work: impl AsyncFnOnce(&Way) -> Result<u8, Failure>) -> Result<u8, Failure> {
    let (settings, metrics, links) = (&ready.loaded.settings, wiring::metrics(), Links::default());
    let embedding = Embedding::begin(settings, data);
    let matrix = wiring::matrix(ready, data, &metrics, &links)?;
    let house = wiring::house_of(settings, data, &metrics, &links).await?;
    let catalogue = Arc::new(Catalogue::open(&house.store, settings, data, &metrics, &links, embedding).await?);
    let app = App::new(Parts {
        matrix,
        metrics,
        server: settings::Server { body_bytes_max: BODY_BYTES_MAX, ..settings.server.clone() },
        api: false,
        admits: Arc::new(Local(Arc::clone(&house))),
        rows: http_door::rest::tools::rows(&catalogue.toolbox, &house.audit),
    });
    let server = Server::here(Arc::new(move |request| {
        let app = app.clone();
        Box::pin(async move { app.answer(request).await })
    }));
    let done = work(&Way { server, here: Some(Arc::clone(&catalogue)) }).await;
    catalogue.close().await;
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
