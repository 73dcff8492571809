"""A small NAT64 in a namespace: translates by RFC 7915 between IPv6 addresses behind prefixes of 96 bits and IPv4.

Each IPv6 client has an IPv4 address of its own, so that ports stay what they are. It knows TCP, UDP and echoes of ICMP.
"""

import contextlib
import fcntl
import os
import pathlib
import socket
import struct
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "tools"))
from checksum import checksum

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 1, 0x1000
TCP, UDP, ICMP, ICMP6 = 6, 17, 1, 58
POOL = "45.30.0"  # where clients seem to come from


class Nat64:
    """Translates until the process ends; `with` it to be sure that it does."""

    def __init__(self, ns, prefixes):
        self.prefixes = {socket.inet_pton(socket.AF_INET6, prefix)[:12] for prefix in prefixes}
        self.clients, self.closing = {}, False
        with ns:
            self.tun = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
            fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH14x", b"nat64", IFF_TUN | IFF_NO_PI))
        routes = "\n".join(f"ip -6 route add {prefix}/96 dev nat64" for prefix in prefixes)
        ns.run(f"""ip link set nat64 up
            {routes}
            ip route add {POOL}.0/24 dev nat64
            sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv4.ip_forward=1""")
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        with contextlib.suppress(OSError):
            while packet := os.read(self.tun, 65535):
                translated = self.to_v4(packet) if packet[0] >> 4 == 6 else self.to_v6(packet)
                if translated:
                    os.write(self.tun, translated)

    def to_v4(self, packet):
        source, destination, protocol, hops, body = packet[8:24], packet[24:40], packet[6], packet[7], packet[40:]
        if destination[:12] not in self.prefixes or hops < 2:
            return None
        # The prefix is told by the client's address, so that answers find the way back.
        number = self.clients.setdefault((source, destination[:12]), len(self.clients) + 1)
        ends = socket.inet_aton(f"{POOL}.{number}") + destination[12:]
        body = transport(body, protocol, ICMP if protocol == ICMP6 else protocol, ends, {128: 8, 129: 0})
        protocol = ICMP if protocol == ICMP6 else protocol
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(body), 0, 0x4000, hops - 1, protocol, 0) + ends
        return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body

    def to_v6(self, packet):
        number, protocol, hops, body = packet[19], packet[9], packet[8], packet[(packet[0] & 15) * 4 :]
        client = next((ends for ends, known in self.clients.items() if known == number), None)
        if not client or hops < 2:
            return None
        ends = client[1] + packet[12:16] + client[0]
        body = transport(body, protocol, ICMP6 if protocol == ICMP else protocol, ends, {8: 128, 0: 129})
        protocol = ICMP6 if protocol == ICMP else protocol
        return struct.pack("!IHBB", 6 << 28, len(body), protocol, hops - 1) + ends + body


def transport(body, old, new, ends, kinds):
    """What is inside, with the checksum that goes with these addresses."""
    at = {TCP: 16, UDP: 6, ICMP: 2, ICMP6: 2}.get(new)
    if at is None:
        return body
    if old != new:
        body = bytes([kinds.get(body[0], body[0])]) + body[1:]
    pseudo = b"" if new == ICMP else ends + struct.pack("!II", len(body), new)
    body = body[:at] + b"\0\0" + body[at + 2 :]
    return body[:at] + struct.pack("!H", checksum(pseudo + body) or 0xFFFF) + body[at + 2 :]
