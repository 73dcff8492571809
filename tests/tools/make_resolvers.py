#!/usr/bin/env python3
"""Makes src/wire/resolvers.rs: names and addresses of public resolvers that speak DNS over HTTPS, TLS or QUIC.

usage: make_resolvers.py V2FLY_CATEGORY_DOH CRYPT0RR_DNS_LIST CRYPT0RR_IPV4_LIST > src/wire/resolvers.rs

Sources, all under the MIT licence:
  v2fly/domain-list-community, data/category-doh, commit c975cce (2026-08-19)
  crypt0rr/public-doh-servers, dns.list and ipv4.list, commit 5773d4e (2025-07)
A name that lies below another one of the list is left out: the longer is found by the shorter.
"""

import ipaddress
import sys


def lines(path):
    for line in open(path):
        line = line.split("#")[0].split("@")[0].strip().lower()
        if line:
            yield line


def names(v2fly, crypt0rr):
    found = set(lines(crypt0rr))
    for line in lines(v2fly):
        kind, _, name = line.rpartition(":")
        if kind not in ("", "full", "domain"):
            sys.exit(f"'{line}': rules of kind '{kind}' are not understood")
        found.add(name)
    for name in found:
        assert name.isascii() and all(c.isalnum() or c in ".-_" for c in name), name
    below = {n for n in found if any(n.endswith("." + other) for other in found)}
    return sorted(found - below)


def main():
    v2fly, crypt0rr, ipv4 = sys.argv[1:]
    addresses = sorted({ipaddress.IPv4Address(line) for line in lines(ipv4)})
    print(
        "//! Public resolvers. Made by tests/tools/make_resolvers.py, which names the sources and their (MIT) licences;"
    )
    print("//! do not edit.")
    print("\n/// Names, sorted; each stands for all below it.")
    print("#[rustfmt::skip]\npub const NAMES: &[&str] = &[")
    for name in names(v2fly, crypt0rr):
        print(f'    "{name}",')
    print("];\n\n/// IPv4 addresses, sorted.\n#[rustfmt::skip]\npub const ADDRESSES: &[[u8; 4]] = &[")
    for address in addresses:
        print(f"    [{', '.join(str(octet) for octet in address.packed)}],")
    print("];")


main()
