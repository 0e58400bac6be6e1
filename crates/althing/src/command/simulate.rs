//! `althing simulate`: an upstream to break on purpose.

use crate::exit::{CONFIGURATION, DONE, FAILED, Failure, UNREACHABLE};
use crate::print::print;
use crate::{command::up, wiring};
use serde_json::json;
use shell::{Global, Simulate};
use simulate::{Cast, Stage};
use std::fs;
use std::net::SocketAddr;

/// Serves until it is told to stop.
pub(crate) fn run(global: &Global, args: &Simulate) -> Result<u8, Failure> {
    wiring::logs(global, "warn")?;
    let cast = cast(args)?;
    wiring::run_alone(async {
        let listener = listener::listen(args.bind);
        let listener = listener.map_err(|error| {
            Failure::new(UNREACHABLE, format!("cannot listen on `{}`: {error}", args.bind))
                .hint("choose another `--bind`")
        })?;
        let address = listener.local_addr().map_err(|error| Failure::new(FAILED, error.to_string()))?;
        let stop = up::told_to_leave();
        print(&match global.json {
            true => format!("{}\n", json!({ "address": address.to_string() })),
            false => greeting(address),
        })?;
        simulate::serve(&Stage::new(&cast), listener, wiring::crew(), stop).await;
        Ok(DONE)
    })
}

fn greeting(address: SocketAddr) -> String {
    format!(
        "simulate listens on http://{address}\n\n  \
           OpenAI     http://{address}/v1\n  \
           Anthropic  http://{address}/v1/messages\n  \
           script     POST http://{address}/_script, see examples/simulate.toml\n  \
           delays     GET  http://{address}/_delays, what answers really took\n"
    )
}

fn cast(args: &Simulate) -> Result<Cast, Failure> {
    let Some(file) = &args.script else { return Ok(Cast::default()) };
    let text = fs::read_to_string(file)
        .map_err(|error| Failure::new(CONFIGURATION, format!("cannot read `{}`: {error}", file.display())))?;
    Cast::from_toml(&text).map_err(|error| Failure::new(CONFIGURATION, format!("{}: {error}", file.display())))
}
