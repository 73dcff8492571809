"""A house in network namespaces: devices, a router with the real dnsmasq, nft and leash, and the Internet.

The namespaces have no names: they live as long as this process holds them open, so nothing is left behind, however it
ends, and several labs run side by side. Sockets are made inside a namespace and used from here.

    device  192.168.77.101.. fd77::101.. 2a0f:7777::101..  --.
    device  ...                                              +-- br-lan  router  wan 45.20.0.2, 2a0f:1111::2 -- inet
                                                            --'          (masquerade)       45.10.0.0/16, 2a0f:9999::/32
"""

import contextlib
import ctypes
import json
import os
import random
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import ubus

LIBC = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000
LEASH = os.environ.get("LEASH", "target/release/leash")
UBUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ubus.py")
ROUTER4, ROUTER6 = "192.168.77.1", "fd77::1"
UPSTREAM = "45.10.53.53"
PACE = float(os.environ.get("LAB_PACE", 1))  # how much longer all may take, as in an emulated machine


def setns(fd):
    if LIBC.setns(fd, CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


class Namespace:
    """A network namespace; `with` it to make sockets inside."""

    lock = threading.RLock()

    def __init__(self):
        with Namespace.lock:
            home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            if LIBC.unshare(CLONE_NEWNET):
                raise OSError(ctypes.get_errno(), "unshare: the lab needs root")
            self.fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
            setns(home)
            os.close(home)
        # No waiting for duplicate addresses.
        self.run("sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0\nip link set lo up")

    def __enter__(self):
        Namespace.lock.acquire()
        self.home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        setns(self.fd)

    def __exit__(self, *_):
        setns(self.home)
        os.close(self.home)
        Namespace.lock.release()

    def popen(self, command, **more):
        def enter():
            LIBC.prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG: nothing outlives the lab

        with self:
            return subprocess.Popen(command, preexec_fn=enter, **more)

    def run(self, lines, input=None, check=True):
        """Runs commands, one a line; gives what the last one wrote."""
        out = ""
        for line in lines.strip().splitlines():
            child = self.popen(
                line.split(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            out, err = child.communicate(input, timeout=20 * PACE)
            if check and child.returncode:
                raise RuntimeError(f"{line}: {err.strip()}")
        return out

    def close(self):
        os.close(self.fd)


class Device:
    """A station of the LAN."""

    def __init__(self, lab, number):
        self.lab, self.number = lab, number
        self.mac = f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"
        self.ip = (
            f"192.168.77.{number}"
            if number < 250
            else f"192.168.{78 + (number - 250) // 250}.{(number - 250) % 250 + 1}"
        )
        self.ip6, self.ula = f"2a0f:7777::{number:x}", f"fd77::{number:x}"
        self.ns = Namespace()
        lab.router.run(
            f"ip link add d{number} type veth peer name eth0 netns /proc/{os.getpid()}/fd/{self.ns.fd}\n"
            f"ip link set d{number} master br-lan up"
        )
        self.ns.run(f"""ip link set eth0 address {self.mac} up
            ip address add {self.ip}/16 dev eth0
            ip route add default via {ROUTER4}
            ip -6 address add {self.ula}/64 dev eth0 nodad
            ip -6 address add {self.ip6}/64 dev eth0 nodad
            ip -6 route add default via {ROUTER6}""")

    def lookup(self, name, kind=1, server=ROUTER4, tcp=False, wait=2.0):
        """Asks the resolver; gives the addresses of the answer."""
        number = random.randrange(65536)
        labels = name if isinstance(name, list) else [label.encode() for label in name.split(".")]
        question = b"".join(bytes([len(label)]) + label for label in labels) + b"\0" + struct.pack(">HH", kind, 1)
        message = struct.pack(">6H", number, 0x100, 1, 0, 0, 0) + question
        with self.ns:
            s = socket.socket(
                socket.AF_INET6 if ":" in server else socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
            )
        s.settimeout(wait * PACE)
        with s:
            try:
                s.connect((server, 53))
                s.sendall(struct.pack(">H", len(message)) + message if tcp else message)
                answer = s.recv(65535)
            except OSError:
                return None
        return addresses(answer[2:] if tcp else answer)

    def socket(self, address, port, kind=socket.SOCK_STREAM, source=None, wait=1.5):
        with self.ns:
            s = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, kind)
        s.settimeout(wait * PACE)
        if source:
            s.bind((source, 0))
        s.connect((address, port))
        return s

    def reaches(self, address, port=443, udp=False, wait=1.0, source=None):
        """An echo server there answers."""
        try:
            with self.socket(address, port, socket.SOCK_DGRAM if udp else socket.SOCK_STREAM, source, wait) as s:
                return echoes(s)
        except OSError:
            return False

    def close(self):
        self.ns.close()


def echoes(s, data=b"are you there"):
    """The other side of a connected socket answers."""
    try:
        s.sendall(data)
        return bool(s.recv(65535))
    except OSError:
        return False


def receives(s):
    """What came in on a socket, if anything did."""
    try:
        return s.recv(1000)
    except OSError:
        return None


def addresses(message):
    """The A and AAAA records of a DNS message."""

    def skip(at):
        while message[at]:
            if message[at] >= 192:
                return at + 2
            at += 1 + message[at]
        return at + 1

    counts = struct.unpack(">4H", message[4:12])
    at, found = 12, []
    for _ in range(counts[0]):
        at = skip(at) + 4
    for _ in range(sum(counts[1:])):
        at = skip(at)
        kind, _, _, length = struct.unpack(">HHIH", message[at : at + 10])
        data = message[at + 10 : at + 10 + length]
        found += [socket.inet_ntop(socket.AF_INET if kind == 1 else socket.AF_INET6, data)] if kind in (1, 28) else []
        at += 10 + length
    return found


class Internet:
    """Servers at every address of 45.10.0.0/16 and 2a0f:9999::/32: echo on TCP and UDP, and the names of `names`."""

    PORTS = [80, 123, 443, 7000, 8883]

    def __init__(self, ns, ports=PORTS):
        self.ns, self.names, self.delay = ns, {}, 0.0
        self.closing = False
        self.poller = select.epoll()
        self.by_fd = {}
        with ns:
            for port in ports:
                for family in (socket.AF_INET, socket.AF_INET6):
                    self.tcp(family, port, self.echo)
                    self.udp(family, port, lambda s, data, peer, at: send_from(s, data, peer, at))
            self.udp(socket.AF_INET, 53, self.resolve)
            self.tcp(socket.AF_INET, 53, self.resolve_stream)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def add(self, s, take):
        s.setblocking(False)
        self.by_fd[s.fileno()] = (s, take)
        self.poller.register(s.fileno(), select.EPOLLIN)

    def tcp(self, family, port, take):
        s = socket.socket(family, socket.SOCK_STREAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind(("", port))
        s.listen(512)
        self.add(s, lambda s: self.add(s.accept()[0], take))

    def udp(self, family, port, take):
        s = socket.socket(family, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            s.setsockopt(socket.IPPROTO_IPV6, 49, 1)  # IPV6_RECVPKTINFO
            s.setsockopt(socket.IPPROTO_IPV6, 78, 1)  # IPV6_FREEBIND
        else:
            s.setsockopt(socket.IPPROTO_IP, 8, 1)  # IP_PKTINFO
        s.bind(("", port))

        def receive(s):
            data, ancillary, _, peer = s.recvmsg(65535, 256)
            take(s, data, peer, ancillary)

        self.add(s, receive)

    def serve(self):
        while not self.closing:
            for fd, _ in self.poller.poll(0.2):
                s, take = self.by_fd.get(fd, (None, None))
                try:
                    if s:
                        take(s)
                except (OSError, struct.error, IndexError):
                    self.drop(s)

    def drop(self, s):
        with contextlib.suppress(OSError, KeyError):
            self.poller.unregister(s.fileno())
            del self.by_fd[s.fileno()]
            s.close()

    def echo(self, s):
        data = s.recv(65535)
        if not data:
            return self.drop(s)
        if data.startswith(b"stream "):
            # `stream 2000`: so many packets, one each 10 ms.
            threading.Thread(target=stream, args=(s, int(data.split()[1])), daemon=True).start()
        else:
            s.sendall(data)

    def answer(self, question):
        number, _, _ = struct.unpack(">3H", question[:6])
        at, labels = 12, []
        while question[at]:
            labels.append(question[at + 1 : at + 1 + question[at]])
            at += 1 + question[at]
        kind = struct.unpack(">H", question[at + 1 : at + 3])[0]
        body = question[12 : at + 5]
        found = self.names.get(b".".join(labels).decode("latin1").lower())
        records = []
        for record in found or []:
            if isinstance(record, tuple):  # (CNAME, its addresses)
                alias = b"".join(bytes([len(x)]) + x for x in record[0]) + b"\0"
                records.append(b"\xc0\x0c" + struct.pack(">HHIH", 5, 1, 60, len(alias)) + alias)
                records += [alias + rr(a, kind) for a in record[1] if rr(a, kind)]
            elif rr(record, kind):
                records.append(b"\xc0\x0c" + rr(record, kind))
        code = 0x8180 if found is not None else 0x8183
        return struct.pack(">6H", number, code, 1, len(records), 0, 0) + body + b"".join(records)

    def resolve(self, s, data, peer, at):
        if self.delay:
            return threading.Timer(self.delay, lambda: send_from(s, self.answer(data), peer, at)).start()
        send_from(s, self.answer(data), peer, at)

    def resolve_stream(self, s):
        data = s.recv(65535)
        if not data:
            return self.drop(s)
        answer = self.answer(data[2:])
        s.sendall(struct.pack(">H", len(answer)) + answer)

    def close(self):
        self.closing = True
        self.thread.join()
        for s, _ in list(self.by_fd.values()):
            s.close()
        self.poller.close()


def rr(address, kind):
    if ":" in address and kind == 28:
        return struct.pack(">HHIH", 28, 1, 60, 16) + socket.inet_pton(socket.AF_INET6, address)
    if ":" not in address and kind == 1:
        return struct.pack(">HHIH", 1, 1, 60, 4) + socket.inet_aton(address)
    return b""


def send_from(s, data, peer, ancillary):
    """Answers a datagram from the address to which it was sent; `stream N` is answered by N datagrams."""

    def send(data):
        level, kind, info = ancillary[0]
        info = struct.pack("=I", 0) + info[8:12] + bytes(4) if level == socket.IPPROTO_IP else info
        s.sendmsg([data], [(level, kind, info)], 0, peer)

    if not data.startswith(b"stream "):
        return send(data)

    def many():
        for _ in range(int(data.split()[1])):
            with contextlib.suppress(OSError):
                send(b"x" * 200)
            time.sleep(0.01)

    threading.Thread(target=many, daemon=True).start()


def stream(s, packets):
    with contextlib.suppress(OSError):
        for _ in range(packets):
            s.sendall(b"x" * 200)
            time.sleep(0.01)


FW4 = """
table inet fw4
delete table inet fw4
table inet fw4 {
    chain forward { type filter hook forward priority filter; policy drop;
        ct state established,related accept
        iifname "br-lan" accept
        reject
    }
    chain srcnat { type nat hook postrouting priority srcnat; policy accept;
        oifname "wan" meta nfproto ipv4 masquerade;
    }
}
"""


class Lab:
    """All of it. `devices` stations; servers echo at the ports `echo`; leash is started by `start`."""

    def __init__(self, devices=2, log="extra", query_log=True, echo=Internet.PORTS):
        self.folder = tempfile.mkdtemp(prefix="leash-lab-")
        self.children, self.tap = {}, None
        self.log_path = f"{self.folder}/log/queries.log"
        os.makedirs(f"{self.folder}/log")
        self.router, wan = Namespace(), Namespace()
        self.inet_ns = wan
        self.router.run(f"""ip link add br-lan type bridge
            ip link set br-lan up
            ip address add {ROUTER4}/16 dev br-lan
            ip -6 address add {ROUTER6}/64 dev br-lan nodad
            ip -6 address add 2a0f:7777::ffff/64 dev br-lan nodad
            ip link add wan type veth peer name eth0 netns /proc/{os.getpid()}/fd/{wan.fd}
            ip link set wan up
            ip address add 45.20.0.2/24 dev wan
            ip -6 address add 2a0f:1111::2/64 dev wan nodad
            sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.netfilter.nf_conntrack_acct=1""")
        wan.run("""ip link set eth0 up
            ip address add 45.20.0.1/24 dev eth0
            ip -6 address add 2a0f:1111::1/64 dev eth0 nodad
            ip route add local 45.10.0.0/16 dev lo
            ip -6 route add local 2a0f:9999::/32 dev lo
            ip -6 route add 2a0f:7777::/64 via 2a0f:1111::2""")
        self.router.run("ip route add default via 45.20.0.1\nip -6 route add default via 2a0f:1111::1")
        self.router.run("nft -f -", FW4)
        self.internet = Internet(wan, echo)
        self.devices = [Device(self, 101 + i) for i in range(devices)]
        self.log_form, self.query_log = log, query_log
        if log is not None:
            self.dnsmasq()

    def names(self, **names):
        """Names that the Internet knows: `bulb="45.10.1.1"` for bulb.example."""
        for name, all_ in names.items():
            self.internet.names[f"{name}.example"] = all_ if isinstance(all_, list) else [all_]

    def dnsmasq(self):
        settings = f"""keep-in-foreground\nno-resolv\nno-hosts\nserver={UPSTREAM}
interface=br-lan\nexcept-interface=lo\nbind-dynamic
user=root\npid-file={self.folder}/dnsmasq.pid\nstop-dns-rebind\nno-ping\nno-poll\ncache-size=1000
dhcp-range=192.168.77.10,192.168.77.90,255.255.0.0,1h
dhcp-authoritative\ndhcp-leasefile={self.folder}/leases\ndhcp-broadcast\n"""
        if self.log_form:
            settings += {"plain": "log-queries\n", "extra": "log-queries=extra\n", "no": ""}[self.log_form]
            settings += f"log-facility={self.log_path}\n" if self.log_form != "no" else ""
        with open(f"{self.folder}/dnsmasq.conf", "w") as file:
            file.write(settings)
        with open(f"{self.folder}/dnsmasq.out", "a") as out:
            self.children["dnsmasq"] = self.router.popen(
                ["dnsmasq", "-C", f"{self.folder}/dnsmasq.conf"], stdout=out, stderr=out
            )
        self.until(
            lambda: self.devices == [] or self.devices[0].lookup("nobody.example", wait=0.2) is not None,
            "dnsmasq answers",
        )

    def configure(self, more=""):
        query_log = f" option query_log '{self.log_path}'" if self.query_log else ""
        # What a story sets itself is not set twice, of which doctor would complain.
        own = {"grace": "300ms", "networks": "", "vendors": ""}
        defaults = " list lists ''\n" + "".join(
            f" option {name} '{value}'\n" for name, value in own.items() if f"option {name} " not in more
        )
        text = f"""config leash 'main'
 option state '{self.folder}/flash/state'
 option socket '{self.folder}/run/socket'
 option ubus '{self.folder}/ubus.sock'
 option leases '{self.folder}/leases'
 option router '{self.folder}/router'
{defaults}{query_log}
{more}
"""
        with open(f"{self.folder}/config", "w") as file:
            file.write(text)

    def router_settings(self, **files):
        """Writes what leash may read of the router's own settings: network, firewall, dhcp."""
        os.makedirs(f"{self.folder}/router", exist_ok=True)
        for name, text in files.items():
            with open(f"{self.folder}/router/{name}", "w") as file:
                file.write(text)

    def second_network(self, device="br-iot", net="192.168.100"):
        """Makes another bridge of the router; gives the namespace of its one station, which fw4 lets out."""
        station = Namespace()
        self.router.run(f"""ip link add {device} type bridge
            ip link set {device} up
            ip address add {net}.1/24 dev {device}
            ip link add p-{device} type veth peer name eth0 netns /proc/{os.getpid()}/fd/{station.fd}
            ip link set p-{device} master {device} up
            nft insert rule inet fw4 forward iifname {device} accept""")
        station.run(f"""ip link set eth0 address 02:00:00:00:09:09 up
            ip address add {net}.9/24 dev eth0
            ip route add default via {net}.1""")
        return station

    def ubusd(self):
        """Starts the bus: the real one that UBUSD names, or one of our own."""
        real = (
            [os.environ["UBUSD"], "-A", f"{self.folder}/acl"]
            if "UBUSD" in os.environ
            else [sys.executable, UBUS, "ubusd"]
        )
        os.makedirs(f"{self.folder}/acl", exist_ok=True)
        with open(f"{self.folder}/ubusd.out", "a") as out:
            self.children["ubusd"] = self.router.popen(
                [*real, "-s", f"{self.folder}/ubus.sock"], stdout=out, stderr=out
            )
        self.until(self.bus, "ubusd answers")

    def bus(self):
        """A connection to the bus."""
        with contextlib.suppress(OSError):
            return ubus.Client(f"{self.folder}/ubus.sock")

    def ubus_command(self):
        """The `ubus` command: the real one that UBUS names, or one of our own."""
        return [
            *([os.environ["UBUS"]] if "UBUS" in os.environ else [sys.executable, UBUS, "ubus"]),
            "-s",
            f"{self.folder}/ubus.sock",
        ]

    def call(self, method, arguments="{}"):
        """Calls a method over the bus; gives the exit code and the answer."""
        arguments = arguments if isinstance(arguments, str) else json.dumps(arguments)
        done = subprocess.run(
            [*self.ubus_command(), "-S", "call", "leash", method, arguments],
            capture_output=True,
            text=True,
            timeout=20 * PACE,
        )
        return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None

    def occupy_tap(self):
        """Somebody else listens to the resolver's answers, so leash cannot (nfnetlink_log has one listener a group)."""
        with self.router:
            s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
        s.bind((0, 0))
        config = struct.pack("=BBH", 0, 0, socket.htons(5353)) + struct.pack("=HHB3x", 5, 1, 1)
        s.send(struct.pack("=IHHII", 16 + len(config), 4 << 8 | 1, 5, 1, 0) + config)
        assert struct.unpack("=i", s.recv(4096)[16:20])[0] == 0
        return s

    def start(self, more="", wrap=(), env=None, wait=True, tap=True):
        """Starts leash with further settings; without the tap if need be."""
        self.configure(more)
        self.tap = self.tap or self.occupy_tap() if not tap else self.tap and self.tap.close()
        with open(f"{self.folder}/leash.out", "a") as out:
            self.children["leash"] = self.router.popen(
                [*wrap, LEASH, "run", "--config", f"{self.folder}/config"],
                stdout=out,
                stderr=out,
                env={**os.environ, **(env or {}), "LEASH_LOG": "debug"},
            )
        if wait:
            self.until(lambda: self.ready(), "leash is ready", 10)

    def ready(self):
        try:
            health = self.leash("status")["health"]
        except RuntimeError:
            return False
        return health.get("table", {}).get("loaded") and health.get("flows", {}).get("dumps", 0) > 0

    def leash(self, *words, check=True):
        """Calls leash's command line; gives its JSON."""
        done = subprocess.run(
            [LEASH, "--json", "--socket", f"{self.folder}/run/socket", *words],
            capture_output=True,
            text=True,
            timeout=20 * PACE,
        )
        if check and done.returncode not in (0, 1):
            raise RuntimeError(f"leash {' '.join(words)}: {done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else done

    def blocks(self):
        """`(device number, address)` of what is blocked."""
        macs = {device.mac: device.number for device in self.devices}
        return sorted((macs.get(block["device"]), block["address"]) for block in self.leash("blocks")["blocks"])

    def contact(self, device, address, port=None):
        """What leash knows of a device and an address."""
        try:
            contacts = self.leash("device", device.mac)["device"]["contacts"]
        except RuntimeError:
            return None
        return next((c for c in contacts if c["address"] == address and port in (None, c.get("port"))), None)

    def explained(self, device, address, port=None):
        contact = self.contact(device, address, port)
        return contact and contact.get("explained")

    def elements(self, name):
        return self.router.run(f"nft list set inet leash {name}")

    def stop(self, name, how=signal.SIGTERM):
        child = self.children.pop(name)
        child.send_signal(how)
        return child.wait(10 * PACE)

    def until(self, condition, what, seconds=5.0):
        """Waits until something is so."""
        end = time.monotonic() + seconds * PACE
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > end:
                raise AssertionError(f"after {seconds * PACE:g} s it is still not so: {what}")
            time.sleep(0.03)

    def holds(self, condition, what, seconds=0.6):
        """Watches that something stays so."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert condition(), what
            time.sleep(0.05)

    def report(self):
        for name in ("leash.out", "dnsmasq.out", "ubusd.out"):
            with contextlib.suppress(OSError):
                text = open(f"{self.folder}/{name}", errors="replace").read()[-4000:]
                print(f"--- {name}\n{text}", flush=True)

    def close(self):
        for child in self.children.values():
            child.kill()
            child.wait()
        self.internet.close()
        if self.tap:
            self.tap.close()
        for ns in [*self.devices, self.router, self.inet_ns]:
            ns.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def bridge_as_on_openwrt(lab):
    """What crosses a bridge passes no rule of the IP layer, as OpenWrt has it (/etc/sysctl.d/11-br-netfilter.conf)."""
    lab.router.run("sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0")


def resolver(lab, ns, family=socket.AF_INET):
    """Answers UDP and TCP at port 53 inside a namespace, with the names that the Internet knows."""
    with ns:
        lab.internet.udp(family, 53, lab.internet.resolve)
        lab.internet.tcp(family, 53, lab.internet.resolve_stream)


def other_dnsmasq(lab, port):
    """A second resolver on the router, at this port of the LAN."""
    with open(f"{lab.folder}/dnsmasq.out", "a") as out:
        options = ["--no-resolv", "--no-hosts", "--interface=br-lan", "--except-interface=lo", "--bind-dynamic"]
        lab.children[f"dnsmasq at {port}"] = lab.router.popen(
            [
                *["dnsmasq", "-k", "-C", "/dev/null", f"--port={port}", f"--server={UPSTREAM}", "--user=root"],
                *[*options, f"--pid-file={lab.folder}/dnsmasq.{port}.pid"],
            ],
            stdout=out,
            stderr=out,
        )


def only_the_hardcoded(lab, device, address="45.10.9.9"):
    """What nobody looked up is blocked, and nothing else."""
    device.reaches(address)
    lab.until(lambda: lab.blocks() == [(device.number, address)], f"{address} is blocked, and nothing else")
    assert not device.reaches(address)
