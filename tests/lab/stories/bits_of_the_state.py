"""A bit of the state file flips: the orders are as they were, or the file is set aside as damaged; none is turned
round in silence."""

import os
import time

import hostile

FLIPS = [
    ("blocking 1", "blocking 0"),
    (" block 45.10.3.3 ", " bhock 45.10.3.3 "),
    (" local ~", " lgcal ~"),
    (" block 45.10.3.3 ", " block 45.10.3.1 "),
]
SETTINGS = "option default_mode guard\noption blocking 0"


def story(lab):
    bulb, tv = lab.devices
    hostile.ready(lab, SETTINGS)
    lab.leash("block", bulb.mac, "45.10.3.3")
    lab.leash("mode", tv.mac, "local")
    lab.leash("on")
    time.sleep(1.2)
    assert lab.stop("leash") == 0
    path = f"{lab.folder}/flash/state"
    with open(path) as file:
        whole = file.read()
    wrong = []
    for right, flipped in FLIPS:
        assert right in whole, whole
        for name in os.listdir(f"{lab.folder}/flash"):
            os.remove(f"{lab.folder}/flash/{name}")
        with open(path, "w") as file:
            file.write(whole.replace(right, flipped, 1))
        size = os.path.getsize(f"{lab.folder}/leash.out")
        lab.start(SETTINGS)
        with open(f"{lab.folder}/leash.out") as file:
            file.seek(size)
            warned = "warning" in file.read()
        pins = [(pin["target"], pin["verdict"]) for pin in lab.leash("pins")["pins"]]
        modes = {d["mac"]: d["mode"] for d in lab.leash("devices")["devices"]}
        same = pins == [("45.10.3.3", "block")] and modes.get(tv.mac) == "local" and lab.leash("status")["blocking"]
        told = warned or "state" in str(lab.leash("doctor")["complaints"])
        if not same and not told:
            wrong.append((flipped.strip(), pins, modes.get(tv.mac), lab.leash("status")["blocking"]))
        lab.stop("leash", 9)
        for name in os.listdir(f"{lab.folder}/run"):
            os.remove(f"{lab.folder}/run/{name}")
    assert not wrong, f"turned round in silence: {wrong}"
