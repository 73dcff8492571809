"""What a long flow carries is known while it lives, soon after somebody looks, and exactly when it ends."""


def story(lab):
    bulb, _ = lab.devices
    lab.start()
    with bulb.socket("45.10.1.1", 443) as s:
        for _ in range(20):
            s.sendall(b"x" * 1000)
            s.recv(65535)
        live = lab.until(
            lambda: (lab.contact(bulb, "45.10.1.1") or {}).get("sent_bytes", 0), "it is counted while it lives", 8
        )
        assert live >= 20_000, live
        for _ in range(20):
            s.sendall(b"x" * 1000)
            s.recv(65535)
    lab.router.run("conntrack -D -p tcp --orig-dst 45.10.1.1")
    lab.until(lambda: lab.contact(bulb, "45.10.1.1")["sent_bytes"] > 40_000, "and when it ends")
    contact = lab.contact(bulb, "45.10.1.1")
    assert 40_000 < contact["sent_bytes"] < 46_000 and 40_000 < contact["received_bytes"] < 46_000, contact
