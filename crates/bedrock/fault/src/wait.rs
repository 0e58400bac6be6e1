//! How long something took or may take, in messages.

use std::time::Duration;

/// Milliseconds as messages show them: rounded, so that a wait of 1,500 ms minus an instant is not told as 1,499.
pub fn shown_ms(wait: Duration) -> String {
    format!("{:.0} ms", wait.as_secs_f64() * 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_to_the_nearest() {
        assert_eq!(shown_ms(Duration::from_micros(1_499_990)), "1500 ms");
        assert_eq!(shown_ms(Duration::ZERO), "0 ms");
    }
}
