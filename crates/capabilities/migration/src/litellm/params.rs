//! One entry of `model_list` as a deployment: address, key, limits and price.

use super::reasons;
use super::usual_key;
use super::variables::Variables;
use crate::address::{self, Address};
use crate::decimal::{ms_of_seconds, shifted, whole};
use crate::deployment::{AwsKeys, Deployment};
use crate::model_name::{Named, is_region};
use crate::notes::Notes;
use crate::read::Node;
use crate::secret::Key;
use settings::{LongPrice, ModelEntry, Price, Usd};

/// The most requests or tokens, as `settings` has it.
const LARGE_MAX: u64 = 1_000_000_000;
/// The longest time in milliseconds, as `settings` has it: a day.
pub(super) const TIME_MS_MAX: u64 = 24 * 60 * 60 * 1000;

/// Parameters that are read here.
const READ: [&str; 24] = [
    "model",
    "custom_llm_provider",
    "api_base",
    "base_url",
    "api_key",
    "litellm_credential_name",
    "timeout",
    "rpm",
    "tpm",
    "order",
    "max_tokens",
    "max_input_tokens",
    "max_output_tokens",
    "region_name",
    "aws_region_name",
    "aws_profile_name",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "aws_bedrock_runtime_endpoint",
    "mode",
    "use_in_pass_through",
    "id",
    "db_model",
];
/// What the names of prices have in them.
const PRICES: [&str; 2] = ["cost_per_", "_token_cost"];

/// One entry of `model_list`.
pub(super) struct Params<'a> {
    /// Where it stands.
    pub(super) from: &'a str,
    pub(super) values: &'a Node,
    pub(super) credential: Option<&'a Node>,
    pub(super) info: Option<&'a Node>,
    pub(super) variables: &'a Variables,
}

