"""ubusd ends and comes back: leash goes on, and is back on the bus within a second or two; it may also come late."""

import time


def story(lab):
    bulb, tv = lab.devices
    lab.ubusd()
    lab.start("list block_on direct-ip\noption default_mode guard")
    lab.until(lambda: lab.call("status")[0] == 0, "it is on the bus")
    bulb.lookup("nobody.example")
    bulb.reaches("45.10.9.9")
    lab.until(lambda: lab.blocks() == [(101, "45.10.9.9")], "it is blocked")
    since = lab.leash("blocks")["blocks"][0]["since"]
    for _ in range(2):
        lab.stop("ubusd")
        tv.lookup("nobody.example")
        tv.reaches("45.10.8.8")
        lab.until(lambda: (102, "45.10.8.8") in lab.blocks(), "it works on meanwhile")
        assert not lab.leash("status")["health"]["ubus"]["published"]
        assert "ubus" in str(lab.leash("doctor"))
        time.sleep(1.2)
        lab.ubusd()
        begin = time.monotonic()
        lab.until(lambda: lab.call("status")[0] == 0, "it is back", 3)
        assert time.monotonic() - begin < 2.5
    assert lab.call("blocks")[1]["blocks"][0]["since"] == since, "nothing is lost"
    assert lab.call("status")[1]["health"]["ubus"]["losses"] == 2
    assert "ubus" not in str(lab.leash("doctor"))
