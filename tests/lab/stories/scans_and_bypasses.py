"""A device that tries telnet everywhere is found, and so is one that asks a resolver of its own; in guard the resolver
is blocked when the user wants that, and the router's goes on."""


def story(lab):
    bulb, tv = lab.devices
    lab.names(tv="45.10.1.2")
    lab.start("option default_mode guard\nlist block_on bypass")
    assert tv.lookup("tv.example") == ["45.10.1.2"]
    for number in range(60):
        bulb.reaches(f"45.10.50.{number + 1}", 23, wait=0.3)
    lab.router.run("conntrack -D -p tcp --dport 23", check=False)
    found = lab.until(
        lambda: [f for f in lab.leash("findings")["findings"] if f["detector"] == "scan"], "the scan is found"
    )
    assert len(found) == 1 and found[0]["device"] == bulb.mac and "not answered" in found[0]["message"], found
    # The scanner is not blocked for that, and nobody else is suspected.
    assert lab.blocks() == []
    assert tv.lookup("tv.example", server="45.10.88.88") == ["45.10.1.2"]
    assert tv.reaches("45.10.1.2")
    lab.until(lambda: lab.blocks() == [(102, "45.10.88.88")], "the other resolver is blocked")
    assert tv.lookup("tv.example", server="45.10.88.88", wait=0.5) is None
    assert tv.lookup("tv.example") == ["45.10.1.2"] and tv.reaches("45.10.1.2")
    assert lab.explained(tv, "45.10.1.2") == "lookup"
