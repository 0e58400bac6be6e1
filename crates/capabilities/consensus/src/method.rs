//! The name of the way in which a set of answers was compared, for the report. It decides nothing.

use crate::answer::Answer;

/// How answers were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// By spelling, by JSON value, or as answers of a few words.
    Exact,
    /// By numeric value.
    Numeric,
    /// As JSON, field by field.
    Json,
    /// As orders of items.
    Ranking,
    /// By the words of at least one longer text.
    Lexical,
}

impl Method {
    /// The name in a report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Numeric => "numeric",
            Self::Json => "json",
            Self::Ranking => "ranking",
            Self::Lexical => "lexical",
        }
    }
}

/// How these answers are compared with one another, as far as one word can say it for all of them; [`Method::Exact`] when there are none.
pub fn method(answers: &[&Answer]) -> Method {
    if !answers.is_empty() && answers.iter().all(|answer| answer.quantity().is_some()) {
        return Method::Numeric;
    }
    if !answers.is_empty() && answers.iter().all(|answer| answer.fields().is_some()) {
        return Method::Json;
    }
    if !answers.is_empty() && answers.iter().all(|answer| answer.ranking().is_some()) {
        return Method::Ranking;
    }
    let brief = answers.iter().all(|answer| answer.is_short() || answer.structure().is_some());
    let same = answers.windows(2).all(|pair| matches!(pair, [a, b] if a.normal() == b.normal()));
    if brief || same { Method::Exact } else { Method::Lexical }
}

#[cfg(test)]
mod tests {
    use super::super::{Answer, Prompt};
    use super::method;
    use settings::Answers;

    #[test]
    fn a_kind_that_was_asked_for_names_itself() {
        for (kind, texts, expect) in [
            (Answers::Json, &["{\"a\": 1}", "so: {\"a\": 2}"][..], "json"),
            (Answers::Json, &["{\"a\": 1}", "I would rather say nothing at all"], "lexical"),
            (Answers::Ranking, &["A > B", "1. B\n2. A"], "ranking"),
            (Answers::Number, &["about 5 or so", "6"], "numeric"),
            (Answers::Text, &["A > B and more of that kind", "{}"], "lexical"),
        ] {
            let prompt = Prompt::asking("", kind);
            let answers: Vec<Answer> = texts.iter().map(|text| Answer::new(text, &prompt)).collect();
            assert_eq!(method(&answers.iter().collect::<Vec<_>>()).as_str(), expect, "{texts:?}");
        }
    }

    #[test]
    fn names() {
        let long = "This is a rather long answer";
        for (texts, expect) in [
            (&[][..], "exact"),
            (&["42", "43", "$5"], "numeric"),
            (&["42", "43 apples"], "exact"),
            (&["Yes", "**no**"], "exact"),
            (&[long, long], "exact"),
            (&["{\"a\": [1, 2, 3, 4, 5]}", "{\"a\": []}"], "exact"),
            (&[long, "Yes"], "lexical"),
            (&["42", long], "lexical"),
        ] {
            let answers: Vec<Answer> = texts.iter().map(|text| Answer::new(text, &Prompt::default())).collect();
            assert_eq!(method(&answers.iter().collect::<Vec<_>>()).as_str(), expect, "{texts:?}");
        }
    }
}
