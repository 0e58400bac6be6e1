//! One pass over an answer: its objects, and the text that is neither in an object nor thought.

use super::object::{Finds, attempt};
use super::thoughts::{Mark, last_end, mark, may_begin};

/// What stands in the prose for an object, so that no label behind it begins a line.
const WHOLE: &str = "{}";

/// What stands for an object of which the rest follows.
const BROKEN: &str = "{";

/// What an answer is made of.
pub(super) struct Scan<'a> {
    /// The objects that say something.
    pub(super) finds: Finds<'a>,
    /// The rest, without objects and thoughts.
    pub(super) prose: String,
    /// Bytes that were looked at, those of a second look included: a measure of the work.
    pub(super) work: usize,
}

/// Looks through an answer once. A brace that begins no object is looked behind again, which happens once per kind of
/// quote at most, so that the work is linear.
pub(super) fn scan(text: &str) -> Scan<'_> {
    let mut scan = Scan { finds: Finds::default(), prose: String::new(), work: text.len() };
    let bytes = text.as_bytes();
    let (last_end, mut at, mut from) = (last_end(text), 0, 0);
    while let Some(byte) = bytes.get(at) {
        if *byte == b'{' {
            let attempt = attempt(text, at, &mut scan.finds);
            scan.work += attempt.end - at;
            match attempt.taken {
                Some(taken) => {
                    scan.prose.push_str(&text[from..at]);
                    scan.prose.push_str(if taken == attempt.end { WHOLE } else { BROKEN });
                    (from, at) = (taken, attempt.end.max(taken));
                }
                None => at += 1,
            }
            continue;
        }
        match may_begin(*byte).then(|| mark(&text[at..])).flatten() {
            // What comes before the end of thoughts was thought as well: templates often leave out where they begin.
            Some(Mark::End(len)) => {
                scan.finds = Finds::default();
                scan.prose.clear();
                at += len;
                from = at;
            }
            Some(Mark::Begin(_)) if last_end.is_none_or(|end| end < at) => break,
            Some(Mark::Begin(len)) => at += len,
            None => at += 1,
        }
    }
    scan.prose.push_str(&text[from.min(at)..at]);
    scan
}
