//! From a text to the numbers of its tokens; knows no vector.

use crate::weights::VOCABULARY;
use tokenizers::{Tokenizer, TruncationParams};

/// The most tokens of a text that are looked at: what the model was trained with.
pub(crate) const TOKENS_MAX: usize = 256;
/// The most bytes of a text that are looked at. So many hold far more than [`TOKENS_MAX`] tokens, save where words are
/// longer than any language has.
const TEXT_BYTES_MAX: usize = 16 * 1024;
/// What stands before and behind every text.
const FRAME: [u32; 2] = [101, 102];

/// Splits texts.
#[derive(Debug)]
pub(crate) struct Splitter(Tokenizer);

impl Splitter {
    /// Reads a `tokenizer.json`. The file fills every text up to 128 tokens, and cuts it there: neither is wanted.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let wrong = |error: tokenizers::Error| format!("it is no tokenizer ({})", error.to_string().to_lowercase());
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(wrong)?;
        let size = tokenizer.get_vocab_size(true);
        if size != VOCABULARY {
            return Err(format!("its vocabulary has {size} tokens and not {VOCABULARY}, so it is another model's"));
        }
        let truncation = TruncationParams { max_length: TOKENS_MAX, ..TruncationParams::default() };
        tokenizer.with_padding(None).with_truncation(Some(truncation)).map_err(wrong)?;
        Ok(Self(tokenizer))
    }

    /// The tokens of a text, with those that stand around it: two at least, [`TOKENS_MAX`] at most.
    pub(crate) fn split(&self, text: &str) -> Vec<u32> {
        let text = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
        let split = self.0.encode_fast(text, true).map(|encoding| encoding.get_ids().to_vec());
        split.ok().filter(|ids| (FRAME.len()..=TOKENS_MAX).contains(&ids.len())).unwrap_or_else(|| FRAME.to_vec())
    }
}
