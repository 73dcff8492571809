"""`leash notify` gives what happens to programs in a folder and to the alerts of the settings: bounded in time, rate
and number; a program that others may change is none. Where alerts go is in no argument, answer or log."""

import json
import os
import subprocess
import time

import lab as kit

LIMIT = 60
SECRET = "s3cr3t-topic"
ALERTS = f"""config alert
	option via 'webhook'
	option to 'https://example.org/{SECRET}'
config alert
	option via 'ntfy'
	option to '{SECRET}'
	list kinds 'report'
config alert
	option via 'telegram'
	option to '{SECRET}'
config alert
	option via 'mail'
"""


def story(lab):
    bulb, tv = lab.devices
    hooks, told = f"{lab.folder}/notify.d", f"{lab.folder}/told"
    os.makedirs(hooks)

    def hook(name, text, mode=0o755):
        with open(f"{hooks}/{name}", "w") as file:
            file.write("#!/bin/sh\n" + text)
        os.chmod(f"{hooks}/{name}", mode)

    hook("10-tell", f'read -r line; echo "$line" >>{told}\n')
    hook("20-fails", "exit 3\n")
    hook("30-others-may-change-it", f"echo no >>{told}.no\n", 0o777)
    hook("40-no-program", f"echo no >>{told}.no\n", 0o644)
    hook("README", "text", 0o644)
    for i in range(8):
        hook(f"9{i}-many", f"echo {i} >>{told}.many\n")
    posted, shipped = f"{lab.folder}/posted", f"{lab.folder}/shipped"
    os.makedirs(shipped)
    for way in ("webhook", "ntfy"):
        with open(f"{shipped}/{way}", "w") as file:
            file.write(f'#!/bin/sh\nread -r line\necho "{way} $LEASH_TO $line" >>{posted}\n[ ! -e {posted}.fails ]\n')
        os.chmod(f"{shipped}/{way}", 0o755)
    with open(f"{lab.folder}/leash-alerts", "w") as file:
        file.write(ALERTS)
    call = [kit.LEASH, "--socket", f"{lab.folder}/run/socket", "notify", "--folder", hooks]
    call += ["--alerts", f"{lab.folder}/leash-alerts", "--shipped", shipped]
    test = subprocess.run([*call, "--test"], capture_output=True, text=True, timeout=30)
    assert test.returncode == 1 and "20-fails: it failed" in test.stdout and "10-tell: done" in test.stdout, test
    assert json.loads(open(told).read())["test"] is True and not os.path.exists(f"{told}.no")
    assert sorted(open(f"{told}.many").read().split()) == list("012345"), "the first eight programs"
    os.unlink(told)
    # Alerts are tried whatever they are for.
    for line in ("alert 1 (webhook): done", "alert 2 (ntfy): done", "alert 3 is not sent: option via is none of"):
        assert line in test.stdout, test
    assert SECRET not in test.stdout + test.stderr, test
    assert sorted(line.split()[:2] for line in open(posted)) == [
        ["ntfy", SECRET],
        ["webhook", f"https://example.org/{SECRET}"],
    ]
    os.unlink(posted)
    with open(f"{lab.folder}/notify.out", "w") as out:
        lab.children["notify"] = subprocess.Popen(call, stderr=out)
    time.sleep(0.3)
    # It waits for a leash that is not there yet.
    lab.start("list block_on direct-ip\noption default_mode guard")
    lines = lambda: [json.loads(line) for line in open(told)] if os.path.exists(told) else []
    for i in range(8):
        os.unlink(f"{hooks}/9{i}-many")
    time.sleep(5)
    bulb.lookup("nobody.example")
    bulb.reaches("45.10.9.9")
    blocks = lambda: [line for line in lines() if line["kind"] == "block"]
    lab.until(blocks, "it is told", 8)
    assert blocks()[0]["address"] == "45.10.9.9" and blocks()[0]["device"] == bulb.mac
    sent = lambda: [line.split(" ", 2) for line in open(posted)] if os.path.exists(posted) else []
    lab.until(lambda: any(json.loads(line)["kind"] == "block" for _, _, line in sent()), "it is posted", 5)
    assert {(way, to) for way, to, _ in sent()} == {("webhook", f"https://example.org/{SECRET}")}, sent()
    # Doctor knows what is not called, and what fails.
    said = lambda: "\n".join(c["message"] for c in lab.leash("doctor")["complaints"])
    lab.until(lambda: "20-fails: it failed: exit status: 3" in said(), "doctor hears of what failed", 5)
    assert "40-no-program is not called: it may not be executed" in said(), said()
    assert "30-others-may-change-it is not called: others" in said() and "README" not in said(), said()
    assert "alert 3 is not sent: option via is none of ntfy, mail, mqtt, webhook" in said(), said()
    assert "alert 4 (mail) is not sent: it has no option to" in said(), said()
    assert "alert 1" not in said(), said()
    open(f"{posted}.fails", "w").close()
    bulb.reaches("45.10.9.8")
    lab.until(lambda: "alert 1 (webhook): it failed: exit status: 1" in said(), "doctor hears of the alert", 8)
    os.unlink(f"{posted}.fails")
    # A secret stays one.
    answers = [str(lab.leash(method)) for method in ("status", "doctor", "history", "detectors")]
    written = [open(f"{lab.folder}/{name}").read() for name in ("leash.out", "notify.out", "run/alerts")]
    arguments = subprocess.run(["ps", "-e", "-o", "args"], capture_output=True, text=True).stdout
    assert not any(SECRET in text for text in (*answers, *written, arguments)), "it is told"
    # A flood is cut, and a program that hangs is ended, with what it started.
    before = len(lines())
    for i in range(40):
        lab.leash("mode", tv.mac, ("guard", "observe")[i % 2])
    lab.until(lambda: len(lines()) > before, "some are told")
    lab.holds(lambda: len(lines()) <= 12, "but not all", 2)
    hook("05-hangs", "sleep 77 & sleep 77\n")
    begin = time.monotonic()
    test = subprocess.run([*call, "--test"], capture_output=True, text=True, timeout=30)
    assert "05-hangs: it took longer than 10 s" in test.stdout and 9 < time.monotonic() - begin < 14, test
    assert subprocess.run(["pgrep", "-f", "^sleep 77$"], capture_output=True).returncode == 1, "nothing is left"
