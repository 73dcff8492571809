"""What the programs of both houses do with streams: TLS, handing on, delays, and the words of SOCKS."""

import asyncio
import contextlib
import socket
import ssl
import struct

TROUBLE = (
    OSError,
    RuntimeError,
    asyncio.IncompleteReadError,
    TimeoutError,
    ValueError,
    IndexError,
    KeyError,
    struct.error,
)


def client_tls(plan):
    if not plan.get("tls"):
        return None
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def server_tls(plan):
    if not plan.get("tls"):
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(plan["certificate"], plan["key"])
    return context


def close(*writers):
    for writer in writers:
        with contextlib.suppress(Exception):
            writer.close()


async def pour(reader, writer):
    with contextlib.suppress(*TROUBLE):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(Exception):
        writer.write_eof() if writer.can_write_eof() else writer.close()


async def join(one, other):
    await asyncio.gather(pour(one[0], other[1]), pour(other[0], one[1]), return_exceptions=True)
    close(one[1], other[1])


async def later(reader, writer, delay):
    """Hands on what it reads, each piece so much later; returns when all of it is handed on."""
    queue, loop = asyncio.Queue(1024), asyncio.get_running_loop()

    async def out():
        while item := await queue.get():
            await asyncio.sleep(max(0, item[0] - loop.time()))
            writer.write(item[1])
            await writer.drain()

    task = loop.create_task(out())
    with contextlib.suppress(*TROUBLE):
        while data := await reader.read(65536):
            await queue.put((loop.time() + delay, data))
    await queue.put(None)
    await task


async def ask(reader, writer):
    """What a customer asks for: (command, host, port)."""
    await reader.readexactly((await reader.readexactly(2))[1])
    writer.write(b"\5\0")
    _, command, _, kind = await reader.readexactly(4)
    size = 4 if kind == 1 else 16 if kind == 4 else (await reader.readexactly(1))[0]
    host = await reader.readexactly(size)
    host = host.decode() if kind == 3 else socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, host)
    return command, host, struct.unpack(">H", await reader.readexactly(2))[0]


def done(writer, port=0):
    writer.write(b"\5\0\0\1\x7f\0\0\1" + struct.pack(">H", port))
