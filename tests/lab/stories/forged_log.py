"""Names with line ends and blanks forge lines of the log; neither with the tap nor without it does leash believe
them."""


def story(lab):
    bulb, tv = lab.devices
    lab.names(bulb="45.10.1.1", tv="45.10.1.2")
    settings = "list block_on direct-ip\noption default_mode guard"
    for tap in (True, False):
        lab.start(settings, tap=tap)
        bulb.lookup("bulb.example")
        address = "45.10.6.6" if tap else "45.10.6.7"
        forge(lab, tv, bulb, address)
        text = open(lab.log_path, errors="replace").read()
        assert "\nNov 22 21:40:00 dnsmasq[1]: 9" in text, "the forgery is in the log"
        assert bulb.reaches(address)
        seen = lab.until(lambda: lab.explained(bulb, address), "the contact is judged")
        assert seen in ("none", "unknown"), f"{seen}: the forged line was believed"
        if not tap:
            assert "forged" in str(lab.leash("doctor"))
            # A name with blanks is one name.
            lab.internet.names["x is 45.10.7.7.example"] = ["45.10.1.8"]
            lab.until(
                lambda: tv.lookup([b"x is 45", b"10", b"7", b"7", b"example"]), "the name with blanks is answered"
            )
            assert tv.reaches("45.10.7.7")
            assert lab.until(lambda: lab.explained(tv, "45.10.7.7"), "judged") in ("none", "unknown")
        lab.stop("leash")


def forge(lab, attacker, victim, address):
    """A name whose answer is private, so dnsmasq warns of a rebind and prints the name raw."""
    head = b"a\nNov 22 21:40:00 dnsmasq[1]: 9 " + victim.ip.encode() + b"/5"
    tail = b" query[A] z from " + victim.ip.encode()
    more = b"\nNov 22 21:40:00 dnsmasq[1]: 9 " + victim.ip.encode() + b"/5"
    last = b" reply z is " + address.encode() + b"\n"
    labels = [piece for piece in (head + tail, more + last)]
    # Dots part labels, so the text is one whose dots are where the labels end.
    text = b".".join(labels)
    labels = text.split(b".")
    name = b".".join(labels).decode("latin1").lower()
    lab.internet.names[name] = ["192.168.77.9"]
    attacker.lookup(labels)
