"""Time by address is shown and never blocked: not by a detector, not in local, not by a pin."""


def story(lab):
    bulb, _ = lab.devices
    lab.start("list block_on direct-ip\noption default_mode guard")
    bulb.lookup("nobody.example")
    for address in ["45.10.4.4", "2a0f:9999::4"]:
        assert bulb.reaches(address, 123, udp=True)
        contact = lab.until(lambda: lab.contact(bulb, address, 123), "the contact is seen")
        assert contact["service"] == "ntp" and contact["verdict"] == "allow", contact
    # The same address on another port is blocked, and time still passes.
    assert bulb.reaches("45.10.4.4", 443)
    lab.until(lambda: lab.blocks() == [(101, "45.10.4.4")], "the address is blocked")
    assert not bulb.reaches("45.10.4.4", 443) and bulb.reaches("45.10.4.4", 123, udp=True)
    lab.leash("mode", bulb.mac, "local")
    lab.until(lambda: not bulb.reaches("45.10.5.5", wait=0.3), "the Internet is gone")
    assert bulb.reaches("45.10.4.4", 123, udp=True) and bulb.reaches("2a0f:9999::4", 123, udp=True)
