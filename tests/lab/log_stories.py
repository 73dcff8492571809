"""What holds with the query log alone, in whichever form, and how a story writes it as dnsmasq would."""

import threading


def without_tap(lab):
    bulb, _ = lab.devices
    lab.names(bulb="45.10.1.1", chain=[([b"edge", b"cdn", b"example"], ["45.10.1.5"])])
    lab.start("list block_on direct-ip\noption default_mode guard", tap=False)
    assert bulb.lookup("bulb.example") and bulb.reaches("45.10.1.1")
    lab.until(lambda: lab.explained(bulb, "45.10.1.1") == "lookup", "the log alone is enough")
    assert bulb.lookup("chain.example") == ["45.10.1.5"] and bulb.reaches("45.10.1.5")
    lab.until(lambda: lab.explained(bulb, "45.10.1.5") == "lookup", "a chain of names too")
    two_ask_at_once(lab)
    assert "tapped" in str(lab.leash("doctor")), "doctor says that the tap is missing"
    assert bulb.reaches("45.10.9.9")
    lab.until(lambda: lab.blocks() == [(101, "45.10.9.9")], "what nobody asked for is found")
    assert not bulb.reaches("45.10.9.9")


def two_ask_at_once(lab):
    """Two that ask for the same name while it is under way are both answered, and leash sees both."""
    bulb, tv = lab.devices
    lab.internet.delay, lab.internet.names["slow.example"] = 0.3, ["45.10.1.7"]
    other = threading.Thread(target=lambda: tv.lookup("slow.example"))
    other.start()
    bulb.lookup("slow.example")
    other.join()
    lab.internet.delay = 0.0
    assert bulb.reaches("45.10.1.7") and tv.reaches("45.10.1.7")
    for device in (bulb, tv):
        lab.until(lambda: lab.explained(device, "45.10.1.7") == "lookup", "both asked at the same time")


def begin(lab):
    """Starts leash in guard with the log alone, which it reads."""
    bulb, _ = lab.devices
    lab.start("list block_on direct-ip\noption default_mode guard", tap=False)
    assert bulb.lookup("bulb.example") and bulb.reaches("45.10.1.1")
    lab.until(lambda: lab.explained(bulb, "45.10.1.1") == "lookup", "the log is read")


def write(lab, lines, head="Nov 22 21:40:00 dnsmasq[1]: "):
    """Writes lines into the log, and waits until they are read."""
    read = lambda: lab.leash("status")["health"]["query_log"]["lines"]
    before = read()
    with open(lab.log_path, "a") as file:
        file.writelines(f"{head}{line}\n" for line in lines)
    lab.until(lambda: read() >= before + len(lines), "the lines are read")
