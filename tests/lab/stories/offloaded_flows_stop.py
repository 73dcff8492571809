"""With a flow table packets pass by the rules, so a block takes the entries away: offloaded flows stop in both
directions.

Where the kernel has no flow tables (nft_flow_offload) only the marking of running_flows_stop can be told."""

import socket
import time

from lab import echoes, receives

RULES = """
table inet fw4 {
    flowtable ft { hook ingress priority 0; devices = { d101, d102, wan }; counter; }
}
insert rule inet fw4 forward meta l4proto { tcp, udp } flow offload @ft
"""


def story(lab):
    bulb, _ = lab.devices
    lab.start("option reject 0")
    try:
        lab.router.run("nft -f -", RULES)
    except RuntimeError as error:
        return print(f"not told, this kernel has no flow tables: {error}")
    lab.until(lambda: lab.leash("status")["health"]["table"]["offload"], "the flow table is noticed")
    assert "offload is on" in str(lab.leash("doctor"))
    for address in ["45.10.1.1", "2a0f:9999::1"]:
        with bulb.socket(address, 443, wait=1) as tcp, bulb.socket(address, 8883, socket.SOCK_DGRAM, wait=1) as down:
            for _ in range(5):
                assert echoes(tcp)
            down.send(b"stream 3000")
            assert down.recv(1000) and down.recv(1000)
            time.sleep(0.5)
            table = lab.router.run("conntrack -L -f " + ("ipv6" if ":" in address else "ipv4"))
            assert sum("OFFLOAD" in line and f"dst={address}" in line for line in table.splitlines()) == 2, table
            lab.until(lambda: lab.contact(bulb, address, 8883), "the flows are judged")
            lab.leash("block", bulb.mac, address)
            time.sleep(0.2)
            down.setblocking(False)
            while receives(down):
                pass
            down.settimeout(1)
            assert not receives(down), f"{address}: datagrams still come in"
            assert not echoes(tcp), f"{address}: it still echoes"
            lab.leash("unpin", bulb.mac, address)
            down.send(b"stream 100")
            lab.until(lambda: receives(down), "UDP goes on after the block")