impl Params<'_> {
    /// The deployment; nothing, with a note, where its address cannot be used.
    pub(super) fn deployment(&self, named: &Named<'_>, called: &str, notes: &mut Notes) -> Option<Deployment> {
        let base_url = self.base_url(named.kind, notes)?;
        let mut deployment = Deployment::new(named.kind, named.model, self.from);
        deployment.key_from = self.path("api_key");
        deployment.key = self.key(named.kind, base_url.is_some(), notes);
        deployment.base_url = base_url;
        deployment.aws = (named.kind == "bedrock").then(|| self.aws(named.region, notes));
        deployment.timeout_ms = self.time("timeout", notes);
        if named.model.contains('*') {
            deployment.entry = None;
            deployment.provider =
                called.strip_suffix("/*").filter(|name| !name.contains(['/', '*'])).map(str::to_owned);
            self.any(named, called, deployment.provider.is_some(), notes);
        } else {
            deployment.entry = Some(self.entry(named.model, notes));
        }
        Some(deployment)
    }

    /// Says what becomes of a name that stands for many.
    fn any(&self, named: &Named<'_>, called: &str, known: bool, notes: &mut Notes) {
        notes.carry(format!("{} `{called}` → a provider that answers to any model", self.from));
        if !known {
            let why =
                "bare names that nobody lists go to the only provider without a list; else ask for `provider/model`";
            notes.leave(format!("{}.model_name", self.from), why);
        }
        if named.model != "*" {
            notes.leave(self.path("model"), "the provider answers to any model, not to this pattern alone");
        }
    }

    fn path(&self, key: &str) -> String {
        format!("{}.litellm_params.{key}", self.from)
    }

    /// What a parameter says, here or in the credential that is named.
    fn word(&self, key: &str) -> Option<&str> {
        self.values.word(key).or_else(|| self.credential?.word(key)).filter(|word| !word.is_empty())
    }

    /// The same with what a variable has put in its place; without it, a note.
    pub(super) fn said(&self, key: &str, notes: &mut Notes) -> Option<String> {
        match self.variables.said(self.word(key)?) {
            Ok(word) => Some(word),
            Err(variable) => {
                notes
                    .leave(self.path(key), format!("it stands in the variable `{variable}`: name the `.env` file too"));
                None
            }
        }
    }

    /// The address: nothing where it cannot be used, else the one that is written, if any.
    fn base_url(&self, kind: &str, notes: &mut Notes) -> Option<Option<String>> {
        let usual = match kind {
            "azure" => Some("AZURE_API_BASE"),
            "ollama" => Some("OLLAMA_API_BASE"),
            "litellm" => Some("LITELLM_PROXY_API_BASE"),
            "vllm" => Some("HOSTED_VLLM_API_BASE"),
            _ => None,
        };
        let key =
            ["api_base", "base_url", "aws_bedrock_runtime_endpoint"].into_iter().find(|key| self.word(key).is_some());
        let written = match key {
            Some(key) => Some(self.variables.said(self.word(key)?)),
            None => usual.and_then(|name| self.variables.get(name)).map(|url| Ok(url.to_owned())),
        };
        let path = self.path(key.unwrap_or("api_base"));
        let url = match written {
            None if kind == "azure" => placeholder("AZURE_API_BASE", &path, notes),
            None => return Some(None),
            Some(Err(variable)) => placeholder(&variable, &path, notes),
            Some(Ok(text)) => match address::clean(&text) {
                Address::Kept(url, cut) => {
                    cut.into_iter().for_each(|cut| notes.leave(&path, cut));
                    url
                }
                Address::Refused(why) => {
                    notes.leave(&path, why);
                    return None;
                }
            },
        };
        Some(Some(if kind == "azure" { address::azure(&url) } else { url }))
    }

    fn key(&self, kind: &str, elsewhere: bool, notes: &mut Notes) -> Key {
        let word = self.word("api_key");
        match (word.map(Key::read), usual_key(kind)) {
            (Some(Key::None), _) => {
                notes.leave(self.path("api_key"), "it is a word for no key");
                Key::None
            }
            (Some(key), _) => key,
            (None, Some(usual)) if !elsewhere || kind == "azure" => Key::Env(usual.to_owned()),
            (None, Some("OPENAI_API_KEY")) => {
                let why = "without one, LiteLLM sends `OPENAI_API_KEY` to this address; add `api_key` if that is meant";
                notes.leave(self.path("api_key"), why);
                Key::None
            }
            _ => Key::None,
        }
    }

    fn aws(&self, in_name: Option<&str>, notes: &mut Notes) -> AwsKeys {
        let region = self.said("aws_region_name", notes).or_else(|| self.said("region_name", notes));
        let region = region.or_else(|| in_name.map(str::to_owned)).filter(|region| is_region(region));
        let profile = self.said("aws_profile_name", notes).filter(|name| name.len() <= 100);
        let key = |name: &str| self.word(name).map_or(Key::None, Key::read);
        AwsKeys {
            region,
            profile,
            access_key_id: key("aws_access_key_id"),
            secret_access_key: key("aws_secret_access_key"),
            session_token: key("aws_session_token"),
        }
    }

    fn entry(&self, model: &str, notes: &mut Notes) -> ModelEntry {
        let small = |number: Option<u64>| number.and_then(|number| u32::try_from(number).ok());
        let mut entry = ModelEntry { name: model.to_owned(), ..ModelEntry::default() };
        entry.rpm = small(self.number("rpm", notes));
        entry.tpm = small(self.number("tpm", notes));
        let of_info =
            |key: &str| self.info.and_then(|info| info.word(key)).and_then(whole).filter(|most| is_count(*most));
        let sent = self.number("max_tokens", notes);
        if sent.is_some() {
            notes.leave(self.path("max_tokens"), "it is not sent with requests, only kept as `output_tokens_max`");
        }
        entry.output_tokens_max = of_info("max_output_tokens").or_else(|| of_info("max_tokens")).or(sent);
        // What goes in and what comes out may be limited apart; nothing longer than both together can ever fit.
        entry.context_tokens =
            of_info("max_input_tokens").zip(of_info("max_output_tokens")).map(|(read, written)| read + written);
        entry.context_tokens = entry.context_tokens.filter(|most| is_count(*most));
        entry.price = self.price(notes);
        entry
    }

    /// A whole number above zero, with a note where it is none.
    pub(super) fn number(&self, key: &str, notes: &mut Notes) -> Option<u64> {
        let number = whole(&self.said(key, notes)?).filter(|number| is_count(*number));
        if number.is_none() {
            notes.leave(self.path(key), "it is no whole number above zero");
        }
        number
    }

    /// Seconds as milliseconds, with a note where they are none.
    fn time(&self, key: &str, notes: &mut Notes) -> Option<u64> {
        let time = ms_of_seconds(&self.said(key, notes)?).filter(|ms| (1..=TIME_MS_MAX).contains(ms));
        if time.is_none() {
            notes.leave(self.path(key), "it is no time between a millisecond and a day");
        }
        time
    }

    /// A price per token as one per million, digit by digit.
    fn cost(&self, key: &str, places: i32) -> Option<Usd> {
        let word = self.values.word(key).or_else(|| self.info?.word(key))?;
        shifted(word, places)?.parse().ok()
    }

    fn price(&self, notes: &mut Notes) -> Option<Price> {
        let million = |key: &str| self.cost(key, 6);
        let (input, output) = (million("input_cost_per_token"), million("output_cost_per_token"));
        let request = self.cost("input_cost_per_request", 0);
        let price = match (input, output, request) {
            (Some(input), Some(output), request) => Price { input, output, request, ..Price::default() },
            (None, None, Some(request)) => Price { request: Some(request), ..Price::default() },
            (None, None, None) => return None,
            _ => {
                notes.leave(
                    self.path("input_cost_per_token"),
                    "a price needs `input_cost_per_token` and `output_cost_per_token`",
                );
                return None;
            }
        };
        Some(Price {
            cached: million("cache_read_input_token_cost"),
            cached_write: million("cache_creation_input_token_cost"),
            cached_write_hour: million("cache_creation_input_token_cost_above_1hr"),
            reasoning: million("output_cost_per_reasoning_token"),
            long: self.long(),
            ..price
        })
    }

    /// What long requests cost: LiteLLM has its limits in the names of the prices.
    fn long(&self) -> Option<LongPrice> {
        [128, 200, 256, 272].into_iter().find_map(|thousands| {
            let million = |key: &str| self.cost(&format!("{key}_above_{thousands}k_tokens"), 6);
            Some(LongPrice {
                above_tokens: thousands * 1000,
                input: million("input_cost_per_token")?,
                output: million("output_cost_per_token")?,
                cached: million("cache_read_input_token_cost"),
                cached_write: million("cache_creation_input_token_cost"),
            })
        })
    }

    /// Notes everything that nobody has read.
    pub(super) fn leave_rest(&self, item: &Node, notes: &mut Notes) {
        let priced = self.price(&mut Notes::default()).is_some();
        let is_read = |key: &str| {
            let price = PRICES.iter().any(|part| key.contains(part)) && !key.contains("_per_second");
            READ.contains(&key) || (price && priced)
        };
        for (key, _) in self.values.entries().iter().filter(|(key, _)| !is_read(key)) {
            notes.leave(self.path(key), reasons::why(key));
        }
        let described = |key: &str| key.starts_with("supports_") || key.starts_with("litellm_");
        let info = self.info.map(Node::entries).unwrap_or_default();
        for (key, _) in info.iter().filter(|(key, _)| !is_read(key)) {
            let why = if described(key) {
                "it describes the model, which is asked whatever it supports"
            } else {
                reasons::why(key)
            };
            notes.leave(format!("{}.model_info.{key}", self.from), why);
        }
        let known = ["model_name", "litellm_params", "model_info"];
        for (key, _) in item.entries().iter().filter(|(key, _)| !known.contains(&key.as_str())) {
            notes.leave(format!("{}.{key}", self.from), reasons::why(key));
        }
    }
}

fn is_count(number: u64) -> bool {
    (1..=LARGE_MAX).contains(&number)
}

/// An address that leads nowhere, in place of one that only a variable knows.
fn placeholder(variable: &str, path: &str, notes: &mut Notes) -> String {
    let why = format!(
        "the address stands in the variable `{variable}`: name the `.env` file too, or write it over the `.invalid` one"
    );
    notes.leave(path, why);
    format!("http://{}.invalid", variable.to_lowercase().replace('_', "-").trim_matches('-'))
}
