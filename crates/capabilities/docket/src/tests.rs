//! Tests of what is pure here; most of the tables are tested through whoever uses them, on both databases.

mod tables;

use crate::{CriterionRow, Head, OptionRow, asked};
use proptest::prelude::*;

fn head(topic: &str) -> Head {
    Head {
        id: "dec_1".into(),
        topic: topic.to_owned(),
        backend: String::new(),
        model: None,
        temperature: 0.1,
        degraded: false,
        reasons: Vec::new(),
        comparisons: Vec::new(),
        version: 1,
        next_id: 1,
        created_ms: 0,
        touched_ms: 0,
        evaluated_ms: None,
        evaluations: 0,
        owner: String::new(),
        lease_ms: 0,
        fence: 0,
        refresh: 0,
    }
}

fn hash(texts: &[String; 7], weight: f64) -> String {
    let [topic, name, description, by, means, prompt, model] = texts.clone();
    let option = OptionRow { name, description, ..OptionRow::default() };
    let custom_prompt = Some(prompt);
    let criterion = CriterionRow { name: by, description: means, custom_prompt, weight, ..CriterionRow::default() };
    asked(&head(&topic), &option, &criterion, &model).to_string()
}

proptest! {
    /// Any other text is another question, wherever the border between two texts lies; another weight is the same.
    #[test]
    fn a_score_belongs_to_all_of_its_texts(
        texts in proptest::array::uniform7("[ab]{0,3}"), at in 0usize..7, other in "[ab]{0,3}", weight in 0.1f64..10.0,
    ) {
        let mut changed = texts.clone();
        changed[at] = other;
        prop_assert_eq!(hash(&texts, 1.0) == hash(&changed, weight), texts == changed);
    }
}
