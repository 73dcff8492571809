#!/usr/bin/env python3
"""Makes the captures of this folder: `python3 tests/replay/synthesise.py`.

Every case is one short function below; its text becomes the README of the case. Nothing is random and no clock is
read, so that a second run gives the same bytes. It needs Python's standard library only.

Reading order: bytes of protocols, the house and its conversations, file formats, then the cases.
"""

import collections
import hashlib
import hmac
import inspect
import ipaddress
import pathlib
import re
import struct
import sys
from functools import partial

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "tools"))
import make_networks
from checksum import checksum

START = 1767225600  # 2026-01-01 00:00:00 UTC
YEAR = 365 * 86400
ICMP, IGMP, IPIP, TCP, UDP, SIX_IN_FOUR, GRE, ESP, ICMP6, SCTP = 1, 2, 4, 6, 17, 41, 47, 50, 58, 132
FRAGMENT = 44
FIN, SYN, PSH, ACK = 1, 2, 8, 16
A, NS, CNAME, AAAA, OPT, HTTPS = 1, 2, 5, 28, 41, 65
IPV4, ARP, IPV6 = 0x0800, 0x0806, 0x86DD
EVERYBODY = "ff:ff:ff:ff:ff:ff"
u8, u16, u32 = struct.Struct("!B").pack, struct.Struct("!H").pack, struct.Struct("!I").pack

# ---- Bytes of protocols ----------------------------------------------------------------------------------------------


def sized(data, size=u16):
    """Behind its length."""
    return size(len(data)) + data


def noise(length, label="leash"):
    """Bytes that look random and are the same in every run."""
    return hashlib.shake_128(label.encode()).digest(length)


def letters(length, label):
    """Letters that look random and are the same in every run."""
    return "".join(chr(ord("a") + byte % 26) for byte in noise(length, label))


def mac_bytes(mac):
    return bytes.fromhex(mac.replace(":", ""))


def ip_bytes(address):
    return ipaddress.ip_address(address).packed


def ip(source, destination, protocol, body, at=None):
    """An IP packet whose body has its checksum at offset `at` filled in, if there is one that covers addresses."""
    source, destination = ip_bytes(source), ip_bytes(destination)
    if at is not None:
        check = checksum(source + destination + struct.pack("!II", len(body), protocol) + body) or 0xFFFF
        body = body[:at] + u16(check) + body[at + 2 :]
    if len(source) == 16:
        return struct.pack("!IHBB", 6 << 28, len(body), protocol, 255) + source + destination + body
    head = struct.pack("!BBHHHBB", 0x45, 0, 20 + len(body), 0, 0x4000, 64, protocol)
    return head + u16(checksum(head + source + destination)) + source + destination + body


