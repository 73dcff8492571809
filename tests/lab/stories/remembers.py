"""Killed with -9: findings and what happened are there again, nothing is told twice, and the report has it all."""

import os
import signal
import subprocess
import time

import lab as kit


def story(lab):
    bulb, tv = lab.devices
    lab.names(bulb="45.10.1.1", tv="45.10.1.2")
    settings = "list block_on direct-ip\noption default_mode guard"
    lab.start(settings)
    bulb.lookup("bulb.example")
    assert bulb.reaches("45.10.1.1")
    tv.lookup("tv.example")
    assert tv.reaches("45.10.1.2", 80)
    bulb.reaches("45.10.9.9")
    lab.until(lambda: lab.blocks() == [(101, "45.10.9.9")], "it is blocked")
    bulb.reaches("45.10.9.9")
    device = lambda: lab.leash("device", bulb.mac)["device"]
    time.sleep(1.5)
    before, history = device(), lab.leash("history")["history"]
    since = lambda device: [(f["detector"], f["strength"], f["since"]) for f in device["findings"]]
    assert [record["kind"] for record in history].count("block") == 1 and since(before), history
    lab.stop("leash", signal.SIGKILL)
    lab.start(settings)
    after = device()
    assert after["verdict"] == before["verdict"] == "block" and since(after) == since(before), after
    # Counters of the last minute are lost, totals of an orderly end are not: see below.
    assert after["first"] == before["first"] and after["lookups"] == before["lookups"], after
    assert lab.leash("history")["history"] == history
    # It goes on as before: that is no news.
    bulb.lookup("bulb.example")
    assert bulb.reaches("45.10.1.1") and not bulb.reaches("45.10.9.9")
    lab.holds(lambda: lab.leash("history")["history"] == history, "nothing is told twice", 3)
    report = lab.leash("report")
    (blocked,) = report["blocked"]
    assert blocked["address"] == "45.10.9.9" and blocked["active"] and blocked["stopped_packets"] > 0, blocked
    worst = report["devices"][0]
    assert worst["device"] == bulb.mac and worst["verdict"] == "block" and worst["by_address"] == 1, worst
    (other,) = [it for it in report["devices"] if it["device"] == tv.mac]
    assert other["plain"] == [{"service": "http", "destination": "tv.example"}], other
    # A good end puts all of it on flash.
    total = lab.until(lambda: device()["sent_bytes"], "bytes are counted", 8)
    assert lab.stop("leash") == 0 and not os.path.exists(f"{lab.folder}/run/state")
    lab.start(settings)
    assert lab.leash("history")["history"] == history and since(device()) == since(before)
    assert device()["sent_bytes"] >= total, (total, device())
    assert "cannot be written" not in open(f"{lab.folder}/leash.out").read()
    page = subprocess.run(
        [kit.LEASH, "--socket", f"{lab.folder}/run/socket", "report", "--html", "--since", "30d"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert page.startswith("<!DOCTYPE html>") and page.endswith("</html>\n") and "45.10.9.9" in page, page
