//! A server that nobody calls: how much memory it holds and how much it works.

use super::outcome::{Figure, Measured, Subject};
use super::process::Server;
use super::{Setup, version};
use crate::trouble::Trouble;
use std::time::Duration;

/// How long it is watched, and how long it may settle before.
const SECONDS: u32 = 60;
const SETTLE: Duration = Duration::from_secs(2);

pub(super) fn run(setup: &Setup) -> Result<Measured, Trouble> {
    let server = Server::up(&setup.binary, "")?;
    let seconds = f64::from(setup.share(SECONDS));
    std::thread::sleep(SETTLE);
    let before = server.cpu();
    std::thread::sleep(Duration::from_secs_f64(seconds));
    let share = server.cpu().since_s(&before) / seconds;
    let own = version(&setup.binary, "--version");
    let subject =
        Subject { name: "althing".to_owned(), version: own, measured: [("watched_s".to_owned(), seconds)].into() };
    let figures = vec![
        Figure::new("resident memory", server.resident_mb(), "MB"),
        Figure::new("processor", share * 1e2, "% of a core"),
    ];
    Ok(Measured { subjects: vec![subject], figures, ..Measured::default() })
}
