//! Chance from a seed: whole numbers, and uniform, exponential and normal variates. The same seed gives the same numbers
//! on every machine and in every version; nothing else may depend on how they are made.

use crate::elementary::{exp, ln};

/// Layers of the ziggurat.
const LAYERS: usize = 256;

/// Where the tail of the ziggurat begins (Marsaglia & Tsang 2000, for 256 layers).
const TAIL: f64 = 3.654_152_885_361_009;

/// The area of each layer, under e^(−x²/2): tail · f(tail) and what lies beyond it.
const AREA: f64 = 0.004_928_673_233_974_658;

/// 2⁵²: the whole numbers that variates are made of lie below it.
const HALF: f64 = (1_u64 << 52) as f64;

/// A generator of whole numbers: xoshiro256++ (Blackman & Vigna 2019), its state filled by SplitMix64.
pub(crate) struct Random {
    state: [u64; 4],
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        let mut counter = seed;
        let state = [(); 4].map(|()| {
            counter = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
            mixed(counter)
        });
        Self { state }
    }

    fn next(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let found = a.wrapping_add(d).rotate_left(23).wrapping_add(a);
        let (c, d) = (c ^ a, d ^ b);
        self.state = [a ^ d, b ^ c, c ^ (b << 17), d.rotate_left(45)];
        found
    }

    /// Uniform between 0 and 1, neither included.
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.next() >> 12) as f64 + 0.5) / HALF
    }

    /// Exponential with the mean 1.
    pub(crate) fn exponential(&mut self) -> f64 {
        -ln(self.uniform())
    }
}

/// The last step of SplitMix64: every bit of the number in every bit of the result.
pub(crate) fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// One layer of the ziggurat.
#[derive(Clone, Copy, Default)]
struct Layer {
    /// Whole numbers below this lie within the layer above too, and so under the curve.
    sure: u64,
    /// What a whole number is multiplied with.
    unit: f64,
}

/// Standard normal variates by the ziggurat (Marsaglia & Tsang 2000; layout of Doornik 2005). Exact, and two of a
/// hundred need more than one whole number.
pub(crate) struct Normal {
    layers: [Layer; LAYERS],
    /// Where each layer ends; that of the bottom one is its area as a box.
    ends: [f64; LAYERS + 1],
}

impl Normal {
    pub(crate) fn new() -> Self {
        let mut ends = [0.0; LAYERS + 1];
        let mut end = AREA / density(TAIL);
        for (at, kept) in ends.iter_mut().take(LAYERS).enumerate() {
            *kept = end;
            end = if at == 0 { TAIL } else { (-2.0 * ln(AREA / end + density(end))).sqrt() };
        }
        let mut layers = [Layer::default(); LAYERS];
        for (layer, pair) in layers.iter_mut().zip(ends.windows(2)) {
            if let [end, next] = pair {
                *layer = Layer { sure: (next / end * HALF) as u64, unit: end / HALF };
            }
        }
        Self { layers, ends }
    }

    #[inline]
    pub(crate) fn draw(&self, random: &mut Random) -> f64 {
        loop {
            let bits = random.next();
            // The lowest 8 bits choose the layer, the highest 53 are a whole number with its sign.
            let (at, whole) = ((bits & 0xff) as usize, (bits as i64) >> 11);
            let Some(layer) = self.layers.get(at) else { continue };
            let x = whole as f64 * layer.unit;
            if whole.unsigned_abs() < layer.sure {
                return x;
            }
            if let Some(found) = self.edge(random, at, x) {
                return found;
            }
        }
    }

    /// A point at the edge of its layer: it counts if it lies under the curve.
    #[cold]
    fn edge(&self, random: &mut Random, at: usize, x: f64) -> Option<f64> {
        if at == 0 {
            return Some(tail(random).copysign(x));
        }
        let below = density(*self.ends.get(at)?);
        let above = density(*self.ends.get(at + 1)?);
        (below + random.uniform() * (above - below) < density(x)).then_some(x)
    }
}

/// A variate beyond the last layer (Marsaglia 1964).
fn tail(random: &mut Random) -> f64 {
    loop {
        let beyond = random.exponential() / TAIL;
        if 2.0 * random.exponential() > beyond * beyond {
            return TAIL + beyond;
        }
    }
}

fn density(x: f64) -> f64 {
    exp(-0.5 * x * x)
}

#[cfg(test)]
mod tests {
    use super::{LAYERS, Normal, Random, TAIL};

    const DRAWS: usize = 1_000_000;

    #[test]
    fn the_same_numbers_everywhere() {
        let mut random = Random { state: [1, 2, 3, 4] };
        // The first numbers of the generator's authors for this state.
        let expect = [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386];
        assert_eq!(expect.map(|_| random.next()), expect);
        let mut random = Random::new(7);
        let normal = Normal::new();
        let found = [(); 4].map(|()| normal.draw(&mut random).to_bits());
        // Computed apart, by the same steps in Python.
        let expect = [
            4_597_362_144_112_327_357,
            4_606_270_513_640_424_644,
            13_829_848_359_062_673_058,
            4_610_620_122_330_703_801,
        ];
        assert_eq!(found, expect);
    }

    #[test]
    fn the_layers_close_at_the_top() {
        let normal = Normal::new();
        assert!((normal.ends[LAYERS - 1] - 0.215_241_895_984_87).abs() < 1e-10);
        assert_eq!(normal.layers[LAYERS - 1].sure, 0);
    }

    #[test]
    fn normal_variates_are_normal() {
        let (normal, mut random) = (Normal::new(), Random::new(1));
        let drawn: Vec<f64> = (0..DRAWS).map(|_| normal.draw(&mut random)).collect();
        let moment = |power: i32| drawn.iter().map(|x| x.powi(power)).sum::<f64>() / DRAWS as f64;
        for (power, expect, within) in
            [(1, 0.0, 0.004), (2, 1.0, 0.006), (3, 0.0, 0.016), (4, 3.0, 0.04), (6, 15.0, 0.5)]
        {
            assert!((moment(power) - expect).abs() < within, "moment {power}: {}", moment(power));
        }
        // Shares beyond 0.5, 1, 2, 3 and the tail, each within five standard errors.
        for (beyond, expect) in
            [(0.5, 0.617_075), (1.0, 0.317_311), (2.0, 0.045_500), (3.0, 0.002_700), (TAIL, 0.000_258)]
        {
            let share = drawn.iter().filter(|x| x.abs() > beyond).count() as f64 / DRAWS as f64;
            let error = (expect * (1.0 - expect) / DRAWS as f64).sqrt();
            assert!((share - expect).abs() < 5.0 * error, "beyond {beyond}: {share}");
        }
    }

    #[test]
    fn uniform_and_exponential_variates() {
        let mut random = Random::new(3);
        let drawn: Vec<f64> = (0..DRAWS).map(|_| random.uniform()).collect();
        assert!(drawn.iter().all(|x| *x > 0.0 && *x < 1.0));
        assert!((drawn.iter().sum::<f64>() / DRAWS as f64 - 0.5).abs() < 0.002);
        let drawn: Vec<f64> = (0..DRAWS).map(|_| random.exponential()).collect();
        assert!((drawn.iter().sum::<f64>() / DRAWS as f64 - 1.0).abs() < 0.005);
        assert!(drawn.iter().all(|x| *x > 0.0));
    }
}
