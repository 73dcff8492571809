#!/usr/bin/env python3
"""How often leash knows what a device is, over a folder of recordings of devices that are named.

usage: kinds.py [FOLDER] [--leash PATH] [--list] [--aside]       (default: the folder of RECORDINGS)

A recording is FOLDER/SOURCE/SET/FILE, as for false_alarms.py. All recordings of a set are replayed one after the other,
as a leash that runs would see them. kinds.txt beside this script has what each device is. A device that is in several
sets has the answer that most of them have. A third of the devices, by the hash of their name, is put aside: the table
of hints was not made with them, and they are counted for themselves. --list says what each is taken for, and why; those
put aside only with --aside.

Prints the table of tests/README.md.
"""

import argparse
import collections
import fnmatch
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
VENDORS = HERE.parent.parent / "openwrt/networks/usr/share/leash/vendors"
CONFIG = f"config leash 'main'\n\toption vendors '{VENDORS}'\n"
MOST_FILES = 24
ORDER = ["right", "wrong", "unknown"]


def is_aside(name):
    return hashlib.sha256(name.encode()).digest()[0] % 3 == 0


def truth():
    lines = (HERE / "kinds.txt").read_text().splitlines()
    return [line.split() for line in lines if line and not line.startswith("#")]


def named(lines, set_, macs):
    """Returns {device: (name, kind)} of a set."""
    known = {}
    for glob, who, name, kind in lines:
        if who in macs and fnmatch.fnmatchcase(set_, glob):
            known.setdefault(who, (name, kind))
    others = [mac for mac in macs if mac not in known]
    for glob, who, name, kind in lines:
        # The first is the one that was seen in most packets.
        if who == "*" and others and fnmatch.fnmatchcase(set_, glob):
            known.setdefault(others[0], (set_.split("/")[1] if name == "=" else name, kind))
            break
    return known


def replay(leash, files, config):
    done = subprocess.run(
        [leash, "--json", "replay", "--config", config, *files],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        timeout=600,
    )
    return json.loads(done.stdout)["devices"] if done.stdout else []


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=os.environ.get("RECORDINGS"))
    parser.add_argument("--leash", default=str(HERE.parent.parent / "target/release/leash"))
    parser.add_argument("--list", action="store_true", help="what each device is taken for")
    parser.add_argument("--aside", action="store_true", help="those put aside, too")
    options = parser.parse_args()
    if not options.folder:
        parser.error("FOLDER, or RECORDINGS in the environment")
    lines, answers = truth(), collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder) / "config"
        config.write_text(CONFIG)
        for path in sorted(pathlib.Path(options.folder).glob("*/*")):
            set_ = f"{path.parent.name}/{path.name}"
            files = [file for file in sorted(path.iterdir()) if file.suffix in (".pcap", ".pcapng")]
            devices = replay(options.leash, files[:MOST_FILES], config) if files else []
            devices.sort(key=lambda one: -one["flows"])
            by_mac = {one.get("mac") or one["addresses"][0]: one for one in devices}
            for mac, (name, kind) in named(lines, set_, list(by_mac)).items():
                answers[name, kind].append(by_mac[mac].get("kind", {}))
    table = collections.defaultdict(collections.Counter)
    for (name, kind), given in sorted(answers.items()):
        said = collections.Counter(one.get("type") for one in given).most_common(1)[0][0]
        verdict = "right" if said == kind else "wrong" if said else "unknown"
        where = "put aside" if is_aside(name) else "the others"
        why = next((one for one in given if one.get("type") == said), {})
        table[where][verdict] += 1
        table["all"][verdict] += 1
        if said:
            table[f"confidence {why['confidence']}"][verdict] += 1
        if options.list and (options.aside or not is_aside(name)):
            print(
                f"{verdict:8} {name}: {kind}, not {said}: {why.get('message')}"
                if verdict != "right"
                else f"{verdict:8} {name}: {why['message']} ({why['confidence']})",
                file=sys.stderr,
            )
    print("| devices | " + " | ".join(ORDER) + " |\n|---|---|---|---|")
    for where in ["the others", "put aside", "all", "confidence high", "confidence medium", "confidence low"]:
        print(f"| {where} | " + " | ".join(str(table[where][verdict]) for verdict in ORDER) + " |")


if __name__ == "__main__":
    main()
