//! Panels and routes: names a client can ask for that are not one model.
//!
//! Which models exist is not known here, so a panel may name a model that nobody offers; who owns the models says so.

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::names::{Named, name_or_table};
use crate::provider::or_name;
use crate::usd::Usd;

/// A group of models that answer the same question and are compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Panel {
    /// What clients ask for.
    pub name: String,
    /// Who answers, 1 to 64 models, each a name or a table.
    pub members: Vec<Member>,
    /// The share of the weight that must agree, above 0 and at most 1.
    pub agreement: f64,
    /// How long the panel may take, in milliseconds.
    pub deadline_ms: u64,
    /// The most one question may cost, in US dollars.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd_max: Option<Usd>,
    /// What to answer when the members do not agree.
    pub on_disagreement: OnDisagreement,
}

impl Default for Panel {
    fn default() -> Self {
        Self {
            name: String::new(),
            members: Vec::new(),
            agreement: 0.6,
            deadline_ms: 30_000,
            cost_usd_max: None,
            on_disagreement: OnDisagreement::default(),
        }
    }
}

/// What a panel answers when its members do not agree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnDisagreement {
    /// The answers side by side, each with its share.
    #[default]
    List,
    /// The answer with the largest share.
    Plurality,
    /// An error that carries the answers.
    Error,
}

/// A member of a panel: a bare model name, or a table when its voice weighs more or less than the others'.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, remote = "Self")]
#[schemars(transform = or_name)]
pub struct Member {
    /// The model, as `provider/model` or as a bare name that only one provider offers.
    pub model: String,
    /// How much its answer counts, above 0.
    pub weight: f64,
}

impl Default for Member {
    fn default() -> Self {
        Self { model: String::new(), weight: 1.0 }
    }
}

impl Named for Member {
    const EXPECTED: &'static str = "the name of a model or a table";

    fn named(model: String) -> Self {
        Self { model, ..Self::default() }
    }

    fn from_table<'de, A: serde::de::MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Self::deserialize(MapAccessDeserializer::new(map))
    }
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        name_or_table(deserializer)
    }
}

impl Serialize for Member {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::named(self.model.clone()) {
            return serializer.serialize_str(&self.model);
        }
        Self::serialize(self, serializer)
    }
}

/// A name that stands for models chosen by rules.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Route {
    /// What clients ask for.
    pub name: String,
    /// The rules, of which the first that holds wins.
    pub rules: Vec<Rule>,
}

/// Models for the requests that a condition describes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// The models, tried in this order.
    pub models: Vec<String>,
    /// Which requests the rule is for; without a condition, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
}

/// A condition on a request; it holds when every part that is given holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// Whether the client asks for a stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    /// Whether the client offers tools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<bool>,
    /// A flag, and after `=` the variant that the caller must fall into, as in `search=new`; without one, `on`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flag: Option<String>,
    /// The fewest characters in all messages together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_chars_min: Option<u64>,
    /// The most characters in all messages together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_chars_max: Option<u64>,
}
