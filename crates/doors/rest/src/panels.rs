//! `/api/v1/panels`: how panels stand, and the truth about what they answered. What is counted of other tenants is shown
//! to nobody but the house.

use crate::{Refused, Services};
use axum::extract::{FromRequestParts, Path, State};
use axum::routing::{get, post};
use axum::{Extension, Json};
use caller::{Guest, Role};
use fault::Kind;
use http::Method;
use http::request::Parts;
use matrix::{MemberState, PairState, PanelState, SettleError, Truth};
use routes::{Name, Need, Refusal, Row, Sent, describe, shown};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use settings::{Answers, OnDisagreement, Weights};
use std::convert::Infallible;

const PATH: &str = "/api/v1/panels";

/// Panels in alphabetical order.
#[derive(Debug, Serialize, JsonSchema)]
struct PanelPage {
    items: Vec<PanelView>,
    /// Always null: the list comes whole.
    cursor: Option<String>,
}

/// A panel as it stands.
#[derive(Debug, Serialize, JsonSchema)]
struct PanelView {
    /// Its name.
    name: String,
    /// The share of the weight that must agree.
    agreement: f64,
    /// What kind of answer is compared.
    answers: Answers,
    /// Whose voice weighs how much.
    weights: Weights,
    /// How many members are asked first; null for all at once.
    first: Option<usize>,
    /// Who settles what the members do not agree on; null for nobody.
    resolution: Option<ResolutionView>,
    /// What is answered without agreement.
    on_disagreement: OnDisagreement,
    /// How long it may take, in milliseconds.
    deadline_ms: u64,
    /// Questions of your tenant on which it agreed, over the days that `ledger.calls_days` keeps.
    reached: u64,
    /// Questions of your tenant on which it did not agree.
    not_reached: u64,
    /// How many independent voices its members are worth, judged by how they err together.
    effective_voters: f64,
    /// The members, in the panel's order.
    members: Vec<MemberView>,
    /// Members two by two, where the truth of any question of your tenant is known that both answered.
    pairs: Vec<PairView>,
}

/// Who settles what members do not agree on.
#[derive(Debug, Serialize, JsonSchema)]
struct ResolutionView {
    /// `judge` or `arbiter`.
    method: &'static str,
    /// The model.
    model: String,
}

/// A member of a panel.
#[derive(Debug, Serialize, JsonSchema)]
struct MemberView {
    /// The model.
    model: String,
    /// Who trained it, as far as that is known.
    family: String,
    /// What its voice weighs by the settings.
    weight: f64,
    /// What it weighs now.
    weight_in_force: f64,
    /// How often it was right on questions of your tenant; null where no truth is known.
    accuracy: Option<AccuracyView>,
}

/// How often a member was right.
#[derive(Debug, Serialize, JsonSchema)]
struct AccuracyView {
    /// Answers that were right.
    right: u64,
    /// Answers whose truth is known.
    asked: u64,
    /// The share of them, 0 to 1.
    share: f64,
    /// The 95 % Wilson interval of the share.
    interval: [f64; 2],
}

/// Two members and how they did together.
#[derive(Debug, Serialize, JsonSchema)]
struct PairView {
    first: String,
    second: String,
    /// Questions on which both were right.
    both_right: u64,
    /// Questions on which only `first` was.
    only_first: u64,
    /// Questions on which only `second` was.
    only_second: u64,
    /// Questions on which both were wrong.
    both_wrong: u64,
    /// How their errors correlate, 0 to 1, shrunk to what is assumed of such models.
    correlation: f64,
}

/// The truth about a question: either member, not both.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TruthWanted {
    /// The models that were right, as `provider/model`. Who gave the same answer as one of them was right too, everybody
    /// else was wrong; an empty list says that all were.
    right: Option<Vec<String>>,
    /// The right answer in words, at most 64 KiB: whose answer says the same was right. For questions whose words are still
    /// in memory.
    answer: Option<String>,
    /// How often the truth about this question was told, 0 for never, where that must not have changed.
    version: Option<i64>,
}

/// What is known about a question now.
#[derive(Debug, Serialize, JsonSchema)]
struct TruthView {
    /// The panel.
    panel: String,
    /// The question.
    request_id: String,
    /// How often the truth about it was told.
    version: i64,
    /// Who was right.
    right: Vec<String>,
    /// Who was wrong.
    wrong: Vec<String>,
}

/// A question in the path. What is no text there is nobody's question.
struct Question {
    panel: String,
    request_id: String,
}

impl<S: Send + Sync> FromRequestParts<S> for Question {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let read: Result<Path<(String, String)>, _> = Path::from_request_parts(parts, state).await;
        let nobody = || (String::from(char::REPLACEMENT_CHARACTER), String::from(char::REPLACEMENT_CHARACTER));
        let (panel, request_id) = read.map_or_else(|_| nobody(), |Path(names)| names);
        // No database keeps that character.
        let name = |text: String| shown(&text).replace('\0', "\u{fffd}");
        Ok(Self { panel: name(panel), request_id: name(request_id) })
    }
}

