//! What is told of a vote: who said what, how far they agree, what became of each member. Shapes alone, as the contract
//! names them; who fills them knows the votes.

use crate::Method;
use prices::Cost;
use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use std::fmt::Write as _;

/// One of a few names. Written out as a reference, it would tie an agreement to the text that it is read from.
type MethodName = &'static str;

/// How far a panel agreed, as the contract defines it.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct Agreement {
    /// The id of the request that was voted on, under which the truth about the answer is told; a kept answer tells the
    /// id of the request that it was made for.
    pub request_id: String,
    /// How answers were compared: `exact`, `numeric`, `lexical`, `json` or `ranking`.
    #[schemars(with = "String")]
    #[serde(deserialize_with = "as_method")]
    pub method: MethodName,
    /// How many members were asked.
    pub asked: usize,
    /// How many answered.
    pub answered: usize,
    /// Whether the leading group holds the share that the panel asks for; of JSON answers, whether each field has a value
    /// that does.
    pub reached: bool,
    /// The leading group's share of the weight of all who neither failed nor timed out; the share of the weakest field
    /// where the fields of JSON answers hold it and no group of whole answers does.
    pub share: f64,
    /// The 95 % Wilson interval of that share.
    pub interval: [f64; 2],
    /// How many independent voices the answers are worth, given how models are known to err together.
    pub effective_voters: f64,
    /// Whether members were cancelled because they could not change the result.
    pub stopped_early: bool,
    /// Milliseconds saved by that, judged by what the cancelled members usually take; 0 when that is not known.
    pub saved_ms: u64,
    /// The groups of answers that agree, the heaviest first.
    pub clusters: Vec<ClusterReport>,
    /// What the figures among the answers come to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub numbers: Option<NumbersReport>,
    /// What each field of the JSON answers has come to.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldReport>,
    /// Whether the answer is composed of the leading values of all fields, and no member gave it as a whole.
    #[serde(skip_serializing_if = "is_false")]
    pub composed: bool,
    /// What the orders among the answers add up to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ranking: Option<RankingReport>,
    /// How a question was settled on which the members did not agree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolution: Option<ResolutionReport>,
    /// What became of each member, in the panel's order.
    pub members: Vec<MemberReport>,
    /// What a reader should know before trusting the figures.
    pub caution: Vec<String>,
    /// How many of the answers scripts made up; told as a caution.
    #[serde(skip)]
    pub simulated: usize,
}

impl Agreement {
    /// The figures beside the votes, a line each, for people: what numbers, orders and fields come to.
    pub fn figures(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if let Some(found) = &self.numbers {
            let unit = found.unit.as_deref().map(|unit| format!(" {unit}")).unwrap_or_default();
            let mut line = format!("median {}{unit}, median absolute deviation {}{unit}", found.median, found.mad);
            if let Some(mean) = found.trimmed_mean {
                let _ = write!(line, ", trimmed mean {mean}{unit}");
            }
            lines.push(line);
        }
        if let Some(found) = &self.ranking {
            let places: Vec<_> = found.order.iter().map(|place| format!("{} ({})", place.item, place.points)).collect();
            lines.push(format!("order by points: {}", places.join(" > ")));
            lines.push(match &found.condorcet {
                Some(item) => format!("`{item}` wins against every other one by one"),
                None if found.cycle => "no item wins against every other: majorities go round in a circle".to_owned(),
                None => "no item wins against every other: some tie".to_owned(),
            });
        }
        for field in &self.fields {
            let value = field.value.as_ref().map_or_else(|| "left out".to_owned(), Value::to_string);
            lines.push(format!("{}: {value}, {:.0} %", field.path, field.share * 100.0));
        }
        lines
    }

    /// The answers as text, for a panel that did not agree.
    pub fn list(&self) -> String {
        let mut text = format!(
            "No agreement: {} of {} members answered and the largest group holds {:.0} %.\n",
            self.answered,
            self.asked,
            self.share * 100.0
        );
        for cluster in &self.clusters {
            let members = cluster.members.join(", ");
            let _ = write!(text, "\n{:.0} % ({members}):\n{}\n", cluster.share * 100.0, cluster.answer);
        }
        for line in self.figures() {
            let _ = write!(text, "\n{line}");
        }
        text
    }
}

