"""Where the kernel has no bridge family in nftables, doctor says what the package for it would bring: with a resolver
on the same bridge, and on an access point. Where it has one, doctor says what is seen there."""

import os
import pathlib
import shutil

# What nft says of a kernel without the module, of the table of that family alone.
NFT = """#!/bin/sh
[ "$*" = "-f -" ] || exec {nft} "$@"
rules=$(cat)
case $rules in *"table bridge"*) echo "Error: Could not process rule: Not supported" >&2; exit 1 ;; esac
echo "$rules" | {nft} -f -
"""


def story(lab):
    bulb, pihole = lab.devices
    folder = pathlib.Path(lab.folder, "bin")
    folder.mkdir()
    (folder / "nft").write_text(NFT.format(nft=shutil.which("nft")))
    (folder / "nft").chmod(0o755)
    lab.router_settings(dhcp=f"config dhcp 'lan'\n\tlist dhcp_option '6,192.168.77.1,{pihole.ip}'\n")
    lab.start(env={"PATH": f"{folder}:{os.environ['PATH']}"})
    complaints = lambda: lab.leash("doctor")["complaints"]
    found = lab.until(complaints, "doctor says something", 15)
    assert len(found) == 1 and f"to ask {pihole.ip}, whose answers do not pass" in found[0]["message"], found
    assert found[0]["remedy"]["message"].endswith(
        "; or install kmod-nft-bridge, so that leash sees what crosses a bridge"
    ), found
    lab.router.run(f"ip route replace default via {pihole.ip}")
    found = lab.until(lambda: [c for c in complaints() if "not the gateway" in c["message"]], "an access point")
    assert "flows" not in found[0]["message"], found
    assert found[0]["remedy"]["message"].endswith(
        "; or install kmod-nft-bridge, so that here, too, lookups that cross the bridge are seen, and blocks hold"
    ), found
    lab.stop("leash")
    lab.start()
    lab.until(lambda: len(complaints()) == 2, "the same with the module", 15)
    assert "it sees answers to lookups, and blocks hold, but no flows" in str(complaints()), complaints()
    assert "kmod-nft-bridge" not in str(complaints()), complaints()
