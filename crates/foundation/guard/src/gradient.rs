//! A limit on concurrency for engines on a machine of their own: it follows how long they take, after the gradient of
//! Netflix's concurrency-limits. Knows no refusal but as one more sign that there is too much to do.

use std::time::{Duration, Instant};

/// Where the limit starts, and how many at once are taken not to wait for each other.
const START: f64 = 2.0;
/// So many times the usual time is no sign of a queue yet.
const TOLERANCE: f64 = 1.5;
/// Weight of the new limit against the old.
const SMOOTHING: f64 = 0.2;
/// How far beyond what the times say the limit probes. One: engines on one machine hold a handful at once.
const QUEUE: f64 = 1.0;
/// Samples over which the usual and the present time are averaged.
const LONG: f64 = 600.0;
const SHORT: f64 = 10.0;
/// Samples of which the plain mean is taken first.
const WARM_UP: f64 = 10.0;
/// What is left of the limit after a refusal.
const BACK_OFF: f64 = 0.9;

/// As many at once as keep the time to the first token near its usual, and of answers that come whole the time for each
/// of their tokens, of vectors for each of their inputs: what takes long because there is much to say is no sign of a
/// queue. None is compared with another.
///
/// The usual time is learned while at most two are inside, or from faster answers: whoever learns under load takes the
/// queue that it has made itself for usual, and the limit never stops to grow.
#[derive(Debug, Clone)]
pub struct Gradient {
    limit: f64,
    most: f64,
    streams: Times,
    wholes: Times,
    vectors: Times,
    refused_at: Option<Instant>,
}

/// What one kind of answer usually takes, and takes now.
#[derive(Debug, Clone)]
struct Times {
    usual: Mean,
    present: Mean,
}

impl Gradient {
    /// Starts at 2, or at `most` where that is less; at least 1.
    pub fn new(most: u32) -> Self {
        let most = f64::from(most.max(1));
        let [streams, wholes, vectors] = std::array::from_fn(|_| Times::new());
        Self { limit: START.min(most), most, streams, wholes, vectors, refused_at: None }
    }

    /// The limit now.
    pub fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// A stream had its first token after `took`, while `in_flight` were under way, itself included.
    pub fn opened(&mut self, took: Duration, in_flight: u32) {
        let gradient = self.streams.add(took.as_secs_f64(), in_flight);
        self.follow(gradient, in_flight);
    }

    /// A whole answer took so long for each of its tokens, while `in_flight` were under way, itself included.
    pub fn answered(&mut self, per_token: Duration, in_flight: u32) {
        let gradient = self.wholes.add(per_token.as_secs_f64(), in_flight);
        self.follow(gradient, in_flight);
    }

    /// Vectors took so long for each of their inputs, while `in_flight` were under way, itself included.
    pub fn embedded(&mut self, per_input: Duration, in_flight: u32) {
        let gradient = self.vectors.add(per_input.as_secs_f64(), in_flight);
        self.follow(gradient, in_flight);
    }

    fn follow(&mut self, gradient: Option<f64>, in_flight: u32) {
        // What is not used tells nothing about what would be borne.
        let Some(gradient) = gradient.filter(|_| f64::from(in_flight) * 2.0 >= self.limit) else { return };
        let next = self.limit * gradient + QUEUE;
        self.limit = (self.limit * (1.0 - SMOOTHING) + next * SMOOTHING).clamp(1.0, self.most);
    }

    /// A request that was sent at `sent` was refused for want of room.
    pub fn refused(&mut self, sent: Instant, now: Instant) {
        if self.refused_at.is_some_and(|at| sent < at) {
            return;
        }
        self.refused_at = Some(now);
        self.limit = (self.limit * BACK_OFF).max(1.0);
    }
}

impl Times {
    fn new() -> Self {
        Self { usual: Mean::over(LONG), present: Mean::over(SHORT) }
    }

    /// Takes one in, and tells how much of the limit the times leave; nothing where they take no time.
    fn add(&mut self, took: f64, in_flight: u32) -> Option<f64> {
        let Self { usual, present } = self;
        present.add(took);
        // A kind that is first seen under load has nothing better to begin with.
        if usual.samples == 0.0 || f64::from(in_flight) <= START || present.value < usual.value {
            usual.add(took);
        }
        if usual.value > present.value * 2.0 {
            usual.value *= 0.95;
        }
        (present.value > 0.0).then(|| (TOLERANCE * usual.value / present.value).clamp(0.5, 1.0))
    }
}

/// A mean that forgets: plain at first, exponential from then on.
#[derive(Debug, Clone, Copy)]
struct Mean {
    value: f64,
    samples: f64,
    window: f64,
}

impl Mean {
    fn over(window: f64) -> Self {
        Self { value: 0.0, samples: 0.0, window }
    }

