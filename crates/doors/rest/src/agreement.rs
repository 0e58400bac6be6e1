//! `/api/v1/agreement`: how far observers agree over a batch of units. Nothing is kept, and no model is asked.

use crate::{Refused, Services};
use axum::Json;
use axum::routing::post;
use caller::Role;
use fault::Kind;
use http::Method;
use routes::{Need, Refusal, Row, Sent, describe};
use schemars::JsonSchema;
use serde::Deserialize;
use statistics::{Level, Rating, Reliability, ReliabilityError, reliability};

const PATH: &str = "/api/v1/agreement";

/// The same ratings have the same interval.
const SEED: u64 = 1;

/// What was rated.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Rated {
    /// What may be done with the values: `nominal` (the default), `ordinal`, `interval` or `ratio`.
    #[serde(default)]
    level: Level,
    /// One list per observer with one entry per unit: a figure, at the level `nominal` also a text, `null` where there
    /// is none. At most 256 observers, 10,000 units and 20,000 entries.
    ratings: Vec<Vec<Option<Rating>>>,
}

pub(crate) fn rows() -> Vec<Row<Services>> {
    let told = "Krippendorff's alpha: how far observers agree beyond chance, over many units";
    let about = describe::sent::<Rated, Reliability>(told, "200");
    vec![Row::new(Method::POST, PATH, Need::Role(Role::User), post(agreement), about)]
}

async fn agreement(Sent(rated): Sent<Rated>) -> Result<Json<Reliability>, Refused> {
    // A thousand passes over all ratings take long enough to keep others waiting.
    let found = tokio::task::spawn_blocking(move || reliability(&rated.ratings, rated.level, SEED)).await;
    let broken = |_| Refused::from(Box::new(Refusal::new(Kind::Internal, "internal_error", "alpha was not computed")));
    Ok(Json(found.map_err(broken)??))
}

impl From<ReliabilityError> for Refused {
    fn from(error: ReliabilityError) -> Self {
        let refusal = Refusal::new(Kind::Semantics, "no_agreement", error.to_string()).hint(error.hint());
        Self::from(Box::new(refusal))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    async fn asked(body: Value) -> Value {
        let rated = serde_json::from_value(body).unwrap();
        match agreement(Sent(rated)).await {
            Ok(Json(found)) => json!(found),
            Err(Refused(refusal)) => crate::tests::told(&refusal),
        }
    }

    #[tokio::test]
    async fn what_was_rated_comes_back_as_alpha() {
        let found = asked(json!({ "ratings": [["a", "b", null, "b"], ["a", "b", "b", "a"]] })).await;
        // Two of three units agree; three of the six are of each kind: 1 - 5 * 1 / 9.
        assert!((found["alpha"].as_f64().unwrap() - (1.0 - 5.0 / 9.0)).abs() < 1e-12, "{found}");
        assert_eq!((&found["level"], &found["units"]), (&json!("nominal"), &json!(3)));
        assert_eq!((&found["observers"], &found["pairs"]), (&json!(2), &json!(3)));
        let again = asked(json!({ "ratings": [["a", "b", null, "b"], ["a", "b", "b", "a"]] })).await;
        assert_eq!(found, again);
    }

    #[tokio::test]
    async fn what_cannot_be_told_is_422_and_says_what_to_do() {
        for (body, expect) in [
            (json!({ "ratings": [] }), "there are 0 observers, agreement takes two or more; give one list"),
            (json!({ "ratings": [[1, 2], [1]] }), "observer 2 has 1 ratings and the first has 2; give every observer"),
            (
                json!({ "level": "ratio", "ratings": [[-1], [1]] }),
                "observer 1 rates unit 1 `-1`, which the level `ratio`",
            ),
            (json!({ "ratings": [[1], [1]] }), "all ratings that can be compared are the same"),
        ] {
            let refused = asked(body).await;
            assert_eq!(refused["error"]["code"], "no_agreement", "{refused}");
            assert!(refused["error"]["message"].as_str().unwrap().starts_with(expect), "{refused}");
        }
    }
}
