"""Where all flows are in a zone of conntrack, as mwan3 does it, they are seen, judged and blocked."""

RULES = """
table inet zones {
    chain in { type filter hook prerouting priority raw; iifname { "br-lan", "wan" } ct zone set 5; }
    chain out { type filter hook output priority raw; oifname "br-lan" ct zone set 5; }
}
"""


def story(lab):
    bulb, _ = lab.devices
    lab.names(bulb="45.10.1.1")
    lab.router.run("nft -f -", RULES)
    lab.start("list block_on direct-ip\noption default_mode guard")
    assert bulb.lookup("bulb.example") and bulb.reaches("45.10.1.1")
    lab.until(lambda: lab.explained(bulb, "45.10.1.1") == "lookup", "the lookup is seen")
    bulb.reaches("45.10.9.9")
    lab.until(lambda: lab.blocks() == [(101, "45.10.9.9")], "what nobody asked for is blocked")
    assert not bulb.reaches("45.10.9.9") and bulb.reaches("45.10.1.1")
