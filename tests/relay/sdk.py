"""A relay as kits for apps do it: the device holds one connection to its master, and for each session of a stranger it
makes a new one to the master and one to the target.

usage: sdk.py master JSON     [[port for devices, port for strangers (SOCKS 5, on 127.0.0.1), certificate, key], ...]
       sdk.py exit JSON       {"masters": [address, ...], "port", "tls", "early": the master is called before the
                              target}
"""

import asyncio
import contextlib
import itertools
import json
import ssl
import struct
import sys


async def pipe(reader, writer):
    with contextlib.suppress(OSError, ssl.SSLError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    with contextlib.suppress(Exception):
        writer.write_eof() if writer.can_write_eof() else writer.close()


async def join(one, other):
    await asyncio.gather(pipe(one[0], other[1]), pipe(other[0], one[1]), return_exceptions=True)
    for _, writer in (one, other):
        with contextlib.suppress(Exception):
            writer.close()


async def master(port, strangers, certificate, key):
    control, waiting, numbers = [], {}, itertools.count(1)

    async def device(reader, writer):
        with contextlib.suppress(OSError, ValueError, KeyError, ssl.SSLError):
            word, *rest = (await reader.readline()).decode().split()
            if word == "control":
                control[:] = [writer]
                while await reader.readline():
                    writer.write(b"pong\n")
            else:
                waiting.pop(int(rest[0])).set_result((reader, writer))

    async def stranger(reader, writer):
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.TimeoutError, IndexError, ssl.SSLError):
            await reader.readexactly((await reader.readexactly(2))[1])
            writer.write(b"\5\0")
            kind = (await reader.readexactly(4))[3]
            if kind == 1:
                host = ".".join(str(byte) for byte in await reader.readexactly(4))
            else:
                host = (await reader.readexactly((await reader.readexactly(1))[0])).decode()
            to = struct.unpack(">H", await reader.readexactly(2))[0]
            number = next(numbers)
            waiting[number] = asyncio.get_running_loop().create_future()
            control[0].write(f"open {number} {host} {to}\n".encode())
            far = await asyncio.wait_for(waiting[number], 15)
            await asyncio.wait_for(far[0].readline(), 15)
            writer.write(b"\5\0\0\1" + bytes(6))
            return await join((reader, writer), far)
        writer.close()

    context = None
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
    await asyncio.start_server(device, "0.0.0.0", port, ssl=context)
    await asyncio.start_server(stranger, "127.0.0.1", strangers)


async def exit_(plan):
    context = None
    if plan["tls"]:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    gates = itertools.cycle(plan["masters"])

    async def session(number, host, port):
        async def gate():
            reader, writer = await asyncio.open_connection(next(gates), plan["port"], ssl=context)
            writer.write(f"session {number}\n".encode())
            return reader, writer

        with contextlib.suppress(OSError):
            if plan["early"]:
                far, target = await asyncio.gather(gate(), asyncio.open_connection(host, port))
            else:
                target = await asyncio.open_connection(host, port)
                far = await gate()
            far[1].write(b"ok\n")
            await join(far, target)

    while True:
        with contextlib.suppress(OSError, ssl.SSLError):
            reader, writer = await asyncio.open_connection(plan["masters"][0], plan["port"], ssl=context)
            writer.write(b"control\n")
            while True:
                try:
                    line = await asyncio.wait_for(reader.readline(), 25)
                except TimeoutError:
                    writer.write(b"ping\n")
                    continue
                if not line:
                    break
                if line.startswith(b"open"):
                    _, number, host, port = line.decode().split()
                    asyncio.create_task(session(number, host, int(port)))
        await asyncio.sleep(2)


async def masters(plan):
    for one in plan:
        await master(*one)
    await asyncio.Event().wait()


role, plan = sys.argv[1], json.loads(sys.argv[2])
asyncio.run(masters(plan) if role == "master" else exit_(plan))
