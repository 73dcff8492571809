"""A station routes a network behind it, untranslated: what comes from there is the station's."""


def story(lab):
    _, inner = lab.devices
    lab.names(inner="45.10.1.1")
    lab.router.run(f"ip route add 192.168.50.0/24 via {inner.ip}")
    inner.ns.run("sysctl -qw net.ipv4.ip_forward=1\nip address add 192.168.50.1/24 dev lo")
    lab.start("list block_on direct-ip\noption default_mode guard")
    assert inner.lookup("inner.example") and inner.reaches("45.10.1.1")
    lab.until(lambda: lab.explained(inner, "45.10.1.1") == "lookup", "the lookup is seen")
    inner.reaches("45.10.9.9", source="192.168.50.1")
    lab.until(lambda: lab.explained(inner, "45.10.9.9") == "none", "the contact is the inner router's")
    lab.until(lambda: lab.blocks() == [(102, "45.10.9.9")], "and is blocked for it")
