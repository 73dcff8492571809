"""Who made a device is known by its hardware address, also of one that comes later; a file that is damaged is told, and
changes nothing."""

import json


def story(lab):
    path = f"{lab.folder}/vendors"
    with open(
        path, "wb"
    ) as file:  # what make_vendors.py writes: a name, how many prefixes, each less the one before it
        file.write(b"leash vendors 1\n\x03Ohm\x02\x01\x02\x05Watt!\x01\x05")
    lab.start(f"option vendors '{path}'")
    come = lambda n, mac: lab.router.run(f"ip neigh replace 192.168.77.{n} lladdr {mac} dev br-lan nud reachable")
    vendor = lambda mac: next(
        (device.get("vendor") for device in lab.leash("devices")["devices"] if device["mac"] == mac), "nobody"
    )
    come(211, "00:00:03:00:00:07")
    come(212, "00:00:04:00:00:07")
    lab.until(lambda: vendor("00:00:03:00:00:07") == "Ohm", "the first is made by Ohm")
    lab.until(lambda: vendor("00:00:04:00:00:07") is None, "who made the second is not known")
    lab.until(lambda: "a new device, made by Ohm" in json.dumps(lab.leash("history")), "people are told so")
    with open(path, "wb") as file:
        file.write(b"leash vendors 1\n\x03Oh")
    lab.leash("reload")
    lab.until(
        lambda: "vendors" in json.dumps(lab.leash("doctor")) and "damaged" in json.dumps(lab.leash("doctor")),
        "doctor tells of the damage",
    )
    assert vendor("00:00:03:00:00:07") == "Ohm"
    with open(path, "wb") as file:
        file.write(b"leash vendors 1\n\x05Watt!\x01\x04")
    lab.leash("reload")
    lab.until(lambda: vendor("00:00:04:00:00:07") == "Watt!", "a better file names the second")
    lab.until(lambda: "vendors" not in json.dumps(lab.leash("doctor")), "and doctor is content")
