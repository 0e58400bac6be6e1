//! `/api/v1/flags`: which variants the caller falls into.

use crate::{Refused, Services};
use axum::extract::State;
use axum::routing::get;
use axum::{Extension, Json};
use caller::{Guest, Role};
use http::Method;
use routes::{Name, Need, Row, describe};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// All flags.
#[derive(Debug, Serialize, JsonSchema)]
struct FlagsView {
    /// The variant that the caller falls into, by flag.
    flags: BTreeMap<String, String>,
}

/// One flag.
#[derive(Debug, Serialize, JsonSchema)]
struct FlagView {
    /// Which.
    flag: String,
    /// The variant that the caller falls into.
    variant: String,
}

pub(crate) fn rows() -> Vec<Row<Services>> {
    let viewer = Need::Role(Role::Viewer);
    let all = describe::one::<FlagsView>("The variants that the caller falls into; counts no exposure", &[]);
    let name = [("{name}", "the name of the flag")];
    let one = describe::one::<FlagView>("The variant that the caller falls into; counts as an exposure", &name);
    vec![
        Row::new(Method::GET, "/api/v1/flags", viewer, get(list), all),
        Row::new(Method::GET, "/api/v1/flags/{name}", viewer, get(show), one),
    ]
}

async fn list(State(services): State<Services>, Extension(guest): Extension<Guest>) -> Json<FlagsView> {
    Json(FlagsView { flags: services.flags.all(&guest.identity.subject) })
}

async fn show(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
    Name(flag): Name,
) -> Result<Json<FlagView>, Refused> {
    let variant = services.flags.exposed(&flag, &guest.identity.subject)?;
    Ok(Json(FlagView { flag, variant }))
}
