//! The name of the way in which a set of answers was compared, for the report. It decides nothing.

use crate::answer::Answer;

/// How answers were compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// By spelling, by JSON value, or as answers of a few words.
    Exact,
    /// By numeric value.
    Numeric,
    /// By the words of at least one longer text.
    Lexical,
}

impl Method {
    /// The name in a report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Numeric => "numeric",
            Self::Lexical => "lexical",
        }
    }
}

/// How these answers are compared with one another; [`Method::Exact`] when there are none.
pub fn method(answers: &[&Answer]) -> Method {
    if !answers.is_empty() && answers.iter().all(|answer| answer.quantity().is_some()) {
        return Method::Numeric;
    }
    let brief = answers.iter().all(|answer| answer.is_short() || answer.structure().is_some());
    let same = answers.windows(2).all(|pair| matches!(pair, [a, b] if a.normal() == b.normal()));
    if brief || same { Method::Exact } else { Method::Lexical }
}

#[cfg(test)]
mod tests {
    use super::super::{Answer, Prompt};
    use super::method;

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
