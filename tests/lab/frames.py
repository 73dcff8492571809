"""Frames made by hand, for stories of hostile devices and hostile users; and what such stories ask again and again."""

import contextlib
import json
import os
import random
import shutil
import socket
import struct
import subprocess
import sys

import lab as kit

GUARD = "list block_on direct-ip\noption default_mode guard"  # what nobody looked up is blocked at once


def ready(lab, settings=GUARD, **more):
    """leash runs, and has seen a lookup and a call of the first two devices: of bulb.example and tv.example."""
    lab.names(bulb="45.10.1.1", tv="45.10.1.2")
    lab.start(settings, **more)
    for device, name, address in zip(lab.devices, ["bulb", "tv"], ["45.10.1.1", "45.10.1.2"]):
        assert device.lookup(f"{name}.example") == [address] and device.reaches(address)
        lab.until(lambda: lab.explained(device, address) == "lookup", f"the lookup of {name}.example is seen")


def named(lab, device):
    """doctor complains of this device by its name, hardware address or address."""
    words = [device.mac, device.ip, device.ip6]
    return any(word in str(complaint) for complaint in lab.leash("doctor")["complaints"] for word in words)


def blocked(lab, device, address):
    return (device.number, address) in lab.blocks()


def in_kernel(lab, *words):
    return all(word in lab.router.run("nft list table inet leash", check=False) for word in words)


class Wire:
    """Sends frames from a device to the router, as whoever it wants to be."""

    def __init__(self, lab, device):
        self.own = hardware(device.mac)
        with device.ns:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.socket.bind(("eth0", 0))
        self.router = hardware(lab.router.run("ip -o link show br-lan").split("link/ether ")[1].split()[0])

    def frame(self, packet, source=None, kind=None, to=None):
        kind = kind or (0x86DD if packet[0] >> 4 == 6 else 0x0800)
        return (to or self.router) + (hardware(source) if source else self.own) + struct.pack(">H", kind) + packet

    def send(self, packet, source=None, kind=None, to=None):
        self.socket.send(self.frame(packet, source, kind, to))

    def claims(self, address, source=None):
        """Tells the router, unasked, that an address is here."""
        here = hardware(source) if source else self.own
        if ":" in address:
            body = struct.pack(">I", 0x20000000) + number(address) + b"\2\1" + here
            return self.send(
                ip(address, kit.ROUTER6, 58, with_sum(address, kit.ROUTER6, 58, b"\x88\0\0\0" + body, 2), 255), source
            )
        packet = struct.pack(">HHBBH", 1, 0x0800, 6, 4, 2) + here + number(address) + self.router + number(kit.ROUTER4)
        self.send(packet, source, 0x0806)


def hardware(text):
    return bytes.fromhex(text.replace(":", ""))


def number(address):
    return socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total >> 16) + (total & 0xFFFF)
    return ~total & 0xFFFF


def with_sum(source, to, protocol, segment, at):
    """A segment with its checksum, which stands at `at`."""
    head = number(source) + number(to) + struct.pack(">IHBB", len(segment), 0, 0, protocol)
    value = checksum(head + segment) or 0xFFFF
    return segment[:at] + struct.pack(">H", value) + segment[at + 2 :]


def ip(source, to, protocol, payload, hops=64):
    if ":" in source:
        return struct.pack(">IHBB", 6 << 28, len(payload), protocol, hops) + number(source) + number(to) + payload
    head = (
        struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(payload), random.randrange(65536), 0, hops, protocol, 0)
        + number(source)
        + number(to)
    )
    return head[:10] + struct.pack(">H", checksum(head)) + head[12:] + payload


def udp(source, port, to, to_port, data):
    head = struct.pack(">4H", port, to_port, 8 + len(data), 0)
    return ip(source, to, 17, with_sum(source, to, 17, head + data, 6))


