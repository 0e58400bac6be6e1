//! What is written down about panels, and what follows from it: the weights in force, and how members err together.
//!
//! The words of the last answers stay in memory for a while; they are written nowhere.

use crate::Agreement;
use crate::plan::Panel;
use caller::Caller;
use consensus::{Ballot, Cluster, Evidence, Pair, Question, Recent};
use settings::Weights;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use votes::{Asked, Standing, Together, Votes};
use wire::openai::ChatRequest;

/// What is written down about panels.
#[derive(Default)]
pub(crate) struct Minutes {
    votes: OnceLock<Arc<Votes>>,
    words: Mutex<Recent>,
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
        self.words().remember(Question {
            panel: panel.name.clone(),
            request_id: Arc::clone(&caller.request_id),
            tenant,
            prompt: request.last_user_text(),
            kind: panel.answers,
            answers: seats.iter().filter_map(said).collect(),
        });
    }

    /// What was said to a tenant's question; `None` where nobody remembers it.
    pub(crate) fn recall(&self, tenant: &str, panel: &str, request_id: &str) -> Option<Arc<Question>> {
        self.words().find(tenant, panel, request_id)
    }

    fn words(&self) -> MutexGuard<'_, Recent> {
        self.words.lock().unwrap_or_else(PoisonError::into_inner)
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
