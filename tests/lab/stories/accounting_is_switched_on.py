"""conntrack does not count bytes: leash sets that at its start, and when it is taken away doctor says what mends it."""


def story(lab):
    bulb, _ = lab.devices
    lab.names(bulb="45.10.1.1")
    lab.router.run("sysctl -qw net.netfilter.nf_conntrack_acct=0")
    lab.start()
    assert lab.router.run("sysctl -n net.netfilter.nf_conntrack_acct").strip() == "1"
    assert lab.leash("doctor")["complaints"] == [], lab.leash("doctor")
    lab.router.run("sysctl -qw net.netfilter.nf_conntrack_acct=0")
    lab.until(lambda: "nf_conntrack_acct=1" in str(lab.leash("doctor")), "doctor says what mends it")