def tcp(source, port, to, to_port, flags, sequence=1, acknowledged=0, data=b""):
    head = struct.pack(">HHIIBBHHH", port, to_port, sequence, acknowledged, 5 << 4, flags, 65535, 0, 0)
    return ip(source, to, 6, with_sum(source, to, 6, head + data, 16))


def question(name, kind=1):
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    return struct.pack(">6H", random.randrange(65536), 0x100, 1, 0, 0, 0) + labels + b"\0" + struct.pack(">HH", kind, 1)


def dhcp(lab, device, name, address):
    """The device says its host name to the router and takes an address."""
    wire = Wire(lab, device)
    for kind, more in [(1, b""), (3, b"\x32\4" + number(address))]:
        options = (
            b"\x63\x82\x53\x63\x35\1" + bytes([kind]) + b"\x0c" + bytes([len(name)]) + name.encode() + more + b"\xff"
        )
        head = struct.pack(">BBBBIHH16x", 1, 1, 6, 0, 77, 0, 0x8000) + hardware(device.mac) + bytes(202)
        wire.send(udp("0.0.0.0", 68, "255.255.255.255", 67, head + options), to=b"\xff" * 6)
        lab.until(lambda: kind == 1 or address in open(f"{lab.folder}/leases").read(), "the lease is given")
        lab.holds(lambda: True, "", 0.3)


def datagrams(device, targets, pause=8):
    """One datagram each to addresses and ports, each from another port: many from one port are taken for a session."""
    for count, target in enumerate(targets):
        with device.ns:
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sender, contextlib.suppress(OSError):  # it is refused by now
            sender.sendto(b"x", target)
        if count % pause == 0:
            kit.time.sleep(0.004)


def fill_blocks(lab, hostile):
    """Hardware addresses that may be one device: each calls a thousand addresses that it never looked up."""
    lab.names(bulb="45.10.1.1")
    lab.start(GUARD)
    for device in lab.devices:
        assert device.lookup("bulb.example")
    for device in hostile:
        datagrams(device, [(f"45.10.{100 + n // 250}.{n % 250}", 7000) for n in range(1000)])
    blocks, before = lambda: lab.leash("status")["blocks"], -1
    while blocks() != before:
        before = blocks()
        kit.time.sleep(1)


def invent(lab, device, count):
    """The device pretends to be so many others, which answer when the router looks for them."""
    wire = Wire(lab, device)
    for n in range(count):
        other, address = f"06:00:00:00:{n >> 8:02x}:{n & 255:02x}", f"192.168.{100 + n // 250}.{n % 250 + 1}"
        wire.send(udp(address, 5000, kit.ROUTER4, 53, question("bulb.example")), other)
        kit.time.sleep(0.001)
    for n in range(count):
        wire.claims(f"192.168.{100 + n // 250}.{n % 250 + 1}", f"06:00:00:00:{n >> 8:02x}:{n & 255:02x}")
    kit.time.sleep(2)


