"""The way into a cluster from outside its network: forwards connections from ports of this machine.

Run as a program of its own inside the network namespace. The listening sockets were opened outside
of it and come in as open descriptors (a socket belongs to the network that it was made in), while
the connections that this program opens go to addresses inside.

    forward.py DESCRIPTOR=HOST:PORT ...
"""

import asyncio
import socket
import sys

_CHUNK = 1 << 16


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Copy one direction until its end, then pass the end on."""
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except (OSError, RuntimeError):
        writer.close()


async def _serve(listener: socket.socket, host: str, port: int) -> None:
    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            inner_reader, inner_writer = await asyncio.open_connection(host, port)
        except OSError:
            writer.close()
            return
        await asyncio.gather(_pump(reader, inner_writer), _pump(inner_reader, writer))
        for end in (writer, inner_writer):
            end.close()

    server = await asyncio.start_server(connected, sock=listener, backlog=512)
    await server.serve_forever()


async def _main(arguments: list[str]) -> None:
    routes = []
    for argument in arguments:
        descriptor, _, target = argument.partition("=")
        host, _, port = target.rpartition(":")
        routes.append(_serve(socket.socket(fileno=int(descriptor)), host, int(port)))
    await asyncio.gather(*routes)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
