#!/usr/bin/env python3
"""A day of a house: recorded traffic of real devices, which LEASH_CAPTURES names, and this project's relay, put at the
hours when such devices are used. Writes an event file to standard output; what happens in it, and to whom, is what was
recorded. Without the recordings the relay is alone in the house."""

import ipaddress
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
CAPTURES = os.environ.get("LEASH_CAPTURES")
LEASH = os.environ.get("LEASH", ROOT / "target/release/leash")
END = 1_795_646_700  # 2026-11-25 22:45 in UTC: when the day ends
BEGIN = END // 3600 * 3600 - 23 * 3600

# What was recorded, whose of its addresses are which of the house's, and when, in hours after the day's begin and
# minutes.
DAY = [
    (
        "shfw__latency_tplink-plug_no-firewall_wlan2.4.pcap",
        {"192.168.1.135": 20, "192.168.1.222": 30},
        [(hour, 7) for hour in range(0, 24, 2)],
    ),
    ("shfw__latency_dlink-cam_no-firewall_wlan2.4.pcap", {"192.168.1.115": 21}, [(hour, 20) for hour in range(0, 24)]),
    (
        "shfw__latency_smartthings-hub_no-firewall_lan.pcap",
        {"192.168.1.223": 22},
        [(hour, 35) for hour in range(0, 24, 3)],
    ),
    (
        "iotsentinel__EdimaxPlug1101W_Setup-C-2-STA.pcap",
        {"10.10.10.186": 23},
        [(1, 2), (7, 10), (8, 2), (16, 31), (20, 3), (23, 12)],
    ),
    ("iotsentinel__Lightify_Setup-C-9-STA.pcap", {"10.10.10.114": 24}, [(8, 1), (18, 20), (22, 5)]),
    ("iotsentinel__WeMoSwitch2_Setup-C-4-STA.pcap", {"10.10.10.190": 25}, [(hour, 50) for hour in range(8, 24, 2)]),
    ("iotsentinel__D-LinkHomeHub_Setup-C-3-STA.pcap", {"10.10.10.87": 26}, [(20, 15)]),
    ("ndpi__netflix.pcap", {"192.168.1.7": 27}, [(9, 15), (19, 30), (20, 12), (21, 40), (22, 20)]),
    ("ndpi__alexa-app.pcapng", {"172.16.42.216": 28}, [(8, 5), (9, 0), (13, 20), (18, 4), (22, 2), (23, 30)]),
    ("ndpi__doh.pcapng", {"192.168.1.253": 29}, [(11, 10), (14, 40), (15, 20), (21, 1)]),
    ("relay/events", {"192.168.8.24": 31}, [(2, 4), (3, 10), (4, 30), (21, 5), (23, 25)]),
]


def file_of(name):
    """The file, or nothing where LEASH_CAPTURES names no folder of recordings."""
    if name.endswith(("pcap", "pcapng")):
        return CAPTURES and pathlib.Path(CAPTURES) / name
    return ROOT / "tests/replay" / name


def recorded(name):
    return subprocess.run(
        [LEASH, "record", "--from", file_of(name)], capture_output=True, text=True, check=True
    ).stdout.splitlines()[1:]


PRIVATE = [ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16")]
ADDRESS = re.compile(r"(?<![\d.])\d+\.\d+\.\d+\.\d+(?![\d.])")


def moved(line, places):
    """The line with the house's addresses, or nothing when it is about somebody else."""
    word = line.split(" ", 1)[0]
    if word in ("clock", "gap", "lan") or "fe80:" in line or re.search(r"\bfd[0-9a-f]{2}:", line):
        return None
    if word == "neighbour" and places.get(line.split()[1]) == 1:
        return None
    ours = [
        address
        for address in ADDRESS.findall(line.split(" found ")[0])
        if any(ipaddress.ip_address(address) in net for net in PRIVATE)
    ]
    if any(address not in places for address in ours):
        return None
    return ADDRESS.sub(lambda found: f"192.168.8.{places[found[0]]}" if found[0] in places else found[0], line)


def write(file):
    if not CAPTURES:
        print("skipped: what real devices do in the day of a house: LEASH_CAPTURES names no folder", file=sys.stderr)
    day, known = [], []
    for name, places, times in DAY:
        if not file_of(name):
            continue
        lines = recorded(name)
        first = float(lines[0].split("-")[0].split()[0])
        resolvers = {line.split()[3] for line in lines if " looked " in line}
        places = {**dict.fromkeys(resolvers, 1), **places}
        macs = {line.split()[3] for line in lines if line.split()[1] == "neighbour" and line.split()[2] in places}
        for number, (hour, minute) in enumerate(times):
            begin = BEGIN + hour * 3600 + minute * 60
            for line in lines:
                at, rest = line.split(" ", 1)
                at = float(at.split("-")[0]) - first + begin
                if rest.startswith("booted") and (number or rest.split()[1] not in macs):
                    continue
                rest = moved(rest, places)
                if rest and at < END:
                    day.append((at, rest))
                    if rest.startswith("neighbour"):
                        known.append(rest)
    print("# leash events 1", file=file)
    print(f"{BEGIN - 9 * 86400:.6f} clock", file=file)
    new = "192.168.8.26 "  # a device that came today
    for rest in dict.fromkeys(rest for rest in known if new not in rest):
        print(f"{BEGIN - 9 * 86400:.6f} {rest}", file=file)
    for at, rest in sorted(day, key=lambda fact: fact[0]):
        print(f"{at:.6f} {rest}", file=file)
    print(f"{END}.000000 lan 192.168.8.0/24", file=file)


if __name__ == "__main__":
    write(sys.stdout)
