"""A resolver on the same bridge answers past the router's IP layer: a tap in the bridge family sees it, in fragments as
well. A device cannot explain its own contacts by answers that it sends itself."""

import socket
import struct

from lab import bridge_as_on_openwrt, only_the_hardcoded, resolver
from nat64 import checksum

HOUSE = {"devices": 3}
LABELS = [bytes([letter]) * 60 for letter in b"abc"]


def forge(lab, device, other, server, name, address):
    """The device sends a frame to another station that says: the resolver told the device this address."""
    lab.names(**{name: address})
    question = struct.pack(">6H", 7, 0x100, 1, 0, 0, 0) + bytes([len(name)]) + name.encode() + b"\x07example\0"
    message = lab.internet.answer(question + struct.pack(">HH", 1, 1))
    udp = struct.pack(">4H", 53, 40000, 8 + len(message), 0) + message
    source, destination = socket.inet_aton(server.ip), socket.inet_aton(device.ip)
    header = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0) + source + destination
    header = header[:10] + struct.pack(">H", checksum(header)) + header[12:]
    hardware = [bytes.fromhex(one.mac.replace(":", "")) for one in (other, device)]
    with device.ns:
        s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    with s:
        s.bind(("eth0", 0))
        s.send(b"".join(hardware) + b"\x08\x00" + header + udp)


def story(lab):
    bulb, tv, pihole = lab.devices
    bridge_as_on_openwrt(lab)
    resolver(lab, pihole.ns)
    resolver(lab, pihole.ns, socket.AF_INET6)
    lab.names(one="45.10.1.1", two="45.10.1.2", three="45.10.1.3", big="45.10.1.4", big6="45.10.1.5", dns="45.10.1.6")
    for name in ("big", "big6"):
        aliases = [([*LABELS, b"%d" % number], []) for number in range(15)]
        lab.internet.names[f"{name}.example"] = [*aliases, *lab.internet.names[f"{name}.example"]]
    lab.start("list block_on direct-ip\noption default_mode guard")
    assert lab.leash("status")["health"]["table"]["bridge"]
    # The router sees the other lookups of this device, so that nothing but the tap keeps it from a false word.
    assert bulb.lookup("dns.example") and bulb.reaches("45.10.1.6")
    for name, server, tcp in [
        ("one", pihole.ip, False),
        ("two", pihole.ip, True),
        ("three", pihole.ula, False),
        ("big", pihole.ip, False),
        ("big6", pihole.ula, False),
    ]:
        [address] = lab.internet.names[f"{name}.example"][-1:]
        assert bulb.lookup(f"{name}.example", server=server, tcp=tcp) == [address], name
        assert bulb.reaches(address)
        lab.until(lambda: lab.explained(bulb, address) == "lookup", f"{name} was looked up, and that is seen")
    forge(lab, bulb, tv, pihole, "forged", "45.10.9.9")
    only_the_hardcoded(lab, bulb)
    assert tv.reaches("45.10.9.9")
