"""Two instances of dnsmasq write one log, without ids: a line of the one within a chain of names of the other does not
end the chain. Where both have one process id, as in jails, nobody knows what belongs together."""

import log_stories

HOUSE = {"log": "plain"}


def story(lab):
    bulb, _ = lab.devices
    lab.names(bulb="45.10.1.1")
    log_stories.begin(lab)
    for other, address, right in [(2, "45.10.8.8", ["lookup"]), (1, "45.10.8.9", ["lookup", "unknown"])]:
        name = f"chain{other}.example"
        chain = [f"query[A] {name} from {bulb.ip}", f"forwarded {name} to 45.10.53.53", f"reply {name} is <CNAME>"]
        log_stories.write(lab, chain)
        log_stories.write(lab, ["query[A] other.example from 192.168.99.5"], f"Nov 22 21:40:00 dnsmasq[{other}]: ")
        log_stories.write(lab, [f"reply edge.cdn.example is {address}"])
        assert bulb.reaches(address)
        seen = lab.until(lambda: lab.explained(bulb, address), "the contact is judged")
        assert seen in right, f"the end of the chain of {name} is {seen}"
    lab.holds(lambda: lab.blocks() == [], "nothing is blocked")
    # The chain is not the other one's, and what nobody asked for is still found.
    assert bulb.reaches("45.10.9.9")
    lab.until(lambda: lab.explained(bulb, "45.10.9.9") in ("none", "unknown"), "an address that no line names")
