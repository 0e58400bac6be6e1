//! Providers that speak OpenAI's protocol under another address: one row each.
//!
//! To add one, add a row. `docs/providers.md` says how to use it.

/// What a `kind` in settings stands for when it is not a protocol of its own.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// The word in settings' `kind`.
    pub kind: &'static str,
    /// Where it answers, up to and without `/chat/completions`.
    pub base_url: &'static str,
    /// The environment variable that usually holds its key; a provider found by it needs no settings.
    pub key_env: Option<&'static str>,
    /// The models offered when settings list none. Others of the provider can be asked for by name all the same.
    pub models: &'static [&'static str],
    /// Who trained the models, where it is always the same house.
    pub family: Option<&'static str>,
}

/// All presets, in the order in which they are looked for. Addresses as in the providers' public documentation.
#[rustfmt::skip]
pub const PRESETS: &[Preset] = &[
    Preset { kind: "openai", base_url: "https://api.openai.com/v1", key_env: Some("OPENAI_API_KEY"), models: &["gpt-5-mini", "gpt-4.1-mini", "gpt-4o-mini"], family: Some("openai") },
    Preset { kind: "anthropic-compatible", base_url: "https://api.anthropic.com/v1", key_env: Some("ANTHROPIC_API_KEY"), models: &["claude-sonnet-4-5", "claude-haiku-4-5"], family: Some("anthropic") },
    Preset { kind: "perplexity", base_url: "https://api.perplexity.ai", key_env: Some("PERPLEXITY_API_KEY"), models: &["sonar", "sonar-pro"], family: Some("perplexity") },
    Preset { kind: "groq", base_url: "https://api.groq.com/openai/v1", key_env: None, models: &[], family: None },
    Preset { kind: "mistral", base_url: "https://api.mistral.ai/v1", key_env: None, models: &[], family: Some("mistral") },
    Preset { kind: "deepseek", base_url: "https://api.deepseek.com/v1", key_env: None, models: &[], family: Some("deepseek") },
    Preset { kind: "openrouter", base_url: "https://openrouter.ai/api/v1", key_env: None, models: &[], family: None },
    Preset { kind: "together", base_url: "https://api.together.xyz/v1", key_env: None, models: &[], family: None },
    Preset { kind: "ollama", base_url: "http://127.0.0.1:11434/v1", key_env: None, models: &[], family: None },
];

impl Preset {
    /// The row for a `kind`.
    pub fn find(kind: &str) -> Option<&'static Self> {
        PRESETS.iter().find(|preset| preset.kind == kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_usable() {
        for (at, preset) in PRESETS.iter().enumerate() {
            assert!(preset.base_url.parse::<http::Uri>().unwrap().host().is_some(), "{}", preset.kind);
            assert!(!preset.base_url.ends_with('/'), "{}", preset.kind);
            assert!(PRESETS[at + 1..].iter().all(|other| other.kind != preset.kind), "{} twice", preset.kind);
        }
    }
}
