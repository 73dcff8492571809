"""The servers of the lab's Internet, at all its addresses: web pages in the clear and over TLS, datagrams, and detours
that make the way to a master as long as it is in life (where the kernel has no netem).

usage: hosts.py JSON, with
    web: {port: TLS or not}   GET /1000 gives a thousand bytes; PUT and POST take what they get
    certificate, key          for TLS
    datagrams: [port]         `3 200 ...` is answered by three datagrams of 200 bytes; STUN's binding request too
    detours: [[port, port, ms]]   TCP that comes in at the first goes on to the second, each byte so much later
"""

import asyncio
import contextlib
import json
import socket
import ssl
import struct
import sys

from streams import close, later, server_tls

BLOCK = bytes(range(256)) * 256


async def web(reader, writer):
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, ssl.SSLError):
        while True:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin1")
            first, *rest = head.split("\r\n")
            method, path, version = first.split(" ")
            headers = dict(line.lower().split(": ", 1) for line in rest if ": " in line)
            if "expect" in headers:
                writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            if headers.get("transfer-encoding") == "chunked":
                while size := int((await reader.readline()).split(b";")[0], 16):
                    await swallow(reader, size + 2)
                await reader.readline()
            else:
                await swallow(reader, int(headers.get("content-length", 0)))
            size, _, form = path.strip("/").partition("?")  # what posts a form gets an answer of that size too
            size = int(size) if (method == "GET" or form) and size.isdigit() else 2
            last = version == "HTTP/1.0" or headers.get("connection") == "close"
            more = "Connection: close" if last else "Server: lab"
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n{more}\r\n\r\n".encode())
            while size > 0:
                writer.write(BLOCK[:size])
                size -= len(BLOCK)
                await writer.drain()
            if last:
                break
    with contextlib.suppress(Exception):
        writer.close()


async def swallow(reader, size):
    while size > 0:
        data = await reader.read(min(size, 65536))
        if not data:
            raise ValueError
        size -= len(data)


def datagrams(port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.bind(("", port))
    s.setblocking(False)

    def take():
        with contextlib.suppress(OSError, ValueError):
            while True:
                data, ancillary, _, peer = s.recvmsg(65535, 256)
                back = [(socket.IPPROTO_IP, 8, struct.pack("=I", 0) + ancillary[0][2][8:12] + bytes(4))]
                if data[4:8] == b"\x21\x12\xa4\x42":
                    s.sendmsg([b"\x01\x01\0\0" + data[4:20]], back, 0, peer)
                    continue
                count, size = (int(word) for word in data.split(b" ", 2)[:2])
                for _ in range(count):
                    s.sendmsg([BLOCK[:size]], back, 0, peer)

    asyncio.get_running_loop().add_reader(s, take)


def detour(port, delay):
    async def one_way(reader, writer):
        with contextlib.suppress(Exception):
            await later(reader, writer, delay)
            writer.close()

    async def way(reader, writer):
        try:
            there = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return writer.close()
        await asyncio.gather(one_way(reader, there[1]), one_way(there[0], writer), return_exceptions=True)
        close(writer, there[1])

    return way


async def main(plan):
    for port, tls in plan.get("web", {}).items():
        context = server_tls({**plan, "tls": tls})
        if context:
            context.set_alpn_protocols(["http/1.1"])
        await asyncio.start_server(web, None, int(port), ssl=context, backlog=512, limit=1 << 18)
    for port in plan.get("datagrams", []):
        datagrams(port)
    for port, to, ms in plan.get("detours", []):
        await asyncio.start_server(detour(to, ms / 2000), None, port, backlog=128)
    print("ready", flush=True)
    await asyncio.Event().wait()


asyncio.run(main(json.loads(sys.argv[1])))
