"""Drives a running Althing with the official OpenAI client, unchanged and with its defaults.

    python openai_client.py http://127.0.0.1:8700 asks|errors|unknown|leaves

Needs the package `openai` 3.52.0, and behind the server the upstreams of `tests/clients.rs`. Prints `ok openai …`, or
raises with what the server did otherwise.
"""

import asyncio
import sys

from openai import (
    APITimeoutError,
    AsyncOpenAI,
    BadRequestError,
    InternalServerError,
    NotFoundError,
    OpenAI,
)

QUESTION = [{"role": "user", "content": "What is 6 times 7?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of the next days.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
    },
}


def raises(kind, call):
    try:
        got = call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}, but {got!r}")


def check_models(client):
    models = {model.id: model for model in client.models.list()}
    assert {"sim/plain", "quorum"} <= models.keys(), models
    assert all(model.object == "model" and model.owned_by for model in models.values()), models
    assert client.models.retrieve("sim/plain") == models["sim/plain"]


def check_chat(client):
    reply = client.chat.completions.create(model="sim/plain", messages=QUESTION)
    assert reply.object == "chat.completion" and reply.id and reply.created, reply
    assert reply.choices[0].message.content == "You said: What is 6 times 7?", reply
    assert reply.choices[0].message.role == "assistant" and reply.choices[0].finish_reason == "stop", reply
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + reply.usage.completion_tokens > 0, reply
    report = reply.model_extra["althing"]
    assert report["served_by"] == "sim/plain" and report["request_id"], report
    raw = client.chat.completions.with_raw_response.create(model="sim/plain", messages=QUESTION)
    assert raw.headers["x-althing-served-by"] == "sim/plain", raw.headers
    assert raw.headers["x-althing-request-id"] == raw.parse().model_extra["althing"]["request_id"]


def assembled(chunks):
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def check_stream(client):
    chunks = list(client.chat.completions.create(model="sim/slow", messages=QUESTION, stream=True))
    assert len(chunks) >= 6 and assembled(chunks) == "one two three four five", chunks
    reasons = [chunk.choices[0].finish_reason for chunk in chunks]
    assert reasons[-1] == "stop" and not any(reasons[:-1]), reasons
    assert all(chunk.usage is None for chunk in chunks), chunks

    options = {"include_usage": True}
    stream = client.chat.completions.create(model="sim/plain", messages=QUESTION, stream=True, stream_options=options)
    chunks = list(stream)
    assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens > 0, chunks[-1]
    assert not any(chunk.usage for chunk in chunks[:-1]), chunks

    with client.chat.completions.stream(model="sim/plain", messages=QUESTION) as stream:
        assert stream.get_final_completion().choices[0].message.content == "You said: What is 6 times 7?"


def check_tools(client):
    asked = {"model": "sim/tools", "messages": QUESTION, "tools": [WEATHER]}
    reply = client.chat.completions.create(**asked)
    choice = reply.choices[0]
    assert choice.finish_reason == "tool_calls" and choice.message.content is None, choice
    [call] = choice.message.tool_calls
    expected = ("call_scripted", "function", "weather", '{"city": "Reykjavík", "days": 3}')
    assert (call.id, call.type, call.function.name, call.function.arguments) == expected, call

    with client.chat.completions.stream(**asked) as stream:
        streamed = stream.get_final_completion().choices[0]
    assert streamed.finish_reason == "tool_calls", streamed
    [call] = streamed.message.tool_calls
    assert (call.id, call.type, call.function.name, call.function.arguments) == expected, call

    answered = [choice.message, {"role": "tool", "tool_call_id": "call_scripted", "content": "rain"}]
    reply = client.chat.completions.create(model="sim/plain", messages=QUESTION + answered, tools=[WEATHER])
    assert reply.choices[0].message.content == "You said: What is 6 times 7?", reply


def check_agreement(report):
    agreement = report["agreement"]
    assert agreement["reached"] and agreement["asked"] == 5, agreement
    assert agreement["clusters"][0]["answer"] == "42", agreement
    assert sorted(agreement["clusters"][0]["members"]) == ["sim/ash", "sim/birch", "sim/cedar"], agreement
    assert len(agreement["members"]) == 5, agreement
    for member in agreement["members"]:
        assert member["outcome"] == "answered" or member["reason"], member


