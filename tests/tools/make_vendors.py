#!/usr/bin/env python3
"""Makes the file of vendors that leash reads (`option vendors`): from the first three bytes of a hardware address to
who made it.

usage: make_vendors.py [--all] -o OUT INDEX.json

INDEX.json  of npm oui-data: {"50C7BF": "TP-LINK TECHNOLOGIES CO.,LTD.\\nstreet\\n..."}; the longer prefixes are left
            out
--all       also those whose one prefix is as old as 00..., from before things of the home had such addresses: 0.36 MB
            instead of 0.2

openwrt/networks/usr/share/leash/vendors is made of oui-data 2.1.9 (BSD-2-Clause), the IEEE's MA-L register of 2026-07.
The format, which src/reference/vendors.rs reads: "leash vendors 1\\n", then for each vendor a byte with the length of
its name, the name in ASCII, as a varint (LEB128) the number of its prefixes, and these in ascending order, each as a
varint: what it is more than the one before it.
"""

import argparse
import collections
import json
import re

from make_networks import varint

# What a name is as well known without, at its end; and cities before it.
FORMS = [
    "co",
    "ltd",
    "inc",
    "incorporated",
    "llc",
    "l.l.c",
    "gmbh",
    "corp",
    "corporation",
    "corporate",
    "company",
    "limited",
    "ltda",
    "s.a",
    "sa",
    "sas",
    "s.a.s",
    "srl",
    "s.r.l",
    "spa",
    "s.p.a",
    "ag",
    "kg",
    "pty",
    "pvt",
    "plc",
    "bv",
    "b.v",
    "ab",
    "oy",
    "a/s",
    "as",
    "sdn",
    "bhd",
    "k.k",
    "kk",
    "international",
    "technologies",
    "technology",
    "tech",
    "electronics",
    "electronic",
    "communications",
    "communication",
    "systems",
    "system",
    "group",
    "holding",
    "holdings",
    "trading",
    "industries",
    "industrial",
]
ENDS = re.compile(rf"(?:[\s,.]+|\()(?:{'|'.join(map(re.escape, FORMS))})\b[\s,.()]*$", re.IGNORECASE)
CITIES = re.compile(
    r"^(?:shenzhen|guangdong|guangzhou|hangzhou|beijing|shanghai|zhejiang|dongguan|sichuan|hefei|nanjing|xiamen|wuhan|"
    r"suzhou|huizhou|hui zhou|chengdu)\s+(?=\S+\s+\S)",
    re.IGNORECASE,
)
NAME = 24
OLD = 0x010000


def short(name, most=NAME):
    """A name as people know it: `TP-LINK TECHNOLOGIES CO.,LTD.` is TP-LINK."""
    name = CITIES.sub("", re.sub(r"\(.*?\)", "", name.encode("ascii", "ignore").decode()).strip())
    before = None
    while name != before:
        before, cut = name, ENDS.sub("", name).strip(" ,.&-")
        name = cut if len(cut) >= 2 else name
    name = " ".join(
        word.capitalize() if len(word) > 3 and word.isupper() and word.isalpha() else word for word in name.split()
    )
    return name if len(name) <= most else name[:most].rsplit(" ", 1)[0]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("-o", dest="out", required=True)
    parser.add_argument("index")
    options = parser.parse_args()
    vendors = collections.defaultdict(list)
    for prefix, entry in json.load(open(options.index)).items():
        name = short(entry.split("\n")[0])
        # The register's own are given on in smaller parts; who is private has no name.
        if len(prefix) == 6 and name and name != "Private" and not name.startswith("IEEE"):
            vendors[name].append(int(prefix, 16))
    out = bytearray(b"leash vendors 1\n")
    for name, prefixes in sorted(vendors.items()):
        prefixes.sort()
        if len(prefixes) == 1 and prefixes[0] < OLD and not options.all:
            continue
        out += bytes([len(name)]) + name.encode() + varint(len(prefixes))
        out += b"".join(varint(prefix - before) for before, prefix in zip([0, *prefixes], prefixes))
    with open(options.out, "wb") as file:
        file.write(out)


if __name__ == "__main__":
    main()
