#!/usr/bin/env python3
"""Makes the lists that ship, openwrt/files/usr/share/leash/lists, of published endpoints of proxy botnets and BADBOX.

usage: make_lists.py FOLDER_OF_SOURCES OUT [TABLE...]

FOLDER_OF_SOURCES holds these files, under the licences named:
  proxy-botnet-iocs.vortexis.json  VortexisTV/Android-Proxy-Botnet-IOC-Scanner, commit cb6a30f (2026-07-04), MIT
  badbox-c2-ips.cstrucco.csv       cstrucco/badbox-c2-blocklist, commit 95a9bf7 (2026-08-16), CC0
  maltrail-NAME.txt                stamparm/maltrail, trails/static/malware/NAME.txt, commit 8adace1 (2026-08), MIT
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
    out.mkdir(parents=True, exist_ok=True)
    for key, (title, _) in FAMILIES.items():
        entries, sources = lists[key]
        below = {name for name in entries if any(name.endswith("." + other) for other in entries)}
        rows = [f"{value},{comment}" for value, comment in sorted(entries.items()) if value not in below]
        head = [f"# title: {title}"] + [f"# source: {source}" for source in sorted(sources)]
        text = "\n".join(head + ["# made by tests/tools/make_lists.py; do not edit"] + rows) + "\n"
        (out / f"{key}.list").write_text(text)
        print(f"{key}.list: {len(rows)} entries, {len(text)} bytes")
    print("left out:", ", ".join(sorted(left_out)))


main()
