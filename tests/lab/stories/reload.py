"""Other settings are taken with SIGHUP or `leash reload`, without losing live blocks; wrong ones are said."""

import signal


def story(lab):
    bulb, tv = lab.devices
    settings = "list block_on direct-ip\noption default_mode guard"
    lab.start(settings)
    bulb.lookup("nobody.example")
    bulb.reaches("45.10.9.9")
    lab.until(lambda: lab.blocks() == [(101, "45.10.9.9")], "it is blocked")
    since = lab.leash("blocks")["blocks"][0]["since"]
    lab.configure(
        settings + f"\nconfig device\n option mac {tv.mac}\n option name telly\n option mode local\n"
        "config pin\n option address 45.10.3.3\n option verdict block"
    )
    lab.children["leash"].send_signal(signal.SIGHUP)
    lab.until(lambda: not tv.reaches("45.10.1.1", wait=0.3), "the television is local now")
    lab.until(lambda: not bulb.reaches("45.10.3.3", wait=0.3), "the pin holds")
    assert lab.leash("blocks")["blocks"][-1]["since"] == since or since in [
        b["since"] for b in lab.leash("blocks")["blocks"]
    ]
    assert lab.leash("device", "telly")["device"]["mac"] == tv.mac
    lab.configure("option nonsense\noption default_mode fierce")
    lab.leash("reload")
    lab.until(lambda: tv.reaches("45.10.1.1", wait=0.3), "the defaults hold")
    assert lab.blocks() == [], "guard is gone, so its blocks are"
    assert "fierce" in open(f"{lab.folder}/leash.out").read()
    # Another kind of refusal: silence.
    lab.configure(settings + "\noption reject 0\noption mark 0x10000000")
    lab.leash("reload")
    lab.until(lambda: "0x10000000" in lab.router.run("nft list table inet leash"), "the new bit is used")
