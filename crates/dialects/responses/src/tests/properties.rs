//! Whatever comes: no panic, nothing lost, nothing out of order, and the same however it is cut.

use super::*;
use proptest::prelude::*;
use wire::Dialect;
use wire::openai::ChatReply;

/// Some JSON with the keys and words that are looked at.
fn value() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "message",
        "reasoning",
        "function_call",
        "function_call_output",
        "custom",
        "custom_tool_call",
        "local_shell_call",
        "function",
        "namespace",
        "user",
        "assistant",
        "input_text",
        "input_image",
        "a",
        "{}",
        "",
    ]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        word.prop_map(Value::from)
    ];
    let key = prop::sample::select(vec![
        "type",
        "role",
        "content",
        "text",
        "call_id",
        "name",
        "arguments",
        "output",
        "input",
        "tools",
        "delta",
        "item",
        "summary",
        "action",
        "command",
        "choices",
        "index",
        "tool_calls",
        "function",
        "id",
        "response",
        "usage",
        "reasoning_content",
        "thinking_blocks",
        "annotations",
        "logprobs",
        "output_index",
        "status",
        "format",
        "reasoning",
    ]);
    leaf.prop_recursive(4, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..6).prop_map(|members| Value::Object(
                members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
            )),
        ]
    })
}

/// What a model may say next.
fn delta() -> impl Strategy<Value = Value> {
    let text = "[a-zé\"\\\\\n ]{0,6}";
    prop_oneof![
        text.prop_map(|text| json!({ "content": text })),
        text.prop_map(|text| json!({ "reasoning_content": text })),
        text.prop_map(|text| json!({ "refusal": text })),
        (0..3_u64, text).prop_map(|(index, text)| {
            let names = ["shell", "apply_patch", "other"];
            json!({ "tool_calls": [{ "index": index, "id": format!("c{index}"), "function": { "name": names[index as usize], "arguments": text } }] })
        }),
    ]
}

/// The texts of these deltas: words, reasoning, refusals, then the arguments of each call.
fn said(deltas: &[Value]) -> Vec<String> {
    let all = |get: &dyn Fn(&Value) -> Option<String>| deltas.iter().filter_map(get).collect::<String>();
    let mut out: Vec<String> = ["content", "reasoning_content", "refusal"]
        .iter()
        .map(|key| all(&|delta| Some(delta[*key].as_str()?.to_owned())))
        .collect();
    for index in 0..3 {
        out.push(all(&|delta| {
            let call = &delta["tool_calls"][0];
            (call["index"] == index).then(|| call["function"]["arguments"].as_str().unwrap().to_owned())
        }));
    }
    out
}

/// The same from the items of a response.
fn answered(items: &Value) -> Vec<String> {
    let mut out = vec![String::new(); 6];
    for item in items.as_array().unwrap() {
        match item["type"].as_str().unwrap() {
            "message" => {
                for part in item["content"].as_array().unwrap() {
                    out[0] += part["text"].as_str().unwrap_or_default();
                    out[2] += part["refusal"].as_str().unwrap_or_default();
                }
            }
            "reasoning" => out[1] += item["summary"][0]["text"].as_str().unwrap_or_default(),
            "function_call" => {
                let at = if item["name"] == "shell" { 3 } else { 5 };
                out[at] += item["arguments"].as_str().unwrap();
            }
            "custom_tool_call" => out[4] += item["input"].as_str().unwrap(),
            other => panic!("{other}"),
        }
    }
    out
}

