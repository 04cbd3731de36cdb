"""A model server with a weakness, for load tests that are meant to find it.

    python3 weak_server.py PORT WEAKNESS REPLICAS

It speaks as much of V2 as a load needs, in one process. REPLICAS requests are worked on at a time, each for
SERVICE seconds; the others wait for their turn. Then a request takes FURTHER seconds, at nobody's cost. Work is
waiting, not computing, and each request is told its end when it begins: so a weakness shows as it would on a machine
of its own, however late a busy one wakes this process.

    sound        nothing
    regression   150 ms slower
    knee         each replica takes 16 ms instead of 8: it carries 62 requests a second, not 125
    leak         keeps 30 kB of each request, and gets slower as they add up
    parser       a millisecond more for each 300 bytes beyond 10 kB
    lock         one request at a time, however many replicas there are
    relapse      after a sudden jump of its requests it stays slow for 12 s more than the jump lasts
"""

import asyncio
import sys
import time

SERVICE = 0.008
FURTHER = 0.040
WEAKNESSES = ("sound", "regression", "knee", "leak", "parser", "lock", "relapse")


class Model:
    def __init__(self, weakness: str, replicas: int) -> None:
        self.weakness = weakness
        self.service = 2 * SERVICE if weakness == "knee" else SERVICE
        self.free = [0.0] * (1 if weakness == "lock" else replicas)  # when each has done what it has taken
        self.served = 0
        self.kept: list[bytearray] = []
        self.begun: list[float] = []  # of the last six seconds
        self.first = 0.0  # when the first one began
        self.slow_until = 0.0
        self.usual = 0.0  # a second, before the jump

    async def infer(self, size: int) -> None:
        late = FURTHER
        if self.weakness == "regression":
            late += 0.150
        elif self.weakness == "parser":
            late += max(0, size - 10_000) / 300 * 0.001
        elif self.weakness == "leak":
            self.kept.append(bytearray(b"\x01" * 30_000))
            late += FURTHER * self.served / 4000
        elif self.weakness == "relapse":
            late += 0.150 if self.relapsed() else 0.0
        now = time.monotonic()
        first = self.free.index(min(self.free))
        self.free[first] = max(now, self.free[first]) + self.service
        await asyncio.sleep(self.free[first] + late - now)
        self.served += 1

    def relapsed(self) -> bool:
        """True since a second that had thrice as many requests as those before it, and for 12 s after the last one
        that had twice as many."""
        now = time.monotonic()
        self.begun = [begun for begun in self.begun if begun > now - 6] + [now]
        self.first = self.first or now
        last = sum(begun > now - 1 for begun in self.begun)
        before = (len(self.begun) - last) / 5
        if now >= self.slow_until:
            jumped = now > self.first + 6 and last > 3 * before
            if not jumped:
                return False
            self.usual = before
        if last > 2 * self.usual:
            self.slow_until = now + 12
        return True


async def serve(model: Model, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            length = 0
            for line in head.split(b"\r\n"):
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            await reader.readexactly(length)
            if head.startswith(b"POST"):
                await model.infer(length)
            body = b'{"outputs": [{"name": "digit", "shape": [1], "datatype": "INT64", "data": [7]}]}'
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            await writer.drain()
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main(port: int, weakness: str, replicas: int) -> None:
    model = Model(weakness, replicas)
    server = await asyncio.start_server(lambda r, w: serve(model, r, w), "127.0.0.1", port, limit=1 << 20)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    if sys.argv[2] not in WEAKNESSES:
        sys.exit(f"there is no weakness {sys.argv[2]}: write one of {', '.join(WEAKNESSES)}")
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
