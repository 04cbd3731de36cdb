#!/usr/bin/env python3
"""Answers every query for a range of samples with the same counter of one pod: 100 a second, 1 of them with code 5xx.

    canned_prometheus.py PORT

For measurements of what asks, where a real Prometheus would use the processor that is measured.
"""

import asyncio
import json
import re
import sys
from urllib.parse import parse_qs

PERIOD = 10  # seconds between two samples
RATE = 100  # a second


def answer(form: bytes) -> bytes:
    asked = {name: values[0] for name, values in parse_qs(form.decode()).items()}
    selector = re.fullmatch(r"(\w+)\{.*\}\[(\d+)ms\]", asked["query"])
    end = float(asked["time"])
    first = int((end - int(selector[2]) / 1000) // PERIOD + 1) * PERIOD
    rate = RATE // 100 if 'code=~"5' in asked["query"] else RATE
    values = [[at, str(rate * at)] for at in range(first, int(end) + 1, PERIOD)]
    series = [{"metric": {"__name__": selector[1], "pod": "canned"}, "values": values}]
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": series}}).encode()


async def read_body(reader: asyncio.StreamReader) -> bytes:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if length := re.search(rb"content-length:\s*(\d+)", head):
        return await reader.readexactly(int(length[1]))
    body = b""
    while size := int(await reader.readline(), 16):  # chunks
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return body


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            body = answer(await read_body(reader))
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            writer.write(head % len(body) + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


async def main() -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
