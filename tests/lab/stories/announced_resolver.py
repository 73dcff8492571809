"""The router tells devices to ask a second resolver in their own network, or one over TLS: what it answers passes by
the router, so doctor says so, and how to mend it. A resolver that is seen to answer is no trouble."""


def story(lab):
    bulb, pihole = lab.devices
    lab.router_settings(dhcp="config dhcp 'lan'\n\tlist dhcp_option '6,192.168.77.1,45.10.53.53'\n")
    lab.start()
    assert lab.leash("doctor")["complaints"] == [], lab.leash("doctor")
    lab.router_settings(dhcp=f"config dhcp 'lan'\n\tlist dhcp_option '6,192.168.77.1,{pihole.ip}'\n")
    complaints = lambda: lab.leash("doctor")["complaints"]
    lab.until(complaints, "doctor says something", 15)
    assert f"to ask {pihole.ip}, whose answers do not pass" in complaints()[0]["message"], complaints()
    assert f"server={pihole.ip};" in complaints()[0]["remedy"]["message"], complaints()
    dnr = "config dhcp 'lan'\n\toption ra 'server'\n\tlist dnr '1 home.example 192.168.77.1 alpn=dot'\n"
    lab.router_settings(dhcp=dnr)
    lab.until(lambda: "192.168.77.1 over TLS" in str(complaints()), "so is one who is asked in secret", 15)
    lab.router_settings(dhcp="config dhcp 'lan'\n")
    lab.until(lambda: "over TLS" not in str(complaints()), "and what is told no more is forgotten", 15)
