//! What is written down about panels, and what follows from it: the weights in force, and how members err together.
//!
//! The words of the last answers stay in memory for a while, so that the truth can be told in words; they are written
//! nowhere.

use crate::Agreement;
use crate::plan::Panel;
use crate::verdict::Evidence;
use caller::Caller;
use consensus::{AGREE_MIN, Answer, Ballot, Cluster, Pair, Prompt, likeness};
use settings::{Answers, Weights};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use votes::{Asked, Standing, Together, Votes};
use wire::openai::ChatRequest;

/// Questions whose answers are remembered, at most, and the most bytes of all their words.
pub(crate) const WORDS_QUESTIONS_MAX: usize = 1_000;
const WORDS_BYTES_MAX: usize = 8 << 20;

/// What is written down about panels.
#[derive(Default)]
pub(crate) struct Minutes {
    votes: OnceLock<Arc<Votes>>,
    words: Mutex<Words>,
}

/// The words of the last answers, the newest last.
#[derive(Default)]
struct Words {
    questions: VecDeque<Said>,
    bytes: usize,
}

/// What was said to one question.
struct Said {
    panel: String,
    request_id: Arc<str>,
    tenant: Arc<str>,
    prompt: String,
    kind: Answers,
    answers: Vec<(String, String)>,
}

impl Said {
    fn bytes(&self) -> usize {
        self.prompt.len() + self.answers.iter().map(|(model, text)| model.len() + text.len()).sum::<usize>()
    }
}

impl Minutes {
    /// Writes into this log from now on; the first one stays.
    pub(crate) fn keep(&self, votes: Arc<Votes>) {
        let _ = self.votes.set(votes);
    }

    pub(crate) fn votes(&self) -> Option<&Arc<Votes>> {
        self.votes.get()
    }

    /// What each seat's voice weighs now, and what is known of how its members err.
    pub(crate) fn weights(&self, panel: &Panel) -> (Vec<f64>, Evidence) {
        let given: Vec<f64> = panel.seats.iter().map(|seat| seat.weight).collect();
        if !panel.lasting {
            return (given, Evidence::default());
        }
        let known = self.votes.get().and_then(|votes| votes.known(&panel.name)).unwrap_or_default();
        let pairs = pairs(panel, &known);
        if panel.weights == Weights::Given {
            return (given, Evidence { weights_on: None, pairs });
        }
        let measured: Vec<Option<(u64, u64)>> = panel
            .seats
            .iter()
            .map(|seat| known.models.get(seat.endpoint.id()).map(|found| (found.right, found.asked)))
            .collect();
        let answers = measured.iter().flatten().map(|(_, asked)| asked).sum();
        (consensus::weights(&given, &measured), Evidence { weights_on: Some(answers), pairs })
    }

    /// Writes a question down. It delays nobody.
    pub(crate) fn note(
        &self,
        panel: &Panel,
        caller: &Caller,
        request: &ChatRequest,
        (ballot, clusters): (&Ballot, &[Cluster]),
        agreement: &Agreement,
    ) {
        let Some(votes) = self.votes.get().filter(|_| panel.lasting && agreement.answered > 0) else { return };
        let model = |seat: usize| panel.seats.get(seat).map(|seat| seat.endpoint.id().to_owned());
        let cluster = |seat: &usize| clusters.iter().position(|cluster| cluster.members.contains(seat));
        let group = |seat: &usize| Some((model(*seat)?, u32::try_from(cluster(seat)?).ok()?));
        let said = |seat: &usize| Some((model(*seat)?, ballot.answer(*seat)?.text().to_owned()));
        let (seats, tenant) = (ballot.answers(), Arc::clone(&caller.guest.identity.tenant));
        votes.note(Asked {
            panel: panel.name.clone(),
            request_id: Arc::clone(&caller.request_id),
            tenant: Arc::clone(&tenant),
            kind: agreement.method,
            reached: agreement.reached,
            answers: seats.iter().filter_map(group).collect(),
        });
        self.remember(Said {
            panel: panel.name.clone(),
            request_id: Arc::clone(&caller.request_id),
            tenant,
            prompt: request.last_user_text(),
            kind: panel.answers,
            answers: seats.iter().filter_map(said).collect(),
        });
    }

    fn remember(&self, said: Said) {
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        words.bytes += said.bytes();
        words.questions.push_back(said);
        while words.questions.len() > WORDS_QUESTIONS_MAX || words.bytes > WORDS_BYTES_MAX {
            let Some(oldest) = words.questions.pop_front() else { break };
            words.bytes -= oldest.bytes();
        }
    }

    /// Whose answers to a question say the same as `text`; `None` where nobody remembers them.
    pub(crate) fn agreeing(&self, tenant: &str, panel: &str, request_id: &str, text: &str) -> Option<Vec<String>> {
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |said: &&Said| &*said.request_id == request_id && said.panel == panel && &*said.tenant == tenant;
        let said = words.questions.iter().rev().find(fits)?;
        let prompt = Prompt::asking(&said.prompt, said.kind);
        let truth = Answer::new(text, &prompt);
        let same = |text: &str| likeness(&Answer::new(text, &prompt), &truth) >= AGREE_MIN;
        Some(said.answers.iter().filter(|(_, text)| same(text)).map(|(model, _)| model.clone()).collect())
    }
}

/// What is known of the members two by two, by their seats.
pub(crate) fn pairs(panel: &Panel, known: &Standing) -> BTreeMap<(usize, usize), Pair> {
    let mut pairs = BTreeMap::new();
    for (at, seat) in panel.seats.iter().enumerate() {
        for (other_at, other) in panel.seats.iter().enumerate().skip(at + 1) {
            if let Some(found) = known.pair(seat.endpoint.id(), other.endpoint.id()) {
                let Together { both_right, only_first, only_second, both_wrong } = found;
                pairs.insert((at, other_at), Pair { both_right, only_first, only_second, both_wrong });
            }
        }
    }
    pairs
}
