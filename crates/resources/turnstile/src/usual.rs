//! What answers of one endpoint usually are like: how long they take, how long they are.

use measure::Ewma;

/// What an answer is reckoned to have before the first was seen, in tokens.
const OUTPUT_TOKENS: f64 = 16.0;
/// Tokens per byte of a request before the first was counted.
const TOKENS_PER_BYTE: f64 = 0.25;
/// How far a peak falls towards each observation below it.
const FALL: f64 = 0.02;

/// What recent answers were like.
#[derive(Debug, Clone, Copy, Default)]
pub struct Usual {
    /// How long answers take, in milliseconds.
    pub latency_ms: Ewma,
    output: Peak,
    tokens_per_byte: Peak,
}

impl Usual {
    /// One answer of so many tokens for each of its choices.
    pub fn answered(&mut self, latency_ms: f64, output: u64) {
        self.latency_ms.observe(latency_ms);
        self.output.observe(output as f64);
    }

    /// One request of so many bytes, which the upstream counted as so many tokens.
    pub fn counted(&mut self, bytes: usize, tokens: u64) {
        self.tokens_per_byte.observe(tokens as f64 / bytes.max(1) as f64);
    }

    /// Tokens that one choice of an answer will hardly exceed.
    pub fn output(&self) -> u64 {
        self.output.0.unwrap_or(OUTPUT_TOKENS).ceil() as u64
    }

    /// Tokens that a request of so many bytes will hardly exceed.
    pub fn input(&self, bytes: usize) -> u64 {
        (bytes as f64 * self.tokens_per_byte.0.unwrap_or(TOKENS_PER_BYTE)).ceil() as u64
    }
}

/// The largest of recent observations: it rises at once and falls slowly.
#[derive(Debug, Clone, Copy, Default)]
struct Peak(Option<f64>);

impl Peak {
    fn observe(&mut self, observation: f64) {
        let value = self.0.unwrap_or(observation);
        self.0 = Some(observation.max(value + FALL * (observation - value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_before_the_first() {
        let usual = Usual::default();
        assert_eq!((usual.output(), usual.input(100), usual.input(1), usual.input(0)), (16, 25, 1, 0));
    }

    #[test]
    fn rises_at_once_and_falls_slowly() {
        let mut usual = Usual::default();
        usual.answered(1.0, 4);
        assert_eq!(usual.output(), 4);
        usual.answered(1.0, 1_000);
        assert_eq!(usual.output(), 1_000);
        usual.answered(1.0, 0);
        assert_eq!(usual.output(), 980);
        for _ in 0..35 {
            usual.answered(1.0, 0);
        }
        assert!((450..550).contains(&usual.output()), "{}", usual.output());
        usual.counted(0, 0);
        usual.counted(100, 50);
        assert_eq!(usual.input(100), 50);
        usual.counted(0, u64::MAX);
        assert_eq!(usual.input(usize::MAX), u64::MAX, "absurd, and no overflow");
    }
}
