"""Drives `althing mcp stdio` with the official MCP client, in both eras of the protocol.

    python mcp_stdio.py PATH/TO/althing [ARGUMENT...]

The arguments default to `mcp stdio`. Needs the package `mcp` 2.3.0. Prints `ok mcp stdio`, or raises with what the
server did otherwise.
"""

import asyncio
import subprocess
import sys

from mcp.client.stdio import StdioServerParameters

from mcp_client import MODES, check


def check_clean_end(command):
    """A client that says nothing and closes: the server ends by itself, and standard output stays empty."""
    ended = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60)
    assert ended.returncode == 0 and ended.stdout == b"", ended


async def main(binary, *arguments):
    arguments = list(arguments) or ["mcp", "stdio"]
    check_clean_end([binary, *arguments])
    for mode, version in MODES.items():
        await check(StdioServerParameters(command=binary, args=arguments), mode, version)
    print("ok mcp stdio")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
