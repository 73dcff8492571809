"""A storm of flows runs over the kernel's queue; right afterwards the view equals a fresh dump."""

import signal
import socket


def story(lab):
    bulb, tv = lab.devices
    lab.start()
    bulb.lookup("nobody.example")
    leash = lab.children["leash"]
    leash.send_signal(signal.SIGSTOP)  # the slowest reader there is
    flood(bulb, 60_000)
    leash.send_signal(signal.SIGCONT)
    lab.until(lambda: lab.leash("status")["health"]["flows"]["overflows"] > 0, "the queue ran over", 20)
    with tv.socket("45.10.1.77", 443):
        lab.until(lambda: lab.contact(tv, "45.10.1.77"), "leash sees what comes afterwards", 20)
    lab.router.run("conntrack -D -p udp")
    live = lambda: lab.leash("status")["flows"]
    lab.until(lambda: live() <= int(lab.router.run("conntrack -C")) + 3, "what is gone is gone in the view", 20)
    assert "ran over" in str(lab.leash("doctor"))


def flood(device, flows):
    """One datagram each from ever new ports to ever new addresses."""
    with device.ns:
        senders = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(4)]
    for number in range(flows):
        port = 10_000 + number % 50_000
        senders[number % 4].sendto(b"x", (f"45.10.{100 + number // 50_000}.1", port))
    for sender in senders:
        sender.close()
