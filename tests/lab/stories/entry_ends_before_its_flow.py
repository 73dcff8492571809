"""conntrack forgets the entry of a flow that goes on, as it does of offloaded flows on kernel 6.18: that is one flow
and not two, with all its bytes."""


def story(lab):
    bulb, _ = lab.devices
    lab.names(bulb="45.10.1.1")
    lab.start()
    assert bulb.lookup("bulb.example")
    contact = lambda: lab.contact(bulb, "45.10.1.1")
    with bulb.socket("45.10.1.1", 443) as s:
        for _ in range(3):
            s.sendall(b"x" * 1000)
            assert s.recv(2000)
            lab.until(contact, "the flow is seen")
            lab.router.run("conntrack -D -p tcp -d 45.10.1.1")
        s.sendall(b"x" * 1000)
        assert s.recv(2000)
        lab.until(lambda: contact()["sent_bytes"] >= 3000, "the bytes of the entries before count", 10)
    assert contact()["flows"] == 1, contact()
    assert not any("resets" in c["message"] for c in lab.leash("doctor")["complaints"]), lab.leash("doctor")
