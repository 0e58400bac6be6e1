//! What a server answered, judged; knows no connection.

use crate::Vector;
use http::StatusCode;
use serde::Deserialize;

/// The most numbers of a vector: an index takes no longer ones.
pub(super) const DIMENSIONS_MAX: usize = 4_096;

#[derive(Debug, Deserialize)]
struct Answer {
    data: Vec<Item>,
}

#[derive(Debug, Deserialize)]
struct Item {
    index: Option<usize>,
    embedding: Vec<f32>,
}

/// The vectors of an answer to `count` texts, of unit length and in the order of the texts.
///
/// # Errors
/// What is wrong with the answer; nothing of its text is repeated.
pub(super) fn read(body: &[u8], count: usize) -> Result<Vec<Vector>, String> {
    let answer: Answer = serde_json::from_slice(body)
        .map_err(|error| format!("it is no list of embeddings (line {}, column {})", error.line(), error.column()))?;
    if answer.data.len() != count {
        return Err(format!("it has `{}` vectors for `{count}` texts", answer.data.len()));
    }
    let mut vectors: Vec<Option<Vector>> = vec![None; count];
    for (place, Item { index, embedding }) in answer.data.into_iter().enumerate() {
        if embedding.is_empty() || embedding.len() > DIMENSIONS_MAX {
            return Err(format!("a vector has `{}` numbers", embedding.len()));
        }
        if !embedding.iter().all(|number| number.is_finite()) {
            return Err("a vector holds something that is not a number".to_owned());
        }
        match vectors.get_mut(index.unwrap_or(place)) {
            Some(free @ None) => *free = Some(crate::unit(&embedding)),
            _ => return Err("its vectors are numbered wrongly".to_owned()),
        }
    }
    vectors.into_iter().collect::<Option<_>>().ok_or_else(|| "a vector is missing".to_owned())
}

/// Whether a refusal means that less would be taken. Few servers use the status that is made for it.
pub(super) fn is_too_large(status: StatusCode, body: &[u8]) -> bool {
    const SIGNS: [&str; 8] =
        ["too large", "too long", "too many", "maximum", "context length", "batch size", "exceed", "reduce"];
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => true,
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
            let text = String::from_utf8_lossy(body).to_lowercase();
            SIGNS.iter().any(|sign| text.contains(sign))
        }
        _ => false,
    }
}
