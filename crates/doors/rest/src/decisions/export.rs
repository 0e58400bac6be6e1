//! `…/export`: a decision as a file.

use super::{ID, Room, Who};
use crate::Refused;
use ::decisions::Look;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use routes::{Asked, Name, describe};
use serde::Deserialize;
use serde_json::{Value, json};

/// What a browser may do with a page: nothing but to style it, framed by nobody.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; \
                      frame-ancestors 'none'; sandbox";

/// How a decision is written.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    #[default]
    #[serde(alias = "md")]
    Markdown,
    Csv,
    Json,
    Html,
}

impl Format {
    /// What it is, and how names of such files end.
    fn kind(self) -> (&'static str, &'static str) {
        match self {
            Self::Markdown => ("text/markdown; charset=utf-8", "md"),
            Self::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
            Self::Json => ("application/json", "json"),
            Self::Html => ("text/html; charset=utf-8", "html"),
        }
    }
}

/// What the lines of comma-separated values are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Table {
    /// Pairs of option and criterion.
    #[default]
    Pairs,
    /// Options in their order.
    Ranking,
}

/// What is wanted, in the query.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    format: Format,
    #[serde(default)]
    table: Table,
    seed: Option<u64>,
}

pub(super) fn operation() -> Value {
    let parameters = [
        ID[0],
        ("format", "`markdown`, `csv`, `json` or `html`; `markdown` if left out"),
        ("table", "of `csv`: `pairs` or `ranking`; `pairs` if left out"),
        ("seed", "the seed of chance; the decision's own if left out"),
    ];
    let mut operation = describe::one::<sheet::Sheet>("A decision as a file", &parameters);
    let text = || json!({ "schema": { "type": "string" } });
    let content = &mut operation["responses"]["200"]["content"];
    for kind in ["text/markdown", "text/csv", "text/html"] {
        content[kind] = text();
    }
    operation
}

pub(super) async fn serve(
    State(room): Room,
    who: Who,
    Name(id): Name,
    Asked(Wanted { format, table, seed }): Asked<Wanted>,
) -> Result<Response, Refused> {
    let outlook = room.result(&who.identity, &id, Look { include_history: false, seed }).await?;
    let sheet = &outlook.sheet;
    let text = match format {
        Format::Markdown => sheet::markdown(sheet),
        Format::Csv if table == Table::Ranking => sheet::csv_ranking(sheet),
        Format::Csv => sheet::csv(sheet),
        Format::Json => sheet::json(sheet),
        Format::Html => sheet::page(sheet),
    };
    let (kind, ending) = format.kind();
    let part = if matches!(format, Format::Csv) && table == Table::Ranking { "-ranking" } else { "" };
    let mut response = text.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // The id is ours: nothing of a user's stands in the name.
    let attached = format!("attachment; filename=\"decision-{}{part}.{ending}\"", outlook.session_id);
    if let Ok(attached) = HeaderValue::try_from(attached) {
        headers.insert(header::CONTENT_DISPOSITION, attached);
    }
    if matches!(format, Format::Html) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    }
    Ok(response)
}
