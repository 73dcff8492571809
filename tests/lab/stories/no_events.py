"""Conntrack makes entries and tells nobody of them, as where full cone NAT or NSS takes the events: flows are found by
listing all entries, those that are new are judged like any other, doctor says so, and the first event ends it."""

import time

LIMIT = 150


def story(lab):
    bulb, tv = lab.devices
    lab.names(bulb="45.10.1.1", tv="45.10.1.2")
    lab.start("list block_on direct-ip\noption default_mode guard")
    health = lambda: lab.leash("status")["health"]["flows"]
    assert bulb.lookup("bulb.example") == ["45.10.1.1"] and tv.lookup("tv.example")
    with tv.socket("45.10.1.2", 443) as running:
        lab.until(lambda: lab.contact(tv, "45.10.1.2"), "an event tells of this flow")
        lab.router.run("sysctl -qw net.netfilter.nf_conntrack_events=0")
        began = time.monotonic()
        running.send(b"x")
        with bulb.socket("45.10.1.1", 443), bulb.socket("45.10.1.3", 443):
            # A house always opens flows.
            lab.until(lambda: bulb.reaches("45.10.1.1") and health()["silent"], "the silence is noticed", 10)
            noticed = time.monotonic() - began
            said = str(lab.leash("doctor"))
            assert "reports no flows as they begin" in said and "nf_conntrack_events=1" in said, said
            lab.until(lambda: lab.explained(bulb, "45.10.1.1") == "lookup", "the flow is found", 20)
            # What is found first may have begun at any time.
            lab.until(lambda: lab.explained(bulb, "45.10.1.3") == "unknown", "and so is the other", 5)
        with bulb.socket("45.10.9.9", 443):
            began = time.monotonic()
            lab.until(lambda: lab.blocks() == [(101, "45.10.9.9")], "what is new in a list is judged", 20)
            found = time.monotonic() - began
            assert not bulb.reaches("45.10.9.9")
        assert bulb.reaches("45.10.1.1")
        lab.router.run("conntrack -D -p tcp -s " + bulb.ip)
        live = lambda: lab.leash("status")["flows"]
        lab.until(lambda: live() <= 1 + int(lab.router.run("conntrack -C")), "what is not listed is over", 25)
    lab.router.run("sysctl -qw net.netfilter.nf_conntrack_events=1")
    with bulb.socket("45.10.1.1", 8883):
        lab.until(lambda: not health()["silent"], "an event ends it", 2)
        lab.until(lambda: lab.contact(bulb, "45.10.1.1", 8883), "and is believed at once", 2)
    assert lab.leash("doctor")["complaints"] == [], lab.leash("doctor")
    dumps = health()["dumps"]
    time.sleep(13)
    assert health()["dumps"] <= dumps + 1, "nothing is listed any more without need"
    print(f"figures: noticed after {noticed:.1f} s, blocked after {found:.1f} s")
