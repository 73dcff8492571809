"""leash is the first process of a container: SIGTERM ends it in good order there too, and SIGHUP does not."""

import signal
import subprocess
import time


def story(lab):
    bulb, _ = lab.devices
    lab.start(wrap=["unshare", "-p", "-f", "--kill-child", "--mount-proc"])
    lab.leash("block", bulb.mac, "45.10.9.9")
    wrapper = lab.children["leash"]
    first = int(subprocess.run(["pgrep", "-P", str(wrapper.pid)], capture_output=True, text=True, check=True).stdout)
    assert (
        "NSpid:" in open(f"/proc/{first}/status").read()
        and open(f"/proc/{first}/status").read().split("NSpid:")[1].split("\n")[0].split()[-1] == "1"
    )
    import os

    os.kill(first, signal.SIGHUP)
    time.sleep(0.2)
    assert lab.blocks() == [(101, "45.10.9.9")]
    os.kill(first, signal.SIGTERM)
    assert wrapper.wait(5) == 0, "it ended in good order"
    del lab.children["leash"]
    assert bulb.reaches("45.10.9.9") and os.path.exists(f"{lab.folder}/flash/state")
