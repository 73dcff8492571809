"""Without a `list interface`, leash watches every network that the router's own settings let into the Internet, takes
up one that is added later, and says of a tunnel that those behind it cannot be told apart."""

from stories import network_left_out

NETWORK = """
config interface 'lan'
	option device 'br-lan'
config interface 'iot'
	option device 'br-iot'
"""
FIREWALL = """
config zone
	option name 'lan'
	list network 'lan'
config zone
	option name 'iot'
	list network 'iot'
	list network 'home'
config zone
	option name 'wan'
	option masq '1'
config forwarding
	option src 'lan'
	option dest 'wan'
"""
FORWARDING = """
config forwarding
	option src 'iot'
	option dest 'wan'
"""


def story(lab):
    thing = lab.second_network()
    try:
        lab.router_settings(network=NETWORK, firewall=FIREWALL)
        lab.start()
        lan = lambda: lab.leash("status")["health"]["lan"]
        assert lan() == {"interfaces": ["br-lan"], "left_out": []}, lan()
        lab.router_settings(firewall=FIREWALL + FORWARDING)
        lab.until(lambda: lan()["interfaces"] == ["br-lan", "br-iot"], "the new network is taken up", 15)
        network_left_out.reach(thing, "45.10.1.1")
        lab.until(lambda: "02:00:00:00:09:09" in str(lab.leash("devices")), "its device is seen")
        assert lab.leash("doctor")["complaints"] == [], lab.leash("doctor")
        lab.router.run("ip tuntap add dev home mode tun")
        wireguard = "config interface 'home'\n option proto 'wireguard'\n"
        lab.router_settings(network=NETWORK + wireguard)
        lab.until(lambda: lab.leash("doctor")["complaints"], "doctor says something", 15)
        said = lab.leash("doctor")["complaints"][0]
        assert "come in by home" in said["message"] and "zone of home" in said["remedy"]["message"], said
        assert lan() == {"interfaces": ["br-lan", "br-iot"], "left_out": []}, lan()
    finally:
        thing.close()
