"""Drives a running `althing simulate` with the official AWS client, unchanged.

    python bedrock_client.py http://127.0.0.1:8701

Needs the package `boto3` 1.44.5, and changes the script of the upstream as it goes. Prints `ok bedrock`, or raises with
what the upstream did otherwise.
"""

import json
import sys
import urllib.request

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

MODEL = "eu.anthropic.claude-sonnet-4-20250514-v1:0"
PROFILE = f"arn:aws:bedrock:eu-central-1:123456789012:inference-profile/{MODEL}"
TITAN = "amazon.titan-embed-text-v2:0"
QUESTION = [{"role": "user", "content": [{"text": "What is 6 times 7?"}]}]
WEATHER = {
    "toolSpec": {
        "name": "weather",
        "description": "The weather of the next days.",
        "inputSchema": {"json": {"type": "object", "properties": {"city": {"type": "string"}}}},
    }
}
SCRIPT = {
    "default": {"answers": ["You said: {prompt}"]},
    "models": {
        "tools": {"tool_call": {"name": "weather", "arguments": '{"city": "Reykjavík", "days": 3}'}},
        "limited": {"rate_limit_rate": 1.0},
        "failing": {"error_rate": 1.0, "error_status": 503},
        "refusing": {"error_rate": 1.0, "error_status": 403},
        "cut": {"answers": ["one two three"], "cut_rate": 1.0, "cut_after": 3},
    },
}


def play(url, script):
    request = urllib.request.Request(f"{url}/_script", json.dumps(script).encode(), method="POST")
    assert urllib.request.urlopen(request).status == 200


def check_chat(client):
    for model in (MODEL, PROFILE):
        reply = client.converse(
            modelId=model,
            messages=QUESTION,
            system=[{"text": "Be brief."}, {"cachePoint": {"type": "default"}}],
            inferenceConfig={"maxTokens": 100, "temperature": 0.5, "stopSequences": ["END"]},
        )
        message = {"role": "assistant", "content": [{"text": "You said: What is 6 times 7?"}]}
        assert reply["output"]["message"] == message and reply["stopReason"] == "end_turn", reply
        usage = reply["usage"]
        assert usage["totalTokens"] == usage["inputTokens"] + usage["outputTokens"] > 0, usage
        assert reply["metrics"]["latencyMs"] >= 0, reply


def streamed(client, **asked):
    """All events of a stream, which is read to its end."""
    events = [event for event in client.converse_stream(**asked)["stream"]]
    assert all(len(event) == 1 for event in events), events
    return [next(iter(event.items())) for event in events]


def check_stream(client):
    events = streamed(client, modelId=MODEL, messages=QUESTION)
    deltas = [event["delta"]["text"] for name, event in events if name == "contentBlockDelta"]
    assert len(deltas) == 7 and "".join(deltas) == "You said: What is 6 times 7?", deltas
    names = [name for name, _ in events if name != "contentBlockDelta"]
    assert names == ["messageStart", "contentBlockStop", "messageStop", "metadata"], names
    assert events[-2][1]["stopReason"] == "end_turn" and events[-1][1]["usage"]["totalTokens"] > 0, events


def check_tools(client):
    asked = {"modelId": "tools", "messages": QUESTION, "toolConfig": {"tools": [WEATHER]}}
    reply = client.converse(**asked)
    call = {"toolUseId": "call_scripted", "name": "weather", "input": {"city": "Reykjavík", "days": 3}}
    assert reply["stopReason"] == "tool_use", reply
    assert reply["output"]["message"]["content"] == [{"toolUse": call}], reply

    events = dict(streamed(client, **asked))
    start, delta = events["contentBlockStart"], events["contentBlockDelta"]
    assert start["start"]["toolUse"] == {"toolUseId": "call_scripted", "name": "weather"}, start
    assert json.loads(delta["delta"]["toolUse"]["input"]) == call["input"], delta
    assert events["messageStop"]["stopReason"] == "tool_use", events

    result = {"toolUseId": "call_scripted", "content": [{"text": "rain"}]}
    answered = QUESTION + [reply["output"]["message"], {"role": "user", "content": [{"toolResult": result}, {"text": "So?"}]}]
    reply = client.converse(modelId=MODEL, messages=answered, toolConfig={"tools": [WEATHER]})
    assert reply["output"]["message"]["content"] == [{"text": "You said: So?"}], reply


def raises(name, call):
    try:
        got = call()
    except ClientError as error:
        assert error.response["Error"]["Code"] == name, error.response
        return error.response
    raise AssertionError(f"no {name}, but {got!r}")


def check_errors(client):
    for model, name, status in (
        ("limited", "ThrottlingException", 429),
        ("failing", "ServiceUnavailableException", 503),
        ("refusing", "AccessDeniedException", 403),
    ):
        for call in (client.converse, client.converse_stream):
            response = raises(name, lambda: call(modelId=model, messages=QUESTION))
            assert response["ResponseMetadata"]["HTTPStatusCode"] == status, response
            assert response["Error"]["Message"] == "the script says so", response
    raises("ValidationException", lambda: client.converse(modelId=MODEL, messages=[]))
    try:
        events = streamed(client, modelId="cut", messages=QUESTION)
    except Exception as error:
        assert not isinstance(error, AssertionError), error
    else:
        raise AssertionError(f"a stream that was cut ended as if whole: {events}")


def check_embeddings(client):
    body = json.dumps({"inputText": "hello there", "dimensions": 256, "normalize": True})
    reply = json.loads(client.invoke_model(modelId=TITAN, body=body)["body"].read())
    assert len(reply["embedding"]) == 256 and reply["inputTextTokenCount"] == 2, reply
    assert abs(sum(figure * figure for figure in reply["embedding"]) - 1) < 1e-4, reply


def main(url):
    play(url, SCRIPT)
    client = boto3.client(
        "bedrock-runtime",
        region_name="eu-central-1",
        endpoint_url=url,
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
        config=Config(retries={"max_attempts": 0}),
    )
    for check in (check_chat, check_stream, check_tools, check_errors, check_embeddings):
        check(client)
    print("ok bedrock")


if __name__ == "__main__":
    main(*sys.argv[1:])
