//! What one call takes of a minute: of its model's pace and of its provider's. Knows neither.

use crate::Taken;

/// What one call has taken of its model's pace and of its provider's.
#[derive(Default)]
pub struct Takings {
    /// Of its model's.
    pub of_model: Option<Taken>,
    /// Of its provider's.
    pub of_provider: Option<Taken>,
}

impl Takings {
    /// The call goes out.
    pub fn sent(&mut self) {
        self.each(Taken::sent);
    }

    /// It never got there, and counts as if it had not gone out.
    pub fn unsent(&mut self) {
        self.each(Taken::unsent);
    }

    /// What it used in truth.
    pub fn used(&mut self, tokens: u64) {
        self.each(|taken| taken.used(tokens));
    }

    fn each(&mut self, what: impl Fn(&mut Taken)) {
        [&mut self.of_model, &mut self.of_provider].into_iter().flatten().for_each(what);
    }
}
