#!/usr/bin/env python3
"""Measures a running leash beside its peers, in the lab of tests/lab; prints tables for tests/README.md (needs root).

usage: tests/bench/live.py [events|latency|block|memory|idle]... [--rounds N]
       LEASH=path: the program (default: target/release/leash, built first)
Peers: a bare netlink reader (tests/bench/flows.c), conntrack -E, ulogd2 (as far as they are installed).
"""

import argparse
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "lab"))
import lab as kit

from replay import version

BURSTS, BURST = 4, 15_000  # flows
EVENTS = 2 * BURSTS * BURST
ULOGD = """[global]
logfile="/dev/null"
loglevel=5
plugin="ulogd_inpflow_NFCT.so"
plugin="ulogd_filter_IP2STR.so"
plugin="ulogd_filter_PRINTFLOW.so"
plugin="ulogd_output_LOGEMU.so"
plugin="ulogd_raw2packet_BASE.so"
stack=ct1:NFCT,ip2str1:IP2STR,print1:PRINTFLOW,emu1:LOGEMU
[ct1]
event_mask=0x00000005
hash_enable=0
netlink_socket_buffer_size=8388608
netlink_socket_buffer_maxsize=33554432
[emu1]
file="FOLDER/flows"
sync=0
"""


def peers(flows):
    """{name: command, and what it writes its events to beside standard output}"""
    all_ = {
        "bare netlink reader (C)": ([flows, "read"], None),
        "leash run": (None, None),
        f"conntrack -E {version('conntrack', '-V')}": (
            ["conntrack", "-E", "-e", "NEW,DESTROY", "-o", "timestamp", "-b", "16777216"],
            "out",
        ),
    }
    if shutil.which("ulogd"):
        all_[f"ulogd2 {version('ulogd', '-V')}, NFCT to a file"] = (["ulogd", "-c", "FOLDER/ulogd.conf"], "flows")
    else:
        print("not installed, left out: ulogd", file=sys.stderr)
    return all_


def cpu(pid):
    """Seconds of user and system time; nanoseconds where the scheduler tells."""
    return int(open(f"/proc/{pid}/schedstat").read().split()[0]) / 1e9


def memory(pid, key="VmRSS"):
    return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith(key))


def read_bursts(command, told_in, rate, flows):
    """(seconds of CPU, events that it told, flows a second that were made) of one program with four bursts of flows."""
    house = kit.Lab(devices=1)
    try:
        out = open(f"{house.folder}/out", "w+")
        if command:
            house.router.run("sysctl -qw net.netfilter.nf_conntrack_events=1")
            pathlib.Path(f"{house.folder}/ulogd.conf").write_text(ULOGD.replace("FOLDER", house.folder))
            command = [word.replace("FOLDER", house.folder) for word in command]
            child = house.children["peer"] = house.router.popen(command, stdout=out, stderr=subprocess.DEVNULL)
            time.sleep(0.5)
        else:
            house.start("option default_mode guard")
            house.devices[0].lookup("nobody.example")
            child = house.children["leash"]
        before, made = cpu(child.pid), []
        for part in range(BURSTS):
            made.append(float(house.devices[0].ns.run(f"{flows} make {BURST} {rate} {part * BURST}")))
            time.sleep(0.3)
            house.router.run("conntrack -F")
            time.sleep(0.7)
        time.sleep(1.0)
        used = cpu(child.pid) - before
        if not command:
            seen = house.leash("status")["health"]["flows"]
            told = f"{seen['events']:,}" + (f", {seen['overflows']} overflows" if seen["overflows"] else "")
        else:
            child.send_signal(signal.SIGTERM)
            child.wait(10)
            out.seek(0)
            told = f"{sum(1 for _ in open(f'{house.folder}/{told_in}')) if told_in else int(out.read()):,}"
        return used, told, statistics.mean(made)
    finally:
        house.close()


def events(rounds, flows):
    programs = peers(flows)
    for rate in (20_000, 50_000):
        results = {}
        for _ in range(rounds):
            for name, (command, told_in) in programs.items():
                results.setdefault(name, []).append(read_bursts(command, told_in, rate, flows))
        if rate == 20_000:
            print("| 20,000 flows a second | CPU s | µs an event | times the bare reader | events told |")
            print("|---|---|---|---|---|")
        else:
            print(f"| **{rate:,} flows a second** | | | | |")
        base = statistics.median(row[0] for row in results["bare netlink reader (C)"])
        for name, rows in results.items():
            used = statistics.median(row[0] for row in rows)
            each, times = used / EVENTS * 1e6, used / base
            print(f"| {name} | {used:.2f} | {each:.1f} | {times:.1f} | {rows[-1][1]} |", flush=True)
            print(f"{name}: {rows[-1][2]:,.0f} of {rate:,} flows a second were made", file=sys.stderr)


def row(what, measured, aim):
    """A row of the table of latency, memory and idleness."""
    global headed
    if not headed:
        print("| | measured | aim |\n|---|---|---|")
    headed = True
    print(f"| {what} | {measured} | {aim} |", flush=True)


headed = False


