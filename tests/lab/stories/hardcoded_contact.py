"""A hardcoded address is found and explained; in guard it is null-routed for that device alone."""


def story(lab):
    bulb, tv = lab.devices
    lab.names(bulb="45.10.1.1", tv="45.10.1.2")
    lab.start("list block_on direct-ip")
    for device, name in [(bulb, "bulb.example"), (tv, "tv.example")]:
        device.lookup(name)
    for address in ["45.10.9.9", "2a0f:9999::9"]:
        assert bulb.reaches(address)
        lab.until(lambda: lab.explained(bulb, address) == "none", f"{address} is unexplained")
        why = lab.leash("explain", bulb.mac, address)
        assert why["guard_verdict"] == "block" and "none of its" in str(why) or "one lookup" in str(why), why
    assert lab.blocks() == [], "observe blocks nothing"
    lab.leash("mode", bulb.mac, "guard")
    lab.until(lambda: lab.blocks() == [(101, "2a0f:9999::9"), (101, "45.10.9.9")], "both are blocked")
    for address in ["45.10.9.9", "2a0f:9999::9"]:
        assert not bulb.reaches(address) and tv.reaches(address)
    assert bulb.reaches("45.10.1.1")
    stopped = [block["stopped_packets"] for block in lab.leash("blocks")["blocks"]]
    assert all(n > 0 for n in stopped), stopped
