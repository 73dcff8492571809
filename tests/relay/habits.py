"""What devices of the second house do beside what `device.py` has; each in its own thread."""

import contextlib
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time

from device import DICE, FOLDER, HERE, QUIET, SSH, a_second, begin, get, keep, pause, put

TLS = {"certificate": f"{FOLDER}/tls.crt", "key": f"{FOLDER}/tls.key"}


def also(function, *arguments, **more):
    threading.Thread(target=function, args=arguments, kwargs=more, daemon=True).start()


def kit(**plan):
    keep([sys.executable, f"{HERE}/wares.py", "exit", json.dumps(plan)])


def serve(**plan):
    keep([sys.executable, f"{HERE}/wares.py", "serve", json.dumps({**plan, **TLS})])


def programs(commands):
    """Programs that are kept running, one a line of words; `FOLDER` and `SSH` stand for what they are here."""
    for command in commands:
        words = []
        for word in command:
            words += SSH if word == "SSH" else [word.replace("FOLDER", FOLDER)]
        also(keep, words)


def tun(commands):
    """Programs that need a device for a tunnel, which is not there in every namespace; shell lines."""
    also(keep, ["sh", "-c", commands.replace("FOLDER", FOLDER).replace("SSH", " ".join(SSH))])


def pass_on(sources, sinks, size, every, how="store", shrink=1.0, wait=1, fan=1):
    """Fetches something and hands it on: whole, after a while, or while it comes in."""
    while True:
        this, source = size * DICE.lognormvariate(-0.2, 0.6), DICE.choice(sources)
        to = DICE.sample(sinks, fan)
        if how == "stream":
            with contextlib.suppress(subprocess.TimeoutExpired):
                subprocess.run(
                    [
                        "sh",
                        "-c",
                        f"curl -sk https://{source}/{int(this)} | curl -skN -o /dev/null -T - https://{to[0]}/put",
                    ],
                    timeout=300,
                    **QUIET,
                )
        else:
            get(source, this)
            pause(wait)
            for sink in to:
                put(sink, this * shrink * DICE.uniform(0.97, 1.03))
        pause(every)


def radio(source, sink, kilobits, shrink):
    """A stream is fetched and sent again in other quality, all the time, with some seconds between."""
    rate = kilobits * 125
    also(get, source, rate * 3000, rate)
    time.sleep(DICE.uniform(2, 6))
    put(sink, rate * shrink * 3000, rate * shrink)


def live(hosts, rate, watch=None, lag=6, piece=2, share=1.0):
    """Live video goes to one or several platforms at a rate that moves with the picture; `watch`: its author looks at
    what comes out there, so much later, as pieces that hold `share` of what was sent."""
    sent = []

    def watching():
        dice, at = random.Random(7), 0
        while True:
            time.sleep(piece)
            total = sum(size for when, size in list(sent) if when < time.monotonic() - lag)
            if total > at:
                get(dice.choice(watch), max(400, (total - at) * share))
                at = total

    def sending(host, first):
        with subprocess.Popen(
            ["curl", "-skN", "-o", "/dev/null", "-T", "-", f"https://{host}/put"], stdin=subprocess.PIPE, **QUIET
        ) as child:
            level, at = 1.0, time.monotonic()
            while True:
                level = min(1.8, max(0.3, level * DICE.lognormvariate(0, 0.15)))
                size = int(a_second(rate) * level / 4)
                child.stdin.write(bytes(size))
                child.stdin.flush()
                if first:
                    sent.append((time.monotonic(), size))
                at += 0.25
                time.sleep(max(0, at - time.monotonic()))

    if watch:
        also(watching)
    for number, host in enumerate(hosts):
        also(sending, host, number == 0)


