"""Pins: an allowance beats the detectors, a name follows its addresses, a prefix and an end hold."""

from lab import echoes


def story(lab):
    bulb, tv = lab.devices
    lab.names(ads=["45.10.2.1", "45.10.2.2"], bulb="45.10.1.1")
    lab.start("list block_on direct-ip\noption default_mode guard")
    bulb.lookup("bulb.example")
    lab.leash("allow", bulb.mac, "45.10.9.9")
    assert bulb.reaches("45.10.9.9")
    lab.until(lambda: lab.explained(bulb, "45.10.9.9") == "none", "it is unexplained")
    lab.holds(lambda: lab.blocks() == [] and bulb.reaches("45.10.9.9"), "and allowed")
    # By name, for everybody, before the first packet; then the name moves.
    lab.leash("block", "all", "ads.example")
    assert bulb.lookup("ads.example") == ["45.10.2.1", "45.10.2.2"]
    lab.until(lambda: lab.blocks() == [(101, "45.10.2.1"), (101, "45.10.2.2")], "both addresses are blocked")
    assert not bulb.reaches("45.10.2.1") and not bulb.reaches("45.10.2.2") and tv.reaches("45.10.2.1")
    lab.names(new="45.10.2.3")
    lab.internet.names["x.ads.example"] = ["45.10.2.4"]
    assert bulb.lookup("x.ads.example") == ["45.10.2.4"]
    lab.until(lambda: (101, "45.10.2.4") in lab.blocks(), "a name below it is meant too")
    lab.leash("unpin", "all", "ads.example")
    lab.until(lambda: lab.blocks() == [], "taken back")
    assert bulb.reaches("45.10.2.4")
    # A prefix, from the first packet on.
    lab.leash("block", tv.mac, "45.10.64.0/18")
    assert not tv.reaches("45.10.100.1") and bulb.reaches("45.10.1.1")
    # A running flow into a prefix.
    with tv.socket("45.10.200.1", 443) as s:
        assert echoes(s)
        lab.until(lambda: lab.contact(tv, "45.10.200.1"), "the contact is judged")
        lab.leash("block", tv.mac, "45.10.192.0/18")
        lab.until(lambda: not echoes(s), "it is stopped")
    # An end.
    lab.leash("block", tv.mac, "45.10.3.3", "--for", "2s")
    assert not tv.reaches("45.10.3.3", wait=0.3)
    lab.until(lambda: tv.reaches("45.10.3.3", wait=0.3), "it ends")
    lab.until(lambda: (102, "45.10.3.3") not in lab.blocks(), "and is not listed any longer")
