"""Tap alone, and neither tap nor log: then all is unknown and nothing is blocked; doctor says so."""

import log_stories

HOUSE = {"log": "no", "query_log": False}


def story(lab):
    bulb, tv = lab.devices
    lab.names(bulb="45.10.1.1")
    lab.start("list block_on direct-ip\noption default_mode guard")
    assert bulb.lookup("bulb.example") and bulb.reaches("45.10.1.1")
    lab.until(lambda: lab.explained(bulb, "45.10.1.1") == "lookup", "the tap alone is enough")
    log_stories.two_ask_at_once(lab)
    lab.stop("leash")
    # Without lookups: nobody listens to what the resolver says, as where it runs elsewhere.
    lab.start("list block_on direct-ip\noption default_mode guard\nlist interface br-lan\nlist interface nothere")
    lab.router.run("nft flush chain inet leash answers")
    assert tv.reaches("45.10.9.9")
    lab.until(lambda: lab.explained(tv, "45.10.9.9") == "unknown", "nothing is claimed")
    lab.holds(lambda: lab.blocks() == [], "and nothing blocked")
    assert "not all LAN interfaces" in str(lab.leash("doctor"))
