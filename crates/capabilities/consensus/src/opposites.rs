//! Which words mean the opposite of which, which the same, and which change a statement by standing in it. English, and
//! few: a list that names the common ones, and prefixes for the rest.

use crate::vocabulary::stem;
use std::collections::HashMap;
use std::sync::LazyLock;

/// Prefixes that turn a word round, and how many letters must follow.
const REVERSING: [(&str, usize); 11] = [
    ("un", 3),
    ("in", 4),
    ("im", 4),
    ("il", 4),
    ("ir", 4),
    ("non", 3),
    ("dis", 3),
    ("mis", 4),
    ("anti", 3),
    ("a", 6),
    ("de", 6),
];

/// Two prefixes that are opposites before the same rest.
const OPPOSING: [(&str, &str); 18] = [
    ("in", "de"),
    ("in", "ex"),
    ("im", "ex"),
    ("inter", "exter"),
    ("in", "out"),
    ("over", "under"),
    ("up", "down"),
    ("pre", "post"),
    ("hyper", "hypo"),
    ("a", "de"),
    ("at", "de"),
    ("en", "dis"),
    ("maxi", "mini"),
    ("macro", "micro"),
    ("mono", "poly"),
    ("homo", "hetero"),
    ("endo", "exo"),
    ("pro", "anti"),
];

/// Letters that such a rest has, at least.
const REST_MIN: usize = 3;

/// Words of one row that are left and right of each other mean opposite things.
const OPPOSITES: &[(&[&str], &[&str])] = &[
    (&["more", "most", "above", "over", "exceeds"], &["less", "least", "fewer", "below", "under"]),
    (&["high", "higher", "highest", "tall"], &["low", "lower", "lowest", "short"]),
    (&["large", "larger", "largest", "big", "bigger"], &["small", "smaller", "smallest", "tiny"]),
    (&["fast", "faster", "fastest", "quick", "quickly"], &["slow", "slower", "slowest", "slowly"]),
    (&["good", "better", "best"], &["bad", "worse", "worst", "poor"]),
    (&["long", "longer", "longest"], &["short", "shorter", "shortest", "brief"]),
    (&["old", "older", "oldest"], &["new", "newer", "young", "younger", "youngest"]),
    (&["strong", "stronger"], &["weak", "weaker"]),
    (&["easy", "easier", "simple"], &["hard", "harder", "difficult"]),
    (&["cheap", "cheaper", "cheapest"], &["expensive", "dear", "dearer"]),
    (&["hot", "hotter", "warm", "warmer"], &["cold", "colder", "cool", "cooler"]),
    (&["early", "earlier", "first", "before"], &["late", "later", "last", "after"]),
    (
        &["up", "rise", "rises", "rose", "risen", "rising", "climbed", "grow", "grew", "grown", "increase", "raise"],
        &["down", "fall", "fell", "fallen", "drop", "dropped", "shrink", "shrank", "reduce", "lower", "decline"],
    ),
    (&["left"], &["right"]),
    (&["north", "northern"], &["south", "southern"]),
    (&["east", "eastern"], &["west", "western"]),
    (&["true", "right", "correct"], &["false", "wrong"]),
    (&["safe", "harmless"], &["dangerous", "harmful", "toxic", "risky"]),
    (&["allow", "allowed", "permitted", "may"], &["forbidden", "prohibited", "banned", "must"]),
    (&["accept", "approve", "approved", "pass"], &["reject", "refuse", "deny", "fail"]),
    (&["win", "won"], &["lose", "lost"]),
    (&["gain", "profit"], &["loss", "lose"]),
    (&["start", "begin", "open"], &["stop", "end", "close", "finish"]),
    (&["on", "enable"], &["off", "disable"]),
    (&["positive", "plus"], &["negative", "minus"]),
    (&["maximum", "max"], &["minimum", "min"]),
    (&["inside", "internal", "inner"], &["outside", "external", "outer"]),
    (&["same", "equal"], &["different", "other"]),
    (&["buy", "bought"], &["sell", "sold"]),
    (&["even"], &["odd"]),
    (&["common", "frequent"], &["rare", "scarce"]),
    (&["male", "man", "men"], &["female", "woman", "women"]),
];

/// Words of one row may stand for each other.
const SAME: &[&[&str]] = &[
    &["about", "approximately", "roughly", "around", "circa", "nearly", "almost"],
    &["usually", "typically", "generally", "normally", "commonly", "often"],
    &["mainly", "primarily", "mostly", "largely", "chiefly"],
    &["large", "big", "great", "huge", "major"],
    &["small", "little", "tiny", "minor"],
    &["fast", "quick", "rapid", "quickly", "rapidly"],
    &["begin", "start", "commence", "began", "begun"],
    &["end", "finish", "conclude"],
    &["buy", "purchase", "bought"],
    &["help", "assist", "aid"],
    &["use", "employ", "utilize", "utilise"],
    &["make", "made", "create", "produce", "build", "built"],
    &["show", "demonstrate", "indicate"],
    &["get", "obtain", "receive"],
    &["need", "require", "must"],
    &["important", "key", "crucial", "essential", "significant"],
    &["many", "numerous", "several", "various"],
    &["car", "vehicle", "automobile"],
    &["people", "persons", "individuals", "humans"],
    &["kid", "child", "children"],
    &["city", "town"],
    &["country", "nation"],
    &["problem", "issue"],
    &["method", "approach", "way", "technique"],
    &["error", "mistake"],
    &["like", "such"],
    &["also", "additionally", "moreover", "furthermore"],
    &["however", "but", "though", "although", "yet"],
    &["when", "if", "whenever", "once"],
    &["rise", "rose", "risen", "grow", "grew", "grown", "increase", "climb"],
    &["fall", "fell", "fallen", "drop", "decline", "decrease"],
    &["reduce", "lower", "decrease", "cut"],
    &["worldwide", "globally"],
    &["because", "since", "as", "due"],
    &["suggest", "recommend", "advise", "propose"],
    &["choose", "pick", "select"],
    &["store", "keep", "hold", "save"],
    &["fix", "repair"],
    &["located", "situated", "lies"],
    &["film", "movie"],
    &["author", "writer"],
];

