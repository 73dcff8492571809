"""200 devices: each is seen, its lookups are its own, and one of them alone is blocked."""

HOUSE = {"devices": 200}


def story(lab):
    lab.names(**{f"d{device.number}": f"45.10.{device.number >> 8}.{device.number & 255}" for device in lab.devices})
    lab.start("list block_on direct-ip\noption default_mode guard")
    for device in lab.devices:
        address = f"45.10.{device.number >> 8}.{device.number & 255}"
        assert device.lookup(f"d{device.number}.example") == [address]
        assert device.reaches(address)
    lab.until(lambda: len(lab.leash("devices")["devices"]) == 200, "all are seen")
    lab.until(
        lambda: all(d["unexplained"] == 0 and d["contacts"] >= 1 for d in lab.leash("devices")["devices"]),
        "all are explained",
    )
    one = lab.devices[150]
    one.reaches("45.10.200.200")
    lab.until(lambda: lab.blocks() == [(one.number, "45.10.200.200")], "one is blocked")
    assert not one.reaches("45.10.200.200") and lab.devices[149].reaches("45.10.200.200")
    # The one that is neither new nor alone: all the others hold too.
    rss = int(
        next(line.split()[1] for line in open(f"/proc/{lab.children['leash'].pid}/status") if line.startswith("VmRSS"))
    )
    print(f"{rss} kB")
