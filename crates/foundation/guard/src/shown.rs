//! How a duration reads in an error message. Knows nothing about which error it is in.

use std::time::Duration;

const NANOS_PER_TENTH: u128 = 100_000_000;

/// Seconds with one decimal, rounded up, so that "try again in `0.0 s`" is never said about a wait that is not over.
pub(crate) fn seconds(duration: &Duration) -> String {
    let tenths = duration.as_nanos().div_ceil(NANOS_PER_TENTH);
    format!("{}.{} s", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_up_to_a_tenth() {
        let check = |millis, expect: &str| assert_eq!(seconds(&Duration::from_millis(millis)), expect);
        check(0, "0.0 s");
        check(1, "0.1 s");
        check(12_300, "12.3 s");
        check(12_301, "12.4 s");
        check(60_000, "60.0 s");
    }
}
