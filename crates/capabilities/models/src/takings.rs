//! What one call takes of a minute: of its model's pace and of its provider's. Knows neither.

use turnstile::Taken;

/// What one call has taken of its model's pace and of its provider's.
#[derive(Default)]
pub(crate) struct Takings {
    pub(crate) of_model: Option<Taken>,
    pub(crate) of_provider: Option<Taken>,
}

impl Takings {
    /// The call goes out.
    pub(crate) fn sent(&mut self) {
        self.each(Taken::sent);
    }

    /// What it used in truth.
    pub(crate) fn used(&mut self, tokens: u64) {
        self.each(|taken| taken.used(tokens));
    }

    fn each(&mut self, what: impl Fn(&mut Taken)) {
        [&mut self.of_model, &mut self.of_provider].into_iter().flatten().for_each(what);
    }
}
