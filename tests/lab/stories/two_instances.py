"""A second leash with another socket replaces no table in silence: it does not start, or the first one's blocks
hold, or both say it."""

import subprocess
import time

import hostile


def story(lab):
    _, tv = lab.devices
    hostile.ready(lab)
    lab.leash("block", tv.mac, "45.10.3.3")
    assert not tv.reaches("45.10.3.3", wait=0.3)
    with open(f"{lab.folder}/config") as file:
        text = (
            file.read()
            .replace("/run/socket", "/run2/socket")
            .replace("/flash/state", "/flash2/state")
            .replace(f"{lab.folder}/ubus.sock", "")
        )
    with open(f"{lab.folder}/config2", "w") as file:
        file.write(text)
    with open(f"{lab.folder}/second.out", "w") as out:
        lab.children["second"] = lab.router.popen(
            [hostile.kit.LEASH, "run", "--config", f"{lab.folder}/config2"], stdout=out, stderr=out
        )
    status = [hostile.kit.LEASH, "--json", "--socket", f"{lab.folder}/run2/socket", "status"]
    up = lambda: '"loaded":true' in subprocess.run(status, capture_output=True, text=True).stdout.replace(" ", "")
    lab.until(lambda: lab.children["second"].poll() is not None or up(), "the second has its table, or has ended", 10)
    time.sleep(1)
    what = "the first one's block is in force, or its doctor says that another one has the table"
    lab.until(lambda: hostile.in_kernel(lab, "45.10.3.3") or lab.leash("doctor")["complaints"], what, 12)
