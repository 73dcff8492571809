"""dnsmasq says in its log that lines are lost. A lookup may have been among them, so for a while nothing is none."""

import log_stories

HOUSE = {"log": "plain"}


def story(lab):
    bulb, _ = lab.devices
    lab.names(bulb="45.10.1.1", later="45.10.1.2")
    log_stories.begin(lab)
    log_stories.write(lab, ["overflow: 12 log entries lost"])
    assert bulb.reaches("45.10.8.9")
    seen = lab.until(lambda: lab.explained(bulb, "45.10.8.9"), "the contact is judged")
    assert seen == "unknown", f"right behind a gap it is {seen}"
    lab.holds(lambda: lab.blocks() == [], "nothing is blocked")
    assert bulb.lookup("later.example") and bulb.reaches("45.10.1.2")
    lab.until(lambda: lab.explained(bulb, "45.10.1.2") == "lookup", "what comes later counts")
