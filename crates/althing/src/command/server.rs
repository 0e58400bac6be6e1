//! The server that a command speaks to, and what its refusals mean to whoever typed.

use crate::exit::{Failure, USAGE};
use crate::wiring;
use fault::Explain;
use http::Method;
use remote::{RemoteError, Server};
use serde_json::Value;
use settings::Settings;
use shell::Global;
use std::time::Duration;
use terminal::clean;

/// The variable with a key for servers that want one.
pub(crate) const KEY: &str = "ALTHING_KEY";

/// The one that was named, else the one of the settings.
pub(crate) fn find(global: &Global, target: Option<&str>) -> Result<Server, Failure> {
    match target {
        Some(root) => Ok(Server::at(root, key())),
        None => Ok(of(&wiring::load(wiring::source(global, None))?.loaded.settings)),
    }
}

/// The server that these settings start.
pub(crate) fn of(settings: &Settings) -> Server {
    Server::at(&root(settings), key())
}

/// Where it can be called.
pub(crate) fn root(settings: &Settings) -> String {
    let scheme = if settings.server.tls.is_some() { "https" } else { "http" };
    // What is listened on may be every address of the machine; what can be called is one.
    let bind = settings.server.bind.replace("0.0.0.0:", "127.0.0.1:").replace("[::]:", "[::1]:");
    format!("{scheme}://{bind}")
}

fn key() -> Option<String> {
    std::env::var(KEY).ok().filter(|key| !key.trim().is_empty())
}

/// Asks it.
pub(crate) async fn ask(
    server: &Server,
    method: Method,
    path: &str,
    body: Option<&Value>,
    within: Duration,
) -> Result<Value, Failure> {
    server.ask(method, path, body, within).await.map_err(|error| failure(&error))
}

/// Why it did not.
pub(crate) fn failure(error: &RemoteError) -> Failure {
    let told = Failure::of(error).message(clean(&error.to_string()));
    match error {
        RemoteError::Address { .. } => told.code(USAGE),
        RemoteError::Key => told.code(USAGE).message(format!("what {KEY} holds is no key")),
        RemoteError::Away { .. } => told,
        RemoteError::Refused { status: 401 | 403, .. } => {
            told.code(crate::exit::FAILED).hint(format!("put the key of an operator into {KEY}"))
        }
        RemoteError::Refused { .. } => {
            let hint = error.hint().map(|hint| clean(&hint));
            let told = told.code(crate::exit::FAILED);
            if let Some(hint) = hint { told.hint(hint) } else { told }
        }
    }
}
