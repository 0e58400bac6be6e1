//! What is seen in events that pass by, and errors.

use super::*;
use proptest::prelude::*;
use wire::openai::ChunkView;

#[test]
fn tokens_ends_and_errors_are_seen() {
    let check = |data: &str, expect: Option<ChunkView>| {
        assert_eq!(view(data.as_bytes(), false), expect, "{data}");
        // Later, only what ends a stream is looked at.
        let rest = expect.filter(|view| view.done || view.error);
        assert_eq!(view(data.as_bytes(), true).filter(|view| *view != ChunkView::default()), rest, "{data}");
    };
    let quiet = ChunkView::default;
    let token = || ChunkView { token: true, ..quiet() };
    check(r#"{"type":"response.created","response":{"id":"x","error":null,"usage":null}}"#, Some(quiet()));
    check(r#"{"type":"response.output_item.added","item":{"type":"message"}}"#, Some(quiet()));
    check(r#"{"type":"response.output_item.added","item":{"type":"function_call"}}"#, Some(token()));
    check(r#"{"type":"response.output_text.delta","delta":"a \"response.completed\" b"}"#, Some(token()));
    check(
        r#"{"type":"response.completed","response":{"usage":null}}"#,
        Some(ChunkView { finished: true, done: true, ..quiet() }),
    );
    check(r#"{"type":"response.incomplete","response":{}}"#, Some(ChunkView { finished: true, done: true, ..quiet() }));
    check(r#"{"type":"response.failed","response":{"error":{}}}"#, Some(ChunkView { error: true, ..quiet() }));
    check(r#"{"type":"error","code":"server_error","message":"x"}"#, Some(ChunkView { error: true, ..quiet() }));
    check(r#"{"error":{"message":"x"}}"#, Some(ChunkView { error: true, ..quiet() }));
    check("[DONE]", Some(ChunkView { done: true, ..quiet() }));
    check("not json", None);
}

#[test]
fn characters_are_counted_in_deltas_alone() {
    for (data, chars) in [
        (r#"{"type":"response.output_text.delta","item_id":"x","delta":"größe"}"#, 5),
        (r#"{"type": "response.function_call_arguments.delta", "delta": "{\"a\":1}"}"#, 7),
        (r#"{"type":"response.refusal.delta","delta":"\u00e9\n\"","logprobs":[]}"#, 3),
        (r#"{"type":"response.output_text.done","text":"long","delta":"no"}"#, 0),
        (r#"{"type":"response.completed","response":{"tools":[{"delta":"x"}]}}"#, 0),
        (r#"{"type":"response.output_text.delta","delta":"cut \"#, 5),
        (r#"{"type":"response.output_text.delta","delta":7}"#, 0),
        (r#"{"delta":"x"}"#, 0),
        ("", 0),
    ] {
        assert_eq!(said_chars(data.as_bytes()), chars, "{data}");
    }
}

#[test]
fn an_error_is_told_in_both_shapes() {
    let body = json!({ "error": { "message": "the stream broke off", "type": "server_error", "param": null,
        "code": "upstream_cut", "request_id": "0123" } });
    insta::assert_snapshot!("error", String::from_utf8(error_event(&body).to_vec()).unwrap());
    assert!(view(datas(&error_event(&body))[0].to_string().as_bytes(), true).unwrap().error);
}

proptest! {
    #[test]
    fn what_our_deltas_say_is_counted(text in "\\PC{1,40}|[\"\\\\{}:a\n]{1,40}") {
        let bytes = streamed(&chunks(&[json!({ "content": text })], "stop"), None);
        let counted: u64 = wire::sse::events(&bytes).map(|event| said_chars(event.data.as_ref().unwrap())).sum();
        prop_assert_eq!(counted, text.chars().count() as u64);
    }
}
