#!/usr/bin/env python3
"""Tells the cases that are long or whose bytes do not matter, as event files (see src/event.rs) beside captures.

usage: tell.py [--check]     (check: say whether the files are what this makes)
"""

import random

from synthesise import readme, write

START = 1767225600  # 2026-01-01
MINUTE, HOUR, DAY = 60, 3600, 86400


class Tale:
    """Lines with their times. Chance is the same every time."""

    def __init__(self, name):
        self.lines, self.port, self.chance = [], 40000, random.Random(name)
        self.folder, self.files = f"tests/replay/{name.replace('_', '-')}", {}
        self.say(0, "clock")
        self.say(0, "lan 192.168.8.0/24")

    def say(self, at, text):
        self.lines.append((round(at * 1_000_000), len(self.lines), text))

    def device(self, number, name):
        ip, mac = f"192.168.8.{number}", f"02:00:00:00:00:{number}"
        self.say(0, f"neighbour {ip} {mac}")
        self.say(0, f"leased {ip} {mac} host={name}")
        return ip

    def lookup(self, at, ip, name, address):
        self.say(at, f"looked {ip} 192.168.8.1 1 {name} found {address}")

    def flow(
        self, begin, end, ip, address, port, sent, received, kind="tcp", hints=(), pause=None, share=None, over=None
    ):
        """A flow and its counters: once a minute what it has carried by then, evenly or as `share(minute)` weighs them,
        or all at once when it is `over`."""
        self.port += 1
        tuple_ = f"{kind} {ip}:{self.port} > {address}:{port}"
        self.say(begin, f"opened {tuple_}")
        if pause:
            self.say(begin + 0.05 + pause, f"paused {tuple_} {pause:.6f}")
        for hint in hints:
            self.say(begin + 0.06 + (pause or 0), f"hint {tuple_} {hint}")
        minutes = range(int(begin // MINUTE) + 1, int(end // MINUTE) + 1)
        weights = [share(minute) if share else 1 for minute in [*minutes, minutes.stop]]
        done = 0
        for minute, weight in zip(minutes, weights):
            done += weight
            part = float(minute * MINUTE >= over) if over else done / sum(weights)
            if minute * MINUTE < end:
                self.say(minute * MINUTE, f"counted {tuple_} {int(sent * part)} {int(received * part)}")
        self.say(end, f"closed {tuple_} {int(sent)} {int(received)}")

    def shops(self, ip, kind, count=10):
        """Returns addresses in as many networks."""
        return [f"198.{18 if kind == 's' else 51 + int(kind)}.{n}.{ip.split('.')[3]}" for n in range(count)]

    def fetch(self, begin, minutes, ip, master, kind, rate, inbound=False):
        """Fetches for a master what it asks for through a long flow: some 3 things a minute, about so many bytes."""
        looked, up, down = set(), 0, 0
        tuple_ = f"udp {master}:51820 > {ip}:51820" if inbound else f"tcp {ip}:39000 > {master}:443"
        self.say(begin, f"opened {tuple_}")
        for minute in range(minutes):
            for _ in range(self.chance.choice([0, 1, 2, 5])):
                at, got = (
                    begin + minute * MINUTE + self.chance.uniform(1, 50),
                    int(self.chance.uniform(0.1, 0.9) * rate),
                )
                shops = self.shops(ip, kind(minute))
                shop = self.chance.choice(shops)
                if shop not in looked:
                    looked.add(shop)
                    name = f"shop-{kind(minute)}-{shops.index(shop)}.example"
                    self.lookup(at - 0.1, ip, name, shop)
                self.flow(at, at + 5, ip, shop, 443, 1_500 + got // 40, got)
                up, down = up + got + got // 50, down + 1_500 + got // 30
            sent, received = (down, up) if inbound else (up, down)
            self.say(begin + (minute + 1) * MINUTE, f"counted {tuple_} {sent + 4_000} {received + 3_000}")

    def text(self):
        rows = (f"{START + at // 1_000_000}.{at % 1_000_000:06} {text}\n" for at, _, text in sorted(self.lines))
        return "# leash events 1\n" + "".join(rows)


def ja4(number):
    return f"t13d15{number:02}h2_8daaf6152771_{number:012x}"


def relays(tale, ip, minutes, master="203.0.113.200", begin=90):
    """A device that is asked by its master to fetch what others want: uneven bursts from many places, all of which go
    up again through one tunnel."""
    down, up = [0] * (minutes + 3), [0] * (minutes + 3)
    for minute in range(minutes):
        for _ in range(tale.chance.choice([1, 2, 4, 8])):
            at = begin + minute * MINUTE + tale.chance.uniform(1, 50)
            asked, got = tale.chance.randrange(1_500, 6_000), tale.chance.randrange(60_000, 700_000)
            target, number = f"198.51.100.{tale.chance.randrange(40, 64)}", tale.chance.randrange(6)
            # It is over after six seconds, but conntrack remembers it for two minutes, in which it is counted with all
            # others.
            tale.flow(
                at,
                at + 126,
                ip,
                target,
                443,
                asked + got // 40,
                got,
                pause=tale.chance.uniform(0.14, 0.25),
                hints=[f"tls sni=shop-{target[-2:]}.example alpn=h2 ja4={ja4(number)}"],
                over=at + 6,
            )
            which = int((at + 6) // MINUTE) + 1 - int(begin // MINUTE)
            down[which] += asked + got // 30
            up[which] += int(got * 1.02)
    first = int(begin // MINUTE)
    tuple_ = f"tcp {ip}:39000 > {master}:22"
    tale.say(begin, f"opened {tuple_}")
    tale.say(begin + 0.1, f"hint {tuple_} ssh")
    for minute in range(len(up)):
        tale.say(
            (first + minute) * MINUTE if minute else begin + 1,
            f"counted {tuple_} {sum(up[: minute + 1]) + 4000} {sum(down[: minute + 1]) + 3000}",
        )


class Tales:
    """Each a case; the text says what happens and what leash must say."""

    def relay(tale):
        """A television box looks up its maker's server, and opens a tunnel (ssh) to 203.0.113.200. For a quarter of an
        hour what comes through it goes out to 24 shops, and their answers go back through it; the box speaks TLS in six
        ways, and each time is silent for some 200 ms before it does.
        leash must say: a finding of relay, strong, on 203.0.113.200 and on nobody else; in guard that address is
        blocked.
        A mistake: a finding on one of the shops, none of which did anything."""
        box = tale.device(24, "tv-box")
        tale.lookup(1, box, "portal.example", "198.51.100.24")
        tale.flow(
            2, 6, box, "198.51.100.24", 443, 2_000, 9_000, hints=[f"tls sni=portal.example ja4={ja4(90)}"], pause=0.002
        )
        relays(tale, box, 15)

    def relay_asks_its_address(tale):
        """The television box of the case `relay` asks a service how others see its address, and so does a weather
        station that does nothing else.
        leash must say: the finding of relay tells that the box asks, and is as strong as without; both contacts are of
        the category own-address.
        A mistake: a finding on the weather station, or another kind of evidence for what honest programs do, too."""
        tale.files = {
            "config": f"config leash 'main'\n\tlist lists '{tale.folder}/lists'\n",
            "lists/own-address.category": "# as the list that ships\necho.example\n",
        }
        box, weather = tale.device(24, "tv-box"), tale.device(28, "weather")
        for at, ip in ((3, box), (200, weather)):
            tale.lookup(at, ip, "api.echo.example", "198.51.100.7")
            tale.flow(at + 1, at + 3, ip, "198.51.100.7", 443, 900, 4_000)
        relays(tale, box, 12)

    def relay_tries_doors(tale):
        """The television box of the case `relay`; while it relays, it tries telnet and a debugger's port on other
        devices of the house, which are in another network.
        leash must say: a finding of relay, and one of scan, fair, about the doors.
        A mistake: scan for the few calls that a telephone, which relays nothing, makes to the same devices."""
        box, phone = tale.device(24, "tv-box"), tale.device(10, "anna-phone")
        tale.lookup(1, box, "portal.example", "198.51.100.24")
        relays(tale, box, 12)
        for number, (target, port) in enumerate([("192.168.9.20", 5555), ("192.168.9.21", 23), ("192.168.9.22", 23)]):
            tale.flow(760 + number, 762 + number, box, target, port, 60, 40)
            tale.flow(760 + number, 762 + number, phone, target, 443, 900, 4_000)

    def relay_by_new_sites(tale):
        """A plug has called its maker every hour for two days. Then for four hours it fetches what others want for its
        master, which it looks up: 100 kB a minute, from shops that it never called, and other ones every hour. Nobody
        sees first packets.
        leash must say: a finding of relay, strong, on the master: what is passed on and that the sites are new, hour
        by hour, are two kinds of evidence.
        A mistake: a finding on the shops."""
        plug, master = tale.device(27, "plug"), "203.0.113.80"
        tale.lookup(1, plug, "plug.example", "198.51.100.23")
        for hour in range(49):
            tale.flow(10 + hour * HOUR, 12 + hour * HOUR, plug, "198.51.100.23", 8883, 900, 500)
        begin = 48 * HOUR
        tale.lookup(begin, plug, "work.example", master)
        tale.fetch(begin, 240, plug, master, lambda minute: f"{minute // 60 + 1}", 100_000)

    def relay_for_several(tale):
        """A television box opens a flow to one of three masters for each thing that it fetches, and one to a shop.
        leash must say: a finding of relay, fair, on each of the masters, because flows are repeated one by one.
        A mistake: a finding on a shop."""
        box = tale.device(24, "tv-box")
        for number, shop in enumerate(tale.shops(box, "s", 12)):
            tale.lookup(2, box, f"shop-{number}.example", shop)
        for number in range(40):
            at, got = 60 + number * 20, tale.chance.randrange(20_000, 500_000)
            shop, master = tale.chance.choice(tale.shops(box, "s", 12)), f"203.0.113.{80 + number % 3}"
            tale.flow(at, at + 9, box, shop, 443, 2_000, got)
            tale.flow(at - 0.3, at + 9.5, box, master, 443, got + 1_500, 3_000)

    def film_to_a_meeting(tale):
        """A look-alike: a computer shows a film, which comes from one server, to a meeting on another one, both by
        address; what comes and what goes rise and fall together.
        leash must say: at most a weak finding of relay, since one other is not many.
        A mistake: fair, or a block."""
        ip = tale.device(25, "work-laptop")
        bursts = [3, 1, 4, 1, 5, 9, 2, 6]
        for address, sent, received in (("203.0.113.90", 200_000, 15_000_000), ("203.0.113.91", 15_000_000, 300_000)):
            tale.flow(5, 14 * MINUTE, ip, address, 443, sent, received, share=lambda minute: bursts[minute % 8])

    def own_way_home(tale):
        """A look-alike: the owner's telephone is away and uses the house's line by WireGuard; a small server at home
        fetches for it what it asks for. It cannot be told from a rented line but by whose telephone it is.
        leash must say: a finding of relay, fair, that asks whether that was you; no block.
        A mistake: strong, or a block."""
        ip, away = tale.device(31, "home-server"), "203.0.113.95"
        sites = tale.shops(ip, "s", 15)
        for number, site in enumerate(sites):
            tale.lookup(2, ip, f"site-{number}.example", site)
        tale.fetch(60, 12, ip, away, lambda minute: "s", 900_000, inbound=True)

    def relay_that_stopped(tale):
        """A television box relays for eight minutes, and then does nothing for three hours but to call its maker.
        leash must say: the finding of relay stays for a day, and says how long ago that was.
        A mistake: that it relays now."""
        box = tale.device(24, "tv-box")
        tale.lookup(1, box, "portal.example", "198.51.100.24")
        relays(tale, box, 8)
        for n in range(36):
            tale.flow(900 + 300 * n, 902 + 300 * n, box, "198.51.100.24", 443, 2_000, 9_000)

    def backup_beside_film(tale):
        """A look-alike: a computer sends a backup to one server and shows a film from another, both of them 10 MB in
        ten minutes; the film comes in pieces, the backup evenly.
        leash must say: at most a weak finding of relay: the sums agree, the minutes do not.
        A mistake: fair, or a block."""
        ip = tale.device(25, "work-laptop")
        for name, address in (("backup.example", "198.51.100.30"), ("film.example", "198.51.100.31")):
            tale.lookup(1, ip, name, address)
        tale.flow(5, 15 * MINUTE, ip, "198.51.100.30", 443, 15_000_000, 400_000)
        tale.flow(
            6,
            15 * MINUTE,
            ip,
            "198.51.100.31",
            443,
            400_000,
            15_000_000,
            share=lambda minute: [0, 3, 1, 0, 4, 0, 0, 2][minute % 8],
        )

    def call_of_three(tale):
        """A look-alike: a tablet in a call with two others by way of one server and of one peer, all of it both ways,
        while it finds its peers by STUN.
        leash must say: no finding of relay.
        A mistake: one, since what comes from the one equals what goes to the other."""
        ip = tale.device(30, "kids-tablet")
        tale.lookup(1, ip, "call.example", "198.51.100.40")
        for address, port in (("198.51.100.40", 3478), ("203.0.113.41", 50_000), ("203.0.113.42", 50_002)):
            tale.flow(5, 14 * MINUTE, ip, address, port, 9_000_000, 9_100_000, kind="udp", hints=["stun"])

    def vpn_of_its_own(tale):
        """A look-alike: a computer downloads and uploads through a WireGuard tunnel, and does hardly anything beside.
        leash must say: no finding of relay.
        A mistake: one, because one flow has nearly all bytes and both directions are busy."""
        ip = tale.device(25, "work-laptop")
        tale.lookup(1, ip, "vpn.example", "198.51.100.51")
        tale.flow(5, 14 * MINUTE, ip, "198.51.100.51", 51820, 14_000_000, 16_000_000, kind="udp", hints=["wireguard"])
        for minute in range(14):
            tale.flow(20 + minute * MINUTE, 22 + minute * MINUTE, ip, "198.51.100.51", 443, 800, 3_000)

    def heartbeat_changes(tale):
        """A plug calls its maker every minute with 600 bytes, for an hour; then every five seconds with 3 kB, for half
        an hour.
        leash must say: a finding of beacon, weak, with both rhythms.
        A mistake: nothing, or a finding that counts."""
        plug = tale.device(23, "kitchen-plug")
        tale.lookup(1, plug, "plug.example", "198.51.100.23")
        for n in range(60):
            tale.flow(10 + 60 * n, 11 + 60 * n, plug, "198.51.100.23", 8883, 600 + n % 7, 400)
        for n in range(300):
            tale.flow(3_700 + 5 * n, 3_701 + 5 * n, plug, "198.51.100.23", 8883, 3_000 + n % 9, 400)

    def heartbeat(tale):
        """A look-alike: a thermostat that calls every two minutes, a little early or late, and once an hour with more.
        leash must say: the contact has a rhythm; no finding.
        A mistake: a finding for what is regular, as most things are."""
        ip = tale.device(26, "thermostat")
        tale.lookup(1, ip, "heat.example", "198.51.100.26")
        for n in range(100):
            at = 10 + 120 * n + tale.chance.uniform(0, 5)
            tale.flow(at, at + 1, ip, "198.51.100.26", 443, 5_000 if n % 30 == 29 else 700 + n % 5, 900)

    def person_comes_and_goes(tale):
        """A look-alike: a telephone on which a person reads the news now and then, of one server.
        leash must say: no rhythm, no finding.
        A mistake: a beacon."""
        ip = tale.device(10, "anna-phone")
        tale.lookup(1, ip, "news.example", "198.51.100.20")
        at = 10
        for _ in range(80):
            at += tale.chance.choice([2, 9, 30, 200, 900, 2_500])
            tale.flow(at, at + 1, ip, "198.51.100.20", 443, tale.chance.randrange(700, 9_000), 40_000)

    def new_after_a_week(tale):
        """A plug that called one maker's domain for eight days calls another domain in another network.
        leash must say: a finding of spread, weak, for the new one.
        A mistake: one for what it called on the first day."""
        plug = tale.device(23, "kitchen-plug")
        for day in range(9):
            tale.lookup(day * DAY + 1, plug, "a.plug.example", "198.51.100.23")
            tale.flow(day * DAY + 5, day * DAY + 7, plug, "198.51.100.23", 443, 900, 2_000)
        tale.lookup(8 * DAY + HOUR, plug, "collect.stats.test", "203.0.113.9")
        tale.flow(8 * DAY + HOUR + 1, 8 * DAY + HOUR + 3, plug, "203.0.113.9", 443, 900, 2_000)

    def peer_that_stays(tale):
        """A camera finds a peer at 203.0.113.77 through its maker's server. From the next day on it sends to the same
        port there without the server, an hour or two each day.
        leash must say: direct-ip, weak on the first day, and fair from the fourth day on: nobody's session lasts for
        days.
        A mistake: that one session excuses an address for ever."""
        camera = tale.device(22, "door-camera")
        tale.lookup(1, camera, "hub.camera.example", "198.51.100.91")
        tale.flow(2, 30, camera, "198.51.100.91", 32100, 900, 700, kind="udp")
        # The same socket.
        tale.port -= 1
        tale.flow(3, 200, camera, "203.0.113.77", 51234, 4_000_000, 90_000, kind="udp")
        for day in range(1, 5):
            tale.lookup(day * DAY, camera, "time.camera.example", "198.51.100.95")
            tale.flow(
                day * DAY + HOUR, day * DAY + 2 * HOUR, camera, "203.0.113.77", 51234, 900_000, 90_000, kind="udp"
            )

    def forwarder(tale):
        """A Pi-hole in a network of its own answers the questions of two devices, and asks 9.9.9.9 and two others in
        the clear and over TLS. One of the devices looks up names that somebody made up.
        leash must say: one weak finding of bypass on the Pi-hole as a whole, a weak one for what it asks over TLS, and
        no scan for servers that are down; made-up names are fair for who asks, and weak for the Pi-hole.
        A mistake: that the Pi-hole is held to account for what others ask."""
        hole, box, phone = tale.device(53, "pi-hole"), tale.device(24, "tv-box"), tale.device(10, "anna-phone")
        for number in range(40):
            at, asker = 10 + number * 8, phone if number % 2 else box
            name = (
                f"shop{number}.example"
                if number % 2
                else "".join(tale.chance.choices("bcdfghjkqvwxz", k=14)) + ".example"
            )
            found = f"found 198.51.100.{number}" if number % 2 else "no-such-name"
            server = f"203.0.113.{53 + number % 2}"
            tale.flow(at, at + 1, hole, server, 53, 60, 100, kind="udp")
            tale.say(at + 0.03, f"looked {hole} {server} 1 {name} {found}")
            tale.say(at + 0.04, f"looked {asker} {hole} 1 {name} {found}")
            tale.flow(at + 2, at + 3, hole, f"192.0.2.{number}", 53, 60, 0, kind="udp")
        tale.flow(400, 420, hole, "9.9.9.9", 853, 900, 2_000, hints=["tls sni=dns.quad9.net"])

    def maker_moves(tale):
        """A look-alike: after eight days the same maker's domain has an address in another network.
        leash must say: no finding.
        A mistake: spread, because the network is new."""
        plug = tale.device(23, "kitchen-plug")
        for day in range(9):
            address = "198.51.100.23" if day < 8 else "203.0.113.23"
            tale.lookup(day * DAY + 1, plug, f"{'ab'[day // 8]}.plug.example", address)
            tale.flow(day * DAY + 5, day * DAY + 7, plug, address, 443, 900, 2_000)

    def first_day(tale):
        """A look-alike: a new speaker calls fifteen domains in as many networks on its first day.
        leash must say: no finding.
        A mistake: spread: to a new device, everything is new."""
        ip = tale.device(27, "new-speaker")
        for n in range(15):
            tale.lookup(n * HOUR + 1, ip, f"a.service-{n}.example", f"100.{200 + n}.1.1")
            tale.flow(n * HOUR + 2, n * HOUR + 4, ip, f"100.{200 + n}.1.1", 443, 900, 20_000)

    def announced_translator(tale):
        """A network without IPv4, in whose own prefix a phone translates what it has looked up. That this prefix is
        translated is announced (PREF64) a minute after the phone's first call; a plug is seen from then on.
        leash must say: all that the phone and the plug call is `lookup`, by the names of the IPv4 addresses; that of
        the first call only since the prefix is known. 2001:db8:64::cb00:7132 is `none`: nobody looked up 203.0.113.50.
        A mistake: any other `none`."""
        phone, plug = tale.device(10, "anna-phone"), tale.device(23, "kitchen-plug")
        tale.lookup(1, phone, "shop.example", "198.51.100.10")
        tale.lookup(1, plug, "plug.example", "198.51.100.23")
        tale.flow(2, 9, phone, "[2001:db8:64::c633:640a]", 443, 2_000, 9_000)
        tale.say(60, "nat64 2001:db8:64::/96")
        tale.flow(70, 79, phone, "[2001:db8:64::c633:640a]", 443, 2_000, 9_000)
        tale.flow(80, 89, plug, "[2001:db8:64::c633:6417]", 443, 900, 2_000)
        tale.flow(90, 99, plug, "[2001:db8:64::cb00:7132]", 8883, 900, 2_000)

    def young_name(tale):
        """A picture frame looks up and calls a name that was registered three days ago, as a registry says a moment
        later.
        leash must say: a finding of young-name, weak.
        A mistake: no finding, or one that counts towards a block."""
        frame = tale.device(23, "picture-frame")
        tale.lookup(1, frame, "cdn.pictures.example", "198.51.100.23")
        tale.flow(2, 9, frame, "198.51.100.23", 443, 900, 2_000)
        tale.say(8, "registered pictures.example 20451")

    def names_of_age(tale):
        """A look-alike: names that were registered forty days ago, never as far as is known, and, by a registry that
        errs, tomorrow.
        leash must say: no finding.
        A mistake: young-name."""
        frame = tale.device(23, "picture-frame")
        for number, (name, day) in enumerate((("forty", "20414"), ("never", "-"), ("tomorrow", "20455"))):
            tale.lookup(1, frame, f"cdn.{name}.example", f"198.51.100.{number + 23}")
            tale.flow(2, 9, frame, f"198.51.100.{number + 23}", 443, 900, 2_000)
            tale.say(8, f"registered {name}.example {day}")

    def idle_and_everywhere(tale):
        """A television box that nobody uses calls thirty networks within an hour, a few bytes each; a clock beside it
        calls one.
        leash must say: a finding of spread, weak, for the box as a whole.
        A mistake: one for the clock, or for the box in the hour in which it is used and loads 40 MB."""
        box, clock = tale.device(24, "tv-box"), tale.device(28, "wall-clock")
        for hour in range(3):
            for n in range(30):
                at = hour * HOUR + 20 + 100 * n
                tale.lookup(at, box, f"peer-{n}.net-{n}.example", f"100.{200 + n}.7.7")
                tale.flow(at + 1, at + 3, box, f"100.{200 + n}.7.7", 443, 900, 1_400_000 if hour == 0 else 900)
                tale.flow(at + 1, at + 3, clock, "198.51.100.28", 443, 300, 300)

    def says_it_is_a_printer(tale):
        """Two devices say that they are printers, by their names and services. One calls a hundred and twenty networks,
        each looked up, and keeps on; the other calls its maker.
        leash must say: that the first seems to be a printer, but calls 120 networks, as none does, and no type for it;
        a printer for the other.
        A mistake: to believe what a device says of itself against what it does."""
        false, real = tale.device(40, "office-printer"), tale.device(41, "attic-printer")
        for mac in (40, 41):
            tale.say(1, f"announced 02:00:00:00:00:{mac} mdns _ipp._tcp")
        for n in range(120):
            tale.lookup(10 + n, false, f"shop-{n}.example", f"100.{130 + n}.7.7")
            tale.flow(11 + n, 14 + n, false, f"100.{130 + n}.7.7", 443, 900, 9_000)
        tale.lookup(20, real, "www.hpeprint.com", "198.51.100.41")
        tale.flow(21, 24, real, "198.51.100.41", 443, 900, 900)

    def telephone_with_a_new_address(tale):
        """A telephone that makes its hardware addresses up comes back with another one a day later: it has the same
        name, asks for the same DHCP options, and looks up what it looked up before. A second telephone of that model is
        there all the time; it has the same name and the same options, as they come from the shop.
        leash must say: that the new one is perhaps the one that is gone, and why; it joins nothing by itself.
        A mistake: to offer the second telephone, which was there at the same time."""
        names = [f"app-{n}.example" for n in range(6)]
        for number, first, last in ((50, 0, HOUR), (51, 0, 2 * DAY), (52, DAY, 2 * DAY)):
            ip, mac = f"192.168.8.{number}", f"02:00:00:00:00:{number}"
            for at in (first, last):
                tale.say(at, f"booted {mac} host=Pixel-8 vendor=android-dhcp-15 asks=1,3,6,15,26,28,51,58,59,43")
                tale.say(at, f"neighbour {ip} {mac}")
            for n, name in enumerate(names):
                at = first + 60 + 10 * n
                tale.lookup(at, ip, name, f"198.51.100.{50 + n}")
                tale.flow(at + 1, at + 3, ip, f"198.51.100.{50 + n}", 443, 900, 900)

    def plug_answers_broadcasts(tale):
        """A look-alike: an app looks for plugs by broadcast every 4 s, each time from another port of its telephone,
        and a plug answers each time from port 9999; nobody answers that. A camera tries forty ports of the telephone.
        leash must say: a finding of scan, fair, for the camera.
        A mistake: scan for the plug, because of the number of ports."""
        phone, plug, camera = tale.device(10, "anna-phone"), tale.device(27, "plug"), tale.device(25, "camera")
        for number in range(100):
            at = 10 + 4 * number
            tale.say(at, f"opened udp {plug}:9999 > {phone}:{35000 + 7 * number}")
            tale.say(at + 60, f"closed udp {plug}:9999 > {phone}:{35000 + 7 * number} 640 0")
        for port in range(40):
            tale.flow(20 + port, 80 + port, camera, phone, 8000 + port, 60, 0, kind="udp")


def main():
    for name, story in vars(Tales).items():
        if not name.startswith("_"):
            tale = Tale(name)
            story(tale)
            name = name.replace("_", "-")
            write(name, {"README.md": readme(name, story), "events": tale.text(), **tale.files})


if __name__ == "__main__":
    main()
