"""Running TCP, UDP and one-way UDP flows stop in both directions, IPv4 and IPv6, and unblock lets them go on."""

import socket
import time

from lab import echoes, receives


def story(lab):
    bulb, _ = lab.devices
    lab.start("option reject 0")
    for address in ["45.10.1.1", "2a0f:9999::1"]:
        with (
            bulb.socket(address, 443, wait=0.4) as tcp,
            bulb.socket(address, 7000, socket.SOCK_DGRAM, wait=0.4) as udp,
            bulb.socket(address, 8883, socket.SOCK_DGRAM, wait=0.4) as down,
        ):
            assert echoes(tcp) and echoes(udp)
            down.send(b"stream 2000")  # 20 s of datagrams without a question
            assert down.recv(1000)
            lab.until(
                lambda: len([c for c in contacts(lab, bulb) if c["address"] == address]) == 3, "all three are seen"
            )
            lab.leash("block", bulb.mac, address)
            drain(down)
            assert silent(down), f"{address}: datagrams still come in"
            assert not echoes(tcp) and not echoes(udp), address
            lab.leash("unpin", bulb.mac, address)
            lab.until(lambda: echoes(udp), "UDP goes on")
            lab.until(lambda: receives(down), "datagrams come again")
            lab.until(lambda: echoes(tcp), "TCP goes on", 10)


def contacts(lab, device):
    return lab.leash("device", device.mac)["device"]["contacts"]


def drain(s):
    """What was in the queue before the block."""
    time.sleep(0.1)
    s.setblocking(False)
    while receives(s):
        pass
    s.settimeout(0.4)


def silent(s):
    return receives(s) is None
