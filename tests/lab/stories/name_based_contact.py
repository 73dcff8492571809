"""A device that asks for a name and calls what it was told passes, and leash knows under which name."""


def story(lab):
    bulb, _ = lab.devices
    lab.names(bulb="45.10.1.1", bulb6="2a0f:9999::1")
    lab.start("list block_on direct-ip\noption default_mode guard")
    assert bulb.lookup("bulb.example") == ["45.10.1.1"]
    assert bulb.reaches("45.10.1.1")
    assert bulb.lookup("bulb6.example", kind=28) == ["2a0f:9999::1"]
    assert bulb.reaches("2a0f:9999::1")
    for address, name in [("45.10.1.1", "bulb.example"), ("2a0f:9999::1", "bulb6.example")]:
        lab.until(lambda: lab.explained(bulb, address) == "lookup", f"{address} is explained")
        assert lab.contact(bulb, address)["names"] == [name]
    # An answer over TCP counts as well.
    lab.names(tcp="45.10.1.2")
    assert bulb.lookup("tcp.example", tcp=True) == ["45.10.1.2"]
    assert bulb.reaches("45.10.1.2")
    lab.until(lambda: lab.explained(bulb, "45.10.1.2") == "lookup", "the lookup over TCP was seen")
    lab.holds(lambda: lab.blocks() == [], "nothing is blocked")
