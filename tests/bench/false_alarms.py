#!/usr/bin/env python3
"""False alarms per device and day, over a folder of recordings of devices that do nothing wrong.

usage: false_alarms.py [FOLDER] [--leash PATH] [--list [SET]] [--aside]       (default: the folder of RECORDINGS)

A recording is FOLDER/SOURCE/SET/FILE: a capture, or an event file (.events or .events.xz) with a .truth.json beside it
that says what each device was; devices of the kind `relay` are left out. Houses of the lab are counted for themselves,
since their minutes hold what a day holds elsewhere. Recordings are other people's traffic and no part of the project. A
set is what was recorded at one place in one way. A third of the sets, by the hash of their
name, is put aside: detectors are not tuned on them, and they are counted for themselves.

Each recording is replayed with all devices in guard, as shipped and with `block_on 'direct-ip'`. Counted are findings
that are fair or strong at the end, one for each detector and address of a device, and blocked addresses. The time of a
device goes from its first to its last packet; where two recordings show it at the same time, that counts once. A
recording with fewer than six packets an hour is stitched together and left out.

Whether a finding is true was judged by hand, from the recording: false_alarms.txt beside this script has a line for
each kind. `true` is what the detector says it is, even though it does no harm: an address that is built in and that
nobody asked for, or a resolver that really is another one. All else is `false`, and so is what nobody judged. --list
prints each with its verdict; those of the sets put aside only with --aside.

Prints the table of tests/README.md. Exits 1 when there is a false block, or 0.05 false findings or more in a
device-day.
"""

import argparse
import collections
import fnmatch
import hashlib
import itertools
import json
import lzma
import os
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
GUARD = "config leash 'main'\n\toption default_mode 'guard'\n"
CONFIGS = {"shipped": GUARD, "block_on": GUARD + "\tlist block_on 'direct-ip'\n"}
AIM = 0.05
LAB = "lab"
Alarm = collections.namedtuple("Alarm", "set file device what address message")


class Verdicts:
    """What was judged by hand: lines of a set, a detector, an address, a verdict and the reason, where `*` stands for
    anything. The first line that fits counts."""

    def __init__(self, file):
        lines = file.read_text().splitlines()
        self.lines = [line.split(None, 4) for line in lines if line and not line.startswith("#")]

    def of(self, alarm):
        """Returns (verdict, reason)."""
        # A block is as true as the finding that it follows.
        what = "*" if alarm.what in CONFIGS else alarm.what
        for set_, detector, address, verdict, reason in self.lines:
            if (
                (what == "*" or detector in ("*", what))
                and fnmatch.fnmatchcase(alarm.set, set_)
                and fnmatch.fnmatchcase(alarm.address, address)
            ):
                return verdict, reason
        return "false", "not judged"


class Count:
    """What a group of recordings yields."""

    def __init__(self):
        self.recordings = 0
        self.times = collections.defaultdict(list)
        self.alarms = collections.Counter()

    def days(self):
        """Device-days; what several recordings show of a device at the same time counts once."""
        total = 0.0
        for intervals in self.times.values():
            end = float("-inf")
            for first, last in sorted(intervals):
                total += max(0.0, last - max(first, end))
                end = max(end, last)
        return total / 86_400

    def findings(self, verdict):
        """Returns {detector: how many findings}."""
        return {what: n for (what, said), n in sorted(self.alarms.items()) if said == verdict and what not in CONFIGS}

    def rate(self):
        return sum(self.findings("false").values()) / max(self.days(), 1e-9)

    def row(self, name):
        both = lambda what: f"{self.alarms[what, 'true']} + {self.alarms[what, 'false']}"
        list_ = lambda found: ", ".join(f"{what} {n}" for what, n in found.items()) or "-"
        cells = [name, self.recordings, len(self.times), f"{self.days():.2f}", list_(self.findings("true"))]
        cells += [list_(self.findings("false")), f"{self.rate():.2f}", both("shipped"), both("block_on")]
        return "| " + " | ".join(map(str, cells)) + " |"


def is_aside(set_):
    return hashlib.sha256(set_.encode()).digest()[0] % 3 == 0


