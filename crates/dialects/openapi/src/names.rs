//! Names that every client of tools takes: 1 to 64 of `A–Za–z0–9_-.`.

use std::collections::HashSet;

/// The longest name.
const CHARS_MAX: usize = 64;
/// FNV-1a's two numbers for 64 bits.
const FNV: (u64, u64) = (0xcbf2_9ce4_8422_2325, 0x0100_0000_01b3);

/// Hands out each name once.
#[derive(Debug, Default)]
pub(crate) struct Names(HashSet<String>);

impl Names {
    /// A name like `wanted`. Where that is too long or taken, it ends in a hash of `key`, which tells two of the same
    /// name apart: the same key has the same name wherever else it comes in.
    pub(crate) fn give(&mut self, wanted: &str, key: &str) -> String {
        let valid = valid(wanted);
        let fits = (1..=CHARS_MAX).contains(&valid.len());
        if fits && !self.0.contains(&valid) {
            self.0.insert(valid.clone());
            return valid;
        }
        for round in 0_u64.. {
            let end = format!("{:08x}", hash(key).wrapping_add(round) & 0xffff_ffff);
            let start: String = valid.chars().take(CHARS_MAX - 1 - end.len()).collect();
            let name = format!("{}_{end}", start.trim_end_matches(['_', '-', '.']));
            if self.0.insert(name.clone()) {
                return name;
            }
        }
        valid
    }

    /// Whether nobody has the name, nor would have one that is written like it.
    pub(crate) fn is_free(&self, wanted: &str) -> bool {
        !self.0.contains(&valid(wanted))
    }
}

/// The name with each run of other characters as one `_`.
fn valid(wanted: &str) -> String {
    let mut name = String::new();
    for letter in wanted.chars() {
        match letter {
            'A'..='Z' | 'a'..='z' | '0'..='9' | '_' | '-' | '.' => name.push(letter),
            _ if name.is_empty() || name.ends_with('_') => {}
            _ => name.push('_'),
        }
    }
    let end = name.trim_end_matches('_').len();
    // One underscore that was asked for stays where the name itself ends in it.
    if !wanted.ends_with('_') {
        name.truncate(end);
    }
    name
}

fn hash(key: &str) -> u64 {
    key.bytes().fold(FNV.0, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(FNV.1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_made_valid() {
        let mut names = Names::default();
        for (wanted, expect) in [
            ("listPets", "listPets"),
            ("repos/get-content", "repos_get-content"),
            ("a  b (c)", "a_b_c"),
            ("$top", "top"),
            ("filter[name]", "filter_name"),
            ("_id", "_id"),
            ("type_", "type_"),
            ("Größe", "Gr_e"),
        ] {
            assert_eq!(names.give(wanted, "k"), expect);
        }
        assert_eq!(names.give("listPets", "GET /a"), "listPets_bce349fd");
        assert_eq!(Names::default().give("名前", "GET /a"), "_bce349fd");
    }

    proptest! {
        #[test]
        fn every_name_is_valid_and_given_once(wanted in prop::collection::vec(".{0,100}", 1..30)) {
            let (mut names, mut given) = (Names::default(), HashSet::new());
            for wanted in &wanted {
                let name = names.give(wanted, "k");
                prop_assert!((1..=CHARS_MAX).contains(&name.len()), "{name}");
                prop_assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)));
                prop_assert!(given.insert(name));
            }
            let again: HashSet<_> = { let mut names = Names::default(); wanted.iter().map(|wanted| names.give(wanted, "k")).collect() };
            prop_assert_eq!(again, given);
        }
    }
}