def check_panel(client):
    reply = client.chat.completions.create(model="quorum", messages=QUESTION)
    assert reply.choices[0].message.content == "42", reply
    check_agreement(reply.model_extra["althing"])

    chunks = list(client.chat.completions.create(model="quorum", messages=QUESTION, stream=True))
    assert assembled(chunks) == "42" and chunks[-1].choices[0].finish_reason == "stop", chunks
    check_agreement(chunks[-1].model_extra["althing"])

    options = {"include_usage": True}
    chunks = list(client.chat.completions.create(model="quorum", messages=QUESTION, stream=True, stream_options=options))
    assert assembled(chunks) == "42" and chunks[-1].usage.total_tokens > 0, chunks
    check_agreement(chunks[-1].model_extra["althing"])


async def check_many(url):
    async with AsyncOpenAI(base_url=url, api_key="anything") as client:

        async def ask(number):
            messages = [{"role": "user", "content": f"number {number}"}]
            if number % 2:
                stream = await client.chat.completions.create(model="sim/plain", messages=messages, stream=True)
                return assembled([chunk async for chunk in stream])
            reply = await client.chat.completions.create(model="sim/plain", messages=messages)
            return reply.choices[0].message.content

        answers = await asyncio.gather(*(ask(number) for number in range(20)))
        assert answers == [f"You said: number {number}" for number in range(20)], answers


def asks(client, url):
    for check in (check_models, check_chat, check_stream, check_tools, check_panel):
        check(client)
    asyncio.run(check_many(url))


def errors(client, _):
    def create(**changes):
        return lambda: client.chat.completions.create(**{"model": "sim/plain", "messages": QUESTION, **changes})

    error = raises(NotFoundError, create(model="sim/plane"))
    assert error.code == "model_not_found" and error.param == "model", error.body
    assert "sim/plain" in error.message and error.body["request_id"], error.body
    error = raises(NotFoundError, lambda: client.models.retrieve("nobody"))
    assert error.code == "model_not_found", error.body

    wrong = {"messages": "hello", "temperature": "hot", "stream": "yes", "n": -1, "tools": {}}
    for param, value in wrong.items():
        error = raises(BadRequestError, create(**{param: value}))
        assert error.type == "invalid_request_error" and error.param == param and error.code, error.body
    error = raises(BadRequestError, create(messages=[]))
    assert error.param == "messages", error.body

    error = raises(InternalServerError, create(model="sim/failing"))
    assert error.status_code == 503 and error.code == "no_model_answered", error.body
    attempts = error.body["attempts"]
    assert len(attempts) == 2 and all(attempt["model"] == "sim/failing" for attempt in attempts), attempts
    assert all("500" in attempt["reason"] for attempt in attempts), attempts


def unknown(client, _):
    extra = {"tomorrow": {"a": [1, 2.5, None]}}
    reply = client.chat.completions.create(model="kit/echo", messages=QUESTION, seed=7, extra_body=extra)
    assert reply.model_extra["asked"] == {"messages": QUESTION, "model": "echo", "seed": 7, **extra}, reply
    assert reply.model_extra["citations"] == ["https://example.org"], reply
    assert reply.choices[0].message.model_extra["mood"] == {"calm": True}, reply


async def cancel(url):
    async with AsyncOpenAI(base_url=url, api_key="anything") as client:
        task = asyncio.create_task(client.chat.completions.create(model="kit/hanging", messages=QUESTION))
        await asyncio.sleep(0.3)
        task.cancel()
        assert isinstance((await asyncio.gather(task, return_exceptions=True))[0], asyncio.CancelledError)


def leaves(client, url):
    with client.chat.completions.create(model="kit/dripping", messages=QUESTION, stream=True) as stream:
        for chunk in stream:
            if chunk.choices[0].delta.content:
                break
    hurried = client.with_options(timeout=0.3, max_retries=0)
    raises(APITimeoutError, lambda: hurried.chat.completions.create(model="kit/hanging", messages=QUESTION))
    asyncio.run(cancel(url))


def main(root, part):
    url = f"{root}/v1"
    with OpenAI(base_url=url, api_key="anything") as client:
        {"asks": asks, "errors": errors, "unknown": unknown, "leaves": leaves}[part](client, url)
    print(f"ok openai {part}")


if __name__ == "__main__":
    main(*sys.argv[1:])
