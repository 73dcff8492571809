"""nft does not come back: leash answers all the while, and says what is wrong."""

import os
import time

import hostile


def story(lab):
    os.makedirs(f"{lab.folder}/bin")
    with open(f"{lab.folder}/bin/nft", "w") as file:
        file.write("#!/bin/sh\nexec sleep 60\n")
    os.chmod(f"{lab.folder}/bin/nft", 0o755)
    lab.start(env={"PATH": f"{lab.folder}/bin:{os.environ['PATH']}"}, wait=False)
    lab.until(lambda: os.path.exists(f"{lab.folder}/run/socket"), "it runs")
    slowest, end = 0.0, time.monotonic() + 8
    while time.monotonic() < end:
        begin = time.monotonic()
        lab.leash("status")
        slowest = max(slowest, time.monotonic() - begin)
        assert slowest < 2 * hostile.kit.PACE, f"an answer took {slowest:.1f} s"
        time.sleep(0.3)
    lab.until(lambda: "nft" in str(lab.leash("doctor")["complaints"]), "doctor says what is wrong", 12)
