#!/usr/bin/env python3
"""Makes the lists that ship, openwrt/lists/usr/share/leash/lists: of published endpoints of proxy botnets, proxy
kits and BADBOX (they warn), and of what names are for (NAME.category: they tell, and warn of nothing).

usage: make_lists.py FOLDER_OF_SOURCES OUT [TABLE...]

FOLDER_OF_SOURCES holds these files, under the licences named:
  proxy-botnet-iocs.vortexis.json  VortexisTV/Android-Proxy-Botnet-IOC-Scanner, commit cb6a30f (2026-07-04), MIT
  badbox-c2-ips.cstrucco.csv       cstrucco/badbox-c2-blocklist, commit 95a9bf7 (2026-08-16), CC0
  maltrail-NAME.txt                stamparm/maltrail, trails/static/malware/NAME.txt, commit 8adace1 (2026-08), MIT
  v2fly/NAME                       v2fly/domain-list-community, data/NAME, commit c975cce (2026-08-19), MIT
  perflyst-SmartTV.txt             Perflyst/PiHoleBlocklist, SmartTV.txt, commit 5974014 (2025-11), MIT
  whats-my-ip.json                 MISP/misp-warninglists, lists/whats-my-ip/list.json, version 8 (in PyPI
                                   pymispwarninglists 1.7.0, 2026-01), CC0
TABLE (optional): CSVs of @ip-location-db/asn; addresses in networks of shared CDNs are then left out.

Left out: names of those who host, rent out or test for everybody; addresses in maltrail's trails, which are years old
and belong to others by now; and what its trails have by the hundred, which is old or made by an algorithm.
"""

import csv
import ipaddress
import json
import pathlib
import re
import sys

# Whoever is listed here serves the innocent too.
SHARED = [
    "google.com",
    "googleapis.com",
    "gstatic.com",
    "github.com",
    "github.io",
    "githubusercontent.com",
    "gitlab.io",
    "cloudflare.com",
    "workers.dev",
    "pages.dev",
    "amazonaws.com",
    "cloudfront.net",
    "azurewebsites.net",
    "azureedge.net",
    "windows.net",
    "herokuapp.com",
    "vercel.app",
    "netlify.app",
    "fly.dev",
    "onrender.com",
    "web.app",
    "firebaseapp.com",
    "appspot.com",
    "blogspot.com",
    "wordpress.com",
    "telegram.org",
    "t.me",
    "discord.com",
    "discordapp.com",
    "dropbox.com",
    "pastebin.com",
    "ngrok.io",
    "ngrok.app",
    "ngrok-free.app",
    "portmap.io",
    "portmap.host",
    "linodeusercontent.com",
    "akamai.net",
    "akamaized.net",
    "fastly.net",
    "digitaloceanspaces.com",
    "oraclecloud.com",
    "aliyuncs.com",
    "myqcloud.com",
    "duckdns.org",
    "no-ip.org",
    "no-ip.com",
    "ddns.net",
    "dynu.net",
    "dyndns.org",
    "hopto.org",
    "zapto.org",
    "sytes.net",
    "accesscam.org",
    "ddnsfree.com",
    "sip.us",
    "motherfuckingwebsite.com",
    "satyr.wtf",
    "too.sexy",
    "femboys.dating",
    "femboy-e.date",
    "onion",
    "eth",
    "oss",
    "dyn",
    "geek",
    "cprapid.com",
    "poneytelecom.eu",
    "dedibox.fr",
    "tw1.ru",
]
CDNS = {
    13335,
    209242,
    54113,
    20940,
    16625,
    32787,
    15169,
    19527,
    36040,
    8075,
    36459,
    32934,
    2906,
    714,
    6185,
    60068,
    22822,
}

