"""Port 53 is redirected to a resolver at another port of the router, first for IPv4 alone and then for both families:
what it answers is seen, and known to be the answer of the resolver that the device asked."""

import subprocess

import lab as kit
from lab import ROUTER6, only_the_hardcoded, other_dnsmasq

FOREIGN = "45.10.88.88"


def redirect(lab, family):
    lab.router.run(
        "nft -f -",
        f"""table {family} hijack {{
    chain prerouting {{ type nat hook prerouting priority dstnat;
        iifname "br-lan" meta l4proto {{ tcp, udp }} th dport 53 redirect to :5335
    }}
}}
""",
    )


def story(lab):
    bulb, _ = lab.devices
    lab.names(one="45.10.1.1", two="45.10.1.2", three="45.10.1.3", six="2a0f:9999::6", seven="2a0f:9999::7")
    other_dnsmasq(lab, 5335)
    redirect(lab, "ip")
    lab.until(lambda: bulb.lookup("nobody.example", wait=0.2) is not None, "the other resolver answers")
    lab.start("list block_on direct-ip\noption default_mode guard")
    record = subprocess.Popen(
        [kit.LEASH, "--socket", f"{lab.folder}/run/socket", "record"], stdout=subprocess.PIPE, text=True
    )
    record.stdout.readline()

    def seen(name, address, **how):
        assert bulb.lookup(name, kind=28 if ":" in address else 1, **how) == [address] and bulb.reaches(address)
        lab.until(lambda: lab.explained(bulb, address) == "lookup", f"the lookup of {address} is seen")

    seen("six.example", "2a0f:9999::6", server=ROUTER6)
    seen("one.example", "45.10.1.1")
    seen("two.example", "45.10.1.2", server=FOREIGN)
    seen("three.example", "45.10.1.3", server=FOREIGN, tcp=True)
    lab.router.run("nft delete table ip hijack")
    redirect(lab, "inet")
    seen("seven.example", "2a0f:9999::7", server="2a0f:9999::53")
    only_the_hardcoded(lab, bulb)
    only = lab.leash("status")["health"]["answers"]
    assert only["lost"] == only["overflows"] == 0, only
    lab.stop("leash")
    lookups = [line.split() for line in record.stdout.readlines() if " looked " in line]
    record.wait(5), record.stdout.close()
    servers = {words[5]: words[3] for words in lookups}
    assert servers["two.example"] == servers["three.example"] == FOREIGN, servers
    assert servers["one.example"] == kit.ROUTER4 and servers["seven.example"] == "2a0f:9999::53", servers
