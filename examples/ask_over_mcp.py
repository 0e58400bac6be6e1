"""Call the tool `ask` with the official Python package `mcp`.

    pip install mcp
    python examples/ask_over_mcp.py [http://127.0.0.1:8700]
"""

import asyncio
import sys

from mcp import Client

base = sys.argv[1] if len(sys.argv) > 1 else "http://127.0.0.1:8700"


async def main() -> None:
    async with Client(f"{base}/mcp") as client:
        tools = await client.list_tools()
        print("tools:", ", ".join(tool.name for tool in tools.tools))
        result = await client.call_tool("ask", {"prompt": "What is the capital of France?"})
        print(result.structured_content["answer"])


asyncio.run(main())
