"""Drives a closed Althing with the official clients of OpenAI and MCP and the keys of callers.

    python keys.py http://127.0.0.1:8700 openai|mcp USER VIEWER WRONG

Needs the packages `openai` 3.52.0 and `mcp` 2.3.0, and a key of a user, one of a viewer and one that nobody made.
Prints `ok …`, or raises with what the server did otherwise.
"""

import asyncio
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from openai import AuthenticationError, OpenAI, PermissionDeniedError

QUESTION = [{"role": "user", "content": "What is 6 times 7?"}]
MODES = ("legacy", "auto", "2026-07-28")


def raises(kind, call):
    try:
        got = call()
    except kind as error:
        return error
    raise AssertionError(f"no {kind.__name__}, but {got!r}")


def check_openai(url, user, viewer, wrong):
    def client(key):
        return OpenAI(base_url=f"{url}/v1", api_key=key)

    def create(key):
        return lambda: client(key).chat.completions.create(model="kit/m", messages=QUESTION)

    assert create(user)().choices[0].message.content == "42"
    assert "kit/m" in [model.id for model in client(viewer).models.list()]
    error = raises(PermissionDeniedError, create(viewer))
    assert (error.code, error.type) == ("role_too_low", "permission_error") and "`user`" in error.message, error.body
    for key, code in ((wrong, "unknown_key"), ("sk-anything", "malformed_key")):
        for call in (create(key), lambda key=key: client(key).models.list()):
            error = raises(AuthenticationError, call)
            assert (error.code, error.type) == (code, "authentication_error"), error.body
            assert key not in str(error) and error.body["request_id"], error.body


async def names(url, mode, headers):
    async with httpx2.AsyncClient(headers=headers, timeout=30) as http:
        async with Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client:
            listed = [tool.name for tool in (await client.list_tools()).tools]
            return listed, await client.call_tool("ask", {"prompt": "hi", "model": "kit/m"})


async def check_mcp(url, user, viewer, wrong):
    for mode in MODES:
        for headers in ({"authorization": f"Bearer {user}"}, {"x-api-key": user}):
            listed, called = await names(url, mode, headers)
            assert "ask" in listed and called.structured_content["answer"] == "42", (mode, listed, called)
        listed, called = await names(url, mode, {"x-api-key": viewer})
        assert "ask" not in listed and called.is_error and "`viewer`" in called.content[0].text, (mode, listed, called)
        for headers in ({}, {"x-api-key": wrong}):
            try:
                got = await asyncio.wait_for(names(url, mode, headers), 20)
            except asyncio.TimeoutError:
                raise
            except Exception as error:
                assert "key" in repr(error) and wrong not in repr(error), (mode, repr(error))
            else:
                raise AssertionError(f"{mode} {headers}: let in as {got!r}")


if __name__ == "__main__":
    url, part, *keys = sys.argv[1:]
    if part == "openai":
        check_openai(url, *keys)
    else:
        asyncio.run(check_mcp(url, *keys))
    print(f"ok {part}")
