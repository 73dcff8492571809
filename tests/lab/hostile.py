"""What stories of hostile devices and hostile users do and ask again and again."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys

import lab as kit

GUARD = "list block_on direct-ip\noption default_mode guard"  # what nobody looked up is blocked at once


def ready(lab, settings=GUARD, **more):
    """leash runs, and has seen a lookup and a call of the first two devices: of bulb.example and tv.example."""
    lab.names(bulb="45.10.1.1", tv="45.10.1.2")
    lab.start(settings, **more)
    for device, name, address in zip(lab.devices, ["bulb", "tv"], ["45.10.1.1", "45.10.1.2"]):
        assert device.lookup(f"{name}.example") == [address] and device.reaches(address)
        lab.until(lambda: lab.explained(device, address) == "lookup", f"the lookup of {name}.example is seen")


def blocked(lab, device, address):
    return (device.number, address) in lab.blocks()


def in_kernel(lab, *words):
    return all(word in lab.router.run("nft list table inet leash", check=False) for word in words)


def datagrams(device, targets, pause=8):
    """One datagram each to addresses and ports, each from another port: many from one port are taken for a session."""
    for count, target in enumerate(targets):
        with device.ns:
            sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        with sender, contextlib.suppress(OSError):  # it is refused by now
            sender.sendto(b"x", target)
        if count % pause == 0:
            kit.time.sleep(0.004)


def nobody(lab, code, *arguments):
    """Runs Python at the control socket (`path`) as a user without rights; gives the process."""
    os.chmod(lab.folder, 0o755)
    head = "import json, os, socket, sys, time\nos.setgid(65534); os.setuid(65534)\npath = sys.argv[1]\n"
    head += "def caller():\n s = socket.socket(socket.AF_UNIX); s.settimeout(5); s.connect(path); return s\n"
    command = [sys.executable, "-c", head + code, f"{lab.folder}/run/socket", *map(str, arguments)]
    lab.children[f"nobody {len(lab.children)}"] = child = lab.router.popen(command, stdout=subprocess.PIPE, text=True)
    return child


def own_tmp(lab):
    """What to wrap leash in so that it has a /tmp of its own (a mount namespace), with the lab's folder in it."""
    shutil.copy(kit.LEASH, f"{lab.folder}/leash")
    script = f"""set -e
        mount --bind {lab.folder} /mnt
        mount -t tmpfs none /tmp
        mkdir -p {lab.folder}
        mount --move /mnt {lab.folder}
        shift
        exec {lab.folder}/leash "$@\""""
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh"]


def in_own_tmp(lab, name):
    """The path of a file there, seen from here."""
    folder = f"/proc/{lab.children['leash'].pid}/root/tmp"
    assert os.stat(folder).st_dev != os.stat("/tmp").st_dev, "it has a /tmp of its own"
    return f"{folder}/{name}"


def memory(lab):
    """kB that leash has in memory."""
    return int(
        next(line.split()[1] for line in open(f"/proc/{lab.children['leash'].pid}/status") if line.startswith("VmRSS"))
    )


def cpu(lab):
    """Seconds of a processor that leash has used."""
    fields = open(f"/proc/{lab.children['leash'].pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
