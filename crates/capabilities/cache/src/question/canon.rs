//! A request written in one way only: members sorted, spaces gone, and without what does not shape the answer.

use serde_json::{Map, Value};

/// Members that change no answer: who asks, what the provider is to remember it by, where it looks in its own cache;
/// and the model, of which what it stands for counts. All others do, `stream` and `stream_options` too: they change the
/// bytes.
const WITHOUT: [&str; 6] =
    ["model", "user", "metadata", "safety_identifier", "prompt_cache_key", "prompt_cache_retention"];

/// The body in its one way; the bytes as they are where they are no object.
pub(super) fn canonical(body: &[u8]) -> Vec<u8> {
    let Ok(Value::Object(mut members)) = serde_json::from_slice(body) else { return body.to_vec() };
    members.retain(|name, _| !WITHOUT.contains(&name.as_str()));
    let mut out = Vec::with_capacity(body.len());
    object(&members, &mut out);
    out
}

fn object(members: &Map<String, Value>, out: &mut Vec<u8>) {
    let mut sorted: Vec<_> = members.iter().collect();
    sorted.sort_unstable_by_key(|(name, _)| *name);
    out.push(b'{');
    for (at, (name, value)) in sorted.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        plain(name, out);
        out.push(b':');
        write(value, out);
    }
    out.push(b'}');
}

fn write(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(members) => object(members, out),
        Value::Array(items) => {
            out.push(b'[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                write(item, out);
            }
            out.push(b']');
        }
        Value::String(text) => plain(text, out),
        other => plain(other, out),
    }
}

/// Writing into memory cannot fail.
fn plain(value: &(impl serde::Serialize + ?Sized), out: &mut Vec<u8>) {
    let _ = serde_json::to_writer(out, value);
}

#[cfg(test)]
mod tests {
    use super::canonical;

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
    }
}
