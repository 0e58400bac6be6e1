//! LiteLLM's names of models: which of our kinds answers to one, and what that provider calls the model.
//!
//! Another project asks through LiteLLM's library, so these names are read for two formats.

/// What LiteLLM writes before the slash, and our kind.
const PREFIXES: [(&str, &str); 21] = [
    ("openai", "openai"),
    ("custom_openai", "openai"),
    ("openai_like", "openai"),
    ("lm_studio", "openai"),
    ("azure", "azure"),
    ("anthropic", "anthropic"),
    ("bedrock", "bedrock"),
    ("bedrock_converse", "bedrock"),
    ("ollama", "ollama"),
    ("ollama_chat", "ollama"),
    ("gemini", "gemini"),
    ("groq", "groq"),
    ("mistral", "mistral"),
    ("deepseek", "deepseek"),
    ("openrouter", "openrouter"),
    ("together_ai", "together"),
    ("perplexity", "perplexity"),
    ("hosted_vllm", "vllm"),
    ("llamafile", "llamacpp"),
    ("litellm_proxy", "litellm"),
    ("litellm", "litellm"),
];

/// How names begin that stand without a slash, and our kind.
const BEGINNINGS: [(&str, &str); 8] = [
    ("gpt-", "openai"),
    ("chatgpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("claude-", "anthropic"),
    ("anthropic.", "bedrock"),
    ("amazon.", "bedrock"),
];

/// Steps between kind and model that say how LiteLLM asks, which is not our concern.
const STEPS: [&str; 6] = ["converse/", "invoke/", "converse_like/", "responses/", "chat/", "o_series/"];

/// A name that was understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named<'a> {
    pub(crate) kind: &'static str,
    pub(crate) model: &'a str,
    /// The region that stands in the name of a model of Bedrock.
    pub(crate) region: Option<&'a str>,
}

/// Reads a name; `provider` is LiteLLM's `custom_llm_provider`.
///
/// # Errors
/// Why no kind of ours answers to it.
pub(crate) fn read<'a>(name: &'a str, provider: Option<&str>) -> Result<Named<'a>, &'static str> {
    let kind_of = |prefix: &str| PREFIXES.iter().find(|(known, _)| *known == prefix).map(|(_, kind)| *kind);
    let (kind, model) = match (provider.and_then(kind_of), name.split_once('/')) {
        (Some(kind), Some((prefix, model))) if kind_of(prefix) == Some(kind) => (kind, model),
        (Some(kind), _) => (kind, name),
        (None, _) if provider.is_some() => return Err(NO_KIND),
        (None, Some((prefix, model))) => (kind_of(prefix).ok_or(NO_KIND)?, model),
        (None, None) => (begins(name)?, name),
    };
    let mut model = model;
    if matches!(kind, "bedrock" | "azure" | "openai") {
        model = STEPS.iter().find_map(|step| model.strip_prefix(step)).unwrap_or(model);
    }
    let mut region = None;
    if kind == "bedrock"
        && let Some((first, rest)) = model.split_once('/')
        && is_region(first)
    {
        (region, model) = (Some(first), rest);
    }
    if model.is_empty() { Err("it names no model") } else { Ok(Named { kind, model, region }) }
}

const NO_KIND: &str =
    "no kind of provider answers to it; if it speaks OpenAI's protocol, write `kind = \"openai\"` with its `base_url`";

fn begins(name: &str) -> Result<&'static str, &'static str> {
    if name == "*" {
        return Err("`*` alone names no provider, write one provider for each");
    }
    let found = BEGINNINGS.iter().find(|(beginning, _)| name.starts_with(beginning));
    found.map(|(_, kind)| *kind).ok_or("it does not say whose model it is, write it as `provider/model`")
}

/// Whether a word is like `eu-central-1`.
pub(crate) fn is_region(word: &str) -> bool {
    let named =
        word.len() <= 30 && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    named && word.split('-').count() >= 3 && word.ends_with(|last: char| last.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_understood() {
        let check = |name: &str, provider: Option<&str>, kind: &str, model: &str| {
            let named = read(name, provider).unwrap();
            assert_eq!((named.kind, named.model), (kind, model), "{name}");
        };
        check("openai/gpt-4o", None, "openai", "gpt-4o");
        check("gpt-4o-mini", None, "openai", "gpt-4o-mini");
        check("claude-sonnet-4-5", None, "anthropic", "claude-sonnet-4-5");
        check("azure/my-deployment", None, "azure", "my-deployment");
        check("ollama_chat/llama3.1:8b", None, "ollama", "llama3.1:8b");
        check("openrouter/deepseek/deepseek-chat", None, "openrouter", "deepseek/deepseek-chat");
        check("together_ai/meta-llama/Llama-3", None, "together", "meta-llama/Llama-3");
        check("bedrock/converse/us.anthropic.claude-v1:0", None, "bedrock", "us.anthropic.claude-v1:0");
        check("meta-llama/Llama-3", Some("hosted_vllm"), "vllm", "meta-llama/Llama-3");
        check("openai/x", Some("openai"), "openai", "x");
        check("anthropic/*", None, "anthropic", "*");
    }

    #[test]
    fn a_region_may_stand_in_a_name() {
        let named = read("bedrock/eu-central-1/anthropic.claude-v2", None).unwrap();
        assert_eq!((named.model, named.region), ("anthropic.claude-v2", Some("eu-central-1")));
        assert!(!is_region("anthropic") && !is_region("us.anthropic-claude-3") && is_region("us-gov-west-1"));
    }

    #[test]
    fn names_of_other_providers_are_refused() {
        for name in ["vertex_ai/gemini-pro", "cohere/command", "command-r", "*", "openai/", "replicate/a/b"] {
            assert!(read(name, None).is_err(), "{name}");
        }
        assert!(read("gpt-4o", Some("vertex_ai")).is_err());
    }
}
