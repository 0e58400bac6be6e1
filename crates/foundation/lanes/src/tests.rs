//! Every path against plain arithmetic, and against every other path.

use crate::{Lanes, PackedF32, PackedI8, Path, Quantised, Rows};
use proptest::prelude::*;

fn all() -> Vec<Lanes> {
    Path::available().into_iter().filter_map(Lanes::on).collect()
}

/// Bytes that repeat only after long, and hold both ends of their range.
fn bytes(seed: u64, count: usize) -> Vec<i8> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8 as i8
    };
    (0..count).map(next).collect()
}

fn floats(seed: u64, count: usize) -> Vec<f32> {
    bytes(seed, count).into_iter().map(|byte| f32::from(byte) / 37.0).collect()
}

#[test]
fn the_last_path_is_everywhere() {
    assert_eq!(Path::available().last(), Some(&Path::Portable));
    assert_eq!(Path::available().first(), Some(&Path::best()));
    assert_eq!(Lanes::best().path(), Path::best());
    assert!(Path::ALL.map(Path::name).contains(&"portable"));
}

#[test]
fn the_ends_of_the_range_do_not_overflow() {
    for lanes in all() {
        for (a, b) in [(-128, -128), (127, 127), (-128, 127), (127, -128)] {
            let (row, weights) = (vec![a; 1_536], vec![b; 1_536]);
            let packed = PackedI8::pack(&[&weights], 1_536, &[1.0], &[0.0]).unwrap();
            let mut out = [0.0];
            lanes.multiply_i8(&Quantised::of(&row, 1_536, &[1.0]).unwrap(), &packed, &mut out);
            let expected = i32::from(a) * i32::from(b) * 1_536;
            assert_eq!((out[0], lanes.dot_i8(&row, &weights)), (expected as f32, expected), "{lanes:?}");
        }
    }
}

#[test]
fn what_does_not_fit_is_not_packed() {
    assert!(PackedI8::pack(&[&[1; 6]], 3, &[1.0; 2], &[0.0; 2]).is_some());
    assert!(PackedI8::pack(&[&[1; 5]], 3, &[1.0; 2], &[0.0; 2]).is_none());
    assert!(PackedI8::pack(&[&[1; 6]], 3, &[1.0; 2], &[0.0; 3]).is_none());
    assert!(PackedI8::pack(&[&[]], 0, &[1.0; 2], &[0.0; 2]).is_none());
    assert!(PackedF32::pack(&[1.0; 5], 3, &[0.0; 2]).is_none());
    assert!(PackedF32::pack(&[], 3, &[]).is_none());
    assert!(Quantised::of(&[1; 5], 3, &[1.0; 2]).is_none());
}

#[test]
#[should_panic(expected = "rows must be as long")]
fn a_row_of_another_length_is_a_defect() {
    let packed = PackedI8::pack(&[&[1; 6]], 3, &[1.0; 2], &[0.0; 2]).unwrap();
    Lanes::best().multiply_i8(&Quantised::of(&[1; 4], 4, &[1.0]).unwrap(), &packed, &mut [0.0; 2]);
}

#[test]
#[should_panic(expected = "room for the product")]
fn a_product_without_room_is_a_defect() {
    let rows = Rows { numbers: &[1.0; 32], stride: 16 };
    Lanes::best().product([2, 2, 16], rows, rows, (&mut [0.0; 31], 16));
}

/// erf by its series, in double precision.
fn erf(x: f64) -> f64 {
    let mut term = x;
    let mut sum = x;
    for n in 1..200 {
        term *= -x * x / f64::from(n);
        sum += term / f64::from(2 * n + 1);
    }
    (sum * 2.0 / std::f64::consts::PI.sqrt()).clamp(-1.0, 1.0)
}

#[test]
fn gelu_is_the_one_with_erf() {
    for lanes in all() {
        let mut numbers: Vec<f32> = (-5_000..=5_000).map(|step| step as f32 / 1_000.0).collect();
        let exact = numbers.clone();
        lanes.gelu(&mut numbers);
        for (x, made) in exact.into_iter().map(f64::from).zip(numbers) {
            let expected = x / 2.0 * (1.0 + erf(x / 2_f64.sqrt()));
            assert!((f64::from(made) - expected).abs() < 1e-6, "{lanes:?} {x}: {made} {expected}");
        }
        let mut ends = [1e30, -1e30, 0.0, -40.0];
        lanes.gelu(&mut ends);
        assert_eq!(ends, [1e30, 0.0, 0.0, 0.0], "{lanes:?}");
    }
}

