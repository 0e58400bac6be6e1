"""Drives a running Althing with the official OpenAI client: responses and embeddings, with its defaults.

    python responses_client.py http://127.0.0.1:8700 PROVIDER

Needs the package `openai` of `tests/requirements.txt`, and behind the server the upstreams of `tests/dialects.rs`.
Prints `ok responses`, or raises with what the server did otherwise.
"""

import json
import sys

from openai import BadRequestError, NotFoundError, OpenAI

WEATHER = {
    "type": "function",
    "name": "weather",
    "description": "The weather of the next days.",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}, "days": {"type": "integer"}}},
}


def raises(kind, call):
    try:
        got = call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}, but {got!r}")


def check_response(client, provider):
    response = client.responses.create(model=f"{provider}/plain", instructions="Be brief.", input="6 times 7?")
    assert response.object == "response" and response.status == "completed", response
    assert response.output_text == "You said: 6 times 7?", response
    assert response.usage.input_tokens > 0 and response.usage.output_tokens > 0, response
    assert response.model_extra["althing"]["served_by"] == f"{provider}/plain", response


def check_stream(client, provider):
    with client.responses.stream(model=f"{provider}/slow", input="count") as stream:
        events = list(stream)
        final = stream.get_final_response()
    kinds = [event.type for event in events]
    assert kinds[0] == "response.created" and kinds[-1] == "response.completed", kinds
    assert kinds.count("response.created") == kinds.count("response.completed") == 1, kinds
    numbers = [event.sequence_number for event in events if hasattr(event, "sequence_number")]
    assert numbers == sorted(set(numbers)), numbers
    assert final.output_text == "one two three four five", final


def check_tools(client, provider):
    asked = {"model": f"{provider}/tools", "input": "weather?", "tools": [WEATHER]}
    response = client.responses.create(**asked)
    [call] = [item for item in response.output if item.type == "function_call"]
    # Some protocols carry arguments as an object, so that their blanks are lost.
    assert (call.name, json.loads(call.arguments)) == ("weather", {"city": "Reykjavík", "days": 3}), call
    with client.responses.stream(**asked) as stream:
        streamed = stream.get_final_response()
    [again] = [item for item in streamed.output if item.type == "function_call"]
    assert (again.name, again.arguments) == (call.name, call.arguments), again
    history = [
        {"role": "user", "content": "weather?"},
        {"type": "function_call", "call_id": call.call_id, "name": call.name, "arguments": call.arguments},
        {"type": "function_call_output", "call_id": call.call_id, "output": "rain"},
        {"role": "user", "content": "And now?"},
    ]
    response = client.responses.create(model=f"{provider}/plain", input=history, tools=[WEATHER])
    assert response.output_text == "You said: And now?", response


def check_panel(client):
    response = client.responses.create(model="quorum", input="6 times 7?")
    assert response.output_text == "42" and response.model_extra["althing"]["agreement"]["reached"], response


def check_errors(client, provider):
    raises(NotFoundError, lambda: client.responses.create(model="nobody/knows", input="x"))
    error = raises(BadRequestError, lambda: client.responses.create(
        model=f"{provider}/plain", input="x", previous_response_id="resp_1"))
    assert "previous_response_id" in str(error), error


def check_embeddings(client, provider):
    one = client.embeddings.create(model=f"{provider}/plain", input=["a", "b", "a"])
    vectors = [item.embedding for item in one.data]
    assert len(vectors) == 3 and vectors[0] == vectors[2] != vectors[1], vectors
    floats = client.embeddings.create(model=f"{provider}/plain", input="a", encoding_format="float")
    assert all(abs(a - b) < 1e-6 for a, b in zip(floats.data[0].embedding, vectors[0])), floats
    assert one.usage.prompt_tokens > 0, one


def main():
    url, provider = sys.argv[1:]
    client = OpenAI(base_url=f"{url}/v1", api_key="whatever")
    check_response(client, provider)
    check_stream(client, provider)
    check_tools(client, provider)
    check_panel(client)
    check_errors(client, provider)
    # Neither has a model that makes vectors: Anthropic has none at all, and on Bedrock only some do.
    if provider not in ("claude", "aws"):
        check_embeddings(client, provider)
    print("ok responses")


main()
