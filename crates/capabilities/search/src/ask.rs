//! A question put to what a caller may see: the best by words, the best by vectors, and both scores of each.

use crate::lists::List;
use crate::products::Small;
use crate::tables::Set;
use crate::top::Top;
use crate::view::View;
use crate::words::{Reader, Words};
use crate::{Candidate, Found, Limits, Query, document::STEP};

/// So many more than are asked for are looked at exactly, as integers are not exact about who is last.
const SPARE: usize = 32;

/// Room for a question, used again for the next: a sum and a cosine for each document.
#[derive(Default)]
pub(crate) struct Scratch {
    /// All zero between questions.
    sums: Vec<Sum>,
    /// Whose sums are not.
    touched: Vec<u32>,
    near: Vec<Near>,
}

/// What a document has of the words asked for.
#[derive(Clone, Copy, Default)]
struct Sum {
    score: f32,
    matched: u32,
}

/// How near a document is, about.
#[derive(Clone, Copy)]
struct Near {
    cosine: f32,
    /// Where its vector is, or [`SEVERAL`].
    row: u32,
}

/// That a document has more than one vector.
const SEVERAL: u32 = u32::MAX;

/// Of a document without vectors.
const NOWHERE: Near = Near { cosine: f32::NEG_INFINITY, row: SEVERAL };

/// The words of a question.
struct Asked<'a> {
    terms: Vec<Term<'a>>,
    best_possible: f32,
    count: usize,
}

/// A word of a question that documents have.
struct Term<'a> {
    /// Its place in the question.
    place: usize,
    worth: f32,
    documents: usize,
    /// Who has it, by scope.
    lists: Vec<Option<&'a List>>,
}

/// Answers a question.
pub(crate) fn ask(
    view: &View<'_>,
    query: &Query<'_>,
    (reader, words): (&Reader, &Words),
    limits: &Limits,
    scratch: &mut Scratch,
) -> Found {
    let limit = query.limit.min(limits.candidates_max);
    let asked = query.text.map(|text| read(view, text, reader, limits));
    if let Some(asked) = &asked {
        scratch.sum(view, asked, words);
    }
    let mut best = query.vector.map(|vector| scratch.nearest(view, vector, limit)).unwrap_or_default();
    best.sort_unstable_by_key(|&(at, _)| at);
    let near = best.len();
    for at in scratch.best_by_words(view, limit) {
        let known = best.get(..near).is_some_and(|near| near.binary_search_by_key(&at, |&(at, _)| at).is_ok());
        if !known {
            best.push((at, query.vector.and_then(|vector| scratch.cosine(view, at, vector))));
        }
    }
    let mut best: Vec<_> = best.into_iter().map(|(at, cosine)| (scratch.said(at), cosine, at)).collect();
    best.sort_unstable_by(|(a, a_cosine, a_at), (b, b_cosine, b_at)| {
        let cosines = |cosine: &Option<f32>| cosine.unwrap_or(f32::NEG_INFINITY);
        let by_cosine = || cosines(b_cosine).total_cmp(&cosines(a_cosine));
        b.score.total_cmp(&a.score).then_with(by_cosine).then_with(|| view.by_name(*a_at, *b_at))
    });
    scratch.clear();
    let candidate = |(sum, cosine, at): (Sum, _, _)| {
        let entry = view.entry(at)?;
        let (id, group) = (entry.id.clone(), entry.group.clone());
        Some(Candidate { id, group, words: sum.score, matched: sum.matched as usize, cosine })
    };
    let candidates = best.into_iter().filter_map(candidate).collect();
    let (words_best_possible, words_asked) = asked.map_or((0.0, 0), |asked| (asked.best_possible, asked.count));
    Found { candidates, words_best_possible, words_asked }
}

/// Reads a question's words, and looks up who has them.
fn read<'a>(view: &View<'a>, text: &str, reader: &Reader, limits: &Limits) -> Asked<'a> {
    let text = text.get(..text.floor_char_boundary(limits.query_bytes_max)).unwrap_or(text);
    // A word that is said twice is not asked for twice.
    let (mut seen, mut terms, mut best_possible) = (Set::<String>::default(), Vec::new(), 0.0);
    reader.each(text, |word| {
        if seen.contains(word) {
            return;
        }
        let place = seen.len();
        seen.insert(word.to_owned());
        let lists: Vec<_> = view.parts().iter().map(|part| part.partition.word(word)).collect();
        let documents = lists.iter().flatten().map(|list| list.len()).sum();
        let worth = rarity(view.documents(), documents);
        best_possible += worth;
        if documents > 0 {
            terms.push(Term { place, worth, documents, lists });
        }
    });
    if terms.len() > limits.query_terms_max {
        terms.sort_by_key(|term| (term.documents, term.place));
        terms.truncate(limits.query_terms_max);
        // Sums are made in the question's order, whichever words are left.
        terms.sort_by_key(|term| term.place);
    }
    Asked { terms, best_possible, count: seen.len() }
}

