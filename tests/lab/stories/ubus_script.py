"""The script of openwrt/README.md: lists devices, blocks an address for an hour, waits for the event, and undoes it."""

import os
import re
import shlex
import subprocess


def story(lab):
    bulb, tv = lab.devices
    lab.ubusd()
    lab.start()
    lab.until(lambda: lab.call("status")[0] == 0, "it is on the bus")
    bulb.lookup("nobody.example"), tv.lookup("nobody.example")
    assert bulb.reaches("45.10.9.9")
    script = re.search(r"```sh\n(#!/bin/sh\n.*?ubus.*?)```", open("openwrt/README.md").read(), re.DOTALL)[1]
    assert len(script.splitlines()) <= 12
    os.makedirs(f"{lab.folder}/bin")
    with open(f"{lab.folder}/bin/ubus", "w") as file:
        file.write(f'#!/bin/sh\nexec {shlex.join(lab.ubus_command())} "$@"\n')
    os.chmod(f"{lab.folder}/bin/ubus", 0o755)
    path = f"{lab.folder}/bin:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", "-c", script, "sh", bulb.mac, "45.10.9.9"],
        capture_output=True,
        text=True,
        timeout=20,
        env={**os.environ, "PATH": path},
    )
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done
    assert all(device.mac in done.stdout for device in lab.devices), "every device is listed"
    assert "45.10.9.9 is blocked" in done.stdout
    words = [record["kind"] for record in lab.leash("history")["history"]]
    assert words[-2:] == ["pin", "pin"] and "block" not in words, words
    assert lab.blocks() == [] and bulb.reaches("45.10.9.9")
