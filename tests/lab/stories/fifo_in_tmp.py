"""A FIFO that anybody may make in /tmp keeps leash from nothing. leash sees a /tmp of its own here."""

import os
import time

import hostile


def story(lab):
    bulb, _ = lab.devices
    hostile.ready(lab, wrap=hostile.own_tmp(lab))
    path = hostile.in_own_tmp(lab, "resolv.conf.auto")
    os.mkfifo(path, 0o666)
    time.sleep(11)
    bulb.reaches("45.10.66.66", wait=0.2)
    lab.until(lambda: hostile.in_kernel(lab, "45.10.66.66"), "leash works on", 4)
