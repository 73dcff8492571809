"""The peer that a camera's server hands out is not blocked, a hardcoded address is: from the flows alone, no tap."""

import socket


def story(lab):
    camera, other = lab.devices
    lab.names(hub="45.10.1.1", other="45.10.1.2")
    lab.start("list block_on direct-ip\noption default_mode guard", tap=False)
    for device, name in [(camera, "hub.example"), (other, "other.example")]:
        assert device.lookup(name)
    with camera.ns:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.settimeout(2)
    # The server answers, and then the peer is called from the same port: some of its ports, of which two are open.
    for address, port in [("45.10.1.1", 7000), ("45.10.9.9", 8883), ("45.10.9.9", 7000), ("45.10.9.9", 7001)]:
        s.sendto(b"here I am", (address, port))
        assert port == 7001 or s.recvfrom(100)[1] == (address, port)
    lab.until(lambda: lab.explained(camera, "45.10.9.9") == "none", "no lookup explains the peer")
    why = str(lab.leash("explain", camera.mac, "45.10.9.9"))
    assert "peer of a session that hub.example set up" in why, why
    # The other device calls likewise, but from a port at which it talks to nobody.
    lab.until(lambda: other.reaches("45.10.9.9", 8883, udp=True, wait=0.5) or lab.blocks(), "it is called")
    lab.until(lambda: lab.blocks() == [(102, "45.10.9.9")], "only the hardcoded one is blocked")
    s.sendto(b"still here", ("45.10.9.9", 8883))
    assert s.recvfrom(100)[1] == ("45.10.9.9", 8883)
    s.close()
