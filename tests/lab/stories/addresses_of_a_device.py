"""Privacy addresses belong to their device, and an address that moves to another device takes nothing along."""


def story(lab):
    bulb, tv = lab.devices
    lab.names(bulb="45.10.1.1", tv="45.10.1.2", six="2a0f:9999::6")
    lab.start("list block_on direct-ip\noption default_mode guard")
    assert bulb.lookup("six.example", kind=28) == ["2a0f:9999::6"]
    for suffix in ("aaaa:1", "bbbb:2", "cccc:3"):
        source = f"2a0f:7777::{suffix}"
        bulb.ns.run(f"ip -6 address add {source}/64 dev eth0 nodad")
        lab.until(lambda: bulb.reaches("2a0f:9999::6", source=source, wait=0.5), f"{source} reaches it")
    lab.until(lambda: (lab.contact(bulb, "2a0f:9999::6") or {}).get("flows", 0) >= 3, "all are the bulb's")
    assert lab.explained(bulb, "2a0f:9999::6") == "lookup"
    # What is blocked is blocked for the device, whichever address it uses.
    lab.until(lambda: bulb.reaches("2a0f:9999::99", wait=0.5) or lab.blocks(), "it is called")
    lab.until(lambda: lab.blocks() == [(101, "2a0f:9999::99")], "it is blocked")
    assert not bulb.reaches("2a0f:9999::99", source="2a0f:7777::cccc:3")
    # The bulb gets another IPv4 address, and the television gets the bulb's.
    bulb.lookup("bulb.example")
    tv.lookup("tv.example")
    bulb.ns.run(
        f"ip address del {bulb.ip}/16 dev eth0\nip address add 192.168.77.201/16 dev eth0\n"
        "ip route add default via 192.168.77.1"
    )
    tv.ns.run(
        f"ip address del {tv.ip}/16 dev eth0\nip address add {bulb.ip}/16 dev eth0\n"
        "ip route add default via 192.168.77.1"
    )
    lab.until(lambda: bulb.reaches("45.10.1.1", wait=0.5) and tv.reaches("45.10.1.2", wait=0.5), "both work on")
    lab.until(lambda: lab.explained(bulb, "45.10.1.1") == "lookup", "the bulb's names moved with it")
    lab.until(lambda: lab.explained(tv, "45.10.1.2") == "lookup", "and the television's")
    assert bulb.ip in lab.leash("device", tv.mac)["device"]["addresses"]
    assert tv.reaches("45.10.1.1")
    lab.until(lambda: lab.explained(tv, "45.10.1.1") == "other-device", "the bulb's lookup is not the television's")
