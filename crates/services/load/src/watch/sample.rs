//! One line of a metrics page, in the OpenMetrics text format or Prometheus' older one. Knows no metric by name.

/// The most labels of a series; a line with more is rubbish.
const LABELS_MAX: usize = 64;

/// One value of one series.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sample<'a> {
    pub(super) name: &'a str,
    /// The labels with their values as they are written, escapes included.
    labels: Vec<(&'a str, &'a str)>,
    /// May be infinite or no number, as the formats allow.
    pub(super) value: f64,
}

impl Sample<'_> {
    /// The value of a label, its escapes undone; empty where there is none, as the formats have it.
    pub(super) fn label(&self, name: &str) -> String {
        let mut text = String::new();
        let found = self.labels.iter().find(|(known, _)| *known == name);
        let mut written = found.map_or("", |(_, value)| value).chars();
        while let Some(char) = written.next() {
            text.extend(match char {
                '\\' => written.next().map(|escaped| if escaped == 'n' { '\n' } else { escaped }),
                other => Some(other),
            });
        }
        text
    }
}

/// Reads a line; `None` for comments, empty lines and whatever else is no sample. A timestamp and an exemplar behind
/// the value are passed over.
pub(super) fn sample(line: &str) -> Option<Sample<'_>> {
    let line = line.trim_ascii();
    let end = line.find(|char: char| !is_name(char))?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.trim_ascii_start().strip_prefix('{') {
        Some(inside) => labels(inside)?,
        None if rest.starts_with(|char: char| char.is_ascii_whitespace()) => (Vec::new(), rest),
        None => return None,
    };
    let mut numbers = rest.split('#').next()?.split_ascii_whitespace().map(str::parse::<f64>);
    let value = numbers.next()?.ok()?;
    let (timestamp, more) = (numbers.next(), numbers.next());
    (!name.is_empty() && timestamp.is_none_or(|stamp| stamp.is_ok()) && more.is_none()).then_some(Sample {
        name,
        labels,
        value,
    })
}

fn is_name(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_' || char == ':'
}

/// The labels behind an opening brace, and what follows the closing one.
fn labels(mut rest: &str) -> Option<(Vec<(&str, &str)>, &str)> {
    let mut labels = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        if let Some(behind) = rest.strip_prefix('}') {
            return Some((labels, behind));
        }
        if labels.len() == LABELS_MAX {
            return None;
        }
        let (name, behind) = rest.split_once('=')?;
        let inside = behind.trim_ascii_start().strip_prefix('"')?;
        let (value, behind) = inside.split_at(closing_quote(inside)?);
        labels.push((name.trim_ascii(), value));
        // Past the quote, and past the comma if there is one: the last label may have one too.
        rest = behind.strip_prefix('"')?.trim_ascii_start();
        rest = rest.strip_prefix(',').unwrap_or(rest);
    }
}

/// Where the first quote is that no backslash escapes.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let closes = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        closes
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(line: &str, name: &str, labels: &[(&str, &str)], value: f64) {
        let read = sample(line).unwrap_or_else(|| panic!("`{line}` is a sample"));
        assert_eq!((read.name, read.labels.len()), (name, labels.len()), "{line}");
        for (label, expect) in labels {
            assert_eq!(read.label(label), *expect, "{line}");
        }
        assert!(read.value == value || read.value.is_nan() && value.is_nan(), "{line}: {}", read.value);
    }

    #[test]
    fn samples_are_read() {
        check("up 1", "up", &[], 1.0);
        check("  up\t1.5e3 \r", "up", &[], 1500.0);
        check("a:b_total 3 1700000000.123", "a:b_total", &[], 3.0);
        check("a 3 -1700000000123", "a", &[], 3.0);
        check("a{} -4", "a", &[], -4.0);
        check("a +Inf", "a", &[], f64::INFINITY);
        check("a -Inf 5", "a", &[], f64::NEG_INFINITY);
        check("a NaN", "a", &[], f64::NAN);
        check("a{b=\"c\"} 1", "a", &[("b", "c")], 1.0);
        check("a{b=\"c\"}1", "a", &[("b", "c")], 1.0);
        check("a { b = \"c\" , d=\"\" , } 1", "a", &[("b", "c"), ("d", "")], 1.0);
    }

    #[test]
    fn hostile_labels_end_where_they_end() {
        check(r#"a{b="}",c="{d=\"e\"} 9"} 1"#, "a", &[("b", "}"), ("c", "{d=\"e\"} 9")], 1.0);
        check(r#"a{b="\\",c="\\\""} 2"#, "a", &[("b", "\\"), ("c", "\\\"")], 2.0);
        check(r##"a{b="# 7 # {x=\"1\"} 5"} 3"##, "a", &[("b", "# 7 # {x=\"1\"} 5")], 3.0);
        check(r#"a{b="one\ntwo",c="a=b,c"} 4"#, "a", &[("b", "one\ntwo"), ("c", "a=b,c")], 4.0);
        check(r#"a{b="\x"} 5"#, "a", &[("b", "x")], 5.0);
        check("a{b=\"héé, 世界\u{7}\"} 6", "a", &[("b", "héé, 世界\u{7}")], 6.0);
    }

    #[test]
    fn exemplars_and_timestamps_are_passed_over() {
        check(r#"a_bucket{le="0.1"} 8 # {trace="ab\"c"} 0.067"#, "a_bucket", &[("le", "0.1")], 8.0);
        check(r#"a_total 17.0 1520879607.789 # {id="KOO"} 0.67 1520879606"#, "a_total", &[], 17.0);
        check("a_total 1 # {} 5", "a_total", &[], 1.0);
        check(r#"a{b="c"} 1# {} 5"#, "a", &[("b", "c")], 1.0);
    }

    #[test]
    fn rubbish_is_no_sample() {
        for line in [
            "",
            "   ",
            "# HELP a What",
            "# TYPE a counter",
            "# EOF",
            "a",
            "a ",
            "{} 1",
            "{b=\"c\"} 1",
            "{\"a\",b=\"c\"} 1",
            "a one",
            "a 1 two",
            "a 1 2 3",
            "a 1_000",
            "a 0x10",
            "a # 5",
            "a{b=\"c\" 1",
            "a{b=\"c} 1",
            "a{b=\"c\\\"} 1",
            "a{b=c} 1",
            "a{b} 1",
            "a{,} 1",
            "a{b=\"c\"}",
            "a{b=\"c\"} ",
            "a-b 1",
            "é 1",
            "<p>a 1</p>",
            "{\"error\": 404}",
            "\0\0\0",
        ] {
            assert_eq!(sample(line), None, "`{line}`");
        }
    }

    #[test]
    fn labels_have_a_limit() {
        let line = |labels: usize| format!("a{{{}}} 1", "b=\"c\",".repeat(labels));
        assert_eq!(sample(&line(LABELS_MAX)).map(|read| read.labels.len()), Some(LABELS_MAX));
        assert_eq!(sample(&line(LABELS_MAX + 1)), None);
    }

    proptest! {
        #[test]
        fn nothing_brings_it_down(line in "[a-c{}=\"\\\\,# 0-9n\u{e9}]{0,40}", any in ".{0,60}") {
            let _ = (sample(&line), sample(&any));
        }

        #[test]
        fn what_is_escaped_comes_back(text in "[\"\\\\\n,{}=#é a-z]{0,20}", value: i32) {
            let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let line = format!("a{{x=\"1\",b=\"{escaped}\",}} {value} # {{}} 1");
            let read = sample(&line).unwrap();
            prop_assert_eq!((read.label("b"), read.value), (text, f64::from(value)));
        }
    }
}
