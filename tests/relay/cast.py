"""Who plays beside the lab's devices: real ssh, relays and their customers, web servers, calls, tunnels, a swarm.

Every program runs in the network namespace of its place, and in a process namespace that ends with this process; it
sees a resolv.conf that names the lab's router.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

import lab as kit

HERE = pathlib.Path(__file__).resolve().parent
TURN, PEER, VPN, TRACKER = "45.10.150.1", "45.10.151.1", "45.10.152.1", "45.10.153.1"
MEDIA = [27015, 40001, 40002, 50000]
NEEDS = ["ssh", "/usr/sbin/sshd", "microsocks", "curl", "openssl"]


class Cast:
    def __init__(self, lab):
        missing = [program for program in NEEDS if not shutil.which(program)]
        assert not missing, (
            f"this needs {' '.join(missing)}: apt-get install openssh-server openssh-client microsocks curl openssl"
        )
        self.lab, self.folder = lab, f"{lab.folder}/cast"
        self.children, self.rules, self.detours, self.kits, self.relays, self.visitors = [], [], [], [], [], []
        os.makedirs(self.folder)
        self.write("resolv.conf", f"nameserver {kit.ROUTER4}\noptions timeout:2\n")
        here = lab.inet_ns.run
        for key in ("host", "user"):
            subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{self.folder}/{key}"], check=True)
        shutil.copy(f"{self.folder}/user.pub", f"{self.folder}/authorized")
        here(
            "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=lab "
            f"-keyout {self.folder}/tls.key -out {self.folder}/tls.crt"
        )
        with open(f"{self.folder}/large", "wb") as file:
            file.truncate(400_000_000)
        self.write(
            "sshd_config",
            f"""Port 2222\nHostKey {self.folder}/host\nAuthorizedKeysFile {self.folder}/authorized\nStrictModes no
