"""Who listens on the bus, or subscribes to the object, hears of devices, findings, blocks and orders; a flood is
cut."""

from lab import Device


def story(lab):
    bulb, tv = lab.devices
    lab.ubusd()
    listener, subscriber = lab.bus(), lab.bus()
    listener.listen("leash.*")
    lab.start("list block_on direct-ip\noption default_mode guard")
    lab.until(lambda: lab.call("status")[0] == 0, "it is on the bus")
    subscriber.subscribe("leash")
    bulb.lookup("nobody.example")
    bulb.reaches("45.10.9.9")
    lab.until(lambda: lab.blocks() == [(101, "45.10.9.9")], "it is blocked")
    lab.leash("unblock", bulb.mac, "45.10.9.9")
    new = Device(lab, 110)
    lab.devices.append(new)
    new.lookup("nobody.example")
    lab.until(lambda: lab.leash("device", new.mac, check=False), "the new one is known")
    lab.leash("mode", tv.mac, "trust")
    for bus, prefix in ((listener, "leash."), (subscriber, "")):
        bus.socket.settimeout(3)
        heard = {}
        while "mode" not in {data["kind"] for data in heard.values()}:
            name, data = bus.happens()
            heard[name, data["kind"], data.get("device")] = data
            assert {"time", "kind", "message", "form", "values"} <= data.keys()
        blocked = heard[prefix + "blocked", "block", bulb.mac]
        assert blocked["address"] == "45.10.9.9" and isinstance(blocked["time"], float)
        assert heard[prefix + "finding", "finding", bulb.mac]["address"] == "45.10.9.9"
        assert heard[prefix + "verdict", "unblock", bulb.mac] and heard[prefix + "verdict", "mode", tv.mac]
        assert heard[prefix + "device", "device", new.mac]
    # Orders in a row are not shouted from the roof.
    for i in range(60):
        lab.leash("mode", tv.mac, ("guard", "observe")[i % 2])
    counts = lab.leash("status")["health"]["ubus"]
    assert counts["dropped"] >= 20 and counts["events"] < 60, counts
