"""A real `ssh -R` tunnel with real customers is found and cut off; a call and a camera that are as busy are not."""

import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "relay"))
HOUSE = {"devices": 3, "echo": [123, 7000, 8883]}
LIMIT = 420
MASTER, SOCKS = "45.10.200.1", 30_000


def story(lab):
    import cast as players

    box, phone, camera = lab.devices
    cast = players.Cast(lab)
    try:
        hosts = [f"45.10.{n}.{n + 7}" for n in range(1, 7)]
        for n in range(1, 7):
            lab.internet.names[f"shop{n}.example"] = [f"45.10.{n + 20}.5"]
            hosts.append(f"shop{n}.example")
        lab.internet.names["cloud.example"], lab.internet.names["home.example"] = ["45.10.90.1"], ["45.10.91.1"]
        cast.master(1, 443, 2222, ms=40, address=MASTER)
        cast.relays.append(
            {
                "socks": SOCKS,
                "rate": 20,
                "hosts": hosts,
                "programs": ["curl", "curl-tls12", "curl-gcm", "curl-no-alpn", "python"],
                "uploads": 0.1,
                "long": 0.1,
                "seed": 1,
                "begins": 2,
            }
        )
        cast.internet()
        lab.start("option default_mode guard")
        if not any(detector["name"] == "relay" for detector in lab.leash("detectors")["detectors"]):
            return print("skipped: there is no detector called relay")
        heartbeat = ["heartbeat", {"host": "home.example", "every": 10}]
        cast.device(box, [heartbeat, ["tunnel", {"master": MASTER, "port": 443, "remote": SOCKS}]], seed=1)
        cast.device(
            phone,
            [
                heartbeat,
                *[
                    [
                        "datagrams",
                        {
                            "address": f"45.10.95.{n}",
                            "port": 40_001,
                            "every": 0.01,
                            "size": 800,
                            "count": 1,
                            "back": 800,
                            "stun": True,
                        },
                    ]
                    for n in (1, 2)
                ],
            ],
            seed=2,
        )
        cast.device(camera, [heartbeat, ["upload", {"host": "cloud.example", "rate": 10}]], seed=3)
        cast.strangers(365)
        found = lab.until(
            lambda: [
                f
                for f in lab.leash("findings", box.mac)["findings"]
                if f["detector"] == "relay" and f["strength"] != "weak"
            ],
            "the relay is found",
            355,
        )
        assert {f["address"] for f in found} == {MASTER}, found
        lab.until(lambda: (box.number, MASTER) in lab.blocks(), "its master is blocked", 3)
        ask = [
            "curl",
            "-s",
            "-o",
            "/dev/null",
            "--max-time",
            "2",
            "-x",
            f"socks5h://127.0.0.1:{SOCKS}",
            "http://45.10.1.8/10",
        ]
        with lab.inet_ns:
            assert subprocess.run(ask).returncode, "the tunnel still works"
        busy = {device["mac"]: device for device in lab.leash("devices")["devices"]}
        for other in (phone, camera):
            assert busy[other.mac]["sent_bytes"] > 4_000_000, busy[other.mac]
            said = [
                f
                for f in lab.leash("findings", other.mac)["findings"]
                if f["detector"] == "relay" and f["strength"] != "weak"
            ]
            assert not said and not [b for b in lab.blocks() if b[0] == other.number], (said, lab.blocks())
    finally:
        cast.close()
