"""A provider that answers at once with twenty words, whole or as a stream; the file `address` says where it listens."""

import asyncio
import json
import os

WORDS = [f"{word} " for word in "one two three four five six seven eight nine ten".split() * 2]
USAGE = {"prompt_tokens": 25, "completion_tokens": 20, "total_tokens": 45}


def told(kind, choice, **more):
    return json.dumps({"id": "chatcmpl-1", "object": kind, "created": 1700000000, "model": "m", "choices": [choice], **more})


def event(text):
    data = f"data: {text}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(data), data)


def part(delta, reason=None):
    return event(told("chat.completion.chunk", {"index": 0, "delta": delta, "finish_reason": reason}))


MESSAGE = {"role": "assistant", "content": "".join(WORDS)}
WHOLE = told("chat.completion", {"index": 0, "message": MESSAGE, "finish_reason": "stop"}, usage=USAGE).encode()
WHOLE = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(WHOLE), WHOLE)
STREAM = [part({"role": "assistant", "content": ""}), *(part({"content": word}) for word in WORDS)]
STREAM += [part({}, "stop"), event("[DONE]"), b"0\r\n\r\n"]
BEGUN = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"


async def body_of(reader, head):
    fields = dict(line.split(b":", 1) for line in head.lower().split(b"\r\n")[1:] if b":" in line)
    if b"content-length" in fields:
        return await reader.readexactly(int(fields[b"content-length"]))
    body = b""
    while b"transfer-encoding" in fields:
        size = int(await reader.readline(), 16)
        body += (await reader.readexactly(size + 2))[:-2]
        if size == 0:
            break
    return body


async def serve(reader, writer):
    try:
        while True:
            body = await body_of(reader, await reader.readuntil(b"\r\n\r\n"))
            if b'"stream":true' in body.replace(b" ", b""):
                writer.write(BEGUN)
                # Each as it comes, as a model would say it.
                for piece in STREAM:
                    writer.write(piece)
                    await writer.drain()
            else:
                writer.write(WHOLE)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=1024)
    with open("address.part", "w") as file:
        file.write("{}:{}".format(*server.sockets[0].getsockname()))
    os.rename("address.part", "address")
    async with server:
        await server.serve_forever()


asyncio.run(main())