pub(crate) fn rows() -> Vec<Row<Services>> {
    let panel = ("{panel}", "the name of the panel");
    let all = describe::one::<PanelPage>("Panels: weights in force, measured accuracy, how members err together", &[]);
    let one = describe::one::<PanelView>("How a panel stands", &[panel]);
    let asked = ("{request_id}", "`althing.agreement.request_id` of the reply");
    let told = describe::sent_to::<TruthWanted, TruthView>(
        "Tell which answers to a question of your tenant were right",
        &[panel, asked],
        "200",
    );
    let viewer = Need::Role(Role::Viewer);
    vec![
        Row::new(Method::GET, PATH, viewer, get(list), all),
        Row::new(Method::GET, "/api/v1/panels/{panel}", viewer, get(show), one),
        Row::new(Method::POST, "/api/v1/panels/{panel}/answers/{request_id}", Need::Role(Role::User), post(tell), told),
    ]
}

async fn list(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
) -> Result<Json<PanelPage>, Refused> {
    let states = services.matrix.panels(&guest.identity).await?;
    Ok(Json(PanelPage { items: states.into_iter().map(PanelView::from).collect(), cursor: None }))
}

async fn show(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
    Name(panel): Name,
) -> Result<Json<PanelView>, Refused> {
    let states = services.matrix.panels(&guest.identity).await?;
    let found = states.into_iter().find(|state| state.name == panel);
    let missing = || {
        let message = format!("there is no panel `{}`", shown(&panel));
        let hint = "`GET /api/v1/panels` lists what there is";
        Refused::from(Box::new(Refusal::new(Kind::NotFound, "not_found", message).hint(hint)))
    };
    found.map(|state| Json(PanelView::from(state))).ok_or_else(missing)
}

async fn tell(
    State(services): State<Services>,
    Extension(guest): Extension<Guest>,
    Question { panel, request_id }: Question,
    Sent(wanted): Sent<TruthWanted>,
) -> Result<Json<TruthView>, Refused> {
    let truth = match (wanted.right, wanted.answer) {
        (Some(models), None) => Truth::Right(models),
        (None, Some(text)) => Truth::Answer(text),
        _ => {
            let message = "the truth is told by one of `right` and `answer`";
            let hint = "name the models that were right, or write the right answer";
            return Err(Box::new(Refusal::new(Kind::BadInput, "invalid_body", message).hint(hint)).into());
        }
    };
    let settled = services.matrix.settle(&guest.identity, &panel, &request_id, truth, wanted.version).await?;
    let votes::Settled { version, right, wrong } = settled;
    Ok(Json(TruthView { panel, request_id, version, right, wrong }))
}

impl From<SettleError> for Refused {
    fn from(error: SettleError) -> Self {
        let refusal = Refusal::of(&error);
        Self(std::sync::Arc::new(match error {
            SettleError::Votes(votes::VotesError::Stale { version, .. }) => refusal.version(version),
            _ => refusal,
        }))
    }
}

impl From<PanelState> for PanelView {
    fn from(state: PanelState) -> Self {
        Self {
            name: state.name,
            agreement: state.agreement,
            answers: state.answers,
            weights: state.weights,
            first: state.first,
            resolution: state.judge.map(|(method, model)| ResolutionView { method, model }),
            on_disagreement: state.on_disagreement,
            deadline_ms: u64::try_from(state.deadline.as_millis()).unwrap_or(u64::MAX),
            reached: state.reached,
            not_reached: state.not_reached,
            effective_voters: four_digits(state.effective_voters),
            members: state.members.into_iter().map(MemberView::from).collect(),
            pairs: state.pairs.into_iter().map(PairView::from).collect(),
        }
    }
}

impl From<MemberState> for MemberView {
    fn from(state: MemberState) -> Self {
        let accuracy = state.accuracy.map(|found| AccuracyView {
            right: found.right,
            asked: found.asked,
            share: four_digits(found.right as f64 / found.asked as f64),
            interval: found.interval.map(four_digits),
        });
        let (model, family) = (state.model, state.family);
        Self { model, family, weight: state.given, weight_in_force: four_digits(state.in_force), accuracy }
    }
}

impl From<PairState> for PairView {
    fn from(state: PairState) -> Self {
        let votes::Together { both_right, only_first, only_second, both_wrong } = state.counts;
        let (first, second, correlation) = (state.first, state.second, four_digits(state.rho));
        Self { first, second, both_right, only_first, only_second, both_wrong, correlation }
    }
}

fn four_digits(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}

#[cfg(test)]
mod tests;
