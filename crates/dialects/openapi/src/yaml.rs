//! YAML as the same tree that JSON gives, by the core schema of YAML 1.2.
//!
//! Built on a parser's events: a value that is referred to is counted each time before it is copied, so that a document
//! of a few lines that stands for billions of values is refused at once.

use crate::OpenApiError;
use crate::document::{NESTED_MAX, Room, cost};
use granit_parser::{ErrorKind, Event, Options, Parser, ScalarStyle, Span};
use serde_json::{Map, Number, Value};
use std::collections::HashMap;

/// What YAML calls laying one map under another.
const MERGE: &str = "<<";
const TOO_DEEP: OpenApiError = OpenApiError::TooDeep { most: NESTED_MAX };

/// Reads the one document of a text.
pub(crate) fn read(text: &str, room: &Room) -> Result<Value, OpenApiError> {
    let mut options = Options::default();
    options.flow_nesting_limit = NESTED_MAX;
    options.block_nesting_limit = NESTED_MAX;
    let mut builder = Builder { room, spent: 0, open: Vec::new(), anchors: HashMap::new(), root: None };
    for next in Parser::new_from_str_with_options(text, options) {
        // The parser's own words may repeat a piece of the text.
        let (event, span) = next.map_err(|error| match error.kind() {
            ErrorKind::RecursionLimitExceeded => TOO_DEEP,
            _ => {
                let (line, column) = (error.marker().line(), error.marker().col() + 1);
                OpenApiError::Syntax { line, column, problem: "this is not YAML" }
            }
        })?;
        builder.take(event, &span)?;
    }
    Ok(builder.root.unwrap_or_default())
}

/// A list or map that is still open.
struct Frame {
    value: Value,
    /// The name that waits for its value, and whether it lays a map under this one.
    name: Option<(String, bool)>,
    /// Maps to lay under this one.
    under: Vec<Value>,
    anchor: usize,
    /// What was spent before it.
    before: usize,
    /// How many lists and maps lie within each other in what it holds.
    height: usize,
}

/// What may be referred to.
struct Kept {
    value: Value,
    /// What a copy costs.
    size: usize,
    height: usize,
}

struct Builder<'a> {
    room: &'a Room,
    spent: usize,
    open: Vec<Frame>,
    anchors: HashMap<usize, Kept>,
    root: Option<Value>,
}

impl Builder<'_> {
    fn take(&mut self, event: Event<'_>, span: &Span) -> Result<(), OpenApiError> {
        match event {
            Event::Scalar(word, style, anchor, _) => {
                let is_plain = style == ScalarStyle::Plain;
                self.spend(cost(&word))?;
                if self.waits_for_a_name() {
                    return self.name(word.into_owned(), is_plain);
                }
                let value = if is_plain { plain(&word) } else { Value::String(word.to_string()) };
                self.keep(anchor, &value, cost(&word), 0)?;
                self.put(value, 0, span)
            }
            Event::SequenceStart(_, anchor, _) => self.begin(Value::Array(Vec::new()), anchor, span),
            Event::MappingStart(_, anchor, _) => self.begin(Value::Object(Map::new()), anchor, span),
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(anchor) => {
                // What refers to itself is not complete yet, and has no end.
                let kept = self.anchors.get(&anchor).ok_or_else(|| at(span, "this refers to itself"))?;
                let (size, height) = (kept.size, kept.height);
                if self.open.len() + height > NESTED_MAX {
                    return Err(TOO_DEEP);
                }
                self.spend(size)?;
                let value = self.anchors.get(&anchor).map(|kept| kept.value.clone()).unwrap_or_default();
                match value {
                    Value::String(word) if self.waits_for_a_name() => self.name(word, false),
                    value => self.put(value, height, span),
                }
            }
            Event::DocumentStart(..) if self.root.is_some() => Err(at(span, "this is a second document")),
            _ => Ok(()),
        }
    }

    fn spend(&mut self, values: usize) -> Result<(), OpenApiError> {
        self.spent = self.spent.saturating_add(values);
        self.room.take(values)
    }

    fn waits_for_a_name(&self) -> bool {
        self.open.last().is_some_and(|frame| frame.value.is_object() && frame.name.is_none())
    }

    fn name(&mut self, word: String, is_plain: bool) -> Result<(), OpenApiError> {
        if let Some(frame) = self.open.last_mut() {
            let merges = is_plain && word == MERGE;
            frame.name = Some((word, merges));
        }
        Ok(())
    }

    fn keep(&mut self, anchor: usize, value: &Value, size: usize, height: usize) -> Result<(), OpenApiError> {
        if anchor > 0 {
            self.spend(size)?;
            self.anchors.insert(anchor, Kept { value: value.clone(), size, height });
        }
        Ok(())
    }

    fn begin(&mut self, value: Value, anchor: usize, span: &Span) -> Result<(), OpenApiError> {
        if self.waits_for_a_name() {
            return Err(at(span, "this name is not a word"));
        }
        if self.open.len() >= NESTED_MAX {
            return Err(TOO_DEEP);
        }
        let before = self.spent;
        self.spend(1)?;
        self.open.push(Frame { value, name: None, under: Vec::new(), anchor, before, height: 0 });
        Ok(())
    }

    fn end(&mut self, span: &Span) -> Result<(), OpenApiError> {
        let Some(Frame { mut value, under, anchor, before, height, .. }) = self.open.pop() else { return Ok(()) };
        if let Value::Object(own) = &mut value {
            // The map's own members count before those laid under it, and the first of those before the next.
            for map in under {
                let Value::Object(map) = map else { continue };
                for (name, value) in map {
                    own.entry(name).or_insert(value);
                }
            }
        }
        self.keep(anchor, &value, self.spent - before, height + 1)?;
        self.put(value, height + 1, span)
    }

    /// Puts a value where the document has it.
    fn put(&mut self, value: Value, height: usize, span: &Span) -> Result<(), OpenApiError> {
        let Some(frame) = self.open.last_mut() else {
            self.root = Some(value);
            return Ok(());
        };
        frame.height = frame.height.max(height);
        match (&mut frame.value, frame.name.take()) {
            (Value::Array(items), _) => items.push(value),
            (Value::Object(_), None) => return Err(at(span, "this name is not a word")),
            (Value::Object(_), Some((_, true))) => match value {
                Value::Array(maps) => frame.under.extend(maps),
                map => frame.under.push(map),
            },
            (Value::Object(entries), Some((name, _))) => {
                entries.insert(name, value);
            }
            _ => {}
        }
        Ok(())
    }
}

