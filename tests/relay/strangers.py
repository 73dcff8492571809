"""Strangers who use the relays: real programs that fetch and send over SOCKS, in irregular bursts, at a given rate.

usage: strangers.py JSON, with
    relays: [{socks, rate (MB a minute), hosts [name or address], programs, uploads, long (shares), seed;
              profile (see `PROFILES`), pauses ([seconds on, seconds off]), scheme (of the proxy), also optional}]
    visitors: [{port, rate, size}]   who fetch from a port of 127.0.0.1 behind which a tunnel ends
    folder, seconds
"""

import contextlib
import json
import random
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import warnings

try:
    from curl_cffi import requests as browsers
except ImportError:
    browsers = None
warnings.filterwarnings("ignore")

CURLS = {
    "curl": [],
    "curl-1.1": ["--http1.1"],
    "curl-tls12": ["--tls-max", "1.2"],
    "curl-chacha": ["--tlsv1.3", "--tls13-ciphers", "TLS_CHACHA20_POLY1305_SHA256"],
    "curl-gcm": ["--tls-max", "1.2", "--ciphers", "ECDHE-ECDSA-AES128-GCM-SHA256"],
    "curl-no-alpn": ["--no-alpn"],
    "curl-curve": ["--curves", "X25519"],
}
OTHERS = ["python", "wget", "openssl", "gnutls"]
BROWSERS = ["chrome120", "chrome131", "safari17_0", "firefox133", "edge101", "chrome99_android"] if browsers else []
PROGRAMS = [*CURLS, *OTHERS, *BROWSERS]


def run(command, data=None):
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(command, input=data or b"", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=150)


