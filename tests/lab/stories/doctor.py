"""Doctor is silent when all is well, and has a sentence and a remedy for each way to be blind."""

import os


def story(lab):
    bulb, _ = lab.devices
    lab.start()
    bulb.lookup("nobody.example")
    assert lab.leash("doctor")["complaints"] == [], lab.leash("doctor")

    def complains(of, severity):
        all_ = lab.leash("doctor")["complaints"]
        found = [c for c in all_ if of in c["message"]]
        assert found and found[0]["remedy"]["message"] and found[0]["severity"] == severity, (of, all_)
        assert all(part["message"] == english(part) for part in (found[0], found[0]["remedy"])), found

    # What of the settings does not hold, and what of a list.
    with open(f"{lab.folder}/config", "a") as settings:
        settings.write("\n\toption grace 2y\n")
    lab.leash("reload")
    complains("does not hold: line", "warning")
    lab.router.run("sysctl -qw net.netfilter.nf_conntrack_acct=0")
    complains("does not count", "error")
    lab.router.run("sysctl -qw net.netfilter.nf_conntrack_acct=1 net.netfilter.nf_conntrack_events=2")
    complains("only flows that begin", "warning")
    lab.router.run("sysctl -qw net.netfilter.nf_conntrack_events=1")
    lab.stop("dnsmasq")
    complains("no resolver answers", "warning")
    os.rename(lab.log_path, lab.log_path + ".gone")
    lab.dnsmasq()
    os.unlink(lab.log_path)
    lab.leash("reload")
    lab.leash("off")
    complains("switched off", "warning")
    lab.leash("on")
    with bulb.socket("45.10.1.1", 443) as s:
        s.sendall(b"x" * 1000)
        lab.until(lambda: lab.contact(bulb, "45.10.1.1"), "the flow is seen")
    # Without rights nothing works, and doctor says why.
    lab.stop("leash")
    lab.start(wrap=["setpriv", "--bounding-set=-net_admin", "--inh-caps=-net_admin"], wait=False)
    lab.until(lambda: os.path.exists(f"{lab.folder}/run/socket"), "it runs nevertheless")
    lab.until(lambda: answers(lab), "it answers")
    complains("nothing can be blocked", "error")
    complains("no flow can be seen", "error")


def english(sentence):
    """What its form and values make, as the page would put them together."""
    values = (english(value) if isinstance(value, dict) else value for value in sentence["values"])
    return sentence["form"] % tuple(values)


def answers(lab):
    try:
        return lab.leash("status")
    except RuntimeError:
        return None
