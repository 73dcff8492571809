"""A device asks where it likes, over UDP and TCP, IPv4 and IPv6, and gets big answers in fragments: all is seen."""

import socket

from lab import ROUTER4, ROUTER6, UPSTREAM, only_the_hardcoded

LABELS = [bytes([letter]) * 60 for letter in b"abcd"]


def story(lab):
    bulb, _ = lab.devices
    addresses = {}
    for number, name in enumerate(["tcp-router", "tcp-router6", "udp", "tcp", "udp6", "tcp6", "big", "big6"]):
        addresses[name] = f"45.10.1.{number + 1}"
    for name, address in addresses.items():
        # The address of a big answer is behind three kilobytes of aliases.
        aliases = [([*LABELS[:3], b"%d" % number], []) for number in range(15)] if "big" in name else []
        lab.internet.names[f"{name}.example"] = [*aliases, address]
    with lab.inet_ns:
        lab.internet.udp(socket.AF_INET6, 53, lab.internet.resolve)
        lab.internet.tcp(socket.AF_INET6, 53, lab.internet.resolve_stream)
    lab.start("list block_on direct-ip\noption default_mode guard")
    # Asking over IPv6 is calling an IPv6 address, of which the device then has to have looked one up.
    lab.names(six="2a0f:9999::6")
    assert bulb.lookup("six.example", kind=28, server=ROUTER6) == ["2a0f:9999::6"] and bulb.reaches("2a0f:9999::6")
    for name, server, tcp in [
        ("tcp-router", ROUTER4, True),
        ("tcp-router6", ROUTER6, True),
        ("udp", UPSTREAM, False),
        ("tcp", UPSTREAM, True),
        ("udp6", "2a0f:9999::53", False),
        ("tcp6", "2a0f:9999::53", True),
        ("big", UPSTREAM, False),
        ("big6", "2a0f:9999::53", False),
    ]:
        address = addresses[name]
        assert bulb.lookup(f"{name}.example", server=server, tcp=tcp) == [address], name
        assert bulb.reaches(address)
        lab.until(lambda: lab.explained(bulb, address) == "lookup", f"{name} was looked up, and that is seen")
    # A flow to a resolver speaks against coverage until an answer on it was seen.
    coverage = lambda: lab.leash("device", bulb.mac)["device"]["coverage"]["level"]
    lab.until(lambda: coverage() == "full", "its lookups are being seen", 10)
    only_the_hardcoded(lab, bulb)
