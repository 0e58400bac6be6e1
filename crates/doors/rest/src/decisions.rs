//! `/api/v1/decisions`: options judged by criteria, evaluated, watched while they are, read, exported. Another tenant's
//! decision does not exist; that is decided in the room of decisions, not here.

mod events;
mod export;
mod views;

use crate::{Listed, Refused};
use ::decisions::{
    CriterionChange, Decision, DecisionError, Decisions, DocketError, Evaluate, Evaluation, Look, NewCriterion,
    NewDecision, NewOption, OptionChange, Outlook, Statistics,
};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, patch, post, put};
use axum::{Extension, Json};
use caller::{Guest, Role};
use http::{HeaderValue, Method, StatusCode, header};
use routes::{Asked, Asking, Name, Names, Need, Perhaps, Refusal, Row, Sent, describe};
use serde_json::{Value, json};
use std::sync::Arc;
use views::{Begun, Change, Comparisons, ListedView, Page, Scores, Version, Wait};

type Room = State<Arc<Decisions>>;
type Who = Extension<Guest>;

const ALL: &str = "/api/v1/decisions";
const ONE: &str = "/api/v1/decisions/{id}";
const OPTIONS: &str = "/api/v1/decisions/{id}/options";
const OPTION: &str = "/api/v1/decisions/{id}/options/{name}";
const CRITERIA: &str = "/api/v1/decisions/{id}/criteria";
const CRITERION: &str = "/api/v1/decisions/{id}/criteria/{name}";

const ID: [(&str, &str); 1] = [("{id}", "the id of the decision")];
const PAGE: [(&str, &str); 2] =
    [("limit", "entries per page, at most 1000"), ("cursor", "`cursor` of the page before")];
const GONE: [(&str, &str); 2] = [ID[0], VERSION];
const VERSION: (&str, &str) = ("version", "the version that the decision must have");
const OF_OPTION: [(&str, &str); 2] = [ID[0], ("{name}", "the name of the option")];
const OF_CRITERION: [(&str, &str); 2] = [ID[0], ("{name}", "the name of the criterion")];
const LOOK: [(&str, &str); 3] = [
    ID[0],
    ("include_history", "`true`: what was said to models and by them comes along"),
    ("seed", "the seed of chance; the decision's own if left out, so that the same decision gives the same figures"),
];

/// Decisions as resources.
pub fn rows(decisions: &Arc<Decisions>) -> Vec<Row> {
    let all = beginning().into_iter().chain(changing()).chain(evaluating());
    all.map(|row| row.with_state(decisions)).collect()
}

type Rows = Vec<Row<Arc<Decisions>>>;

fn viewer(path: &'static str, handler: MethodRouter<Arc<Decisions>>, operation: Value) -> Row<Arc<Decisions>> {
    Row::new(Method::GET, path, Need::Role(Role::Viewer), handler, operation)
}

fn user(
    method: Method,
    path: &'static str,
    handler: MethodRouter<Arc<Decisions>>,
    operation: Value,
) -> Row<Arc<Decisions>> {
    Row::new(method, path, Need::Role(Role::User), handler, operation)
}

/// Decisions as they come and go.
fn beginning() -> Rows {
    let begin = describe::sent::<NewDecision, Decision>("Begin a decision: nothing is asked yet", "201");
    vec![
        user(Method::POST, ALL, post(begin_one), begin),
        viewer(ALL, get(list), describe::list::<ListedView>("Your tenant's decisions, newest first", &PAGE)),
        // They are of all tenants.
        Row::new(
            Method::GET,
            "/api/v1/decisions/statistics",
            Need::Role(Role::Operator),
            get(statistics),
            describe::one::<Statistics>(FIGURES, &[]),
        ),
        viewer(ONE, get(show), describe::one::<Decision>("A decision as it stands, with the score of each pair", &ID)),
        user(Method::DELETE, ONE, delete(remove), describe::gone("Remove a decision, evaluated or not", &GONE)),
    ]
}

const FIGURES: &str = "How decisions are doing on this server: percentiles, rates, places taken";

