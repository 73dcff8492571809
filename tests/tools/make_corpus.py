#!/usr/bin/env python3
"""Makes the fuzzers' stored corpus, tests/fuzz/corpus, from the captures of tests/replay.

usage: make_corpus.py [FOLDER]   (default: tests/fuzz/corpus beside this script's folder)
"""

import hashlib
import pathlib
import struct
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent
LINKS = {0: 0, 1: 1, 101: 6, 108: 7, 113: 8, 239: 11, 276: 12}  # link type -> its place in fuzz_targets/packet.rs
KEEP = {
    "pcap": 20_000,
    "packet": 400,
    "dns": 700,
    "tls": 2_500,
    "opening": 6_000,
    "reference": 2_000,
    "discovery": 2_000,
}  # the largest seed of each, in bytes


def frames(path):
    data = path.read_bytes()
    order = {
        b"\xd4\xc3\xb2\xa1": "<",
        b"\x4d\x3c\xb2\xa1": "<",
        b"\xa1\xb2\xc3\xd4": ">",
        b"\xa1\xb2\x3c\x4d": ">",
    }.get(data[:4])
    at = 24
    while order and at + 16 <= len(data):
        length = struct.unpack(order + "I", data[at + 8 : at + 12])[0]
        yield struct.unpack(order + "I", data[20:24])[0] & 0xFFFF, data[at + 16 : at + 16 + length]
        at += 16 + length


def payload(frame):
    """Protocol, ports and payload of a plain Ethernet, IPv4 frame."""
    if frame[12:14] != b"\x08\x00" or len(frame) < 34:
        return None
    ip = frame[14 : 14 + struct.unpack(">H", frame[16:18])[0]]
    body, protocol = ip[(ip[0] & 15) * 4 :], ip[9]
    if protocol not in (6, 17) or len(body) < 20 and protocol == 6 or len(body) < 8:
        return None
    ports = struct.unpack(">HH", body[:4])
    return protocol, ports, ip[12:16], ip[16:20], body[(body[12] >> 4) * 4 :] if protocol == 6 else body[8:]


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else TESTS / "fuzz/corpus"
    seeds = {name: set() for name in KEEP}
    for capture in sorted(TESTS.glob("replay/*/*.pcap*")):
        seeds["pcap"].add(capture.read_bytes())
        flows, shapes = {}, set()
        for link, frame in frames(capture):
            if link in LINKS and (len(frame) // 64, frame[12:14]) not in shapes:
                shapes.add((len(frame) // 64, frame[12:14]))
                seeds["packet"].add(bytes([LINKS[link]]) + frame)
            found = payload(frame) if link == 1 else None
            if not found or not found[4]:
                continue
            protocol, ports, source, destination, data = found
            if 53 in ports or 67 in ports:
                seeds["dns"].add(data)
            elif ports[1] in (1900, 5353):
                seeds["discovery"].add(data)
            elif data[:1] == b"\x16":
                seeds["tls"].add(data)
            reply = (protocol, ports[::-1], destination, source) in flows
            key = (protocol, ports[::-1], destination, source) if reply else (protocol, ports, source, destination)
            flow = flows.setdefault(key, bytearray([int(protocol == 6)]) + struct.pack(">H", ports[1]))
            flow += struct.pack(">BHH", 0 if reply else 1, 0, len(data)) + data
        seeds["opening"].update(bytes(flow) for flow in flows.values())
    for case in ("networks", "lists/*.list"):
        seeds["reference"].update(path.read_bytes() for path in TESTS.glob(f"replay/*/{case}"))
    for name, all_ in seeds.items():
        (out / name).mkdir(parents=True, exist_ok=True)
        small = sorted(seed for seed in all_ if len(seed) <= KEEP[name])
        for seed in small[:: max(1, len(small) // 40)]:
            (out / name / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)


main()
