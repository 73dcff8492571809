#!/usr/bin/env python3
"""Makes the file of networks that leash reads (`option networks`): from an address to its autonomous system.

usage: make_networks.py [--only ASNS.csv] [--notice TEXT] [--date YYYY-MM-DD] -o OUT TABLE...

TABLE   lines of (a) iptoasn.com's TSV: first, last, AS, country, description; or (b) the CSV of @ip-location-db/asn:
        first, last, AS, name. IPv4 and IPv6, in any number of files; `.gz` is unpacked.
ASNS    a CSV whose first column is an AS number: hosting and VPN networks, such as brianhama/bad-asn-list. With it
        only these are written, and the large CDNs and clouds; a whole table is made by leaving `--only` out and giving
        `--hosting ASNS.csv` instead.

openwrt/networks/usr/share/leash/networks is made by
  make_networks.py --only bad-asn-list.csv --date 2026-06-17 -o .../networks asn-ipv4.csv asn-ipv6.csv
with brianhama/bad-asn-list, commit cac788b (2026-03, MIT), and npm @ip-location-db/asn 2.3.2026061719 (CC BY 4.0: Route
Views, NRO, DB-IP.com). Whoever has room (3.1 MB of flash and of memory) makes the whole table of
https://iptoasn.com/data/ip2asn-combined.tsv.gz (public domain) and puts it where `option networks` says.

The format, all numbers big-endian; src/reference/networks.rs reads it:
  8 "leashnet", u8 version 1, u8 flags (1: the whole table), u16 bytes of the notice, u32 days since 1970,
  u32 labels, then for IPv4 and for IPv6: u32 ranges, u32 bytes of them; the notice (whom to thank);
  labels, the most frequent first: u32 AS, 2 letters of the country or zeroes, u8 flags (1: hosting);
  for IPv4, then IPv6: an index with the first key (u32, u64) and the place (u32) of each block of 64 ranges, and the
  ranges as varints (LEB128): gap since the range before (absent in a block's first), length, label;
  u32 FNV-1a of all before it.
A key is an IPv4 address, or the first 64 bits of an IPv6 address. A gap or length that is a multiple of a /24 or /48 is
its quotient with a 0 bit behind it, another is itself with a 1 bit.
"""

import argparse
import csv
import datetime
import gzip
import ipaddress
import itertools
import struct

BLOCK = 64
FAMILIES = {4: (8, ">I", 1 << 32), 6: (16, ">Q", 1 << 64)}  # bits of the coarse unit, a key in the index, end of keys
NOTICE = "IP to ASN: Route Views, NRO, DB-IP.com (CC BY 4.0, npm @ip-location-db/asn), cut and packed by leash"
# Clouds and CDNs, where strangers share addresses: not all lists of hosting networks have them.
SHARED = {
    13335: "Cloudflare",
    209242: "Cloudflare",
    54113: "Fastly",
    20940: "Akamai",
    16625: "Akamai",
    32787: "Akamai",
    63949: "Akamai",
    16509: "Amazon",
    14618: "Amazon",
    396982: "Google Cloud",
    15169: "Google",
    19527: "Google",
    8075: "Microsoft",
    36459: "GitHub",
    45102: "Alibaba",
    37963: "Alibaba",
    132203: "Tencent",
    45090: "Tencent",
    136907: "Huawei",
    55990: "Huawei",
    31898: "Oracle",
    16276: "OVH",
    24940: "Hetzner",
    14061: "DigitalOcean",
    20473: "Vultr",
    60068: "CDN77",
    22822: "Limelight",
    15133: "Edgio",
    30148: "Sucuri",
    19551: "Imperva",
    21859: "Zenlayer",
    135377: "UCloud",
    138915: "Kaopu",
    199524: "G-Core",
    53667: "FranTech",
    36352: "ColoCrossing",
}