def fragments(packet, size, ident):
    """The packet in fragments of `size` bytes, a multiple of 8 (RFC 791, section 3.2; RFC 8200, section 4.5)."""
    six = packet[0] >> 4 == 6
    head, body = packet[: 40 if six else 20], packet[40 if six else 20 :]
    for start in range(0, len(body), size):
        part, more = body[start : start + size], start + size < len(body)
        if six:
            inner = u8(head[6]) + b"\0" + u16(start | more) + u32(ident) + part
            yield head[:4] + u16(len(inner)) + u8(FRAGMENT) + head[7:] + inner
        else:
            fresh = head[:2] + u16(20 + len(part)) + u16(ident) + u16(more << 13 | start // 8) + head[8:10]
            yield fresh + u16(checksum(fresh + head[12:])) + head[12:] + part


def translated(packet, address):
    """A TCP or UDP packet of IPv4 behind masquerading: from another address, with one hop less."""
    head = packet[:8] + u8(packet[8] - 1) + packet[9:10]
    ends = ip_bytes(address) + packet[16:20]
    return head + u16(checksum(head + ends)) + ends + packet[20:]


def dns(ident, name, kind, answers=(), others=(), status=0, response=True, edns=False):
    """A DNS message. Records are (owner, type, data) with the data as bytes, or as a name where the type has one; names
    are compressed as servers do it."""
    flags = 0x8180 | status if response else 0x0100
    message, seen = struct.pack("!6H", ident, flags, 1, len(answers), len(others), edns), {}

    def compressed(name, start):
        out = b""
        while name:
            if name in seen:
                return out + u16(0xC000 | seen[name])
            seen[name] = start + len(out)
            label, _, name = name.partition(".")
            out += sized(label.encode(), u8)
        return out + b"\0"

    message += compressed(name, 12) + struct.pack("!HH", kind, 1)
    for owner, record, data in [*answers, *others]:
        message += compressed(owner, len(message)) + struct.pack("!HHI", record, 1, 300)
        message += sized(compressed(data, len(message) + 2) if isinstance(data, str) else data)
    return message + (struct.pack("!BHHIH", 0, OPT, 1232, 0, 0) if edns else b"")


def https_record(*hints):
    """RFC 9460: priority 1, the owner itself, ALPN and the address hints."""
    parameters = u16(1) + sized(b"\2h3\2h2")
    for key, size in ((4, 4), (6, 16)):
        addresses = b"".join(packed for packed in map(ip_bytes, hints) if len(packed) == size)
        parameters += u16(key) + sized(addresses) if addresses else b""
    return u16(1) + b"\0" + parameters


def extension(kind, data):
    return u16(kind) + sized(data)


def client_hello(sni=None, ech=False, esni=False, large=False, name_last=False):
    """A TLS 1.3 ClientHello in its record; `large` with a key share for ML-KEM of 1,216 bytes."""
    shares = [(0x11EC, 1216)] if large else []
    shares = b"".join(u16(group) + sized(noise(size)) for group, size in [*shares, (0x1D, 32)])
    name = [extension(0, sized(b"\0" + sized(sni.encode())))] if sni else []
    rest = [
        extension(0x0A, sized(u16(0x11EC) + u16(0x1D))),
        extension(0x0D, sized(u16(0x0403) + u16(0x0804))),
        extension(0x10, sized(sized(b"h2", u8) + sized(b"http/1.1", u8))),
        extension(0x2B, sized(u16(0x0304), u8)),
        extension(0x33, sized(shares)),
    ]
    if ech:  # RFC 9849: outer, HKDF-SHA256 and AES-128-GCM, configuration 7
        rest.append(extension(0xFE0D, b"\0" + u16(1) + u16(1) + b"\7" + sized(noise(32)) + sized(noise(176))))
    if esni:  # draft-ietf-tls-esni-02
        key, digest, name_sealed = sized(noise(32)), sized(noise(32)), sized(noise(292))
        rest.append(extension(0xFFCE, u16(0x1301) + u16(0x1D) + key + digest + name_sealed))
    if large:
        rest.append(extension(0x15, bytes(300)))
    extensions = b"".join(rest + name if name_last else name + rest)
    suites = sized(u16(0x1301) + u16(0x1302) + u16(0xC02F))
    return handshake(1, noise(32, "random") + sized(noise(32, "session"), u8) + suites + b"\1\0" + sized(extensions))


def server_hello():
    extensions = extension(0x2B, u16(0x0304)) + extension(0x33, u16(0x1D) + sized(noise(32)))
    return handshake(2, noise(32, "server") + sized(noise(32, "session"), u8) + u16(0x1301) + b"\0" + sized(extensions))


def handshake(kind, body):
    body = u16(0x0303) + body
    return b"\x16\x03\x01" + sized(u8(kind) + u32(len(body))[1:] + body)


def sealed(length):
    """A TLS record of application data."""
    return b"\x17\x03\x03" + sized(noise(length))


def dtls_hello(sni, size):
    """A ClientHello of DTLS 1.2 in fragments of `size` bytes, each in its record (RFC 6347, section 4.2)."""
    extensions = extension(0, sized(b"\0" + sized(sni.encode()))) + extension(0x0A, sized(u16(0x1D)))
    body = u16(0xFEFD) + noise(32, "random") + b"\0" + sized(noise(20, "cookie"), u8) + sized(u16(0xC02B)) + b"\1\0"
    body += sized(extensions)
    length = lambda number: u32(number)[1:]
    for number, at in enumerate(range(0, len(body), size)):
        part = body[at : at + size]
        message = u8(1) + length(len(body)) + u16(1) + length(at) + length(len(part)) + part
        yield b"\x16\xfe\xfd\0\0" + u16(0) + u32(1 + number) + sized(message)


def carried(receiver, counter, size=96):
    """A packet that a tunnel of WireGuard carries: its type, the receiver's name of the session, the counter."""
    return b"\4\0\0\0" + noise(4, receiver) + struct.pack("<Q", counter) + noise(size, f"{receiver}{counter}")


def cs2(kind, body=b""):
    """A message of CS2's protocol of cameras."""
    return b"\xf1" + u8(kind) + sized(body)


def iotc(command, body, hidden=True):
    """A message of Kalay's protocol of cameras, whose first block is hidden as it is done."""
    head = struct.pack("<BBBBHHHHI", 4, 2, 0x1A, 2, len(body), 0, command, 0x21, 0x1EA5)
    turned = lambda block, bits: b"".join(
        struct.pack("<I", (word >> n | word << 32 - n) & 0xFFFFFFFF)
        for word, n in zip(struct.unpack("<4I", block), range(bits, bits + 16, 4))
    )
    keyed = bytes(a ^ b for a, b in zip(turned(head, 1), b"Charlie is the d"))
    order = (11, 9, 8, 15, 13, 10, 12, 14, 2, 1, 5, 0, 6, 4, 7, 3)
    return (turned(bytes(keyed[at] for at in order), 3) if hidden else head) + body


def stun(kind, seen_from=None):
    """RFC 8489: a binding request (1), or its answer (0x101) with the address that the server saw."""
    attribute = b""
    if seen_from:
        address, port = seen_from
        hidden = int.from_bytes(ip_bytes(address), "big") ^ 0x2112A442
        attribute = u16(0x20) + sized(b"\0\1" + u16(port ^ 0x2112) + u32(hidden))
    return struct.pack("!HHI", kind, len(attribute), 0x2112A442) + noise(12, "transaction") + attribute


def rtp(number, length=160):
    return struct.pack("!BBHII", 0x80, 96, number, 3000 * number, 0x1EA54) + noise(length)


def ntp(answer=False):
    stamp = u32(START + 2208988800) + bytes(4)
    first = b"\x24\2\6\xe8" if answer else b"\x23\0\6\xec"
    return first + bytes(8) + (b"\xcb\0\x71\x01" + stamp * 3 if answer else bytes(28)) + stamp


def quic_initial():
    """RFC 9000, section 17.2.2: the header of an Initial of version 1; behind it only filler, as if encrypted."""
    return b"\xc3" + u32(1) + sized(noise(8), u8) + sized(noise(8), u8) + b"\0" + u16(0x4000 | 1178) + noise(1178)


def long_header(kind, payload, version=1, token=b""):
    """RFC 9000, section 17.2: a packet with a long header and a packet number of four bytes in its payload. Kinds: 0
    Initial, 1 0-RTT, 2 Handshake."""
    ahead = b"" if kind else sized(token, u8)
    head = u8(0xC3 | kind << 4) + u32(version) + sized(noise(8), u8) + sized(noise(8), u8)
    return head + ahead + u16(0x4000 | len(payload)) + payload


def aes(key, block):
    """AES-128 of one block (FIPS 197), which Python's library does not have."""
    double = lambda byte: byte << 1 ^ (0x11B if byte & 0x80 else 0)
    box, p, q = [0x63] * 256, 1, 1
    while True:  # p goes through all bytes but 0, and q is its inverse
        p ^= double(p)
        for shift in (1, 2, 4):
            q ^= q << shift & 0xFF
        q ^= 0x09 if q & 0x80 else 0
        box[p] = (
            q
            ^ 0x63
            ^ (turned := [q << n & 0xFF | q >> 8 - n for n in (1, 2, 3, 4)])[0]
            ^ turned[1]
            ^ turned[2]
            ^ turned[3]
        )
        if p == 1:
            break
    words, constant = [list(key[at : at + 4]) for at in range(0, 16, 4)], 1
    for at in range(4, 44):
        word = words[-1]
        if at % 4 == 0:
            word = [box[byte] for byte in word[1:] + word[:1]]
            word[0] ^= constant
            constant = double(constant)
        words.append([a ^ b for a, b in zip(words[at - 4], word)])
    keys = [sum(words[at : at + 4], []) for at in range(0, 44, 4)]
    state = [a ^ b for a, b in zip(block, keys[0])]
    for number in range(1, 11):
        state = [box[state[(at + 4 * (at % 4)) % 16]] for at in range(16)]
        if number < 10:
            mixed = []
            for at in range(0, 16, 4):
                a = state[at : at + 4]
                mixed += [double(a[i]) ^ double(a[i - 3]) ^ a[i - 3] ^ a[i - 2] ^ a[i - 1] for i in range(4)]
            state = mixed
        state = [a ^ b for a, b in zip(state, keys[number])]
    return bytes(state)


def expand(secret, label, size):
    """At most a block of HKDF-Expand-Label (RFC 8446, section 7.1)."""
    return hmac.digest(secret, u16(size) + sized(b"tls13 " + label, u8) + b"\0\1", "sha256")[:size]


def initial(stream, offset=0, number=0, size=1200):
    """A client's Initial of version 1 (RFC 9001, section 5) with a part of a ClientHello; the tag is only filler."""
    salt = bytes.fromhex("38762cf7f55934b34d179ae6a4c80cadccbb7f0a")
    secret = expand(hmac.digest(salt, noise(8), "sha256"), b"client in", 32)
    key, iv, hide = (expand(secret, b"quic " + label, size) for label, size in ((b"key", 16), (b"iv", 12), (b"hp", 16)))
    frame = b"\6" + u16(0x4000 | offset) + u16(0x4000 | len(stream)) + stream
    head = long_header(0, b"")
    plain = frame.ljust(size - len(head) - 4 - 16, b"\0")
    nonce = iv[:8] + bytes(a ^ b for a, b in zip(iv[8:], u32(number)))
    blocks = range(0, len(plain), 16)
    keys = b"".join(aes(key, nonce + u32(2 + at // 16)) for at in blocks)
    body = bytes(a ^ b for a, b in zip(plain, keys)) + noise(16, "tag")
    mask = aes(hide, body[:16])
    packet = long_header(0, bytes(a ^ b for a, b in zip(u32(number), mask[1:])) + body)
    return u8(packet[0] ^ mask[0] & 0x0F) + packet[1:]


def http(host):
    return f"GET / HTTP/1.1\r\nHost: {host}\r\nUser-Agent: example\r\n\r\n".encode()


HTTP_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"


def socks5(address, port):
    return b"\5\1\0\1" + ip_bytes(address) + u16(port)


def socks4a(name, port):
    return b"\4\1" + u16(port) + b"\0\0\0\1" + b"user\0" + name.encode() + b"\0"


def dhcp(kind, mac, yours="0.0.0.0", options=()):
    """RFC 2131 and 2132. Kinds: 1 discover, 2 offer, 3 request, 5 acknowledge."""
    options = [(53, u8(kind)), *options]
    head = struct.pack("!BBBBI", 2 if kind in (2, 5) else 1, 1, 6, 0, 0x1EA5C0DE) + bytes(8)
    head += ip_bytes(yours) + bytes(8) + mac_bytes(mac) + bytes(10 + 192) + b"\x63\x82\x53\x63"
    return (head + b"".join(u8(code) + sized(data, u8) for code, data in options) + b"\xff").ljust(300, b"\0")


# ---- The house and its conversations ---------------------------------------------------------------------------------

# A packet on the LAN: when (microseconds since START), from and to which MAC, what.
Frame = collections.namedtuple("Frame", "at source destination kind payload")


class House:
    """A router and the devices behind it. `now` (seconds) is when the next packet passes; every packet moves it on."""

    mac, v4, v6, link_local, prefix = "02:00:00:00:08:01", "192.168.8.1", "fd00:8::1", "fe80::8:1", "2001:db8:8::"

    def __init__(self):
        self.now, self.frames = 1.0, []
        self.stations = {address: self.mac for address in (self.v4, self.v6, self.link_local)}
        self.config, self.files = "", {}
        # What makes the file, where a story needs another than a classic capture of the LAN.
        self.capture = lambda frames: {"capture.pcap": pcap(frames)}

    def warn(self, text, *settings):
        """A list, a file of networks in which 198.51.100.0/24 and 2001:db8:cafe::/48 are for hire, and settings."""
        rows = [(4, "198.51.100.0", "198.51.100.255", 64500, "AT"), (4, "203.0.113.0", "203.0.113.255", 64501, "")]
        rows.append((6, "2001:db8:cafe::", "2001:db8:cafe:ffff:ffff:ffff:ffff:ffff", 64500, "AT"))
        table = [
            (kind, *map(int, map(ipaddress.ip_address, (first, last))), asn, at, "")
            for kind, first, last, asn, at in rows
        ]
        found = make_networks.ranges(table, {64500})
        self.files = {"lists/mine.list": text, "networks": make_networks.encode(found)}
        lines = ["list lists 'CASE/lists'", "option networks 'CASE/networks'", *(("option " + s) for s in settings)]
        self.config = "config leash 'main'\n" + "".join(f"\t{line}\n" for line in lines)

    def device(self, number, v4=None, v6=()):
        """02:00:00:00:00:20 with 192.168.8.20 is number 20."""
        return Device(self, number, v4 or f"192.168.8.{number}", list(v6))

    def wait(self, seconds):
        self.now += seconds

    def until(self, seconds):
        self.now = seconds

    def put(self, source, destination, kind, payload):
        self.frames.append(Frame(round(self.now * 1e6), source, destination, kind, payload))
        self.now += 0.002

    def advertise(self, resolver=None, mac=None, link_local=None, prefix=None):
        """A router advertisement of the prefix (RFC 4861, section 4.2), perhaps with a resolver (RFC 8106)."""
        mac, source = mac or self.mac, link_local or self.link_local
        prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 86400, 14400, 0) + ip_bytes(prefix or self.prefix)
        rdnss = b"\x19\3\0\0" + u32(3600) + ip_bytes(resolver) if resolver else b""
        body = b"\x86\0\0\0\x40\0" + u16(1800) + bytes(8) + b"\1\1" + mac_bytes(mac) + prefix + rdnss
        self.put(mac, "33:33:00:00:00:01", IPV6, ip(source, "ff02::1", ICMP6, body, 2))

    def resend(self, change):
        """Replaces each frame by what `change` makes of it: one, or several."""
        changed = [change(frame) for frame in self.frames]
        self.frames = [one for made in changed for one in (made if isinstance(made, list) else [made])]

    def in_order(self):
        return sorted(self.frames, key=lambda frame: frame.at)


class Device:
    """A station, with the things that stations do."""

    def __init__(self, house, number, v4, v6):
        self.house, self.v4, self.v6 = house, v4, v6
        self.mac, self.port = f"02:00:00:00:00:{number:02}", 40000 + 100 * number
        house.stations.update({address: self.mac for address in [v4, *v6]})

    def talk(self, kind, address, port, source=None):
        """A TCP or UDP conversation that this device begins."""
        self.port += 1
        return kind(self, (source or (self.v4 if "." in address else self.v6[-1]), self.port), (address, port))

    def boot(self, hostname, vendor="udhcp 1.36"):
        """Gets its address by DHCP and says so by ARP."""
        house, about = self.house, [(12, hostname.encode()), (60, vendor.encode()), (55, b"\1\3\6\x0f")]
        mine, server = [(50, ip_bytes(self.v4))], [(54, ip_bytes(house.v4))]
        offer = [*server, (51, u32(43200)), (1, ip_bytes("255.255.255.0")), (3, server[0][1]), (6, server[0][1])]
        house.stations[self.v4] = self.mac
        for kind, options in ((1, about), (2, offer), (3, mine + server + about), (5, offer)):
            up = kind in (1, 3)
            body = dhcp(kind, self.mac, "0.0.0.0" if up else self.v4, options)
            body = (u16(68) + u16(67) if up else u16(67) + u16(68)) + u16(8 + len(body)) + u16(0) + body
            ends = ("0.0.0.0", "255.255.255.255") if up else (house.v4, self.v4)
            house.put(*((self.mac, EVERYBODY) if up else (house.mac, self.mac)), IPV4, ip(*ends, UDP, body, 6))
        self.arp()
        return self

    def arp(self):
        """Asks for the router and is answered."""
        house, head = self.house, struct.pack("!HHBB", 1, IPV4, 6, 4)
        mine, its = mac_bytes(self.mac) + ip_bytes(self.v4), mac_bytes(house.mac) + ip_bytes(house.v4)
        house.put(self.mac, EVERYBODY, ARP, head + u16(1) + mine + bytes(6) + ip_bytes(house.v4))
        house.put(house.mac, self.mac, ARP, head + u16(2) + its + mine)

    def tells_all(self, port, payload):
        """Multicast DNS (port 5353) or SSDP (port 1900), to the group."""
        group, mac = {5353: ("224.0.0.251", "01:00:5e:00:00:fb"), 1900: ("239.255.255.250", "01:00:5e:7f:ff:fa")}[port]
        body = u16(port) + u16(port) + u16(8 + len(payload)) + u16(0) + payload
        self.house.put(self.mac, mac, IPV4, ip(self.v4, group, UDP, body, 6))

    def offers(self, instance, service):
        """Announces a service (RFC 6763, section 4.1): the pointer to its instance."""
        labels = lambda name: b"".join(u8(len(part)) + part.encode() for part in name.split(".")) + b"\0"
        pointer = labels(f"{instance}.{service}.local")
        record = labels(f"{service}.local") + u16(12) + u16(1) + u32(4500) + u16(len(pointer)) + pointer
        self.tells_all(5353, b"\0\0\x84\0\0\0\0\1\0\0\0\0" + record)

    def notifies(self, kind, server):
        """Announces itself by SSDP (UPnP Device Architecture 2.0, section 1.2.2)."""
        lines = [
            "NOTIFY * HTTP/1.1",
            "HOST: 239.255.255.250:1900",
            f"NT: {kind}",
            "NTS: ssdp:alive",
            f"SERVER: {server}",
        ]
        self.tells_all(1900, "\r\n".join([*lines, "", ""]).encode())

    def announce(self):
        """Says by neighbour advertisements that its IPv6 addresses are its own (RFC 4861, section 4.4)."""
        for address in self.v6:
            body = b"\x88\0\0\0\x20\0\0\0" + ip_bytes(address) + b"\2\1" + mac_bytes(self.mac)
            self.house.put(self.mac, "33:33:00:00:00:01", IPV6, ip(address, "ff02::1", ICMP6, body, 2))

    def ask(self, name, kind=A, server=None, source=None, edns=False):
        """Asks now; gives the function that answers, whenever that is."""
        talk = self.talk(Datagrams, server or self.house.v4, 53, source)
        ident = self.port
        talk.sends(dns(ident, name, kind, response=False, edns=edns))

        def answer(*addresses, aliases=(), records=None, others=(), status=0):
            chain = [*zip([name, *aliases], [CNAME] * len(aliases), aliases)]
            owner = aliases[-1] if aliases else name
            data = records or [(owner, kind, ip_bytes(address)) for address in addresses]
            talk.gets(dns(ident, name, kind, chain + data, others, status, edns=edns))

        return answer

    def lookup(self, name, *addresses, **how):
        """Asks and is answered at once; the type is that of the addresses."""
        kind = AAAA if addresses and ":" in addresses[0] else A
        asking = {key: how.pop(key) for key in ("server", "source", "edns") if key in how}
        self.ask(name, kind, **asking)(*addresses, **how)

    def tls(self, address, sni=None, port=443, sent=150, received=300, source=None, split=None, order=None, **hello):
        """A TLS connection from its handshake to its end."""
        stream = self.talk(Stream, address, port, source).open()
        stream.say(0, client_hello(sni, **hello), split, order)
        stream.gets(server_hello()).sends(sealed(sent)).gets(sealed(received)).close()

    def ntp(self, address):
        self.talk(Datagrams, address, 123).sends(ntp()).gets(ntp(answer=True))


class Talk:
    """Two ends, of which the device is number 0."""

    def __init__(self, device, near, far):
        self.house, self.ends = device.house, (near, far)
        self.macs = (device.mac, self.house.stations.get(far[0], self.house.mac))

    def sends(self, data):
        return self.say(0, data)

    def gets(self, data):
        self.house.wait(0.018)
        return self.say(1, data)

    def put(self, side, protocol, body, at):
        (source, _), (destination, _) = self.ends[side], self.ends[1 - side]
        kind = IPV6 if ":" in source else IPV4
        self.house.put(self.macs[side], self.macs[1 - side], kind, ip(source, destination, protocol, body, at))

    def ports(self, side):
        return u16(self.ends[side][1]) + u16(self.ends[1 - side][1])


class Datagrams(Talk):
    """UDP."""

    def say(self, side, data):
        self.put(side, UDP, self.ports(side) + u16(8 + len(data)) + u16(0) + data, 6)
        return self


class Raw(Talk):
    """A protocol without ports, or whose ports are in what is said."""

    def __init__(self, *ends, protocol):
        super().__init__(*ends)
        self.protocol = protocol

    def say(self, side, data):
        self.put(side, self.protocol, data, None)
        return self


class Echoes(Talk):
    """Pings, whose identifier is the port of the device."""

    def ping(self, number=1, size=56, answered=True):
        for side in (0, 1)[: 1 + answered]:
            v6 = ":" in self.ends[0][0]
            kind = (128, 129)[side] if v6 else (8, 0)[side]
            message = u8(kind) + bytes(3) + u16(self.ends[0][1]) + u16(number) + noise(size)
            if not v6:
                message = message[:2] + u16(checksum(message)) + message[4:]
            self.put(side, ICMP6 if v6 else ICMP, message, 2 if v6 else None)
            self.house.wait(0.018)
        return self


class Stream(Talk):
    """TCP."""

    def __init__(self, *ends):
        super().__init__(*ends)
        self.next = list(struct.unpack("!II", noise(8, f"{self.ends}")))

    def segment(self, side, flags, data=b"", ahead=0):
        """`ahead`: this many bytes after what was said last."""
        options = b"\2\4\5\xb4\1\3\3\7" if flags & SYN else b""
        sequence = (self.next[side] + ahead) & 0xFFFFFFFF
        confirmed = self.next[1 - side] if flags & ACK else 0
        size = 5 + len(options) // 4
        head = struct.pack("!IIBBHHH", sequence, confirmed, size << 4, flags, 64240, 0, 0)
        self.put(side, TCP, self.ports(side) + head + options + data, 16)

    def said(self, side, length):
        self.next[side] = (self.next[side] + length) & 0xFFFFFFFF

    def open(self):
        self.segment(0, SYN)
        self.said(0, 1)
        self.segment(1, SYN | ACK)
        self.said(1, 1)
        self.segment(0, ACK)
        return self

    def say(self, side, data, split=None, order=None):
        """In segments of `split` bytes, sent in this `order`. What the other side says next confirms them."""
        split = split or 1440
        starts = [*range(0, len(data), split)]
        for start in [starts[index] for index in order] if order else starts:
            self.segment(side, PSH | ACK, data[start : start + split], start)
        self.said(side, len(data))
        return self

    def close(self):
        for side in (0, 1):
            self.segment(side, FIN | ACK)
            self.said(side, 1)
        self.segment(0, ACK)


# ---- File formats ----------------------------------------------------------------------------------------------------
#
# A link type has a number (https://www.tcpdump.org/linktypes.html) and turns a frame into bytes; None: it has no such
# frames.


def ethernet(frame, tags=b""):
    head = mac_bytes(frame.destination) + mac_bytes(frame.source) + tags
    return (head + u16(frame.kind) + frame.payload).ljust(60, b"\0")


def vlan(frame):
    return ethernet(frame, u16(0x8100) + u16(8))


def qinq_pppoe(frame):
    if frame.kind != IPV4:
        return ethernet(frame, u16(0x88A8) + u16(100) + u16(0x8100) + u16(7))
    session = struct.pack("!BBHH", 0x11, 0, 0x1EA5, 2 + len(frame.payload)) + u16(0x0021)
    inner = frame._replace(kind=0x8864, payload=session + frame.payload)
    return ethernet(inner, u16(0x88A8) + u16(100) + u16(0x8100) + u16(7))


def sent_by_router(frame):
    return 4 if frame.source == House.mac else 0


def sll(frame):
    head = struct.pack("!HHH", sent_by_router(frame), 1, 6)
    return head + mac_bytes(frame.source) + bytes(2) + u16(frame.kind) + frame.payload


def sll2(frame):
    head = struct.pack("!HHIHBB", frame.kind, 0, 3, 1, sent_by_router(frame), 6)
    return head + mac_bytes(frame.source) + bytes(2) + frame.payload


def raw_ip(frame):
    return frame.payload if frame.kind != ARP else None


def loopback(frame):
    return struct.pack("<I", 2) + frame.payload if frame.kind == IPV4 else None


def nflog(frame):
    """Attributes as on a little-endian router. What the router itself sends has no hardware address."""

    def attribute(kind, data):
        return (struct.pack("<HH", 4 + len(data), kind) + data).ljust(4 + (len(data) + 3) // 4 * 4, b"\0")

    if frame.kind == ARP:
        return None
    own = frame.payload[12:16] == ip_bytes(House.v4)
    out = attribute(1, u16(frame.kind) + u8(3 if own else 2) + b"\0") + attribute(10, b"leash\0")
    out += b"" if own else attribute(8, u16(6) + bytes(2) + mac_bytes(frame.source) + bytes(2))
    return struct.pack("!BBH", 2, 0, 5) + out + attribute(9, frame.payload)


LINKS = {ethernet: 1, vlan: 1, qinq_pppoe: 1, sll: 113, sll2: 276, raw_ip: 101, loopback: 0, nflog: 239}


def captured(frames, link):
    """(microseconds, bytes) of the frames that the link has."""
    packets = ((START * 1_000_000 + frame.at, link(frame)) for frame in frames)
    return [(at, data) for at, data in packets if data is not None]


def pcap(frames, link=ethernet, order="<", nanoseconds=False, snap=65535):
    magic, unit = (0xA1B23C4D, 1000) if nanoseconds else (0xA1B2C3D4, 1)
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap, LINKS[link])
    for at, data in captured(frames, link):
        seconds, fraction = divmod(at, 1_000_000)
        out += struct.pack(order + "IIII", seconds, fraction * unit, len(data[:snap]), len(data)) + data[:snap]
    return out


def block(kind, body):
    """A block of a pcapng."""
    body = body.ljust((len(body) + 3) // 4 * 4, b"\0")
    return struct.pack("<II", kind, 12 + len(body)) + body + struct.pack("<I", 12 + len(body))


def pcapng_of_two(frames):
    """Two interfaces, the bridge and its port, which have each packet, a microsecond apart."""
    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    out += block(1, struct.pack("<HHI", 1, 0, 0)) * 2
    for at, data in captured(frames, ethernet):
        for interface in (1, 0):
            high, low = divmod(at + 1 - interface, 1 << 32)
            out += block(6, struct.pack("<IIIII", interface, high, low, len(data), len(data)) + data)
    return out


def of_all_interfaces(frames, wan, far):
    """A router's capture of all interfaces: each packet at the port of the bridge and at the bridge, and translated to
    the address `wan` on the far side, where the provider's router has the hardware address `far`."""
    near, bridge, outer = 4, 6, 2
    out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 276)

    def packet(at, interface, source, kind, payload, sent):
        head = struct.pack("!HHIHBB", kind, 0, interface, 1, 4 if sent else 0, 6)
        data = head + mac_bytes(source) + bytes(2) + payload
        seconds, fraction = divmod(START * 1_000_000 + at, 1_000_000)
        return struct.pack("<IIII", seconds, fraction, len(data), len(data)) + data

    for frame in frames:
        at, source, _, kind, payload = frame
        ours = source == House.mac
        through = (
            kind == IPV4 and payload[9] in (TCP, UDP) and b"\xc0\xa8\x08\x01" not in (payload[12:16], payload[16:20])
        )
        through = through and payload[16:20] != b"\xff" * 4
        if through and ours:
            inner = payload[:16] + ip_bytes(wan) + payload[20:]
            out += packet(at - 6, outer, far, kind, inner[:8] + u8(payload[8] + 1) + inner[9:], False)
        for step, interface in enumerate((bridge, near) if ours else (near, bridge)):
            out += packet(at + step, interface, source, kind, payload, ours)
        if through and not ours:
            out += packet(at + 4, outer, "02:00:00:00:08:ff", kind, translated(payload, wan), True)
    return out


def pcapng(frames, links=(1,)):
    """With nanoseconds and, in the middle, a block that a reader has to step over (names of addresses). The packets are
    of an interface for each link type by turns."""

    out = block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    for link in links:
        out += block(1, struct.pack("<HHI", link, 0, 0) + struct.pack("<HHB3xHH", 9, 1, 9, 0, 0))
    packets = captured(frames, ethernet)
    for number, (at, data) in enumerate(packets):
        if number == len(packets) // 2:
            name = ip_bytes("192.0.2.99") + b"other.example\0"
            out += block(4, struct.pack("<HH", 1, len(name)) + name.ljust(20, b"\0") + bytes(4))
        high, low = divmod(at * 1000, 1 << 32)
        out += block(6, struct.pack("<IIIII", number % len(links), high, low, len(data), len(data)) + data)
    return out


# ---- The cases -------------------------------------------------------------------------------------------------------


class Cases:
    """Each writes what happens into its house."""

    def hardcoded_bulb(house):
        """A bulb boots, looks up one name and uses it. It also calls 203.0.113.50:8883, an address that no answer
        ever named, again and again, with data both ways.
        leash must say: cloud.bulb.example explains 198.51.100.20 (`lookup`); 203.0.113.50 is `none`, a finding of
        direct-ip.
        A mistake: `unknown` (its lookups are seen, and its boot too), or nothing because of the TLS."""
        bulb = house.device(20).boot("hallway-bulb")
        bulb.lookup("cloud.bulb.example", "198.51.100.20")
        bulb.tls("198.51.100.20", "cloud.bulb.example")
        for round in range(6):
            house.until(30 + 120 * round)
            bulb.tls("203.0.113.50", port=8883, sent=300, received=250)

    def bulb_that_asks_first(house):
        """A bulb looks up every name before it uses the address, over IPv4 and IPv6, and asks for one that does not
        exist.
        leash must say: every contact is `lookup`, with its name; there is no finding.
        A mistake: any `none`, or a name for the question that had no answer."""
        house.advertise()
        bulb = house.device(20, v6=["fe80::20", "2001:db8:8::20"]).boot("hallway-bulb")
        bulb.announce()
        bulb.lookup("nowhere.bulb.example", status=3)
        for name, *addresses in (
            ("cloud.bulb.example", "198.51.100.20", "198.51.100.21"),
            ("update.bulb.example", "203.0.113.7"),
            ("api.example.com", "2001:db8:cafe::7"),
        ):
            house.wait(60)
            bulb.lookup(name, *addresses)
            for address in addresses:
                bulb.tls(address, name)
        house.wait(60)
        bulb.lookup("pool.ntp.example", "192.0.2.123")
        bulb.ntp("192.0.2.123")

    def what_devices_are(house):
        """Devices tell what they are. A printer offers _ipp._tcp by multicast DNS. A stick for films announces itself
        as Roku by SSDP and looks up api.roku.com. A plug looks up use1-api.tplinkra.com. A telephone, which calls
        itself one, searches by multicast DNS for printers. A camera has no hint: it asks for time.
        leash must say: a printer, a television, perhaps a plug, a telephone, each with its reasons; nothing of the
        camera.
        A mistake: to take the telephone for a printer because it looks for one."""
        printer, stick, plug = house.device(30), house.device(31), house.device(32)
        phone, camera = house.device(33), house.device(34)
        for device, name, vendor in (
            (printer, "office", "udhcp 1.36"),
            (stick, "den", "udhcp 1.36"),
            (plug, "hall", "udhcp 1.36"),
            (phone, "Annas-iPhone", ""),
            (camera, "garden", "udhcp 1.36"),
        ):
            device.boot(name, vendor)
        printer.offers("Office", "_ipp._tcp")
        stick.notifies("urn:roku-com:device:player:1-0:1", "Roku/9.3.0 UPnP/1.0 Roku/9.3.0")
        stick.lookup("api.roku.com", "198.51.100.31")
        stick.tls("198.51.100.31", "api.roku.com")
        plug.lookup("use1-api.tplinkra.com", "198.51.100.32")
        plug.tls("198.51.100.32", "use1-api.tplinkra.com")
        question = b"\x04_ipp\x04_tcp\x05local\0" + u16(12) + u16(1)
        phone.tells_all(5353, b"\0\0\0\0\0\1\0\0\0\0\0\0" + question)
        camera.lookup("pool.ntp.example", "192.0.2.123")
        camera.ntp("192.0.2.123")
        # What is told again is told once.
        for _ in range(3):
            house.wait(60)
            printer.offers("Office", "_ipp._tcp")

    def late_answer(house):
        """Two flows begin before the answer with their address: one 0.8 s before it, one 5 s before it.
        leash must say: 198.51.100.30 is `lookup`, since the answer came within the grace of 2 s; 198.51.100.31 is
        `none`.
        A mistake: to relabel the second flow once its answer is known, or to judge the first before the grace is
        over."""
        plug = house.device(23).boot("kitchen-plug")
        plug.lookup("first.example", "198.51.100.9")
        for name, address, late in (("soon.example", "198.51.100.30", 0.8), ("late.example", "198.51.100.31", 5)):
            house.wait(20)
            answer, begins = plug.ask(name), house.now
            plug.tls(address, name)
            house.until(begins + late)
            answer(address)
        house.until(80)
        plug.lookup("first.example", "198.51.100.9")
        plug.tls("198.51.100.9", "first.example")

    def cname_chain(house):
        """A television looks up a name whose answer leads over three aliases to the address.
        leash must say: 198.51.100.40 is `lookup` by www.tv.example, the name that was asked for.
        A mistake: to lose the address because it belongs to the last alias, or to show the CDN's name as the one
        asked for."""
        tv = house.device(21).boot("living-room-tv")
        aliases = ["www.tv.example.cdn.example", "edge.cdn.example", "e7.edge.cdn.example"]
        tv.lookup("www.tv.example", "198.51.100.40", "198.51.100.41", aliases=aliases)
        tv.tls("198.51.100.40", "www.tv.example", sent=300, received=1200)
        tv.tls("198.51.100.41", "www.tv.example")

    def https_hint(house):
        """A phone asks for HTTPS records only (RFC 9460) and goes to the addresses of ipv4hint and ipv6hint.
        leash must say: 198.51.100.60 and 2001:db8:cafe::60 are `lookup` by shop.example.com.
        A mistake: to count A and AAAA records only, which makes both hardcoded."""
        house.advertise()
        phone = house.device(10, v6=["2001:db8:8::10"]).boot("anna-phone", "android-dhcp-14")
        record = https_record("198.51.100.60", "2001:db8:cafe::60")
        phone.ask("shop.example.com", HTTPS)(records=[("shop.example.com", HTTPS, record)])
        phone.tls("198.51.100.60", "shop.example.com")
        phone.tls("2001:db8:cafe::60", "shop.example.com")

    def split_client_hello(house):
        """Two TLS greetings with a post-quantum key share are too large for one segment, and the name is in the
        second one. The segments of the second greeting arrive in the wrong order.
        leash must say: both flows are `lookup`, and tls with the SNI in.order.example and out.of.order.example.
        A mistake: no SNI, or a service other than tls."""
        laptop = house.device(25).boot("work-laptop", "MSFT 5.0")
        laptop.lookup("in.order.example", "198.51.100.70")
        laptop.tls("198.51.100.70", "in.order.example", large=True, name_last=True, split=1200)
        laptop.lookup("out.of.order.example", "198.51.100.71")
        laptop.tls("198.51.100.71", "out.of.order.example", large=True, name_last=True, split=1200, order=[1, 0])

    def quic_overtaken(house):
        """A laptop's QUIC comes in another order than it was sent. First a 0-RTT packet overtakes the Initial; then
        0-RTT is ahead of the Initial in one datagram; then the laptop tries a version that nobody knows; then its
        greeting takes two Initials, with 0-RTT before and between them, and the second comes first.
        leash must say: four flows `lookup`, quic, with the SNI one.example to four.example.
        A mistake: to look for the name in the first datagram only, or at the first place of a datagram."""
        laptop = house.device(25).boot("work-laptop", "MSFT 5.0")
        early, greeting = long_header(1, noise(300, "early")), lambda *what, **more: client_hello(*what, **more)[5:]
        large = greeting("four.example", large=True, name_last=True)
        halves = [initial(large[:900]), initial(large[900:], 900, 1)]
        unknown = b"\xc3" + u32(0xFACE0001) + initial(greeting("hidden.example"))[5:]
        stories = {
            "one": [early, initial(greeting("one.example"))],
            "two": [early + initial(greeting("two.example"))],
            "three": [unknown, initial(greeting("three.example"))],
            "four": [early, halves[1], early, halves[0]],
        }
        for number, (name, datagrams) in enumerate(stories.items()):
            laptop.lookup(f"{name}.example", f"198.51.100.{70 + number}")
            talk = laptop.talk(Datagrams, f"198.51.100.{70 + number}", 443)
            for datagram in datagrams:
                talk.sends(datagram)
            talk.gets(long_header(2, noise(1100, "answer"))).sends(b"\x40" + noise(40)).gets(b"\x40" + noise(900))

    def stream_behind_others(house):
        """Before a greeting comes what is none of it. A laptop has it in the SYN (TCP Fast Open). A browser opens a
        connection in advance and says hello minutes later; until then it sends probes of one byte before the stream.
        A server says for whom it connects, in both versions of the PROXY protocol, and once says nothing else.
        leash must say: five flows `lookup`; the first four tls with their names, the fifth without a service.
        A mistake: to read the greeting from its second byte on, or to count the probes among the first packets."""
        laptop = house.device(25).boot("work-laptop", "MSFT 5.0")
        names = ["early.example", "late.example", "line.example", "binary.example", "silent.example"]
        for number, name in enumerate(names):
            laptop.lookup(name, f"198.51.100.{70 + number}")
        early, late, line, binary, silent = (laptop.talk(Stream, f"198.51.100.{70 + n}", 443) for n in range(5))
        hello = client_hello("early.example")
        early.segment(0, SYN, hello)
        early.said(0, 1 + len(hello))
        early.segment(1, SYN | ACK)
        early.said(1, 1)
        early.segment(0, ACK)
        early.gets(server_hello()).sends(sealed(150)).gets(sealed(300)).close()
        late.open()
        for _ in range(12):
            house.wait(20)
            late.segment(0, ACK, b"\0", -1)
            late.segment(1, ACK)
        late.sends(client_hello("late.example")).gets(server_hello()).sends(sealed(150)).gets(sealed(300)).close()
        text = f"PROXY TCP4 192.0.2.9 198.51.100.72 {line.ends[0][1]} 443\r\n".encode()
        ends = ip_bytes("192.0.2.9") + ip_bytes("198.51.100.73") + u16(binary.ends[0][1]) + u16(443)
        header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + sized(ends)
        for stream, ahead, name in ((line, text, "line.example"), (binary, header, "binary.example")):
            stream.open().sends(ahead).sends(client_hello(name)).gets(server_hello()).sends(sealed(150)).close()
        silent.open().sends(text).close()

    def tunnels_under_way(house):
        """A laptop's WireGuard was up before the capture began, so only packets that the tunnel carries are seen; a
        tablet's began with a cookie, because its server is under load. A telephone's VPN greets over DTLS, in pieces.
        leash must say: two flows are wireguard, one is dtls with the SNI vpn.example.
        A mistake: to wait for a handshake, or to take the first bytes alone for proof: the plug's game also begins
        with 4, 0, 0, 0 and is nothing that is known."""
        laptop, tablet = house.device(25).boot("work-laptop", "MSFT 5.0"), house.device(30).boot("kids-tablet")
        phone, plug = house.device(10).boot("anna-phone"), house.device(23).boot("kitchen-plug")
        up = laptop.talk(Datagrams, "203.0.113.60", 51820)
        for number in range(4):
            up.sends(carried("server", 900 + number)).gets(carried("laptop", 4000 + number, 1420))
        tablet.talk(Datagrams, "203.0.113.61", 51820).gets(b"\3\0\0\0" + noise(60, "cookie"))
        phone.lookup("vpn.example", "198.51.100.80")
        secret = phone.talk(Datagrams, "198.51.100.80", 4433)
        for record in dtls_hello("vpn.example", 50):
            secret.sends(record)
        game = plug.talk(Datagrams, "203.0.113.62", 7000)
        for number in range(4):
            game.sends(b"\4\0\0\0" + noise(60, f"game {number}")).gets(b"\4\0\0\0" + noise(40, f"turn {number}"))

    def resolvers_on_odd_ports(house):
        """A TV box asks a resolver at port 5300, first over UDP, then over TCP, and uses the answers. A laptop fetches
        the certificate of a resolver that speaks DNSCrypt and asks it, on port 443.
        leash must say: dns for both flows to 203.0.113.53:5300, dnscrypt for both to 203.0.113.54:443, and a finding of
        bypass for each; the box's calls are `lookup`, since its answers were seen.
        A mistake: to know resolvers by port 53 only."""
        box, laptop = house.device(24).boot("tv-box"), house.device(25).boot("work-laptop", "MSFT 5.0")
        talk = box.talk(Datagrams, "203.0.113.53", 5300)
        answer = lambda name, address: dns(7, name, A, [(name, A, ip_bytes(address))])
        talk.sends(dns(7, "portal.example", A, response=False)).gets(answer("portal.example", "198.51.100.24"))
        box.tls("198.51.100.24", "portal.example")
        stream = box.talk(Stream, "203.0.113.53", 5300).open()
        stream.sends(sized(dns(7, "films.example", A, response=False)))
        stream.gets(sized(answer("films.example", "198.51.100.25"))).close()
        box.tls("198.51.100.25", "films.example")
        name, text = "2.dnscrypt-cert.resolver.example", sized(b"DNSC\0\2\0\0" + noise(116, "certificate"), u8)
        question, certificate = dns(9, name, 16, response=False), dns(9, name, 16, [(name, 16, text)])
        laptop.talk(Datagrams, "203.0.113.54", 443).sends(question).gets(certificate)
        laptop.talk(Datagrams, "203.0.113.54", 443).sends(noise(512, "asked")).gets(b"r6fnvWj8" + noise(312, "said"))

    def ways_to_a_camera(house):
        """Five cameras tell their makers' servers where they are, each in its maker's way, and one of them talks to a
        telephone somewhere.
        leash must say: p2p-cs2 for the server 198.51.100.81 and the telephone 203.0.113.81, p2p-kalay, p2p-reolink,
        p2p-dahua and p2p-mydlink for the servers that follow.
        A mistake: flows without a service, or one of these words for the plug, whose datagrams begin alike."""
        camera, others = house.device(22).boot("garden-camera"), [house.device(n).boot(f"camera-{n}") for n in (31, 32)]
        plug = house.device(23).boot("kitchen-plug")
        names = {}
        for number, device in enumerate([camera, others[0], others[0], others[1], others[1]], 81):
            device.lookup(f"p2p-{number}.example", f"198.51.100.{number}")
            names[number] = device
        did = b"LEASH\0\0\0" + u32(20) + b"ABCDE\0\0\0"
        cs2_server = camera.talk(Datagrams, "198.51.100.81", 32100)
        cs2_server.sends(cs2(0)).gets(cs2(1, noise(16))).sends(cs2(0x12, noise(44))).gets(cs2(0x13, noise(8)))
        camera.port -= 1  # it punches from the same port
        phone = camera.talk(Datagrams, "203.0.113.81", 14960)
        phone.sends(cs2(0x41, did)).sends(cs2(0x41, did)).gets(cs2(0x41, did)).gets(cs2(0x42, did))
        for number in range(20):
            phone.sends(cs2(0xD0, b"\xd1\1" + u16(number) + noise(1000, f"{number}")))
        phone.gets(cs2(0xD1, b"\xd1\1" + u16(1) + u16(19))).gets(cs2(0xF0))
        kalay, reolink, dahua, mydlink = (
            names[number].talk(Datagrams, f"198.51.100.{number}", port)
            for number, port in ((82, 10240), (83, 9999), (84, 8800), (85, 3478))
        )
        kalay.sends(iotc(0x0601, noise(64))).gets(iotc(0x0602, noise(64)))
        found = lambda body: struct.pack("<5I", 0x2A87CF3A, len(body), 1, 7, 0) + body
        reolink.sends(found(noise(120))).gets(found(noise(200)))
        dahua.sends(b"DHGET /probe/p2psrv HTTP/1.1\r\nCSeq: 1\r\n\r\n").gets(b"HTTP/1.1 200 OK\r\nCSeq: 1\r\n\r\n")
        mydlink.sends(b"\x24\xff" + sized(noise(21))).gets(b"\x24\xff" + sized(noise(21, "answer")))
        alike = plug.talk(Datagrams, "203.0.113.62", 32100)
        for first in (b"\xf1\0\0\1", b"\x24\xff\0\x09", b"\x3a\xcf\x87", b"PTCP", b"DHGET"):
            alike.sends(first + b"\0\0")

    def ech(house):
        """A laptop hides the name that it greets: once by ECH behind an outer name, once by the older ESNI.
        leash must say: both `lookup` by the names that were asked for; the first with ech and the outer SNI
        public.example, the second with esni and no SNI.
        A mistake: to take the outer name for the truth, or the absence of a name for evidence."""
        laptop = house.device(25).boot("work-laptop", "MSFT 5.0")
        laptop.lookup("secret.example", "198.51.100.80")
        laptop.tls("198.51.100.80", "public.example", ech=True, large=True)
        laptop.lookup("older.example", "198.51.100.81")
        laptop.tls("198.51.100.81", esni=True)

    def stun_camera(house):
        """A camera looks up its STUN server, learns its outer address there, and then sends media straight to a
        viewer whose address no lookup can give: first STUN binding requests to that peer, then RTP.
        leash must say: the server is `lookup` and stun; the peer 203.0.113.77 is `none`, with the service stun, so
        that a person sees that it is a call to a peer.
        A mistake: to call the peer `lookup`, or to hide that its flow began with STUN."""
        camera = house.device(22).boot("garden-camera")
        camera.lookup("stun.example.com", "198.51.100.90")
        camera.talk(Datagrams, "198.51.100.90", 3478).sends(stun(1)).gets(stun(0x101, ("192.0.2.8", 42201)))
        house.until(5)
        peer = camera.talk(Datagrams, "203.0.113.77", 51234)
        for _ in range(2):
            peer.sends(stun(1)).gets(stun(0x101, ("192.0.2.8", 42202)))
        for number in range(60):
            house.wait(0.5)
            peer.sends(rtp(number))
            if number % 10 == 0:
                peer.gets(stun(1)).sends(stun(0x101, ("203.0.113.77", 51234)))

    def tunnels(house):
        """A box sends GRE, ESP, 6in4, IP in IP, SCTP and an experimental protocol (253) to addresses that it never
        looked up, and GRE to one that it did.
        leash must say: each is a contact by its protocol, with its bytes; six are `none`, findings of direct-ip, of
        which four say that it is a tunnel; 198.51.100.40 is `lookup`.
        A mistake: a contact that is missing, or "calls only what it looked up"."""
        box = house.device(24).boot("tv-box")
        box.lookup("vpn.example", "198.51.100.40")
        gre, packet = u16(0) + u16(IPV4), ip("10.9.0.2", "192.0.2.80", UDP, u16(4000) + u16(53) + u16(8) + u16(0), 6)
        box.talk(partial(Raw, protocol=GRE), "198.51.100.40", 0).sends(gre + packet).gets(gre + packet)
        for protocol, address, data in (
            (GRE, "203.0.113.40", gre + packet),
            (ESP, "203.0.113.41", u32(0x1001) + u32(1) + noise(900)),
            (SIX_IN_FOUR, "203.0.113.42", ip("2001:db8:9::2", "2001:db8:cafe::5", UDP, bytes(8), 6)),
            (IPIP, "203.0.113.43", packet),
            (SCTP, "203.0.113.44", u16(5000) + u16(3868) + u32(0) + u32(0) + noise(40)),
            (253, "203.0.113.45", noise(64)),
        ):
            house.wait(10)
            talk = box.talk(partial(Raw, protocol=protocol), address, 0)
            for _ in range(20):
                talk.sends(data)
                talk.gets(data[2:4] + data[:2] + data[4:] if protocol == SCTP else data)

    def pings(house):
        """A plug pings a well-known resolver five times each quarter of an hour to see whether it is online, and its
        own router. A speaker keeps pinging its maker's server, whose address it never looked up, once a second. A
        laptop pings what it looked up, over IPv4 and IPv6, and is told that a host is not reachable. All speak of
        groups (IGMP, MLD) and look for neighbours.
        leash must say: pings are contacts, and checks whether one is online; nothing is found on the plug; on the
        speaker a weak finding of direct-ip; what the laptop pings is `lookup`.
        A mistake: a finding on the plug, a fair one on anybody, or a contact because of an error, a group or a
        neighbour."""
        house.advertise()
        plug, speaker = house.device(23).boot("kitchen-plug"), house.device(27).boot("speaker")
        laptop = house.device(25, v6=["fe80::25", "2001:db8:8::25"]).boot("work-laptop", "MSFT 5.0")
        laptop.announce()
        for device, name, address in (
            (plug, "plug.example", "198.51.100.23"),
            (speaker, "speaker.example", "198.51.100.27"),
            (laptop, "ping.example", "198.51.100.25"),
            (laptop, "ping.example", "2001:db8:cafe::25"),
        ):
            device.lookup(name, address)
            device.talk(Echoes, address, 0).ping() if device is laptop else device.tls(address, name)
        house.put(laptop.mac, "01:00:5e:00:00:16", IPV4, ip(laptop.v4, "224.0.0.22", IGMP, b"\x22" + bytes(15)))
        house.put(laptop.mac, "33:33:00:00:00:16", IPV6, ip("fe80::25", "ff02::16", ICMP6, b"\x8f" + bytes(27), 2))
        for kind in (135, 136):
            body = u8(kind) + bytes(7) + ip_bytes("2001:db8:8::25")
            house.put(house.mac, laptop.mac, IPV6, ip(house.link_local, "2001:db8:8::25", ICMP6, body, 2))
        laptop.lookup("away.example", "198.51.100.26")
        away = laptop.talk(Datagrams, "198.51.100.26", 5000).sends(b"hello")
        quoted = house.frames[-1].payload
        unreachable = b"\3\1" + bytes(6) + quoted
        house.put(house.mac, laptop.mac, IPV4, ip("192.0.2.200", away.ends[0][0], ICMP, unreachable))
        first, begin = speaker.talk(Echoes, "203.0.113.70", 0), house.now
        for second in range(1800):
            house.until(begin + second)
            first.ping(second)
            if second % 900 == 5:
                for address in ("8.8.8.8", house.v4):
                    for number in range(5):
                        plug.talk(Echoes, address, 0).ping(number, answered=number < 4)

    def ping_tunnel(house):
        """A plug sends 200 large pings to an address that it never looked up, and is answered in kind: a tunnel.
        leash must say: 203.0.113.71 is `none`, a finding of direct-ip that is strong, with the bytes of both sides.
        A mistake: a check whether it is online, or a weak finding because it is only ping."""
        plug = house.device(23).boot("kitchen-plug")
        plug.lookup("plug.example", "198.51.100.23")
        plug.tls("198.51.100.23", "plug.example")
        tunnel = plug.talk(Echoes, "203.0.113.71", 0)
        for number in range(200):
            tunnel.ping(number, size=1400)

    def translated(house):
        """A network without IPv4. A phone looks up IPv4 addresses and translates by itself (464XLAT): it calls
        64:ff9b::c633:640a for 198.51.100.10. It learns the network's own prefix by looking up ipv4only.arpa, and
        calls another one behind that. A bulb is given translated addresses by its resolver (DNS64), one for its
        maker; it also calls 64:ff9b::cb00:7132, which is 203.0.113.50, and which nobody looked up.
        leash must say: all that the phone calls is `lookup`, with the names; so is the bulb's maker, by either
        address; 64:ff9b::cb00:7132 is `none`, a finding of direct-ip.
        A mistake: any other `none`."""
        house.advertise()
        phone = house.device(10, v6=["fe80::10", "2001:db8:8::10"]).boot("anna-phone", "android-dhcp-14")
        bulb = house.device(20, v6=["fe80::20", "2001:db8:8::20"]).boot("hallway-bulb")
        phone.announce()
        bulb.announce()
        phone.lookup("shop.example", "198.51.100.10")
        phone.tls("64:ff9b::c633:640a", "shop.example")
        phone.lookup("ipv4only.arpa", "2001:db8:cafe:64::192.0.0.170", "2001:db8:cafe:64::192.0.0.171")
        phone.lookup("chat.example", "198.51.100.11")
        phone.tls("2001:db8:cafe:64::c633:640b", "chat.example")
        house.wait(60)
        bulb.lookup("cloud.bulb.example", "64:ff9b::c633:6414")
        bulb.tls("64:ff9b::c633:6414", "cloud.bulb.example")
        bulb.tls("198.51.100.20", "cloud.bulb.example")
        for _ in range(3):
            house.wait(60)
            bulb.tls("64:ff9b::cb00:7132", port=8883)

    def translated_by_itself(house):
        """A bulb asks a resolver of its own for ipv4only.arpa, and is told that all of 2001:db8:bad::/96 is translated:
        so the address of its master seems to be 198.51.100.99, which it has looked up. A plug calls the master, too.
        leash must say: the bulb's contact is `lookup`: it could as well have looked up a name with that address. The
        plug's is `none`, a finding of direct-ip: what the bulb learnt holds for nobody else.
        A mistake: to let one device teach all others what is translated."""
        house.advertise()
        bulb = house.device(20, v6=["fe80::20", "2001:db8:8::20"]).boot("hallway-bulb")
        plug = house.device(23, v6=["fe80::23", "2001:db8:8::23"]).boot("kitchen-plug")
        bulb.announce()
        plug.announce()
        bulb.lookup("ipv4only.arpa", "2001:db8:bad::192.0.0.170", server="203.0.113.53")
        for device in (bulb, plug):
            device.lookup("innocent.example", "198.51.100.99")
            device.lookup("innocent.example", "2001:db8:cafe::99")
            house.wait(30)
            device.tls("2001:db8:bad::c633:6463", port=8883)

    def camera_session(house):
        """A camera looks up the two servers by which telephones find it, and talks to them and to a third one, whose
        address is built in, from one port. Half a minute later it is called from one of them, and sends pictures from
        that port to 203.0.113.77, whose telephone sends back now and then. From other ports it sends to 203.0.113.50.
        leash must say: 203.0.113.77 is `none`, and direct-ip is weak, as the peer of a session that hub1.camera.example
        set up; 203.0.113.60 and 203.0.113.50 are `none` and strong, since nobody can have told it of them.
        A mistake: direct-ip fair for the peer, which is a person who looks at the camera; weak for the others."""
        camera = house.device(22).boot("door-camera")
        camera.lookup("hub1.camera.example", "198.51.100.91")
        camera.lookup("hub2.camera.example", "198.51.100.92")
        camera.port += 1

        def talk(address, port):
            return Datagrams(camera, (camera.v4, camera.port), (address, port))

        hubs = [talk(address, 32108) for address in ("198.51.100.91", "203.0.113.60", "198.51.100.92")]
        house.frames, before = [], house.frames
        for hub in hubs:
            hub.sends(noise(24, "hello"))
        # All three leave in the same instant.
        before += [frame._replace(at=house.frames[0].at + number) for number, frame in enumerate(house.frames)]
        house.frames = before
        for hub in hubs:
            hub.gets(noise(40, "you are"))
        house.until(35)
        hubs[0].gets(noise(44, "call"))
        peer = talk("203.0.113.77", 51234)
        for number in range(40):
            peer.sends(noise(900, f"picture {number}"))
            house.wait(0.2)
            if number % 10 == 0:
                peer.gets(noise(28, "more"))
        house.until(50)
        for _ in range(5):
            camera.talk(Datagrams, "203.0.113.50", 9000).sends(noise(64, "status")).gets(noise(16, "go on"))
            house.wait(5)

    def handed_out(house):
        """A gateway looks up a dispatcher, asks it over TCP, and calls 203.0.113.71 most of a second after the answer,
        on another port; a minute later the line breaks, and it asks and calls once more. A lamp asks a balancer of
        load over UDP, which tells it of 203.0.113.72, and calls that twice.
        leash must say: both addresses are `none`, and direct-ip is weak, since dispatch.gateway.example and
        balance.lamp.example handed them out, it seems.
        A mistake: direct-ip strong, for what the makers' own servers say to do."""
        gateway, lamp = house.device(22).boot("gateway"), house.device(23).boot("lamp")
        for start in (5, 70):
            house.until(start)
            gateway.lookup("dispatch.gateway.example", "198.51.100.95")
            dispatcher = gateway.talk(Stream, "198.51.100.95", 7531).open()
            dispatcher.sends(noise(25, "whom?")).gets(noise(25, "203.0.113.71")).close()
            house.wait(0.7)
            work = gateway.talk(Stream, "203.0.113.71", 7533).open().sends(noise(25, "I am")).gets(noise(41, "welcome"))
            house.wait(20)
            work.sends(noise(25, "still")).gets(noise(25, "fine"))
        house.until(100)
        lamp.lookup("balance.lamp.example", "198.51.100.96")
        lamp.talk(Datagrams, "198.51.100.96", 80).sends(noise(40, "whom?")).gets(noise(60, "203.0.113.72"))
        house.wait(0.6)
        for _ in range(2):
            lamp.talk(Datagrams, "203.0.113.72", 80).sends(noise(40, "status")).gets(noise(20, "go on"))
            house.wait(5)

    def called_beside_a_server(house):
        """Four devices whose other server is built in. A plug calls 203.0.113.71 a tenth of a second after the server
        that it looks up. A bulb calls 203.0.113.72 every two minutes, the first time by chance three seconds after
        it called its cloud by name. A radio calls several servers by name, and 203.0.113.73 three seconds after the
        last. A camera calls its cloud, and three seconds later opens a tunnel of WireGuard to 203.0.113.74.
        leash must say: all four addresses are `none`, and direct-ip is strong.
        A mistake: weak, as if another server had handed them out."""
        plug, bulb = house.device(22).boot("plug"), house.device(23).boot("bulb")
        radio, camera = house.device(24).boot("radio"), house.device(25).boot("camera")
        house.until(5)
        plug.lookup("cloud.plug.example", "198.51.100.95")
        plug.tls("198.51.100.95", "cloud.plug.example")
        plug.tls("203.0.113.71", port=8883)
        house.until(10)
        bulb.lookup("cloud.bulb.example", "198.51.100.96")
        bulb.tls("198.51.100.96", "cloud.bulb.example")
        for round in range(6):
            house.until(13 + 120 * round)
            bulb.tls("203.0.113.72", port=8883)
        house.until(800)
        for number in range(4):
            name = f"stream{number}.radio.example"
            radio.lookup(name, f"198.51.100.{100 + number}")
            radio.tls(f"198.51.100.{100 + number}", name)
            house.wait(10)
        house.wait(-7)
        radio.tls("203.0.113.73", port=8883)
        house.until(900)
        camera.lookup("cloud.camera.example", "198.51.100.97")
        camera.tls("198.51.100.97", "cloud.camera.example")
        house.wait(3)
        tunnel = camera.talk(Datagrams, "203.0.113.74", 51820)
        tunnel.sends(u8(1) + bytes(3) + noise(144, "handshake")).gets(u8(2) + bytes(3) + noise(88, "response"))
        tunnel.sends(carried("camera", 0))

    def set_up_network(house):
        """A plug has an access point of its own, on which a telephone with 10.22.22.138 sets it up. What the telephone
        sends to the Internet comes through the plug as it is, and no answer finds the way back. The plug then looks
        up its cloud, and calls 203.0.113.72 from a second address in the house's network, 192.168.8.99.
        leash must say: what 10.22.22.138 calls is `unknown`, without a finding; 203.0.113.72 is `none`, and direct-ip
        strong.
        A mistake: direct-ip for 203.0.113.71, which the plug never called; none for 203.0.113.72."""
        plug = house.device(22).boot("plug")
        for _ in range(3):
            plug.talk(Stream, "203.0.113.71", 7275, "10.22.22.138").segment(0, SYN)
            house.wait(1)
        house.until(20)
        plug.lookup("api.plug.example", "198.51.100.95")
        plug.tls("198.51.100.95", "api.plug.example", port=8443)
        house.until(60)
        house.stations["192.168.8.99"] = plug.mac
        plug.tls("203.0.113.72", port=8883, source="192.168.8.99")

    def known_from_before(house):
        """A laptop, a speaker and a sensor are there when the capture begins, and the laptop has a connection under
        way. In the first minute the laptop calls 203.0.113.71 once, and 203.0.113.72, which it calls again later;
        the speaker calls 203.0.113.71. The sensor looks nothing up for twelve minutes, in which it calls
        203.0.113.73 and 203.0.113.74; then it looks up a name, and calls 203.0.113.74 once more.
        leash must say: all four addresses are `none`. direct-ip is weak for what the laptop calls once and for
        203.0.113.73, which may have been looked up before; fair for what is called later, too, and for the speaker,
        which nothing shows to have run before.
        A mistake: fair for what was looked up just before the capture; weak for what is called again."""
        laptop, sensor, speaker = house.device(22), house.device(23), house.device(24)
        for device in (laptop, sensor, speaker):
            device.arp()
        laptop.talk(Stream, "198.51.100.90", 443).sends(sealed(80)).gets(sealed(80))
        laptop.lookup("www.example.com", "198.51.100.95")
        laptop.tls("198.51.100.95", "www.example.com")
        house.until(20)
        laptop.tls("203.0.113.71")
        laptop.tls("203.0.113.72")
        speaker.lookup("radio.example.net", "198.51.100.97")
        speaker.tls("198.51.100.97", "radio.example.net")
        speaker.tls("203.0.113.71")
        house.until(90)
        sensor.tls("203.0.113.73", port=8886)
        sensor.tls("203.0.113.74", port=8886)
        house.until(600)
        laptop.tls("203.0.113.72")
        house.until(840)
        sensor.lookup("time.sensor.example", "198.51.100.96")
        sensor.tls("198.51.100.96", "time.sensor.example")
        house.until(900)
        sensor.tls("203.0.113.74", port=8886)

    def punched_ports(house):
        """A camera is told over a WebSocket, which it opens to a server that it looked up, whom to send to: it tries
        five ports of 203.0.113.88 at once, of which one answers. A recorder sends to one port of 203.0.113.50 likewise,
        and nothing else at that time.
        leash must say: the five ports are `none`, and direct-ip is weak, as the peer of a session that
        signal.camera.example set up; 203.0.113.50 is fair, since little else of the recorder shows its coverage.
        A mistake: direct-ip fair for the five ports; no finding for the recorder."""
        camera, recorder = house.device(22).boot("garden-camera"), house.device(23).boot("recorder")
        recorder.lookup("update.recorder.example", "198.51.100.94")
        house.until(30)
        camera.lookup("signal.camera.example", "198.51.100.93")
        stream = camera.talk(Stream, "198.51.100.93", 80).open()
        stream.sends(http("signal.camera.example")).gets(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")
        camera.port += 1
        ports = [Datagrams(camera, (camera.v4, camera.port), ("203.0.113.88", 35322 + port)) for port in range(5)]
        for port in ports:
            port.sends(noise(25, "knock"))
        for number in range(40):
            ports[2].sends(noise(1000, f"picture {number}"))
            if number % 10 == 0:
                ports[2].gets(noise(30, "more"))
        stream.close()
        house.until(200)
        lone = recorder.talk(Datagrams, "203.0.113.50", 35322)
        for number in range(5):
            lone.sends(noise(200, f"report {number}")).gets(noise(20, "go on"))

    def socks_odd_port(house):
        """A TV box opens SOCKS 5 on port 21477 of an address that it never looked up and sends an HTTP request
        through it. A plug does the same with SOCKS 4a.
        leash must say: both flows are `none` and socks; the lookups of both devices are `lookup`.
        A mistake: http (that is inside the tunnel), or no service because of the odd port."""
        box, plug = house.device(24).boot("tv-box"), house.device(23).boot("kitchen-plug")
        for device, name, address in ((box, "box.example", "198.51.100.24"), (plug, "plug.example", "198.51.100.23")):
            device.lookup(name, address)
            device.tls(address, name)
        five = box.talk(Stream, "203.0.113.60", 21477).open()
        five.sends(b"\5\1\0").gets(b"\5\0").sends(socks5("192.0.2.80", 80)).gets(b"\5\0\0\1" + bytes(6))
        five.sends(http("inside.example")).gets(HTTP_ANSWER).close()
        four = plug.talk(Stream, "203.0.113.61", 21477).open()
        four.sends(socks4a("inside.example", 80)).gets(b"\0\x5a" + bytes(6))
        four.sends(http("inside.example")).gets(HTTP_ANSWER).close()

    def ntp_by_address(house):
        """A plug looks up its cloud and uses it, and asks 203.0.113.123 for the time every minute without a lookup.
        leash must say: 203.0.113.123 is `none` and ntp.
        A mistake: a verdict of block. Time is never blocked: a device that loses the time loses TLS and then
        everything."""
        plug = house.device(23).boot("kitchen-plug")
        plug.lookup("plug.example", "198.51.100.23")
        plug.tls("198.51.100.23", "plug.example")
        for minute in range(5):
            house.until(30 + 60 * minute)
            plug.ntp("203.0.113.123")

    def two_addresses_one_mac(house):
        """A storage box has two IPv4 addresses on one network card. It asks from the first and calls from the second.
        leash must say: one device with both addresses, and the flow is `lookup`.
        A mistake: two devices, or `none` or `other-device` because the asking address was another one."""
        nas = house.device(40).boot("storage")
        nas.lookup("backup.example", "198.51.100.140")
        nas.tls("198.51.100.140", "backup.example", source="192.168.8.41")
        nas.lookup("update.example", "198.51.100.141", source="192.168.8.41")
        nas.tls("198.51.100.141", "update.example")

    def doh(house):
        """A laptop asks nobody in the house: it opens DNS over HTTPS to 1.1.1.1 and then calls addresses that no
        visible answer named.
        leash must say: 1.1.1.1:443 is doh, a finding of bypass; all flows are `unknown`, since the lookups of this
        device cannot be seen.
        A mistake: `none`. Absence is no evidence where nothing could have been seen."""
        laptop = house.device(25).boot("work-laptop", "MSFT 5.0")
        laptop.tls("1.1.1.1", "cloudflare-dns.com", sent=600, received=900)
        for round in range(4):
            house.wait(10)
            laptop.tls(f"198.51.100.{150 + round}", f"site-{round}.example")

    def no_dns_visible(house):
        """Two devices call several addresses, and there is no DNS in the capture at all.
        leash must say: every flow is `unknown`.
        A mistake: `none`, which would call every address of the house hardcoded."""
        tv, phone = house.device(21), house.device(10)
        for round in range(3):
            tv.tls(f"198.51.100.{160 + round}", f"tv-{round}.example")
            phone.tls(f"203.0.113.{160 + round}", f"phone-{round}.example")
            house.wait(20)

    def ipv6_privacy(house):
        """A phone has a link-local address, a stable global one and two temporary ones (RFC 8981). It asks the
        router's link-local and ULA addresses and calls from its temporary addresses; the second replaces the first.
        leash must say: one device with all its addresses; four flows are `lookup`; 2001:db8:bad::1 is `none`.
        A mistake: a device for each address, the phone taken for the gateway, or `unknown` because the asking address
        (link-local) is not the calling one."""
        first, second = "2001:db8:8::a1b2:c3d4", "2001:db8:8::e5f6:789a"
        house.advertise()
        phone = house.device(10, v6=["fe80::10", "2001:db8:8::10", first]).boot("anna-phone", "android-dhcp-14")
        phone.announce()
        for name, address, server, asks, calls in (
            ("one.example", "2001:db8:cafe::1", house.link_local, "fe80::10", first),
            ("two.example", "2001:db8:cafe::2", house.v6, "2001:db8:8::10", first),
            ("three.example", "2001:db8:cafe::3", house.link_local, "fe80::10", second),
            ("four.example", "2001:db8:cafe::4", house.v6, second, second),
        ):
            house.wait(300)
            phone.lookup(name, address, server=server, source=asks)
            phone.tls(address, name, source=calls)
        phone.tls("2001:db8:bad::1", source=second)

    def name_flood(house):
        """A bulb looks up its cloud. Then a TV box looks up 400 names of 179 characters with 15 addresses each within
        an hour: 6,000 things to remember, more than one device may hold. Then the bulb calls the address that it
        learned before.
        leash must say: the bulb's flow is `lookup`, and so is the box's flow to the newest of its names. And a finding
        of names on the box: so many long names under one domain look like pieces of data.
        A mistake: the flood pushes out the bulb's name, and the bulb looks hardcoded."""
        bulb, box = house.device(20).boot("hallway-bulb"), house.device(24).boot("tv-box")
        bulb.lookup("cloud.bulb.example", "198.51.100.20")
        for number in range(400):
            house.until(10 + 9 * number)
            name = ".".join([f"{number:03}"] + [noise(27, f"{number} {part}").hex() for part in "abc"]) + ".flood.test"
            addresses = [f"2001:db8:f00d:{number:x}::{host:x}" for host in range(1, 16)]
            box.lookup(name, *addresses, edns=True)
        box.v6.append("2001:db8:8::24")
        box.tls("2001:db8:f00d:18f::1")
        bulb.tls("198.51.100.20", "cloud.bulb.example")

    def generated_names(house):
        """A camera looks up its cloud, and calls it. Then, every five seconds, it asks for one of forty names of twelve
        letters (as a variant of Mirai made them up) that do not exist, until one does, which it calls.
        leash must say: a finding of names, fair: made-up names that do not exist. All flows are `lookup`.
        A mistake: nothing, since each lookup for itself is harmless."""
        camera = house.device(22).boot("garden-camera")
        camera.lookup("cloud.camera.example", "198.51.100.22")
        camera.tls("198.51.100.22", "cloud.camera.example")
        for number in range(40):
            house.until(60 + 5 * number)
            camera.lookup(letters(12, f"generated {number}") + ".example", status=3)
        camera.lookup(letters(12, "generated") + ".example", "203.0.113.66")
        camera.tls("203.0.113.66", port=8443)

    def dns_tunnel(house):
        """A TV box sends out a file of 12 KB by asking for 120 names of 130 characters under one domain, for TXT
        records with orders in them, one every three seconds.
        leash must say: a finding of names, fair: many names under tunnel.example that look like pieces of data.
        A mistake: nothing, since the box calls no address at all."""
        box = house.device(24).boot("tv-box")
        box.lookup("portal.example", "198.51.100.24")
        box.tls("198.51.100.24", "portal.example")
        for number in range(120):
            house.until(60 + 3 * number)
            name = ".".join([noise(28, f"tunnel {number} {part}").hex() for part in "ab"]) + ".t.tunnel.example"
            box.ask(name, 16)(records=[(name, 16, sized(noise(12).hex().encode(), u8))])

    def nxdomain_burst(house):
        """A television whose maker is gone asks for each of sixty servers of its old cloud, none of which exists any
        more; then for one that does.
        leash must say: a finding of names, weak: many names that do not exist.
        A mistake: a fair one: the names are a person's choice."""
        tv = house.device(21).boot("living-room-tv")
        for number in range(60):
            house.until(10 + 2 * number)
            tv.lookup(f"server-{number}.television-cloud.example", status=3)
        tv.lookup("apps.television.example", "198.51.100.180")
        tv.tls("198.51.100.180", "apps.television.example")

    def random_probes(house):
        """A laptop's browser starts three times. Each time it asks for three random names of one label, to find out
        whether the provider lies about names (Chromium does so), once with the house's domain behind them, once with
        that of the provider; then it looks up a site and calls it.
        leash must say: nothing; the flows are `lookup`.
        A mistake: a finding of names: they look made up and do not exist."""
        laptop = house.device(25).boot("laptop", "MSFT 5.0")
        for start, suffix in enumerate(("", ".lan", ".provider.example")):
            house.until(10 + 100 * start)
            for number in range(3):
                laptop.lookup(letters(8 + 2 * number, f"probe {start} {number}") + suffix, status=3)
            laptop.lookup("news.example", "198.51.100.10")
            laptop.tls("198.51.100.10", "news.example")

    def lookups_by_digest(house):
        """A computer with an antivirus program that asks its maker about 150 files by their digests, as long names
        under one domain; a mail filter on it asks whether 50 senders are on a list, which they are not, and looks up
        their names (in reverse).
        leash must say: nothing.
        A mistake: a finding of names, since the names are long, or do not exist."""
        computer = house.device(25).boot("computer", "MSFT 5.0")
        computer.lookup("maker.example", "198.51.100.10")
        computer.tls("198.51.100.10", "maker.example")
        for number in range(150):
            house.until(60 + 2 * number)
            computer.lookup(f"{noise(24, f'file {number}').hex()}.i.07.s.sophosxl.net", "127.0.0.2")
        for number in range(50):
            house.until(400 + 2 * number)
            computer.lookup(f"{number}.2.0.192.zen.spamhaus.org", status=3)
            computer.ask(f"{number}.2.0.192.in-addr.arpa", 12)(status=3)

    def hijack_check(house):
        """An amplifier asks every ten minutes for a name that does not exist, to find out whether the provider lies
        about names, and looks up its maker's server once an hour.
        leash must say: nothing.
        A mistake: a finding of names, because six of seven lookups fail."""
        amplifier = house.device(27).boot("amplifier")
        for number in range(18):
            house.until(10 + 600 * number)
            amplifier.lookup("hqzxvkwjtqpl.example", status=3)
            if number % 6 == 0:
                amplifier.lookup("radio.example", "198.51.100.27")
                amplifier.tls("198.51.100.27", "radio.example")

    def content_network(house):
        """A television plays from a content network: a hundred names with digests in them, all of which exist, under
        two domains.
        leash must say: nothing; all flows are `lookup`.
        A mistake: a finding of names, since they look made up."""
        tv = house.device(21).boot("living-room-tv")
        for number in range(50):
            house.until(10 + 9 * number)
            tv.lookup(f"{letters(13, f'customer {number}')}.cloudfront.net", "198.51.100.180")
            tv.lookup(f"r{number}---sn-{letters(8, f'cache {number}')}.video.example", "198.51.100.181")
            tv.tls("198.51.100.180")

    def quiet_devices(house):
        """A plug asks for the time by address and checks whether it is online; a bulb asks for updates; a speaker asks
        a STUN server how it is seen from outside and calls its cloud; a printer talks to the house alone.
        leash must say: of each in one sentence what it does; `purpose` of all contacts but the speaker's cloud.
        A mistake: an empty line, or a purpose of the printer's, or of the cloud."""
        plug, bulb = house.device(23).boot("kitchen-plug"), house.device(20).boot("hallway-bulb")
        speaker, printer = house.device(28).boot("speaker"), house.device(29).boot("printer")
        house.until(10)
        plug.lookup("connectivitycheck.gstatic.com", "198.51.100.30")
        plug.talk(Stream, "198.51.100.30", 80).open().sends(http("connectivitycheck.gstatic.com")).gets(
            HTTP_ANSWER
        ).close()
        plug.ntp("203.0.113.123")
        bulb.lookup("fw-update.bulb.example", "198.51.100.20")
        bulb.tls("198.51.100.20", "fw-update.bulb.example")
        speaker.lookup("cloud.speaker.example", "198.51.100.28")
        speaker.tls("198.51.100.28", "cloud.speaker.example")
        speaker.lookup("stun.example.com", "198.51.100.90")
        ask = speaker.talk(Datagrams, "198.51.100.90", 3478)
        ask.sends(stun(1)).gets(stun(0x101, ("203.0.113.9", 40000)))
        printer.talk(Stream, bulb.v4, 80).open().sends(http("bulb.lan")).gets(HTTP_ANSWER).close()

    def tells_its_mac(house):
        """A plug looks up its maker's server and tells it, in the clear, its hardware address; a camera tells the name
        of the wireless network, which the config lists as private, in a datagram.
        leash must say: of each a finding of plaintext, weak.
        A mistake: one that counts, or none because the plug writes its address in capitals and without colons."""
        house.config = "config leash\n\tlist private 'our wlan'\n"
        plug, camera = house.device(23).boot("kitchen-plug"), house.device(22).boot("garden-camera")
        house.until(10)
        for device, name, address in (
            (plug, "plug.example", "198.51.100.23"),
            (camera, "camera.example", "198.51.100.22"),
        ):
            device.lookup(name, address)
        ask = f"GET /register?id={plug.mac.replace(':', '').upper()} HTTP/1.1\r\nHost: plug.example\r\n\r\n".encode()
        plug.talk(Stream, "198.51.100.23", 80).open().sends(ask).gets(HTTP_ANSWER).close()
        camera.talk(Datagrams, "198.51.100.22", 10001).sends(b'{"ssid":"our wlan","rssi":-50}').gets(b"ok")

    def tells_strange_macs(house):
        """A look-alike: a plug sends a hardware address that belongs to nobody in the house; a camera sends its own and
        the network's name to another device of the house, and to its maker inside TLS.
        leash must say: no finding.
        A mistake: plaintext, for digits that look like an address, or for what stays in the house."""
        house.config = "config leash\n\tlist private 'our wlan'\n"
        plug, camera = house.device(23).boot("kitchen-plug"), house.device(22).boot("garden-camera")
        house.until(10)
        for device, name, address in (
            (plug, "plug.example", "198.51.100.23"),
            (camera, "camera.example", "198.51.100.22"),
        ):
            device.lookup(name, address)
        plug.talk(Stream, "198.51.100.23", 80).open().sends(
            b"GET /0200000000AA/020000000 HTTP/1.1\r\nHost: plug.example\r\n\r\n"
        ).gets(HTTP_ANSWER).close()
        own = f"GET /{camera.mac}/Our%20WLAN/Our WLAN HTTP/1.1\r\nHost: plug.lan\r\n\r\n".encode()
        camera.talk(Stream, plug.v4, 80).open().sends(own).gets(HTTP_ANSWER).close()
        camera.tls("198.51.100.22", f"{camera.mac.replace(':', '')}.camera.example")

    def keeps_to_itself(house):
        """A look-alike: a speaker that tells its maker a name of its own and its version in the clear, and a word that
        only resembles the private one.
        leash must say: no finding.
        A mistake: plaintext, for whatever is in the clear."""
        house.config = "config leash\n\tlist private 'our wlan'\n"
        speaker = house.device(28).boot("speaker")
        speaker.lookup("speaker.example", "198.51.100.28")
        ask = b"GET /v2?name=speaker-28&net=Your-WLAN HTTP/1.1\r\nHost: speaker.example\r\n\r\n"
        speaker.talk(Stream, "198.51.100.28", 80).open().sends(ask).gets(HTTP_ANSWER).close()

    def address_moves(house):
        """192.168.8.40 belongs to a tablet, which looks up a name and uses it. Then the tablet leaves and DHCP gives
        its address to a console, which looks up another name and calls the tablet's address without a lookup.
        leash must say: two devices; the tablet's flow is `lookup`, the console's flow to 198.51.100.170 is
        `other-device`.
        A mistake: `lookup`, because the same IPv4 address had asked for it."""
        tablet, console = house.device(30, "192.168.8.40"), house.device(31, "192.168.8.40")
        tablet.boot("kids-tablet", "android-dhcp-14").lookup("tablet.example", "198.51.100.170")
        tablet.tls("198.51.100.170", "tablet.example")
        house.until(3600)
        console.boot("games-console").lookup("console.example", "198.51.100.171")
        console.tls("198.51.100.171", "console.example")
        console.tls("198.51.100.170")

    def other_device(house):
        """A television looks up stream.example and uses the address. A plug calls the same address without a lookup,
        though it looks up other names.
        leash must say: the television's flow is `lookup`, the plug's is `other-device`.
        A mistake: `lookup` for the plug, or `none` without a word of the television's name for the address."""
        tv, plug = house.device(21).boot("living-room-tv"), house.device(23).boot("kitchen-plug")
        tv.lookup("stream.example", "198.51.100.180")
        tv.tls("198.51.100.180", "stream.example", received=1300)
        plug.lookup("plug.example", "198.51.100.23")
        plug.tls("198.51.100.23", "plug.example")
        plug.tls("198.51.100.180")

    def foreign_dns(house):
        """A TV box asks 8.8.8.8 instead of the router, in the clear, and uses the answers.
        leash must say: the flow to 8.8.8.8:53 is dns to a server outside the house, a finding of bypass; the flows to
        the answers are `lookup`.
        A mistake: to believe the router's answers only, or to call 8.8.8.8 a contact like any other."""
        box = house.device(24).boot("tv-box")
        for number in range(3):
            house.wait(5)
            box.lookup(f"portal-{number}.example", f"198.51.100.{190 + number}", server="8.8.8.8")
            box.tls(f"198.51.100.{190 + number}", f"portal-{number}.example")

    def resolver_of_the_house(house):
        """A Raspberry Pi finds addresses itself: for each of twelve names it asks a root server, one of the top level,
        and one of the domain.
        leash must say: one finding of bypass, weak, on the Pi as a whole: it is a resolver itself.
        A mistake: a finding for each of the name servers, or direct-ip for any of them."""
        resolver = house.device(53).boot("raspberry")
        roots = ["198.41.0.4", "192.33.4.12", "199.7.91.13"]
        for number in range(12):
            top, zone = f"192.0.2.{10 + number % 4}", f"198.51.100.{10 + number}"
            resolver.ask("example", NS, roots[number % 3])(
                records=[("example", NS, "a.top.example")], others=[("a.top.example", A, ip_bytes(top))]
            )
            name = f"vendor{number}.example"
            resolver.ask(name, NS, top)(records=[(name, NS, f"ns.{name}")], others=[(f"ns.{name}", A, ip_bytes(zone))])
            resolver.lookup(f"api.{name}", f"203.0.113.{10 + number}", server=zone)
            house.wait(20)

    def list_of_resolvers(house):
        """A look-alike: a plug with a list of twelve resolvers of strangers asks one after the other for the same name.
        leash must say: one finding of bypass, fair, on the plug as a whole: it asks nobody from the root on, so it is
        no resolver; each of the twelve contacts is still watched for bypass.
        A mistake: twelve findings; or a weak one, or contacts that are allowed, by which a bot could hide."""
        plug = house.device(23).boot("kitchen-plug")
        for number in range(12):
            plug.lookup("home.plug.example", "203.0.113.9", server=f"198.51.100.{10 + number}")
            house.wait(20)

    def one_direction(house):
        """A capture at one side of a switch: what a phone sends is seen, and nothing that it gets, from anybody. It
        opens forty QUIC connections.
        leash must say: nothing. That nobody answers cannot be known here.
        A mistake: a finding of scan."""
        phone = house.device(10)
        phone.arp()
        for number in range(40):
            talk = phone.talk(Datagrams, f"198.51.100.{10 + number}", 443)
            for _ in range(3):
                talk.sends(noise(1200, f"initial {number}"))
                house.wait(0.1)
            house.wait(1)

    def fake_addresses(house):
        """A proxy on the router answers a tablet with addresses that it makes up (198.18.0.0/15), and the tablet calls
        them, also one that it was told before the capture began, and 203.0.113.50 by address. The names of a plug are
        left alone; it calls 203.0.113.50, too.
        leash must say: `lookup` for what the tablet asked for, `unknown` for the rest, with partial coverage;
        direct-ip for the plug's 203.0.113.50, which is blocked, and nothing else.
        A mistake: direct-ip or a block for an address that will mean another server tomorrow; or that what a proxy does
        for one device hides the other."""
        house.config = "config leash 'main'\n\toption default_mode 'guard'\n\tlist block_on 'direct-ip'\n"
        tablet = house.device(11).boot("kids-tablet")
        for number in range(4):
            tablet.lookup(f"shop{number}.example", f"198.18.0.{10 + number}")
            tablet.tls(f"198.18.0.{10 + number}", f"shop{number}.example")
            house.wait(5)
        tablet.tls("198.18.0.99", "earlier.example")
        tablet.tls("203.0.113.50")
        plug = house.device(23).boot("kitchen-plug")
        plug.lookup("plug.example", "198.51.100.20")
        plug.tls("198.51.100.20", "plug.example")
        plug.tls("203.0.113.50")

    def dot_doq(house):
        """A tablet asks 8.8.8.8:853 over TLS, and 203.0.113.53:853 over something that looks like QUIC (only the
        header of the Initial is real). Then it calls an address.
        leash must say: dot and doq, two findings of bypass; every flow is `unknown`, since the lookups cannot be seen.
        A mistake: tls or quic without the word DNS, or `none`."""
        tablet = house.device(30).boot("kids-tablet", "android-dhcp-14")
        tablet.tls("8.8.8.8", "dns.google", port=853)
        tablet.talk(Datagrams, "203.0.113.53", 853).sends(quic_initial())
        house.wait(5)
        tablet.tls("198.51.100.200", "hidden.example")

    def denied_then_by_address(house):
        """A television asks for a name that the house's blocker answers with 0.0.0.0, and each time calls the same
        address by itself a second later.
        leash must say: 203.0.113.70 is `none`, with findings of direct-ip and of bypass, both of which count; in
        guard that is a block.
        A mistake: direct-ip alone, or a finding for the name that it uses as it was told."""
        tv = house.device(21).boot("living-room-tv")
        tv.lookup("stream.example", "198.51.100.180")
        tv.tls("198.51.100.180", "stream.example")
        for round in range(5):
            house.until(60 + 120 * round)
            tv.lookup("telemetry.example", "0.0.0.0")
            house.wait(1)
            tv.tls("203.0.113.70", port=8443, sent=900, received=120)

    def denied_and_gave_up(house):
        """A look-alike: a phone asks for names of advertisers, which are answered with 0.0.0.0 or do not exist, and
        goes on with names that it was told.
        leash must say: every contact is `lookup`; there is no finding.
        A mistake: bypass, because something follows a denial."""
        phone = house.device(10).boot("anna-phone")
        for round in range(6):
            house.until(30 + 60 * round)
            phone.lookup(f"ads-{round}.example", *["0.0.0.0"] * (round % 2), status=0 if round % 2 else 3)
            phone.lookup(f"news-{round}.example", f"198.51.100.{20 + round}")
            phone.tls(f"198.51.100.{20 + round}", f"news-{round}.example")

    def denied_by_accident(house):
        """A look-alike: a plug calls an address of its own once a minute, and every ten minutes asks for a name that
        does not exist, as some do to find out whether the provider lies about names.
        leash must say: the address is `none`, a finding of direct-ip; bypass says nothing, since only few of the flows
        follow a denial.
        A mistake: two kinds of evidence, which in guard would block it."""
        plug = house.device(23).boot("kitchen-plug")
        plug.lookup("time.example", "198.51.100.60")
        for minute in range(30):
            house.until(60 + 60 * minute)
            if minute % 10 == 0:
                plug.lookup(f"nobody-{minute}.example", status=3)
                house.wait(2)
            plug.tls("203.0.113.80", port=9000, sent=200, received=100)

    def listed_address(house):
        """A television box calls 203.0.113.60 by its address. A list names the prefix around it, and the networks that
        are known say that it is no hosting network.
        leash must say: findings of direct-ip and of reputation (fair), with the list's title and its comment: two kinds
        of evidence, so that in guard it is blocked; what the box looked up is calm.
        A mistake: one of the two alone, or a finding for the neighbour of the prefix, 203.0.113.64."""
        house.warn(
            "# title: BADBOX servers\n203.0.113.60,an older entry\n203.0.113.56/29,relays of 2026\n",
            "default_mode 'guard'",
        )
        box = house.device(24).boot("tv-box")
        box.lookup("portal.example", "198.51.100.24", "203.0.113.64")
        box.tls("198.51.100.24", "portal.example")
        box.tls("203.0.113.64", "portal.example")
        for round in range(3):
            house.until(60 + 60 * round)
            box.tls("203.0.113.60", port=9998, sent=200, received=400)

    def listed_name(house):
        """A plug looks up c2.bad.example and uses the address; later it names deep.down.bad.example in a handshake
        with an address that it did not look up. A list in the form of a hosts file names bad.example.
        leash must say: two findings of reputation, fair; the first contact is `lookup`, so it is one kind of evidence.
        A mistake: nothing because the name is only below the one that is listed, or a block of the first."""
        house.warn("# title: Bad names\n0.0.0.0 bad.example other.example # since 2025\n", "default_mode 'guard'")
        plug = house.device(23).boot("kitchen-plug")
        plug.lookup("c2.bad.example", "198.51.100.66")
        plug.tls("198.51.100.66", "c2.bad.example")
        house.wait(30)
        plug.tls("198.51.100.67", "deep.down.bad.example")

    def listed_hosting(house):
        """A look-alike: a laptop looks up a shop. The shop's address is listed, for what another customer of the same
        hosting network did; and the owner has said that reputation alone is enough for a block.
        leash must say: a weak finding of reputation that says why it is weak, and no block.
        A mistake: fair or a block: the address is shared."""
        house.warn("198.51.100.77,a kit for phishing\n", "default_mode 'guard'\n\tlist block_on 'reputation'")
        laptop = house.device(25).boot("work-laptop")
        laptop.lookup("shop.example", "198.51.100.77")
        laptop.tls("198.51.100.77", "shop.example")

    def listed_sibling(house):
        """A look-alike: a list names ads.vendor.example; a television uses www.vendor.example, xads.vendor.example and
        vendor.example itself.
        leash must say: all three are calm.
        A mistake: a finding for a sibling, for the parent, or for a name that only ends in the same letters."""
        house.warn("||ads.vendor.example^\nvendor\n198.51.100.0/2\n192.168.8.0/24\n")
        tv = house.device(21).boot("living-room-tv")
        for number, name in enumerate(("www.vendor.example", "xads.vendor.example", "vendor.example")):
            tv.lookup(name, f"198.51.100.{90 + number}")
            tv.tls(f"198.51.100.{90 + number}", name)

    def answer_in_fragments(house):
        """A player asks for a name with sixty addresses. The answer comes in three IP fragments, over IPv4 in the order
        3, 1, 2 and over IPv6 in that in which they were sent. It calls the last address of either.
        leash must say: both are `lookup`, though the address stands in the last fragment.
        A mistake: to take the first fragment for all of the answer."""
        house.advertise()
        player = house.device(21, v6=["2001:db8:8::21"]).boot("kitchen-player")
        for kind, server, first, order in ((A, house.v4, 0xC6336400, [2, 0, 1]), (AAAA, house.v6, None, [0, 1, 2])):
            source = player.v4 if kind == A else player.v6[-1]
            addresses = [
                u32(first + number) if first else ip_bytes(f"2001:db8:cafe::{number:x}") for number in range(1, 61)
            ]
            talk = player.talk(Datagrams, server, 53, source)
            talk.sends(dns(player.port, "pool.player.example", kind, response=False, edns=True))
            records = [("pool.player.example", kind, address) for address in addresses]
            talk.gets(dns(player.port, "pool.player.example", kind, records, edns=True))
            whole = house.frames.pop()
            parts = [*fragments(whole.payload, 656 if kind == A else 1208, 0x1EA5)][:3]
            for index in [place for place in order if place < len(parts)]:
                house.put(whole.source, whole.destination, whole.kind, parts[index])
            house.wait(1)
            player.tls(str(ipaddress.ip_address(addresses[-1])), "pool.player.example")

    def answers_over_tcp(house):
        """A laptop asks over TCP, two questions on one connection. The first half of the first answer comes twice, and
        the halves of the second come in the wrong order. A third answer is truncated over UDP and asked for again.
        leash must say: every contact is `lookup`.
        A mistake: to read a segment twice, or to lose the stream behind a segment that came too early."""
        laptop = house.device(25).boot("work-laptop", "MSFT 5.0")

        def answer(name, address):
            return sized(dns(7, name, A, [(name, A, ip_bytes(address))]))

        def question(name):
            return sized(dns(7, name, A, response=False))

        talk = laptop.talk(Stream, house.v4, 53).open().sends(question("first.example") + question("second.example"))
        first, second = answer("first.example", "198.51.100.31"), answer("second.example", "198.51.100.32")
        half = len(first) // 2
        talk.segment(1, PSH | ACK, first[:half])
        talk.segment(1, PSH | ACK, first[:half])
        talk.segment(1, PSH | ACK, first[half:], half)
        talk.said(1, len(first))
        talk.say(1, second, split=30, order=[1, 0]).close()
        cut = laptop.talk(Datagrams, house.v4, 53)
        cut.sends(dns(laptop.port, "third.example", A, response=False))
        message = dns(laptop.port, "third.example", A)
        cut.gets(message[:2] + u8(message[2] | 2) + message[3:])
        talk = laptop.talk(Stream, house.v4, 53).open().sends(question("third.example"))
        talk.gets(answer("third.example", "198.51.100.33")).close()
        for number, name in enumerate(("first.example", "second.example", "third.example")):
            laptop.tls(f"198.51.100.{31 + number}", name)

    def two_routers(house):
        """IPv4 goes by one router, IPv6 by another. A laptop looks up what it calls, except 2001:db8:cafe::66. A bulb
        calls one server over IPv6, which sends first: its connection is older than the capture.
        leash must say: two devices; the servers behind the second router are outside, 2001:db8:cafe::66 is `none`, the
        bulb's old flow is `unknown` and not turned round.
        A mistake: to take the servers of one router for devices of the house, or to lose them as contacts."""
        second = "02:00:00:00:08:02"
        house.advertise(mac=second, link_local="fe80::8:2")
        bulb = house.device(20, v6=["2001:db8:8::20"]).boot("hallway-bulb")
        laptop = house.device(25, v6=["2001:db8:8::25"]).boot("work-laptop", "MSFT 5.0")
        far = [f"2001:db8:cafe:{number}::5" for number in range(5)]
        for address in [*far, "2001:db8:cafe:9::66", "2001:db8:cafe:7::1"]:
            house.stations[address] = second
        old = bulb.talk(Stream, "2001:db8:cafe:7::1", 8883)
        for _ in range(3):
            old.gets(sealed(200)).sends(sealed(60))
        for number, address in enumerate(far):
            house.wait(20)
            laptop.lookup(f"v4-{number}.example", f"198.51.100.{number + 1}")
            laptop.tls(f"198.51.100.{number + 1}", f"v4-{number}.example")
            laptop.lookup(f"v6-{number}.example", address)
            laptop.tls(address, f"v6-{number}.example")
            laptop.tls("2001:db8:cafe:9::66", port=7000)
        for address in (bulb.v6[0], laptop.v6[0]):
            del house.stations[address]

    def shared_router_address(house):
        """Two routers share the address 192.168.8.1 with a hardware address of its own (VRRP, RFC 9568): devices send
        to that, and what comes back comes from one or the other router.
        leash must say: one device, whose contact is `lookup`.
        A mistake: to show one of the three hardware addresses of the routers as a device."""
        virtual = "00:00:5e:00:01:08"
        plug = house.device(23).boot("kitchen-plug")
        for number in range(4):
            house.wait(30)
            plug.lookup(f"n{number}.plug.example", f"198.51.100.{number + 1}")
            plug.tls(f"198.51.100.{number + 1}", f"n{number}.plug.example")

        def share(frame):
            own = frame.kind == ARP or frame.payload[12:16] == ip_bytes(house.v4)
            real = house.mac if frame.at < 70_000_000 else "02:00:00:00:08:02"
            source = {True: virtual, False: real}[own] if frame.source == house.mac else frame.source
            return frame._replace(
                source=source, destination=virtual if frame.destination == house.mac else frame.destination
            )

        house.resend(share)

    def one_server_over_ipv6(house):
        """A hub has one server, by IPv6, and asks the router for its name at the router's own global address, which
        is one of the prefix that the router advertises.
        leash must say: the server is outside and `lookup`; to ask the router is no bypass.
        A mistake: to lose the contact since there is one network on either side."""
        own = "2001:db8:8::1"
        house.stations[own] = house.mac
        house.advertise(resolver=own)
        hub = house.device(22, v6=["2001:db8:8::22"]).boot("attic-hub")
        hub.announce()
        for _ in range(3):
            house.wait(60)
            hub.lookup("cloud.hub.example", "2001:db8:cafe::22", server=own)
            hub.tls("2001:db8:cafe::22", "cloud.hub.example", port=8883)

    def behind_extender(house):
        """Three devices behind a Wi-Fi extender, which puts its own hardware address on all that they send but their
        DHCP messages.
        leash must say: three devices with their own addresses, each with its contact as `lookup`; none is the extender.
        A mistake: one device with three addresses."""
        extender = "02:00:00:00:0e:0e"
        names = ("hallway-bulb", "living-room-tv", "garden-camera")
        devices = [house.device(20 + number).boot(name) for number, name in enumerate(names)]
        for number, device in enumerate(devices):
            house.wait(10)
            device.lookup(f"{names[number]}.example", f"198.51.100.{20 + number}")
            device.tls(f"198.51.100.{20 + number}", f"{names[number]}.example")
        macs = [device.mac for device in devices]

        def extend(frame):
            if frame.kind == IPV4 and frame.payload[9] == UDP and frame.payload[20:22] in (u16(67), u16(68)):
                return frame
            payload = frame.payload
            if frame.kind == ARP and frame.source in macs:
                payload = payload[:8] + mac_bytes(extender) + payload[14:]
            source, destination = (extender if mac in macs else mac for mac in (frame.source, frame.destination))
            return frame._replace(source=source, destination=destination, payload=payload)

        house.resend(extend)

    def all_interfaces(house):
        """A router's capture of all its interfaces: each packet is there at the port of the bridge, at the bridge, and
        translated on the far side; and the router asks for the time there itself.
        leash must say: one device, each flow once, with the bytes of one copy.
        A mistake: to count a packet three times, or to show the router's far side as a device."""
        bulb = house.device(20).boot("hallway-bulb")
        for number in range(3):
            house.wait(20)
            bulb.lookup(f"n{number}.bulb.example", f"198.51.100.{number + 1}")
            bulb.tls(f"198.51.100.{number + 1}", f"n{number}.bulb.example", received=2000)
        wan, far = "100.64.8.8", "02:00:00:00:ff:01"
        house.capture = lambda frames: {"capture.pcap": of_all_interfaces(frames, wan, far)}

    def two_interfaces(house):
        """A pcapng of a bridge and of its port, which has every packet twice.
        leash must say: the same as of one of them.
        A mistake: twice the bytes and twice the lookups."""
        bulb = house.device(20).boot("hallway-bulb")
        bulb.lookup("cloud.bulb.example", "198.51.100.20")
        bulb.tls("198.51.100.20", "cloud.bulb.example", received=2000)
        house.capture = lambda frames: {"capture.pcapng": pcapng_of_two(frames)}

    def between_devices_and_router(house):
        """A laptop stands between the other devices and the router by false ARP answers, and captures what it passes
        on, as tools do with which people look at their own house: each packet is there when the laptop gets it and when
        it sends it on. The laptop calls 203.0.113.25 on its own account.
        leash must say: the bulb's contact is its own, counted once and `lookup`; the laptop is a device, too, and its
        contact is `none`.
        A mistake: to give the bulb's address to the laptop, to count twice, or to hide the laptop as a router."""
        laptop = house.device(25).boot("work-laptop", "MSFT 5.0")
        bulb = house.device(20).boot("hallway-bulb")
        house.wait(10)
        first = house.now
        for number in range(4):
            bulb.lookup(f"n{number}.bulb.example", f"198.51.100.{number + 1}")
            bulb.tls(f"198.51.100.{number + 1}", f"n{number}.bulb.example", received=2000)
            house.wait(20)
        laptop.lookup("own.laptop.example", "198.51.100.25")
        laptop.tls("198.51.100.25", "own.laptop.example")
        laptop.tls("203.0.113.25", port=7000)

        def relay(frame):
            if frame.at < first * 1e6 or bulb.mac not in (frame.source, frame.destination):
                return frame
            payload = frame.payload[:8] + u8(frame.payload[8] - 1) + frame.payload[9:]
            passed = frame._replace(at=frame.at + 300, source=laptop.mac, payload=payload)
            return [frame._replace(destination=laptop.mac), passed]

        house.resend(relay)

    def running_udp(house):
        """Three UDP flows ran when the capture began: QUIC whose server sends first, QUIC whose device does, and a
        WireGuard tunnel. A camera that starts later sends to an address by a protocol of its own.
        leash must say: the three are `unknown`, the camera's is `none`.
        A mistake: to judge what is older than the capture, or to let the camera hide by it."""
        phone = house.device(10)
        short = u8(0x43) + noise(60, "short")
        tunnel = b"\4\0\0\0" + noise(92, "tunnel")
        for address, port, data, first in (
            ("198.51.100.41", 443, short, "gets"),
            ("198.51.100.42", 443, short, "sends"),
            ("198.51.100.43", 51820, tunnel, "sends"),
        ):
            flow = phone.talk(Datagrams, address, port)
            for say in [first, "sends", "gets", "sends", "gets"]:
                getattr(flow, say)(data)
        phone.lookup("new.example", "198.51.100.44")
        phone.tls("198.51.100.44", "new.example")
        house.until(20)
        camera = house.device(22).boot("garden-camera")
        camera.lookup("cloud.camera.example", "198.51.100.90")
        camera.tls("198.51.100.90", "cloud.camera.example")
        own = camera.talk(Datagrams, "203.0.113.90", 10001)
        for _ in range(5):
            own.sends(noise(80, "own")).gets(noise(40, "own"))
            house.wait(5)

    def claims_to_be_a_router(house):
        """A camera says of itself that it is a router: by advertisements of the prefix of its maker's server and of a
        resolver that nobody answers at, and by packets that it sends from addresses of the Internet. It calls its
        maker's server at an address that it never looked up.
        leash must say: the camera is a device, its contact is `none` and a finding; the bulb's contact stays `lookup`.
        A mistake: to believe it, so that it vanishes, its server counts as in the house, or all lookups as hidden."""
        house.advertise()
        bulb = house.device(20, v6=["2001:db8:8::20"]).boot("hallway-bulb")
        camera = house.device(22, v6=["fe80::22", "2001:db8:8::22"]).boot("garden-camera")
        camera.lookup("cloud.camera.example", "198.51.100.90")
        camera.tls("198.51.100.90", "cloud.camera.example")
        camera.lookup("cloud.camera.example", "2001:db8:cafe:90::1")
        camera.tls("2001:db8:cafe:90::1", "cloud.camera.example")
        claim = {"mac": camera.mac, "link_local": "fe80::22", "prefix": "2001:db8:cafe:666::", "resolver": "fd00:8::66"}
        for number in range(6):
            house.until(30 + 60 * number)
            house.advertise(**claim)
            spoofed = Datagrams(camera, (f"203.0.113.{100 + number}", 443), (bulb.v4, 40000 + number))
            spoofed.macs = (camera.mac, bulb.mac)
            spoofed.sends(noise(40, "spoofed"))
            bulb.lookup(f"n{number}.bulb.example", f"2001:db8:cafe:{number}::1")
            bulb.tls(f"2001:db8:cafe:{number}::1", f"n{number}.bulb.example")
            camera.tls("2001:db8:cafe:666::1", port=7000)

    def midstream(house):
        """Two TCP flows of a television were running before the capture began; later it looks up a name and uses it.
        leash must say: the two are `unknown` and midstream, though the lookups of the device are seen; the third is
        `lookup`.
        A mistake: `none`: the lookup may have been before the capture. Or to take the server, which speaks first
        here, for the device."""
        tv = house.device(21)
        for number in range(2):
            running = tv.talk(Stream, f"198.51.100.{210 + number}", 443)
            for _ in range(3):
                running.gets(sealed(300)).sends(sealed(100))
                house.wait(3)
        tv.lookup("new.example", "198.51.100.220")
        tv.tls("198.51.100.220", "new.example")

    def whole_house(house):
        """Twenty minutes of a house of eight: a phone and a television that look up what they use, a bulb that asks
        first, a camera that uploads all the time to an address of its own, a plug that asks an address for the time,
        a TV box with SOCKS inside, a laptop with DNS over HTTPS, and a thermostat with one heartbeat a minute.
        leash must say: `none` for the camera's 203.0.113.50, the plug's 203.0.113.123 (ntp) and the box's
        203.0.113.60 (socks); `unknown` for the laptop, and a finding of bypass; `lookup` for all the rest.
        A mistake: a finding for phone, television, bulb or thermostat, or direct-ip for the laptop."""
        names = "anna-phone hallway-bulb living-room-tv garden-camera kitchen-plug tv-box work-laptop thermostat"
        devices = {}
        for number, name in zip((10, 20, 21, 22, 23, 24, 25, 26), names.split()):
            devices[name] = house.device(number).boot(name)
            house.wait(1)
        phone, bulb, tv, camera, plug, box, laptop, thermostat = devices.values()

        def calls(at, device, name, number):
            house.until(at)
            device.lookup(name, f"198.51.100.{number}")
            device.tls(f"198.51.100.{number}", name)

        for number, name in enumerate(["news", "mail", "weather", "maps", "music", "bank", "chat", "photos"]):
            calls(30 + 140 * number, phone, f"{name}.example.com", 10 + number)
        for at in (60, 660):
            calls(at, tv, "stream.example", 180)
            calls(at + 30, bulb, "cloud.bulb.example", 20)
            plug.ntp("203.0.113.123")
        for at, device, name, number in ((15, camera, "camera", 22), (18, plug, "plug", 23), (21, box, "portal", 24)):
            calls(at, device, f"{name}.example", number)
        upload = camera.talk(Datagrams, "203.0.113.50", 10001)
        for number in range(40):
            house.until(30 + 29 * number)
            upload.sends(rtp(number))
        house.until(200)
        laptop.tls("1.1.1.1", "cloudflare-dns.com")
        for number in (1, 2):
            laptop.tls(f"192.0.2.{number}", "work.example")
        house.until(400)
        proxy = box.talk(Stream, "203.0.113.60", 21477).open()
        proxy.sends(b"\5\1\0").gets(b"\5\0").sends(socks5("192.0.2.80", 80)).gets(b"\5\0\0\1" + bytes(6))
        proxy.sends(http("inside.example")).gets(HTTP_ANSWER).close()
        house.until(25)
        thermostat.lookup("heat.example", "198.51.100.26")
        heart = thermostat.talk(Stream, "198.51.100.26", 8883).open()
        heart.sends(client_hello("heat.example")).gets(server_hello())
        for minute in range(1, 20):
            house.until(25 + 60 * minute)
            heart.sends(sealed(30)).gets(sealed(30))


def tiny_story(house):
    """One lookup, one flow that it explains, and one flow to an address that nothing explains."""
    plug = house.device(23)
    plug.arp()
    nearby = [("plug.example", NS, f"ns{number}.provider.example") for number in range(1, 7)]
    plug.lookup("plug.example", "198.51.100.23", others=nearby)
    plug.tls("198.51.100.23", "plug.example")
    house.wait(10)
    plug.tls("203.0.113.50", port=8883)


FORMS = {
    "big-endian-ns": ("a pcap file of a big-endian machine with nanoseconds", dict(order=">", nanoseconds=True)),
    "pcapng": ("a pcapng file with nanoseconds and a block of another kind among the packets", None),
    "vlan": ("Ethernet with an 802.1Q tag", dict(link=vlan)),
    "qinq-pppoe": ("Ethernet with two tags (802.1ad) and PPPoE", dict(link=qinq_pppoe)),
    "sll": ("Linux cooked: only the sender's MAC is known", dict(link=sll)),
    "sll2": ("Linux cooked, version 2: only the sender's MAC is known", dict(link=sll2)),
    "raw-ip": ("raw IP: no MAC at all, so a device is its address", dict(link=raw_ip)),
    "nflog": ("NFLOG: what the router itself sends has no MAC", dict(link=nflog)),
    "null": ("BSD loopback: no MAC at all, so a device is its address", dict(link=loopback)),
    "snaplen": (
        "the first 150 bytes of each packet. The DNS answer is cut behind its answer section and\n"
        "the TLS greeting before its name: sizes must still be those on the wire, and the service tls without a name",
        dict(snap=150),
    ),
}


def form_readme(form, about):
    return f"""# form-{form}

The same short story as in all `form-*` cases, captured as {about}.
A plug looks up plug.example and uses its address, and calls 203.0.113.50:8883 without a lookup.

leash must say: 198.51.100.23 is `lookup`, 203.0.113.50 is `none`.

A mistake: packets counted as malformed, or anything that the other forms do not say.
"""


# ---- Files that are not right ----------------------------------------------------------------------------------------


def bad_files():
    """Files that are damaged, or not captures, or captures that lie. None may make leash panic, hang or grow.

    | file | what leash must do |
    |---|---|
    | truncated.pcap | ends in the middle of a packet: say at which byte, report what came before as partial, exit 65 |
    | empty.pcap | has no bytes: say so, exit 65 |
    | garbage.pcap | random bytes: say that it is neither a capture nor an event file, exit 65 |
    | wrong-magic.pcap | a capture but for one bit of its first four bytes: the same |
    | absurd-length.pcap | announces a packet of 2 GB after good ones: say at which byte, reserve nothing, exit 65 |
    | backwards.pcap | time goes back by 10 s, then 9 years ahead, then back: read it all, no absurd ages, exit 0 |
    | zero-length.pcap | packets of which nothing was captured: count them, exit 0 |
    | compressed.pcap.gz | begins as gzip does: name it, and say how to unpack it, exit 65 |
    | radiotap.pcap | of monitor mode: name its link type, exit 65 |
    | user-link.pcapng | of a link type that has no name: say its number, exit 65 |
    | some-radiotap.pcapng | of two interfaces: read the one, name the link type of the other, exit 0 |
    """
    house = House()
    tiny_story(house)
    frames = house.in_order()
    good, few = pcap(frames), pcap(frames[:12])
    jumps = [[0, -10, 9 * YEAR, 60][number * 4 // len(frames)] for number in range(len(frames))]
    wild = [frame._replace(at=frame.at + jump * 1_000_000) for frame, jump in zip(frames, jumps)]
    lies = b"".join(struct.pack("<IIII", START + second, 0, 0, 60 * (second % 2)) for second in range(10))
    return {
        "truncated.pcap": good[:-33],
        "empty.pcap": b"",
        "garbage.pcap": noise(4096, "garbage"),
        "wrong-magic.pcap": b"\xd5" + good[1:],
        "absurd-length.pcap": few + struct.pack("<IIII", START + 60, 0, 1 << 31, 1 << 31) + bytes(64),
        "backwards.pcap": pcap(wild),
        "zero-length.pcap": good[:24] + lies,
        "compressed.pcap.gz": b"\x1f\x8b\x08\0" + noise(200, "compressed"),
        "radiotap.pcap": few[:20] + struct.pack("<I", 127) + few[24:],
        "user-link.pcapng": pcapng(frames[:12], (147,)),
        "some-radiotap.pcapng": pcapng(frames, (1, 127)),
    }


def write(folder, files):
    """Writes the files; with --check compares them with those that are there instead."""
    for name, content in files.items():
        path, content = HERE / folder / name, content if isinstance(content, bytes) else content.encode()
        if "--check" in sys.argv:
            if not path.exists() or path.read_bytes() != content:
                sys.exit(f"{path} is not what this script makes: run it")
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)


def readme(name, story):
    return re.sub(r"\n(leash must say|A mistake)", r"\n\n\1", f"# {name}\n\n{inspect.getdoc(story)}\n")


def main():
    for story in (story for name, story in vars(Cases).items() if not name.startswith("_")):
        name, house = story.__name__.replace("_", "-"), House()
        story(house)
        config = {"config": house.config.replace("CASE", f"tests/replay/{name}")} if house.config else {}
        capture = house.capture(house.in_order())
        write(name, {"README.md": readme(name, story), **capture, **config, **house.files})
    for form, (about, how) in FORMS.items():
        house = House()
        tiny_story(house)
        frames = house.in_order()
        capture = {"capture.pcap": pcap(frames, **how)} if how else {"capture.pcapng": pcapng(frames)}
        write(f"form-{form}", {"README.md": form_readme(form, about), **capture})
    write("bad", {"README.md": readme("bad", bad_files), **bad_files()})


if __name__ == "__main__":
    main()
