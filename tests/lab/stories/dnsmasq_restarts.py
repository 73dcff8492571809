"""dnsmasq is restarted: ids begin anew, and both the tap and the log go on."""

import signal


def story(lab):
    bulb, _ = lab.devices
    lab.names(**{f"n{i}": f"45.10.1.{i}" for i in range(1, 9)})
    for tap in (True, False):
        lab.start(tap=tap)
        for round, how in enumerate([None, signal.SIGTERM, signal.SIGKILL]):
            if how:
                lab.stop("dnsmasq", how)
                lab.dnsmasq()
            number = round + 1 + (0 if tap else 4)
            assert bulb.lookup(f"n{number}.example") and bulb.reaches(f"45.10.1.{number}")
            lab.until(lambda: lab.explained(bulb, f"45.10.1.{number}") == "lookup", f"lookup {number} was seen")
        lab.stop("leash")
