//! What the kinds of provider stand for: one row each.
//!
//! To add one that speaks OpenAI's protocol, add a row. `docs/providers.md` says how to use it. A row knows nothing of
//! how its protocol is spoken: that is found by `protocol` among the kinds that the binary lists.

use settings::{Guard, ModelEntry, Provider};

/// What a `kind` in settings stands for.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// The word in settings' `kind`.
    pub kind: &'static str,
    /// The protocol it speaks: `openai`, `anthropic`, `bedrock` or `ollama`.
    pub protocol: &'static str,
    /// Where it answers, up to and without `/chat/completions`; `None` where everybody has an address of their own.
    pub base_url: Option<&'static str>,
    /// What the hosts end with where everybody has an address of their own.
    pub hosts: &'static [&'static str],
    /// The environment variable that usually holds its key; a provider found by it needs no settings.
    pub key_env: Option<&'static str>,
    /// The models offered when settings list none. Others of the provider can be asked for by name all the same.
    pub models: &'static [&'static str],
    /// What the names of its own models begin with: a bare name that nobody lists is looked for there.
    pub names: &'static [&'static str],
    /// Who trained the models, where it is always the same house.
    pub family: Option<&'static str>,
    /// Where it looks for its key.
    pub auth: Auth,
    /// Whether it speaks OpenAI's responses too, at `/responses`.
    pub responses: bool,
    /// Whether it may be asked for the usage of a stream with `stream_options`.
    pub stream_usage: bool,
    /// Whether it wants `max_completion_tokens` where others know `max_tokens`.
    pub completion_tokens: bool,
    /// Which of the house's additions to OpenAI's chat it documents as its own, by the member's name.
    pub additions: &'static [&'static str],
    /// The house whose price list holds at its own address.
    pub prices: Option<&'static str>,
    /// What it takes unless settings say otherwise.
    pub limits: Limits,
}

/// Where a provider looks for its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// In `Authorization`, behind `Bearer`.
    Bearer,
    /// Bare, in a header of its own: its name in lower case.
    Header(&'static str),
}

/// What a kind of provider takes unless settings say otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most requests at once.
    pub in_flight_max: usize,
    /// The longest one attempt may take, in milliseconds.
    pub timeout_ms: u64,
    /// Requests a minute of models whose name holds a word.
    pub rpm: &'static [(&'static str, u32)],
    /// The most bytes of one request.
    pub prompt_bytes_max: Option<usize>,
    /// The most tokens of one answer where a request sets no limit.
    pub output_tokens_max: Option<u64>,
}

const LIMITS: Limits =
    Limits { in_flight_max: 512, timeout_ms: 60_000, rpm: &[], prompt_bytes_max: None, output_tokens_max: None };

/// What most rows have in common.
const ROW: Preset = Preset {
    kind: "",
    protocol: "openai",
    base_url: None,
    hosts: &[],
    key_env: None,
    models: &[],
    names: &[],
    family: None,
    auth: Auth::Bearer,
    responses: false,
    stream_usage: true,
    completion_tokens: false,
    additions: &[],
    prices: None,
    limits: LIMITS,
};

/// Everything that LiteLLM documents beside OpenAI's chat.
const LITELLM: &[&str] = &["cache_control", "reasoning_content", "thinking", "thinking_blocks", "top_k"];

/// Who makes the models of Bedrock, and where their requests may be sent.
#[rustfmt::skip]
const BEDROCK: &[&str] = &[
    "ai21.", "amazon.", "anthropic.", "apac.", "arn:aws", "au.", "cohere.", "deepseek.", "eu.", "global.", "jp.",
    "meta.", "mistral.", "openai.", "qwen.", "us.", "us-gov.", "writer.",
];

