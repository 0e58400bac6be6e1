//! What is wrong with settings beyond what they can tell by themselves, as this binary would put rooms together.

use crate::exit::{CONFIGURATION, Failure};
use crate::wiring::{self, Ready};
use doctor::Problem;
use matrix::PlanError;

/// Everything that keeps these settings from being served.
pub(crate) fn problems(ready: &Ready) -> Vec<Problem> {
    doctor::problems(&ready.loaded, &wiring::plan)
}

/// Why the engine cannot be made, with the line at fault where one can be told.
pub(crate) fn refused(ready: &Ready, error: &PlanError) -> Failure {
    match problems(ready).first() {
        Some(problem) => Failure::of_settings(&problem.error),
        None => Failure::of(error).code(CONFIGURATION),
    }
}
