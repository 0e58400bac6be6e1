//! The words of the last answers, in memory alone, so that the truth about them can be told in words.

use crate::{AGREE_MIN, Answer, Prompt, likeness};
use settings::Answers;
use std::collections::VecDeque;
use std::sync::Arc;

/// Questions whose answers are remembered, at most.
pub const RECENT_QUESTIONS_MAX: usize = 1_000;
/// The most bytes of all their words.
const BYTES_MAX: usize = 8 << 20;

/// The words of the last answers.
#[derive(Debug, Default)]
pub struct Recent {
    /// The newest last.
    questions: VecDeque<Arc<Question>>,
    bytes: usize,
}

/// One question and what was said to it.
#[derive(Debug)]
pub struct Question {
    /// The panel that was asked.
    pub panel: String,
    /// The request.
    pub request_id: Arc<str>,
    /// Whose request it was.
    pub tenant: Arc<str>,
    /// What was asked, in words.
    pub prompt: String,
    /// What kind of answer was asked for.
    pub kind: Answers,
    /// Who said what, each model by its name.
    pub answers: Vec<(String, String)>,
}

impl Recent {
    /// Remembers a question, and forgets the oldest where there are too many.
    pub fn remember(&mut self, question: Question) {
        self.bytes += question.bytes();
        self.questions.push_back(Arc::new(question));
        while self.questions.len() > RECENT_QUESTIONS_MAX || self.bytes > BYTES_MAX {
            let Some(oldest) = self.questions.pop_front() else { break };
            self.bytes -= oldest.bytes();
        }
    }

    /// A tenant's question, where it is remembered.
    pub fn find(&self, tenant: &str, panel: &str, request_id: &str) -> Option<Arc<Question>> {
        let fits =
            |said: &&Arc<Question>| &*said.request_id == request_id && said.panel == panel && &*said.tenant == tenant;
        self.questions.iter().rev().find(fits).cloned()
    }
}

impl Question {
    /// Whose answers say the same as `text`. It takes time: a second for texts of hundreds of kilobytes.
    pub fn agreeing(&self, text: &str) -> Vec<String> {
        let prompt = Prompt::asking(&self.prompt, self.kind);
        let truth = Answer::new(text, &prompt);
        let same = |text: &str| likeness(&Answer::new(text, &prompt), &truth) >= AGREE_MIN;
        self.answers.iter().filter(|(_, text)| same(text)).map(|(model, _)| model.clone()).collect()
    }

    fn bytes(&self) -> usize {
        self.prompt.len() + self.answers.iter().map(|(model, text)| model.len() + text.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::{BYTES_MAX, Question, RECENT_QUESTIONS_MAX, Recent};
    use settings::Answers;

    fn question(id: usize, answers: &[(&str, &str)]) -> Question {
        Question {
            panel: "p".to_owned(),
            request_id: id.to_string().into(),
            tenant: "acme".into(),
            prompt: "What is the capital of France?".to_owned(),
            kind: Answers::Auto,
            answers: answers.iter().map(|(model, text)| ((*model).to_owned(), (*text).to_owned())).collect(),
        }
    }

    #[test]
    fn whoever_said_the_same_is_found() {
        let mut recent = Recent::default();
        let said = [("a", "Paris"), ("b", "Rome"), ("c", "The capital of France is Paris.")];
        recent.remember(question(1, &said));
        assert_eq!(recent.find("acme", "p", "1").unwrap().agreeing("**paris**"), ["a", "c"]);
        for (tenant, panel, id) in [("beta", "p", "1"), ("acme", "q", "1"), ("acme", "p", "2")] {
            assert!(recent.find(tenant, panel, id).is_none(), "{tenant} {panel} {id}");
        }
    }

    #[test]
    fn the_oldest_is_forgotten_first() {
        let mut recent = Recent::default();
        let known = |recent: &Recent, id: usize| recent.find("acme", "p", &id.to_string()).is_some();
        (0..=RECENT_QUESTIONS_MAX).for_each(|id| recent.remember(question(id, &[("a", "x")])));
        assert!(!known(&recent, 0) && known(&recent, 1) && known(&recent, RECENT_QUESTIONS_MAX));
        recent.remember(question(5_000, &[("a", &"x".repeat(BYTES_MAX - 1_000))]));
        assert!(known(&recent, 5_000) && !known(&recent, 900));
        recent.remember(question(5_001, &[("a", &"x".repeat(BYTES_MAX))]));
        assert!(recent.questions.is_empty() && recent.bytes == 0, "one that is too large alone is not kept");
    }
}
