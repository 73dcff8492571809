"""AdGuard Home's layout: another resolver has port 53, and dnsmasq moved to port 54 with its log."""

from lab import ROUTER6, only_the_hardcoded, other_dnsmasq

HOUSE = {"log": None, "query_log": False}


def story(lab):
    bulb, _ = lab.devices
    lab.names(one="45.10.1.1", two="45.10.1.2", six="2a0f:9999::6")
    other_dnsmasq(lab, 54)
    other_dnsmasq(lab, 53)
    lab.until(lambda: bulb.lookup("nobody.example", wait=0.2) is not None, "it answers")
    lab.start("list block_on direct-ip\noption default_mode guard")
    for name, address, how in [
        ("one.example", "45.10.1.1", {}),
        ("two.example", "45.10.1.2", {"tcp": True}),
        ("six.example", "2a0f:9999::6", {"server": ROUTER6}),
    ]:
        assert bulb.lookup(name, kind=28 if ":" in address else 1, **how) == [address] and bulb.reaches(address)
        lab.until(lambda: lab.explained(bulb, address) == "lookup", f"the lookup of {address} is seen")
    only_the_hardcoded(lab, bulb)