/// All kinds, in the order in which they are looked for. Addresses and abilities as in the providers' public
/// documentation. A kind that has no address of its own, or shares its key with another, is not looked for.
#[rustfmt::skip]
pub const PRESETS: &[Preset] = &[
    Preset {
        kind: "openai", base_url: Some("https://api.openai.com/v1"), key_env: Some("OPENAI_API_KEY"),
        models: &["gpt-5-mini", "gpt-4.1-mini", "gpt-4o-mini"], names: &["gpt-", "o1", "o3", "o4", "chatgpt-"],
        family: Some("openai"), responses: true, completion_tokens: true, prices: Some("openai"), ..ROW
    },
    Preset {
        kind: "azure", hosts: &[".azure.com", ".azure.us", ".azure.cn"], names: &["gpt-", "o1", "o3", "o4"],
        auth: Auth::Header("api-key"), responses: true, completion_tokens: true, prices: Some("openai"), ..ROW
    },
    Preset {
        kind: "anthropic", protocol: "anthropic", base_url: Some("https://api.anthropic.com"),
        key_env: Some("ANTHROPIC_API_KEY"), models: &["claude-sonnet-4-5", "claude-haiku-4-5"], names: &["claude-"],
        family: Some("anthropic"), prices: Some("anthropic"), ..ROW
    },
    Preset {
        kind: "anthropic-compatible", base_url: Some("https://api.anthropic.com/v1"),
        models: &["claude-sonnet-4-5", "claude-haiku-4-5"], names: &["claude-"],
        family: Some("anthropic"), additions: &["thinking"], prices: Some("anthropic"), ..ROW
    },
    Preset {
        kind: "gemini", base_url: Some("https://generativelanguage.googleapis.com/v1beta/openai"),
        key_env: Some("GEMINI_API_KEY"), models: &["gemini-2.5-flash", "gemini-2.5-pro"], names: &["gemini-"],
        family: Some("gemini"), prices: Some("gemini"), ..ROW
    },
    Preset {
        kind: "bedrock", protocol: "bedrock", hosts: &[".amazonaws.com", ".amazonaws.com.cn", ".api.aws"],
        names: BEDROCK, prices: Some("bedrock"),
        limits: Limits {
            in_flight_max: 10, timeout_ms: 30_000, rpm: &[("sonnet", 20), ("haiku", 40), ("titan", 100)],
            prompt_bytes_max: Some(100 * 1024), output_tokens_max: Some(4_096),
        }, ..ROW
    },
    Preset {
        kind: "ollama", protocol: "ollama", base_url: Some("http://127.0.0.1:11434"),
        limits: Limits { in_flight_max: 4, ..LIMITS }, ..ROW
    },
    Preset {
        kind: "litellm", base_url: Some("http://127.0.0.1:4000/v1"), responses: true, additions: LITELLM,
        limits: Limits { in_flight_max: 128, timeout_ms: 45_000, ..LIMITS }, ..ROW
    },
    Preset { kind: "vllm", base_url: Some("http://127.0.0.1:8000/v1"), responses: true, additions: &["top_k"], ..ROW },
    Preset { kind: "llamacpp", base_url: Some("http://127.0.0.1:8080/v1"), additions: &["top_k"], ..ROW },
    Preset {
        kind: "perplexity", base_url: Some("https://api.perplexity.ai"), key_env: Some("PERPLEXITY_API_KEY"),
        models: &["sonar", "sonar-pro"], names: &["sonar"], family: Some("perplexity"),
        prices: Some("perplexity"), ..ROW
    },
    Preset {
        kind: "groq", base_url: Some("https://api.groq.com/openai/v1"), key_env: Some("GROQ_API_KEY"),
        responses: true, prices: Some("groq"), ..ROW
    },
    Preset {
        kind: "mistral", base_url: Some("https://api.mistral.ai/v1"), key_env: Some("MISTRAL_API_KEY"),
        models: &["mistral-small-latest", "mistral-large-latest"],
        names: &["mistral-", "codestral", "magistral", "ministral"], family: Some("mistral"),
        // It tells the usage of a stream unasked and refuses `stream_options`.
        stream_usage: false, prices: Some("mistral"), ..ROW
    },
    Preset {
        kind: "deepseek", base_url: Some("https://api.deepseek.com/v1"), key_env: Some("DEEPSEEK_API_KEY"),
        models: &["deepseek-flash"], names: &["deepseek-"], family: Some("deepseek"),
        // It wants its reasoning back with the results of the tools that it called.
        additions: &["reasoning_content"], prices: Some("deepseek"), ..ROW
    },
    Preset {
        kind: "openrouter", base_url: Some("https://openrouter.ai/api/v1"), key_env: Some("OPENROUTER_API_KEY"),
        responses: true, additions: &["cache_control", "top_k"], prices: Some("openrouter"), ..ROW
    },
    Preset {
        kind: "together", base_url: Some("https://api.together.xyz/v1"), key_env: Some("TOGETHER_API_KEY"),
        additions: &["top_k"], prices: Some("together"), ..ROW
    },
];

