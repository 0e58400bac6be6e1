//! What several looks at a target come to: increases of counters, memory, processor time. Knows no socket.

use super::Look;
use statistics::slope;
use std::time::Instant;
use verdict::{Glimpse, Memory};

/// Sums over many series may differ in the last digits from one page to the next, by the order of adding. A counter
/// has fallen if it lost more than this share.
const ROUNDING: f64 = 1e-9;

/// Into how many points the second half of a run is drawn together before a slope of memory is put through them.
/// Memory read every second hardly moves from one second to the next, so each reading for itself would make the slope
/// look surer than it is.
const SLOPE_POINTS: usize = 20;

const S_PER_MIN: f64 = 60.0;

/// A counter: where it is in a look, and where its increase goes.
struct Counter {
    of: fn(&Look) -> Option<f64>,
    to: fn(&mut Glimpse) -> &mut Option<f64>,
    /// Whether its first event brings it into being, so that until then it is 0.
    by_event: bool,
}

const COUNTERS: [Counter; 9] = [
    Counter { of: |look| look.cpu_s, to: |glimpse| &mut glimpse.cpu_s, by_event: false },
    Counter { of: |look| look.cache_hits, to: |glimpse| &mut glimpse.cache_hits, by_event: true },
    Counter { of: |look| look.cache_misses, to: |glimpse| &mut glimpse.cache_misses, by_event: true },
    Counter { of: |look| look.fallbacks, to: |glimpse| &mut glimpse.fallbacks, by_event: true },
    Counter { of: |look| look.retries, to: |glimpse| &mut glimpse.retries, by_event: true },
    Counter { of: |look| look.shed, to: |glimpse| &mut glimpse.shed, by_event: true },
    Counter { of: |look| look.model_calls, to: |glimpse| &mut glimpse.model_calls, by_event: true },
    Counter { of: |look| look.model_failures, to: |glimpse| &mut glimpse.model_failures, by_event: true },
    Counter { of: |look| look.model_s, to: |glimpse| &mut glimpse.model_s, by_event: true },
];

/// Looks as a report shows them: seconds after `start` plus `offset_s`, and counters as increases since the first look.
///
/// A counter that falls says that the target was restarted: it counts on from 0. One that appears in a later look was
/// 0 before, and one that no look has stays none, as does every one in looks that did not read the metrics page.
pub(crate) fn glimpses(looks: &[(Instant, Look)], start: Instant, offset_s: f64) -> Vec<Glimpse> {
    let states = looks.iter().map(|(at, look)| Glimpse {
        at_s: offset_s + at.saturating_duration_since(start).as_secs_f64(),
        resident_mb: look.resident_mb,
        breakers_open: look.breakers_open,
        store_in_use: look.store_in_use,
        sessions: look.sessions,
        ..Glimpse::default()
    });
    let mut glimpses: Vec<_> = states.collect();
    for Counter { of, to, by_event } in COUNTERS {
        let appears = by_event && looks.iter().any(|(_, look)| of(look).is_some());
        let counts = looks.iter().map(|(_, look)| of(look).or((appears && look.read).then_some(0.0)));
        for (glimpse, risen) in glimpses.iter_mut().zip(increases(counts)) {
            *to(glimpse) = risen;
        }
    }
    glimpses
}

/// How far a counter has risen since its first value, restarts included; none where it has none.
fn increases(counts: impl Iterator<Item = Option<f64>>) -> impl Iterator<Item = Option<f64>> {
    let (mut last, mut risen) = (None, 0.0);
    counts.map(move |count| {
        let count = count?;
        risen += match last.replace(count) {
            None => 0.0,
            Some(last) if count < last * (1.0 - ROUNDING) => count,
            Some(last) => (count - last).max(0.0),
        };
        Some(risen)
    })
}

/// The target's resident memory over a scenario; `None` unless it was seen twice.
pub(crate) fn memory(glimpses: &[Glimpse]) -> Option<Memory> {
    let resident = |glimpse: &Glimpse| Some((glimpse.at_s / S_PER_MIN, glimpse.resident_mb?));
    let points: Vec<(f64, f64)> = glimpses.iter().filter_map(resident).collect();
    let [(from, start_mb), .., (until, end_mb)] = points[..] else { return None };
    let max_mb = points.iter().fold(start_mb, |max, point| max.max(point.1));
    let half: Vec<_> = points.into_iter().filter(|point| point.0 >= f64::midpoint(from, until)).collect();
    let drawn: Vec<_> = half.chunks(half.len().div_ceil(SLOPE_POINTS).max(1)).map(mean).collect();
    let slope = slope(&drawn);
    Some(Memory {
        start_mb,
        end_mb,
        max_mb,
        growth_mb: max_mb - start_mb,
        slope_mb_per_min: slope.map(|slope| slope.per_x),
        slope_interval: slope.map(|slope| slope.interval),
    })
}

