#!/usr/bin/env python3
"""Wall time, CPU and peak memory of `leash replay` on one large capture, with its peers in the same run.

usage: replay.py CAPTURE [--rounds N] [--leash PATH]

The rounds are interleaved (A B C A B C ...), so that a machine whose speed drifts is fair to all. Peers that are not
installed are left out and said so. Prints the README's table and exits 1 when a budget is missed: at most 3 times
tcpdump's time, faster than ndpiReader and Suricata, peak memory under 24 MB.
The capture: 1.3 million packets of 24 real captures, repeated as a house of 6 hours; any large capture will do.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile

SURICATA = """%YAML 1.1
---
vars:
  address-groups: { HOME_NET: "[192.168.0.0/16,10.0.0.0/8,172.16.0.0/12]", EXTERNAL_NET: "!$HOME_NET" }
  port-groups: { HTTP_PORTS: "80" }
stats: { enabled: no }
outputs:
  - eve-log: { enabled: yes, filetype: regular, filename: eve.json, ethernet: yes,
               types: [ dns: { version: 2 }, tls: { extended: yes }, flow ] }
app-layer: { protocols: { tls: { enabled: yes }, http: { enabled: yes }, quic: { enabled: yes },
             dns: { tcp: { enabled: yes }, udp: { enabled: yes } } } }
flow: { memcap: 256mb, hash-size: 65536, prealloc: 10000 }
stream: { memcap: 256mb, checksum-validation: no, reassembly: { memcap: 256mb } }
rule-files: []
"""


def commands(leash, capture, folder):
    with open(f"{folder}/suricata.yaml", "w") as f:
        f.write(SURICATA)
    all_ = {
        "leash replay": [leash, "replay", capture],
        "leash replay --json --flows": [leash, "replay", "--json", "--flows", capture],
        "tcpdump -w /dev/null": ["tcpdump", "-nr", capture, "-w", "/dev/null"],
        "ndpiReader": ["ndpiReader", "-q", "-i", capture],
        "suricata, flow + dns + tls": [
            "suricata",
            "-c",
            f"{folder}/suricata.yaml",
            "-r",
            capture,
            "-k",
            "none",
            "--runmode",
            "single",
            "-l",
            folder,
        ],
    }
    for name in [name for name, command in all_.items() if not shutil.which(command[0])]:
        print(f"not installed, left out: {name}", file=sys.stderr)
        del all_[name]
    return all_


def measure(command, folder):
    """Wall and CPU seconds and peak MiB, by GNU time: a fork of a small process has no floor under its memory."""
    out = f"{folder}/time"
    for old in ("eve.json",):
        if os.path.exists(f"{folder}/{old}"):
            os.remove(f"{folder}/{old}")
    run = subprocess.run(
        ["/usr/bin/time", "-o", out, "-f", "%e %U %S %M", *command],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=600,
    )
    if run.returncode:
        sys.exit(f"{' '.join(command)} failed: {run.stderr[-300:]}")
    wall, user, system, kib = open(out).read().split()[-4:]
    return float(wall), float(user) + float(system), int(kib) / 1024


def main():
    p = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1])
    p.add_argument("capture")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--leash", default=os.path.join(os.path.dirname(__file__), "../../target/release/leash"))
    a = p.parse_args()
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        all_ = commands(a.leash, a.capture, folder)
        for round_ in range(a.rounds + 1):
            for name, command in all_.items():
                figures = measure(command, folder)
                if round_:  # the first one warms the page cache
                    rows.setdefault(name, []).append(figures)
    best = {name: [statistics.median(column) for column in zip(*runs)] for name, runs in rows.items()}
    print("| program | wall s | CPU s | peak MiB | times tcpdump |\n|---|---|---|---|---|")
    base = best.get("tcpdump -w /dev/null")
    for name, (wall, cpu, mib) in best.items():
        print(f"| {name} | {wall:.2f} | {cpu:.2f} | {mib:.1f} | {f'{wall / base[0]:.1f}' if base else '-'} |")
    missed = []
    wall, cpu, mib = best["leash replay"]
    if base and wall > 3 * base[0]:
        missed.append(f"{wall:.2f} s is more than 3 times tcpdump's {base[0]:.2f} s")
    for peer in ("ndpiReader", "suricata, flow + dns + tls"):
        if peer in best and wall >= best[peer][0]:
            missed.append(f"{peer} is faster")
    missed += [
        f"{name}: {mib:.1f} MiB is not under 24 MB"
        for name, (_, _, mib) in best.items()
        if name.startswith("leash") and mib * 1.048576 >= 24
    ]
    for line in missed:
        print("budget missed:", line)
    sys.exit(bool(missed))


main()
