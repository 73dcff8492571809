"""A transparent proxy on the router takes flows before they are forwarded, by tproxy or by redirect: blocks, pins and
`local` hold before it, and what is for the router itself goes on."""

import socket

from lab import ROUTER4, ROUTER6, bridge_as_on_openwrt, echoes, receives, send_from

RULES = """
table inet proxy {
    chain mangle { type filter hook prerouting priority mangle; policy accept;
        iifname "br-lan" ip daddr 45.10.0.0/17 meta l4proto { tcp, udp } th dport { 443, 7000 } \
            meta mark set 1 tproxy ip to :12345 accept
    }
    chain nat { type nat hook prerouting priority dstnat; policy accept;
        iifname "br-lan" ip daddr 45.10.128.0/17 tcp dport 443 redirect to :12346
    }
}
"""
IP_TRANSPARENT, IP_RECVORIGDSTADDR = 19, 20


def proxy(lab):
    """Answers itself: whoever gets an answer was taken by the proxy."""
    lab.router.run("ip rule add fwmark 1 lookup 100\nip route add local default dev lo table 100")
    with lab.router:
        for port in (12345, 12346):
            s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            s.setsockopt(socket.SOL_IP, IP_TRANSPARENT, 1)
            s.bind(("", port))
            s.listen(64)
            lab.internet.add(s, lambda s: lab.internet.add(s.accept()[0], lambda s: answer(lab, s)))
    lab.router.run("nft -f -", RULES)


def service(lab):
    """Something of the router itself, at all of its addresses."""
    with lab.router:
        for family in (socket.AF_INET, socket.AF_INET6):
            lab.internet.udp(family, 7777, lambda s, data, peer, at: send_from(s, data, peer, at))


def answer(lab, s):
    data = s.recv(65535)
    s.sendall(b"proxy " + data) if data else lab.internet.drop(s)


def taken(device, address):
    try:
        with device.socket(address, 443, wait=0.5) as s:
            s.sendall(b"x")
            return (receives(s) or b"").startswith(b"proxy ")
    except OSError:
        return False


def story(lab):
    bulb, tv = lab.devices
    lab.names(tproxy="45.10.1.1", redirect="45.10.200.1", only="45.10.1.9")
    bridge_as_on_openwrt(lab)
    proxy(lab)
    service(lab)
    lab.start("list block_on direct-ip\noption default_mode guard")
    for name, address in [("tproxy.example", "45.10.1.1"), ("redirect.example", "45.10.200.1")]:
        assert bulb.lookup(name) == [address] and taken(bulb, address), name
        lab.until(lambda: lab.explained(bulb, address) == "lookup", f"{name} is explained")
    # Blocks of a detector.
    for address in ("45.10.9.9", "45.10.209.9"):
        assert taken(bulb, address), "the first time it passes"
        lab.until(lambda: (101, address) in lab.blocks(), f"{address} is blocked")
        assert not taken(bulb, address) and taken(tv, address), address
    assert len([block for block in lab.blocks() if block[0] == 101]) == 2, lab.blocks()
    lab.leash("mode", tv.mac, "observe")
    stopped = [block["stopped_packets"] for block in lab.leash("blocks")["blocks"] if block["device"] == bulb.mac]
    assert all(stopped), stopped
    # Pins, and what is under way.
    for address, pin in [("45.10.1.1", "45.10.1.1"), ("45.10.200.1", "45.10.192.0/18")]:
        with bulb.socket(address, 443, wait=0.5) as s:
            assert echoes(s)
            lab.leash("block", bulb.mac, pin)
            lab.until(lambda: not echoes(s), f"{address}: what is open is stopped")
        assert not taken(bulb, address)
        lab.leash("unpin", bulb.mac, pin)
        lab.until(lambda: taken(bulb, address), f"{address} is in reach again")
    # `local`, and what the router itself has to offer; a pin on everything does not lock it out either.
    for order, back in [
        (("mode", bulb.mac, "local"), ("mode", bulb.mac, "guard")),
        (("block", bulb.mac, "45.0.0.0/10"), ("unpin", bulb.mac, "45.0.0.0/10")),
    ]:
        lab.leash(*order)
        lab.until(lambda: not taken(bulb, "45.10.1.1") and not taken(bulb, "45.10.200.1"), f"{order} holds")
        assert taken(tv, "45.10.1.1") and bulb.lookup("only.example", server=ROUTER4) == ["45.10.1.9"]
        assert all(bulb.reaches(address, 7777, udp=True) for address in (ROUTER4, "45.20.0.2", ROUTER6)), order
        lab.leash(*back)
        lab.until(lambda: taken(bulb, "45.10.1.1"), "and back")
