"""What a device of the recorded house does, in its own namespace.

usage: device.py JSON, with
    habits: [[name, {parameter: value}], ...]   the functions below, each in its own thread
    folder, key (for ssh), seed, begins (seconds until the first thing is done)
"""

import contextlib
import importlib
import json
import os
import random
import socket
import ssl
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PLAN = json.loads(sys.argv[1])
DICE = random.Random(PLAN["seed"])
FOLDER = PLAN["folder"]
SSH = [
    "-F",
    "none",
    "-i",
    PLAN["key"],
    "-o",
    "StrictHostKeyChecking=no",
    "-o",
    "UserKnownHostsFile=/dev/null",
    "-o",
    "LogLevel=ERROR",
    "-o",
    "ServerAliveInterval=20",
    "-o",
    "ExitOnForwardFailure=yes",
]
QUIET = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def run(command, **more):
    with contextlib.suppress(subprocess.TimeoutExpired):
        return subprocess.run(command, **{**QUIET, "timeout": 1000, "stdin": subprocess.DEVNULL, **more})


def keep(command):
    """Runs a program again whenever it ends."""
    while True:
        run(command, timeout=3600)
        time.sleep(2)


def pause(mean):
    time.sleep(DICE.uniform(0.5, 1.5) * mean)


def get(host, size, rate=None, tls=True, more=()):
    pace = ["--limit-rate", str(int(rate))] if rate else []
    run(["curl", "-sk", "-o", "/dev/null", *pace, *more, f"http{'s' if tls else ''}://{host}/{int(size)}"])


def put(host, size, rate=None, tls=True):
    """Sends so many bytes, as fast as it goes or at a pace (which curl keeps badly when it sends)."""
    with (
        subprocess.Popen(
            [
                "curl",
                "-skN",
                "-o",
                "/dev/null",
                "--max-time",
                "900",
                "-T",
                "-",
                f"http{'s' if tls else ''}://{host}/put",
            ],
            stdin=subprocess.PIPE,
            **QUIET,
        ) as child,
        contextlib.suppress(OSError),
    ):
        at = time.monotonic()
        while size > 0:
            piece = int(min(size, rate / 5 if rate else 65536))
            child.stdin.write(bytes(max(1, piece)))
            child.stdin.flush()
            size -= max(1, piece)
            at += 0.2
            time.sleep(max(0, at - time.monotonic()) if rate else 0)


def a_second(megabytes_a_minute):
    return megabytes_a_minute * 1e6 / 60


# What relays do.


def tunnel(master, port, remote, socks=None):
    """OpenSSH: a SOCKS server of its own (remote dynamic forwarding), or a port that leads to microsocks."""
    if socks:
        threading.Thread(target=keep, args=(["microsocks", "-i", "127.0.0.1", "-p", str(socks)],), daemon=True).start()
    to = f"127.0.0.1:{remote}:127.0.0.1:{socks}" if socks else f"127.0.0.1:{remote}"
    keep(["ssh", "-N", *SSH, "-p", str(port), "-R", to, f"root@{master}"])


def sdk(**plan):
    keep([sys.executable, f"{HERE}/sdk.py", "exit", json.dumps(plan)])


# What a device does beside it, or alone.


def heartbeat(host, every=60, up=600, down=400):
    while True:
        run(
            ["curl", "-sk", "-o", "/dev/null", "--data-binary", "@-", f"https://{host}/{down}"],
            input=bytes(up),
            stdin=None,
        )
        pause(every)


def idle(host):
    """A broker that is kept open, and the time."""
    with contextlib.suppress(OSError), socket.create_connection((socket.gethostbyname(host), 8883), 10) as s:
        clock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        while True:
            s.sendall(b"\xc0\0" + bytes(DICE.randrange(20, 60)))
            s.recv(1000)
            if DICE.random() < 0.2:
                clock.sendto(b"\x23" + bytes(47), (socket.gethostbyname("time.example"), 123))
            pause(25)


def video(hosts, rate, piece=5):
    """Pieces of some seconds each, from one host or now from this and now from that."""
    while True:
        began = time.monotonic()
        get(DICE.choice(hosts), a_second(rate) * piece * DICE.uniform(0.6, 1.4))
        time.sleep(max(0, piece - (time.monotonic() - began)))


def upload(host, rate, tls=True):
    while True:
        put(host, a_second(rate) * 300, a_second(rate), tls)


def download(host, rate, tls=True):
    while True:
        get(host, a_second(rate) * 300, a_second(rate), tls)


