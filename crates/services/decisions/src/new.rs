//! What a decision is begun with, as callers say it.

use schemars::JsonSchema;
use serde::Deserialize;

/// A decision to be begun.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewDecision {
    /// What is to be decided, 1 to 500 characters.
    pub topic: String,
    /// What to choose from, at least 2.
    pub options: Vec<NewOption>,
    /// What to judge by; more can be added.
    #[serde(default)]
    pub criteria: Vec<NewCriterion>,
    /// Who is asked: a kind of provider, a provider's name or `litellm`; the default model if left out. Where it is
    /// `bedrock` and no provider of that kind is set up, the default model is asked instead, and the decision says so.
    #[serde(default)]
    pub model_backend: Option<String>,
    /// Which model; any id of `/v1/models` wins over `model_backend`.
    #[serde(default)]
    pub model_name: Option<String>,
    /// How much chance the models may use, 0 to 2; 0.1 if left out.
    #[serde(default)]
    pub temperature: Option<f64>,
}

/// An option to be added.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOption {
    /// Its name, unique in the decision whatever its case; 1 to 200 characters.
    pub name: String,
    /// What it is, up to 1,000 characters.
    #[serde(default)]
    pub description: String,
}

/// A criterion to be added.
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewCriterion {
    /// Its name, unique in the decision whatever its case; 1 to 100 characters.
    pub name: String,
    /// What it means, up to 1,000 characters. Scored so that more is better.
    #[serde(default)]
    pub description: String,
    /// How much it counts, 0.1 to 10.
    #[serde(default = "one")]
    pub weight: f64,
    /// What to tell whoever scores it, in the decision's owner's words.
    #[serde(default)]
    pub custom_prompt: Option<String>,
    /// As of the decision, for this criterion alone.
    #[serde(default)]
    pub model_backend: Option<String>,
    /// As of the decision, for this criterion alone.
    #[serde(default)]
    pub model_name: Option<String>,
    /// As of the decision, for this criterion alone.
    #[serde(default)]
    pub temperature: Option<f64>,
}

fn one() -> f64 {
    1.0
}

impl Default for NewCriterion {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            weight: 1.0,
            custom_prompt: None,
            model_backend: None,
            model_name: None,
            temperature: None,
        }
    }
}
