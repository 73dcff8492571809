"""A device asks the router by its global IPv6 address, which is no bypass."""


def story(lab):
    bulb, _ = lab.devices
    lab.names(six="2a0f:9999::6")
    lab.start()
    assert bulb.lookup("six.example", kind=28, server="2a0f:7777::ffff") == ["2a0f:9999::6"] and bulb.reaches(
        "2a0f:9999::6"
    )
    lab.until(lambda: lab.explained(bulb, "2a0f:9999::6") == "lookup", "the lookup is seen")
    lab.holds(lambda: lab.leash("findings")["findings"] == [], "and nothing is found")
    assert [c["address"] for c in lab.leash("device", bulb.mac)["device"]["contacts"] if not c.get("local")] == [
        "2a0f:9999::6"
    ]
