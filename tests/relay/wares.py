"""Own programs of the second house: the master's side and the device's side of relay kits, home servers and their
visitors. They stand in for programs that no package registry has, and carry their shapes.

usage: wares.py internet FILE   the masters' side, and who visits home servers; FILE holds
           kits: [{mode, socks (port for customers on 127.0.0.1), port, tls, ...}]    see the classes and `gate`
           visitors: [{to, port, tls, sources, rate (MB a minute), size, up (share), udp}]
           quic: [address]      servers of QUIC;  certificate, key
       wares.py exit JSON       a device's side of a kit: {mode, masters, port, tls, ...}
       wares.py serve JSON      a server in the house: {port, tls, backends, shared (share that comes from a back end
                                or goes to it), fan (to how many), certificate, key}
"""

import asyncio
import contextlib
import itertools
import json
import os
import random
import socket
import struct
import sys
import time

from streams import TROUBLE, ask, client_tls, close, done, join, later, pour, server_tls

BLOCK = os.urandom(1 << 16)
OPEN, DATA, END, PING, PAD, PACKET = range(6)
HEAD = struct.Struct(">BBHII")  # as yamux has it
CELL = 514
dice = random.Random(5)


async def detour(reader, writer, delay):
    """Hands on what it reads, each piece so much later, and its end."""
    with contextlib.suppress(*TROUBLE):
        await later(reader, writer, delay)
        writer.write_eof() if writer.can_write_eof() else writer.close()


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self, take):
        self.take = take

    def datagram_received(self, data, peer):
        self.take(data, peer)


async def datagram_socket(take, local=None, family=0):
    loop = asyncio.get_running_loop()
    local = local or (("0.0.0.0", 0) if family != socket.AF_INET6 else ("::", 0))
    return (await loop.create_datagram_endpoint(lambda: Datagrams(take), local_addr=local))[0]


# Kits.


class Link:
    """A connection between master and device that carries many sessions in frames, or in cells of equal size; `pad` is
    the share of padding, `chaff` what is sent for nothing, in bytes a second."""

    def __init__(self, reader, writer, plan):
        self.reader, self.writer, self.plan = reader, writer, plan

    def send(self, kind, number, data=b""):
        if self.plan.get("cells"):
            room = CELL - HEAD.size
            for at in range(0, max(1, len(data)), room):
                piece = data[at : at + room]
                self.writer.write(HEAD.pack(0, kind, 0, number, len(piece)) + piece.ljust(room, b"\0"))
            return
        self.writer.write(HEAD.pack(0, kind, 0, number, len(data)) + data)
        if self.plan.get("pad") and kind == DATA:
            size = int(len(data) * dice.uniform(0, 2 * self.plan["pad"])) + dice.randrange(64)
            self.writer.write(HEAD.pack(0, PAD, 0, 0, size) + os.urandom(size))

    async def frames(self):
        while True:
            _, kind, _, number, size = HEAD.unpack(await self.reader.readexactly(HEAD.size))
            data = await self.reader.readexactly(CELL - HEAD.size if self.plan.get("cells") else size)
            yield kind, number, data[:size]

    async def alive(self, every):
        with contextlib.suppress(*TROUBLE):
            while True:
                chaff = self.plan.get("chaff")
                await asyncio.sleep(dice.uniform(0.2, 1.8) if chaff else every)
                self.send(PAD, 0, BLOCK[: int(dice.uniform(0, 2) * chaff)]) if chaff else self.send(PING, 0, bytes(4))
                await self.writer.drain()

    async def carry(self, reader, number, size=16384, back=None):
        """Sends what is read as frames; answers may take another link than questions."""
        to = back or self
        with contextlib.suppress(*TROUBLE):
            while data := await reader.read(size):
                to.send(DATA, number, data)
                await to.writer.drain()
        with contextlib.suppress(*TROUBLE):
            to.send(END, number)


