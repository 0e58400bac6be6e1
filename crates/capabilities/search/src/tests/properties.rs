//! What holds for whatever documents and questions there are: the same answer as a plain reading of the formula gives,
//! whatever else the index holds or has held.

use crate::{Doc, Embedded, Field, Filter, Found, Index, Query, Vector};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const WORDS: [&str; 8] = ["sun", "moon", "star", "rain", "snow", "wind", "hail", "cloud"];
const SCOPES: [&str; 3] = ["a", "b", "hidden"];
const TAGS: [&str; 3] = ["x", "y", "z"];

fn text(words: &[usize]) -> String {
    words.iter().map(|&word| WORDS[word]).collect::<Vec<_>>().join(" ")
}

fn unit(of: &[f32]) -> Vector {
    let length = of.iter().map(|x| x * x).sum::<f32>().sqrt().max(1e-3);
    of.iter().map(|x| x / length).collect()
}

fn vectors(max: usize) -> impl Strategy<Value = Vec<Vector>> {
    let one = prop::collection::vec(-1.0_f32..1.0, 5).prop_map(|of| unit(&of));
    prop::collection::vec(one, 0..=max)
}

fn says() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(0..WORDS.len(), 0..8)
}

prop_compose! {
    fn docs(max: usize)(of in prop::collection::vec(
        (0_u8..40, 0..SCOPES.len(), says(), says(), vectors(3), prop::collection::vec(0..TAGS.len(), 0..3)), 0..max,
    )) -> Vec<Doc> {
        of.into_iter().map(|(id, scope, name, body, vectors, tags)| Doc {
            id: format!("{id}").into(),
            group: None,
            scope: SCOPES[scope].into(),
            fields: vec![Field { text: text(&name), weight: 2.5 }, Field { text: text(&body), weight: 1.0 }],
            vectors,
            tags: tags.into_iter().map(|tag| TAGS[tag].into()).collect(),
        }).collect()
    }
}

#[derive(Debug, Clone)]
struct Question {
    text: String,
    vector: Option<Vector>,
    filter: Filter,
    limit: usize,
}

prop_compose! {
    fn questions()(
        words in says(),
        vector in vectors(1),
        groups in prop::collection::vec(prop::collection::vec(0..TAGS.len(), 1..3), 0..2),
        limit in 1_usize..12,
    ) -> Question {
        let group = |group: Vec<usize>| group.into_iter().map(|tag| TAGS[tag].into()).collect();
        let filter = Filter { all: groups.into_iter().map(group).collect() };
        Question { text: format!("{} unknown", text(&words)), vector: vector.first().cloned(), filter, limit }
    }
}

fn now<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// What an index answers that took these in one after another.
fn answer(steps: &[Step], question: &Question) -> Found {
    let index = Embedded::default();
    let scopes: [Arc<str>; 2] = ["b".into(), "a".into()];
    now(async {
        for step in steps {
            match step {
                Step::Put(docs) => index.upsert("c", docs.clone()).await.unwrap(),
                Step::Delete(id) => drop(index.delete("c", &[id.to_string().into()]).await.unwrap()),
            }
        }
        let Question { text, vector, filter, limit } = question;
        let (text, vector) = (Some(text.as_str()), vector.as_deref());
        index.query(Query { collection: "c", scopes: &scopes, text, vector, filter, limit: *limit }).await.unwrap()
    })
}

