"""Answers that the tap loses while leash does not read are counted, by the numbers that are missing."""

import signal
import struct

from lab import UPSTREAM


def story(lab):
    bulb, _ = lab.devices
    lab.start()
    lab.children["leash"].send_signal(signal.SIGSTOP)
    question = struct.pack(">6H", 1, 0x100, 1, 0, 0, 0) + b"\x06nobody\x07example\0" + struct.pack(">HH", 1, 1)
    with bulb.socket(UPSTREAM, 53, 2) as s:
        for _ in range(4_000):
            s.send(question)
            s.recv(1_000)
    lab.children["leash"].send_signal(signal.SIGCONT)

    def health(lookup=False):
        # The next packet shows by its number what is missing.
        assert not lookup or bulb.lookup("nobody.example", server=UPSTREAM) == []
        return lab.leash("status")["health"]["answers"]

    lab.until(lambda: health(lookup=True)["lost"] > 0, "it is noticed")
    before = health()
    assert before["overflows"] > 0 and before["lost"] + before["packets"] >= 4_000, before
    assert health(lookup=True)["lost"] == before["lost"], "and the tap goes on"
    lab.until(lambda: health()["packets"] > before["packets"], "and the tap goes on")
