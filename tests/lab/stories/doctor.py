"""Doctor says nothing when all is well, and each way to be blind in a sentence with what mends it."""

import os


def story(lab):
    bulb, _ = lab.devices
    lab.start()
    bulb.lookup("nobody.example")
    assert lab.leash("doctor")["complaints"] == [], lab.leash("doctor")

    def complains(of, grave=None):
        all_ = lab.leash("doctor")["complaints"]
        found = [c for c in all_ if of in c["says"]]
        assert found and found[0]["mend"] and grave in (None, found[0]["grave"]), (of, all_)

    lab.router.run("sysctl -qw net.netfilter.nf_conntrack_acct=0")
    complains("does not count", grave=True)
    lab.router.run("sysctl -qw net.netfilter.nf_conntrack_acct=1 net.netfilter.nf_conntrack_events=0")
    complains("only of flows that begin")
    lab.router.run("sysctl -qw net.netfilter.nf_conntrack_events=1")
    lab.stop("dnsmasq")
    complains("no resolver answers")
    os.rename(lab.log_path, lab.log_path + ".gone")
    lab.dnsmasq()
    os.unlink(lab.log_path)
    lab.leash("reload")
    lab.leash("off")
    complains("switched off")
    lab.leash("on")
    with bulb.socket("45.10.1.1", 443) as s:
        s.sendall(b"x" * 1000)
        lab.until(lambda: lab.contact(bulb, "45.10.1.1"), "the flow is seen")
    # Without rights nothing works, and doctor says why.
    lab.stop("leash")
    lab.start(wrap=["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"], wait=False)
    lab.until(lambda: os.path.exists(f"{lab.folder}/run/socket"), "it runs nevertheless")
    lab.until(lambda: answers(lab), "it answers")
    complains("nothing can be blocked", grave=True)
    complains("no flow can be seen", grave=True)


def answers(lab):
    try:
        return lab.leash("status")
    except RuntimeError:
        return None
