"""Users without rights hold as many connections as they get: root's order is taken still."""

import hostile


def story(lab):
    _, tv = lab.devices
    hostile.ready(lab)
    hold = "all = []\nfor _ in range(64):\n try: all.append(caller())\n except OSError: break\n"
    hold += "print(len(all), flush=True)\ntime.sleep(30)"
    assert int(hostile.nobody(lab, hold).stdout.readline())
    lab.leash("block", tv.mac, "45.10.3.3")
    lab.until(lambda: not tv.reaches("45.10.3.3", wait=0.3), "the order is in force")
