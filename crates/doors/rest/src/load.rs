//! `/api/v1/load/runs`: load tests and sweeps that were kept. They are the house's: of them other tenants learn nothing.

use crate::{Listed, Refused, Services};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json};
use caller::{Guest, Role};
use fault::Kind;
use http::{HeaderValue, Method, header};
use load::history::{HistoryError, RunKind, RunQuery, RunRow};
use routes::{Asked, Name, Need, Refusal, Row, describe, shown};
use schemars::JsonSchema;
use serde::Deserialize;
use store::Page;
use verdict::Report;
use verdict::sweep::Sweep;

/// Which runs, in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: Option<String>,
    kind: Option<RunKind>,
    limit: Option<usize>,
    cursor: Option<String>,
}

/// What a run or a sweep told; the text is sent as it was kept.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "it is described, never made")]
enum Document {
    /// A run with a verdict.
    Run(Box<Report>),
    /// Throughput over numbers of users.
    Sweep(Box<Sweep>),
}

const PARAMETERS: [(&str, &str); 4] = [
    ("name", "only those of this scenario or set"),
    ("kind", "only these: `run` or `sweep`"),
    ("limit", "entries per page, at most 1000"),
    ("cursor", "`cursor` of the page before"),
];
const ID: [(&str, &str); 1] = [("{id}", "the id of the run or the sweep")];

pub(crate) fn rows() -> Vec<Row<Services>> {
    let operator = Need::Role(Role::Operator);
    let all = describe::list::<RunRow>("Load tests and sweeps, the newest first", &PARAMETERS);
    let one = describe::one::<Document>("The whole report of a run, or the sweep", &ID);
    vec![
        Row::new(Method::GET, "/api/v1/load/runs", operator, get(list), all),
        Row::new(Method::GET, "/api/v1/load/runs/{id}", operator, get(show), one),
    ]
}

async fn list(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
    Asked(wanted): Asked<Wanted>,
) -> Result<Json<Listed<RunRow>>, Refused> {
    let Wanted { name, kind, limit, cursor } = wanted;
    let page = match guest.identity.confined_to() {
        None => services.load.list(&RunQuery { name, kind, limit, cursor }).await?,
        Some(_) => Page { entries: Vec::new(), cursor: None },
    };
    Ok(Json(Listed::of(page)))
}

async fn show(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
    Name(id): Name,
) -> Result<Response, Refused> {
    let found = match guest.identity.confined_to() {
        None => services.load.document(&id).await?,
        Some(_) => None,
    };
    let missing = || {
        let message = format!("there is no load run `{}`", shown(&id));
        let hint = "`GET /api/v1/load/runs` lists what was kept";
        Refused::from(Box::new(Refusal::new(Kind::NotFound, "not_found", message).hint(hint)))
    };
    let json = HeaderValue::from_static("application/json");
    Ok(([(header::CONTENT_TYPE, json)], found.ok_or_else(missing)?).into_response())
}

impl From<HistoryError> for Refused {
    fn from(error: HistoryError) -> Self {
        Self(std::sync::Arc::new(Refusal::of(&error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use access::{Flags, Keys};
    use audit::Audit;
    use axum::body::to_bytes;
    use books::Books;
    use caller::{HOUSE, Identity};
    use load::history::History;
    use measure::Metrics;
    use serde_json::{Value, json};
    use settings::Settings;
    use std::sync::Arc;
    use store::{Config, Store};
    use testkit::Purse;
    use verdict::sweep::{LevelRepeat, LevelReport};

    async fn services(data: &std::path::Path) -> Services {
        let (settings, metrics) = (Settings::default(), Metrics::new("test"));
        let figures = metrics.access();
        let config = Config::new(&settings.store, data).unwrap();
        let store = Store::open(&config, metrics.store()).await.unwrap();
        let books = Books::open(store.clone(), &settings.budget, &settings.ledger, figures.clone()).await.unwrap();
        Services {
            keys: Arc::new(Keys::open(&store, &settings.access, figures.clone()).await.unwrap()),
            books,
            audit: Arc::new(Audit::open(store.clone(), figures).await.unwrap()),
            flags: Arc::new(Flags::new(&settings.flag, &metrics)),
            load: Arc::new(History::open(&store).await.unwrap()),
            matrix: Arc::new(matrix::Matrix::new(&settings, Vec::new(), metrics).unwrap()),
        }
    }

    fn operator(tenant: &str) -> Extension<Guest> {
        let identity = Identity { subject: "k_1".into(), tenant: tenant.into(), role: Role::Operator };
        Extension(Guest { identity: Arc::new(identity), spend: Purse::new() })
    }

    fn sweep() -> Sweep {
        let repeats = vec![LevelRepeat { rate_per_s: 10.0, success: 0.5, ..LevelRepeat::default() }];
        Sweep {
            schema: 1,
            id: "sweep_1".into(),
            started: "2026-11-21T03:26:06Z".into(),
            target: Default::default(),
            environment: Default::default(),
            scenario: "chat".into(),
            levels: vec![LevelReport { users: 1, repeats }],
            fit: None,
            fit_error: None,
            notes: Vec::new(),
        }
    }

    #[tokio::test]
    async fn the_house_reads_what_was_kept_and_nobody_else() {
        let data = tempfile::tempdir().unwrap();
        let services = services(data.path()).await;
        services.load.keep_sweep(&sweep()).await.unwrap();
        let wanted =
            |name: Option<&str>| Wanted { name: name.map(str::to_owned), kind: None, limit: None, cursor: None };
        let listed = async |tenant, name| {
            let page = list(State(services.clone()), operator(tenant), Asked(wanted(name))).await.unwrap();
            json!(page.0)["items"].take()
        };
        let items = listed(HOUSE, Some("chat")).await;
        assert_eq!(
            (&items[0]["id"], &items[0]["kind"], &items[0]["rate_per_s"]),
            (&json!("sweep_1"), &json!("sweep"), &json!(5.0))
        );
        assert_eq!((listed(HOUSE, Some("mcp")).await, listed("acme", None).await), (json!([]), json!([])));

        let shown = async |tenant, id: &str| show(State(services.clone()), operator(tenant), Name(id.to_owned())).await;
        let reply = shown(HOUSE, "sweep_1").await.unwrap();
        assert_eq!(reply.headers()[header::CONTENT_TYPE], "application/json");
        let body: Value = serde_json::from_slice(&to_bytes(reply.into_body(), 99_999).await.unwrap()).unwrap();
        assert_eq!(body, json!(sweep()));
        for (tenant, id) in [(HOUSE, "load_1"), (HOUSE, "\u{fffd}"), ("acme", "sweep_1")] {
            let Refused(refusal) = shown(tenant, id).await.unwrap_err();
            let body = crate::tests::told(&refusal);
            assert_eq!(body["error"]["code"], "not_found", "{tenant} {id}: {body}");
        }
    }

    #[test]
    fn the_description_is_of_a_bearable_size() {
        let rows = rows();
        let bytes: usize = rows.iter().map(|row| row.head.operation.to_string().len()).sum();
        assert!((1_000..60_000).contains(&bytes), "{bytes}");
    }
}
