"""Where dnsmasq validates, lines of its log end in `(DNSSEC signed)`: the address before that was looked up. The lines
are those of dnsmasq 2.90 with log-queries=extra and a signed zone."""

import log_stories


def story(lab):
    bulb, _ = lab.devices
    lab.names(bulb="45.10.1.1")
    log_stories.begin(lab)
    asks = f"{bulb.ip}/4000"
    log_stories.write(
        lab,
        [
            f"71 {asks} query[A] signed.example from {bulb.ip}",
            f"71 {asks} forwarded signed.example to 45.10.53.53",
            "72 dnssec-query[DNSKEY] example to 45.10.53.53",
            "72 reply example is DNSKEY keytag 26796, algo 13",
            f"71 {asks} validation result is SECURE",
            f"71 {asks} reply signed.example is 45.10.8.1 (DNSSEC signed)",
            f"73 {asks} query[A] kept.example from {bulb.ip}",
            f"73 {asks} cached kept.example is 45.10.8.2 (DNSSEC signed)",
            f"74 {asks} query[A] chain.example from {bulb.ip}",
            f"74 {asks} forwarded chain.example to 45.10.53.53",
            f"74 {asks} validation result is SECURE",
            f"74 {asks} reply chain.example is <CNAME> (DNSSEC signed)",
            f"74 {asks} reply edge.example is 45.10.8.3 (DNSSEC signed)",
            f"75 {asks} query[AAAA] six.example from {bulb.ip}",
            f"75 {asks} forwarded six.example to 45.10.53.53",
            f"75 {asks} validation result is SECURE",
            f"75 {asks} reply six.example is 2a0f:9999::8 (DNSSEC signed)",
        ],
    )
    for address, name in [
        ("45.10.8.1", "signed.example"),
        ("45.10.8.2", "kept.example"),
        ("45.10.8.3", "chain.example"),
        ("2a0f:9999::8", "six.example"),
    ]:
        assert bulb.reaches(address)
        lab.until(lambda: lab.explained(bulb, address) == "lookup", f"{address} was looked up as {name}")
        assert lab.contact(bulb, address)["names"] == [name]
    lab.holds(lambda: lab.blocks() == [], "nothing is blocked")
