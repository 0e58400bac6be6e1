"""Drives a running Althing's `/mcp` with the official MCP client, in both eras of the protocol.

    python mcp_client.py http://127.0.0.1:8700

Needs the package `mcp` 2.3.0. Prints `ok mcp`, or raises with what the server did otherwise.
"""

import asyncio
import json
import sys

from mcp import Client

MODES = {"legacy": "2025-11-25", "auto": "2026-07-28", "2026-07-28": "2026-07-28"}
HINTS = ("read_only_hint", "destructive_hint", "idempotent_hint", "open_world_hint")
TOKENS_MAX = 2500


def text_of(result):
    return "\n".join(block.text for block in result.content if block.type == "text")


def check_listing(tools):
    names = [tool.name for tool in tools]
    assert len(names) == len(set(names)) <= 10, names
    for tool in tools:
        assert tool.title and tool.description, tool
        assert tool.input_schema["type"] == "object", tool
        assert tool.output_schema and tool.output_schema["type"] == "object", tool
        for hint in HINTS:
            assert isinstance(getattr(tool.annotations, hint), bool), (tool.name, hint)
    listing = json.dumps([tool.model_dump(by_alias=True, exclude_none=True) for tool in tools], separators=(",", ":"))
    assert len(listing) / 4 <= TOKENS_MAX, len(listing)
    assert "ask" in names, names


async def check_calls(client):
    # The client checks structured content against the output schema by itself and raises if it does not fit.
    result = await client.call_tool("ask", {"prompt": "What is 2+2?"})
    assert not result.is_error, result
    assert result.structured_content == json.loads(text_of(result)), result
    assert {"answer", "agreement"} <= result.structured_content.keys(), result.structured_content

    result = await client.call_tool("ask", {"question": 7})
    assert result.is_error, result
    assert "prompt" in text_of(result) and "JSON Schema" in text_of(result), text_of(result)

    result = await client.call_tool("asks", {"prompt": "What is 2+2?"})
    assert result.is_error, result
    assert "`ask`" in text_of(result), text_of(result)


async def check(server, mode, version):
    async with Client(server, mode=mode, read_timeout_seconds=60) as client:
        assert client.protocol_version == version, (mode, client.protocol_version)
        if mode in ("auto", "legacy"):
            assert client.server_info.name == "althing" and client.server_info.title == "Althing", client.server_info
            assert client.instructions
        first, second = await client.list_tools(), await client.list_tools(cache_mode="bypass")
        assert [tool.name for tool in first.tools] == [tool.name for tool in second.tools]
        check_listing(first.tools)
        await check_calls(client)
        several = (client.call_tool("ask", {"prompt": f"Name the number {n}."}) for n in range(8))
        assert not any(result.is_error for result in await asyncio.gather(*several))


async def main(url):
    for mode, version in MODES.items():
        await check(f"{url.rstrip('/')}/mcp", mode, version)
    print("ok mcp")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
