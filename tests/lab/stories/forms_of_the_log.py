"""Forms of the log that people and their syslogs make of it."""

import log_stories

HOUSE = {"log": "plain"}
SHORT, SYSLOG = "Nov 22 21:40:00 ", "Sun Nov 22 21:40:00 2026 daemon.info "


def story(lab):
    bulb, tv = lab.devices
    lab.names(bulb="45.10.1.1")
    log_stories.begin(lab)
    for number, (head, lines) in enumerate(
        [
            # An answer that is past its time, and a name in capitals.
            (SHORT, [f"query[A] Stale.Example from {bulb.ip}", "cached-stale stale.example is ADDRESS"]),
            # A browser asks for HTTPS at the same time, and is answered that first.
            (
                SHORT,
                [
                    f"query[A] h.example from {bulb.ip}",
                    f"query[HTTPS] h.example from {bulb.ip}",
                    "reply h.example is <HTTPS>",
                    "forwarded x.example to 45.10.53.53",
                    "reply h.example is ADDRESS",
                ],
            ),
            # As logread has it.
            (SYSLOG, [f"query[A] sys.example from {bulb.ip}", "reply sys.example is ADDRESS"]),
            # Two ask for the same name.
            (
                SHORT,
                [
                    f"query[A] two.example from {tv.ip}",
                    "forwarded two.example to 45.10.53.53",
                    f"query[A] two.example from {bulb.ip}",
                    "reply two.example is ADDRESS",
                ],
            ),
            # What fills sets of the firewall stands between the lines of an answer.
            (
                SHORT,
                [
                    f"query[A] set.example from {bulb.ip}",
                    "reply set.example is <CNAME>",
                    "nftset add 4 inet#fw4#names 45.10.8.200 set.example",
                    "reply edge.example is ADDRESS",
                ],
            ),
        ]
    ):
        address = f"45.10.8.{number + 1}"
        log_stories.write(lab, [line.replace("ADDRESS", address) for line in lines], f"{head}dnsmasq[1]: ")
        assert bulb.reaches(address)
        lab.until(lambda: lab.explained(bulb, address) == "lookup", f"{address}: {lines}")
    lab.holds(lambda: lab.blocks() == [], "nothing is blocked")
