//! Characters that cannot be seen, or that reorder what is seen, where nothing in the writing calls for them.

/// A character and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hidden {
    /// Its first byte in the text.
    pub(crate) at: usize,
    /// The character.
    pub(crate) character: char,
}

/// The hidden characters of a text that nothing calls for.
///
/// Joiners within emoji and within scripts that need them, variation selectors behind what they vary, direction marks
/// in texts that have letters from right to left, the tags of emoji flags and a mark at the very beginning are not
/// meant: they belong to ordinary writing.
pub(crate) fn hidden(text: &str) -> impl Iterator<Item = Hidden> + '_ {
    let leftward = text.chars().any(is_leftward);
    let (mut before, mut in_flag) = (None, false);
    text.char_indices().filter_map(move |(at, character)| {
        let meant = match character {
            '\u{200C}' | '\u{200D}' => before.is_some_and(|c: char| !c.is_ascii() && !is_joiner(c)),
            '\u{200E}' | '\u{200F}' | '\u{061C}' => leftward,
            '\u{FE00}'..='\u{FE0F}' => before.is_some_and(is_varied),
            '\u{E0100}'..='\u{E01EF}' => before.is_some_and(is_ideograph),
            '\u{E0020}'..='\u{E007F}' => in_flag,
            '\u{FEFF}' => at == 0,
            _ => !is_invisible(character),
        };
        in_flag = character == '\u{1F3F4}' || (in_flag && is_tag(character));
        before = Some(character);
        (!meant).then_some(Hidden { at, character })
    })
}

/// Whether a character is not seen itself, wherever it stands: what matching leaves out of a text.
pub(crate) fn is_unseen(c: char) -> bool {
    let marks = matches!(c, '\u{00AD}' | '\u{200C}'..='\u{200F}' | '\u{061C}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}');
    marks || is_tag(c) || matches!(c, '\u{E0100}'..='\u{E01EF}') || (is_invisible(c) && !c.is_ascii_control())
}

/// Controls, bidirectional overrides and what has no width or no ink.
fn is_invisible(c: char) -> bool {
    let control = c.is_control() && !matches!(c, '\t' | '\n' | '\r');
    let direction = matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{206A}'..='\u{206F}');
    let width = matches!(c, '\u{200B}' | '\u{2060}'..='\u{2065}' | '\u{180E}' | '\u{034F}' | '\u{FFF9}'..='\u{FFFB}');
    let filler = matches!(c, '\u{115F}' | '\u{1160}' | '\u{3164}' | '\u{FFA0}' | '\u{17B4}' | '\u{17B5}');
    control || direction || width || filler || matches!(c, '\u{E0000}'..='\u{E001F}')
}

fn is_joiner(c: char) -> bool {
    matches!(c, '\u{200C}' | '\u{200D}')
}

fn is_tag(c: char) -> bool {
    matches!(c, '\u{E0000}'..='\u{E007F}')
}

/// What has several looks to choose from: keys with a frame, symbols, emoji, ideographs.
fn is_varied(c: char) -> bool {
    matches!(c, '0'..='9' | '#' | '*' | '\u{00A9}' | '\u{00AE}') || (c >= '\u{1000}' && !is_selector(c))
}

fn is_selector(c: char) -> bool {
    matches!(c, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}')
}

fn is_ideograph(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{9FFF}' | '\u{F900}'..='\u{FAFF}' | '\u{20000}'..='\u{3FFFF}')
}

/// Letters of the scripts that are written from right to left.
fn is_leftward(c: char) -> bool {
    matches!(c, '\u{0590}'..='\u{061B}' | '\u{061D}'..='\u{08FF}' | '\u{FB1D}'..='\u{FDFF}' | '\u{FE70}'..='\u{FEFC}')
        || matches!(c, '\u{10800}'..='\u{10FFF}' | '\u{1E800}'..='\u{1EFFF}')
}

#[cfg(test)]
mod tests {
    use super::hidden;

    fn seen(text: &str) -> Vec<u32> {
        hidden(text).map(|hidden| u32::from(hidden.character)).collect()
    }

    #[test]
    fn what_reorders_or_cannot_be_seen_is_found() {
        for (text, expect) in [
            ("pay \u{202E}01 sselp\u{202C}", vec![0x202E, 0x202C]),
            ("\u{2066}x\u{2069}", vec![0x2066, 0x2069]),
            ("ig\u{200B}nore", vec![0x200B]),
            ("ig\u{200D}nore", vec![0x200D]),
            ("a\u{2060}b\u{FEFF}c", vec![0x2060, 0xFEFF]),
            ("plain\u{200F} text", vec![0x200F]),
            ("x\u{E0049}\u{E0047}", vec![0xE0049, 0xE0047]),
            ("🙂\u{FE0F}\u{FE01}", vec![0xFE01]),
            ("a\u{FE0F}", vec![0xFE0F]),
            ("bell\u{7} escape\u{1B}[2J", vec![0x7, 0x1B]),
            ("\u{3164}\u{85}", vec![0x3164, 0x85]),
        ] {
            assert_eq!(seen(text), expect, "{text:?}");
        }
    }

    #[test]
    fn what_writing_needs_is_left_alone() {
        for text in [
            "tabs\tand\r\nlines",
            "👩\u{200D}💻 family 👨\u{200D}👩\u{200D}👧",
            "❤\u{FE0F} 1\u{FE0F}\u{20E3} ©\u{FE0F}",
            "می\u{200C}خواهم",
            "क\u{94D}\u{200D}ष",
            "שלום\u{200F}, world",
            "🏴\u{E0067}\u{E0062}\u{E0073}\u{E0063}\u{E0074}\u{E007F} kilt",
            "葛\u{E0100}飾区",
            "\u{FEFF}begins with a mark",
            "co\u{AD}operate naïve café Ωmega",
        ] {
            assert_eq!(seen(text), Vec::<u32>::new(), "{text:?}");
        }
    }
}
