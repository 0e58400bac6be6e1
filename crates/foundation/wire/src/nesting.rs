//! How deep brackets nest, found without parsing.

use crate::WireError;

/// The deepest nesting we pass on. The JSON parser of most servers stops near here, too.
pub const NESTING_MAX: usize = 128;

/// Refuses JSON that nests deeper than [`NESTING_MAX`].
///
/// Works on any bytes; brackets inside strings do not count. Strings are skipped with a vectorised search, so a
/// long prompt costs next to nothing.
///
/// # Errors
/// [`WireError::TooDeep`].
pub fn check_nesting(json: &[u8]) -> Result<(), WireError> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = json.get(at) {
        match byte {
            b'"' => at = skip_string(json, at + 1),
            b'[' | b'{' => {
                depth += 1;
                if depth > NESTING_MAX {
                    return Err(WireError::TooDeep { most: NESTING_MAX });
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

/// The position of the quote that ends the string whose text starts at `at`, or the end of the bytes.
fn skip_string(json: &[u8], mut at: usize) -> usize {
    while let Some(found) = json.get(at..).and_then(|rest| memchr::memchr2(b'"', b'\\', rest)) {
        at += found;
        if json[at] == b'"' {
            return at;
        }
        at += 2;
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_brackets_outside_strings_only() {
        let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n));
        assert!(check_nesting(deep(NESTING_MAX).as_bytes()).is_ok());
        assert_eq!(check_nesting(deep(NESTING_MAX + 1).as_bytes()), Err(WireError::TooDeep { most: NESTING_MAX }));
        let text = format!(r#"{{"a":"{}\"{}\\"}}"#, "[".repeat(500), "{".repeat(500));
        assert!(check_nesting(text.as_bytes()).is_ok());
        assert!(check_nesting(&b"[[]".repeat(10_000)).is_err());
        assert!(check_nesting(b"\"\\").is_ok());
    }
}