def latency(*_):
    house = kit.Lab(devices=2)
    try:
        house.names(bulb="45.10.1.1")
        house.start("option grace 0\nlist block_on direct-ip\noption default_mode guard")
        bulb = house.devices[0]
        bulb.lookup("bulb.example")
        bulb.reaches("45.10.1.1")
        with house.router:
            watch = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
        watch.bind((0, 0))
        watch.setsockopt(270, 1, 7)  # NETLINK_ADD_MEMBERSHIP, NFNLGRP_NFTABLES
        watch.settimeout(3)
        with bulb.ns:
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        times = []
        for number in range(400):
            time.sleep(0.02)
            begin = time.perf_counter()
            s.sendto(b"x", (f"45.10.{20 + number // 200}.{number % 200 + 1}", 7000))
            while struct.unpack("=H", watch.recv(65535)[4:6])[0] & 0xFF != 12:  # NFT_MSG_NEWSETELEM
                pass
            times.append((time.perf_counter() - begin) * 1e3)
        times = sorted(times[20:])
        row(
            f"first packet of an unexplained flow to its block (grace 0), {len(times)} blocks",
            f"p50 {times[len(times) // 2]:.2f} ms, p99 {times[len(times) * 99 // 100]:.2f} ms",
            "1 ms, 10 ms",
        )
        # From the start of the program: a device that asks and calls all the time.
        starts = []
        for number in range(10):
            house.stop("leash")
            stop = threading.Event()

            def calls(stop=stop, number=number):
                n = 0
                while not stop.is_set():
                    bulb.lookup("bulb.example", wait=0.2)
                    s.sendto(b"x", (f"45.10.{60 + number}.{n % 250 + 1}", 7000))
                    n += 1
                    time.sleep(0.003)

            thread = threading.Thread(target=calls)
            thread.start()
            with house.router:
                while True:
                    watch.setblocking(False)
                    try:
                        watch.recv(65535)
                    except OSError:
                        break
            watch.settimeout(5)
            begin = time.perf_counter()
            house.start("option grace 0\nlist block_on direct-ip\noption default_mode guard", wait=False)
            while True:
                message = watch.recv(65535)
                kind = struct.unpack("=H", message[4:6])[0] & 0xFF
                if kind == 12 and socket.inet_aton(f"45.10.{60 + number}.0")[:3] in message:
                    break
            starts.append((time.perf_counter() - begin) * 1e3)
            stop.set()
            thread.join()
            house.until(house.ready, "ready")
        row(
            "start of the program to the first verdict in force",
            f"median {statistics.median(starts):.0f} ms, most {max(starts):.0f} ms",
            "200 ms",
        )
    finally:
        house.close()


def block(*_):
    said = subprocess.run(["cargo", "bench", "--locked", "-q", "--bench", "block"], check=True, stdout=subprocess.PIPE)
    half, most = re.search(r"p50 (\S+) us, p99 (\S+) us", said.stdout.decode()).groups()
    row("adding a block to a set of 10,000", f"p50 {half} µs, p99 {most} µs", "50 µs")


def memory_full(_, flows):
    house = kit.Lab(devices=64)
    try:
        house.start()
        pid = house.children["leash"].pid
        empty = memory(pid)
        for device in house.devices:
            for n in range(313):
                name = f"name-number-{n}.of-device-{device.number}"
                house.internet.names[f"{name}.example"] = [
                    f"45.10.{device.number}.{n % 250 + 1}",
                    f"45.10.{device.number}.{n % 250 + 2}",
                ][:1]
                device.lookup(f"{name}.example")
        for i, device in enumerate(house.devices):
            device.ns.run(f"{flows} house 157 {i * 16}")
        house.until(lambda: house.leash("status")["flows"] >= 10_000, "10,000 flows", 20)
        time.sleep(3)
        status = house.leash("status")
        row(
            f"memory of {os.path.relpath(kit.LEASH)}: {status['devices']} devices, {status['flows']:,} flows, "
            f"{status['names']:,} names, {status['contacts']:,} contacts ({empty * 1.024e-3:.1f} MB when empty)",
            f"{memory(pid) * 1.024e-3:.1f} MB, most {memory(pid, 'VmHWM') * 1.024e-3:.1f} MB",
            "8 MB",
        )
    finally:
        house.close()


def idle(*_):
    house = kit.Lab(devices=2)
    try:
        house.start()
        time.sleep(2)
        before = cpu(house.children["leash"].pid)
        time.sleep(20)
        used = cpu(house.children["leash"].pid) - before
        row("idle, over 20 s", f"{used / 20 * 100:.3f} % of a core", "0.1 %")
    finally:
        house.close()


def main():
    parts = {"events": events, "latency": latency, "block": block, "memory": memory_full, "idle": idle}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    os.chdir(HERE.parent.parent)
    if "LEASH" not in os.environ:
        subprocess.run(["cargo", "build", "--release", "--locked", "-q"], check=True)
    with tempfile.TemporaryDirectory() as folder:
        flows = f"{folder}/flows"
        subprocess.run(["cc", "-O2", "-o", flows, str(HERE / "flows.c")], check=True)
        for name in options.parts or parts:
            parts[name](options.rounds, flows)


if __name__ == "__main__":
    main()