#[derive(Debug, Clone)]
enum Step {
    Put(Vec<Doc>),
    Delete(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(prop_oneof![docs(20).prop_map(Step::Put), (0_u8..40).prop_map(Step::Delete)], 0..12)
}

/// What is there after all of it.
fn left(steps: &[Step]) -> BTreeMap<Arc<str>, Doc> {
    let mut left = BTreeMap::new();
    for step in steps {
        match step {
            Step::Put(docs) => left.extend(docs.iter().map(|doc| (doc.id.clone(), doc.clone()))),
            Step::Delete(id) => drop(left.remove(id.to_string().as_str())),
        }
    }
    left
}

fn amounts(doc: &Doc) -> BTreeMap<&str, f64> {
    let mut amounts = BTreeMap::new();
    for field in &doc.fields {
        for word in field.text.split_whitespace() {
            *amounts.entry(word).or_default() += f64::from(field.weight);
        }
    }
    amounts
}

/// BM25 as it is written down.
fn words_of<'a>(seen: &[&'a Doc], question: &Question) -> BTreeMap<&'a str, f64> {
    let mean = seen.iter().flat_map(|doc| amounts(doc).into_values()).sum::<f64>() / seen.len().max(1) as f64;
    let mut scores = BTreeMap::new();
    for word in question.text.split_whitespace().collect::<BTreeSet<_>>() {
        let having = seen.iter().filter(|doc| amounts(doc).contains_key(word)).count() as f64;
        let rarity = (1.0 + (seen.len() as f64 - having + 0.5) / (having + 0.5)).ln();
        for doc in seen {
            let (amounts, length) = (amounts(doc), amounts(doc).values().sum::<f64>());
            if let Some(amount) = amounts.get(word) {
                let least = 1.2 * (1.0 - 0.5 + 0.5 * length / mean.max(1.0));
                *scores.entry(&*doc.id).or_default() += rarity * amount * 2.2 / (amount + least);
            }
        }
    }
    scores
}

fn cosine_of(doc: &Doc, question: &Question) -> Option<f32> {
    let query = question.vector.as_deref()?;
    let product = |vector: &Vector| vector.iter().zip(query).map(|(a, b)| a * b).sum::<f32>();
    doc.vectors.iter().map(product).max_by(f32::total_cmp)
}

fn passes(doc: &Doc, filter: &Filter) -> bool {
    filter.all.iter().all(|group| group.iter().any(|tag| doc.tags.contains(tag)))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_came_and_went_and_what_is_hidden_shifts_nothing(steps in steps(), question in questions()) {
        let left = left(&steps);
        let seen = left.into_values().filter(|doc| &*doc.scope != "hidden").collect();
        // Bit for bit.
        prop_assert_eq!(answer(&steps, &question), answer(&[Step::Put(seen)], &question));
    }

    #[test]
    fn scores_are_those_of_the_formula(steps in steps(), question in questions()) {
        let left = left(&steps);
        let seen: Vec<&Doc> = left.values().filter(|doc| &*doc.scope != "hidden").collect();
        let (scores, found) = (words_of(&seen, &question), answer(&steps, &question));
        for candidate in &found.candidates {
            let expect = scores.get(&*candidate.id).copied().unwrap_or_default();
            prop_assert!((f64::from(candidate.words) - expect).abs() < 1e-3, "{candidate:?}, not {expect}");
            let expect = cosine_of(&left[&candidate.id], &question);
            prop_assert_eq!(candidate.cosine.is_some(), expect.is_some());
            let apart = candidate.cosine.unwrap_or_default() - expect.unwrap_or_default();
            prop_assert!(apart.abs() < 1e-4, "{candidate:?}, not {expect:?}");
        }
    }

    #[test]
    fn the_best_of_both_lists_are_found(steps in steps(), question in questions()) {
        let left = left(&steps);
        let seen: Vec<&Doc> = left.values().filter(|doc| &*doc.scope != "hidden").collect();
        let (scores, found) = (words_of(&seen, &question), answer(&steps, &question));
        let there: BTreeSet<&str> = found.candidates.iter().map(|candidate| &*candidate.id).collect();
        let pass: Vec<&&Doc> = seen.iter().filter(|doc| passes(doc, &question.filter)).collect();
        prop_assert!(there.iter().all(|id| pass.iter().any(|doc| &*doc.id == *id)));
        let by_words = pass.iter().filter_map(|doc| Some((*scores.get(&*doc.id)?, &*doc.id))).collect();
        let by_vectors = pass.iter().filter_map(|doc| Some((f64::from(cosine_of(doc, &question)?), &*doc.id))).collect();
        for mut list in [by_words, by_vectors] as [Vec<(f64, &str)>; 2] {
            list.sort_by(|a, b| b.0.total_cmp(&a.0));
            let Some(&(last, _)) = list.get(question.limit.min(list.len()).wrapping_sub(1)) else { continue };
            let missing = list.iter().find(|(score, id)| *score > last + 1e-4 && !there.contains(id));
            prop_assert_eq!(missing, None);
        }
        prop_assert!(found.candidates.len() <= 2 * question.limit);
    }
}
