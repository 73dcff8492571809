"""Killed with -9: the blocks hold meanwhile; after the restart nothing is lost and nothing doubled."""

import signal
import socket
import time

from lab import receives


def story(lab):
    bulb, tv = lab.devices
    lab.names(bulb="45.10.1.1", tv="45.10.1.2")
    settings = "list block_on direct-ip\noption default_mode guard"
    lab.start(settings)
    bulb.lookup("bulb.example")
    bulb.reaches("45.10.9.9")
    lab.until(lambda: lab.blocks() == [(101, "45.10.9.9")], "it is blocked")
    lab.leash("block", tv.mac, "45.10.3.3")
    lab.leash("mode", tv.mac, "observe")
    before = lab.leash("blocks")["blocks"]
    time.sleep(1.5)  # what was ordered is kept within a second
    lab.stop("leash", signal.SIGKILL)
    assert not bulb.reaches("45.10.9.9") and not tv.reaches("45.10.3.3"), "the blocks hold"
    lab.start(settings)
    after = lab.leash("blocks")["blocks"]
    still = [(b["device"], b["address"], b["reason"], b["since"], b.get("until")) for b in before]
    assert [(b["device"], b["address"], b["reason"], b["since"], b.get("until")) for b in after] == still, (
        before,
        after,
    )
    assert not bulb.reaches("45.10.9.9") and not tv.reaches("45.10.3.3")
    assert len(lab.leash("pins")["pins"]) == 1
    # What the bulb looked up before is not forgotten, so the old address is not called unexplained.
    assert bulb.reaches("45.10.1.1")
    lab.until(lambda: lab.explained(bulb, "45.10.1.1") == "lookup", "the names are remembered")
    # Killed at once after a block: the kernel remembers it.
    lab.leash("mode", tv.mac, "guard")
    time.sleep(1.2)
    bulb.reaches("45.10.9.10")
    lab.until(lambda: (101, "45.10.9.10") in lab.blocks(), "a second block")
    lab.stop("leash", signal.SIGKILL)
    lab.start(settings)
    assert (101, "45.10.9.10") in lab.blocks() and not bulb.reaches("45.10.9.10")
    # What an earlier life stopped and nobody wants stopped any longer goes on.
    with tv.socket("45.10.8.8", 7000, socket.SOCK_DGRAM, wait=0.4) as flow:
        flow.send(b"stream 2000")
        assert flow.recv(1000)
        lab.until(lambda: lab.contact(tv, "45.10.8.8"), "it is judged")
        lab.leash("block", tv.mac, "45.10.8.8", "--for", "1s")
        lab.stop("leash", signal.SIGKILL)
        time.sleep(1.2)
        lab.start(settings)
        lab.until(lambda: receives(flow), "datagrams come in again", 8)
    # Stopped in good order: all is open, and the next start brings it back.
    assert lab.stop("leash") == 0
    assert bulb.reaches("45.10.9.9") and "leash" not in lab.router.run("nft list tables")
    lab.start(settings)
    assert (101, "45.10.9.9") in lab.blocks() and not bulb.reaches("45.10.9.9")
    lab.stop("leash")
    lab.start(settings + "\noption on_stop keep")
    lab.stop("leash")
    assert not bulb.reaches("45.10.9.9"), "on_stop keep"