class Mux:
    """The master's side of a kit with long-lived links."""

    def __init__(self, plan):
        self.plan, self.links, self.sessions, self.numbers = plan, [], {}, itertools.count(1)

    async def device(self, reader, writer):
        link = Link(reader, writer, self.plan)
        task = asyncio.create_task(link.alive(dice.uniform(10, 40)))
        with contextlib.suppress(*TROUBLE):
            if self.plan.get("ws"):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
            order = (await reader.readexactly(1))[0]
            self.links.append((order, link))
            async for kind, number, data in link.frames():
                session = self.sessions.get(number)
                with contextlib.suppress(*TROUBLE):  # of this customer only
                    if kind == DATA and session:
                        session.write(data)
                    elif kind == END and session:
                        session.write_eof()
                    elif kind == PACKET and session:
                        session(data)
        self.links[:] = [item for item in self.links if item[1] is not link]
        task.cancel()
        close(writer)

    async def stranger(self, reader, writer):
        number = next(self.numbers)
        with contextlib.suppress(*TROUBLE):
            command, host, port = await ask(reader, writer)
            links = [link for order, link in self.links if not self.plan.get("split") or order == 0]
            link = dice.choice(links)
            if command == 3:
                return await self.associate(link, number, reader, writer)
            self.sessions[number] = writer
            link.send(OPEN, number, f"{host} {port}".encode())
            done(writer)
            await link.carry(reader, number)
            await asyncio.sleep(60)
        self.sessions.pop(number, None)
        close(writer)

    async def associate(self, link, number, reader, writer):
        """Datagrams are handed on as they come, with the header that SOCKS gives them."""
        at = [None]

        def take(data, peer):
            at[0] = peer
            link.send(PACKET, number, data[3:])

        ours = await datagram_socket(take, ("127.0.0.1", 0))
        self.sessions[number] = lambda data: at[0] and ours.sendto(b"\0\0\0" + data, at[0])
        done(writer, ours.get_extra_info("sockname")[1])
        with contextlib.suppress(*TROUBLE):
            await reader.read(1)
        link.send(END, number)
        self.sessions.pop(number, None)
        ours.close()
        close(writer)


