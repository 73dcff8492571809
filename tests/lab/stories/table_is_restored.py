"""`nft flush ruleset` takes leash's table away: within a second it is back, with its blocks."""

import time

import lab as kit


def story(lab):
    bulb, _ = lab.devices
    lab.start()
    lab.leash("block", bulb.mac, "45.10.9.9")
    lab.leash("block", bulb.mac, "45.10.64.0/18")
    assert not bulb.reaches("45.10.9.9", wait=0.3)
    for command in ["nft flush ruleset", "nft delete table inet leash"]:
        begin = time.monotonic()
        lab.router.run(command)
        lab.until(lambda: "45.10.9.9" in lab.router.run("nft list ruleset"), "the table is back", 1.0)
        assert time.monotonic() - begin < kit.PACE
        lab.router.run("nft -f -", kit.FW4)
        lab.until(lambda: bulb.reaches("45.10.1.1", wait=0.3), "the firewall is back")
        assert not bulb.reaches("45.10.9.9", wait=0.3) and not bulb.reaches("45.10.100.1", wait=0.3)
    assert lab.leash("status")["health"]["table"]["restored"] == 2
    # A reload of the firewall alone touches nothing of ours.
    for _ in range(3):
        lab.router.run("nft -f -", kit.FW4)
    assert not bulb.reaches("45.10.9.9", wait=0.3) and bulb.reaches("45.10.1.1")
    assert lab.leash("status")["health"]["table"]["restored"] == 2
