//! `althing plan`: what a growing demand needs.

use crate::command::load as runs;
use crate::exit::{DONE, FAILED, Failure};
use crate::print::{self, print};
use crate::wiring;
use load::history::History;
use shell::{Global, Plan};
use verdict::capacity::{Demand, Quota, plan, text};
use verdict::sweep::Sweep;

/// Plans and prints.
pub(crate) fn run(global: &Global, args: &Plan) -> Result<u8, Failure> {
    wiring::logs(global, "warn")?;
    let sweep: Sweep = match &args.sweep {
        Some(file) => runs::read(file)?,
        None => runs::history(global, &args.place, false, async |history: &History| history.latest_sweep(None).await)?
            .ok_or_else(|| {
                Failure::new(FAILED, "no sweep was kept")
                    .hint("measure one with `althing load sweep`, or name its file")
            })?,
    };
    let demand = Demand {
        rate_per_s: args.demand,
        growths: args.growth.clone(),
        quota: (args.rpm.is_some() || args.tpm.is_some()).then_some(Quota { rpm: args.rpm, tpm: args.tpm }),
        cores: args.cores,
        memory_mb: args.memory,
        store_pool: args.store_pool,
    };
    let plan = plan(&sweep, &demand).map_err(|error| Failure::of(&error))?;
    match global.json {
        true => print::json(&plan)?,
        false => print(&text(&plan))?,
    }
    Ok(DONE)
}
