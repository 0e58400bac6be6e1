//! Counting an answer without holding up whoever waits on the same thread. It knows no vote's rules.

use crate::{Answer, Ballot, Prompt};
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// Bytes of an answer that is compared where it lands, at most; a longer one may take milliseconds.
const HERE_MAX: usize = 4 << 10;

/// The ballot with a member's answer counted, as [`Ballot::answered`] does it; a long one is compared on a thread that may
/// block. Dropping it drops the ballot.
///
/// Takes a Tokio runtime. If that shuts down meanwhile, it never returns: nobody waits for the vote any more.
pub async fn count(mut ballot: Ballot, member: usize, text: String, prompt: &Arc<Prompt>) -> Ballot {
    if text.len() <= HERE_MAX {
        ballot.answered(member, Answer::new(&text, prompt));
        return ballot;
    }
    let prompt = Arc::clone(prompt);
    let counted = spawn_blocking(move || {
        ballot.answered(member, Answer::new(&text, &prompt));
        ballot
    });
    match counted.await {
        Ok(ballot) => ballot,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::{HERE_MAX, count};
    use crate::{Ballot, Prompt, Verdict};
    use std::sync::Arc;

    #[tokio::test]
    async fn long_and_short_answers_are_counted_alike() {
        let prompt = Arc::new(Prompt::new("Is it safe?"));
        let words: String = (0..HERE_MAX / 4).map(|at| format!("w{at} ")).collect();
        assert!(words.len() > HERE_MAX);
        for (a, b) in [("safe", "unsafe"), (&*format!("{words} safe"), &*format!("{words} unsafe"))] {
            let mut ballot = Ballot::new(&[1.0, 1.0, 1.0], 0.6);
            for (member, text) in [a, b, a].into_iter().enumerate() {
                assert_eq!(ballot.verdict(), Verdict::Pending);
                ballot = count(ballot, member, text.to_owned(), &prompt).await;
            }
            assert_eq!(ballot.verdict(), Verdict::Reached);
            assert_eq!(ballot.clusters()[0].members, [0, 2]);
        }
    }
}
