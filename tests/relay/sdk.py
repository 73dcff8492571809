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
import sys

from streams import TROUBLE, ask, client_tls, done, join, server_tls


async def master(port, strangers, certificate, key):
    control, waiting, numbers = [], {}, itertools.count(1)

    async def device(reader, writer):
        with contextlib.suppress(*TROUBLE):
            word, *rest = (await reader.readline()).decode().split()
            if word == "control":
                control[:] = [writer]
                while await reader.readline():
                    writer.write(b"pong\n")
            else:
                waiting.pop(int(rest[0])).set_result((reader, writer))

    async def stranger(reader, writer):
        with contextlib.suppress(*TROUBLE):
            _, host, to = await ask(reader, writer)
            number = next(numbers)
            waiting[number] = asyncio.get_running_loop().create_future()
            control[0].write(f"open {number} {host} {to}\n".encode())
            far = await asyncio.wait_for(waiting[number], 15)
            await asyncio.wait_for(far[0].readline(), 15)
            done(writer)
            return await join((reader, writer), far)
        writer.close()

    context = server_tls({"tls": certificate, "certificate": certificate, "key": key})
    await asyncio.start_server(device, "0.0.0.0", port, ssl=context)
    await asyncio.start_server(stranger, "127.0.0.1", strangers)


async def exit_(plan):
    context = client_tls(plan)
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
        with contextlib.suppress(OSError):
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