/// How a question was settled on which the members did not agree.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ResolutionReport {
    /// `judge`: it picks one of the answers. `arbiter`: it writes its own.
    #[schemars(with = "String")]
    #[serde(deserialize_with = "as_method")]
    pub method: MethodName,
    /// Who.
    pub model: String,
    /// The place in `clusters`, from 0, of the answer that the judge has picked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub picked: Option<usize>,
    /// Milliseconds that it took.
    pub latency_ms: f64,
    /// US dollars, which are in `cost_usd` of the reply too; `null` when unknown.
    #[schemars(with = "Option<f64>")]
    #[serde(serialize_with = "as_number", deserialize_with = "as_cost")]
    pub cost_usd: Cost,
    /// Why it settled nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Answers that agree.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ClusterReport {
    /// The answer closest to all others in the group, word for word.
    pub answer: String,
    /// The group's share of the weight of all who neither failed nor timed out.
    pub share: f64,
    /// Who is in it.
    pub members: Vec<String>,
}

/// What several figures come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NumbersReport {
    /// Their weighted median, in `unit`.
    pub median: f64,
    /// The median absolute deviation from it, in `unit`.
    pub mad: f64,
    /// The mean without the fifth of the weight at each end, in `unit`; from five figures on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trimmed_mean: Option<f64>,
    /// The unit of all figures that are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// Whose figures are counted.
    pub members: Vec<String>,
}

/// What one field of several JSON answers has come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FieldReport {
    /// Where it stands, as a JSON pointer (RFC 6901).
    pub path: String,
    /// The value with the most weight behind it; absent where that leaves the field out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
    /// The share of the weight behind it, of all who neither failed nor timed out.
    pub share: f64,
    /// Who is behind it.
    pub members: Vec<String>,
}

/// What several orders add up to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RankingReport {
    /// The items by Borda's count, the first first.
    pub order: Vec<PlaceReport>,
    /// The item that wins against every other one by one; `null` where there is none.
    pub condorcet: Option<String>,
    /// Whether there is none because majorities go round in a circle.
    pub cycle: bool,
    /// Kendall's W, 0 to 1: how far the orders run alike; `null` with fewer than two.
    pub w: Option<f64>,
}

/// One item of several orders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlaceReport {
    /// The item, as the first who named it wrote it.
    pub item: String,
    /// Borda's count: for each member its weight times the items that it puts behind this one.
    pub points: f64,
}

/// What became of one member.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct MemberReport {
    /// Which.
    pub model: String,
    /// How it ended.
    pub outcome: MemberOutcome,
    /// Why there is no answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Milliseconds until it ended.
    pub latency_ms: f64,
    /// US dollars; `null` when unknown.
    #[schemars(with = "Option<f64>")]
    #[serde(serialize_with = "as_number", deserialize_with = "as_cost")]
    pub cost_usd: Cost,
}

/// How asking one member ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberOutcome {
    /// With an answer.
    Answered,
    /// With a fault.
    Failed,
    /// Without an answer in time.
    TimedOut,
    /// Cancelled, because it could not change the result.
    Cancelled,
    /// Never asked.
    Skipped,
}

fn is_false(value: &bool) -> bool {
    !value
}

/// A cost as a number; `null` where it is not known.
///
/// # Errors
/// Those of the serializer.
pub fn as_number<S: Serializer>(cost: &Cost, serializer: S) -> Result<S::Ok, S::Error> {
    cost.and_then(|cost: Decimal| f64::try_from(cost).ok()).serialize(serializer)
}

/// The number as it was written: the digits that [`as_number`] leaves are all that is known again.
fn as_cost<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Cost, D::Error> {
    let number = Option::<serde_json::Number>::deserialize(deserializer)?;
    Ok(number.and_then(|number| {
        let text = number.to_string();
        text.parse().or_else(|_| Decimal::from_scientific(&text)).ok()
    }))
}

/// One of the names that there are.
fn as_method<'de, D: Deserializer<'de>>(deserializer: D) -> Result<&'static str, D::Error> {
    let name = String::deserialize(deserializer)?;
    let all = [Method::Exact, Method::Numeric, Method::Json, Method::Ranking, Method::Lexical];
    let known = all.into_iter().map(Method::as_str).chain(["judge", "arbiter"]).find(|known| *known == name);
    known.ok_or_else(|| serde::de::Error::custom("a method that does not exist here"))
}
