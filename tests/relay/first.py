"""The first house: what its devices are, and what each does."""

import cast as players
import strangers

# For `--short` every third.
RELAYS = 48
RATES = [1, 2, 1, 5, 1, 2, 10, 1, 2, 5, 1, 0.5, 2, 10, 1, 5]
DELAYS = [0, 5, 12, 20, 30, 45, 60, 80, 110, 150, 25, 0]

TORRENTS = [
    ("transmission", 60, 50, "nothing", False),
    ("transmission", 50, 50, "half", True),
    ("aria2", 40, 30, "half", False),
    ("transmission", 20, 70, "all", False),
]


class House:
    def __init__(self, lab, cast, dice):
        self.lab, self.cast, self.dice = lab, cast, dice
        self.free, self.truth, self.players, self.sites = list(lab.devices), {}, [], 0
        self.clients = [1, 2, 3, 4, 5]  # of the VPN

    def make(self, options):
        """All its devices; gives the keys of the VPN."""
        for n in relays(options.short):
            self.relay(n)
        self.torrents = self.cast.torrents([torrent[3] for torrent in TORRENTS])
        keys = self.cast.vpn(self.clients)
        self.look_alikes()
        return keys

    def begin(self, seconds):
        """Starts what the house needs beside its devices and `Cast`."""

    def names(self, label, count=1):
        """Names with an address each."""
        made = []
        for _ in range(count):
            self.sites += 1
            made.append(f"{label}{self.sites}.example")
            self.lab.internet.names[made[-1]] = [self.address()]
        return made

    def address(self):
        return f"45.10.{self.dice.randrange(1, 140)}.{self.dice.randrange(1, 255)}"

    def device(self, kind, name, habits, **parameters):
        device = self.free.pop(0)
        self.players.append((device, habits))
        self.truth[device.mac] = {"kind": kind, "name": name, **parameters}
        return device

    def usual(self, which):
        """What a device does for itself beside being a relay."""
        home = self.names("home")[0]
        return {
            "heartbeat": [["heartbeat", {"host": home, "every": 45}]],
            "idle": [["idle", {"host": home}]],
            "stream": [
                ["heartbeat", {"host": home, "every": 60}],
                ["video", {"hosts": self.names("tv", 2), "rate": 2}],
            ],
            "nothing": [],
        }[which]

    def relay(self, n):
        dice, cast = self.dice, self.cast
        way = ["ssh-dynamic", "ssh-microsocks", "kit"][n % 3]
        rate, ms, port = RATES[n // 3 % len(RATES)], DELAYS[n * 5 % len(DELAYS)], [22, 443][n // 3 % 2]
        own = ["heartbeat", "idle", "heartbeat", "nothing", "stream", "heartbeat", "idle"][n % 7]
        own = "heartbeat" if own == "stream" and rate < 2 else own
        address, socks = f"45.10.200.{n + 1}", 30_000 + n
        more = {}
        if way == "kit":
            tls, early, gates = n // 3 % 2 == 1, n // 6 % 2 == 1, 1 + (n % 9 == 8) * 2
            inner, _ = cast.kit(n, tls)
            port = 443 if tls else 7100
            masters = [
                cast.master(n, port, inner, ms, address if gate == 0 else f"45.10.{201 + gate}.{n + 1}")
                for gate in range(gates)
            ]
            habit = ["sdk", {"masters": masters, "port": port, "tls": tls, "early": early}]
            more = {"tls": tls, "early": early, "masters": masters}
        else:
            cast.master(n, port, 2222, ms, address)
            named = n % 4 == 1
            self.lab.internet.names[f"gate{n}.example"] = [address]
            habit = [
                "tunnel",
                {
                    "master": f"gate{n}.example" if named else address,
                    "port": port,
                    "remote": socks,
                    "socks": 1080 if way == "ssh-microsocks" else None,
                },
            ]
            more = {"by_name": named, "masters": [address]}
        hosts = [
            self.names("site")[0] if dice.random() < 0.6 else self.address()
            for _ in range([5, 8, 12, 20, 30, 9][n % 6])
        ]
        programs = dice.sample(strangers.PROGRAMS, [1, 3, 6, 10, 4][n % 5])
        mix = [(0.05, 0.05), (0.1, 0.2), (0.3, 0.1), (0.02, 0.4), (0.15, 0)][n // 2 % 5]
        habits = [*self.usual(own), habit]
        dice.shuffle(habits)
        device = self.device(
            "relay",
            way,
            habits,
            counted=rate >= 1 and len(more["masters"]) == 1,
            rate=rate,
            delay_ms=ms,
            port=port,
            own=own,
            hosts=len(hosts),
            programs=programs,
            uploads=mix[0],
            long=mix[1],
            **more,
        )
        cast.relays.append(
            {
                "socks": socks,
                "rate": rate,
                "hosts": hosts,
                "programs": programs,
                "uploads": mix[0],
                "long": mix[1],
                "seed": n,
                "begins": dice.uniform(4, 20),
            }
        )
        return device

    def remote(self, n, rate, size, beside):
        address, at = self.cast.master(240 + n, [443, 22][n % 2], 2222, [30, 0][n % 2]), 31_000 + n
        self.cast.visitors.append({"port": at, "rate": rate, "size": size})
        self.device(
            "look-alike",
            "remote-access",
            [*beside, ["remote", {"master": address, "port": [443, 22][n % 2], "at": at}]],
            rate=rate,
        )

    def look_alikes(self):
        d, names = self.device, self.names
        for every, size, count in ((20, 160, 1), (20, 900, 1), (10, 1000, 1), (20, 400, 2)):
            d(
                "look-alike",
                "turn-call",
                [
                    ["heartbeat", {"host": names("messenger")[0]}],
                    [
                        "turn",
                        {"server": players.TURN, "peer": players.PEER, "every": every, "size": size, "count": count},
                    ],
                ],
                size=size,
            )
        for peers, every, size, back in (
            (1, 0.02, 170, 170),
            (1, 0.01, 900, 800),
            (2, 0.02, 500, 450),
            (3, 0.03, 700, 650),
            (1, 0.02, 700, 250),
        ):
            d(
                "look-alike",
                "direct-call",
                [
                    ["laptop", {"hosts": names("web", 6), "photos": names("photos")[0], "every": 25}],
                    [
                        "call",
                        {
                            "peers": [[self.address(), 40_001 + i % 2] for i in range(peers)],
                            "every": every,
                            "size": size,
                            "back": back,
                        },
                    ],
                ],
                peers=peers,
                size=size,
            )
        for size, count in ((900, 3), (600, 2)):
            d(
                "look-alike",
                "conference",
                [
                    [
                        "call",
                        {
                            "peers": [[self.address(), 50_000]],
                            "every": 0.015,
                            "size": size,
                            "count": count,
                            "back": size,
                        },
                    ]
                ],
                streams=count,
            )
        d(
            "look-alike",
            "conference",
            [
                ["call", {"peers": [[self.address(), 50_000]], "every": 0.02, "size": 800, "count": 1, "back": 800}],
                ["upload", {"host": names("share")[0], "rate": 2}],
            ],
            streams=1,
            sharing=True,
        )
        first, second, third, fourth, fifth = self.clients

        def inside(habit):
            return lambda number: [["vpn", {"number": number, "server": players.VPN, "inside": habit}]]

        for number, name, habit, beside in (
            (first, "vpn", [["fetching", {"hosts": ["10.9.0.1"], "rate": 4, "size": 700_000}]], []),
            (second, "vpn", [["laptop", {"hosts": ["10.9.0.1"], "photos": "10.9.0.1", "every": 4}]], []),
            (
                third,
                "vpn-call",
                [["call", {"peers": [["10.9.0.1", 40_001]], "every": 0.02, "size": 600, "back": 600}]],
                [["heartbeat", {"host": names("home")[0]}]],
            ),
            (
                fourth,
                "vpn-split",
                [["fetching", {"hosts": ["10.9.0.1"], "rate": 2, "size": 500_000}]],
                [["backup", {"host": names("photos")[0], "rate": 1.6, "size": 900_000}]],
            ),
            (
                fifth,
                "vpn-split",
                [["backup", {"host": "10.9.0.1", "rate": 2, "size": 600_000}]],
                [["video", {"hosts": names("tv", 3), "rate": 3}], ["heartbeat", {"host": names("home")[0]}]],
            ),
        ):
            d("look-alike", name, [*beside, *inside(habit)(number)])
        for rate, hosts, piece in ((3, 1, 5), (12, 3, 4), (6, 2, 10)):
            d(
                "look-alike",
                "video",
                [
                    ["heartbeat", {"host": names("tv")[0], "every": 40}],
                    ["video", {"hosts": names("cdn", hosts), "rate": rate, "piece": piece}],
                ],
                rate=rate,
            )
        for rate, tls in ((2, True), (8, True), (4, False)):
            d(
                "look-alike",
                "camera",
                [
                    ["heartbeat", {"host": names("cam")[0]}],
                    ["upload", {"host": names("cam")[0], "rate": rate, "tls": tls}],
                ],
                rate=rate,
            )
        for up, down in ((2, 2), (4, 3.6), (1.2, 1.3)):
            d(
                "look-alike",
                "camera-and-update",
                [
                    ["idle", {"host": names("cam")[0]}],
                    ["upload", {"host": names("cam")[0], "rate": up}],
                    ["download", {"host": names("update")[0], "rate": down}],
                ],
                up=up,
                down=down,
            )
        for up, down, cdn in ((3.2, 3, 3), (5, 5.5, 1), (2, 2, 2)):
            d(
                "look-alike",
                "backup-and-video",
                [
                    ["backup", {"host": names("backup")[0], "rate": up, "size": 1_500_000}],
                    ["video", {"hosts": names("cdn", cdn), "rate": down, "piece": 6}],
                ],
                up=up,
                down=down,
            )
        for (program, down, up, has, utp), (file, folder) in zip(TORRENTS, self.torrents):
            d(
                "look-alike",
                "torrent",
                [
                    ["heartbeat", {"host": names("home")[0]}],
                    [
                        "torrent",
                        {"file": file, "program": program, "down": down, "up": up, "folder": folder, "utp": utp},
                    ],
                ],
                program=program,
                has=has,
                down=down,
                up=up,
            )
        for servers, size, back in ((1, 100, 120), (2, 90, 300)):
            d(
                "look-alike",
                "game",
                [
                    ["fetching", {"hosts": names("patch", 2), "rate": 1, "size": 300_000}],
                    *[
                        [
                            "datagrams",
                            {
                                "address": self.address(),
                                "port": 27015,
                                "every": 1 / 30,
                                "size": size,
                                "count": 1,
                                "back": back,
                            },
                        ]
                        for _ in range(servers)
                    ],
                ],
            )
        for _ in range(2):
            d(
                "look-alike",
                "hub",
                [
                    ["hub", {"hosts": names("vendor", 10)}],
                    ["hub", {"hosts": names("vendor", 4)}],
                    ["idle", {"host": names("broker")[0]}],
                ],
            )
        for every, shares in ((3, 0.05), (8, 0.2), (15, 0.05)):
            d(
                "look-alike",
                "laptop",
                [
                    [
                        "laptop",
                        {"hosts": names("web", 30), "photos": names("photos")[0], "every": every, "shares": shares},
                    ]
                ],
                shares=shares,
            )
        for n, (rate, size, beside) in enumerate(
            (
                (1.5, 60_000, [["heartbeat", {"host": names("home")[0]}]]),
                (4, 400_000, [["heartbeat", {"host": names("home")[0]}], ["idle", {"host": names("broker")[0]}]]),
                (2, 100_000, [["video", {"hosts": names("cdn", 2), "rate": 2}]]),
            )
        ):
            self.remote(n, rate, size, beside)
        for n, rate in enumerate((3, 6)):
            d(
                "look-alike",
                "ssh-and-scp",
                [["shell", {"host": self.cast.master(245 + n, 22, 2222, 20 * n), "rate": rate}]],
                rate=rate,
            )
        for up, size in ((2.5, 800_000), (1, 300_000)):
            d(
                "look-alike",
                "laptop-both-ways",
                [["fetching", {"hosts": [host], "rate": 0.8, "size": 600_000}] for host in names("files", 5)]
                + [["backup", {"host": names("backup")[0], "rate": up, "size": size}]],
                up=up,
            )
        for rate in (10, 20):
            d(
                "look-alike",
                "console",
                [
                    ["fetching", {"hosts": names("store", 4), "rate": rate, "size": 4_000_000}],
                    ["heartbeat", {"host": names("home")[0], "every": 20}],
                ],
                rate=rate,
            )
        for rate in (2, 1.2):
            host = names("sync", 2)
            d(
                "look-alike",
                "sync",
                [
                    ["backup", {"host": host[0], "rate": rate, "size": 400_000}],
                    ["fetching", {"hosts": host, "rate": rate, "size": 400_000}],
                ],
                rate=rate,
            )
        for wait, up, down in ((60, 2_000, 500), (140, 800, 800), (90, 60_000, 40_000)):
            d(
                "look-alike",
                "slow-processor",
                [["slow", {"hosts": names("vendor", 3), "wait": wait, "every": 6, "up": up, "down": down}]],
                wait_ms=wait,
            )
        for _ in range(2):
            d(
                "look-alike",
                "tv-box",
                [
                    ["hub", {"hosts": names("ads", 25)}],
                    ["hub", {"hosts": names("ads", 15)}],
                    ["video", {"hosts": names("cdn", 4), "rate": 6}],
                    ["heartbeat", {"host": names("home")[0], "up": 3000}],
                ],
            )


LOOK_ALIKES = 56


def relays(short):
    which = range(0, RELAYS, 3) if short else range(RELAYS)
    return [n - n % 9 // 3 if short else n for n in which]  # of every kind


def devices(options):
    return len(relays(options.short)) + LOOK_ALIKES