def backup(host, rate, size):
    """Files of some size as fast as it goes, so that it makes the rate in the mean."""
    while True:
        this = size * DICE.uniform(0.2, 2)
        put(host, this)
        pause(this / a_second(rate))


def fetching(hosts, rate, size):
    while True:
        this = size * DICE.uniform(0.2, 2)
        get(DICE.choice(hosts), this)
        pause(this / a_second(rate))


def datagrams(address, port, every, size, count, back, stun=False):
    """Media or a game: datagrams both ways at a steady pace."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect((address, port))
        s.settimeout(0)
        if stun:
            s.send(b"\0\1\0\0\x21\x12\xa4\x42" + os.urandom(12))
        at = time.monotonic()
        while True:
            s.send(
                f"{count} {int(back * DICE.uniform(0.7, 1.3))} ".encode().ljust(
                    int(size * DICE.uniform(0.7, 1.3)), b"x"
                )
            )
            with contextlib.suppress(OSError):
                while s.recv(2000):
                    pass
            at += every
            time.sleep(max(0, at - time.monotonic()))


def call(peers, every=0.02, size=400, count=1, back=400, stun=True, server="stun.example"):
    run(["turnutils_stunclient", socket.gethostbyname(server)], timeout=10)
    for address, port in peers:
        threading.Thread(target=datagrams, args=(address, port, every, size, count, back, stun), daemon=True).start()
        time.sleep(0.5)


def turn(server, peer, every, size, count=1):
    while True:
        run(
            [
                "turnutils_uclient",
                "-u",
                "someone",
                "-w",
                "secret",
                "-e",
                peer,
                "-l",
                str(size),
                "-z",
                str(every),
                "-n",
                str(60_000 // every),
                "-m",
                str(count),
                "-c",
                server,
            ]
        )
        pause(2)


def vpn(number, key, peer, server, inside):
    """WireGuard; `inside` are habits that speak with 10.9.0.1."""
    name = f"wg{number}"
    threading.Thread(
        target=run,
        args=(["wireguard-go", "-f", name],),
        kwargs=dict(timeout=3600, env={**os.environ, "WG_PROCESS_FOREGROUND": "1"}),
        daemon=True,
    ).start()
    for _ in range(50):
        if (
            run(
                [
                    "wg",
                    "set",
                    name,
                    "private-key",
                    key,
                    "peer",
                    peer,
                    "allowed-ips",
                    "10.9.0.0/16",
                    "endpoint",
                    f"{server}:51820",
                    "persistent-keepalive",
                    "25",
                ]
            ).returncode
            == 0
        ):
            break
        time.sleep(0.1)
    run(["ip", "address", "add", f"10.9.1.{number}/16", "dev", name])
    run(["ip", "link", "set", name, "mtu", "1420", "up"])
    time.sleep(1)
    begin(inside)


def torrent(file, program, down, up, folder, utp=False):
    """A real BitTorrent client; the rates are in kB a second. With a filled folder it seeds."""
    if program == "aria2":
        return run(
            [
                "aria2c",
                "--dir",
                folder,
                "--enable-dht=false",
                "--bt-enable-lpd=false",
                "--seed-ratio=0.0",
                "--check-integrity=true",
                f"--max-download-limit={down}K",
                f"--max-upload-limit={up}K",
                "--summary-interval=0",
                "--bt-tracker-interval=30",
                file,
            ]
        )
    transmission(f"{folder}-settings", folder, file, down, up, utp, 9091, 51413, "0.0.0.0")


def transmission(settings, folder, file, down, up, utp, rpc, port, bind):
    os.makedirs(settings, exist_ok=True)
    with open(f"{settings}/settings.json", "w") as out:
        json.dump(
            {
                "speed-limit-down": down,
                "speed-limit-down-enabled": True,
                "speed-limit-up": up,
                "speed-limit-up-enabled": True,
                "ratio-limit-enabled": False,
                "dht-enabled": False,
                "lpd-enabled": False,
                "pex-enabled": True,
                "utp-enabled": utp,
                "port-forwarding-enabled": False,
                "rpc-port": rpc,
                "rpc-bind-address": "127.0.0.1",
                "rpc-authentication-required": False,
                "peer-port": port,
                "bind-address-ipv4": bind,
                "download-dir": folder,
                "encryption": 1,
                "cache-size-mb": 1,
                "start-added-torrents": True,
                "incomplete-dir-enabled": False,
                "peer-limit-per-torrent": 20,
            },
            out,
        )
    daemon = threading.Thread(
        target=run, args=(["transmission-daemon", "-f", "-g", settings],), kwargs=dict(timeout=3600), daemon=True
    )
    daemon.start()
    for _ in range(40):
        time.sleep(0.5)
        if run(["transmission-remote", f"127.0.0.1:{rpc}", "-a", file, "-w", folder]).returncode == 0:
            break
    daemon.join()


def swarm(peers):
    """The other side of the torrents: many clients in the Internet, each at its own address."""
    for number, (bind, file, folder, down, up) in enumerate(peers):
        threading.Thread(
            target=transmission,
            args=(f"{folder}-settings", folder, file, down, up, True, 9100 + number, 51413, bind),
            daemon=True,
        ).start()
        time.sleep(0.3)


def hub(hosts):
    while True:
        host = DICE.choice(hosts)
        run(
            ["curl", "-sk", "-o", "/dev/null", "--data-binary", "@-", f"https://{host}/{DICE.randrange(200, 4000)}"],
            input=bytes(DICE.randrange(200, 3000)),
            stdin=None,
        )
        pause(4)


def laptop(hosts, photos, every=8, shares=0.06):
    """A person: a page is a dozen things from a few hosts; now and then pictures are shared."""
    while True:
        for _ in range(DICE.choice([1, 1, 2])):
            for host in DICE.sample(hosts, min(len(hosts), DICE.randrange(2, 6))):
                sizes = [int(DICE.lognormvariate(9.8, 1.3)) + 300 for _ in range(DICE.randrange(1, 5))]
                run(
                    ["curl", "-sk", *(word for size in sizes for word in ("-o", "/dev/null", f"https://{host}/{size}"))]
                )
        if DICE.random() < shares:
            put(photos, DICE.uniform(3e5, 2.5e6))
        pause(every)


def shell(host, rate):
    """Typing, and a file now and then."""

    def typing():
        child = subprocess.Popen(
            ["ssh", *SSH, "-p", "22", f"root@{host}", 'while read -r x; do echo "$x"; head -c 600 /dev/zero; done'],
            stdin=subprocess.PIPE,
            **QUIET,
        )
        while child.poll() is None:
            with contextlib.suppress(OSError):
                child.stdin.write(b"ls -l | grep something\n")
                child.stdin.flush()
            pause(1.5)

    threading.Thread(target=typing, daemon=True).start()
    while True:
        run(
            [
                "scp",
                *SSH,
                "-l",
                str(int(a_second(rate) * 8 / 1000)),
                "-P",
                "22",
                f"root@{host}:{FOLDER}/large",
                "/dev/null",
            ],
            timeout=90,
        )
        pause(20)


def remote(master, port, at):
    """Home automation that its people reach from outside: what the tunnel asks for comes from the device itself."""
    threading.Thread(
        target=keep, args=([sys.executable, f"{HERE}/hosts.py", json.dumps({"web": {"8123": False}})],), daemon=True
    ).start()
    keep(["ssh", "-N", *SSH, "-p", str(port), "-R", f"127.0.0.1:{at}:127.0.0.1:8123", f"root@{master}"])


def slow(hosts, wait, every, up, down):
    """A small processor, which takes its time for a ClientHello."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    while True:
        host = DICE.choice(hosts)
        with contextlib.suppress(OSError), socket.create_connection((host, 443), 10) as plain:
            time.sleep(wait * DICE.uniform(0.8, 1.2) / 1000)
            with context.wrap_socket(plain, server_hostname=host) as s:
                size = int(up * DICE.uniform(0.5, 1.5))
                s.sendall(
                    f"POST /{int(down)} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {size}\r\n\r\n".encode()
                    + bytes(size)
                )
                while s.recv(65536):
                    pass
        with contextlib.suppress(OSError), socket.create_connection((host, 443), 10) as plain:
            time.sleep(wait * DICE.uniform(0.8, 1.2) / 1000)
            with context.wrap_socket(plain, server_hostname=host) as s:
                s.sendall(f"GET /{int(down)} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
                while s.recv(65536):
                    pass
        pause(every)


def begin(habits):
    for name, more in habits:
        habit = globals().get(name) or getattr(importlib.import_module("habits"), name)
        threading.Thread(target=habit, kwargs=more, daemon=True).start()
        time.sleep(DICE.uniform(0, 1))


if __name__ == "__main__":
    sys.modules["device"] = sys.modules["__main__"]
    time.sleep(PLAN["begins"])
    begin(PLAN["habits"])
    time.sleep(3600)