UsePAM no\nPermitRootLogin yes\nPermitTunnel yes\nPasswordAuthentication no\nAllowTcpForwarding yes\nMaxStartups 300
Subsystem sftp internal-sftp
PidFile none\nUseDNS no\nClientAliveInterval 30\n""",
        )

    def write(self, name, text):
        with open(f"{self.folder}/{name}", "w") as file:
            file.write(text)
        return f"{self.folder}/{name}"

    def popen(self, ns, name, command):
        """Must be called by the main thread: the program ends when the thread that started it does."""
        alone = (
            'mount --bind "$0/resolv.conf" /etc/resolv.conf && mount -t tmpfs run /run && mkdir /run/sshd && exec "$@"'
        )
        with open(f"{self.folder}/{name}.out", "w") as out:
            child = ns.popen(
                ["unshare", "--pid", "--fork", "--kill-child", "--mount", "sh", "-c", alone, self.folder, *command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        self.children.append((name, child))
        return child

    def master(self, number, port, to, ms=0, address=None):
        """A master's address; what comes in there goes on to a local port, so much later."""
        address = address or f"45.10.200.{number}"
        family = "ip6" if ":" in address else "ip"
        if ms:
            listen = 20_000 + len(self.detours)
            self.detours.append([listen, to, ms])
            to = listen
        self.rules.append(f"{family} daddr {address} tcp dport {port} redirect to :{to}")
        return address

    def kit(self, number, tls):
        """A master of the kind of which each session is a connection; gives its two ports."""
        ports = [24_000 + number, 30_000 + number]
        self.kits.append([*ports, *([f"{self.folder}/tls.crt", f"{self.folder}/tls.key"] if tls else [None, None])])
        return ports

    def internet(self, more=()):
        """Starts the servers; all masters must have been told."""
        inet = self.lab.inet_ns
        inet.run(
            "nft -f -",
            "table inet detour {\nchain in {\ntype nat hook prerouting priority dstnat\n"
            + "\n".join(self.rules)
            + "\n}\n}\n",
        )
        plan = {
            "web": {"80": False, "443": True},
            "certificate": f"{self.folder}/tls.crt",
            "key": f"{self.folder}/tls.key",
            "datagrams": MEDIA,
            "detours": self.detours,
        }
        self.popen(inet, "hosts", [sys.executable, f"{HERE}/hosts.py", json.dumps(plan)])
        self.popen(inet, "sshd", ["/usr/sbin/sshd", "-D", "-e", "-f", f"{self.folder}/sshd_config"])
        if self.kits:
            self.popen(inet, "kits", [sys.executable, f"{HERE}/sdk.py", "master", json.dumps(self.kits)])
        self.lab.until(lambda: "ready" in open(f"{self.folder}/hosts.out").read(), "the web servers are there", 10)

    def strangers(self, seconds):
        plan = {"relays": self.relays, "visitors": self.visitors, "folder": self.folder, "seconds": seconds}
        path = self.write("strangers.json", json.dumps(plan))
        return self.popen(self.lab.inet_ns, "strangers", [sys.executable, f"{HERE}/strangers.py", path])

    def device(self, device, habits, seed, begins=0.0):
        plan = {"habits": habits, "folder": self.folder, "key": f"{self.folder}/user", "seed": seed, "begins": begins}
        return self.popen(device.ns, f"device-{device.number}", [sys.executable, f"{HERE}/device.py", json.dumps(plan)])

    def turnserver(self):
        self.popen(
            self.lab.inet_ns,
            "turn",
            [
                "turnserver",
                "-n",
                "-L",
                TURN,
                "-a",
                "-u",
                "someone:secret",
                "-r",
                "lab",
                "--no-tls",
                "--no-dtls",
                "--no-cli",
                "-l",
                "stdout",
                "--simple-log",
                "--min-port",
                "49160",
                "--max-port",
                "49460",
            ],
        )
        self.popen(self.lab.inet_ns, "peer", ["turnutils_peer", "-L", PEER])

    def keys(self, name):
        private = subprocess.run(["wg", "genkey"], capture_output=True, text=True, check=True).stdout
        public = subprocess.run(
            ["wg", "pubkey"], input=private, capture_output=True, text=True, check=True
        ).stdout.strip()
        return self.write(f"wg-{name}", private), public

    def vpn(self, numbers):
        """A WireGuard server (in user space, so that the kernel need not have it); gives (key file, the server's key)
        for each client."""
        key, server = self.keys("server")
        clients = {number: self.keys(number) for number in numbers}
        peers = " ".join(f"peer {public} allowed-ips 10.9.1.{number}/32" for number, (_, public) in clients.items())
        script = (
            f"WG_PROCESS_FOREGROUND=1 wireguard-go -f wgs & for i in 1 2 3 4 5 6 7 8 9; do sleep 0.2; "
            f"wg set wgs listen-port 51820 private-key {key} {peers} && break; done; "
            "ip address add 10.9.0.1/16 dev wgs; ip link set wgs mtu 1420 up; wait"
        )
        self.popen(self.lab.inet_ns, "vpn", ["sh", "-c", script])
        return {number: (path, server) for number, (path, _) in clients.items()}

    def torrents(self, clients, megabytes=40, leeches=5):
        """A tracker, and for each client of the house a swarm of its own: BitTorrent programs refuse a second peer at
        an address, and the house has one. `clients` says what each has at the start: nothing, half or all of its file;
        those who have not all of it in the swarm have the other half then. Gives (torrent, folder) for each client."""
        self.popen(self.lab.inet_ns, "tracker", [sys.executable, f"{HERE}/tracker.py", TRACKER])
        peers, files = [], []
        half = megabytes * 500_000
        for swarm, has in enumerate(clients):
            content = os.urandom(2 * half)

            def place(folder, parts, content=content, film=f"film{swarm}.bin"):
                os.makedirs(f"{self.folder}/{folder}")
                if parts:
                    with open(f"{self.folder}/{folder}/{film}", "wb") as file:
                        file.write(content[:half] if parts & 1 else bytes(half))
                        file.write(content[half:] if parts & 2 else bytes(half))
                return f"{self.folder}/{folder}"

            seed, torrent = place(f"seed-{swarm}", 3), f"{self.folder}/film{swarm}.torrent"
            subprocess.run(
                [
                    "transmission-create",
                    "-s",
                    "128",
                    "-t",
                    f"http://{TRACKER}:6969/announce",
                    "-o",
                    torrent,
                    f"{seed}/film{swarm}.bin",
                ],
                check=True,
                stdout=subprocess.DEVNULL,
            )
            peers.append([f"45.10.154.{swarm * 20 + 1}", torrent, seed, 5, 40])
            for n in range(leeches):
                peers.append(
                    [
                        f"45.10.154.{swarm * 20 + n + 2}",
                        torrent,
                        place(f"leech-{swarm}-{n}", 2 if has == "half" else 0),
                        25,
                        15,
                    ]
                )
            files.append((torrent, place(f"torrent-{swarm}", {"nothing": 0, "half": 1, "all": 3}[has])))
        plan = {"habits": [["swarm", {"peers": peers}]], "folder": self.folder, "key": "", "seed": 1, "begins": 0}
        self.popen(self.lab.inet_ns, "swarm", [sys.executable, f"{HERE}/device.py", json.dumps(plan)])
        return files

    def close(self):
        for _, child in self.children:
            child.kill()
        for _, child in self.children:
            child.wait()

    def gone(self):
        """What has ended although it should not."""
        return [name for name, child in self.children if child.poll() is not None]