/// What a decision is made of.
fn changing() -> Rows {
    let told = |summary, at: &[_]| describe::one::<Decision>(summary, at);
    let add_option = describe::sent_to::<Change<NewOption>, Decision>("Add an option", &ID, "200");
    let add_criterion = describe::sent_to::<Change<NewCriterion>, Decision>("Add a criterion", &ID, "200");
    let about = "Change an option; other texts make its scores outdated";
    let change_option = describe::sent_to::<Change<OptionChange>, Decision>(about, &OF_OPTION, "200");
    let about = "Change a criterion; another weight makes no score outdated";
    let change_criterion = describe::sent_to::<Change<CriterionChange>, Decision>(about, &OF_CRITERION, "200");
    let about = "Tell how criteria compare two by two, for weights by AHP as a second opinion; none takes it back";
    let compare_criteria = describe::sent_to::<Comparisons, Decision>(about, &ID, "200");
    let about = "Score pairs oneself, all or none";
    let score_pairs = describe::sent_to::<Scores, Decision>(about, &ID, "200");
    let (from_option, from_criterion) =
        ([OF_OPTION[0], OF_OPTION[1], VERSION], [OF_CRITERION[0], OF_CRITERION[1], VERSION]);
    vec![
        user(Method::POST, OPTIONS, post(option_added), add_option),
        user(Method::PATCH, OPTION, patch(option_changed), change_option),
        user(Method::DELETE, OPTION, delete(option_removed), told("Remove an option and its scores", &from_option)),
        user(Method::POST, CRITERIA, post(criterion_added), add_criterion),
        user(Method::PATCH, CRITERION, patch(criterion_changed), change_criterion),
        user(
            Method::DELETE,
            CRITERION,
            delete(criterion_removed),
            told("Remove a criterion and its scores", &from_criterion),
        ),
        user(Method::PUT, "/api/v1/decisions/{id}/comparisons", put(compare), compare_criteria),
        user(Method::POST, "/api/v1/decisions/{id}/scores", post(score), score_pairs),
    ]
}

/// What a decision comes to.
fn evaluating() -> Rows {
    let result = describe::one::<Outlook>("What a decision comes to, as far as it has scores", &LOOK);
    vec![
        user(Method::POST, "/api/v1/decisions/{id}/evaluate", post(evaluate), evaluation()),
        viewer("/api/v1/decisions/{id}/events", get(events::serve), events::operation()),
        viewer("/api/v1/decisions/{id}/matrix", get(matrix), result),
        viewer("/api/v1/decisions/{id}/export", get(export::serve), export::operation()),
    ]
}

fn evaluation() -> Value {
    let about = "Ask models about each pair that has no valid score; asked again, it goes on where it ended";
    let wait =
        ("wait", "`false`: answers at once, and evaluates in the background; `events` of the answer tells how far");
    let mut operation = describe::sent_to::<Evaluate, Evaluation>(about, &[ID[0], wait], "200");
    let begun = describe::one::<Begun>("", &[]);
    operation["responses"]["202"] = begun["responses"]["200"].clone();
    operation["responses"]["202"]["description"] = "begun; `events` tells how far it is".into();
    operation["requestBody"]["required"] = false.into();
    operation
}

async fn begin_one(State(room): Room, who: Who, Sent(new): Sent<NewDecision>) -> Result<Response, Refused> {
    let decision = room.start(&who.identity, new).await?;
    let place = place(&decision.id, "");
    let mut response = (StatusCode::CREATED, Json(decision)).into_response();
    point(&mut response, &place);
    Ok(response)
}

async fn list(State(room): Room, who: Who, Asked(page): Asked<Page>) -> Result<Json<Listed<ListedView>>, Refused> {
    Ok(Json(Listed::of(room.list(&who.identity, page.limit, page.cursor.as_deref()).await?)))
}

async fn statistics(State(room): Room, who: Who) -> Result<Json<Statistics>, Refused> {
    Ok(Json(room.statistics(&who.identity).await?))
}

async fn show(State(room): Room, who: Who, Name(id): Name) -> Result<Json<Decision>, Refused> {
    Ok(Json(room.get(&who.identity, &id).await?))
}