def replay(leash, file, config, folder):
    """Returns the report of `leash replay`, or nothing where it cannot read the file."""
    (folder / "config").write_text(config)
    if file.suffix == ".xz":
        (folder / "events").write_bytes(lzma.decompress(file.read_bytes()))
        file = folder / "events"
    command = [leash, "--json", "replay", "--config", folder / "config", file]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=600)
    return json.loads(done.stdout) if done.stdout else None


def is_stitched(summary):
    packets = summary.get("packets", {}).get("all", 0)
    return bool(packets) and packets * 600 < summary["end"] - summary["start"]


def judge(leash, set_, file, folder):
    """Returns the innocent devices of a recording and the alarms about them, or nothing where it cannot be used."""
    truth = file.with_name(file.name.split(".events")[0] + ".truth.json")
    devices = json.loads(truth.read_text())["devices"] if truth.exists() else {}
    relays = {mac for mac, what in devices.items() if what["kind"] == "relay"}
    reports = {name: replay(leash, file, config, folder) for name, config in CONFIGS.items()}
    shipped = reports["shipped"]
    if not shipped or is_stitched(shipped["summary"]):
        return None
    innocent = {
        one.get("mac") or one["addresses"][0]: one for one in shipped["devices"] if one.get("mac") not in relays
    }
    alarms = {}
    for (name, one), what in itertools.product(innocent.items(), ("strong", "fair")):
        for finding in one["findings"]:
            if finding["strength"] == what:
                alarm = Alarm(set_, file.name, name, finding["detector"], finding.get("address", "-"), "")
                alarms.setdefault(alarm, alarm._replace(message=f"{what}: {finding['message']}"))
    for config, report in reports.items():
        for block in report["blocks"]:
            # Without hardware addresses a block does not say whose it is.
            if block.get("device") in (None, *innocent):
                device = block.get("device", "-")
                alarm = Alarm(set_, file.name, device, config, block["address"], block["reason"]["message"])
                alarms[alarm] = alarm
    return innocent, list(alarms.values())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=pathlib.Path, default=os.environ.get("RECORDINGS"))
    parser.add_argument("--leash", default=str(HERE.parent.parent / "target/release/leash"))
    parser.add_argument("--list", nargs="?", const="*", metavar="SET", help="each alarm, with its verdict")
    parser.add_argument("--aside", action="store_true", help="those of the sets put aside, too")
    options = parser.parse_args()
    if not options.folder:
        parser.error("FOLDER, or RECORDINGS in the environment")
    verdicts = Verdicts(HERE / "false_alarms.txt")
    counts = collections.defaultdict(Count)
    with tempfile.TemporaryDirectory() as folder:
        for file in sorted(pathlib.Path(options.folder).glob("*/*/*")):
            if not file.name.endswith((".pcap", ".pcapng", ".events", ".events.xz")):
                continue
            set_ = str(file.parent.relative_to(options.folder))
            judged = judge(options.leash, set_, file, pathlib.Path(folder))
            if not judged:
                print(f"left out: {set_}/{file.name}", file=sys.stderr)
                continue
            source = file.parts[-3]
            part = "put aside" if is_aside(set_) else "the others"
            groups = [counts[name] for name in ([source] if source == LAB else [source, part, "all"])]
            for count in groups:
                count.recordings += 1
                for name, device in judged[0].items():
                    count.times[name].append((device["first"], device["last"]))
            for alarm in judged[1]:
                verdict, reason = verdicts.of(alarm)
                for count in groups:
                    count.alarms[alarm.what, verdict] += 1
                if options.list and fnmatch.fnmatchcase(set_, options.list) and (options.aside or not is_aside(set_)):
                    where = f"{set_}/{alarm.file} {alarm.device} {alarm.what} {alarm.address}"
                    print(f"{where}\n    {alarm.message}\n    {verdict}: {reason}")
    print("| recordings of | files | devices | device-days | true | false | a day | blocks | block_on |")
    print("|---|---|---|---|---|---|---|---|---|")
    last = ["the others", "put aside", "all", LAB]
    for name in [*sorted(set(counts) - set(last)), *last]:
        print(counts[name].row(name))
    return counts["all"].rate() >= AIM or any(counts[n].alarms[c, "false"] for n in ("all", LAB) for c in CONFIGS)


if __name__ == "__main__":
    sys.exit(main())
