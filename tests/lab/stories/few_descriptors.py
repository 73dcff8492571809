"""With too few file descriptors leash says so and ends, or works; it does not run in circles and answer nobody."""

import time

import hostile


def story(lab):
    lab.names(bulb="45.10.1.1")
    lab.start(hostile.GUARD, wrap=["prlimit", "--nofile=12"], wait=False)
    time.sleep(2)
    child = lab.children["leash"]
    if child.poll() is not None:
        with open(f"{lab.folder}/leash.out") as file:
            assert "leash: " in file.read().splitlines()[-1], "it says why it ends"
        return
    hostile.nobody(
        lab, "all = []\nfor _ in range(8):\n try: all.append(caller())\n except OSError: pass\ntime.sleep(30)"
    )
    time.sleep(0.5)
    before = hostile.cpu(lab)
    time.sleep(3)
    used = hostile.cpu(lab) - before
    assert used < 0.3, f"{used:.2f} s of a processor in 3 s, with nothing to do"
    for held in [name for name in lab.children if name.startswith("nobody")]:
        lab.stop(held)
    assert lab.leash("doctor")["complaints"], "doctor says that something is missing"
