//! Who looked for what a moment ago, so that a call that succeeds can be traced to the question that led to it.
//!
//! Questions stay in memory, a few of each caller, for ten minutes; only one that led to a successful call is learned,
//! without what is private in it.

use caller::Identity;
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long a question may lead to a call.
const LIFE: Duration = Duration::from_secs(600);
/// The most questions of one caller.
const QUESTIONS_MAX: usize = 8;
/// The most callers.
const CALLERS_MAX: usize = 10_000;
/// The longest question that is remembered, in bytes.
const QUESTION_BYTES_MAX: usize = 1_000;

struct Asked {
    query: Box<str>,
    ids: Vec<Arc<str>>,
    at: Instant,
}

#[derive(Default)]
struct Desk {
    by_caller: HashMap<(Arc<str>, Arc<str>), VecDeque<Asked>>,
    /// How often each tenant learned something.
    epochs: HashMap<Arc<str>, u64>,
}

/// What was asked lately.
#[derive(Default)]
pub(crate) struct Recent(Mutex<Desk>);

impl Recent {
    /// Somebody asked, and was shown these tools.
    pub(crate) fn note(&self, who: &Identity, query: &str, ids: Vec<Arc<str>>) {
        if ids.is_empty() || query.len() > QUESTION_BYTES_MAX {
            return;
        }
        let mut desk = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if desk.by_caller.len() >= CALLERS_MAX {
            desk.by_caller.retain(|_, asked| asked.back().is_some_and(|last| last.at.elapsed() < LIFE));
        }
        let key = (Arc::clone(&who.tenant), Arc::clone(&who.subject));
        if desk.by_caller.len() >= CALLERS_MAX && !desk.by_caller.contains_key(&key) {
            return;
        }
        let asked = desk.by_caller.entry(key).or_default();
        asked.retain(|it| it.at.elapsed() < LIFE && &*it.query != query);
        if asked.len() >= QUESTIONS_MAX {
            asked.pop_front();
        }
        asked.push_back(Asked { query: query.into(), ids, at: Instant::now() });
    }

    /// The last question of a caller that this tool was an answer to.
    pub(crate) fn question(&self, who: &Identity, id: &str) -> Option<Box<str>> {
        let desk = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = desk.by_caller.get(&(Arc::clone(&who.tenant), Arc::clone(&who.subject)))?;
        let led = |it: &&Asked| it.at.elapsed() < LIFE && it.ids.iter().any(|shown| &**shown == id);
        asked.iter().rev().find(led).map(|it| it.query.clone())
    }

    /// How often a tenant learned something since the start: what was found before is found differently now.
    pub(crate) fn epoch(&self, tenant: &str) -> u64 {
        let desk = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        desk.epochs.get(tenant).copied().unwrap_or(0)
    }

    /// A tenant learned something, or forgot it.
    pub(crate) fn learned(&self, tenant: &Arc<str>) {
        let mut desk = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *desk.epochs.entry(Arc::clone(tenant)).or_default() += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use caller::Role;

    fn who(tenant: &str, subject: &str) -> Identity {
        Identity { subject: subject.into(), tenant: tenant.into(), role: Role::User }
    }

    #[tokio::test(start_paused = true)]
    async fn the_last_question_that_led_to_a_tool_is_known_for_ten_minutes() {
        let recent = Recent::default();
        let ann = who("acme", "ann");
        recent.note(&ann, "first", vec!["a".into(), "b".into()]);
        recent.note(&ann, "second", vec!["a".into()]);
        assert_eq!(recent.question(&ann, "a").as_deref(), Some("second"));
        assert_eq!(recent.question(&ann, "b").as_deref(), Some("first"));
        assert_eq!(recent.question(&ann, "c"), None);
        assert_eq!(recent.question(&who("acme", "bob"), "a"), None);
        assert_eq!(recent.question(&who("other", "ann"), "a"), None);
        for at in 0..QUESTIONS_MAX {
            recent.note(&ann, &format!("more {at}"), vec!["z".into()]);
        }
        assert_eq!(recent.question(&ann, "a"), None);
        tokio::time::advance(LIFE).await;
        assert_eq!(recent.question(&ann, "z"), None);
        recent.note(&ann, &"x".repeat(QUESTION_BYTES_MAX + 1), vec!["a".into()]);
        assert_eq!(recent.question(&ann, "a"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn callers_are_bounded() {
        let recent = Recent::default();
        for at in 0..CALLERS_MAX + 5 {
            recent.note(&who("acme", &at.to_string()), "q", vec!["a".into()]);
        }
        assert_eq!(recent.0.lock().unwrap().by_caller.len(), CALLERS_MAX);
        tokio::time::advance(LIFE).await;
        recent.note(&who("acme", "late"), "q", vec!["a".into()]);
        assert_eq!(recent.0.lock().unwrap().by_caller.len(), 1);
    }
}
