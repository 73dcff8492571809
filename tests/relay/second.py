"""The second house: other relays and other look-alikes than the first has, by other programs.

Real: dante, 3proxy, tinyproxy, privoxy, stunnel, trojan, kcptun, socat, dropbear, autossh, ssh with a tunnel device,
OpenVPN, WireGuard, microsocks, transmission, aria2, aioquic. What `wares.py` and `habits.py` do stands in for others.
"""

import hashlib
import json
import shutil
import sys

import cast as players
import first
import strangers

NEEDS = ["danted", "3proxy_socks", "tinyproxy", "privoxy", "stunnel", "trojan", "kcptun-server", "kcptun-client"]
NEEDS += ["socat", "dbclient", "autossh", "openvpn"]
ROUTER = "45.20.0.2"
CURLS = [*strangers.CURLS, *strangers.BROWSERS]  # those that can use an HTTP proxy as well
DANTE = """internal: 0.0.0.0 port = 1080
external: eth0
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: root
client pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
socks pass { from: 0.0.0.0/0 to: 0.0.0.0/0 }
"""
TINY = "Port 1080\nTimeout 600\nMaxClients 200\nLogLevel Error\n"
PRIVOXY = "listen-address 0.0.0.0:1080\nconfdir /etc/privoxy\ntoggle 0\n"
STUNNEL = "foreground = yes\npid =\ndebug = 3\n[a]\nclient = {}\naccept = {}\nconnect = {}\n"

# name, what way (a method of `House`) with its settings, rate (MB a minute), profile of the customers, what else the
# device does, how many sites, more of the relay. `masters`: how many; `ms`: how far away; `loss`: the device's radio
# loses this share of the packets each way; `line`: what its line carries up, in kbit/s.
RELAYS = [
    ("in+dante", "inbound", {"program": "dante"}, 2, "pages", "heartbeat", 40, {"ms": 60}),
    ("in+3proxy", "inbound", {"program": "3proxy"}, 1.5, "stuffing", "idle", 60, {"ms": 25}),
    ("in+3proxy-v6", "inbound", {"program": "3proxy", "v6": True}, 3, "scrape", "heartbeat", 25, {"ms": 40}),
    ("in+tinyproxy", "inbound", {"program": "tinyproxy"}, 2.5, "ads", "nothing", 50, {"ms": 90, "line": 3000}),
    ("in+privoxy", "inbound", {"program": "privoxy"}, 1.2, "api", "hub", 80, {"ms": 15}),
    ("in+stunnel+3proxy", "inbound", {"program": "3proxy", "stunnel": True}, 3, "pages", "idle", 35, {"ms": 50}),
    ("in+trojan", "inbound", {"program": "trojan"}, 4, "restream", "heartbeat", 6, {"ms": 30}),
    ("in+kcptun", "inbound", {"program": "kcptun"}, 2, "pages", "heartbeat", 30, {"loss": 0.01}),
    ("in+3proxy-open", "inbound", {"program": "3proxy"}, 2, "pages", "nothing", 60, {"masters": 24, "ms": 70}),
    ("dropbear+dante", "dropbear", {}, 2, "pages", "heartbeat", 45, {"ms": 80}),
    ("autossh-control-master", "autossh", {}, 1.5, "api", "idle", 90, {"ms": 35, "port": 443}),
    ("ssh-in-stunnel", "ssh_in_tls", {}, 3, "ads", "hub", 40, {"ms": 45}),
    ("ssh-tun+tinyproxy", "ssh_tun", {}, 2, "pages", "nothing", 30, {"ms": 20}),
    ("openvpn+dante", "openvpn", {}, 2.5, "pages", "heartbeat", 40, {}),
    ("socat-pool", "socat", {}, 2, "pages", "heartbeat", 35, {"ms": 55}),
    ("socat-pool", "socat", {}, 0.8, "stuffing", "nothing", 50, {"ms": 20, "masters": 3}),
    ("mux-tls", "kit", {"mode": "mux", "tls": True}, 2, "pages", "heartbeat", 60, {"ms": 100, "port": 7000}),
    ("mux-tls", "kit", {"mode": "mux", "tls": True}, 1.5, "api", "nothing", 120, {"ms": 40, "loss": 0.015}),
    ("mux-ws", "kit", {"mode": "mux", "ws": True, "tls": True}, 3, "scrape", "idle", 30, {"ms": 25}),
    ("mux-v6", "kit", {"mode": "mux", "tls": True, "v6": True}, 2, "pages", "heartbeat", 40, {"ms": 30}),
    ("mux-pages-on-laptop", "kit", {"mode": "mux", "tls": True}, 2, "pages", "laptop", 50, {"ms": 60}),
    ("mux-several", "kit", {"mode": "mux", "tls": True}, 3, "pages", "idle", 60, {"masters": 4, "ms": 50}),
    ("mux-several", "kit", {"mode": "mux"}, 0.6, "api", "heartbeat", 60, {"masters": 3, "ms": 70, "loss": 0.01}),
    ("mux-split", "kit", {"mode": "mux", "split": True, "tls": True}, 2, "scrape", "nothing", 30, {"masters": 2}),
    ("mux-quic", "kit", {"mode": "mux", "tls": True, "datagrams": True}, 2.5, "pages", "heartbeat", 30, {"ms": 40}),
    ("mux-quic", "kit", {"mode": "mux", "datagrams": True}, 1.5, "pages", "idle", 12, {"ms": 90, "port": 8443}),
    ("cells", "kit", {"mode": "mux", "tls": True, "cells": True}, 2, "pages", "nothing", 60, {"masters": 3, "ms": 80}),
    ("cells", "kit", {"mode": "mux", "tls": True, "cells": True}, 3, "scrape", "heartbeat", 40, {"ms": 60}),
    ("padding", "kit", {"mode": "mux", "tls": True, "pad": 0.3}, 2, "pages", "heartbeat", 40, {"ms": 45}),
    ("chaff", "kit", {"mode": "mux", "tls": True, "chaff": 4000}, 2, "pages", "idle", 40, {"ms": 30}),
    ("ready", "kit", {"mode": "ready", "tls": True, "ready": 5}, 2, "pages", "heartbeat", 50, {"ms": 50}),
    ("ready", "kit", {"mode": "ready", "ready": 8}, 1.2, "stuffing", "hub", 70, {"ms": 35, "port": 5555}),
    ("supers", "kit", {"mode": "asked", "tls": True}, 3, "pages", "heartbeat", 50, {"masters": 7, "ms": 60}),
    ("supers", "kit", {"mode": "asked", "tls": True}, 0.3, "pages", "idle", 40, {"masters": 5, "ms": 40}),
    ("supers-far", "kit", {"mode": "asked", "wait": 0.2}, 2, "ads", "heartbeat", 60, {"ms": 180, "loss": 0.02}),
    ("supers-on-tv", "kit", {"mode": "asked", "tls": True}, 2, "pages", "tv", 50, {"masters": 3, "ms": 40}),
    ("mux-on-tv", "kit", {"mode": "mux", "tls": True}, 3, "ads", "tv", 60, {"ms": 50}),
    ("mux-beside-camera", "kit", {"mode": "mux"}, 1.5, "stuffing", "camera", 80, {"ms": 30}),
    ("bursty", "kit", {"mode": "asked", "tls": True}, 4, "scrape", "idle", 40, {"ms": 40, "pauses": [50, 110]}),
    ("bursty", "kit", {"mode": "mux", "tls": True}, 5, "pages", "heartbeat", 40, {"ms": 70, "pauses": [70, 170]}),
    ("trickle", "kit", {"mode": "mux", "tls": True}, 0.25, "api", "heartbeat", 50, {"ms": 60}),
    ("trickle", "kit", {"mode": "ready", "ready": 3, "tls": True}, 0.4, "pages", "idle", 30, {"masters": 2, "ms": 50}),
    ("uploads", "kit", {"mode": "asked"}, 3, "uploads", "nothing", 20, {"ms": 35, "line": 5000}),
    ("jobs", "kit", {"mode": "jobs", "tls": True}, 2, "jobs", "idle", 50, {"wait": 2, "zip": 0.9}),
    ("jobs", "kit", {"mode": "jobs", "tls": True}, 1.5, "jobs", "heartbeat", 40, {"wait": 6, "zip": 0.25}),
]
TORRENTS = [("transmission", 35, 20, "half", True), ("aria2", 25, 40, "all", False)]
ALL = len(RELAYS) + 66


