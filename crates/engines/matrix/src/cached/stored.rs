//! An answer as it is kept: its bytes, and what is told about it.

use crate::{Agreement, Report};
use bytes::Bytes;
use cache::{Life, Value};
use memchr::memmem::find_iter;
use models::ModelError;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use wire::Dialect;
use wire::openai::{ChatReply, EmbeddingReply};

/// About how many bytes a report takes in memory beside its agreement.
const REPORT_BYTES: usize = 512;

/// An answer as it is kept.
#[derive(Clone)]
pub(crate) enum Stored {
    /// A whole reply, and how long models took.
    Reply(ChatReply, Arc<Report>, Duration),
    /// All events of a stream.
    Stream(Recording, Arc<Report>),
    /// Vectors, for how many inputs, and how long models took.
    Vectors(EmbeddingReply, usize, Arc<Report>, Duration),
    /// The provider has no such model.
    Missing(ModelError),
}

/// A stream that has ended as it should.
#[derive(Debug, Clone)]
pub(crate) struct Recording {
    pub(crate) dialect: Dialect,
    pub(crate) bytes: Bytes,
}

/// What stands before the bytes of an answer on disk and in Redis, a line of JSON.
#[derive(Serialize, Deserialize)]
struct Head {
    what: What,
    served_by: String,
    simulated: bool,
    degraded: bool,
    reasons: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    agreement: Option<Agreement>,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Reply(Words),
    Stream(Words),
    Vectors(usize),
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Words {
    Chat,
    Messages,
    Responses,
    Ollama,
}

impl From<Dialect> for Words {
    fn from(dialect: Dialect) -> Self {
        match dialect {
            Dialect::Chat => Self::Chat,
            Dialect::Messages => Self::Messages,
            Dialect::Responses => Self::Responses,
            Dialect::Ollama => Self::Ollama,
        }
    }
}

impl From<Words> for Dialect {
    fn from(words: Words) -> Self {
        match words {
            Words::Chat => Self::Chat,
            Words::Messages => Self::Messages,
            Words::Responses => Self::Responses,
            Words::Ollama => Self::Ollama,
        }
    }
}

impl Stored {
    /// How long it may be kept: what a filter cut is not, and what something failed on the way to is kept briefly, for
    /// the next one may be better.
    pub(crate) fn life(&self) -> Life {
        let (report, bytes) = match self {
            Self::Reply(reply, report, _) => (report, reply.bytes()),
            Self::Stream(recording, report) => (report, &recording.bytes),
            Self::Vectors(reply, _, report, _) => (report, reply.bytes()),
            Self::Missing(_) => return Life::Short,
        };
        match report.degraded {
            _ if is_filtered(bytes) => Life::None,
            // It is kept already, as the answer to another question.
            _ if report.cache != "off" => Life::None,
            true => Life::Short,
            false => Life::Usual,
        }
    }
}

/// Whether a filter has held an answer back, in any dialect. Looked for in the raw bytes: within a text, the quotes of
/// such words would have backslashes.
fn is_filtered(bytes: &[u8]) -> bool {
    let says = |name: &str, word: &str| {
        find_iter(bytes, name).any(|at| {
            let rest = bytes[at + name.len()..].trim_ascii_start();
            let value = rest.strip_prefix(b":").map(<[u8]>::trim_ascii_start);
            value.is_some_and(|value| value.starts_with(word.as_bytes()))
        })
    };
    says("\"finish_reason\"", "\"content_filter\"")
        || says("\"stop_reason\"", "\"refusal\"")
        || says("\"reason\"", "\"content_filter\"")
}

impl Value for Stored {
    fn weight(&self) -> usize {
        let (bytes, report) = match self {
            Self::Reply(reply, report, _) => (reply.bytes().len(), report),
            Self::Stream(recording, report) => (recording.bytes.len(), report),
            Self::Vectors(reply, _, report, _) => (reply.bytes().len(), report),
            Self::Missing(_) => return REPORT_BYTES,
        };
        let agreement = report.agreement.as_ref().map_or(0, |agreement| {
            let answers = agreement.clusters.iter().map(|cluster| cluster.answer.len()).sum::<usize>();
            answers + REPORT_BYTES * (1 + agreement.members.len())
        });
        bytes + REPORT_BYTES + agreement
    }

    fn pack(&self) -> Option<Bytes> {
        let (what, report, bytes) = match self {
            Self::Reply(reply, report, _) => (What::Reply(reply.dialect().into()), report, reply.bytes()),
            Self::Stream(recording, report) => (What::Stream(recording.dialect.into()), report, &recording.bytes),
            Self::Vectors(reply, inputs, report, _) => (What::Vectors(*inputs), report, reply.bytes()),
            Self::Missing(_) => return None,
        };
        let Report { served_by, simulated, degraded, reasons, agreement, .. } = Report::clone(report);
        let head = Head { what, served_by, simulated, degraded, reasons, agreement };
        let mut out = serde_json::to_vec(&head).ok()?;
        out.push(b'\n');
        out.extend_from_slice(bytes);
        Some(Bytes::from(out))
    }

    fn unpack(packed: Bytes) -> Option<Self> {
        let end = memchr::memchr(b'\n', &packed)?;
        let Head { what, served_by, simulated, degraded, reasons, agreement } =
            serde_json::from_slice(&packed[..end]).ok()?;
        let report = Report {
            request_id: "".into(),
            served_by,
            simulated,
            degraded,
            reasons,
            cache: "off",
            cost_usd: None,
            overhead_ms: 0.0,
            agreement,
        };
        let (report, bytes, none) = (Arc::new(report), packed.slice(end + 1..), Duration::ZERO);
        Some(match what {
            What::Reply(words) => {
                let reply = ChatReply::native(words.into(), bytes).ok()?;
                Self::Reply(if simulated { reply.marked_simulated() } else { reply }, report, none)
            }
            What::Stream(words) => Self::Stream(Recording { dialect: words.into(), bytes }, report),
            What::Vectors(inputs) => {
                let reply = EmbeddingReply::parse(bytes, inputs).ok()?;
                Self::Vectors(if simulated { reply.marked_simulated() } else { reply }, inputs, report, none)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::is_filtered;

    #[test]
    fn what_a_filter_cut_is_known_in_every_dialect_and_in_no_text() {
        for (bytes, filtered) in [
            (r#"{"choices":[{"finish_reason": "content_filter"}]}"#, true),
            (r#"data: {"choices":[{"finish_reason":null}]} data: {"finish_reason":"content_filter"}"#, true),
            (r#"{"type":"message","stop_reason":"refusal"}"#, true),
            (r#"{"incomplete_details":{"reason":"content_filter"}}"#, true),
            (r#"{"choices":[{"finish_reason":"stop","message":{"content":"a \"content_filter\""}}]}"#, false),
            (r#"{"content":"{\"finish_reason\":\"content_filter\"}","finish_reason":"length"}"#, false),
            (r#"{"finish_reason"#, false),
        ] {
            assert_eq!(is_filtered(bytes.as_bytes()), filtered, "{bytes}");
        }
    }
}
