"""A second network uses the Internet through the router, and the settings do not list it: doctor names it with the
command that adds it, since what is not watched looks calm. After that command it is watched."""

from lab import echoes


def story(lab):
    bulb, _ = lab.devices
    thing = lab.second_network()
    try:
        lab.start("list block_on direct-ip\noption default_mode guard\nlist interface br-lan")
        assert bulb.reaches("45.10.1.1") and lab.leash("doctor")["complaints"] == [], lab.leash("doctor")
        reach(thing, "45.10.9.9")
        lab.until(lambda: lab.leash("status")["health"]["lan"]["left_out"] == ["br-iot"], "it is noticed")
        complaint = lab.leash("doctor")["complaints"][0]
        assert complaint["message"].startswith("devices at br-iot use the Internet"), complaint
        assert complaint["remedy"]["message"].startswith("uci add_list leash.main.interface=br-iot; uci commit"), (
            complaint
        )
        lab.configure("list interface br-lan\nlist interface br-iot")
        lab.leash("reload")
        reach(thing, "45.10.9.8")
        lab.until(lambda: "02:00:00:00:09:09" in str(lab.leash("devices")), "its device is seen")
        assert lab.leash("doctor")["complaints"] == [], lab.leash("doctor")
    finally:
        thing.close()


def reach(ns, address):
    import socket

    with ns:
        s = socket.socket()
    with s:
        s.settimeout(2)
        s.connect((address, 443))
        assert echoes(s)
