//! The natural logarithm and the exponential function, the same to the last bit on every machine: those of the standard
//! library are the system's, and systems differ in the last digit. Made of sums, products, quotients and bits alone.
//! Good to a few units in the last place for what draws need, and for nothing else.

/// The upper bits of ln 2: products with whole numbers up to a thousand are exact.
const LN_2_UPPER: f64 = 6.931_471_803_691_238e-1;

/// ln 2 less its upper bits.
const LN_2_LOWER: f64 = 1.908_214_929_270_587_7e-10;

/// The bits of the fraction of a number.
const FRACTION_BITS: u32 = 52;

/// The bias of the exponent of a number.
const BIAS: i64 = 1_023;

/// 1/3, 1/5 … of the series of the area tangent, the highest first: 2·s²⁰/21 is below the last place for s² ≤ 0.0295.
const AREA_TANGENT: [f64; 10] = [
    1.0 / 21.0,
    1.0 / 19.0,
    1.0 / 17.0,
    1.0 / 15.0,
    1.0 / 13.0,
    1.0 / 11.0,
    1.0 / 9.0,
    1.0 / 7.0,
    1.0 / 5.0,
    1.0 / 3.0,
];

/// 1/13!, 1/12! … 1/1!, 1/0!.
const EXPONENTIAL: [f64; 14] = [
    1.0 / 6_227_020_800.0,
    1.0 / 479_001_600.0,
    1.0 / 39_916_800.0,
    1.0 / 3_628_800.0,
    1.0 / 362_880.0,
    1.0 / 40_320.0,
    1.0 / 5_040.0,
    1.0 / 720.0,
    1.0 / 120.0,
    1.0 / 24.0,
    1.0 / 6.0,
    1.0 / 2.0,
    1.0,
    1.0,
];

/// The natural logarithm of a normal number above 0.
///
/// x = m · 2ᵏ with m within √½ to √2, and ln m = 2 (s + s³/3 + s⁵/5 …) with s = (m − 1) / (m + 1).
pub(crate) fn ln(x: f64) -> f64 {
    let bits = x.to_bits();
    let mut k = (bits >> FRACTION_BITS) as i64 - BIAS;
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let mut m = f64::from_bits(fraction | (BIAS as u64) << FRACTION_BITS);
    if m > std::f64::consts::SQRT_2 {
        m /= 2.0;
        k += 1;
    }
    let s = (m - 1.0) / (m + 1.0);
    let s2 = s * s;
    let tail = AREA_TANGENT.iter().fold(0.0, |sum, term| sum * s2 + term) * s2;
    let k = k as f64;
    k * LN_2_UPPER + (2.0 * s + (2.0 * s * tail + k * LN_2_LOWER))
}

/// eˣ for x within −700 to 700.
///
/// x = k · ln 2 + r with |r| ≤ ln 2 / 2, and the Taylor series of eʳ.
pub(crate) fn exp(x: f64) -> f64 {
    let k = (x * std::f64::consts::LOG2_E).round();
    let r = (x - k * LN_2_UPPER) - k * LN_2_LOWER;
    let power = EXPONENTIAL.iter().fold(0.0, |sum, term| sum * r + term);
    power * f64::from_bits(((k as i64 + BIAS) as u64) << FRACTION_BITS)
}

#[cfg(test)]
mod tests {
    use super::{exp, ln};
    use proptest::prelude::*;

    #[test]
    fn the_same_bits_everywhere() {
        // Computed apart, by the same sums in Python.
        for (x, expect) in [(1.0, 0), (2.0, 0x3fe6_2e42_fefa_39ef), (10.0, 0x4002_6bb1_bbb5_5516)] {
            assert_eq!(ln(x).to_bits(), expect, "ln {x} is {:#x}", ln(x).to_bits());
        }
        for (x, expect) in [(0.0, 0x3ff0_0000_0000_0000), (1.0, 0x4005_bf0a_8b14_576a), (-6.7, 0x3f54_2ad1_9770_78ca)] {
            assert_eq!(exp(x).to_bits(), expect, "exp {x} is {:#x}", exp(x).to_bits());
        }
    }

    proptest! {
        #[test]
        fn as_the_systems_own(x in 1e-300..1e300_f64, near in 0.5..2.0_f64, power in -700.0..700.0_f64) {
            for x in [x, near, 1.0 / x] {
                let (found, expect) = (ln(x), x.ln());
                prop_assert!((found - expect).abs() <= 4.0 * f64::EPSILON * expect.abs(), "ln {x}: {found} {expect}");
            }
            let (found, expect) = (exp(power), power.exp());
            prop_assert!((found - expect).abs() <= 4.0 * f64::EPSILON * expect, "exp {power}: {found} {expect}");
        }
    }
}
