"""A device gets its address by DHCP and says its name: leash calls it by that name, by the log's line and by the leases
file."""

import random
import socket
import struct


def story(lab):
    bulb, tv = lab.devices
    lab.start()
    assert dhcp(bulb, "hallway-bulb")
    lab.until(lambda: named(lab, bulb) == "hallway-bulb", "the log says its name")
    lab.stop("leash")
    # Without the log the leases file says it.
    lab.query_log = False
    assert dhcp(tv, "telly")
    lab.start()
    lab.until(lambda: named(lab, tv) == "telly", "the leases file says its name")
    assert lab.leash("device", "telly")["device"]["mac"] == tv.mac


def named(lab, device):
    return next((d.get("hostname") for d in lab.leash("devices")["devices"] if d["mac"] == device.mac), None)


def dhcp(device, name):
    """DISCOVER, OFFER, REQUEST, ACK (RFC 2131); gives the address."""
    mac, number = bytes.fromhex(device.mac.replace(":", "")), random.getrandbits(32)
    with device.ns:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"eth0\0")
    s.bind(("", 68))
    s.settimeout(5)

    def ask(kind, *options):
        head = struct.pack(">4BIHH16x", 1, 1, 6, 0, number, 0, 0x8000) + mac + bytes(202) + b"\x63\x82\x53\x63"
        fields = [(53, bytes([kind])), (12, name.encode()), *options]
        s.sendto(head + b"".join(bytes([k, len(v)]) + v for k, v in fields) + b"\xff", ("255.255.255.255", 67))
        while True:
            answer = s.recv(2048)
            if answer[4:8] == head[4:8] and answer[0] == 2:
                return answer[16:20], answer[answer.index(b"\x36\x04") + 2 :][:4]

    with s:
        address, server = ask(1)
        return ask(3, (50, address), (54, server))[0] == address
