"""Flows that are neither TCP nor UDP are contacts, are blocked, and stop while they run; pings to see whether one is
online are no reason to block."""

import contextlib
import socket
import struct
import threading
import time

from lab import receives

GRE, ESP, EXPERIMENT = 47, 50, 253


def story(lab):
    bulb, tv = lab.devices
    lab.names(bulb=["45.10.1.1", "2a0f:9999::1"], tv=["45.10.1.2", "2a0f:9999::2"])
    for protocol in (GRE, ESP, EXPERIMENT):
        threading.Thread(target=answer, args=(raw(lab.inet_ns, protocol),), daemon=True).start()
    lab.start("option reject 0\nlist block_on direct-ip")
    for device, name in [(bulb, "bulb.example"), (tv, "tv.example")]:
        assert device.lookup(name) and device.lookup(name, 28)
    # What the bulb looked up, what is well-known, what is hardcoded.
    for address, explained in [("45.10.1.1", "lookup"), ("45.10.8.8", "none"), ("2a0f:9999::8", "none")]:
        pings = Pings(bulb, address)
        assert pings.are_answered()
        contact = lab.until(lambda address=address: lab.contact(bulb, address), f"pings of {address} are seen")
        assert (contact["explained"], contact["service"], contact["purpose"]) == (explained, "ping", "online-check")
        assert contact["protocol"] == ("icmpv6" if ":" in address else "icmp") and "port" not in contact
    for protocol, word, address in [
        (GRE, "gre", "45.10.9.1"),
        (ESP, "esp", "45.10.9.2"),
        (253, "ip-253", "45.10.9.3"),
    ]:
        assert Packets(bulb, protocol, address).are_answered()
        contact = lab.until(lambda address=address: lab.contact(bulb, address), f"{word} is seen")
        assert (contact["explained"], contact["protocol"]) == ("none", word), contact
    assert "it is a tunnel (gre)" in str(lab.contact(bulb, "45.10.9.1"))
    assert lab.contact(tv, "45.10.9.1") is None
    # Running ones stop in both directions, and go on.
    for talk in (Pings(bulb, "45.10.7.1"), Pings(bulb, "2a0f:9999::7"), Packets(bulb, GRE, "45.10.7.2")):
        assert talk.are_answered()
        lab.until(lambda talk=talk: lab.contact(bulb, talk.address), "it is judged")
        lab.leash("block", bulb.mac, talk.address)
        assert not talk.are_answered(), f"{talk.address} is stopped"
        lab.leash("unpin", bulb.mac, talk.address)
        lab.until(talk.are_answered, f"{talk.address} goes on")
    # What comes in without a question stops, too.
    tunnel = Packets(bulb, GRE, "45.10.7.3")
    tunnel.send(b"stream")
    assert receives(tunnel.s)
    lab.until(lambda: lab.contact(bulb, "45.10.7.3"), "it is judged")
    lab.leash("block", bulb.mac, "45.10.7.3")
    time.sleep(0.1)
    tunnel.drain()
    assert receives(tunnel.s) is None, "the tunnel still brings packets"
    lab.leash("unpin", bulb.mac, "45.10.7.3")
    # In guard what is hardcoded is blocked, but not for pings.
    lab.leash("mode", bulb.mac, "guard")
    blocked = {(101, f"45.10.9.{n}") for n in (1, 2, 3)}
    lab.until(lambda: blocked <= set(lab.blocks()), "all three are blocked")
    pinged = {"45.10.8.8", "2a0f:9999::8", "45.10.7.1", "2a0f:9999::7"}
    assert not pinged & {address for _, address in lab.blocks()}, lab.blocks()
    assert not Packets(bulb, GRE, "45.10.9.1").are_answered()
    assert not Pings(bulb, "45.10.9.1").are_answered() and Pings(tv, "45.10.9.1").are_answered()
    assert Pings(bulb, "45.10.8.8").are_answered()


def raw(ns, protocol, family=socket.AF_INET):
    with ns:
        return socket.socket(family, socket.SOCK_RAW, protocol)


class Packets:
    """Packets of a protocol to an address; what comes back is theirs."""

    def __init__(self, device, protocol, address):
        self.address = address
        self.s = raw(device.ns, protocol, socket.AF_INET6 if ":" in address else socket.AF_INET)
        self.s.settimeout(0.4)
        self.s.connect((address, 0))

    def send(self, data):
        self.s.send(struct.pack("!HH", 0, 0x0800) + data)

    def drain(self):
        self.s.setblocking(False)
        while receives(self.s):
            pass
        self.s.settimeout(0.4)

    def are_answered(self):
        self.drain()
        with contextlib.suppress(OSError):
            self.send(b"are you there")
        return receives(self.s) is not None


class Pings(Packets):
    """Echo requests; the kernel on the other side answers."""

    number = 0

    def __init__(self, device, address):
        super().__init__(device, 58 if ":" in address else 1, address)
        Pings.number += 1
        self.id, self.sequence = Pings.number, 0

    def send(self, data):
        self.sequence += 1
        message = struct.pack("!BBHHH", 128 if ":" in self.address else 8, 0, 0, self.id, self.sequence) + data
        data = message + bytes(len(message) % 2)
        total = sum(struct.unpack(f"!{len(data) // 2}H", data))
        total = (total & 0xFFFF) + (total >> 16)
        self.s.send(message[:2] + struct.pack("!H", (total ^ 0xFFFF) & 0xFFFF) + message[4:])


def answer(s):
    """Sends each packet back where it came from; after `stream` many more."""
    s.setsockopt(socket.IPPROTO_IP, socket.IP_HDRINCL, 1)
    while packet := s.recv(65535):
        back = packet[:12] + packet[16:20] + packet[12:16] + packet[20:]
        many = 1000 if packet.endswith(b"stream") else 1
        threading.Thread(target=send, args=(s, back, socket.inet_ntoa(packet[12:16]), many), daemon=True).start()


def send(s, packet, address, times):
    with contextlib.suppress(OSError):
        for _ in range(times):
            s.sendto(packet, (address, 0))
            time.sleep(0.01)