async def exit_mux(plan, order, master):
    """The device's side: a link to this master, kept for as long as it lives."""
    reader, writer = await asyncio.open_connection(master, plan["port"], ssl=client_tls(plan))
    if plan.get("ws"):
        writer.write(
            b"GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await reader.readuntil(b"\r\n\r\n")
    writer.write(bytes([order]))
    link, queues = Link(reader, writer, plan), {}
    plan["links"][order] = link
    task = asyncio.create_task(link.alive(plan.get("alive", 30)))

    async def session(number, host, port, queue):
        try:
            far = await asyncio.wait_for(asyncio.open_connection(host, port), 20)
        except TROUBLE:
            link.send(END, number)
            return
        back = plan["links"].get(1, link) if plan.get("split") else link
        carrying = asyncio.create_task(link.carry(far[0], number, plan.get("piece", 16384), back))
        with contextlib.suppress(*TROUBLE):
            while data := await queue.get():
                far[1].write(data)
                await far[1].drain()
            far[1].write_eof() if far[1].can_write_eof() else None
        await asyncio.wait([carrying], timeout=90)
        queues.pop(number, None)
        close(far[1])

    async def packets(number, queue):
        names, ours = {}, None

        def take(data, peer):
            host = names.get(peer[0], peer[0]).encode()
            link.send(PACKET, number, b"\3" + bytes([len(host)]) + host + struct.pack(">H", peer[1]) + data)

        ours = await datagram_socket(take, family=socket.AF_INET)
        while data := await queue.get():
            size = data[1] if data[0] == 3 else 4
            at = 2 + size if data[0] == 3 else 1 + size
            host = data[2:at].decode() if data[0] == 3 else socket.inet_ntoa(data[1:at])
            if host not in names.values():
                found = await asyncio.get_running_loop().getaddrinfo(host, 0, family=socket.AF_INET)
                names[found[0][4][0]] = host
            address = next(a for a, name in names.items() if name == host)
            ours.sendto(data[at + 2 :], (address, struct.unpack(">H", data[at : at + 2])[0]))
        await asyncio.sleep(2)
        ours.close()

    try:
        async for kind, number, data in link.frames():
            if kind == OPEN:
                host, port = data.decode().split()
                queues[number] = asyncio.Queue(64)
                asyncio.create_task(session(number, host, int(port), queues[number]))
            elif kind == PACKET:
                if number not in queues:
                    queues[number] = asyncio.Queue(256)
                    asyncio.create_task(packets(number, queues[number]))
                await queues[number].put(data)
            elif kind in (DATA, END) and number in queues:
                await queues[number].put(data if kind == DATA else b"")
    finally:
        task.cancel()
        close(writer)


class Pool:
    """The master's side of kits that use a connection for each session: waiting ones, made in advance (`ready`), or
    one that is asked for over the control connection. `raw`: the device hands it to a proxy program of its own."""

    def __init__(self, plan):
        self.plan, self.waiting, self.control, self.asked = plan, asyncio.Queue(), [], {}
        self.numbers = itertools.count(1)

    async def device(self, reader, writer):
        if self.plan.get("raw"):
            return await self.waiting.put((reader, writer))
        with contextlib.suppress(*TROUBLE):
            word, *rest = (await reader.readline()).decode().split()
            if word == "control":
                self.control[:] = [writer]
                while await reader.readline():
                    writer.write(b"+\n")
            elif word == "ready":
                return await self.waiting.put((reader, writer))
            else:
                return self.asked.pop(int(rest[0])).set_result((reader, writer))
        close(writer)

    async def take(self):
        while True:
            far = await asyncio.wait_for(self.waiting.get(), 15)
            if not far[0].at_eof() and not far[1].is_closing():
                return far

    async def stranger(self, reader, writer):
        with contextlib.suppress(*TROUBLE):
            if self.plan.get("raw"):
                return await join((reader, writer), await self.take())
            _, host, port = await ask(reader, writer)
            if self.plan["mode"] == "ready":
                far = await self.take()
                far[1].write(f"{host} {port}\n".encode())
            else:
                number = next(self.numbers)
                self.asked[number] = asyncio.get_running_loop().create_future()
                self.control[0].write(f"{number} {host} {port}\n".encode())
                far = await asyncio.wait_for(self.asked[number], 20)
            await asyncio.wait_for(far[0].readline(), 20)
            done(writer)
            return await join((reader, writer), far)
        close(writer)


async def exit_ready(plan, order, _):
    """One of the connections that wait for a session, each to any of the masters."""
    master = dice.choice(plan["masters"])
    reader, writer = await asyncio.open_connection(master, plan["port"], ssl=client_tls(plan))
    writer.write(b"ready\n")
    line = await reader.readline()
    if line:

        async def session():
            with contextlib.suppress(*TROUBLE):
                host, port = line.decode().split()
                far = await asyncio.wait_for(asyncio.open_connection(host, int(port)), 20)
                writer.write(b"+\n")
                await join((reader, writer), far)
            close(writer)

        asyncio.create_task(session())
    else:
        raise OSError


async def exit_asked(plan, order, command):
    """A control connection to the first address; sessions to any of the others (super proxies)."""
    reader, writer = await asyncio.open_connection(command, plan["port"], ssl=client_tls(plan))
    supers = plan["masters"][1:] or plan["masters"]

    async def session(number, host, port):
        with contextlib.suppress(*TROUBLE):
            far = await asyncio.wait_for(asyncio.open_connection(host, int(port)), 20)
            await asyncio.sleep(plan.get("wait", 0) * dice.uniform(0.3, 1.7))
            near = await asyncio.open_connection(dice.choice(supers), plan["port"], ssl=client_tls(plan))
            near[1].write(f"session {number}\n+\n".encode())
            await join(near, far)

    writer.write(b"control\n")
    while True:
        try:
            line = await asyncio.wait_for(reader.readline(), plan.get("alive", 20))
        except TimeoutError:
            writer.write(b"-\n")
            continue
        if not line:
            return
        if line != b"+\n":
            asyncio.create_task(session(*line.decode().split()))


async def exit_jobs(plan, order, command):
    """Asks over HTTP what to fetch (a long poll), fetches it, and some time later posts what it got to a collector."""

    async def http(host, head, body=b"", port=443):
        reader, writer = await asyncio.open_connection(host, port, ssl=client_tls(plan))
        writer.write(f"{head} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
        answer = await reader.read()
        close(writer)
        return answer.partition(b"\r\n\r\n")[2]

    async def job(host, size):
        with contextlib.suppress(*TROUBLE):
            got = await http(host, f"GET /{size}")
            await asyncio.sleep(dice.uniform(0.2, 2) * plan["wait"])
            await http(dice.choice(plan["collectors"]), "POST /2", got[: int(len(got) * plan["zip"])])

    while True:
        for line in (await http(command, f"GET /{order}", port=plan["port"])).decode().splitlines():
            host, size = line.split()
            asyncio.create_task(job(host, int(size)))
            await asyncio.sleep(dice.uniform(0, 0.5))


async def jobs(plan, reader, writer):
    """The command server of `exit_jobs`: it keeps the device waiting until there is something to do."""
    with contextlib.suppress(*TROUBLE):
        await reader.readuntil(b"\r\n\r\n")
        count = dice.choice([1, 2, 3, 5, 8])
        sizes = [int(dice.lognormvariate(10.2, 1)) + 500 for _ in range(count)]
        await asyncio.sleep(min(40, sum(sizes) / (plan["rate"] * 1e6 / 60) * dice.uniform(0.5, 1.5)))
        text = "".join(f"{dice.choice(plan['hosts'])} {size}\n" for size in sizes)
        writer.write(f"HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\n{text}".encode())
        await writer.drain()
    close(writer)


def gate(plan):
    """A way to a proxy in the house behind a forwarded port: from one or several addresses, with a delay."""
    sources = itertools.cycle(plan["sources"])

    async def stranger(reader, writer):
        far = None
        with contextlib.suppress(*TROUBLE):
            source = next(sources)
            far = await asyncio.open_connection(
                plan["to"], plan["port"], local_addr=(source, 0) if source else None, ssl=client_tls(plan)
            )
            delay = plan.get("ms", 0) / 2000
            await asyncio.gather(detour(reader, far[1], delay), detour(far[0], writer, delay), return_exceptions=True)
        close(writer, *(far[1:] if far else ()))

    return stranger


async def exit_(plan):
    kinds = {"mux": exit_mux, "ready": exit_ready, "asked": exit_asked, "jobs": exit_jobs}
    plan["links"] = {}

    async def keep(order, master):
        while True:
            with contextlib.suppress(*TROUBLE):
                await kinds[plan["mode"]](plan, order, master)
                if plan["mode"] == "ready":
                    continue
            await asyncio.sleep(dice.uniform(1, 4))

    masters = plan["masters"]
    masters = masters[:1] if plan["mode"] in ("asked", "jobs") else masters
    masters = masters[:1] * plan["ready"] if plan["mode"] == "ready" else masters
    await asyncio.gather(*(keep(order, master) for order, master in enumerate(masters)))


# Servers in the house, and their visitors.


async def serve(plan):
    async def back_end(host, head, reader=None, size=0):
        far = await asyncio.open_connection(host, 443, ssl=client_tls({"tls": True}))
        far[1].write(f"{head} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {size}\r\n\r\n".encode())
        return far

    async def visit(reader, writer):
        with contextlib.suppress(*TROUBLE):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").lower()
            method, path = head.split(" ")[:2]
            size = int(path.strip("/"))
            shared = dice.random() < plan.get("shared", 0)
            if method == "get":
                writer.write(f"HTTP/1.0 200 OK\r\nContent-Length: {size}\r\n\r\n".encode())
                if shared:
                    far = await back_end(dice.choice(plan["backends"]), f"GET /{size}")
                    await far[0].readuntil(b"\r\n\r\n")
                    await pour(far[0], writer)
                    close(far[1])
                while size > 0 and not shared:
                    writer.write(BLOCK[:size])
                    size -= len(BLOCK)
                    await writer.drain()
            else:
                body = await reader.readexactly(size)
                writer.write(b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok")
                if shared:
                    await asyncio.sleep(dice.uniform(0, 1) * plan.get("wait", 0.5))
                    for host in dice.sample(plan["backends"], dice.randint(1, plan.get("fan", 1))):
                        far = await back_end(host, "POST /2", size=size)
                        far[1].write(body)
                        await far[1].drain()
                        await far[0].read()
                        close(far[1])
        close(writer)

    await asyncio.start_server(visit, None, plan["port"], ssl=server_tls(plan), limit=1 << 20)
    if plan.get("datagrams"):
        loop = asyncio.get_running_loop()
        ours = None

        def take(data, peer):
            size, _, _ = data.partition(b" ")
            ours.sendto(BLOCK[: int(size)], peer)

        ours = (await loop.create_datagram_endpoint(lambda: Datagrams(take), local_addr=("0.0.0.0", plan["port"])))[0]
    await asyncio.Event().wait()


async def visitor(plan, end):
    """People of a home server: one after another, from several places."""
    rate, own = plan["rate"] * 1e6 / 60, random.Random(plan["port"] * 7 + len(plan["sources"]))
    await asyncio.sleep(own.uniform(4, 15))
    while time.monotonic() < end:
        size, source = int(plan["size"] * own.lognormvariate(-0.3, 0.8)) + 200, own.choice(plan["sources"])
        if plan.get("udp"):
            ours = await datagram_socket(lambda *_: None, (source, 0))
            for _ in range(own.randrange(1, 4)):
                ours.sendto(b"%d " % min(1200, size) + bytes(40), (plan["to"], plan["port"]))
                await asyncio.sleep(own.uniform(0.05, 1))
            ours.close()
        else:
            with contextlib.suppress(*TROUBLE):
                reader, writer = await asyncio.open_connection(
                    plan["to"], plan["port"], local_addr=(source, 0), ssl=client_tls(plan)
                )
                up = own.random() < plan.get("up", 0)
                writer.write(f"{'PUT' if up else 'GET'} /{size} HTTP/1.0\r\nHost: home\r\n\r\n".encode())
                if up:
                    for at in range(0, size, 65536):
                        writer.write(BLOCK[: min(65536, size - at)])
                        await writer.drain()
                while data := await asyncio.wait_for(reader.read(32768), 60):
                    if plan.get("pace"):
                        await asyncio.sleep(len(data) / (plan["pace"] * 1e6 / 60))
                close(writer)
        await asyncio.sleep(size / rate * own.uniform(0.3, 1.7))


async def internet(plan):
    end = time.monotonic() + plan["seconds"]
    for kit in plan["kits"]:
        kit = {**kit, "certificate": plan["certificate"], "key": plan["key"]}
        if kit["mode"] == "gate":
            await asyncio.start_server(gate(kit), "127.0.0.1", kit["socks"])
        elif kit["mode"] == "jobs":
            await asyncio.start_server(
                lambda r, w, kit=kit: jobs(kit, r, w), None, kit["listen"], ssl=server_tls(kit), backlog=256
            )
        else:
            one = Mux(kit) if kit["mode"] == "mux" else Pool(kit)
            await asyncio.start_server(one.device, None, kit["listen"], ssl=server_tls(kit), backlog=256)
            await asyncio.start_server(one.stranger, "127.0.0.1", kit["socks"])
    if plan["quic"]:
        import quic

        await quic.servers(plan["quic"], plan["certificate"], plan["key"])
    print("ready", flush=True)
    await asyncio.gather(*(visitor(one, end) for one in plan["visitors"]))
    await asyncio.Event().wait()


if __name__ == "__main__":
    role, what = sys.argv[1:]
    if role == "internet":
        asyncio.run(internet(json.loads(open(what).read())))
    else:
        asyncio.run({"exit": exit_, "serve": serve}[role](json.loads(what)))
