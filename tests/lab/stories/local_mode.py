"""In local a device has no Internet, but the house and names; an allowance beats it."""

from lab import echoes


def story(lab):
    bulb, tv = lab.devices
    lab.names(bulb="45.10.1.1", tv="45.10.1.2")
    lab.start()
    assert bulb.reaches("45.10.1.1") and tv.reaches("45.10.1.1")
    with bulb.socket("45.10.1.1", 443) as before:
        lab.leash("mode", bulb.mac, "local")
        for address in ["45.10.1.1", "2a0f:9999::1"]:
            lab.until(lambda: not bulb.reaches(address, wait=0.3), f"{address} is out of reach")
            assert tv.reaches(address), "the other device is not concerned"
        assert not echoes(before), "what was open is stopped too"
    assert bulb.lookup("bulb.example") == ["45.10.1.1"], "names are still answered"
    # Its questions to a resolver of its own are answered by the router.
    lab.names(only="45.10.1.9")
    assert bulb.lookup("only.example", server="45.10.88.88") == ["45.10.1.9"]
    lab.leash("allow", bulb.mac, "45.10.1.1")
    lab.until(lambda: bulb.reaches("45.10.1.1", wait=0.3), "the allowance opens it")
    lab.leash("allow", bulb.mac, "only.example")
    lab.until(lambda: bulb.reaches("45.10.1.9", wait=0.3), "an allowance by name too")
    lab.leash("allow", bulb.mac, "45.10.128.0/17")
    lab.until(lambda: bulb.reaches("45.10.200.1", wait=0.3), "and one by prefix")
    assert not bulb.reaches("45.10.1.3")
    lab.leash("mode", bulb.mac, "observe")
    lab.until(lambda: bulb.reaches("45.10.1.3", wait=0.3), "and back")
