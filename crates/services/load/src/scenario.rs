//! What a load test is, as it is written. Nothing here sends a request or knows what came of one.

mod check;
mod error;
mod files;
mod read;
#[cfg(test)]
mod tests;
mod topics;
mod wording;

pub use error::{ScenarioError, Spot};
pub use files::{Files, Prompt, prompts};
pub use read::{Set, read, read_file, schema};
pub use verdict::Slo;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A load test: who asks what, how often, and what must come of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Scenario {
    /// Its name, in lower case with dashes.
    pub name: String,
    /// What it stands for, in a sentence.
    pub description: String,
    /// Session identities, and the most requests outstanding at once.
    pub users: u32,
    /// How many requests are sent, exactly.
    pub operations: u32,
    /// How arrivals are spread over the time.
    pub pattern: Pattern,
    /// Seconds over which arrivals are spread.
    pub duration_s: f64,
    /// Seed of everything random: arrivals, mix, popularity, think times.
    pub seed: u64,
    /// Milliseconds until a request has failed; as long again may be spent waiting for a free user before it is sent.
    pub timeout_ms: u64,
    /// Median milliseconds that a user rests between two requests: lognormal for `realistic`, with no rest longer than 60
    /// seconds, else exact.
    pub think_ms: u64,
    /// Requests sent before the clock starts, which do not count.
    pub warmup: u32,
    /// Users send the next request as soon as they have an answer and have rested; there are no arrivals.
    pub closed: bool,
    /// What is asked, by weight.
    pub mix: Vec<Mix>,
    /// What must hold.
    pub slo: Slo,
    /// What an answer must keep to count as good beside having arrived; goodput is the share that does.
    pub goodput: Option<Goodput>,
    /// How the upstream that `--inject` names fails meanwhile; without `--inject` nothing is made to fail.
    pub fault: Option<Fault>,
}

impl Default for Scenario {
    fn default() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            users: 10,
            operations: 100,
            pattern: Pattern::Sustained,
            duration_s: 10.0,
            seed: 1,
            timeout_ms: 30_000,
            think_ms: 0,
            warmup: 0,
            closed: false,
            mix: Vec::new(),
            slo: Slo::default(),
            goodput: None,
            fault: None,
        }
    }
}

/// How arrivals are spread over the time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Pattern {
    /// A Poisson process of constant rate.
    Sustained,
    /// A Poisson process of two states: a fifth of the time at five times the quiet rate.
    Burst,
    /// Ramp, plateau, dip and peak, with lognormal think times and popular prompts (Zipf).
    Realistic,
    /// A quiet rate, then a sixth of the time at eight times that rate, then quiet again.
    Spike,
    /// From nothing to the full rate in a straight line.
    Ramp,
}

/// One kind of request in the mix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Mix {
    /// Its name in reports; its kind if empty.
    pub name: String,
    /// What is sent.
    pub kind: Kind,
    /// Its share among the weights of all.
    pub weight: f64,
    /// The model, panel or route; the target's `quorum` or else its first model if empty. Of `chat`, `stream`, `embeddings`.
    pub model: String,
    /// What is asked; `{n}` stands for a number that differs per request, `{topic}` for one of `topics`.
    pub prompt: String,
    /// A file with one prompt per line, or JSON lines with `prompt` and perhaps `answer`, beside the scenario.
    pub prompt_file: Option<String>,
    /// What `{topic}` stands for, one after the other; forty metabolites and fields of medicine if empty.
    pub topics: Vec<String>,
    /// How many different prompts are made from `prompt` by `{n}` and `{topic}`.
    pub prompts: u32,
    /// The most tokens of an answer.
    pub max_tokens: Option<u32>,
    /// The body, for `rest`; for the other kinds it replaces the one made from the prompt. `{n}`, `{topic}` and `{prompt}`
    /// in it are filled in, escaped for the inside of a JSON string where the body is JSON; nothing else changes.
    pub body: Option<String>,
    /// Path from the target's root, for `rest`; another path than the usual one for the other kinds. `{n}`, `{topic}` and
    /// `{prompt}` in it are filled in, percent-encoded.
    pub path: Option<String>,
    /// Method, for `rest`; POST with a body, else GET.
    pub method: Option<String>,
    /// The tool, for `mcp`; without one the list of tools is asked for.
    pub tool: Option<String>,
    /// The tool's arguments, for `mcp`; `{n}`, `{topic}` and `{prompt}` in its strings are filled in, and JSON-escaped as
    /// all of it is.
    #[schemars(with = "Option<serde_json::Value>")]
    pub arguments: Option<toml::Table>,
}

impl Default for Mix {
    fn default() -> Self {
        Self {
            name: String::new(),
            kind: Kind::Chat,
            weight: 1.0,
            model: String::new(),
            prompt: "What is {n} plus {n}?".to_owned(),
            prompt_file: None,
            topics: Vec::new(),
            prompts: 100,
            max_tokens: None,
            body: None,
            path: None,
            method: None,
            tool: None,
            arguments: None,
        }
    }
}

impl Mix {
    /// What `{topic}` stands for in prompt number `n`; after the last topic the first comes again.
    pub fn topic(&self, n: u32) -> &str {
        let built_in = topics::TOPICS.len();
        let at = |of: usize| usize::try_from(n).unwrap_or_default().checked_rem(of).unwrap_or_default();
        match self.topics.get(at(self.topics.len())) {
            Some(topic) => topic,
            None => topics::TOPICS.get(at(built_in)).copied().unwrap_or_default(),
        }
    }
}

/// What is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A chat completion.
    Chat,
    /// A streamed chat completion.
    Stream,
    /// Embeddings.
    Embeddings,
    /// A call over MCP, streamable HTTP.
    Mcp,
    /// Any request.
    Rest,
}

/// What an answer must keep to be good.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Goodput {
    /// The largest time from the intended start to the last byte, in milliseconds.
    pub latency_ms_max: Option<f64>,
    /// The largest time from the intended start to the first content, in milliseconds.
    pub ttft_ms_max: Option<f64>,
    /// The largest mean time between pieces of content, in milliseconds.
    pub per_token_ms_max: Option<f64>,
}

/// How the upstream that `--inject` names fails for a part of the run; before and after it does as its script says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Fault {
    /// The share of requests (0 to 1) that every model of that upstream answers with an error.
    pub error_rate: f64,
    /// From which share of the duration on (0 to 1); from its start if left out.
    pub from: f64,
    /// Until which share of the duration (0 to 1); until its end if left out.
    pub until: f64,
}

impl Default for Fault {
    fn default() -> Self {
        Self { error_rate: 0.0, from: 0.0, until: 1.0 }
    }
}