def ask(command, data):
    """For programs that end when there is nothing more to send: they are let go when the answer is complete."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as child:
        timer = threading.Timer(100, child.kill)
        timer.start()
        with contextlib.suppress(OSError):
            child.stdin.write(data)
            child.stdin.flush()
            while child.stdout.read(65536):
                pass
        with contextlib.suppress(OSError):
            child.stdin.close()
        child.kill()
        timer.cancel()


def socks(port, host, to):
    """A connection over the relay."""
    s = socket.create_connection(("127.0.0.1", port), 20)
    s.sendall(b"\5\1\0")
    s.recv(2)
    s.sendall(b"\5\1\0\3" + bytes([len(host)]) + host.encode() + struct.pack(">H", to))
    if s.recv(10)[1:2] != b"\0":
        raise OSError
    return s


def fetch(relay, program, host, tls, size, upload, seconds, folder, form=None, requests=1):
    """`form`: a form is posted, which gets an answer of so many bytes; `requests`: so often, by those who can."""
    port, scheme = relay["socks"], "https" if tls else "http"
    url = f"{scheme}://{host}/{size}" if form is None else f"{scheme}://{host}/{form}?form"
    proxy = f"{relay.get('scheme', 'socks5h')}://127.0.0.1:{port}"
    named = not host.replace(".", "").isdigit()
    if program in CURLS:
        pace = ["--limit-rate", str(max(4000, int(size / seconds)))] if seconds else []
        send = ["--data-binary", "@-"] if upload else []
        run(
            [
                "curl",
                "-sk",
                "-o",
                "/dev/null",
                "--max-time",
                "120",
                "--connect-timeout",
                "20",
                "-x",
                proxy,
                *CURLS[program],
                *pace,
                *send,
                url,
                *["-o", "/dev/null", url] * (requests - 1),
            ],
            bytes(size) if upload else None,
        )
    elif program in BROWSERS:
        how = dict(impersonate=program, verify=False, timeout=100, proxy=proxy)
        with contextlib.suppress(Exception):
            browsers.post(url, data=bytes(size), **how) if upload else browsers.get(url, **how)
    elif program == "python":
        with contextlib.suppress(OSError), socks(port, host, 443 if tls else 80) as s:
            if tls:
                context = ssl.create_default_context()
                context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
                s = context.wrap_socket(s, server_hostname=host)
            with s:
                body = bytes(size) if upload else b""
                head = f"{'POST' if upload else 'GET'} /{url.rpartition('/')[2]} HTTP/1.0\r\nHost: {host}\r\n"
                s.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
                while s.recv(65536):
                    pass
    else:
        chain = ["proxychains4", "-q", "-f", f"{folder}/chain-{port}"]
        if program == "wget":
            send = ["--post-file", f"{folder}/post-{min(size, 400_000) // 100_000}"] if upload else []
            run(
                [
                    *chain,
                    "wget",
                    "-q",
                    "--tries=1",
                    "--timeout=60",
                    "--no-check-certificate",
                    "-O",
                    "/dev/null",
                    *send,
                    url,
                ]
            )
        else:
            name = (
                ["-servername", host]
                if named and program == "openssl"
                else ["-noservername"]
                if program == "openssl"
                else []
            )
            tool = ["openssl", "s_client", "-quiet", *name, "-connect", f"{host}:443"]
            tool = tool if program == "openssl" else ["gnutls-cli", "--insecure", "--logfile=/dev/null", host]
            body = bytes(size) if upload else b""
            ask(
                [*chain, *tool],
                f"{'POST' if upload else 'GET'} /{size} HTTP/1.0\r\nContent-Length: {len(body)}\r\n\r\n".encode()
                + body,
            )


# What customers do: (sessions in a burst, bytes of one, share of forms (or uploads), answer to a form, seconds that a
# session takes or 0, requests of a session at most). `rate` is in bytes a second.
PROFILES = {
    "api": lambda dice, rate: (dice.randrange(1, 4), dice.randrange(200, 900), 0.4, dice.randrange(150, 4000), 0, 8),
    "stuffing": lambda dice, rate: (dice.randrange(1, 6), dice.randrange(250, 800), 1, dice.randrange(200, 2500), 0, 4),
    "ads": lambda dice, rate: (dice.randrange(8, 22), int(dice.lognormvariate(8.8, 1.2)) + 200, 0.1, 60, 0, 3),
    "scrape": lambda dice, rate: (dice.randrange(1, 4), int(dice.lognormvariate(11, 0.7)), 0, 0, 0, 2),
    "restream": lambda dice, rate: (1, int(rate * 50), 0, 0, 45, 1),
    "uploads": lambda dice, rate: (dice.randrange(1, 3), int(dice.lognormvariate(11, 1)), 0.7, 300, 0, 1),
}


def plan_burst(relay, rate, dice):
    profile = PROFILES[relay["profile"]]
    for _ in range(profile(dice, rate)[0]):
        _, size, forms, answer, seconds, most = profile(dice, rate)
        upload = dice.random() < forms
        yield size, seconds, upload, answer if upload else None, dice.randint(1, most)


def use(relay, end, folder):
    """One relay's customers: bursts of sessions, as far apart as the rate says, more or less."""
    dice = random.Random(relay["seed"])
    with open(f"{folder}/chain-{relay['socks']}", "w") as file:
        file.write(
            "strict_chain\nproxy_dns\ntcp_read_time_out 15000\ntcp_connect_time_out 8000\n"
            f"[ProxyList]\nsocks5 127.0.0.1 {relay['socks']}\n"
        )
    rate = relay["rate"] * 1e6 / 60
    time.sleep(relay["begins"])
    begun = time.monotonic()
    at = begun + dice.uniform(0, 5)
    while time.monotonic() < end:
        time.sleep(max(0, at - time.monotonic()))
        on, off = relay.get("pauses", (1, 0))
        if (time.monotonic() - begun) % (on + off) > on:
            time.sleep(1)
            continue
        bytes_ = 0
        if "profile" in relay:
            for size, seconds, upload, form, requests in plan_burst(relay, rate, dice):
                program = dice.choice(relay["programs"])
                threading.Thread(
                    target=fetch,
                    daemon=True,
                    args=(
                        relay,
                        program,
                        dice.choice(relay["hosts"]),
                        True,
                        size,
                        upload,
                        seconds,
                        folder,
                        form,
                        requests,
                    ),
                ).start()
                bytes_ += (size + (form or 0)) * (requests if program in CURLS else 1) + 3500
                time.sleep(dice.uniform(0, 0.3))
            at = max(at, time.monotonic() - 20) + bytes_ / rate * dice.uniform(0.4, 1.6)
            continue
        for _ in range(dice.choice([1, 1, 2, 3, 4, 6])):
            upload = dice.random() < relay["uploads"]
            if dice.random() < relay["long"]:
                size, seconds = int(rate * dice.uniform(10, 40)), dice.uniform(15, 50)
            else:
                size, seconds = int(min(dice.lognormvariate(10.3, 1.2) * relay["rate"] ** 0.5, rate * 20)) + 300, 0
            tls = dice.random() < 0.85
            program = dice.choice(relay["programs"])
            program = program if tls or program in (*CURLS, "python", "wget") else "curl"
            threading.Thread(
                target=fetch,
                daemon=True,
                args=(relay, program, dice.choice(relay["hosts"]), tls, size, upload, seconds, folder),
            ).start()
            bytes_ += size + 6000
            time.sleep(dice.uniform(0, 0.6))
        at = max(at, time.monotonic() - 20) + bytes_ / rate * dice.uniform(0.4, 1.6)


def visit(visitor, end):
    dice = random.Random(visitor["port"])
    rate = visitor["rate"] * 1e6 / 60
    time.sleep(6)
    while time.monotonic() < end:
        size = int(visitor["size"] * dice.uniform(0.3, 1.7))
        run(
            [
                "curl",
                "-s",
                "-o",
                "/dev/null",
                "--max-time",
                "60",
                "--limit-rate",
                str(int(rate * 4)),
                f"http://127.0.0.1:{visitor['port']}/{size}",
            ]
        )
        time.sleep(size / rate * dice.uniform(0.2, 1.2))


def main(plan):
    end = time.monotonic() + plan["seconds"]
    for n in range(5):
        with open(f"{plan['folder']}/post-{n}", "wb") as file:
            file.write(bytes(n * 100_000 + 3_000))
    for relay in plan["relays"]:
        threading.Thread(target=use, args=(relay, end, plan["folder"]), daemon=True).start()
    for visitor in plan["visitors"]:
        threading.Thread(target=visit, args=(visitor, end), daemon=True).start()
    time.sleep(plan["seconds"])


if __name__ == "__main__":
    main(json.loads(open(sys.argv[1]).read()))
