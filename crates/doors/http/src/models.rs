//! `GET /v1/models`.

use crate::app::App;
use crate::refusal::Shaped;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use fault::Kind;
use http::HeaderMap;
use routes::{Arrival, Name, Refusal, shown};
use serde_json::{Value, json};
use wire::Dialect;
use wire::openai::{ModelCard, ModelList};

/// The list in OpenAI's shape, or in Anthropic's for its clients: they alone send the version of its API.
pub(crate) async fn list(State(app): State<App>, headers: HeaderMap) -> Response {
    if !headers.contains_key("anthropic-version") {
        return Json(ModelList { object: "list", data: cards(&app) }).into_response();
    }
    let data: Vec<Value> = cards(&app).iter().map(anthropic).collect();
    let id = |card: Option<&Value>| card.map(|card| card["id"].clone());
    Json(json!({ "first_id": id(data.first()), "last_id": id(data.last()), "has_more": false, "data": data }))
        .into_response()
}

fn anthropic(card: &ModelCard) -> Value {
    let created = calendar::rfc3339(card.created.cast_signed() * 1_000);
    json!({ "type": "model", "id": card.id, "display_name": card.id, "created_at": created })
}

pub(crate) async fn one(
    State(app): State<App>,
    Extension(arrival): Extension<Arrival>,
    headers: HeaderMap,
    Name(id): Name,
) -> Response {
    match cards(&app).into_iter().find(|card| card.id == id) {
        Some(card) if headers.contains_key("anthropic-version") => Json(anthropic(&card)).into_response(),
        Some(card) => Json(card).into_response(),
        None => {
            let anthropic = headers.contains_key("anthropic-version");
            let dialect = if anthropic { Dialect::Messages } else { Dialect::Chat };
            Refusal::new(Kind::NotFound, "model_not_found", format!("the model `{}` does not exist", shown(&id)))
                .hint("`GET /v1/models` lists what can be asked")
                .in_dialect(dialect, &arrival.id)
        }
    }
}

fn cards(app: &App) -> Vec<ModelCard> {
    let card = |model: matrix::ModelInfo| ModelCard {
        id: model.id,
        object: "model",
        created: app.0.started_unix,
        owned_by: model.owned_by,
        kind: model.kind,
    };
    app.0.matrix.models().into_iter().map(card).collect()
}
