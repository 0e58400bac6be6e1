//! When requests are meant to be sent, decided before the first one is.

/// One request of a schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arrival {
    /// When it is meant to be sent, in microseconds from the start of the run.
    pub at_us: u64,
    /// Which of the job's requests it is.
    pub request: u32,
    /// How long its user rests once it has the answer, in microseconds.
    pub think_us: u32,
}

impl Arrival {
    /// The arrival as 16 bytes, little end first, so that two schedules can be compared and hashed.
    pub fn to_bytes(self) -> [u8; 16] {
        let mut bytes = [0; 16];
        bytes[..8].copy_from_slice(&self.at_us.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.request.to_le_bytes());
        bytes[12..].copy_from_slice(&self.think_us.to_le_bytes());
        bytes
    }
}
