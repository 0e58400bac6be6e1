//! Events of a stream, numbered from zero without a gap. Knows nothing of what they say.

use bytes::Bytes;
use serde_json::{Value, json};

/// Writes events, or nothing where nobody listens.
#[derive(Debug, Default)]
pub(super) struct Events {
    out: Option<Vec<u8>>,
    next: u64,
}

impl Events {
    /// Somebody listens.
    pub(super) fn heard() -> Self {
        Self { out: Some(Vec::new()), next: 0 }
    }

    /// One event with these members.
    pub(super) fn emit(&mut self, kind: &str, members: Value) {
        let Some(out) = &mut self.out else { return };
        let mut event = json!({ "type": kind, "sequence_number": self.next });
        if let (Some(event), Value::Object(members)) = (event.as_object_mut(), members) {
            event.extend(members);
        }
        out.extend_from_slice(format!("event: {kind}\ndata: {event}\n\n").as_bytes());
        self.next += 1;
    }

    /// What has been written since it was last taken.
    pub(super) fn take(&mut self) -> Bytes {
        self.out.as_mut().map(std::mem::take).unwrap_or_default().into()
    }
}
