"""Other programs' rules beside leash's: doctor is silent about those that do no harm, and says of each of the others
what it keeps from leash, and what mends it."""

HARMLESS = """
table inet harmless {
    chain dstnat {
        type nat hook prerouting priority dstnat; policy accept;
        iifname "br-lan" udp dport 53 redirect to :53
        iifname "wan" tcp dport 443 redirect to :8443
    }
    chain mangle {
        type filter hook prerouting priority mangle; policy accept;
        ct mark set ct mark and 0xffff00ff or 0x100
        iifname "br-lan" ip daddr { 198.18.0.0/15, 192.0.2.0/24 } return
    }
    chain forward {
        type filter hook forward priority filter - 10; policy accept;
        ct state invalid drop
        iifname "wan" oifname "br-lan" tcp dport 23 drop
    }
}
"""
RULES = {
    "proxy": (
        """chain c { type nat hook prerouting priority dstnat - 2;
            iifname "br-lan" tcp dport { 80, 7892 } redirect to :7892; }""",
        "give devices' connections to a proxy",
        "nft list table inet proxy",
    ),
    "clash": (
        """chain c { type nat hook prerouting priority dstnat;
            ip daddr 198.18.0.0/16 tcp dport 1-1024 redirect to :7892; }""",
        "made-up addresses (198.18.0.0/15)",
        "from fake-ip to real addresses",
    ),
    "oaf": (
        "chain c { type filter hook forward priority filter; tcp dport 443 ct mark set ct mark or {bit}; }",
        "use the bit {bit} of conntrack's mark",
        "uci set leash.main.mark=0x",
    ),
    "qos": (
        'chain c { type filter hook postrouting priority mangle; oifname "wan" ct mark set meta mark; }',
        "replace conntrack's mark",
        "ct mark set ct mark and 0xffffff00 or 0x1",
    ),
    "untracked": (
        'chain c { type filter hook prerouting priority raw; iifname "br-lan" udp dport 9999 notrack; }',
        "keep packets of devices from conntrack",
        "nft list table inet untracked",
    ),
    "banlist": (
        """set s { type ipv4_addr; flags interval; elements = { 45.10.66.0/24 }; }
        chain blocked { reject; }
        chain c { type filter hook forward priority filter - 50; iifname != "wan" ip daddr @s goto blocked; }""",
        "drop some packets of devices",
        "nft list table inet banlist",
    ),
}


def story(lab):
    lab.start("option mark 0x02000000")
    lab.router.run("nft -f -", HARMLESS)
    assert lab.leash("doctor")["complaints"] == [], lab.leash("doctor")
    for name, parts in RULES.items():
        rules, message, remedy = (part.replace("{bit}", "0x02000000") for part in parts)
        lab.router.run("nft -f -", f"table inet {name} {{\n{rules}\n}}")
        found = lab.until(lambda: lab.leash("doctor")["complaints"], f"{name} is named")
        assert len(found) == 1 and message in found[0]["message"] and remedy in found[0]["remedy"]["message"], found
        lab.router.run(f"nft delete table inet {name}")
        lab.until(lambda: not lab.leash("doctor")["complaints"], "what is gone is forgotten")
    lab.router.run("ip tuntap add dev utun mode tun\nip address add 198.18.0.1/30 dev utun")
    lab.until(lambda: "made-up addresses" in str(lab.leash("doctor")), "a proxy's interface shows it, too")