proptest! {
    #[test]
    fn nothing_is_lost_and_events_agree(deltas in prop::collection::vec(delta(), 0..14)) {
        let request = ask(CODEX).unwrap();
        let events = datas(&streamed(&chunks(&deltas, "stop"), request.original()));
        let last = &events[events.len() - 1];
        let mut expect = said(&deltas);
        for (at, name) in [(3, "shell"), (5, "other")] {
            let called = last["response"]["output"].as_array().unwrap().iter().any(|item| item["name"] == name);
            if called && expect[at].is_empty() {
                expect[at] = "{}".to_owned();
            }
        }
        prop_assert_eq!(answered(&last["response"]["output"]), expect);
        // One beginning, one end, numbers without a gap.
        for (at, event) in events.iter().enumerate() {
            prop_assert_eq!(event["sequence_number"].as_u64(), Some(at as u64));
            prop_assert_eq!(event["type"] == "response.created", at == 0);
            prop_assert_eq!(event["type"] == "response.completed", at + 1 == events.len());
        }
        // Each item is added once, in its place, and is at last what was told.
        let places = |kind: &str| events.iter().filter(|event| event["type"] == kind).map(|event| event["output_index"].as_u64().unwrap()).collect::<Vec<_>>();
        let count = last["response"]["output"].as_array().unwrap().len() as u64;
        prop_assert_eq!(places("response.output_item.added"), (0..count).collect::<Vec<_>>());
        let mut done = places("response.output_item.done");
        done.sort_unstable();
        prop_assert_eq!(done, (0..count).collect::<Vec<_>>());
        for event in events.iter().filter(|event| event["type"] == "response.output_item.done") {
            prop_assert_eq!(&event["item"], &last["response"]["output"][event["output_index"].as_u64().unwrap() as usize]);
        }
        // The pieces of each item add up to what it is.
        for (place, item) in last["response"]["output"].as_array().unwrap().iter().enumerate() {
            let pieces: String = events.iter().filter(|event| event["output_index"] == place).filter_map(|event| event["delta"].as_str()).collect();
            let parts = item["content"].as_array().into_iter().flatten();
            let words: String = parts.filter_map(|part| part["text"].as_str().or(part["refusal"].as_str())).collect();
            let whole = if item["type"] == "message" { words } else { answered(&json!([item])).concat() };
            prop_assert_eq!(pieces, whole);
        }
    }

    #[test]
    fn cuts_do_not_matter(deltas in prop::collection::vec(delta(), 0..8), at in prop::collection::vec(any::<prop::sample::Index>(), 0..5)) {
        let request = ask(CODEX).unwrap();
        let all: Vec<String> = chunks(&deltas, "length").iter().map(|chunk| format!("data: {chunk}\n\n")).chain(["data: [DONE]\n\n".to_owned()]).collect();
        let whole = streamed(&chunks(&deltas, "length"), request.original());
        let mut cuts: Vec<usize> = at.iter().map(|at| at.index(all.len() + 1)).chain([0, all.len()]).collect();
        cuts.sort_unstable();
        let mut translate = FromChat::new(&about(request.original()));
        let mut pieces = Vec::new();
        for pair in cuts.windows(2) {
            pieces.extend_from_slice(&translate.push(all[pair[0]..pair[1]].concat().as_bytes()));
        }
        pieces.extend_from_slice(&translate.end());
        prop_assert_eq!(String::from_utf8(pieces).unwrap(), String::from_utf8(whole.clone()).unwrap());
        // And back, in one piece or event by event.
        let mut one = ToChat::new(&about(None));
        let once = [one.push(&whole), one.end()].concat();
        let mut many = ToChat::new(&about(None));
        let mut out = Vec::new();
        for event in String::from_utf8(whole).unwrap().split_inclusive("\n\n") {
            out.extend_from_slice(&many.push(event.as_bytes()));
        }
        out.extend_from_slice(&many.end());
        prop_assert_eq!(out, once);
    }

    #[test]
    fn a_stream_comes_back_as_it_was(deltas in prop::collection::vec(delta(), 0..10)) {
        let events = streamed(&chunks(&deltas, "stop"), None);
        let mut back = ToChat::new(&about(None));
        let chunks = back.push(&events);
        let mut again = Vec::new();
        for event in wire::sse::events(&chunks).filter(|event| event.data.as_deref() != Some(b"[DONE]")) {
            let chunk: Value = serde_json::from_slice(event.data.as_ref().unwrap()).unwrap();
            again.push(chunk["choices"][0]["delta"].clone());
        }
        let (mut expect, mut found) = (said(&deltas), said(&again));
        // Calls are counted anew in the order in which they began; stretches of reasoning stand apart.
        for all in [&mut expect, &mut found] {
            all[1] = all[1].replace('\n', "");
            all[3..].iter_mut().filter(|text| text.is_empty()).for_each(|text| "{}".clone_into(text));
            all[3..].sort();
        }
        prop_assert_eq!(found, expect);
    }

    #[test]
    fn a_whole_reply_and_a_stream_say_the_same(deltas in prop::collection::vec(delta(), 0..1), content in "[a-z]{0,5}", reasoning in "[a-z]{0,5}") {
        let mut message = deltas.first().cloned().unwrap_or_else(|| json!({}));
        message["content"] = content.into();
        message["reasoning_content"] = reasoning.into();
        let body = json!({ "choices": [{ "message": message, "finish_reason": "stop" }] });
        let reply = ChatReply::parse(Bytes::from(body.to_string())).unwrap();
        let whole: Value = serde_json::from_slice(&reply_from_chat(&reply, &about(None))).unwrap();
        let mut translate = crate::FromChat::new(&about(None));
        let pushed = translate.push(&reply.as_stream(true, &json!(null)));
        let stream = [pushed, translate.end()].concat();
        let last = datas(&stream).pop().unwrap();
        prop_assert_eq!(&last["response"]["output"], &whole["output"]);
    }

    #[test]
    fn a_custom_tool_gets_its_bare_input(input in "\\PC{0,30}|[\"\\\\{}:\n]{0,20}") {
        let (first, _) = chat(&json!({ "model": "m", "input": [{ "type": "custom_tool_call", "call_id": "c", "name": "apply_patch", "input": input }] }).to_string());
        let call = &first["messages"][0]["tool_calls"][0];
        let mut call = call.clone();
        call["index"] = 0.into();
        let request = ask(CODEX).unwrap();
        let last = datas(&streamed(&chunks(&[json!({ "tool_calls": [call] })], "tool_calls"), request.original())).pop().unwrap();
        prop_assert_eq!(last["response"]["output"][0]["input"].as_str(), Some(input.as_str()));
    }

    #[test]
    fn an_answer_comes_back_in_the_next_request(content in "[a-z]{1,5}", reasoning in "[a-z]{0,5}", arguments in "\\{\"a\":[0-9]\\}") {
        let signed = json!([{ "type": "thinking", "thinking": reasoning, "signature": "s" }]);
        let call = json!({ "id": "c1", "type": "function", "function": { "name": "shell", "arguments": arguments } });
        let mut message = json!({ "role": "assistant", "content": content });
        if !reasoning.is_empty() {
            message["reasoning_content"] = reasoning.into();
            message["thinking_blocks"] = signed;
        }
        message["tool_calls"] = json!([call]);
        let request = ask(CODEX).unwrap();
        let body = json!({ "choices": [{ "message": message, "finish_reason": "tool_calls" }] });
        let reply = ChatReply::parse(Bytes::from(body.to_string())).unwrap();
        let response: Value = serde_json::from_slice(&reply_from_chat(&reply, &about(request.original()))).unwrap();
        let (next, lost) = chat(&json!({ "model": "m", "input": response["output"] }).to_string());
        prop_assert_eq!(&next["messages"], &json!([message]));
        prop_assert!(lost.is_empty());
    }

    #[test]
    fn any_json_is_taken(value in value(), other in value()) {
        let body = json!({ "model": "m", "input": value, "tools": other, "tool_choice": value, "text": other, "reasoning": value });
        let _ = ask(&body.to_string());
        let original = Original { dialect: Dialect::Responses, bytes: Bytes::from(body.to_string()), model: 0..0, headers: Vec::new(), lost: Vec::new() };
        for data in [value.to_string(), json!({ "choices": [{ "delta": other }] }).to_string(), json!({ "type": "response.output_item.done", "item": other }).to_string()] {
            let block = format!("data: {data}\n\n");
            let (mut from, mut to) = (FromChat::new(&about(Some(&original))), ToChat::new(&about(Some(&original))));
            from.push(block.as_bytes());
            to.push(block.as_bytes());
            datas(&from.end());
            to.end();
            view(data.as_bytes(), false);
        }
        let _ = reply_to_chat(Bytes::from(json!({ "output": [other, value] }).to_string()));
        if let Ok(reply) = ChatReply::parse(Bytes::from(json!({ "choices": [{ "message": {}, "x": 1 }, value] }).to_string())) {
            reply_from_chat(&reply, &about(Some(&original)));
        }
        error_event(&value);
    }

    #[test]
    fn any_bytes_are_taken(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        let _ = request_to_chat(Bytes::from(bytes.clone()), &LIMITS);
        let _ = reply_to_chat(Bytes::from(bytes.clone()));
        let block = [b"data: ", bytes.as_slice(), b"\n\n"].concat();
        FromChat::new(&about(None)).push(&block);
        ToChat::new(&about(None)).push(&block);
        said_chars(&bytes);
        said_chars(&[b"{\"type\":\"response.x.delta\",\"delta\":\"", bytes.as_slice()].concat());
        view(&bytes, false);
        view(&bytes, true);
    }
}
