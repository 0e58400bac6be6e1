//! Words that many texts share, by number: each is brought into its form once, and counted without asking for memory.

use crate::document::Said;
use crate::tables::Table;
use crate::words::Reader;
use std::sync::Arc;

/// From so many forms on all are forgotten before more texts are read.
const FORMS_MAX: usize = 32_768;

/// So many hints are kept of each form.
pub(crate) const HINTS: usize = 4;

/// Words that were read, and room to count them in.
#[derive(Default)]
pub(crate) struct Forms {
    /// The form of a word as it is written; none of a stop word. Short ones, as most are, lie in the table itself.
    short: Table<u128, Option<u32>>,
    long: Table<Box<str>, Option<u32>>,
    numbers: Table<Arc<str>, u32>,
    forms: Vec<Form>,
    /// How much a text says of each form, all zero between texts, and which of them are not.
    amounts: Vec<u32>,
    touched: Vec<u32>,
    room: String,
}

/// What all forms of a word have in common.
pub(crate) struct Form {
    pub(crate) name: Arc<str>,
    /// Where it was found the last time, by who keeps it: looking there first saves most of a search.
    pub(crate) hints: [u32; HINTS],
}

impl Forms {
    /// Forgets everything if it is too much. Numbers told before mean nothing after this.
    pub(crate) fn tidy(&mut self) {
        if self.short.len() + self.long.len() > FORMS_MAX {
            *self = Self::default();
        }
    }

    /// The form that has a number.
    pub(crate) fn form(&mut self, number: u32) -> Option<&mut Form> {
        self.forms.get_mut(number as usize)
    }

    /// Reads texts, each word of which weighs so much; of more than `most` different forms the first so many.
    pub(crate) fn read<'a>(
        &mut self,
        texts: impl Iterator<Item = (&'a str, u32)>,
        reader: &Reader,
        most: usize,
    ) -> Said {
        let (mut room, mut length) = (std::mem::take(&mut self.room), 0_u32);
        for (text, weight) in texts.filter(|&(_, weight)| weight > 0) {
            reader.each_as_written(text, &mut room, |word| {
                let Some(number) = self.number(word, reader, self.touched.len() < most) else { return };
                let Some(amount) = self.amounts.get_mut(number as usize) else { return };
                if *amount == 0 {
                    if self.touched.len() >= most {
                        return;
                    }
                    self.touched.push(number);
                }
                *amount = amount.saturating_add(weight);
                length = length.saturating_add(weight);
            });
        }
        self.room = room;
        let taken = self.touched.drain(..).map(|number| {
            let amount = self.amounts.get_mut(number as usize).map_or(0, std::mem::take);
            // How often a word comes matters less the more often it does: a thousand times is as good as more.
            (number, u16::try_from(amount).unwrap_or(u16::MAX))
        });
        Said { words: taken.collect(), length }
    }

    /// The number of a word's form, of one that is new only where it may be added.
    fn number(&mut self, word: &str, reader: &Reader, add: bool) -> Option<u32> {
        let short = short(word);
        let known = short.map_or_else(|| self.long.get(word), |short| self.short.get(&short));
        if let Some(&number) = known {
            return number;
        }
        let form = reader.form(word);
        let number = match form.as_deref().map(|form| (form, self.numbers.get(form))) {
            Some((_, Some(&number))) => Some(number),
            Some((form, None)) if add => Some(self.start(form)),
            Some((_, None)) => return None,
            None => None,
        };
        match short {
            _ if !add => {}
            Some(short) => drop(self.short.insert(short, number)),
            None => drop(self.long.insert(word.into(), number)),
        }
        number
    }

    fn start(&mut self, form: &str) -> u32 {
        let (number, name): (_, Arc<str>) = (self.forms.len() as u32, form.into());
        self.numbers.insert(Arc::clone(&name), number);
        self.forms.push(Form { name, hints: [0; HINTS] });
        self.amounts.push(0);
        number
    }
}

/// A short word as a number, which no other word has.
fn short(word: &str) -> Option<u128> {
    let mut bytes = [0; 16];
    let (last, rest) = bytes.split_last_mut()?;
    rest.get_mut(..word.len())?.copy_from_slice(word.as_bytes());
    *last = word.len() as u8;
    Some(u128::from_le_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Words;

    fn read(forms: &mut Forms, texts: &[(&str, u32)], most: usize) -> (Vec<(String, u16)>, u32) {
        let said = forms.read(texts.iter().copied(), &Reader::new(&Words::default()), most);
        let mut named = |&(number, amount): &(u32, u16)| (forms.form(number).unwrap().name.to_string(), amount);
        (said.words.iter().map(&mut named).collect(), said.length)
    }

    fn expect(words: &[(&str, u16)], length: u32) -> (Vec<(String, u16)>, u32) {
        (words.iter().map(|&(word, amount)| (word.to_owned(), amount)).collect(), length)
    }

    #[test]
    fn forms_are_counted_by_weight() {
        let mut forms = Forms::default();
        let texts = [("searching a file", 2), ("searches", 3), ("unseen", 0)];
        for _ in 0..2 {
            assert_eq!(read(&mut forms, &texts, 9), expect(&[("search", 5), ("file", 2)], 7));
        }
        let loud = [("file", 40_000), ("file", 40_000)];
        assert_eq!(read(&mut forms, &loud, 9), expect(&[("file", u16::MAX)], 80_000));
    }

    #[test]
    fn of_many_forms_the_first_are_counted() {
        let mut forms = Forms::default();
        let texts = [("one two three two ones twos twoed three four", 1)];
        for _ in 0..2 {
            assert_eq!(read(&mut forms, &texts, 2), expect(&[("one", 2), ("two", 3)], 5));
        }
        assert_eq!(forms.forms.len(), 2, "what is not counted is not kept");
        assert_eq!(read(&mut forms, &[("three four", 1)], 2), expect(&[("three", 1), ("four", 1)], 2));
    }

    #[test]
    fn words_of_every_length_are_told_apart() {
        let text: Vec<String> = (1..40).map(|length| "7".repeat(length)).collect();
        let expect: Vec<_> = text.iter().map(|word| (word.clone(), 2)).collect();
        assert_eq!(read(&mut Forms::default(), &[(text.join(" ").as_str(), 1); 2], 99), (expect, 78));
    }

    #[test]
    fn too_many_are_forgotten() {
        let mut forms = Forms::default();
        let text: Vec<String> = (0..=FORMS_MAX).map(|n| n.to_string()).collect();
        read(&mut forms, &[(&text.join(" "), 1)], usize::MAX);
        assert_eq!(forms.forms.len(), FORMS_MAX + 1);
        forms.tidy();
        assert!(forms.forms.is_empty());
        assert_eq!(read(&mut forms, &[("sun", 1)], 1), expect(&[("sun", 1)], 1));
    }
}
