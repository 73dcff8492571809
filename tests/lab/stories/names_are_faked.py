"""A proxy on the router makes addresses up for names: doctor says so, and nothing is held against who calls them."""


def story(lab):
    tablet, bulb = lab.devices
    lab.names(shop="198.18.0.9", real="45.10.1.1")
    lab.start("list block_on direct-ip\noption default_mode guard")
    assert tablet.lookup("real.example") == ["45.10.1.1"]
    assert not any("faked" in c["message"] for c in lab.leash("doctor")["complaints"])
    assert tablet.lookup("shop.example") == ["198.18.0.9"]
    for address in ["198.18.0.9", "198.18.0.99"]:
        tablet.reaches(address, wait=0.2)
    lab.until(lambda: lab.explained(tablet, "198.18.0.9") == "lookup", "the name explains the address")
    lab.until(lambda: lab.explained(tablet, "198.18.0.99") == "unknown", "that of before is unknown")
    fakes = [c["message"] for c in lab.leash("doctor")["complaints"] if "faked" in c["message"]]
    assert len(fakes) == 1 and fakes[0].endswith("; the answers to devices show it"), fakes
    # What a proxy does for one device hides nothing of another, whose names it leaves alone.
    assert bulb.lookup("real.example") == ["45.10.1.1"]
    tablet.reaches("45.10.9.9")
    lab.until(lambda: bulb.reaches("45.10.9.9", wait=0.5) or lab.blocks(), "a true address is called")
    lab.until(lambda: lab.blocks() == [(102, "45.10.9.9")], "and is blocked for this device alone")
    lab.until(lambda: lab.explained(tablet, "45.10.9.9") == "unknown", "of the other it cannot be said")
    lab.router.run("ip tuntap add dev utun mode tun\nip address add 198.18.0.1/30 dev utun")
    both = "; its rules or interface and the answers to devices show it"
    lab.until(lambda: both in str(lab.leash("doctor")), "so does its interface, and it is said once")