def hold_flows(device, count):
    """UDP flows to one address that was looked up, at ever new ports."""
    with device.ns:
        senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(8)]
    for n in range(count):
        senders[n % 8].sendto(b"x", ("45.10.1.1", 20000 + n // 8))
        if n % 16 == 0:
            kit.time.sleep(0.002)
    for sender in senders:
        sender.close()


class Seen:
    """What comes out of the house on its way to the Internet."""

    def __init__(self, lab):
        with lab.inet_ns:
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
        self.socket.bind(("eth0", 0))
        self.socket.settimeout(0.4)

    def count(self, to):
        """IP packets to this address so far, but for resets, with which a device answers what it did not ask for."""
        found = 0
        with self.socket:
            while frame := kit.receives(self.socket):
                if frame[12:14] == b"\x08\x00" and frame[23] == 6 and frame[47] & 4:
                    continue
                found += (number(to) in frame[30:34]) if frame[12:14] == b"\x08\x00" else (number(to) == frame[38:54])
        return found


class House:
    """Events of a house, as `leash record` writes them, to be replayed: a month takes seconds."""

    def __init__(self):
        self.lines, self.seen, self.ports = [], set(), 0
        self.say(0, 0, "clock")
        self.say(0, 0, "lan 192.168.0.0/16")

    def say(self, day, second, text):
        self.lines.append((day * 86_400 + second, text))

    def mac(self, who):
        return f"02:00:00:00:{who >> 8:02x}:{who & 255:02x}"

    def address(self, day, second, who):
        ip = f"192.168.{who // 200}.{1 + who % 200}"
        if (day, who) not in self.seen:
            self.seen.add((day, who))
            self.say(day, second - 1, f"neighbour {ip} {self.mac(who)}")
        return ip

    def looked_up(self, day, second, who, name, address, port=443):
        ip = self.address(day, second, who)
        self.say(day, second, f"looked {ip} 192.168.0.1 1 {name} found {address}")
        self.calls(day, second + 1, who, address, port)

    def calls(self, day, second, who, address, port=443):
        ip, self.ports = self.address(day, second, who), self.ports + 1
        flow = f"tcp {ip}:{1024 + self.ports % 60_000} > {address}:{port}"
        self.say(day, second, f"opened {flow}")
        self.say(day, second + 30, f"closed {flow} 500 900")

    def missed(self, lab, expected):
        """Which of these devices and addresses a replay does not say to block."""
        with open(f"{lab.folder}/events", "w") as file:
            file.writelines(
                f"{1767225600 + second}.000000 {text}\n"
                for second, text in sorted(self.lines, key=lambda line: line[0])
            )
        with open(f"{lab.folder}/settings", "w") as file:
            file.write(
                "config leash\n option default_mode guard\n list block_on direct-ip\n list lists ''\n"
                " option networks ''\n option vendors ''\n"
            )
        command = [kit.LEASH, "--json", "replay", f"{lab.folder}/events", "--config", f"{lab.folder}/settings"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        found = {
            (d["mac"], c["address"])
            for d in json.loads(done.stdout)["devices"]
            for c in d["contacts"]
            if c.get("verdict") == "block"
        }
        return [one for one in expected if one not in found]


def nobody(lab, code, *arguments):
    """Runs Python at the control socket (`path`) as a user without rights; gives the process."""
    os.chmod(lab.folder, 0o755)
    head = "import json, os, socket, sys, time\nos.setgid(65534); os.setuid(65534)\npath = sys.argv[1]\n"
    head += "def caller():\n s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect(path); return s\n"
    command = [sys.executable, "-c", head + code, f"{lab.folder}/run/socket", *map(str, arguments)]
    lab.children[f"nobody {len(lab.children)}"] = child = lab.router.popen(command, stdout=subprocess.PIPE, text=True)
    return child


def own_tmp(lab):
    """What to wrap leash in so that it has a /tmp of its own (a mount namespace), with the lab's folder in it."""
    shutil.copy(kit.LEASH, f"{lab.folder}/leash")
    script = f"""set -e
        mount --bind {lab.folder} /mnt
        mount -t tmpfs none /tmp
        mkdir -p {lab.folder}
        mount --move /mnt {lab.folder}
        shift
        exec {lab.folder}/leash "$@\""""
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


def in_own_tmp(lab, name):
    """The path of a file there, seen from here."""
    folder = f"/proc/{lab.children['leash'].pid}/root/tmp"
    assert os.stat(folder).st_dev != os.stat("/tmp").st_dev, "it has a /tmp of its own"
    return f"{folder}/{name}"


def memory(lab):
    """kB that leash has in memory."""
    return int(
        next(line.split()[1] for line in open(f"/proc/{lab.children['leash'].pid}/status") if line.startswith("VmRSS"))
    )


def cpu(lab):
    """Seconds of a processor that leash has used."""
    fields = open(f"/proc/{lab.children['leash'].pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
