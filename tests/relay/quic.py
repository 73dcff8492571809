"""QUIC, by aioquic: servers at some addresses, and customers who come over SOCKS (UDP ASSOCIATE).

usage: quic.py JSON   customers: [{socks, rate (MB a minute), hosts, seed}], seconds
"""

import asyncio
import contextlib
import json
import random
import socket
import ssl
import struct
import sys
import time

from aioquic.asyncio import serve
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import StreamDataReceived


class Server(QuicConnectionProtocol):
    def quic_event_received(self, event):
        if isinstance(event, StreamDataReceived) and event.end_stream:
            size = int(event.data.split()[1]) if event.data.startswith(b"GET") else 2
            self._quic.send_stream_data(event.stream_id, bytes(size), end_stream=True)
            self.transmit()


async def servers(addresses, certificate, key):
    configuration = QuicConfiguration(is_client=False, alpn_protocols=["h3"])
    configuration.load_cert_chain(certificate, key)
    for address in addresses:
        await serve(address, 443, configuration=configuration, create_protocol=Server)


class Customer(QuicConnectionProtocol):
    """One connection; `ended` is set when the answer is complete."""

    def __init__(self, *arguments, **more):
        super().__init__(*arguments, **more)
        self.ended = asyncio.Event()

    def quic_event_received(self, event):
        if isinstance(event, StreamDataReceived) and event.end_stream:
            self.ended.set()


class Over(asyncio.DatagramProtocol):
    """The datagrams of a connection, with SOCKS's header."""

    def __init__(self, host):
        self.head = b"\0\0\0\3" + bytes([len(host)]) + host.encode() + struct.pack(">H", 443)

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, _):
        at = 5 + data[4] + 2 if data[3] == 3 else 10
        self.inner.datagram_received(data[at:], ("45.0.0.1", 443))

    def sendto(self, data, _):
        self.transport.sendto(self.head + data)

    def close(self):
        self.transport.close()


async def session(customer, host, size, dice):
    reader, writer = await asyncio.open_connection("127.0.0.1", customer["socks"])
    writer.write(b"\5\1\0\5\3\0\1\0\0\0\0\0\0")
    port = struct.unpack(">H", (await reader.readexactly(12))[10:])[0]
    loop = asyncio.get_running_loop()
    _, over = await loop.create_datagram_endpoint(
        lambda: Over(host), remote_addr=("127.0.0.1", port), family=socket.AF_INET
    )
    configuration = QuicConfiguration(
        is_client=True, alpn_protocols=["h3"], server_name=host, verify_mode=ssl.CERT_NONE
    )
    over.inner = Customer(QuicConnection(configuration=configuration))
    over.inner.connection_made(over)
    over.inner.connect(("45.0.0.1", 443))
    with contextlib.suppress(TimeoutError, ConnectionError):
        await asyncio.wait_for(over.inner.wait_connected(), 10)
        stream = over.inner._quic.get_next_available_stream_id()
        up = dice.random() < 0.15
        over.inner._quic.send_stream_data(stream, b"PUT " + bytes(size) if up else b"GET %d" % size, end_stream=True)
        over.inner.transmit()
        await asyncio.wait_for(over.inner.ended.wait(), 40)
    over.inner.close()
    over.close()
    writer.close()


async def use(customer, end):
    dice = random.Random(customer["seed"])
    await asyncio.sleep(dice.uniform(8, 20))
    while time.monotonic() < end:
        total = 0
        for _ in range(dice.choice([1, 2, 4])):
            size = int(dice.lognormvariate(10.5, 1)) + 500
            total += size + 6000
            asyncio.create_task(session(customer, dice.choice(customer["hosts"]), size, dice))
            await asyncio.sleep(dice.uniform(0, 0.5))
        await asyncio.sleep(total / (customer["rate"] * 1e6 / 60) * dice.uniform(0.4, 1.6))


async def main(plan):
    end = time.monotonic() + plan["seconds"]
    await asyncio.gather(*(use(customer, end) for customer in plan["customers"]))


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
