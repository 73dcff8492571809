"""On an access point the way to the Internet leads across the bridge to another router: pins and `local` hold there,
and the house stays in reach."""

import socket

from lab import bridge_as_on_openwrt, echoes

HOUSE = {"devices": 3}


def story(lab):
    bulb, tv, gateway = lab.devices
    bridge_as_on_openwrt(lab)
    # The other router is a station that has all addresses of the Internet.
    gateway.ns.run("ip route add local 45.10.0.0/16 dev lo")
    with gateway.ns:
        for port in (443, 123):
            lab.internet.tcp(socket.AF_INET, port, lab.internet.echo)
        lab.internet.udp(socket.AF_INET, 7000, lambda s, data, peer, at: s.sendto(data, peer))
    for device in (bulb, tv):
        device.ns.run(f"ip route add 45.10.0.0/16 via {gateway.ip}")
    lab.start()
    assert bulb.reaches("45.10.1.1") and bulb.reaches("45.10.1.2")
    with bulb.socket("45.10.1.1", 443) as before:
        lab.leash("block", bulb.mac, "45.10.1.1")
        assert not echoes(before), "what was open is stopped"
    assert not bulb.reaches("45.10.1.1") and bulb.reaches("45.10.1.2") and tv.reaches("45.10.1.1")
    assert [block["stopped_packets"] > 0 for block in lab.leash("blocks")["blocks"]] == [True]
    lab.leash("unpin", bulb.mac, "45.10.1.1")
    lab.until(lambda: bulb.reaches("45.10.1.1", wait=0.3), "it is in reach again")
    lab.leash("mode", bulb.mac, "local")
    lab.until(lambda: not bulb.reaches("45.10.1.2", wait=0.3), "no Internet")
    assert bulb.reaches(gateway.ip) and tv.reaches("45.10.1.2"), "but the house"
    lab.router.run("nft delete table bridge leash")
    lab.until(lambda: lab.leash("status")["health"]["table"]["restored"] == 1, "the table is made again")
    lab.until(lambda: not bulb.reaches("45.10.1.2", wait=0.3), "and holds")
    lab.stop("leash")
    assert bulb.reaches("45.10.1.2") and "leash" not in lab.router.run("nft list tables"), "nothing is left"
