"""Drives Althing, or its simulated upstream, with the official Ollama client, unchanged and with its defaults.

    python ollama_client.py http://127.0.0.1:8700 PREFIX

`PREFIX` stands before every model's name, such as `sim/`; it is empty for the simulated upstream. Needs the package
`ollama` of `tests/requirements.txt`, and the models of `tests/dialects.rs`. Prints `ok ollama`, or raises with what
happened otherwise.
"""

import sys

import ollama

QUESTION = [{"role": "user", "content": "What is 6 times 7?"}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of the next days.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
        },
    },
}


def main():
    url, prefix = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else ""
    client = ollama.Client(host=url)

    reply = client.chat(model=f"{prefix}plain", messages=QUESTION, options={"temperature": 0.1, "num_predict": 50})
    assert reply.message.content == "You said: What is 6 times 7?" and reply.done, reply
    assert reply.done_reason == "stop" and reply.eval_count > 0 and reply.prompt_eval_count > 0, reply

    lines = list(client.chat(model=f"{prefix}slow", messages=QUESTION, stream=True))
    assert "".join(line.message.content for line in lines) == "one two three four five", lines
    assert [line.done for line in lines] == [False] * (len(lines) - 1) + [True], lines
    assert len(lines) >= 6, lines

    for stream in (False, True):
        asked = client.chat(model=f"{prefix}tools", messages=QUESTION, tools=[WEATHER], stream=stream)
        replies = list(asked) if stream else [asked]
        [call] = [call for reply in replies for call in reply.message.tool_calls or []]
        assert call.function.name == "weather", call
        assert call.function.arguments == {"city": "Reykjavík", "days": 3}, call

    listed = {model.model for model in client.list().models}
    assert f"{prefix}plain" in listed, listed

    vectors = client.embed(model=f"{prefix}plain", input=["a", "b", "a"]).embeddings
    assert len(vectors) == 3 and vectors[0] == vectors[2] != vectors[1], vectors

    try:
        client.chat(model=f"{prefix}failing", messages=QUESTION)
    except ollama.ResponseError as error:
        assert error.status_code >= 500, error
    else:
        raise AssertionError("no error")
    print("ok ollama")


main()
