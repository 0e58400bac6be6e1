//! Labels: how wide a text is, about, and whether two would lie on each other. Knows no chart.

/// The height of a line of text.
pub(crate) const LINE: f64 = 14.0;

/// How wide a text is, about: there is no font here to measure, so rather too wide.
pub(crate) fn width(text: &str) -> f64 {
    text.chars().map(letter).sum()
}

fn letter(letter: char) -> f64 {
    match letter {
        'i' | 'j' | 'l' | 't' | 'f' | 'r' | ' ' | '.' | ',' | ':' | ';' | '\'' | '|' | '(' | ')' | '/' => 4.2,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 10.6,
        'A'..='Z' => 8.4,
        // Of scripts with wide letters, and pictures.
        '\u{1100}'.. if !('\u{2000}'..'\u{2600}').contains(&letter) => 12.6,
        _ => 6.9,
    }
}

/// The text, or as much of it as fits with a mark that there was more.
pub(crate) fn fitted(text: &str, room: f64) -> String {
    if width(text) <= room {
        return text.to_owned();
    }
    let mut used = width("…");
    let fits = |character: &char| {
        used += letter(*character);
        used <= room
    };
    let kept: String = text.chars().take_while(fits).collect();
    format!("{}…", kept.trim_end())
}

/// A rectangle that a text covers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cover {
    pub(crate) left: f64,
    pub(crate) top: f64,
    pub(crate) right: f64,
    pub(crate) bottom: f64,
}

/// What is covered by texts already.
#[derive(Default)]
pub(crate) struct Covers(Vec<Cover>);

impl Covers {
    /// Takes the place if nobody has any of it.
    pub(crate) fn take(&mut self, place: Cover) -> bool {
        let apart = |other: &Cover| {
            place.right < other.left || other.right < place.left || place.bottom < other.top || other.bottom < place.top
        };
        let free = self.0.iter().all(apart);
        if free {
            self.0.push(place);
        }
        free
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut() {
        assert_eq!(fitted("short", 100.0), "short");
        let cut = fitted("a rather long name of a series", 100.0);
        assert!(cut.ends_with('…') && cut.len() > 10 && width(&cut) <= 100.0, "{cut}");
        assert_eq!(fitted("anything", 0.0), "…");
        assert!(width("日本") > width("ab"));
    }

    #[test]
    fn a_place_is_taken_once() {
        let at = |left: f64| Cover { left, top: 0.0, right: left + 10.0, bottom: 10.0 };
        let mut covers = Covers::default();
        assert_eq!([0.0, 5.0, 10.5, -20.0].map(|left| covers.take(at(left))), [true, false, true, true]);
    }
}
