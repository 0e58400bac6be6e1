"""Drives a running Althing with the official Anthropic client, unchanged and with its defaults.

    python anthropic_client.py http://127.0.0.1:8700 MODEL asks|errors|native

Needs the package `anthropic` of `tests/requirements.txt`, and behind the server the upstreams of `tests/dialects.rs`.
Prints `ok anthropic …`, or raises with what the server did otherwise.
"""

import sys

import anthropic

QUESTION = [{"role": "user", "content": "What is 6 times 7?"}]
WEATHER = {
    "name": "weather",
    "description": "The weather of the next days.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
}


def raises(kind, call):
    try:
        got = call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}, but {got!r}")


def check_message(client, provider):
    message = client.messages.create(model=f"{provider}/plain", max_tokens=50, system="Be brief.", messages=QUESTION)
    assert (message.type, message.role, message.stop_reason) == ("message", "assistant", "end_turn"), message
    assert [block.type for block in message.content] == ["text"], message
    assert message.content[0].text == "You said: What is 6 times 7?", message
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 0, message
    assert message.model_extra["althing"]["served_by"] == f"{provider}/plain", message


def check_stream(client, provider):
    with client.messages.stream(model=f"{provider}/slow", max_tokens=50, messages=QUESTION) as stream:
        events = [event.type for event in stream]
        message = stream.get_final_message()
    assert events.count("message_start") == events.count("message_stop") == 1, events
    assert events[0] == "message_start" and events[-1] == "message_stop", events
    assert message.content[0].text == "one two three four five", message
    assert message.stop_reason == "end_turn" and message.usage.output_tokens > 0, message
    with client.messages.stream(model=f"{provider}/slow", max_tokens=50, messages=QUESTION) as stream:
        pieces = list(stream.text_stream)
    assert len(pieces) >= 5 and "".join(pieces) == "one two three four five", pieces


def check_tools(client, provider):
    asked = {"model": f"{provider}/tools", "max_tokens": 50, "messages": QUESTION, "tools": [WEATHER]}
    message = client.messages.create(**asked)
    [call] = [block for block in message.content if block.type == "tool_use"]
    assert message.stop_reason == "tool_use", message
    assert (call.name, call.input) == ("weather", {"city": "Reykjavík", "days": 3}), call
    with client.messages.stream(**asked) as stream:
        streamed = stream.get_final_message()
    [again] = [block for block in streamed.content if block.type == "tool_use"]
    assert (again.name, again.input, streamed.stop_reason) == (call.name, call.input, "tool_use"), streamed

    answered = [
        {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in message.content]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "rain"}]},
        {"role": "user", "content": "And now?"},
    ]
    reply = client.messages.create(
        model=f"{provider}/plain", max_tokens=50, messages=QUESTION + answered, tools=[WEATHER]
    )
    assert reply.content[0].text == "You said: And now?", reply


def check_panel(client):
    message = client.messages.create(model="quorum", max_tokens=50, messages=QUESTION)
    assert message.content[0].text == "42", message
    assert message.model_extra["althing"]["agreement"]["reached"], message
    with client.messages.stream(model="quorum", max_tokens=50, messages=QUESTION) as stream:
        assert stream.get_final_message().content[0].text == "42"


def check_models(client, provider):
    models = {model.id: model for model in client.models.list()}
    assert {f"{provider}/plain", "quorum"} <= models.keys(), models
    assert client.models.retrieve(f"{provider}/plain").type == "model"


def check_count(client, provider):
    counted = client.messages.count_tokens(model=f"{provider}/plain", messages=QUESTION, system="Be brief.")
    assert counted.input_tokens > 0, counted
    long = [{"role": "user", "content": "many words " * 500}]
    more = client.messages.count_tokens(model=f"{provider}/plain", messages=long)
    assert more.input_tokens > 10 * counted.input_tokens, (counted, more)


def asks(client, provider):
    check_message(client, provider)
    check_stream(client, provider)
    check_tools(client, provider)
    check_models(client, provider)
    check_count(client, provider)
    check_panel(client)


def errors(client, provider):
    error = raises(anthropic.NotFoundError, lambda: client.messages.create(
        model="nobody/knows", max_tokens=5, messages=QUESTION))
    assert error.body["type"] == "error" and error.body["error"]["type"] == "not_found_error", error.body
    error = raises(anthropic.BadRequestError, lambda: client.messages.create(
        model=f"{provider}/plain", max_tokens=5, messages=[]))
    assert error.body["error"]["type"] == "invalid_request_error", error.body
    error = raises(anthropic.InternalServerError, lambda: client.messages.create(
        model=f"{provider}/failing", max_tokens=5, messages=QUESTION))
    assert error.status_code == 503 and error.body["error"]["type"] in ("overloaded_error", "api_error"), error.body


def main():
    url, provider, part = sys.argv[1:]
    client = anthropic.Anthropic(base_url=url, api_key="whatever")
    {"asks": asks, "errors": errors}[part](client, provider)
    print("ok anthropic", part)


main()
