"""Replays calls of tools with the official MCP client and prints what came of each as one JSON array.

    python decisions_client.py MODE CALLS.json http://127.0.0.1:8700/mcp/s/decisions
    python decisions_client.py MODE CALLS.json PATH/TO/althing mcp stdio --toolset decisions

MODE is `legacy` (2025-11-25), `auto` or `2026-07-28`. CALLS.json is a list of `{"name", "tool", "arguments"}`, in which
`$session` stands for the session that was begun last. Needs the package `mcp` 2.3.0.
"""

import asyncio
import json
import sys

from mcp import Client
from mcp.client.stdio import StdioServerParameters


def filled(value, session):
    if isinstance(value, dict):
        return {name: filled(inner, session) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, session) for inner in value]
    return session if value == "$session" else value


async def replay(client, calls):
    told, session = [], None
    for call in calls:
        steps = []

        async def progress(done, total, message, steps=steps):
            steps.append([done, total])

        arguments = filled(call.get("arguments", {}), session)
        # The client checks structured content against the output schema by itself and raises if it does not fit.
        result = await client.call_tool(call["tool"], arguments, progress_callback=progress)
        structured = result.structured_content
        if structured and call["tool"] == "start_decision_analysis":
            session = structured["session_id"]
        texts = [block.text for block in result.content]
        told.append(
            {"name": call["name"], "error": bool(result.is_error), "structured": structured, "texts": texts, "steps": steps}
        )
    return told


async def main(mode, calls, server, *arguments):
    with open(calls, encoding="utf-8") as file:
        calls = json.load(file)
    place = StdioServerParameters(command=server, args=list(arguments)) if arguments else server
    async with Client(place, mode=mode, read_timeout_seconds=60) as client:
        listed = await client.list_tools()
        tools = [tool.model_dump(by_alias=True, exclude_none=True) for tool in listed.tools]
        print(json.dumps({"tools": tools, "calls": await replay(client, calls)}))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