#[test]
fn softmax_adds_up_to_one() {
    for lanes in all() {
        for (width, count) in [(1, 1), (2, 2), (15, 15), (16, 15), (32, 17), (20, 3), (256, 256)] {
            let from = floats(count as u64, 3 * width);
            let mut rows = from.clone();
            lanes.softmax(&mut rows, width, count, 0.5);
            for (made, from) in rows.chunks_exact(width).zip(from.chunks_exact(width)) {
                let exact: Vec<f64> = from[..count].iter().map(|number| (f64::from(*number) * 0.5).exp()).collect();
                let sum: f64 = exact.iter().sum();
                for (made, exact) in made.iter().zip(exact.iter().copied().chain([0.0; 17])) {
                    assert!((f64::from(*made) - exact / sum).abs() < 1e-6, "{lanes:?} {width} {count}");
                }
            }
        }
        let mut far = [-3e38, 0.0, 3e38];
        lanes.softmax(&mut far, 3, 3, 1.0);
        assert!(far[2] > 0.999 && far[0] < 1e-6, "{far:?}");
        lanes.softmax(&mut [], 0, 0, 1.0);
    }
}

#[test]
fn a_norm_has_mean_nothing_and_variance_one() {
    for lanes in all() {
        let mut rows = floats(7, 3 * 384);
        let zeros = vec![0.0; rows.len()];
        lanes.add_and_norm(&mut rows, &zeros, &[1.0; 384], &[0.0; 384], 1e-12);
        for row in rows.chunks_exact(384) {
            let mean: f32 = row.iter().sum::<f32>() / 384.0;
            let variance: f32 = row.iter().map(|number| number * number).sum::<f32>() / 384.0;
            assert!(mean.abs() < 1e-5 && (variance - 1.0).abs() < 1e-4, "{lanes:?} {mean} {variance}");
        }
        let mut flat = vec![3.0; 384];
        lanes.add_and_norm(&mut flat, &zeros, &[1.0; 384], &[0.5; 384], 1e-12);
        assert!(flat.iter().all(|number| *number == 0.5));
    }
}

#[test]
fn integers_reach_from_the_least_to_the_largest() {
    for lanes in all() {
        let mut into = Quantised::default();
        let rows = [254.0, 0.0, 127.0, 1.0, 3.0, 3.0, 3.0, 3.0, f32::INFINITY, 1.0, 1.0, 1.0];
        lanes.quantise(&rows, 4, &mut into);
        assert_eq!((into.row(0), into.row(1), into.row(2)), (&[127, -127, 0, -126][..], &[0; 4][..], &[0; 4][..]));
        assert_eq!((into.scales(), into.middles()), (&[1.0, 0.0, 0.0][..], &[127.0, 3.0, 0.0][..]));
        assert!(into.row(3).is_empty());
    }
}

