"""`leash record` writes events that `leash replay` reads alike; `leash watch` tells what happens."""

import json
import subprocess

import lab as kit


def story(lab):
    bulb, _ = lab.devices
    lab.names(bulb="45.10.1.1")
    lab.start("list block_on direct-ip\noption default_mode guard")
    call = [kit.LEASH, "--socket", f"{lab.folder}/run/socket"]
    bulb.lookup("bulb.example")
    lab.until(lambda: lab.leash("device", bulb.mac)["device"]["lookups"], "its lookup is seen")
    # What is known by then is recorded, too: the names of devices, and the settings that bear on verdicts.
    with open(f"{lab.folder}/config", "a") as settings:
        settings.write(f"\nconfig device\n\toption mac {bulb.mac}\n\toption name 'hall bulb'\n")
    lab.leash("reload")
    record = [*call, "record", "--config", f"{lab.folder}/config"]
    record = subprocess.Popen(record, stdout=subprocess.PIPE, text=True)
    watch = subprocess.Popen([*call, "--json", "watch"], stdout=subprocess.PIPE, text=True)
    lines = [record.stdout.readline(), record.stdout.readline()]
    try:
        bulb.reaches("45.10.1.1")
        bulb.reaches("45.10.9.9")
        lab.until(lambda: lab.blocks() == [(101, "45.10.9.9")], "it is blocked")
        said = []
        while not said or said[-1]["kind"] != "block":
            said.append(json.loads(watch.stdout.readline()))
        assert "45.10.9.9" in said[-1]["message"] and said[-1]["device"] == bulb.mac
    finally:
        lab.stop("leash")
        lines += record.stdout.readlines()
        watch.kill(), record.wait(5), watch.wait(5), watch.stdout.close(), record.stdout.close()
    events = f"{lab.folder}/day.events"
    open(events, "w").writelines(lines)
    replay = subprocess.run([kit.LEASH, "--json", "replay", events], capture_output=True, text=True, check=True)
    replayed = json.loads(replay.stdout)
    assert "hall bulb" in [device["label"] for device in replayed["devices"]], replayed["devices"]
    contacts = next(device for device in replayed["devices"] if device["label"] == "hall bulb")["contacts"]
    explained = {contact["address"]: (contact["explained"], contact.get("names")) for contact in contacts}
    assert explained["45.10.1.1"] == ("lookup", ["bulb.example"]), explained
    assert not any("socket" in line for line in lines), "paths are nobody's business"
    assert [(b["device"], b["address"]) for b in replayed["blocks"]] == [(bulb.mac, "45.10.9.9")], "".join(lines)
