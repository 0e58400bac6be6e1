//! `/api/v1/prompts`: what was asked and answered, where settings keep it; read and erased by admins.

use crate::{Listed, Refused, Services, moment};
use access::AccessError;
use axum::extract::State;
use axum::routing::{delete, get};
use axum::{Extension, Json};
use books::{PromptQuery, PromptRow};
use caller::{Guest, Role};
use http::Method;
use routes::{Asked, Need, Row, describe};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

const PATH: &str = "/api/v1/prompts";

/// Which prompts, in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    tenant: Option<String>,
    #[serde(alias = "subject")]
    key: Option<String>,
    request_id: Option<String>,
    before: Option<String>,
    /// Whether all prompts are meant, where nothing else is said.
    all: Option<bool>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// How many are gone.
#[derive(Debug, Serialize, JsonSchema)]
struct Erased {
    /// Prompts and answers erased.
    erased: u64,
}

const PARAMETERS: [(&str, &str); 7] = [
    ("tenant", "only this tenant's"),
    ("key", "only those of this key, by its id"),
    ("request_id", "only those of this request"),
    ("before", "only those before this moment"),
    ("all", "`true` to erase all of them"),
    ("limit", "entries per page, at most 1000"),
    ("cursor", "`cursor` of the page before"),
];

pub(crate) fn rows() -> Vec<Row<Services>> {
    let admin = Need::Role(Role::Admin);
    let all = describe::list::<PromptRow>("Prompts and answers, the newest first", &PARAMETERS);
    let gone = describe::one::<Erased>("Erase prompts and answers: all that fit", &PARAMETERS[..5]);
    vec![Row::new(Method::GET, PATH, admin, get(list), all), Row::new(Method::DELETE, PATH, admin, delete(erase), gone)]
}

impl Wanted {
    fn says_which(&self) -> bool {
        [&self.tenant, &self.key, &self.request_id, &self.before].into_iter().any(Option::is_some)
    }

    fn query(&self) -> Result<PromptQuery, Refused> {
        let arc = |text: &Option<String>| text.as_deref().map(Arc::from);
        Ok(PromptQuery {
            tenant: arc(&self.tenant),
            subject: arc(&self.key),
            request_id: arc(&self.request_id),
            before_ms: moment("before", self.before.as_deref())?,
        })
    }
}

async fn list(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Listed<PromptRow>>, Refused> {
    let (query, cursor) = (wanted.query()?, wanted.cursor.as_deref());
    let page = services.books.prompts(&guest.identity, &query, cursor, wanted.limit).await?;
    Ok(Json(Listed::of(page)))
}

async fn erase(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Erased>, Refused> {
    if !wanted.says_which() && wanted.all != Some(true) {
        let (problem, hint) = ("needed where nothing says which prompts to erase".to_owned(), "write `?all=true`");
        return Err(AccessError::Invalid { param: "all", problem, hint }.into());
    }
    let erased = services.books.erase_prompts(&guest.identity, &wanted.query()?).await?;
    Ok(Json(Erased { erased }))
}