/// Words that narrow what a statement says, or say how much of something it is about.
const MEASURES: [&str; 24] = [
    "all",
    "any",
    "barely",
    "each",
    "every",
    "except",
    "few",
    "fewer",
    "half",
    "hardly",
    "least",
    "less",
    "many",
    "more",
    "most",
    "must",
    "only",
    "partly",
    "rarely",
    "seldom",
    "some",
    "sometimes",
    "twice",
    "unless",
];

/// Whether two words in lowercase are opposites.
pub(super) fn opposite(a: &str, b: &str) -> bool {
    reversed(a, b) || reversed(b, a) || opposing(a, b) || opposing(b, a) || listed(a, b)
}

/// Whether two words in lowercase may stand for each other: one goes on where the other ends, or a list says so.
pub(super) fn alike(a: &str, b: &str) -> bool {
    let (a, b) = (stem(a), stem(b));
    let longer = |long: &str, short: &str| short.len() >= STEM_MIN && long.starts_with(short);
    let rows = |word: &str| OF_SAME.get(word).map_or(&[][..], Vec::as_slice);
    a == b || longer(&a, &b) || longer(&b, &a) || rows(&a).iter().any(|row| rows(&b).contains(row))
}

/// Letters of a word that another one may go on from, at least.
const STEM_MIN: usize = 4;

/// Whether a word narrows a statement or says of how much it holds.
pub(super) fn is_measure(word: &str) -> bool {
    MEASURES.contains(&word)
}

/// Whether `a` is `b` behind a prefix that turns it round, or with an ending that does.
fn reversed(a: &str, b: &str) -> bool {
    let prefix = |(prefix, least): &(&str, usize)| {
        a.strip_prefix(prefix).is_some_and(|rest| rest.chars().count() >= *least && stem(rest) == stem(b))
    };
    let without = a.strip_suffix("less").is_some_and(|root| {
        b.strip_suffix("ful") == Some(root) || root.chars().count() >= REST_MIN && stem(root) == stem(b)
    });
    REVERSING.iter().any(prefix) || without
}

/// Whether two words are the same behind prefixes that are opposites.
fn opposing(a: &str, b: &str) -> bool {
    let same = |(one, other): &(&str, &str)| match (a.strip_prefix(one), b.strip_prefix(other)) {
        (Some(a), Some(b)) => a.chars().count() >= REST_MIN && stem(a) == stem(b),
        _ => false,
    };
    OPPOSING.iter().any(same)
}

fn listed(a: &str, b: &str) -> bool {
    let (a, b) = (stem(a), stem(b));
    let places = |word: &str| OF_OPPOSITES.get(word).map_or(&[][..], Vec::as_slice);
    places(&a).iter().any(|(row, left)| places(&b).contains(&(*row, !left)))
}

/// In which rows of [`OPPOSITES`] each stem stands, and whether on the left.
static OF_OPPOSITES: LazyLock<HashMap<String, Vec<(usize, bool)>>> = LazyLock::new(|| {
    let mut places: HashMap<String, Vec<(usize, bool)>> = HashMap::new();
    for (row, (left, right)) in OPPOSITES.iter().enumerate() {
        let sides = left.iter().map(|word| (word, true)).chain(right.iter().map(|word| (word, false)));
        sides.for_each(|(word, side)| places.entry(stem(word)).or_default().push((row, side)));
    }
    places
});

/// In which rows of [`SAME`] each stem stands.
static OF_SAME: LazyLock<HashMap<String, Vec<usize>>> = LazyLock::new(|| {
    let mut places: HashMap<String, Vec<usize>> = HashMap::new();
    for (row, words) in SAME.iter().enumerate() {
        words.iter().for_each(|word| places.entry(stem(word)).or_default().push(row));
    }
    places
});

#[cfg(test)]
mod tests {
    use super::{alike, opposite};

    #[test]
    fn opposites() {
        for (a, b, expect) in [
            ("safe", "unsafe", true),
            ("legal", "illegal", true),
            ("possible", "impossible", true),
            ("edible", "inedible", true),
            ("connected", "disconnected", true),
            ("symmetric", "asymmetric", true),
            ("increases", "decreased", true),
            ("include", "excludes", true),
            ("inflation", "deflation", true),
            ("harmful", "harmless", true),
            ("overestimate", "underestimate", true),
            ("faster", "slower", true),
            ("rose", "fell", true),
            ("cat", "dog", false),
            ("under", "thunder", false),
            ("part", "apart", false),
            ("red", "red", false),
        ] {
            assert_eq!((opposite(a, b), opposite(b, a)), (expect, expect), "{a} {b}");
        }
    }

    #[test]
    fn words_that_may_stand_for_each_other() {
        for (a, b, expect) in [
            ("iran", "iranian", true),
            ("increase", "increasing", true),
            ("start", "begins", true),
            ("austria", "australia", false),
            ("cat", "category", false),
            ("copper", "nickel", false),
        ] {
            assert_eq!((alike(a, b), alike(b, a)), (expect, expect), "{a} {b}");
        }
    }
}
