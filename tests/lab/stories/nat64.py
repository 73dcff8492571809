"""A network that translates (NAT64): what is behind its prefixes is explained by lookups of IPv4 addresses, and blocked
when these are; nothing else is blocked."""

from lab import echoes
from nat64 import Nat64

WELL_KNOWN, OWN = "64:ff9b::", "2a0f:64::"


def story(lab):
    phone, bulb = lab.devices
    Nat64(lab.inet_ns, [WELL_KNOWN, OWN])
    lab.names(shop="45.10.1.1", chat="45.10.1.2", video="45.10.1.4", bulb=[f"{WELL_KNOWN}2d0a:103"])
    lab.internet.names["ipv4only.arpa"] = ["192.0.0.170", "192.0.0.171", f"{OWN}c000:aa", f"{OWN}c000:ab"]
    settings = "list block_on direct-ip\noption default_mode guard\noption reject 0"
    lab.start(settings)

    def explained(device, address):
        assert device.reaches(address), address
        return lab.until(lambda: lab.explained(device, address), f"{address} is judged")

    # The telephone translates by itself (464XLAT), the bulb's resolver does it for the bulb (DNS64).
    assert phone.lookup("shop.example") == ["45.10.1.1"]
    assert explained(phone, f"{WELL_KNOWN}2d0a:101") == "lookup"
    assert f"{OWN}c000:aa" in phone.lookup("ipv4only.arpa", 28)
    assert phone.lookup("chat.example") == ["45.10.1.2"]
    assert explained(phone, f"{OWN}2d0a:102") == "lookup"
    assert bulb.lookup("bulb.example", 28) == [f"{WELL_KNOWN}2d0a:103"]
    assert explained(bulb, f"{WELL_KNOWN}2d0a:103") == "lookup"
    assert explained(bulb, "45.10.1.3") == "lookup"
    lab.holds(lambda: lab.blocks() == [], "nothing is blocked")
    # What is hardcoded is found, and stopped on both ways, for the bulb alone.
    assert bulb.reaches(f"{WELL_KNOWN}2d0a:909")
    both = [(102, "45.10.9.9"), (102, f"{WELL_KNOWN}2d0a:909")]
    lab.until(lambda: lab.blocks() == both, "both ways are blocked")
    assert not bulb.reaches(f"{WELL_KNOWN}2d0a:909") and not bulb.reaches("45.10.9.9")
    assert phone.lookup("shop.example") and phone.reaches(f"{WELL_KNOWN}2d0a:101")
    # A block of the IPv4 address stops what goes to it by translation already, and all that comes later.
    assert phone.lookup("video.example") == ["45.10.1.4"]
    with phone.socket(f"{WELL_KNOWN}2d0a:104", 443, wait=0.4) as s:
        assert echoes(s)
        lab.until(lambda: lab.contact(phone, f"{WELL_KNOWN}2d0a:104"), "it is judged")
        lab.leash("block", phone.mac, "45.10.1.4")
        assert not echoes(s)
        assert not phone.reaches(f"{OWN}2d0a:104") and not phone.reaches("45.10.1.4")
        lab.leash("unpin", phone.mac, "45.10.1.4")
        lab.until(lambda: echoes(s), "it goes on", 10)
    # So do a block of a prefix, and one by name; and one of the translated address stops IPv4.
    lab.leash("block", phone.mac, "45.10.1.0/24")
    assert not phone.reaches(f"{OWN}2d0a:102") and bulb.reaches(f"{WELL_KNOWN}2d0a:103")
    lab.leash("unpin", phone.mac, "45.10.1.0/24")
    lab.leash("block", "all", "chat.example")
    assert not phone.reaches(f"{WELL_KNOWN}2d0a:102") and not phone.reaches(f"{OWN}2d0a:102")
    lab.leash("unpin", "all", "chat.example")
    lab.leash("block", phone.mac, f"{WELL_KNOWN}2d0a:101")
    assert not phone.reaches("45.10.1.1") and not phone.reaches(f"{OWN}2d0a:101")
    lab.leash("unpin", phone.mac, f"{WELL_KNOWN}2d0a:101")
    # What the telephone has learnt outlives a restart.
    lab.stop("leash")
    lab.start(settings)
    assert phone.reaches(f"{OWN}2d0a:101")
    lab.until(lambda: lab.explained(phone, f"{OWN}2d0a:101") == "lookup", "it is still explained")
    lab.holds(lambda: lab.blocks() == both, "and nothing more is blocked")