FAMILIES = {
    "badbox": ("BADBOX, Vo1d and Kimwolf", {"badbox-t95", "badbox2", "vo1d", "kimwolf"}),
    "popa": ("Popa, a proxy network in television boxes", {"popa-netnut"}),
    "proxyware": ("Proxyware: apps that rent out the line", {"proxyware"}),
    "proxy-botnets": ("Proxy botnets", None),  # all other families
}
MALTRAIL = {
    "android_badbox": ("badbox", "badbox"),
    "android_vo1d": ("badbox", "vo1d"),
    "elf_ngioweb": ("proxy-botnets", "ngioweb"),
    "proxyback": ("proxy-botnets", "proxyback"),
    "socksbot": ("proxy-botnets", "socksbot"),
    "systembc": ("proxy-botnets", "systembc"),
}
HOSTS_VN = "bigdargon/hostsVN, commit 83537cc (2026-07-23), MIT"
STEVEN_BLACK = "StevenBlack/hosts, data/StevenBlack, commit b69f653 (2026-06-11), MIT"
V2FLY = "v2fly/domain-list-community, commit c975cce (2026-08-19), MIT"
PERFLYST = "Perflyst/PiHoleBlocklist, commit 5974014 (2025-11), MIT"
# Bright Data's kit for apps and televisions: tunnels, what they report to, and what the company was called before. The
# lists have hosts below some of these.
BRIGHT = {
    "brdtnet.com": HOSTS_VN,
    "bright-sdk.com": HOSTS_VN,
    "brightdata.de": HOSTS_VN,
    "l-agent.me": HOSTS_VN,
    "l-err.biz": HOSTS_VN,
    "luminatinet.com": STEVEN_BLACK,
}
MISP = "MISP/misp-warninglists, whats-my-ip, version 8 (2026-01), CC0"
# Sites with other uses, and those that sell what they know of addresses to servers.
NOT_ECHO = {
    "httpbin.org",
    "hackertarget.com",
    "dnswatch.info",
    "tunnelbear.com",
    "ultratools.com",
    "dawhois.com",
    "sfml-dev.org",
    "keliweb.it",
    "iproyal.com",
    "maxmind.com",
    "osint.sh",
    "spur.us",
    "check-host.net",
    "dadata.ru",
    "51degrees.com",
    "abstractapi.com",
    "apivoid.com",
    "fraudguard.io",
    "fraudlogix.com",
    "proxycheck.io",
    "ipqualityscore.com",
    "whoisxmlapi.com",
    "vinflag.com",
    "iplogger.org",
    "iplogger.ru",
    "yougetsignal.com",
    "flagfox.net",
    "db-ip.com",
    "bigdatacloud.net",
    "getipintel.net",
    "whois.pconline.com.cn",
}
# What the list for televisions has beside what measures: programs, maps, updates and the like.
NOT_TELEMETRY = ("google.com", "googleapis.com", "netflix.com", "nflximg.net", "amazon.com", "roku.com")
# Apple's, which serve other things too.
NOT_UPDATE = {"configuration.apple.com", "gs.apple.com", "xp.apple.com", "skl.apple.com", "gg.apple.com"}
VORTEXIS = "VortexisTV/Android-Proxy-Botnet-IOC-Scanner, commit cb6a30f (2026-07-04), MIT"
CSTRUCCO = "cstrucco/badbox-c2-blocklist, commit 95a9bf7 (2026-08-16), CC0"
STAMPARM = "stamparm/maltrail, commit 8adace1 (2026-08), MIT"
NAME = re.compile(r"(?=.{4,253}$)([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]*$")


def is_name(text):
    return NAME.match(text) and not any(text == shared or text.endswith("." + shared) for shared in SHARED)


def trail(text):
    """The names of a maltrail trail. A section of hundreds is an old collection, or what an algorithm would make; a
    line with a path is a site that was broken into."""
    sections = [[]]
    for line in text.splitlines():
        line = line.strip()
        if line.startswith("#"):
            sections.append([])
        elif line:
            sections[-1].append(re.sub(r"^https?://", "", line.split("#")[0].strip()))
    for section in sections:
        if len(section) <= 100:
            yield from (line.split(":")[0].lower() for line in section if "/" not in line)


def v2fly(folder, *names, attribute=""):
    """The names in lists of v2fly, with what they hold below them; those with an attribute, where one is asked for."""
    for name in names:
        for line in (folder / "v2fly" / name).read_text().splitlines():
            rule, *attributes = line.split("#")[0].split() or [""]
            kind, _, rest = rule.rpartition(":")
            if kind in ("", "domain", "full") and rest and (not attribute or attribute in attributes):
                yield rest.lower()


