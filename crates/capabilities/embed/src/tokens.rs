//! From a text to the numbers of its tokens; knows no vector.

use crate::weights::VOCABULARY;
use tokenizers::decoders::DecoderWrapper;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::NormalizerWrapper;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::processors::PostProcessorWrapper;
use tokenizers::{TokenizerImpl, TruncationParams};

/// The most tokens of a text that are looked at: what the model was trained with.
pub(crate) const TOKENS_MAX: usize = 256;
/// The most bytes of a text that are looked at. So many hold far more than [`TOKENS_MAX`] tokens, save where words are
/// longer than any language has.
const TEXT_BYTES_MAX: usize = 16 * 1024;
/// What stands before and behind every text.
const FRAME: [u32; 2] = [101, 102];

/// What a MiniLM is split by. The library's own `Tokenizer`, which may be any kind, reads a file four times as long: it
/// puts the vocabulary together three times until it knows the kind.
type Pieces = TokenizerImpl<WordPiece, NormalizerWrapper, PreTokenizerWrapper, PostProcessorWrapper, DecoderWrapper>;

/// Splits texts.
#[derive(Debug)]
pub(crate) struct Splitter(Pieces);

impl Splitter {
    /// Reads a `tokenizer.json`. The file fills every text up to 128 tokens, and cuts it there: neither is wanted.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let wrong =
            |error: &dyn std::fmt::Display| format!("it is no tokenizer ({})", error.to_string().to_lowercase());
        let mut tokenizer: Pieces = serde_json::from_slice(bytes).map_err(|error| wrong(&error))?;
        let size = tokenizer.get_vocab_size(true);
        if size != VOCABULARY {
            return Err(format!("its vocabulary has {size} tokens and not {VOCABULARY}, so it is another model's"));
        }
        let truncation = TruncationParams { max_length: TOKENS_MAX, ..TruncationParams::default() };
        tokenizer.with_padding(None).with_truncation(Some(truncation)).map_err(|error| wrong(&error))?;
        Ok(Self(tokenizer))
    }

    /// The tokens of a text, with those that stand around it: two at least, [`TOKENS_MAX`] at most.
    pub(crate) fn split(&self, text: &str) -> Vec<u32> {
        let text = &text[..text.floor_char_boundary(TEXT_BYTES_MAX)];
        let split = self.0.encode_fast(text, true).map(|encoding| encoding.get_ids().to_vec());
        split.ok().filter(|ids| (FRAME.len()..=TOKENS_MAX).contains(&ids.len())).unwrap_or_else(|| FRAME.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{folder, texts};
    use tokenizers::Tokenizer;

    #[test]
    fn texts_are_split_as_the_library_does_that_reads_any_kind() {
        let bytes = std::fs::read(folder().join(crate::folder::TOKENIZER)).unwrap();
        let splitter = Splitter::read(&bytes).unwrap();
        let mut any = Tokenizer::from_bytes(&bytes).unwrap();
        let truncation = TruncationParams { max_length: TOKENS_MAX, ..TruncationParams::default() };
        any.with_padding(None).with_truncation(Some(truncation)).unwrap();
        let long = "an unbelievably long text [MASK] ".repeat(200);
        for text in texts().iter().chain([&String::new(), &long, &"[CLS] é ## 東京".to_owned()]) {
            assert_eq!(splitter.split(text), any.encode_fast(text.as_str(), true).unwrap().get_ids(), "{text}");
        }
    }

    #[test]
    fn another_kind_of_tokenizer_is_refused() {
        let bytes = std::fs::read(folder().join(crate::folder::TOKENIZER)).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let other = text.replacen("\"type\":\"WordPiece\"", "\"type\":\"WordLevel\"", 2);
        let other = other.replacen("\"type\": \"WordPiece\"", "\"type\": \"WordLevel\"", 2);
        assert_ne!(other, text);
        assert!(Splitter::read(other.as_bytes()).unwrap_err().starts_with("it is no tokenizer"));
    }
}
