//! Tokens as upstreams count them, under whichever names they use.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Tokens as the upstream counted them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(into = "Shown")]
pub struct Usage {
    /// Tokens read, those from the provider's cache included.
    pub prompt_tokens: u64,
    /// Tokens written, those that nobody reads included.
    pub completion_tokens: u64,
    /// Both.
    pub total_tokens: u64,
    /// Of those read, how many came from the provider's cache.
    pub cached_tokens: u64,
    /// Of those read, how many the provider put into its cache; none of them came from there.
    pub cache_write_tokens: u64,
    /// Of those put into the cache, how many stay there for an hour.
    pub cache_write_hour_tokens: u64,
    /// Of those written, how many nobody reads.
    pub reasoning_tokens: u64,
}

/// What upstreams send. What may be missing or malformed without making the rest worthless is kept as text.
#[derive(Deserialize)]
struct Raw<'a> {
    prompt_tokens: Option<u64>,
    completion_tokens: Option<u64>,
    total_tokens: Option<u64>,
    #[serde(borrow)]
    prompt_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    completion_tokens_details: Option<&'a RawValue>,
    // Anthropic's names: there, what was cached does not count as input.
    #[serde(borrow)]
    input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    output_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_read_input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_creation_input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_creation: Option<&'a RawValue>,
    // The names of OpenAI's responses: there, what was cached counts as input.
    #[serde(borrow)]
    input_tokens_details: Option<&'a RawValue>,
    #[serde(borrow)]
    output_tokens_details: Option<&'a RawValue>,
    // DeepSeek's name.
    #[serde(borrow)]
    prompt_cache_hit_tokens: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Details {
    cached_tokens: Option<u64>,
    #[serde(alias = "cache_creation_tokens")]
    cache_write_tokens: Option<u64>,
    cache_write_hour_tokens: Option<u64>,
    #[serde(alias = "thinking_tokens")]
    reasoning_tokens: Option<u64>,
}

/// How long Anthropic keeps what was put into its cache.
#[derive(Deserialize)]
struct Kept {
    ephemeral_1h_input_tokens: Option<u64>,
}

impl Usage {
    /// Reads the value of `usage`; `None` for one that is malformed or counts neither what was read nor what was
    /// written.
    pub fn read(raw: &RawValue) -> Option<Self> {
        let raw: Raw<'_> = serde_json::from_str(raw.get()).ok()?;
        let apart = number(raw.cache_read_input_tokens).unwrap_or_default();
        let kept = number(raw.cache_creation_input_tokens).unwrap_or_default();
        let input = || number(raw.input_tokens).map(|input| input.saturating_add(apart).saturating_add(kept));
        let read = raw.prompt_tokens.or_else(input);
        let written = raw.completion_tokens.or_else(|| number(raw.output_tokens));
        if read.is_none() && written.is_none() {
            return None;
        }
        let (prompt_tokens, mut completion_tokens) = (read.unwrap_or_default(), written.unwrap_or_default());
        let of = |raw: Option<&RawValue>| serde_json::from_str::<Details>(raw?.get()).ok();
        let details = of(raw.prompt_tokens_details.or(raw.input_tokens_details));
        let cached = details.as_ref().and_then(|details| details.cached_tokens);
        let cached = cached.or_else(|| number(raw.prompt_cache_hit_tokens)).unwrap_or(apart);
        let cache_write = details.as_ref().and_then(|details| details.cache_write_tokens).unwrap_or(kept);
        let hour = raw.cache_creation.and_then(|kept| serde_json::from_str::<Kept>(kept.get()).ok());
        let hour = hour.and_then(|kept| kept.ephemeral_1h_input_tokens);
        let hour = hour.or_else(|| details?.cache_write_hour_tokens).unwrap_or_default();
        let written = of(raw.completion_tokens_details.or(raw.output_tokens_details));
        let reasoning = written.and_then(|details| details.reasoning_tokens).unwrap_or_default();
        let total_tokens = raw.total_tokens.unwrap_or_default();
        // Some count reasoning beside what was written, which only their total tells.
        let both = prompt_tokens.saturating_add(completion_tokens);
        if reasoning > 0 && both.checked_add(reasoning) == Some(total_tokens) {
            completion_tokens = completion_tokens.saturating_add(reasoning);
        }
        let (cached_tokens, reasoning_tokens) = (cached.min(prompt_tokens), reasoning.min(completion_tokens));
        let cache_write_tokens = cache_write.min(prompt_tokens - cached_tokens);
        let cache_write_hour_tokens = hour.min(cache_write_tokens);
        Some(Self {
            prompt_tokens,
            completion_tokens,
            total_tokens,
            cached_tokens,
            cache_write_tokens,
            cache_write_hour_tokens,
            reasoning_tokens,
        })
    }

    /// Two reports on one answer, where each may tell only a part: the larger figure of each kind holds, because
    /// counts only grow while an answer is written.
    #[must_use]
    pub fn or_more(self, other: Self) -> Self {
        self.with(other, u64::max)
    }