def categories(folder):
    """(file, sources, names)"""
    all_ = sorted(path.name for path in (folder / "v2fly").iterdir())
    whole = ["adjust", "ogury", "openx", "pubmatic", "supersonic", "taboola"]
    ads = {*v2fly(folder, *all_, attribute="@ads"), *v2fly(folder, *whole)}
    television = {line.split("#")[0].strip().lower() for line in (folder / "perflyst-SmartTV.txt").open()}
    television = {name for name in television if not name.endswith(NOT_TELEMETRY)}
    measures = {*television, *v2fly(folder, "segment", "sentry", "clearbit", "growingio")}
    echoes = {*json.loads((folder / "whats-my-ip.json").read_text())["list"], *v2fly(folder, "category-ip-geo-detect")}
    return [
        ("advertising", [V2FLY], ads),
        ("telemetry", [PERFLYST, V2FLY], measures - ads),
        ("time", [V2FLY], set(v2fly(folder, "category-ntp", "category-ntp-cn", "category-ntp-jp"))),
        ("update", [V2FLY], set(v2fly(folder, "apple-update")) - NOT_UPDATE),
        ("own-address", [MISP, V2FLY], echoes - NOT_ECHO),
    ]


class Cdns:
    """Addresses in networks of shared CDNs."""

    def __init__(self, tables):
        self.ranges = []
        for path in tables:
            with open(path, encoding="utf-8") as file:
                self.ranges += [
                    tuple(map(ipaddress.ip_address, row[:2])) for row in csv.reader(file) if int(row[2]) in CDNS
                ]

    def __contains__(self, address):
        return any(first.version == address.version and first <= address <= last for first, last in self.ranges)


def parents(name):
    labels = name.split(".")
    return {".".join(labels[at:]) for at in range(1, len(labels))}


def write(path, head, sources, entries):
    rows = [
        f"{value},{comment}".strip(",")
        for value, comment in sorted(entries.items())
        if not parents(value) & set(entries)
    ]
    head += [f"# source: {source}" for source in sorted(sources)]
    text = "\n".join(head + ["# made by tests/tools/make_lists.py; do not edit"] + rows) + "\n"
    path.write_text(text)
    print(f"{path.name}: {len(rows)} entries, {len(text)} bytes")


def main():
    folder, out, tables = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3:]
    cdns, lists, left_out = Cdns(tables), {key: ({}, set()) for key in FAMILIES}, []

    def add(key, value, comment, source):
        value = value.strip().lower()
        try:
            address = ipaddress.ip_address(value)
            good = address.is_global and address not in cdns
        except ValueError:
            good = is_name(value)
        if not good:
            return left_out.append(value)
        lists[key][0].setdefault(value, comment)
        lists[key][1].add(source)

    for entry in json.loads((folder / "proxy-botnet-iocs.vortexis.json").read_text())["entries"]:
        # What it copied from a repository without a licence stays out.
        if entry["type"] in ("domain", "ip") and not entry["source"].startswith("github.com/deepfield/"):
            family = entry["family"]
            key = next((key for key, (_, own) in FAMILIES.items() if own and family in own), "proxy-botnets")
            add(key, entry["value"], family, VORTEXIS)
    with open(folder / "badbox-c2-ips.cstrucco.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["ip"] and row["ip"][0].isdigit():
                add("badbox", row["ip"], "badbox2", CSTRUCCO)
    for about, (key, family) in MALTRAIL.items():
        for name in trail((folder / f"maltrail-{about}.txt").read_text()):
            if is_name(name):
                add(key, name, family, STAMPARM)
    for name, source in BRIGHT.items():
        add("proxyware", name, "Bright Data", source)
    out.mkdir(parents=True, exist_ok=True)
    for key, (title, _) in FAMILIES.items():
        write(out / f"{key}.list", [f"# title: {title}"], lists[key][1], lists[key][0])
    for key, sources, names in categories(folder):
        write(out / f"{key}.category", [], sources, {name: "" for name in names if is_name(name)})
    print("left out:", ", ".join(sorted(left_out)))


main()
