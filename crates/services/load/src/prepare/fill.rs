//! Words in braces and what stands for them. Knows no request.

use serde_json::{Map, Value, json};

/// What `{n}`, `{topic}` and `{prompt}` stand for in one request. Any other brace is only a brace.
pub(super) struct Words {
    /// What follows the opening brace, and what stands for it.
    words: Vec<(&'static str, String)>,
}

impl Words {
    /// Those of request `n`, whose prompt is `line` as it is, or else `prompt` with its words filled in.
    pub(super) fn new(n: u32, topic: &str, line: Option<&str>, prompt: &str) -> Self {
        let mut words = Self { words: vec![("n}", n.to_string()), ("topic}", topic.to_owned())] };
        let prompt = line.map_or_else(|| words.fill(prompt, as_it_is), str::to_owned);
        words.words.push(("prompt}", prompt));
        words
    }

    /// The finished prompt.
    pub(super) fn prompt(&self) -> &str {
        self.words.last().map_or("", |(_, prompt)| prompt)
    }

    /// A text with its words replaced, each written as `write` does. What stands for a word is not searched again.
    pub(super) fn fill(&self, text: &str, write: fn(&str) -> String) -> String {
        let (mut filled, mut rest) = (String::with_capacity(text.len()), text);
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let found = self.words.iter().find_map(|(word, value)| Some((value, after.strip_prefix(word)?)));
            match found {
                Some((value, _)) => filled.push_str(&write(value)),
                None => filled.push('{'),
            }
            rest = found.map_or(after, |(_, after)| after);
        }
        filled + rest
    }

    /// A table as JSON, with the words in its strings replaced.
    pub(super) fn fill_table<'a>(&self, table: impl IntoIterator<Item = (&'a String, &'a toml::Value)>) -> Value {
        let members = table.into_iter().map(|(name, value)| (name.clone(), self.fill_value(value)));
        Value::Object(members.collect::<Map<_, _>>())
    }

    fn fill_value(&self, value: &toml::Value) -> Value {
        match value {
            toml::Value::String(text) => self.fill(text, as_it_is).into(),
            toml::Value::Integer(number) => (*number).into(),
            toml::Value::Float(number) => json!(number),
            toml::Value::Boolean(truth) => (*truth).into(),
            toml::Value::Datetime(time) => time.to_string().into(),
            toml::Value::Array(values) => values.iter().map(|value| self.fill_value(value)).collect(),
            toml::Value::Table(table) => self.fill_table(table),
        }
    }
}

/// For plain text.
pub(super) fn as_it_is(text: &str) -> String {
    text.to_owned()
}

/// For the inside of a JSON string.
pub(super) fn for_json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or_default().to_owned()
}

/// For a path or a query: all but the characters that never mean anything in one is percent-encoded.
pub(super) fn for_url(text: &str) -> String {
    let encode = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(encode).collect()
}