/// What a word is worth that so many of all documents have (BM25's inverse document frequency).
fn rarity(all: u64, documents: usize) -> f32 {
    let (all, documents) = (all as f64, documents as f64);
    (1.0 + (all - documents + 0.5) / (documents + 0.5)).ln() as f32
}

impl Scratch {
    /// Adds up what each document has of the words asked for.
    fn sum(&mut self, view: &View<'_>, asked: &Asked<'_>, words: &Words) {
        if self.sums.len() < view.slots() {
            self.sums.resize(view.slots(), Sum::default());
        }
        let &Words { k1, b, .. } = words;
        let (least, each) = (STEP * k1 * (1.0 - b), (f64::from(STEP * k1 * b) / view.length_mean()) as f32);
        for (number, part) in view.parts().iter().enumerate() {
            let Some(sums) = self.sums.get_mut(part.base as usize..) else { continue };
            let lengths = part.partition.lengths();
            for term in &asked.terms {
                let Some(list) = term.lists.get(number).copied().flatten() else { continue };
                let worth = term.worth * (k1 + 1.0);
                for &(slot, amount) in list.entries() {
                    let at = slot as usize;
                    let (Some(sum), Some(&length)) = (sums.get_mut(at), lengths.get(at)) else { continue };
                    if sum.matched == 0 {
                        self.touched.push(part.base + slot);
                    }
                    let amount = f32::from(amount);
                    sum.score += worth * amount / (amount + least + each * length as f32);
                    sum.matched += 1;
                }
            }
        }
    }

    /// The best by words, in no order.
    fn best_by_words(&self, view: &View<'_>, limit: usize) -> Vec<u32> {
        let mut top = Top::new(limit, |a, b| view.by_name(a, b));
        // Those of one scope lie together.
        let mut touched = self.touched.iter().peekable();
        for part in view.parts() {
            let end = part.base + part.partition.slots() as u32;
            while let Some(&at) = touched.next_if(|at| **at < end) {
                if part.passes(at - part.base) {
                    top.push(self.said(at).score, at);
                }
            }
        }
        top.finish().into_iter().map(|(_, at)| at).collect()
    }

    /// The nearest by vectors, each with its exact cosine, in no order.
    fn nearest(&mut self, view: &View<'_>, vector: &[f32], limit: usize) -> Vec<(u32, Option<f32>)> {
        self.near.clear();
        self.near.resize(view.slots(), NOWHERE);
        let query = Small::of(vector);
        let mut about = Top::new(limit + SPARE, |a, b| view.by_name(a, b));
        for part in view.parts() {
            let slots = part.base as usize..part.base as usize + part.partition.slots();
            let Some(near) = self.near.get_mut(slots) else { continue };
            part.partition.vectors.scan(vector, &query, |row, owner, cosine| {
                if let Some(near) = near.get_mut(owner as usize) {
                    let first = near.cosine == NOWHERE.cosine;
                    *near = Near { cosine: near.cosine.max(cosine), row: if first { row } else { SEVERAL } };
                }
            });
            for (slot, near) in (0..).zip(near.iter()) {
                if near.cosine > NOWHERE.cosine && part.passes(slot) {
                    about.push(near.cosine, part.base + slot);
                }
            }
        }
        let mut best = Top::new(limit, |a, b| view.by_name(a, b));
        for (_, at) in about.finish() {
            if let Some(cosine) = self.cosine(view, at, vector) {
                best.push(cosine, at);
            }
        }
        best.finish().into_iter().map(|(cosine, at)| (at, Some(cosine))).collect()
    }

    /// The cosine of a document's nearest vector, exactly, after all were gone through.
    fn cosine(&self, view: &View<'_>, at: u32, vector: &[f32]) -> Option<f32> {
        let (part, slot) = view.place(at)?;
        match self.near.get(at as usize)?.row {
            SEVERAL => part.partition.cosine(slot, vector),
            // It is not looked up where it lies: that takes as long as the product does.
            row => Some(part.partition.vectors.exact(row, vector)),
        }
    }

    /// What a document has of the words asked for.
    fn said(&self, at: u32) -> Sum {
        self.sums.get(at as usize).copied().unwrap_or_default()
    }

    fn clear(&mut self) {
        for at in self.touched.drain(..) {
            if let Some(sum) = self.sums.get_mut(at as usize) {
                *sum = Sum::default();
            }
        }
    }
}