/// One point for several.
fn mean(points: &[(f64, f64)]) -> (f64, f64) {
    let (x, y) = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
    (x / points.len() as f64, y / points.len() as f64)
}

/// Processor seconds that the target used from the first glimpse to the last; `None` unless they were seen twice. Where
/// the glimpses of several repeats follow one another, each counting from 0, what lies between repeats is left out.
pub(crate) fn cpu_s(glimpses: &[Glimpse]) -> Option<f64> {
    let counts = glimpses.iter().filter(|glimpse| glimpse.cpu_s.is_some()).map(|glimpse| glimpse.cpu_s);
    increases(counts).skip(1).last().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    /// Looks one second apart at pages that were read.
    fn looks(start: Instant, figures: &[Look]) -> Vec<(Instant, Look)> {
        let each = (0..).zip(figures);
        each.map(|(second, look)| (start + Duration::from_secs(second), Look { read: true, ..*look })).collect()
    }

    /// What becomes of the counters `retries` and `cpu_s`, given the same counts.
    fn check(counts: &[Option<f64>], retries: &[Option<f64>], cpu_s: &[Option<f64>]) {
        let start = Instant::now();
        let figures: Vec<_> =
            counts.iter().map(|&count| Look { retries: count, cpu_s: count, ..Look::default() }).collect();
        let found = glimpses(&looks(start, &figures), start, 0.0);
        assert_eq!(found.iter().map(|glimpse| glimpse.retries).collect::<Vec<_>>(), retries, "{counts:?}");
        assert_eq!(found.iter().map(|glimpse| glimpse.cpu_s).collect::<Vec<_>>(), cpu_s, "{counts:?}");
        assert!(found.iter().all(|glimpse| glimpse.shed.is_none()));
    }

    #[test]
    fn counters_become_increases() {
        let some = |values: &[f64]| values.iter().copied().map(Some).collect::<Vec<_>>();
        for (counts, expect) in [
            (&[][..], &[][..]),
            (&[7.0], &[0.0]),
            (&[7.0, 7.0, 9.5, 20.0], &[0.0, 0.0, 2.5, 13.0]),
            // Restarted, once to below and once to 0.
            (&[100.0, 110.0, 4.0, 6.0, 0.0, 1.0], &[0.0, 10.0, 14.0, 16.0, 16.0, 17.0]),
            // The same sum, added in another order.
            (&[3e6, 3e6 - 1e-9, 3e6], &[0.0, 0.0, 1e-9]),
        ] {
            let expect: Vec<_> = some(expect);
            let start = Instant::now();
            let figures: Vec<_> = counts.iter().map(|&count| Look { shed: Some(count), ..Look::default() }).collect();
            let found = glimpses(&looks(start, &figures), start, 0.0);
            for (glimpse, expect) in found.iter().zip(&expect) {
                assert!((glimpse.shed.unwrap() - expect.unwrap()).abs() < 1e-8, "{counts:?}: {found:?}");
            }
            assert_eq!(found.len(), expect.len());
        }
    }

    #[test]
    fn a_counter_by_event_is_0_until_it_appears() {
        let (none, zero) = (None, Some(0.0));
        check(&[none, none], &[none, none], &[none, none]);
        check(&[none, Some(5.0), Some(6.0)], &[zero, Some(5.0), Some(6.0)], &[none, zero, Some(1.0)]);
        // Gone and back is a restart, also where it comes back higher than it was.
        check(
            &[Some(5.0), none, Some(6.0), Some(7.0)],
            &[zero, zero, Some(6.0), Some(7.0)],
            &[zero, none, Some(1.0), Some(2.0)],
        );
    }

    #[test]
    fn where_the_page_was_not_read_there_is_a_gap() {
        let start = Instant::now();
        let seen = |retries, read| {
            (start + Duration::from_millis(1500), Look { retries, read, cpu_s: Some(1.0), ..Look::default() })
        };
        let found = glimpses(
            &[seen(None, false), seen(Some(9.0), true), seen(None, false), seen(Some(11.0), true)],
            start,
            30.0,
        );
        let retries: Vec<_> = found.iter().map(|glimpse| glimpse.retries).collect();
        // Nobody knows what it was at first, so it is not taken for 0.
        assert_eq!(retries, [None, Some(0.0), None, Some(2.0)]);
        assert!(found.iter().all(|glimpse| glimpse.at_s == 31.5 && glimpse.cpu_s == Some(0.0)), "{found:?}");
    }

    #[test]
    fn states_stay_as_they_are() {
        let start = Instant::now() + Duration::from_secs(100);
        let look = Look {
            read: true,
            resident_mb: Some(1.0),
            breakers_open: Some(2.0),
            store_in_use: Some(3.0),
            sessions: Some(4.0),
            ..Look::default()
        };
        let expect = Glimpse {
            at_s: 5.0,
            resident_mb: Some(1.0),
            breakers_open: Some(2.0),
            store_in_use: Some(3.0),
            sessions: Some(4.0),
            ..Glimpse::default()
        };
        // A look before the start counts as one at the start.
        assert_eq!(glimpses(&[(start - Duration::from_secs(3), look)], start, 5.0), [expect]);
    }

    /// Glimpses every second with this memory and no other figure.
    fn remembering(seconds: u32, mb: impl Fn(f64) -> f64) -> Vec<Glimpse> {
        let glimpse = |at_s| Glimpse { at_s, resident_mb: Some(mb(at_s)), ..Glimpse::default() };
        (0..seconds).map(|second| glimpse(f64::from(second))).collect()
    }

    #[test]
    fn memory_on_known_lines() {
        // 3 MB per minute from 50 MB, from the middle on 12.
        let known = memory(&remembering(121, |s| 50.0 + s / 20.0 + (s - 60.0).max(0.0) * 0.15)).unwrap();
        assert_eq!((known.start_mb, known.end_mb, known.max_mb, known.growth_mb), (50.0, 65.0, 65.0, 15.0));
        assert!((known.slope_mb_per_min.unwrap() - 12.0).abs() < 1e-9, "{known:?}");
        assert!(known.slope_interval.unwrap().lo > 11.999, "{known:?}");
        let peak = memory(&remembering(600, |s| if s == 77.0 { 90.0 } else { 40.0 - s / 60.0 })).unwrap();
        assert_eq!((peak.start_mb, peak.max_mb, peak.growth_mb), (40.0, 90.0, 50.0));
        assert!((peak.slope_mb_per_min.unwrap() + 1.0).abs() < 1e-9, "{peak:?}");
    }

    #[test]
    fn memory_seen_too_seldom_is_not_judged() {
        assert_eq!(memory(&[]), None);
        assert_eq!(memory(&remembering(1, |_| 5.0)), None);
        assert_eq!(memory(&[Glimpse::default(); 9]), None);
        let two = memory(&remembering(2, |s| 5.0 - s)).unwrap();
        assert_eq!((two.growth_mb, two.end_mb, two.slope_mb_per_min), (0.0, 4.0, None));
        let mut gaps = remembering(9, |s| s);
        gaps.iter_mut().step_by(2).for_each(|glimpse| glimpse.resident_mb = None);
        assert_eq!(memory(&gaps).map(|memory| (memory.start_mb, memory.growth_mb)), Some((1.0, 6.0)));
    }

    #[test]
    fn processor_time_goes_on_over_repeats() {
        let used = |counts: &[Option<f64>]| {
            let glimpse = |&cpu_s| Glimpse { cpu_s, ..Glimpse::default() };
            cpu_s(&counts.iter().map(glimpse).collect::<Vec<_>>())
        };
        for (counts, expect) in [
            (&[][..], None),
            (&[None, Some(3.0), None], None),
            (&[Some(3.0), None, Some(4.5)], Some(1.5)),
            (&[None, Some(0.0), Some(2.0), Some(0.0), Some(3.0)], Some(5.0)),
        ] {
            assert_eq!(used(counts), expect, "{counts:?}");
        }
    }

    proptest! {
        #[test]
        fn increases_never_fall(counts in prop::collection::vec(prop::option::of(0.0..1e6_f64), 0..30)) {
            let risen: Vec<f64> = increases(counts.iter().copied()).flatten().collect();
            prop_assert!(risen.is_sorted() && risen.first().is_none_or(|&first| first == 0.0));
            prop_assert_eq!(risen.len(), counts.iter().flatten().count());
        }
    }
}
