"""Sends chats over one kept connection, each after the last answer, as the file that is named says; prints a report in
the words of `althing load`."""

import json
import socket
import sys
import time


def ask(connection, request):
    """The head of the answer, in small letters, once all of it is there."""
    connection.sendall(request)
    got = b""
    while b"\r\n\r\n" not in got:
        got += received(connection)
    head, body = got.split(b"\r\n\r\n", 1)
    head = head.lower()
    if b"\r\ncontent-length:" in head:
        left = int(head.split(b"\r\ncontent-length:", 1)[1].split(b"\r\n", 1)[0]) - len(body)
        while left > 0:
            left -= len(received(connection))
    else:
        while not body.endswith(b"0\r\n\r\n"):
            body = body[-8:] + received(connection)
    return head


def received(connection):
    data = connection.recv(65536)
    if not data:
        raise EOFError("the server closed the connection")
    return data


def connected(plan):
    connection = socket.create_connection((plan["host"], plan["port"]), timeout=15)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def main():
    with open(sys.argv[1]) as file:
        plan = json.load(file)
    head = f"POST {plan['path']} HTTP/1.1\r\nhost: {plan['host']}:{plan['port']}\r\ncontent-type: application/json\r\n"
    if plan["key"]:
        head += f"authorization: Bearer {plan['key']}\r\n"
    took, good, kept, missed, began = [], 0, 0, 0, time.perf_counter()
    connection = connected(plan)
    for nth in range(plan["requests"]):
        body = plan["body"].replace("{n}", str(nth)).encode()
        request = f"{head}content-length: {len(body)}\r\n\r\n".encode() + body
        at = time.perf_counter()
        try:
            told = ask(connection, request)
            good += b" 200 " in told[:20]
            kept += b"x-althing-cache: hit-memory" in told
            missed += b"x-althing-cache: miss" in told
            closed = b"\r\nconnection: close" in told
        except (EOFError, OSError):
            closed = True
        took.append((time.perf_counter() - at) * 1e3)
        if closed:
            connection = connected(plan)
    wall = time.perf_counter() - began
    took.sort()
    at = lambda share: took[min(int(len(took) * share), len(took) - 1)]
    print(json.dumps({
        "success": {"of": len(took), "count": good}, "rate_per_s": len(took) / wall,
        "latency_ms": {"p50": at(0.5), "p99": at(0.99)}, "cache": {"memory": kept, "miss": missed},
    }))


main()
