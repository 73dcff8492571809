"""On an access point the gateway is another machine of the LAN: doctor says so, and where leash belongs. A side router,
to which devices send what goes out although it has a gateway on the same bridge, is watched as usual."""


def story(lab):
    bulb, gateway = lab.devices
    lab.router.run(f"ip route replace default via {gateway.ip}")
    lab.start("list interface br-lan")
    complaints = lab.leash("doctor")["complaints"]
    assert complaints[0]["severity"] == "error" and "not the gateway" in complaints[0]["message"], complaints
    assert gateway.ip in complaints[0]["remedy"]["message"] and len(complaints) == 1, complaints
    assert "it sees answers to lookups" in complaints[0]["message"], complaints
    gateway.ns.run("sysctl -qw net.ipv4.ip_forward=1")
    bulb.reaches("45.10.1.1", wait=0.3)
    lab.until(lambda: lab.contact(bulb, "45.10.1.1"), "a flow crosses it")
    assert "gateway" not in str(lab.leash("doctor")), lab.leash("doctor")
