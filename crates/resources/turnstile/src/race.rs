//! A call that is late, and a second copy of it: the first answer wins, the other call is dropped. Knows neither who
//! is asked nor who pays.

use std::pin::pin;
use std::time::Duration;

/// Which of the two calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The one that was made at once.
    First,
    /// The copy.
    Second,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Race<T, E> {
    /// The answer, unless every call that was made failed.
    pub answer: Option<(Side, T)>,
    /// What failed before, in the order in which it did.
    pub failures: Vec<(Side, E)>,
    /// Whether the copy was sent.
    pub sent: bool,
}

/// Makes the first call and, when `late` has passed without its end and `may` allows it, the second one. Whichever
/// still runs when an answer has come is cancelled before this returns. Dropping it cancels both.
pub async fn race<T, E>(
    first: impl Future<Output = Result<T, E>>,
    late: Duration,
    may: impl FnOnce() -> bool,
    second: impl Future<Output = Result<T, E>>,
) -> Race<T, E> {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let in_time = tokio::time::timeout(late, &mut first).await;
    let alone = match in_time {
        Ok(result) => Some(result),
        Err(_) if may() => None,
        Err(_) => Some(first.as_mut().await),
    };
    if let Some(result) = alone {
        return landed(Side::First, result, Vec::new(), false);
    }
    let (side, result) = tokio::select! {
        biased;
        result = &mut first => (Side::First, result),
        result = &mut second => (Side::Second, result),
    };
    let failures = match result {
        Ok(answer) => return landed(side, Ok(answer), Vec::new(), true),
        Err(error) => vec![(side, error)],
    };
    match side {
        Side::First => landed(Side::Second, second.await, failures, true),
        Side::Second => landed(Side::First, first.await, failures, true),
    }
}

fn landed<T, E>(side: Side, result: Result<T, E>, mut failures: Vec<(Side, E)>, sent: bool) -> Race<T, E> {
    let answer = match result {
        Ok(answer) => Some((side, answer)),
        Err(error) => {
            failures.push((side, error));
            None
        }
    };
    Race { answer, failures, sent }
}

#[cfg(test)]
mod tests;