def film(cdn, peers, rate, piece=6, lag=1.5, back=80):
    """A film comes in pieces from a CDN and goes out as a shared screen over datagrams, at a rate that follows it."""
    level = [0.4]

    def watching():
        while True:
            began, this = time.monotonic(), DICE.uniform(0.5, 1.5)
            get(DICE.choice(cdn), a_second(rate) * piece * this)
            also(lambda this=this: (time.sleep(lag), level.__setitem__(0, this)))
            time.sleep(max(0, piece - (time.monotonic() - began)))

    def sharing(address, port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.connect((address, port))
            s.settimeout(0)
            while True:
                for _ in range(max(1, int(a_second(rate) * level[0] / 1100 / 10))):
                    with contextlib.suppress(OSError):
                        s.send(f"{int(DICE.random() < 0.3)} {back} ".encode().ljust(int(DICE.uniform(900, 1200)), b"x"))
                        s.recv(2000)
                time.sleep(0.1)

    also(watching)
    for address, port in peers:
        also(sharing, address, port)


def speed(hosts, every, streams, size, up):
    """Tests of the line: several downloads at once, then several uploads."""
    time.sleep(DICE.uniform(5, 25))
    while True:
        host = DICE.choice(hosts)
        for do, much in ((get, size), (put, up)):
            threads = [threading.Thread(target=do, args=(host, much * DICE.uniform(0.9, 1.1))) for _ in range(streams)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        pause(every)


def peers(addresses, down, up, size, push=0.0):
    """Pieces from and to many peers; `push`: how often a piece goes on to others at once."""

    def one(do, rate):
        while True:
            this = size * DICE.lognormvariate(-0.2, 0.5)
            do(DICE.choice(addresses), this, tls=False)
            if do is get and DICE.random() < push:
                for _ in range(DICE.choice([1, 1, 2])):
                    also(put, DICE.choice(addresses), this, tls=False)
            pause(this / a_second(rate))

    also(one, get, down)
    also(one, put, up)


def desktop(relay, up, down, burst):
    """Remote desktop over a relay server: the picture goes out in bursts while somebody works, and little comes in."""
    also(get, relay, a_second(down) * 3000, a_second(down))
    with subprocess.Popen(
        ["curl", "-skN", "-o", "/dev/null", "-T", "-", f"https://{relay}/put"], stdin=subprocess.PIPE, **QUIET
    ) as child:
        while True:
            this = a_second(up) * burst * DICE.uniform(0.2, 1.8)
            while this > 0:
                child.stdin.write(bytes(min(30_000, int(this) + 1)))
                child.stdin.flush()
                this -= 30_000
                time.sleep(0.05)
            time.sleep(burst * DICE.uniform(0.5, 1.5))


def feeds(hosts, every, large, share):
    """Looks for what is new at many hosts; now and then an episode is fetched."""
    while True:
        host = DICE.choice(hosts)
        get(host, DICE.lognormvariate(9.5, 1))
        if DICE.random() < share:
            get(DICE.choice(hosts), large * DICE.uniform(0.4, 1.6), 800_000)
        pause(every)


def processed(host, up, shrink, every):
    """Something is sent to be worked on and comes back: pictures, speech, documents."""
    while True:
        this = up * DICE.lognormvariate(-0.2, 0.6)
        put(host, this)
        pause(1.5)
        get(host, this * shrink * DICE.uniform(0.8, 1.2))
        pause(every)


def two_clouds(hosts, size, every):
    """The same files go to several places."""
    while True:
        this = size * DICE.lognormvariate(-0.2, 0.7)
        for host in hosts:
            also(put, host, this)
        pause(every)


def chunks(host, index, size, every):
    """A backup as restic makes it: packs go out, an index and locks come in."""
    while True:
        for _ in range(DICE.randrange(1, 5)):
            put(host, size * DICE.uniform(0.5, 1.2))
        for _ in range(DICE.randrange(1, 4)):
            get(host, index * DICE.uniform(0.2, 2))
        pause(every)


def legs(pairs, every, size):
    """A telephone exchange that hands on speech: what one leg brings goes out on the other."""
    for one, other in pairs:
        for address in (one, other):
            also(leg, address, every, size)


def leg(address, every, size):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.connect(tuple(address))
        s.settimeout(0)
        at = time.monotonic()
        while True:
            if int(at / 9) % 4:  # speech pauses
                with contextlib.suppress(OSError):
                    s.send(f"1 {size} ".encode().ljust(size, b"x"))
                    while s.recv(2000):
                        pass
            at += every
            time.sleep(max(0, at - time.monotonic()))


def bridge(host, every, views):
    """Home automation at its maker's cloud: over a connection that stays it answers what it is asked."""
    while True:
        with contextlib.suppress(OSError), socket.create_connection((socket.gethostbyname(host), 8883), 10) as s:
            while True:
                s.sendall(os.urandom(int(DICE.lognormvariate(views, 1)) + 60))
                s.settimeout(5)
                with contextlib.suppress(TimeoutError):
                    while s.recv(65536):
                        pass
                pause(every)
        pause(3)


def openvpn(server, port, number, inside):
    """A tunnel of OpenVPN with a shared key; `inside` are habits that speak with its other end."""
    also(
        keep,
        (
            f"openvpn --dev tun{number} --ifconfig 10.8.{number}.2 10.8.{number}.1 --remote {server} {port} udp "
            f"--lport 0 --secret {FOLDER}/static.key --cipher AES-256-CBC"
        ).split(),
    )
    time.sleep(4)
    begin(inside)