def rows(paths):
    """(family, first, last, AS, country) of all files."""
    for path in paths:
        opened = gzip.open(path, "rt", encoding="utf-8") if str(path).endswith(".gz") else open(path, encoding="utf-8")
        with opened as file:
            head = file.readline()
            delimiter = "\t" if "\t" in head else ","
            quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
            for row in csv.reader(itertools.chain([head], file), delimiter=delimiter, quoting=quoting):
                if len(row) < 3 or not row[2].isdigit() or row[2] == "0":
                    continue
                first, last = ipaddress.ip_address(row[0]), ipaddress.ip_address(row[1])
                country = row[3] if delimiter == "\t" and len(row[3]) == 2 and row[3].isalpha() else ""
                yield first.version, int(first), int(last), int(row[2]), country.upper()


def ranges(table, wanted, hosting):
    """For each family the sorted, disjoint ranges (first key, keys, label); neighbours of one label are one."""
    found = {4: [], 6: []}
    for family, first, last, asn, country in table:
        if wanted is not None and asn not in wanted:
            continue
        if family == 6:  # What is finer than a /64 is not told apart.
            first, last = (first + (1 << 64) - 1) >> 64, ((last + 1) >> 64) - 1
        if first <= last:
            found[family].append((first, last + 1, (asn, country, asn in hosting)))
    for family, all_ in found.items():
        out = []
        for first, end, label in sorted(all_):
            first = max(first, out[-1][1]) if out else first
            if first >= end:
                continue
            if out and out[-1][1] == first and out[-1][2] == label:
                out[-1] = (out[-1][0], end, label)
            else:
                out.append((first, end, label))
        found[family] = out
    return found


def varint(number):
    assert 0 <= number < 1 << 64
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def encode(table, wanted=None, hosting=frozenset(), notice="", date=datetime.date(1970, 1, 1)):
    """The bytes of a file."""
    found = ranges(table, wanted, hosting)
    often = {}
    for _, _, label in found[4] + found[6]:
        often[label] = often.get(label, 0) + 1
    labels = sorted(often, key=lambda label: (-often[label], label))
    rank = {label: number for number, label in enumerate(labels)}
    counts, body = b"", b""
    for family, (unit, key, _) in FAMILIES.items():
        coarse = lambda n, unit=unit: n >> unit << 1 if n % (1 << unit) == 0 else n << 1 | 1
        index, data, before = b"", bytearray(), 0
        for number, (first, end, label) in enumerate(found[family]):
            if number % BLOCK == 0:
                index += struct.pack(key, first) + struct.pack(">I", len(data))
            else:
                data += varint(coarse(first - before))
            data += varint(coarse(end - first)) + varint(rank[label])
            before = end
        counts += struct.pack(">II", len(found[family]), len(data))
        body += index + data
    notice = notice.encode()
    days = (date - datetime.date(1970, 1, 1)).days
    head = b"leashnet" + struct.pack(">BBHII", 1, wanted is None, len(notice), days, len(labels)) + counts + notice
    named = b"".join(struct.pack(">I2sB", asn, country.encode(), here) for asn, country, here in labels)
    return sealed(head + named + body)


def sealed(data):
    check = 0x811C9DC5
    for byte in data:
        check = (check ^ byte) * 0x01000193 & 0xFFFFFFFF
    return data + struct.pack(">I", check)


def numbers(path):
    with open(path, encoding="utf-8") as file:
        return {int(row[0]) for row in csv.reader(file) if row and row[0].strip().isdigit()}


def main():
    parser = argparse.ArgumentParser(description="Makes the file of networks that leash reads.")
    parser.add_argument("--only")
    parser.add_argument("--hosting")
    parser.add_argument("--notice")
    parser.add_argument("--date", type=datetime.date.fromisoformat, default=datetime.date.today())
    parser.add_argument("-o", dest="out", required=True)
    parser.add_argument("tables", nargs="+")
    given = parser.parse_args()
    list_ = given.only or given.hosting
    hosting = (numbers(list_) if list_ else set()) | set(SHARED)
    notice = (
        NOTICE if any(table.endswith(".csv") for table in given.tables) else "IP to ASN: iptoasn.com (public domain)"
    )
    data = encode(rows(given.tables), hosting if given.only else None, hosting, given.notice or notice, given.date)
    with open(given.out, "wb") as file:
        file.write(data)
    print(f"{given.out}: {len(data)} bytes")


if __name__ == "__main__":
    main()