def devices(options):
    return (ALL + int(options.house[-1] == "a")) // 2


class House(first.House):
    def __init__(self, *arguments):
        missing = [program for program in NEEDS if not shutil.which(program)]
        assert not missing, f"this needs {' '.join(missing)}: tests/needs record, and tests/relay/README.md"
        super().__init__(*arguments)
        self.wares, self.visits, self.customers = [], [], []
        self.forwards, self.sources, self.later = [], [], []  # rules of the router and of the Internet; programs there
        self.quic = [self.address() for _ in range(12)]
        self.clients = [1, 2]

    def device(self, kind, name, habits, **parameters):
        """A device; None if it is one of the other half, which is recorded for itself: together they are too much for
        one machine."""
        self.everyone.append({"kind": kind, "name": name, **parameters})
        if len(self.everyone) % 2 != self.half:
            return None
        device = super().device(kind, name, habits)
        self.truth[device.mac] = self.everyone[-1]
        return device

    def make(self, options):
        self.everyone, self.half = [], int(options.house[-1] == "a")
        self.torrents = self.cast.torrents([torrent[3] for torrent in TORRENTS], megabytes=20, leeches=3)
        for n, relay in enumerate(RELAYS):
            self.relay(n, *relay)
        keys = self.cast.vpn(self.clients)
        self.look_alikes()
        assert not self.free, f"{len(self.free)} devices are left"
        put_aside(self.everyone)
        return keys

    # The net.

    def address6(self):
        return f"2a0f:9999:{self.dice.randrange(1, 999):x}::{self.dice.randrange(1, 65000):x}"

    def site(self, v6=False, named=0.75):
        if v6:
            self.sites += 1
            name = f"site{self.sites}.example"
            self.lab.internet.names[name] = [self.address6()]
            return name
        return self.names("site")[0] if self.dice.random() < named else self.address()

    def forward(self, device, port, to, kind="tcp"):
        """The router lets people in to a server of the house."""
        self.forwards.append(f"iifname wan {kind} dport {port} dnat ip to {device.ip}:{to}")

    def file(self, name, text):
        return self.cast.write(name, text)

    def usual(self, which):
        names = self.names
        if which == "hub":
            return [["hub", {"hosts": names("vendor", 12)}]]
        if which == "tv":
            return [
                ["video", {"hosts": names("tv", 3), "rate": 9, "piece": 6}],
                ["hub", {"hosts": names("ads", 20)}],
                ["heartbeat", {"host": names("home")[0]}],
            ]
        if which == "laptop":
            return [["laptop", {"hosts": names("web", 30), "photos": names("photos")[0], "every": 6}]]
        if which == "camera":
            return [["upload", {"host": names("cam")[0], "rate": 3}], ["heartbeat", {"host": names("home")[0]}]]
        return super().usual(which)

    # Relays. Each way gives the device's habits and how customers come to it.

    def relay(self, n, name, way, how, rate, profile, own, hosts, more):
        v6, count = how.get("v6", False), more.get("masters", 1)
        masters = [f"2a0f:9999:f{i}::{n + 1:x}" if v6 else f"45.10.{200 + i}.{n + 1}" for i in range(count)]
        port = more.get("port", [443, 22, 8080, 443, 4433][n % 5])
        device = self.device("relay", name, [], masters=masters, rate=rate)
        if not device:
            return
        customer = {"socks": 30_000 + n, "rate": rate, "profile": profile, "seed": 900 + n}
        customer["hosts"] = [self.site(v6) for _ in range(hosts)]
        customer["programs"] = self.dice.sample(strangers.PROGRAMS, [4, 7, 2, 10, 5][n % 5])
        customer.update(begins=self.dice.uniform(4, 20), **{k: more[k] for k in ("pauses",) if k in more})
        if profile == "pages":
            del customer["profile"]
            customer["uploads"], customer["long"] = [(0.05, 0.1), (0.15, 0.02), (0.02, 0.25)][n % 3]
        habits = getattr(self, way)(n, device, masters, port, customer, how, more)
        habits = [*self.usual(own), *habits]
        self.dice.shuffle(habits)
        self.players[-1] = (device, habits)
        self.limit(device, more)
        self.truth[device.mac].update(
            profile=profile,
            own=own,
            delay_ms=more.get("ms", 0),
            loss=more.get("loss", 0),
            port=port,
            v6=v6,
            hosts=hosts,
            programs=len(customer["programs"]),
            **{k: more[k] for k in ("pauses", "wait", "zip", "line") if k in more},
            **{k: how[k] for k in ("mode", "tls", "pad", "chaff", "ready") if k in how},
        )
        if profile != "jobs":
            (self.customers if how.get("datagrams") else self.cast.relays).append(customer)

    def limit(self, device, more):
        """What the radio loses, and what the line carries."""
        if more.get("loss"):
            loss = int(more["loss"] * 1000)
            device.ns.run(
                "nft -f -",
                "table inet radio {\nchain in {\ntype filter hook input priority 0\n"
                f"iifname eth0 numgen random mod 1000 < {loss} drop\n}}\n}}\n",
            )
            self.lab.router.run(
                "nft -f -",
                f"table inet radio{device.number} {{\nchain in {{\ntype filter hook prerouting priority -350\n"
                f"iifname br-lan ether saddr {device.mac} numgen random mod 1000 < {loss} drop\n}}\n}}\n",
            )
        if more.get("line"):
            device.ns.run(f"tc qdisc add dev eth0 root tbf rate {more['line']}kbit burst 16k latency 200ms")

    def proxy(self, n, program):
        """A proxy of the device at port 1080: its commands, and whether it speaks HTTP."""
        if program == "dante":
            return [["danted", "-f", self.file(f"danted-{n}", DANTE)]]
        if program == "3proxy":
            return [["3proxy_socks", "-p1080"]]
        if program == "tinyproxy":
            return [["tinyproxy", "-d", "-c", self.file(f"tinyproxy-{n}", TINY)]]
        if program == "privoxy":
            return [["privoxy", "--no-daemon", self.file(f"privoxy-{n}", PRIVOXY)]]
        return [["microsocks", "-p", "1080"]]

    def over_http(self, customer):
        customer["scheme"] = "http"
        customer["programs"] = self.dice.sample(CURLS, min(len(customer["programs"]), len(CURLS)))

    def inbound(self, n, device, masters, port, customer, how, more):
        program, outside, folder = how["program"], 8000 + n, self.cast.folder
        gate = {"mode": "gate", "socks": customer["socks"], "sources": masters, "ms": more.get("ms", 0)}
        gate.update(to=ROUTER, port=outside)
        if program in ("tinyproxy", "privoxy"):
            self.over_http(customer)
        if how.get("v6"):
            gate.update(to=device.ip6, port=1080)
            self.forwards.append(f"ip6 daddr {device.ip6} tcp dport 1080 accept")
            self.wares.append(gate)
            return [["programs", {"commands": [["3proxy_socks", "-p1080", "-i::", "-64"]]}]]
        commands = self.proxy(n, "dante" if program == "kcptun" else program)
        inside = 1080
        if how.get("stunnel"):
            inside, gate["tls"] = 4433, True
            keys = f"cert = {folder}/tls.crt\nkey = {folder}/tls.key\n"
            commands.append(["stunnel", self.file(f"stunnel-{n}", STUNNEL.format("no", 4433, 1080) + keys)])
        if program == "trojan":
            inside, gate["socks"] = 443, 34_000 + n
            keys = {"cert": f"{folder}/tls.crt", "key": f"{folder}/tls.key", "alpn": ["http/1.1"]}
            common = {"password": ["lab"], "log_level": 3}
            server = dict(run_type="server", local_addr="0.0.0.0", local_port=443, ssl=keys, **common)
            server.update(remote_addr="127.0.0.1", remote_port=80)
            client = dict(run_type="client", local_addr="127.0.0.1", local_port=customer["socks"], **common)
            client.update(remote_addr="127.0.0.1", remote_port=34_000 + n)
            client["ssl"] = {"verify": False, "verify_hostname": False, "cert": "", "sni": "", "alpn": ["http/1.1"]}
            commands = [["trojan", self.file(f"trojan-{n}", json.dumps(server))]]
            self.later.append(["trojan", self.file(f"trojan-client-{n}", json.dumps(client))])
        if program == "kcptun":
            self.forward(device, outside, 29_900, "udp")
            self.sources.append(f"ip daddr {ROUTER} udp dport {outside} snat ip to {masters[0]}")
            commands.append(["kcptun-server", "-t", "127.0.0.1:1080", "-l", ":29900", "--nocomp", "--quiet"])
            self.later.append(
                ["kcptun-client", "-r", f"{ROUTER}:{outside}", "-l", f"127.0.0.1:{customer['socks']}", "--nocomp"]
            )
            return [["programs", {"commands": commands}]]
        self.forward(device, outside, inside)
        self.wares.append(gate)
        return [["programs", {"commands": commands}]]

    def dropbear(self, n, device, masters, port, customer, how, more):
        self.cast.master(n, port, 2222, more["ms"], masters[0])
        way = f"127.0.0.1:{customer['socks']}:127.0.0.1:1080"
        client = ["dbclient", "-y", "-N", "-T", "-K", "20", "-i", "FOLDER/user.dropbear", "-p", str(port), "-R", way]
        return [["programs", {"commands": [*self.proxy(n, "dante"), [*client, f"root@{masters[0]}"]]}]]

    def autossh(self, n, device, masters, port, customer, how, more):
        self.cast.master(n, port, 2222, more["ms"], masters[0])
        control = f"FOLDER/control-{n}"
        ssh = ["-N", "SSH", "-o", "ControlMaster=yes", "-o", f"ControlPath={control}", "-p", str(port)]
        forward = f"ssh SSH -S {control} -O forward -R {customer['socks']} x"
        return [
            ["programs", {"commands": [["autossh", "-M", "0", *ssh, f"root@{masters[0]}"]]}],
            ["tun", {"commands": f"until {forward}; do sleep 3; done; sleep 3600"}],
        ]

    def ssh_in_tls(self, n, device, masters, port, customer, how, more):
        keys = f"cert = {self.cast.folder}/tls.crt\nkey = {self.cast.folder}/tls.key\n"
        self.cast.master(n, 443, 25_000 + n, more["ms"], masters[0])
        self.later.append(["stunnel", self.file(f"stunnel-master-{n}", STUNNEL.format("no", 25_000 + n, 2222) + keys)])
        ours = self.file(f"stunnel-{n}", STUNNEL.format("yes", "127.0.0.1:2200", f"{masters[0]}:443"))
        ssh = ["ssh", "-N", "SSH", "-p", "2200", "-R", f"127.0.0.1:{customer['socks']}", "root@127.0.0.1"]
        return [["programs", {"commands": [["stunnel", ours], ssh]}]]

    def ssh_tun(self, n, device, masters, port, customer, how, more):
        self.cast.master(n, port, 2222, more["ms"], masters[0])
        self.over_http(customer)
        far = f"ip address add 10.7.{n}.1/30 dev tun{n}; ip link set tun{n} up; sleep 3600"
        line = (
            f"(sleep 4; ip address add 10.7.{n}.2/30 dev tun{n}; ip link set tun{n} up) & "
            f"exec ssh SSH -p {port} -w {n}:{n} root@{masters[0]} '{far}'"
        )
        self.wares.append(
            {"mode": "gate", "socks": customer["socks"], "sources": [None], "to": f"10.7.{n}.2", "port": 1080}
        )
        return [["programs", {"commands": self.proxy(n, "tinyproxy")}], ["tun", {"commands": line}]]

    def openvpn(self, n, device, masters, port, customer, how, more):
        self.vpn_server(n, 1194)
        self.wares.append(
            {"mode": "gate", "socks": customer["socks"], "sources": [None], "to": f"10.8.{n}.2", "port": 1080}
        )
        return [
            ["programs", {"commands": self.proxy(n, "dante")}],
            ["openvpn", {"server": masters[0], "port": 1194, "number": n, "inside": []}],
        ]

    def vpn_server(self, n, port):
        self.later.append(
            f"openvpn --dev tun{n} --ifconfig 10.8.{n}.1 10.8.{n}.2 --port {port} --multihome --secret "
            f"{self.cast.folder}/static.key --cipher AES-256-CBC".split()
        )

    def socat(self, n, device, masters, port, customer, how, more):
        for master in masters:
            self.cast.master(n, port, 25_000 + n, more["ms"], master)
        self.wares.append({"mode": "ready", "raw": True, "listen": 25_000 + n, "socks": customer["socks"]})
        commands = [
            ["socat", f"TCP:{masters[i % len(masters)]}:{port}", "TCP:127.0.0.1:1080,retry=5"] for i in range(12)
        ]
        return [["programs", {"commands": [*self.proxy(n, "microsocks"), *commands]}]]

    def kit(self, n, device, masters, port, customer, how, more):
        if how["mode"] == "jobs":
            more = {**more, "collectors": [self.names("store")[0]]}
        for master in masters:
            self.cast.master(n, port, 25_000 + n, more.get("ms", 0), master)
        settings = {k: v for k, v in how.items() if k not in ("v6", "datagrams")}
        self.wares.append(
            {
                **settings,
                "listen": 25_000 + n,
                "socks": customer["socks"],
                "rate": customer["rate"],
                "hosts": customer["hosts"],
            }
        )
        if how.get("datagrams"):
            customer["hosts"] = []
            for address in self.dice.sample(self.quic, 8):
                self.sites += 1
                customer["hosts"].append(f"quic{self.sites}.example")
                self.lab.internet.names[customer["hosts"][-1]] = [address]
        named = list(masters)
        if n % 4 == 1:
            named = [f"gate{n}-{i}.example" for i in range(len(masters))]
            self.lab.internet.names.update({name: [address] for name, address in zip(named, masters)})
        if how["mode"] == "jobs":  # what it got goes to the collector, which is a master as well
            masters += self.lab.internet.names[more["collectors"][0]]
        extra = {k: more[k] for k in ("wait", "zip", "collectors") if k in more}
        return [["kit", {**settings, **extra, "masters": named, "port": port, "alive": 15 + n % 7 * 5}]]

    # Look-alikes.

    def home(self, name, port, *habits, visits, inside=None, passes_on=False, kind="tcp"):
        """A device with a server that people reach from outside."""
        device = self.device("look-alike", name, list(habits), **({"passes_on": True} if passes_on else {}))
        if not device:
            return
        self.forward(device, port, inside or port, kind)
        sources = [
            f"45.10.{160 + self.dice.randrange(30)}.{self.dice.randrange(1, 255)}" for _ in range(visits.pop("people"))
        ]
        self.visits.append({"to": ROUTER, "port": port, "sources": sources, **visits})

    def look_alikes(self):
        names, do, serve = self.names, lambda name, **more: [name, more], lambda **plan: ["serve", plan]
        beat = lambda: do("heartbeat", host=names("home")[0], every=50)

        def d(name, *habits, **more):
            return self.device("look-alike", name, habits, **more)

        def hands_on(name, *habits, **more):
            return self.device("look-alike", name, habits, passes_on=True, **more)

        # They hand on what they get, for the people there.
        hands_on(
            "cloud-to-cloud-stream",
            do("pass_on", sources=names("drive"), sinks=names("bucket"), size=1_200_000, every=15, how="stream"),
        )
        hands_on(
            "cloud-to-cloud-stream",
            beat(),
            do("pass_on", sources=names("drive", 3), sinks=names("bucket", 2), size=300_000, every=5, how="stream"),
        )
        hands_on(
            "photo-mover",
            do("pass_on", sources=names("album", 2), sinks=names("bucket"), size=700_000, every=12, wait=2),
        )
        hands_on(
            "web-radio-again",
            do("radio", source=names("radio")[0], sink=names("icecast")[0], kilobits=192, shrink=0.65),
        )
        hands_on(
            "web-radio-again",
            beat(),
            do("radio", source=names("radio")[0], sink=names("icecast")[0], kilobits=128, shrink=1.0),
        )
        hands_on(
            "build-runner",
            beat(),
            do(
                "pass_on",
                sources=names("registry", 6),
                sinks=names("images"),
                size=1_500_000,
                every=20,
                wait=6,
                shrink=0.7,
            ),
        )
        hands_on(
            "build-runner",
            beat(),
            do("pass_on", sources=names("packages", 15), sinks=names("cache", 2), size=400_000, every=6, wait=3),
        )
        restream = hands_on(
            "restream",
            do("pass_on", sources=names("srt"), sinks=names("live"), size=20_000_000, every=1, how="stream"),
            line=600,
        )
        if restream:
            self.limit(restream, {"line": 600})
        hands_on(
            "podcast-to-cloud",
            do("pass_on", sources=names("feed", 20), sinks=names("drive"), size=900_000, every=18, wait=4),
        )
        hands_on(
            "feeds-to-messenger",
            do("pass_on", sources=names("feed", 40), sinks=names("bot"), size=30_000, every=2, wait=1, shrink=0.9),
        )
        hands_on(
            "update-fan-out",
            do("peers", addresses=[self.address() for _ in range(14)], down=1.5, up=1.5, size=250_000, push=0.8),
            do("fetching", hosts=names("cdn"), rate=1.5, size=800_000),
        )
        hands_on(
            "ipfs-like",
            do("peers", addresses=[self.address() for _ in range(40)], down=1, up=0.8, size=60_000, push=0.5),
        )
        hands_on(
            "telephone-exchange",
            do(
                "legs",
                pairs=[[[self.address(), 40_001], [self.address(), 40_002]] for _ in range(2)],
                every=0.02,
                size=172,
            ),
            beat(),
        )
        hands_on(
            "telephone-exchange",
            do(
                "legs",
                pairs=[[[self.address(), 40_001], [self.address(), 40_001]] for _ in range(4)],
                every=0.03,
                size=120,
            ),
        )
        self.home(
            "mail-server",
            25,
            beat(),
            serve(port=2525, backends=names("mx", 8), shared=0.7, fan=2, wait=3),
            visits=dict(people=25, rate=1.2, size=60_000, up=1),
            inside=2525,
            passes_on=True,
        )
        self.home(
            "matrix-like",
            8448,
            serve(port=8448, tls=True, backends=names("federated", 25), shared=0.9, fan=6),
            visits=dict(people=25, rate=0.4, size=4_000, up=0.9, tls=True),
            passes_on=True,
        )
        self.home(
            "files-on-object-store",
            4443,
            serve(port=4443, tls=True, backends=names("bucket"), shared=1),
            visits=dict(people=3, rate=2, size=900_000, up=0.3, tls=True),
            passes_on=True,
        )
        self.home(
            "media-from-cloud-drive",
            8920,
            serve(port=8920, tls=True, backends=names("drive", 2), shared=1),
            beat(),
            visits=dict(people=1, rate=4, size=2_500_000, tls=True),
            passes_on=True,
        )
        self.home(
            "web-shop-behind-home",
            8444,
            serve(port=8444, tls=True, backends=names("api", 4), shared=0.5),
            visits=dict(people=60, rate=1, size=15_000, up=0.1, tls=True),
            passes_on=True,
        )
        self.home(
            "mirror-serving",
            8081,
            serve(port=8081, backends=names("upstream"), shared=0.4),
            do("fetching", hosts=names("upstream"), rate=1, size=2_000_000),
            visits=dict(people=12, rate=2, size=700_000),
            passes_on=True,
        )
        # Home servers that answer from what they have.
        self.home(
            "media-server",
            8096,
            serve(port=8096),
            do("hub", hosts=names("meta", 6)),
            visits=dict(people=1, rate=5, size=1_800_000),
        )
        self.home(
            "media-server",
            32400,
            serve(port=32400, tls=True),
            do("fetching", hosts=names("usenet", 3), rate=5, size=3_000_000),
            visits=dict(people=2, rate=4, size=1_500_000, tls=True),
        )
        self.home(
            "photo-share",
            2283,
            serve(port=2283, tls=True),
            do("backup", host=names("offsite")[0], rate=1, size=900_000),
            visits=dict(people=6, rate=2, size=300_000, up=0.3, tls=True),
        )
        self.home(
            "nas-in-and-out",
            5001,
            serve(port=5001, tls=True),
            do("fetching", hosts=names("files", 4), rate=2, size=1_500_000),
            visits=dict(people=2, rate=2, size=600_000, up=0.5, tls=True),
        )
        self.home(
            "chat-server",
            5222,
            serve(port=5222, tls=True),
            visits=dict(people=30, rate=0.3, size=2_500, up=0.5, tls=True),
        )
        self.home(
            "time-server",
            123,
            serve(port=1123, datagrams=True),
            visits=dict(people=200, rate=0.3, size=48, udp=True),
            inside=1123,
            kind="udp",
        )
        self.home(
            "name-server",
            53,
            serve(port=1053, datagrams=True),
            do("hub", hosts=names("roots", 12)),
            visits=dict(people=60, rate=0.3, size=160, udp=True),
            inside=1053,
            kind="udp",
        )
        self.home("web-cam-page", 8083, serve(port=8083), visits=dict(people=4, rate=2, size=45_000))
        # Calls and screens.
        sfu = lambda: [self.address(), 50_000]
        d(
            "conference-two-servers",
            do("call", peers=[sfu()], every=0.02, size=900, count=1, back=300),
            do("call", peers=[sfu()], every=0.02, size=200, count=2, back=700),
        )
        d(
            "conference-two-servers",
            do("call", peers=[sfu(), sfu()], every=0.025, size=700, count=1, back=700, stun=False),
        )
        d("film-to-conference", do("film", cdn=names("cdn", 2), peers=[sfu()], rate=6))
        d("film-to-conference", beat(), do("film", cdn=names("cdn"), peers=[sfu()], rate=4, piece=4, lag=0.5, back=300))
        d(
            "film-to-friends",
            do("film", cdn=names("cdn", 3), peers=[[self.address(), 40_001] for _ in range(2)], rate=3),
            do("call", peers=[[self.address(), 40_002]], every=0.02, size=120, back=120),
        )
        d(
            "remote-play",
            do("call", peers=[[self.address(), 40_001]], every=0.006, size=1100, back=60),
            do("fetching", hosts=names("store", 4), rate=10, size=4_000_000),
        )
        d("remote-play", do("call", peers=[[self.address(), 40_002]], every=0.01, size=1000, back=90, stun=False))
        d("remote-desktop", do("desktop", relay=names("desk")[0], up=3, down=0.3, burst=3))
        d(
            "remote-desktop-film",
            do("desktop", relay=names("desk")[0], up=4, down=0.3, burst=5),
            do("video", hosts=names("cdn", 2), rate=4),
        )
        d(
            "game-and-voice",
            do("call", peers=[[self.address(), 27_015]], every=0.033, size=110, back=420),
            do("call", peers=[sfu()], every=0.02, size=160, count=3, back=160),
        )
        d("cloud-gaming", do("call", peers=[[self.address(), 40_001]], every=0.012, size=90, count=1, back=1200))
        d("voice-assistant", do("processed", host=names("voice")[0], up=60_000, shrink=0.9, every=8), beat())
        d("picture-work", do("processed", host=names("studio")[0], up=1_200_000, shrink=0.8, every=20))
        # Live.
        d(
            "live-and-own-page",
            do("live", hosts=names("ingest"), rate=4, watch=names("edge", 2), lag=8),
            do("hub", hosts=names("chat", 3)),
        )
        d("live-and-own-page", do("live", hosts=names("ingest"), rate=2.5, watch=names("edge"), lag=3, share=0.5))
        d("live-two-platforms", do("live", hosts=names("ingest", 2), rate=2, watch=names("edge", 3), lag=5))
        d(
            "live-and-other-video",
            do("live", hosts=names("ingest"), rate=3),
            do("video", hosts=names("cdn", 2), rate=3, piece=4),
        )
        # Copies and files.
        d(
            "two-clouds",
            do("two_clouds", hosts=names("cloud", 2), size=900_000, every=25),
            do("laptop", hosts=names("web", 10), photos=names("photos")[0]),
        )
        d("backup-in-packs", do("chunks", host=names("vault")[0], index=120_000, size=700_000, every=20), beat())
        d("backup-in-packs", do("chunks", host=names("vault")[0], index=900_000, size=900_000, every=25))
        d("speed-test", do("speed", hosts=names("speed", 3), every=60, streams=4, size=3_000_000, up=1_500_000))
        d("speed-test", do("speed", hosts=names("speed"), every=30, streams=2, size=1_500_000, up=1_500_000), beat())
        d("podcasts", do("feeds", hosts=names("feed", 40), every=2, large=3_000_000, share=0.05))
        d(
            "phone",
            do("laptop", hosts=names("app", 25), photos=names("photos")[0], every=5, shares=0.4),
            do("video", hosts=names("clips", 4), rate=4, piece=3),
        )
        d("dashcam", do("backup", host=names("dash")[0], rate=3, size=1_500_000))
        d(
            "recorder-of-cameras",
            do("upload", host=names("nvr")[0], rate=1.5),
            do("upload", host=names("nvr")[0], rate=1.2),
            do("fetching", hosts=names("firmware"), rate=1.5, size=2_000_000),
        )
        d(
            "camera-over-relay-server",
            do("call", peers=[[self.address(), 40_001]], every=0.02, size=800, back=60, stun=False),
            do("idle", host=names("broker")[0]),
        )
        d("browsing", do("laptop", hosts=names("web", 70), photos=names("photos")[0], every=3))
        d(
            "browsing",
            do("laptop", hosts=names("web", 40), photos=names("photos")[0], every=5, shares=0.2),
            do("fetching", hosts=names("files", 3), rate=2, size=1_000_000),
        )
        d(
            "home-automation-cloud",
            do("bridge", host=names("bridge")[0], every=1.2, views=8.5),
            do("hub", hosts=names("vendor", 9)),
        )
        d("print-server", do("fetching", hosts=names("print"), rate=1, size=900_000), beat())
        # Tunnels of the people there.
        d(
            "work-vpn",
            do(
                "openvpn",
                server=self.address(),
                port=1195,
                number=200,
                inside=[do("laptop", hosts=["10.8.200.1"], photos="10.8.200.1", every=3)],
            ),
        )
        self.vpn_server(200, 1195)
        d(
            "vpn-and-copy",
            do("vpn", number=1, server=players.VPN, inside=[do("backup", host="10.9.0.1", rate=2, size=500_000)]),
            do("fetching", hosts=names("files", 5), rate=2, size=500_000),
        )
        d(
            "vpn-browsing",
            do(
                "vpn",
                number=2,
                server=players.VPN,
                inside=[do("laptop", hosts=["10.9.0.1"], photos="10.9.0.1", every=3)],
            ),
            do("laptop", hosts=names("web", 12), photos=names("photos")[0], every=9),
        )
        for n, (program, down, up, _, utp) in enumerate(TORRENTS):
            file, folder = self.torrents[n]
            d(
                "bittorrent",
                do("torrent", file=file, program=program, down=down, up=up, folder=folder, utp=utp),
                program=program,
            )
        # The owner's way home, and out from there.
        self.own_ways()

    def own_ways(self):
        for n, (way, rate, profile) in enumerate((("own-3proxy-tls", 1.5, None), ("own-openvpn-home", 2, "ads"))):
            number = 220 + n
            customer = {
                "socks": 30_000 + number,
                "rate": rate,
                "seed": number,
                "begins": 8,
                "programs": ["chrome131" if strangers.BROWSERS else "curl"],
            }
            customer.update({"profile": profile} if profile else {"uploads": 0.05, "long": 0.1})
            customer["hosts"] = self.names("site", 25)
            device = self.device("own", way, [], rate=rate, masters=[f"45.10.200.{number}"])
            if not device:
                continue
            how = {"program": "3proxy", "stunnel": True}
            if n == 0:
                habits = self.inbound(number, device, [f"45.10.200.{number}"], 443, customer, how, {"ms": 40})
            else:
                habits = self.openvpn(number, device, [f"45.10.200.{number}"], 1194, customer, how, {})
                self.later[-1][self.later[-1].index("1194")] = "1196"
                habits[-1][1]["port"] = 1196
            self.players[-1] = (device, [*self.usual("heartbeat"), *habits])
            self.cast.relays.append(customer)

    # What has to run in the Internet and on the router.

    def begin(self, seconds):
        cast, inet = self.cast, self.lab.inet_ns
        inet.run("sysctl -qw net.ipv6.ip_nonlocal_bind=1")
        inet.run(f"openvpn --genkey secret {cast.folder}/static.key")
        inet.run(f"dropbearconvert openssh dropbear {cast.folder}/user {cast.folder}/user.dropbear")
        six = [rule for rule in self.forwards if rule.startswith("ip6")]
        four = [rule for rule in self.forwards if not rule.startswith("ip6")]
        self.lab.router.run(
            "nft -f -",
            "table inet forwards {\nchain in {\ntype nat hook prerouting priority dstnat\n"
            + "\n".join(four)
            + "\n}\n}\n"
            + "".join(f"insert rule inet fw4 forward {rule}\n" for rule in ["ct status dnat accept", *six]),
        )
        inet.run(
            "nft -f -",
            "table ip sources {\nchain out {\ntype nat hook postrouting priority srcnat\n"
            + "\n".join(self.sources)
            + "\n}\n}\n",
        )
        for number, command in enumerate(self.later):
            cast.popen(inet, f"later-{number}", command)
        plan = {"kits": self.wares, "visitors": self.visits, "quic": self.quic, "seconds": seconds}
        plan.update(certificate=f"{cast.folder}/tls.crt", key=f"{cast.folder}/tls.key")
        path = cast.write("wares.json", json.dumps(plan))
        cast.popen(inet, "wares", [sys.executable, f"{players.HERE}/wares.py", "internet", path])
        self.lab.until(lambda: "ready" in open(f"{cast.folder}/wares.out").read(), "the masters are there", 20)
        quic = json.dumps({"customers": self.customers, "seconds": seconds})
        cast.popen(inet, "quic", [sys.executable, f"{players.HERE}/quic.py", quic])


def put_aside(everyone):
    """A third of each group is put aside, for nobody who works on the detector to look at; a hash says which."""
    groups, counts = {}, {}
    for what in everyone:
        counts[what["name"]] = counts.get(what["name"], 0) + 1
        mark = hashlib.sha256(f"{what['name']} {counts[what['name']]}".encode()).hexdigest()
        kind = what["kind"], what.get("passes_on"), len(what.get("masters", [])) > 1, what.get("rate", 1) < 1
        groups.setdefault(kind, []).append((mark, what))
    for group in groups.values():
        for _, what in sorted(group, key=lambda item: item[0])[: round(len(group) / 3)]:
            what["aside"] = True