    fn with(self, other: Self, each: fn(u64, u64) -> u64) -> Self {
        Self {
            prompt_tokens: each(self.prompt_tokens, other.prompt_tokens),
            completion_tokens: each(self.completion_tokens, other.completion_tokens),
            total_tokens: each(self.total_tokens, other.total_tokens),
            cached_tokens: each(self.cached_tokens, other.cached_tokens),
            cache_write_tokens: each(self.cache_write_tokens, other.cache_write_tokens),
            cache_write_hour_tokens: each(self.cache_write_hour_tokens, other.cache_write_hour_tokens),
            reasoning_tokens: each(self.reasoning_tokens, other.reasoning_tokens),
        }
    }
}

fn number(raw: Option<&RawValue>) -> Option<u64> {
    raw?.get().parse().ok()
}

/// As we write it: the details only where there are any.
#[derive(Serialize)]
struct Shown {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens_details: Option<Cached>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens_details: Option<Reasoning>,
}

#[derive(Serialize)]
struct Cached {
    cached_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cache_write_tokens: u64,
    #[serde(skip_serializing_if = "is_zero")]
    cache_write_hour_tokens: u64,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Serialize)]
struct Reasoning {
    reasoning_tokens: u64,
}

impl From<Usage> for Shown {
    fn from(usage: Usage) -> Self {
        let Usage { cached_tokens, cache_write_tokens, cache_write_hour_tokens, reasoning_tokens, .. } = usage;
        let cached = Cached { cached_tokens, cache_write_tokens, cache_write_hour_tokens };
        Self {
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            total_tokens: usage.total_tokens,
            prompt_tokens_details: (cached_tokens > 0 || cache_write_tokens > 0).then_some(cached),
            completion_tokens_details: (reasoning_tokens > 0).then_some(Reasoning { reasoning_tokens }),
        }
    }
}

impl std::ops::Add for Usage {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.with(other, u64::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    /// Prompt, completion, cached, reasoning.
    fn read(text: &str) -> Option<[u64; 4]> {
        let usage = Usage::read(serde_json::from_str(text).unwrap())?;
        Some([usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, usage.reasoning_tokens])
    }

    #[test]
    fn reads_the_names_that_upstreams_use() {
        for (text, expect) in [
            (r#"{"prompt_tokens":5,"completion_tokens":7,"total_tokens":12}"#, [5, 7, 0, 0]),
            (r#"{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0}}"#, [5, 0, 4, 0]),
            (r#"{"completion_tokens":7,"completion_tokens_details":{"reasoning_tokens":6}}"#, [0, 7, 0, 6]),
            (r#"{"input_tokens":5,"output_tokens":7}"#, [5, 7, 0, 0]),
            (
                r#"{"input_tokens":5,"cache_read_input_tokens":20,"cache_creation_input_tokens":3,"output_tokens":7}"#,
                [28, 7, 20, 0],
            ),
            // Both sets of names: the first holds, and what was cached is in it.
            (r#"{"prompt_tokens":25,"input_tokens":5,"cache_read_input_tokens":20}"#, [25, 0, 20, 0]),
            // Reasoning counted beside what was written.
            (
                r#"{"prompt_tokens":5,"completion_tokens":7,"total_tokens":112,
                    "completion_tokens_details":{"reasoning_tokens":100}}"#,
                [5, 107, 0, 100],
            ),
        ] {
            assert_eq!(read(text), Some(expect), "{text}");
        }
    }

    #[test]
    fn a_malformed_detail_does_not_make_the_rest_worthless() {
        for (text, expect) in [
            (r#"{"prompt_tokens":5,"prompt_tokens_details":null}"#, [5, 0, 0, 0]),
            (r#"{"prompt_tokens":5,"prompt_tokens_details":"many"}"#, [5, 0, 0, 0]),
            (r#"{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":null}}"#, [5, 0, 0, 0]),
            (r#"{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":-1}}"#, [5, 0, 0, 0]),
            (r#"{"prompt_tokens":5,"input_tokens":{},"cache_read_input_tokens":"x"}"#, [5, 0, 0, 0]),
            // No more can have come from a cache than was read.
            (r#"{"prompt_tokens":5,"prompt_tokens_details":{"cached_tokens":9}}"#, [5, 0, 5, 0]),
            (r#"{"completion_tokens":5,"completion_tokens_details":{"reasoning_tokens":9}}"#, [0, 5, 0, 5]),
            (
                r#"{"input_tokens":18446744073709551615,"cache_read_input_tokens":18446744073709551615}"#,
                [u64::MAX, 0, u64::MAX, 0],
            ),
        ] {
            assert_eq!(read(text), Some(expect), "{text}");
        }
    }

    #[test]
    fn what_counts_nothing_is_unknown() {
        for text in ["null", "{}", "\"many\"", "[]", r#"{"total_tokens":9}"#, r#"{"prompt_tokens":-1}"#] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read(r#"{"prompt_tokens":null,"completion_tokens":null}"#), None);
    }

    #[test]
    fn details_are_written_where_there_are_any() {
        let plain = Usage { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3, ..Usage::default() };
        assert_eq!(json!(plain), json!({ "prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3 }));
        let rich = Usage { cached_tokens: 1, reasoning_tokens: 2, ..plain };
        let again = Usage::read(serde_json::from_str(&json!(rich + plain).to_string()).unwrap());
        assert_eq!(again, Some(rich + plain));
    }
}