async fn remove(
    State(room): Room,
    who: Who,
    Name(id): Name,
    Asked(asked): Asked<Version>,
) -> Result<StatusCode, Refused> {
    room.remove(&who.identity, &id, asked.version).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn option_added(
    State(room): Room,
    who: Who,
    Name(id): Name,
    Sent(Change { what, version }): Sent<Change<NewOption>>,
) -> Result<Json<Decision>, Refused> {
    Ok(Json(room.add_option(&who.identity, &id, what, version).await?))
}

async fn option_changed(
    State(room): Room,
    who: Who,
    Names(id, name): Names,
    Sent(Change { what, version }): Sent<Change<OptionChange>>,
) -> Result<Json<Decision>, Refused> {
    Ok(Json(room.change_option(&who.identity, &id, &name, what, version).await?))
}

async fn option_removed(
    State(room): Room,
    who: Who,
    Names(id, name): Names,
    Asked(asked): Asked<Version>,
) -> Result<Json<Decision>, Refused> {
    Ok(Json(room.remove_option(&who.identity, &id, &name, asked.version).await?))
}

async fn criterion_added(
    State(room): Room,
    who: Who,
    Name(id): Name,
    Sent(Change { what, version }): Sent<Change<NewCriterion>>,
) -> Result<Json<Decision>, Refused> {
    Ok(Json(room.add_criterion(&who.identity, &id, what, version).await?))
}

async fn criterion_changed(
    State(room): Room,
    who: Who,
    Names(id, name): Names,
    Sent(Change { what, version }): Sent<Change<CriterionChange>>,
) -> Result<Json<Decision>, Refused> {
    Ok(Json(room.change_criterion(&who.identity, &id, &name, what, version).await?))
}

async fn criterion_removed(
    State(room): Room,
    who: Who,
    Names(id, name): Names,
    Asked(asked): Asked<Version>,
) -> Result<Json<Decision>, Refused> {
    Ok(Json(room.remove_criterion(&who.identity, &id, &name, asked.version).await?))
}

async fn score(
    State(room): Room,
    who: Who,
    Name(id): Name,
    Sent(Scores { scores, version }): Sent<Scores>,
) -> Result<Json<Decision>, Refused> {
    Ok(Json(room.score(&who.identity, &id, scores, version).await?))
}

async fn compare(
    State(room): Room,
    who: Who,
    Name(id): Name,
    Sent(Comparisons { comparisons, version }): Sent<Comparisons>,
) -> Result<Json<Decision>, Refused> {
    Ok(Json(room.compare(&who.identity, &id, comparisons, version).await?))
}

async fn evaluate(
    State(room): Room,
    Asking(caller): Asking,
    Name(id): Name,
    Asked(asked): Asked<Wait>,
    Perhaps(how): Perhaps<Evaluate>,
) -> Result<Response, Refused> {
    if asked.wait.unwrap_or(true) {
        return Ok(Json(room.evaluate(&caller, &id, how).await?).into_response());
    }
    let progress = room.evaluate_behind(&caller, &id, how).await?.borrow().clone();
    let events = place(&id, "/events");
    let begun = Begun { matrix: place(&id, "/matrix"), events: events.clone(), session_id: id, progress };
    let mut response = (StatusCode::ACCEPTED, Json(begun)).into_response();
    point(&mut response, &events);
    Ok(response)
}

async fn matrix(
    State(room): Room,
    who: Who,
    Name(id): Name,
    Asked(look): Asked<Look>,
) -> Result<Json<Outlook>, Refused> {
    Ok(Json(room.result(&who.identity, &id, look).await?))
}

/// Where a decision, or something about it, is found.
fn place(id: &str, below: &str) -> String {
    format!("{ALL}/{id}{below}")
}

fn point(response: &mut Response, place: &str) {
    if let Ok(place) = HeaderValue::try_from(place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
}

/// Hints name what REST has in place of tools.
impl From<DecisionError> for Refused {
    fn from(error: DecisionError) -> Self {
        let refusal = Refusal::of(&error);
        Self(Arc::new(match error {
            DecisionError::Running { kept: DocketError::Running { id }, progress } => {
                refusal.with("progress", json!(progress)).with("events", place(&id, "/events").into())
            }
            DecisionError::Kept(kept) => hinted(refusal, kept),
            _ => refusal,
        }))
    }
}

/// A refusal for what is kept of decisions.
fn hinted(refusal: Refusal, kept: DocketError) -> Refusal {
    match kept {
        DocketError::Stale { version, .. } => refusal.version(version),
        DocketError::UnknownSession { nearest, .. } if nearest.is_empty() => {
            refusal.hint("`GET /api/v1/decisions` lists what there is")
        }
        DocketError::UnknownName { what, nearest, .. } if nearest.is_empty() => {
            refusal.hint(format!("`GET` the decision to see its {what} names"))
        }
        DocketError::UnknownSession { nearest, .. } | DocketError::UnknownName { nearest, .. } => {
            refusal.with("nearest", json!(nearest))
        }
        DocketError::NoCriterion { .. } => refusal.hint("add a criterion: `POST …/criteria`"),
        _ => refusal,
    }
}

#[cfg(test)]
mod tests;
