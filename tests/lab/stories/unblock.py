"""Unblock opens at once, and what the detectors say does not bring the block back; off and on do what they say."""


def story(lab):
    bulb, _ = lab.devices
    lab.names(bulb="45.10.1.1")
    lab.start("list block_on direct-ip\noption default_mode guard")
    bulb.lookup("bulb.example")
    bulb.reaches("45.10.9.9")
    lab.until(lambda: lab.blocks() == [(101, "45.10.9.9")], "it is blocked")
    lab.leash("off")
    lab.until(lambda: bulb.reaches("45.10.9.9", wait=0.3), "the switch opens all")
    assert lab.blocks() == [] and "45.10.9.9" not in lab.elements("null4")
    lab.leash("on")
    lab.until(lambda: lab.blocks() == [(101, "45.10.9.9")], "and closes it again")
    assert not bulb.reaches("45.10.9.9")
    lab.leash("unblock", bulb.mac, "45.10.9.9")
    lab.until(lambda: bulb.reaches("45.10.9.9", wait=0.3), "it is open")
    lab.holds(lambda: lab.blocks() == [] and bulb.reaches("45.10.9.9", wait=0.3), "and stays open")
    said = [entry["kind"] for entry in lab.leash("history")["history"]]
    assert {"device", "finding", "block", "blocking", "unblock"} <= set(said), said
