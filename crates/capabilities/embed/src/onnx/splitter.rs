//! From a text to the numbers of its tokens, as any `tokenizer.json` says; knows no vector.

use tokenizers::{Tokenizer, TruncationParams};

/// The most tokens of a text that are looked at, whatever a model could read: what attention needs grows with the square.
const TOKENS_MAX: usize = 2_048;
/// The fewest that a text is cut to: room for what stands around it.
const TOKENS_MIN: usize = 8;
/// How many tokens are looked at where nothing says it.
const TOKENS_USUAL: usize = 512;
/// The most bytes of a text that are looked at, for each token: far more than they have, save where words are longer than
/// any language has.
const TOKEN_BYTES_MAX: usize = 64;

/// Splits texts.
#[derive(Debug, Clone)]
pub(super) struct Splitter {
    tokenizer: Tokenizer,
    tokens_max: usize,
    filling: u32,
}

impl Splitter {
    /// Reads a `tokenizer.json`. Texts are cut at `length` tokens, else where the file says; they are never filled up, as
    /// some files want for every text.
    pub(super) fn read(bytes: &[u8], length: Option<usize>) -> Result<Self, String> {
        let wrong = |error: tokenizers::Error| format!("it is no tokenizer ({})", error.to_string().to_lowercase());
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(wrong)?;
        let own = tokenizer.get_truncation().map(|truncation| truncation.max_length);
        let tokens_max = length.or(own).unwrap_or(TOKENS_USUAL).clamp(TOKENS_MIN, TOKENS_MAX);
        let filling = tokenizer.get_padding().map_or(0, |padding| padding.pad_id);
        let truncation = TruncationParams { max_length: tokens_max, ..TruncationParams::default() };
        tokenizer.with_padding(None).with_truncation(Some(truncation)).map_err(wrong)?;
        Ok(Self { tokenizer, tokens_max, filling })
    }

    /// The most tokens of a text.
    pub(super) fn tokens_max(&self) -> usize {
        self.tokens_max
    }

    /// What shorter texts of a batch are filled up with.
    pub(super) fn filling(&self) -> u32 {
        self.filling
    }

    /// The tokens of a text, one at least.
    pub(super) fn split(&self, text: &str) -> Vec<u32> {
        let text = &text[..text.floor_char_boundary(self.tokens_max * TOKEN_BYTES_MAX)];
        let split = self.tokenizer.encode_fast(text, true).map(|encoding| encoding.get_ids().to_vec());
        split.ok().filter(|ids| (1..=self.tokens_max).contains(&ids.len())).unwrap_or_else(|| vec![self.filling])
    }
}
