"""`leash notify` gives what happens to programs in a folder: bounded in time, rate and number; one that others may
change is none."""

import json
import os
import subprocess
import time

import lab as kit

LIMIT = 60


def story(lab):
    bulb, tv = lab.devices
    hooks, told = f"{lab.folder}/notify.d", f"{lab.folder}/told"
    os.makedirs(hooks)

    def hook(name, text, mode=0o755):
        with open(f"{hooks}/{name}", "w") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(f"{hooks}/{name}", mode)

    hook("10-tell", f'read -r line; echo "$line" >>{told}\n')
    hook("20-fails", "exit 3\n")
    hook("30-others-may-change-it", f"echo no >>{told}.no\n", 0o777)
    hook("40-no-program", f"echo no >>{told}.no\n", 0o644)
    hook("README", "text", 0o644)
    for i in range(8):
        hook(f"9{i}-many", f"echo {i} >>{told}.many\n")
    call = [kit.LEASH, "--socket", f"{lab.folder}/run/socket", "notify", "--folder", hooks]
    test = subprocess.run([*call, "--test"], capture_output=True, text=True, timeout=30)
    assert test.returncode == 1 and "20-fails: it failed" in test.stdout and "10-tell: done" in test.stdout, test
    assert json.loads(open(told).read())["test"] is True and not os.path.exists(f"{told}.no")
    assert open(f"{told}.many").read().split() == list("012345"), "eight programs, in order"
    os.unlink(told)
    with open(f"{lab.folder}/notify.out", "w") as out:
        lab.children["notify"] = subprocess.Popen(call, stderr=out)
    time.sleep(0.3)
    # It waits for a leash that is not there yet.
    lab.start("list block_on direct-ip\noption default_mode guard")
    lines = lambda: [json.loads(line) for line in open(told)] if os.path.exists(told) else []
    for i in range(8):
        os.unlink(f"{hooks}/9{i}-many")
    time.sleep(5)
    bulb.lookup("nobody.example")
    bulb.reaches("45.10.9.9")
    blocks = lambda: [line for line in lines() if line["kind"] == "block"]
    lab.until(blocks, "it is told", 8)
    assert blocks()[0]["address"] == "45.10.9.9" and blocks()[0]["device"] == bulb.mac
    # Doctor knows what is not called, and what fails.
    said = lambda: "\n".join(c["message"] for c in lab.leash("doctor")["complaints"])
    lab.until(lambda: "20-fails: it failed: exit status: 3" in said(), "doctor hears of what failed", 5)
    assert "40-no-program is not called: it may not be executed" in said(), said()
    assert "30-others-may-change-it is not called: others" in said() and "README" not in said(), said()
    # A flood is cut, and a program that hangs is ended, with what it started.
    before = len(lines())
    for i in range(40):
        lab.leash("mode", tv.mac, ("guard", "observe")[i % 2])
    lab.until(lambda: len(lines()) > before, "some are told")
    lab.holds(lambda: len(lines()) <= 12, "but not all", 2)
    hook("05-hangs", "sleep 77 & sleep 77\n")
    begin = time.monotonic()
    test = subprocess.run([*call, "--test"], capture_output=True, text=True, timeout=30)
    assert "05-hangs: it took longer than 10 s" in test.stdout and 9 < time.monotonic() - begin < 14, test
    assert subprocess.run(["pgrep", "-f", "^sleep 77$"], capture_output=True).returncode == 1, "nothing is left"