    fn add(&mut self, sample: f64) {
        self.samples += 1.0;
        let weight = if self.samples <= WARM_UP { 1.0 / self.samples } else { 2.0 / (self.window + 1.0) };
        self.value += (sample - self.value) * weight;
    }
}

#[cfg(test)]
mod tests {
    use super::Gradient;
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    const MS: Duration = Duration::from_millis(1);

    /// An engine that works on `slots` at once, each for `service`, always as full as the limit allows.
    fn saturate(gradient: &mut Gradient, slots: u32, service: Duration, rounds: usize, rng: &mut fastrand::Rng) -> f64 {
        let mut sum = 0.0;
        for _ in 0..rounds {
            let inside = gradient.limit();
            let wait = f64::from(inside.max(slots)) / f64::from(slots) * (0.8 + 0.4 * rng.f64());
            gradient.opened(service.mul_f64(wait), inside);
            sum += f64::from(gradient.limit());
        }
        sum / rounds as f64
    }

    #[test]
    fn settles_near_what_an_engine_bears_and_stays_there() {
        let mut rng = fastrand::Rng::with_seed(6);
        for slots in [1, 2, 4, 8] {
            let mut gradient = Gradient::new(200);
            saturate(&mut gradient, slots, MS * 200, 300, &mut rng);
            let mean = saturate(&mut gradient, slots, MS * 200, 20_000, &mut rng);
            let bears = f64::from(slots);
            assert!(mean >= bears && mean <= bears * 2.0 + 3.0, "{slots} slots: {mean}");
        }
    }

    #[test]
    fn finds_its_way_after_the_model_became_slower() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut gradient = Gradient::new(200);
        saturate(&mut gradient, 4, MS * 100, 500, &mut rng);
        saturate(&mut gradient, 4, MS * 400, 100, &mut rng);
        assert!(gradient.limit() <= 3, "first it takes that for a queue: {}", gradient.limit());
        let mean = saturate(&mut gradient, 4, MS * 400, 5_000, &mut rng);
        assert!(mean >= 3.0, "{mean}");
    }

    #[test]
    fn whole_answers_do_not_look_like_slow_first_tokens() {
        let (mut gradient, mut alone) = (Gradient::new(200), Gradient::new(200));
        for round in 0..200 {
            let inside = gradient.limit();
            gradient.opened(MS * 100, inside);
            // Ten times as long, and as steady: that is what whole answers take.
            if round >= 100 {
                gradient.answered(MS * 1_000, gradient.limit());
            }
            alone.opened(MS * 100, alone.limit());
        }
        assert!(gradient.limit() >= alone.limit(), "{} and {}", gradient.limit(), alone.limit());
        for _ in 0..50 {
            gradient.answered(MS * 3_000, gradient.limit());
        }
        assert!(gradient.limit() <= 10, "that they take three times as long now is a sign: {}", gradient.limit());
    }

    #[test]
    fn vectors_do_not_make_chats_look_slow() {
        let mut gradient = Gradient::new(200);
        for _ in 0..70 {
            gradient.embedded(MS, gradient.limit());
        }
        let before = gradient.limit();
        for _ in 0..20 {
            gradient.answered(MS * 50, gradient.limit());
            gradient.embedded(MS, gradient.limit());
        }
        assert!(gradient.limit() >= before && before > 5, "{before}, then {}", gradient.limit());
    }

    #[test]
    fn starts_small_and_grows_only_in_use() {
        let mut gradient = Gradient::new(8);
        assert_eq!((gradient.limit(), Gradient::new(1).limit(), Gradient::new(0).limit()), (2, 1, 1));
        (0..100).for_each(|_| gradient.answered(MS * 100, 2));
        assert_eq!(gradient.limit(), 4, "half used is used");
        (0..100).for_each(|_| gradient.answered(MS * 100, 4));
        assert_eq!(gradient.limit(), 8);
        let now = Instant::now();
        (0..9).for_each(|_| gradient.refused(now, now + MS));
        assert_eq!(gradient.limit(), 7);
    }

    proptest! {
        #[test]
        fn stays_in_its_bounds(
            most in 0..300u32, steps in prop::collection::vec((any::<Option<u32>>(), 0..400u32), 0..300),
        ) {
            let (mut gradient, mut now) = (Gradient::new(most), Instant::now());
            for (took, in_flight) in steps {
                now += MS;
                match took {
                    Some(took) if took % 3 == 0 => gradient.embedded(MS * took, in_flight),
                    Some(took) if took % 2 == 0 => gradient.answered(MS * took, in_flight),
                    Some(took) => gradient.opened(MS * took, in_flight),
                    None => gradient.refused(now, now),
                }
                prop_assert!((1..=most.max(1)).contains(&gradient.limit()));
            }
        }
    }
}
