//! A request written in one way only: members sorted, spaces gone, and without what does not shape the answer.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::Value;
use std::borrow::Cow;
use std::fmt;

/// Members that change no answer: who asks, what the provider is to remember it by, where it looks in its own cache;
/// and the model, of which what it stands for counts. All others do, `stream` and `stream_options` too: they change the
/// bytes.
const WITHOUT: [&str; 6] =
    ["model", "user", "metadata", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"];

/// Room for so many members is made at once.
const MEMBERS: usize = 4;

/// The body in its one way; the bytes as they are where they are no object.
pub(super) fn canonical(body: &[u8]) -> Vec<u8> {
    let Ok(Node::Object(mut members)) = serde_json::from_slice(body) else { return body.to_vec() };
    members.retain(|(name, _)| !WITHOUT.contains(&&**name));
    let mut out = Vec::with_capacity(body.len());
    Node::Object(members).write(&mut out);
    out
}

/// A JSON value whose texts, where nothing in them is escaped, lie where they came.
enum Node<'a> {
    Object(Vec<(Cow<'a, str>, Self)>),
    Array(Vec<Self>),
    Text(Cow<'a, str>),
    /// A number, a boolean or null.
    Plain(Value),
}

impl Node<'_> {
    fn write(self, out: &mut Vec<u8>) {
        match self {
            Self::Object(mut members) => {
                // Of two members with one name the later one counts: it comes first here, and the other goes.
                members.reverse();
                members.sort_by(|(one, _), (other, _)| one.cmp(other));
                members.dedup_by(|(one, _), (other, _)| one == other);
                list(members, (b'{', b'}'), out, |(name, value), out| {
                    plain(&name, out);
                    out.push(b':');
                    value.write(out);
                });
            }
            Self::Array(items) => list(items, (b'[', b']'), out, Self::write),
            Self::Text(text) => plain(&text, out),
            Self::Plain(value) => plain(&value, out),
        }
    }
}

fn list<T>(items: Vec<T>, (open, close): (u8, u8), out: &mut Vec<u8>, write: impl Fn(T, &mut Vec<u8>)) {
    out.push(open);
    for (at, item) in items.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(close);
}

/// Writing into memory cannot fail.
fn plain(value: &(impl serde::Serialize + ?Sized), out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, value);
}

impl<'de: 'a, 'a> Deserialize<'de> for Node<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Node<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node<'de>, A::Error> {
        let mut members = Vec::with_capacity(MEMBERS);
        while let Some((name, value)) = map.next_entry()? {
            if let Node::Text(name) = name {
                members.push((name, value));
            }
        }
        Ok(Node::Object(members))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node<'de>, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::Array(items))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Node<'de>, E> {
        Ok(Node::Plain(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Node<'de>, E> {
        Ok(Node::Plain(number.into()))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Node<'de>, E> {
        Ok(Node::Plain(number.into()))
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Node<'de>, E> {
        Ok(Node::Plain(truth.into()))
    }

    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Plain(Value::Null))
    }
}

#[cfg(test)]
mod tests {
    use super::{WITHOUT, canonical};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    fn check(body: &str, expect: &str) {
        assert_eq!(String::from_utf8(canonical(body.as_bytes())).unwrap(), expect);
    }

    #[test]
    fn order_and_spaces_do_not_matter_and_all_that_shapes_the_answer_does() {
        check(r#"{ "b" : [1, {"z":0,"a":"é\u0022"}], "a":1.50 }"#, r#"{"a":1.5,"b":[1,{"a":"é\"","z":0}]}"#);
        check(r#"{"user":"u","model":"m","metadata":{"x":1},"seed":1}"#, r#"{"seed":1}"#);
        // Only at the top: within a message anything may be part of the question.
        check(r#"{"messages":[{"user":"u"}]}"#, r#"{"messages":[{"user":"u"}]}"#);
        check(r#"{"stream":true,"stream_options":{}}"#, r#"{"stream":true,"stream_options":{}}"#);
        check("[1]", "[1]");
        check(r#"{"a":{"x":1,"y":2,"x":3},"a":{"y":-2,"x":1e2,"x":null}}"#, r#"{"a":{"x":null,"y":-2}}"#);
        check(r#"{"a\u0062":"\u0041\n","b":[true,[],{}]}"#, r#"{"ab":"A\n","b":[true,[],{}]}"#);
    }

    /// The same by way of values, whose members a map keeps.
    fn by_values(body: &str) -> Vec<u8> {
        let Ok(Value::Object(mut members)) = serde_json::from_str(body) else { return body.as_bytes().to_vec() };
        members.retain(|name, _| !WITHOUT.contains(&name.as_str()));
        let mut value = Value::Object(members);
        value.sort_all_objects();
        value.to_string().into_bytes()
    }

    fn json() -> impl Strategy<Value = String> {
        let text = prop_oneof![
            "[ab\\\\n\"é]{0,3}".prop_map(|text: String| json!(text).to_string()),
            Just(r#""\u0061\ud83d\ude00""#.to_owned())
        ];
        let number = prop_oneof![
            any::<i64>().prop_map(|number| number.to_string()),
            any::<f64>().prop_map(|number| format!("{number:e}")),
            Just("-0".to_owned()),
            Just("-0.0".to_owned()),
            Just("18446744073709551616".to_owned()),
            Just("1e400".to_owned()),
            Just("true".to_owned()),
            Just("null".to_owned()),
        ];
        let name = prop_oneof!["[a-c]", Just("model".to_owned()), Just(r"\u0061".to_owned())];
        prop_oneof![text, number].prop_recursive(4, 40, 5, move |inner| {
            let member = (name.clone(), inner.clone()).prop_map(|(name, value)| format!("\"{name}\" : {value}"));
            prop_oneof![
                prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
                prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(","))),
            ]
        })
    }

    proptest! {
        #[test]
        fn it_is_what_values_are_written_as(body in json()) {
            let (ours, theirs) = (canonical(body.as_bytes()), by_values(&body));
            prop_assert_eq!(String::from_utf8(ours).unwrap(), String::from_utf8(theirs).unwrap());
        }
    }
}