#[test]
fn a_product_of_integers_is_near_that_of_floats() {
    for lanes in all() {
        let (rows, weights): (Vec<f32>, _) =
            (floats(3, 5 * 384).iter().map(|x| x.max(-0.1)).collect(), bytes(4, 40 * 384));
        let packed = PackedI8::pack(&[&weights], 384, &[0.01; 40], &[0.5; 40]).unwrap();
        let mut small = Quantised::default();
        lanes.quantise(&rows, 384, &mut small);
        let mut out = vec![0.0; 5 * 40];
        lanes.multiply_i8(&small, &packed, &mut out);
        for (at, made) in out.iter().enumerate() {
            let (row, output) = (&rows[at / 40 * 384..][..384], &weights[at % 40 * 384..][..384]);
            let exact = 0.5 + row.iter().zip(output).map(|(a, b)| f64::from(*a) * f64::from(*b) * 0.01).sum::<f64>();
            assert!((f64::from(*made) - exact).abs() < 0.3, "{lanes:?} at {at}: {made} {exact}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_path_gives_the_same_integers(rows in 1_usize..30, inputs in 1_usize..150, outputs in 1_usize..80, seed: u64) {
        let (values, weights) = (bytes(seed, rows * inputs), bytes(!seed, outputs * inputs));
        let quantised = Quantised::of(&values, inputs, &vec![1.0; rows]).unwrap();
        let packed = PackedI8::pack(&[&weights], inputs, &vec![1.0; outputs], &vec![0.0; outputs]).unwrap();
        for lanes in all() {
            let mut out = vec![f32::NAN; rows * outputs];
            lanes.multiply_i8(&quantised, &packed, &mut out);
            for (at, made) in out.iter().enumerate() {
                let (row, output) = (&values[at / outputs * inputs..][..inputs], &weights[at % outputs * inputs..][..inputs]);
                let exact: i32 = row.iter().zip(output).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
                // Below 2^24, where floats hold every integer.
                prop_assert_eq!(*made, exact as f32, "{:?} at {}", lanes, at);
                prop_assert_eq!(lanes.dot_i8(row, output), exact);
            }
        }
    }

    #[test]
    fn every_path_rounds_the_same_way(rows in 1_usize..20, inputs in 1_usize..100, outputs in 1_usize..70, seed: u64) {
        let weights = bytes(seed, outputs * inputs);
        let packed = PackedI8::pack(&[&weights], inputs, &floats(seed ^ 1, outputs), &floats(seed ^ 2, outputs)).unwrap();
        let from = floats(seed ^ 3, rows * inputs);
        let mut first: Option<Vec<u32>> = None;
        for lanes in all() {
            let mut quantised = Quantised::default();
            lanes.quantise(&from, inputs, &mut quantised);
            let mut out = vec![0.0; rows * outputs];
            lanes.multiply_i8(&quantised, &packed, &mut out);
            let bits: Vec<u32> = out.into_iter().map(f32::to_bits).collect();
            prop_assert_eq!(first.get_or_insert_with(|| bits.clone()), &bits, "{:?}", lanes);
        }
    }

    #[test]
    fn a_scan_is_many_products(width in 0_usize..200, rows in 0_usize..9, room in 0_usize..9, seed: u64) {
        let (query, all_rows) = (bytes(seed, width), bytes(!seed, width * rows));
        let (query_f32, rows_f32) = (floats(seed, width), floats(!seed, width * rows));
        for lanes in all() {
            let (mut out, mut out_f32) = (vec![7; room], vec![7.0; room]);
            let count = lanes.scan_i8(&query, &all_rows, &mut out);
            prop_assert_eq!(count, if width == 0 { 0 } else { rows.min(room) });
            prop_assert_eq!(lanes.scan_f32(&query_f32, &rows_f32, &mut out_f32), count);
            for at in 0..count {
                let row = &all_rows[at * width..][..width];
                let exact: i32 = query.iter().zip(row).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum();
                prop_assert_eq!(out[at], exact);
                prop_assert!((out_f32[at] - exact as f32 / 37.0 / 37.0).abs() < 0.05);
                prop_assert_eq!(out_f32[at], lanes.dot_f32(&query_f32, &rows_f32[at * width..][..width]));
            }
            prop_assert!(out[count..].iter().all(|untouched| *untouched == 7));
        }
    }

    #[test]
    fn products_of_floats_are_those_of_arithmetic(rows in 1_usize..20, inner in 1_usize..70, outputs in 1_usize..80, seed: u64) {
        let (a, weights, bias) = (floats(seed, rows * inner), floats(!seed, outputs * inner), floats(seed ^ 5, outputs));
        let packed = PackedF32::pack(&weights, inner, &bias).unwrap();
        for lanes in all() {
            let mut out = vec![f32::NAN; rows * outputs];
            lanes.multiply_f32(&a, &packed, &mut out);
            for (at, made) in out.iter().enumerate() {
                let (row, output) = (&a[at / outputs * inner..][..inner], &weights[at % outputs * inner..][..inner]);
                let exact: f64 = row.iter().zip(output).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                let exact = exact + f64::from(bias[at % outputs]);
                prop_assert!((f64::from(*made) - exact).abs() < 1e-3, "{:?} at {}: {} {}", lanes, at, made, exact);
            }
        }
    }
}