impl Preset {
    /// The row for a `kind`.
    pub fn find(kind: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.kind == kind)
    }

    /// The row for a `kind`, else one that stands for OpenAI's protocol at any address.
    pub fn of(kind: &str) -> Self {
        Self::find(kind).copied().unwrap_or(ROW)
    }

    /// Whether this is its usual address: another address is another house, with other models and prices.
    pub fn is_at_home(&self, base_url: Option<&str>) -> bool {
        let Some(given) = base_url else { return true };
        match self.base_url {
            Some(own) => bare(own) == bare(given),
            None => self.hosts.iter().any(|end| host(given).ends_with(end)),
        }
    }

    /// Whether `model` is the name of one of its own models.
    pub fn is_own(&self, model: &str) -> bool {
        self.names.iter().any(|beginning| model.starts_with(beginning))
    }

    fn rpm(&self, model: &str) -> Option<u32> {
        self.limits.rpm.iter().find(|(word, _)| model.contains(word)).map(|(_, rate)| *rate)
    }
}

/// An address without what it may end with or not: a slash, and the version where the protocol adds it.
fn bare(address: &str) -> &str {
    let address = address.trim_end_matches('/');
    address.strip_suffix("/v1").unwrap_or(address)
}

/// The host of an address, without its port, in lower case.
fn host(address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = rest.split(['/', ':']).next().unwrap_or_default();
    host.to_ascii_lowercase()
}

/// A provider with everything filled in that its settings leave out: what is set counts, then what suits its kind,
/// then what holds for all.
pub fn resolved(provider: &Provider, guard: &Guard) -> Provider {
    let preset = Preset::of(&provider.kind);
    let mut resolved = provider.clone();
    resolved.base_url = provider.base_url.clone().or_else(|| preset.base_url.map(str::to_owned));
    resolved.in_flight_max = provider.in_flight_max.or(Some(preset.limits.in_flight_max));
    resolved.timeout_ms = provider.timeout_ms.or(Some(preset.limits.timeout_ms));
    resolved.pool_max = provider.pool_max.or(Some(guard.pool_max));
    resolved.models = provider.models.iter().map(|entry| completed(&provider.kind, entry)).collect();
    resolved
}

/// A model with the limits that suit the kind of its provider.
pub fn completed(kind: &str, entry: &ModelEntry) -> ModelEntry {
    let preset = Preset::of(kind);
    let name = entry.upstream_name.as_deref().unwrap_or(&entry.name);
    ModelEntry {
        rpm: entry.rpm.or_else(|| preset.rpm(name)),
        prompt_bytes_max: entry.prompt_bytes_max.or(preset.limits.prompt_bytes_max),
        output_tokens_max: entry.output_tokens_max.or(preset.limits.output_tokens_max),
        ..entry.clone()
    }
}

#[cfg(test)]
mod tests;
