"""Who spares the flash and keeps the state beside the socket loses no order at a stop in good order."""

import time

import hostile


def story(lab):
    bulb, tv = lab.devices
    plain = lab.configure

    def configure(more=""):
        plain(more)
        with open(f"{lab.folder}/config") as file:
            text = file.read().replace(f"{lab.folder}/flash/state", f"{lab.folder}/run/state")
        with open(f"{lab.folder}/config", "w") as file:
            file.write(text)

    lab.configure = configure
    hostile.ready(lab, "option default_mode guard")
    lab.leash("block", bulb.mac, "45.10.3.3")
    lab.leash("mode", tv.mac, "local")
    time.sleep(1.5)
    assert lab.stop("leash") == 0
    lab.start("option default_mode guard")
    pins = [pin["target"] for pin in lab.leash("pins")["pins"]]
    modes = {d["mac"]: d["mode"] for d in lab.leash("devices")["devices"]}
    assert pins == ["45.10.3.3"] and modes.get(tv.mac) == "local", (
        f"after a stop and a start: pins {pins}, modes {modes}"
    )
