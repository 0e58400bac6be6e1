//! `GET /v1/models`.

use crate::app::App;
use crate::gatekeeper::Arrival;
use crate::refusal::{Refusal, shown};
use crate::rest::Name;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use fault::Kind;
use wire::openai::{ModelCard, ModelList};

pub(crate) async fn list(State(app): State<App>) -> Json<ModelList> {
    Json(ModelList { object: "list", data: cards(&app) })
}

pub(crate) async fn one(State(app): State<App>, Extension(arrival): Extension<Arrival>, Name(id): Name) -> Response {
    match cards(&app).into_iter().find(|card| card.id == id) {
        Some(card) => Json(card).into_response(),
        None => Refusal::new(Kind::NotFound, "model_not_found", format!("the model `{}` does not exist", shown(&id)))
            .hint("`GET /v1/models` lists what can be asked")
            .openai(&arrival.id),
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
