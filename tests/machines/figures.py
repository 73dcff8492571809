"""Prints what the daemon costs on this machine: memory, and CPU time for each conntrack event beside conntrack -E's.

An emulated processor's time says nothing of a real one's; the ratio does."""

import socket
import subprocess
import time

FLOWS = 1000


def cpu(pid):
    return int(open(f"/proc/{pid}/schedstat").read().split()[0]) / 1e9


def story(lab):
    bulb, _ = lab.devices
    lab.start("option default_mode guard")
    bulb.lookup("nobody.example")
    leash = lab.children["leash"].pid
    with open(f"{lab.folder}/events", "w") as out:
        peer = lab.children["peer"] = lab.router.popen(
            ["conntrack", "-E", "-e", "NEW,DESTROY", "-o", "timestamp", "-b", "16777216"],
            stdout=out,
            stderr=subprocess.DEVNULL,
        )
    time.sleep(1)
    before, seen = (cpu(leash), cpu(peer.pid)), lab.leash("status")["health"]["flows"]["events"]
    with bulb.ns:
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for i in range(FLOWS):
        s.sendto(b"x", (f"45.10.{i >> 8}.{i & 255}", 9))
        if i % 50 == 49:
            time.sleep(0.05)
    time.sleep(1)
    lab.router.run("conntrack -F")
    lab.until(lambda: lab.leash("status")["health"]["flows"]["events"] - seen >= 2 * FLOWS, "all events are told", 20)
    used = [cpu(leash) - before[0], cpu(peer.pid) - before[1]]
    status = dict(line.split(":", 1) for line in open(f"/proc/{leash}/status"))
    lines = sum(1 for _ in open(f"{lab.folder}/events"))
    print(
        f"figures: {2 * FLOWS} events, leash {used[0] / 2 / FLOWS * 1e6:.0f} us each, "
        f"conntrack -E {used[1] / max(lines, 1) * 1e6:.0f} us each, "
        f"RSS {int(status['VmRSS'].split()[0])} kB with {FLOWS} contacts"
    )
