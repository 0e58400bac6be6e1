//! Panels and routes: names a client can ask for that are not one model.
//!
//! Which models exist is not known here, so a panel may name a model that nobody offers; who owns the models says so.

use schemars::JsonSchema;
use serde::de::value::MapAccessDeserializer;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::balance::Strategy;
use crate::cache::Cacheable;
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
    /// What kind of answer is compared.
    pub answers: Answers,
    /// Whose voice weighs how much.
    pub weights: Weights,
    /// How many members are asked first, at least 2, the cheapest; the others follow if those do not agree. Without it,
    /// all at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<usize>,
    /// What settles a question on which the members do not agree.
    pub resolution: Resolution,
    /// The model that judges or arbitrates, where `resolution` asks for one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judge: Option<String>,
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
            answers: Answers::default(),
            weights: Weights::default(),
            first: None,
            resolution: Resolution::default(),
            judge: None,
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

/// What kind of answer a panel compares.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Answers {
    /// Whatever the answers turn out to be.
    #[default]
    Auto,
    /// Words, in groups that say the same.
    Text,
    /// One figure: the median speaks for all, with its median absolute deviation.
    Number,
    /// JSON, field by field.
    Json,
    /// An order of items: Borda's count, and Condorcet's winner where there is one.
    Ranking,
}

/// Whose voice weighs how much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Weights {
    /// As the members' `weight` says.
    #[default]
    Given,
    /// That, times what the model's measured accuracy is worth; models of which little is known weigh alike.
    Measured,
}

/// What settles a question on which the members of a panel do not agree.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// Nothing: `on_disagreement` says what is answered.
    #[default]
    Vote,
    /// The judge picks one of the answers.
    Judge,
    /// The arbiter reads all answers and writes its own.
    Arbiter,
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
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Route {
    /// What clients ask for.
    pub name: String,
    /// The rules, of which the first that holds wins.
    pub rules: Vec<Rule>,
    /// Which of its requests may be answered from the cache, where that differs from `cache.requests`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache: Option<Cacheable>,
    /// How long its answers are kept in seconds, where that differs from `cache.ttl_s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_ttl_s: Option<u64>,
}

/// Models for the requests that a condition describes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Rule {
    /// The models, each a name or a table.
    pub models: Vec<Choice>,
    /// In which order they are tried.
    pub balance: Strategy,
    /// Whether a second copy goes to the next model when the first token takes longer than it usually does; both are
    /// paid, and the retry budget limits how often it happens.
    pub hedge: bool,
    /// Models that one request would likely cost more, in US dollars, are asked last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_usd_max: Option<Usd>,
    /// Models that usually take longer to the first token, in milliseconds, are asked last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_ms_max: Option<u64>,
    /// Which requests the rule is for; without a condition, all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
}

/// A model of a rule: a bare name, or a table when it gets more or less than the others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, remote = "Self")]
#[schemars(transform = or_name)]
pub struct Choice {
    /// The model, as `provider/model` or as a bare name.
    pub model: String,
    /// Its share where `balance` goes by weight, above 0.
    pub weight: f64,
}

impl Default for Choice {
    fn default() -> Self {
        Self { model: String::new(), weight: 1.0 }
    }
}

impl Named for Choice {
    const EXPECTED: &'static str = "the name of a model or a table";

    fn named(model: String) -> Self {
        Self { model, ..Self::default() }
    }

    fn from_table<'de, A: serde::de::MapAccess<'de>>(map: A) -> Result<Self, A::Error> {
        Self::deserialize(MapAccessDeserializer::new(map))
    }
}

impl From<String> for Choice {
    fn from(model: String) -> Self {
        Self::named(model)
    }
}

impl<'de> Deserialize<'de> for Choice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        name_or_table(deserializer)
    }
}

impl Serialize for Choice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Self::named(self.model.clone()) {
            return serializer.serialize_str(&self.model);
        }
        Self::serialize(self, serializer)
    }
}

/// A condition on a request; it holds when every part that is given holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
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
    /// The share of callers, 0 to 1, for whom the rule is: always the same ones, by a hash of the route's name and of
    /// who asks. The shares of a route's rules add up, to 1 at most: each begins where the one before it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// Tags that the request must carry in `x-althing-tags`, all of them; none with a comma in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The class of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// The least complexity of the question, 0 to 1: below 0.3 is a simple one, from 0.6 on it is long, has constraints
    /// or builds on what was said before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complexity_min: Option<f64>,
    /// The complexity of the question must stay below this, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub complexity_below: Option<f64>,
    /// The fewest characters in all messages together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_chars_min: Option<u64>,
    /// The most characters in all messages together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prompt_chars_max: Option<u64>,
}

/// How much a request matters when not all can be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Served first, turned away last.
    Critical,
    /// Most requests.
    Normal,
    /// Turned away first.
    Low,
}
