#!/usr/bin/env python3
"""Wall time, CPU and peak memory of `leash replay` on one large capture, with its peers in the same run.

usage: replay.py [CAPTURE] [--rounds N] [--leash PATH]...

Without CAPTURE one is made: the captures of LEASH_CAPTURES, or without those the project's own cases, repeated for six
hours. The rounds are interleaved (A B C A B C ...), so that a machine whose speed drifts is fair to all. Several
programs may be given, to compare one commit with another. Peers that are not installed are left out and said so. Prints
the table of tests/README.md and exits 1 when a budget is missed: at most 3 times tcpdump's time, faster than ndpiReader
and Suricata, peak memory under 24 MB.
"""

import argparse
import os
import pathlib
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
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


def packets(path):
    """[(microseconds since the first, the head's lengths, bytes)] of a classic capture of Ethernet, else nothing."""
    data = path.read_bytes()
    magics = {(0xA1B2C3D4, "<"): 1, (0xA1B2C3D4, ">"): 1, (0xA1B23C4D, "<"): 1000, (0xA1B23C4D, ">"): 1000}
    unit, order = next(((n, o) for (m, o), n in magics.items() if data[:4] == struct.pack(f"{o}I", m)), (0, ""))
    if not unit or struct.unpack_from(f"{order}I", data, 20)[0] != 1:
        return []
    found, at = [], 24
    while at + 16 <= len(data):
        seconds, part, length, whole = struct.unpack_from(f"{order}4I", data, at)
        at += 16 + length
        if at > len(data):  # cut, or damaged on purpose
            return []
        found.append((seconds * 1_000_000 + part // unit, struct.pack("<2I", length, whole), data[at - length : at]))
    first = min((time for time, _, _ in found), default=0)
    return [(time - first, lengths, bytes_) for time, lengths, bytes_ in found]


def house(path, hours=6, wanted=1_300_000):
    """Writes a capture of that many packets: each of the captures from its begin again and again."""
    folder = pathlib.Path(os.environ.get("LEASH_CAPTURES", ROOT / "tests/replay"))
    captures = [found for file in sorted(folder.rglob("*.pcap")) if (found := packets(file))]
    end = hours * 3_600_000_000
    # Those of some seconds are repeated less often than they could be: the shortest pause that gives so many packets.
    durations = [max(time for time, _, _ in found) + 1_000_000 for found in captures]
    most = lambda pause: sum(len(found) * (end // max(length, pause)) for found, length in zip(captures, durations))
    pause = next(seconds for seconds in range(1, 21_600) if most(seconds * 1_000_000) <= wanted) * 1_000_000
    records = []
    for found, length in zip(captures, durations):
        for begin in range(0, end, max(length, pause)):
            records += [(begin + time, lengths, bytes_) for time, lengths, bytes_ in found if begin + time < end]
    records.sort(key=lambda record: record[0])
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262_144, 1))
        stamp = lambda time: struct.pack("<2I", 1_700_000_000 + time // 1_000_000, time % 1_000_000)
        file.writelines(stamp(time) + lengths + bytes_ for time, lengths, bytes_ in records)
    size = os.path.getsize(path) // 1_000_000
    print(f"{len(records):,} packets, {size} MB: {len(captures)} captures, repeated for {hours} hours", file=sys.stderr)


def version(*command):
    """The version that a program says it has."""
    said = subprocess.run(command, capture_output=True, text=True)
    return (re.search(r"\d+(\.\d+)+", said.stdout + said.stderr) or [""])[0]


def commands(programs, capture, folder):
    with open(f"{folder}/suricata.yaml", "w") as f:
        f.write(SURICATA)
    all_ = {}
    for program in programs:
        name = "leash" if len(programs) == 1 else program
        all_[f"{name} replay"] = [program, "replay", capture]
        all_[f"{name} replay --json --flows"] = [program, "replay", "--json", "--flows", capture]
    suricata = ["suricata", "-c", f"{folder}/suricata.yaml", "-r", capture, "-k", "none", "--runmode", "single", "-l"]
    for name, command, ask in (
        ("tcpdump{} -w /dev/null", ["tcpdump", "-nr", capture, "-w", "/dev/null"], "--version"),
        ("ndpiReader{}", ["ndpiReader", "-q", "-i", capture], "-h"),
        ("suricata{}, flow + dns + tls", [*suricata, folder], "-V"),
    ):
        if shutil.which(command[0]):
            all_[name.format(f" {version(command[0], ask)}")] = command
        else:
            print(f"not installed, left out: {command[0]}", file=sys.stderr)
    return all_


def measure(command, folder):
    """Wall and CPU seconds and peak MiB, by GNU time: a fork of a small process has no floor under its memory."""
    out = f"{folder}/time"
    pathlib.Path(f"{folder}/eve.json").unlink(missing_ok=True)
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
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("capture", nargs="?")
    p.add_argument("--rounds", type=int, default=5)
    p.add_argument("--leash", action="append")
    a = p.parse_args()
    if not a.leash:
        subprocess.run(["cargo", "build", "--release", "--locked", "-q"], check=True, cwd=ROOT)
    programs = a.leash or [str(ROOT / "target/release/leash")]
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        if not a.capture:
            a.capture = f"{folder}/house.pcap"
            house(a.capture)
        all_ = commands(programs, a.capture, folder)
        for round_ in range(a.rounds + 1):
            for name, command in all_.items():
                figures = measure(command, folder)
                if round_:  # the first one warms the page cache
                    rows.setdefault(name, []).append(figures)
    best = {name: [statistics.median(column) for column in zip(*runs)] for name, runs in rows.items()}
    print("| program | wall s | CPU s | peak MiB | times tcpdump |\n|---|---|---|---|---|")
    base = next((figures for name, figures in best.items() if name.startswith("tcpdump")), None)
    for name, (wall, cpu, mib) in best.items():
        print(f"| {name} | {wall:.2f} | {cpu:.2f} | {mib:.1f} | {f'{wall / base[0]:.1f}' if base else '-'} |")
    missed = []
    wall, cpu, mib = next(iter(best.values()))
    if base and wall > 3 * base[0]:
        missed.append(f"{wall:.2f} s is more than 3 times tcpdump's {base[0]:.2f} s")
    for peer, figures in best.items():
        if peer.startswith(("ndpiReader", "suricata")) and wall >= figures[0]:
            missed.append(f"{peer} is faster")
        if "leash" in peer and figures[2] * 1.048576 >= 24:
            missed.append(f"{peer}: {figures[2]:.1f} MiB is not under 24 MB")
    for line in missed:
        print("budget missed:", line, file=sys.stderr)
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