/// What a word without quotes stands for.
fn plain(word: &str) -> Value {
    match word {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let number = whole(word).or_else(|| fraction(word));
    number.map_or_else(|| Value::String(word.to_owned()), Value::Number)
}

fn whole(word: &str) -> Option<Number> {
    let radix = |prefix, radix| word.strip_prefix(prefix).map(|digits| u64::from_str_radix(digits, radix).ok());
    if let Some(number) = radix("0x", 16).or_else(|| radix("0o", 8)) {
        return number.map(Number::from);
    }
    let digits = word.strip_prefix('+').unwrap_or(word);
    if !digits.trim_start_matches('-').bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<i64>().ok().map(Number::from).or_else(|| digits.parse::<u64>().ok().map(Number::from))
}

fn fraction(word: &str) -> Option<Number> {
    // What Rust takes beyond this, such as `infinity` and `nan`, is a word in YAML.
    let is_number = word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    if is_number { word.parse().ok().and_then(Number::from_f64) } else { None }
}

fn at(span: &Span, problem: &'static str) -> OpenApiError {
    OpenApiError::Syntax { line: span.start.line(), column: span.start.col() + 1, problem }
}

#[cfg(test)]
mod tests {
    use crate::{Limits, OpenApiError, document};
    use serde_json::{Value, json};

    fn read(text: &str) -> Result<Value, OpenApiError> {
        document::read(text.as_bytes(), &Limits::default())
    }

    #[test]
    fn words_have_types() {
        for (word, expect) in [
            ("yes", json!("yes")),
            ("true", json!(true)),
            ("'true'", json!("true")),
            ("~", Value::Null),
            ("", Value::Null),
            ("\"\"", json!("")),
            ("12", json!(12)),
            ("+12", json!(12)),
            ("-3", json!(-3)),
            ("18446744073709551615", json!(u64::MAX)),
            ("0x1f", json!(31)),
            ("0o17", json!(15)),
            ("1.50", json!(1.5)),
            ("1e3", json!(1000.0)),
            ("-", json!("-")),
            (".", json!(".")),
            ("1.2.3", json!("1.2.3")),
            ("2024-01-01", json!("2024-01-01")),
            ("infinity", json!("infinity")),
            (".inf", json!(".inf")),
        ] {
            if word == "-" {
                continue; // A list of nothing, in YAML.
            }
            assert_eq!(read(&format!("a: {word}")).unwrap()["a"], expect, "{word}");
        }
    }

    #[test]
    fn names_are_words_whatever_they_look_like() {
        let value = read("200: a\ntrue: b\n'<<': c\n").unwrap();
        assert_eq!(value, json!({"200": "a", "true": "b", "<<": "c"}));
        assert!(matches!(read("? [a]\n: b"), Err(OpenApiError::Syntax { .. })));
    }

    #[test]
    fn anchors_and_merges() {
        let value = read("a: &a {x: 1, y: 2}\nb: {<<: *a, y: 3}\nc: {<<: [*a, {z: 4}], w: *a}\n").unwrap();
        assert_eq!(value["b"], json!({"x": 1, "y": 3}));
        assert_eq!(value["c"], json!({"x": 1, "y": 2, "z": 4, "w": {"x": 1, "y": 2}}));
        assert!(read("a: &a [*a]").is_err());
        assert!(read("a: 1\n---\nb: 2").is_err());
    }

    #[test]
    fn a_few_lines_that_stand_for_billions_are_refused_at_once() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let before = vec![format!("*a{}", level - 1); 9].join(", ");
            text += &format!("a{level}: &a{level} [{before}]\n");
        }
        assert_eq!(read(&text), Err(OpenApiError::TooManyValues { most: Limits::default().values_max }));
    }

    #[test]
    fn aliases_do_not_add_up_to_depth() {
        let mut text = "a0: &a0 [x]\n".to_owned();
        for level in 1..5_000 {
            text += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
        }
        assert!(matches!(read(&text), Err(OpenApiError::TooDeep { .. } | OpenApiError::TooManyValues { .. })));
    }

    #[test]
    fn endless_beginnings_end() {
        let pieces = [
            "- ",
            "a: ",
            "&a ",
            "? ",
            "!!x ",
            "x\n",
            "'",
            "# c\n",
            "*a ",
            "%",
            "|",
            "a: >\n\n\n  x\n",
            "{a: ",
            "---\n",
        ];
        for piece in pieces {
            for start in ["", "a: ", "a: [", "\"", "&a b: *a\nc: "] {
                let _ = read(&format!("{start}{}", piece.repeat(5_000)));
            }
        }
    }
}
