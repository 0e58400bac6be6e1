//! `althing mcp stdio`: the tools over standard input and output, on which nothing but protocol may appear.

use crate::cli::{Global, Where};
use crate::exit::{DONE, Failure};
use crate::sharing::Links;
use crate::{print, wiring};
use std::io::IsTerminal;

/// Serves one client until it closes standard input.
pub(crate) fn stdio(global: &Global, place: &Where) -> Result<u8, Failure> {
    wiring::logs(global, "warn")?;
    let (ready, data) = wiring::place(global, place)?;
    if std::io::stdin().is_terminal() {
        print::say("waiting for an MCP client on standard input: clients start this command themselves\n");
        print::say("hint: `claude mcp add althing -- althing mcp stdio`\n");
    }
    wiring::run(async {
        let metrics = wiring::metrics();
        let settings = &ready.loaded.settings;
        let links = Links::open(settings, &metrics)?;
        let matrix = wiring::matrix(&ready, &data, &metrics, &links)?;
        let house = wiring::house_of(settings, &data, &metrics, &links).await?;
        matrix.keep_votes(&house.votes);
        let door = wiring::mcp(settings, &matrix, &metrics, house.local())?;
        let served = door.stdio().await.map_err(|error| Failure::of(&error));
        house.close().await;
        served?;
        Ok(DONE)
    })
}
