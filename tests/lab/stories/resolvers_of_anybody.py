"""A file that anybody may make in /tmp names no resolver of the router: a block stays. leash sees a /tmp of its own
here."""

import os

import hostile


def story(lab):
    bulb, _ = lab.devices
    hostile.ready(lab, wrap=hostile.own_tmp(lab))
    bulb.reaches("45.10.66.66")
    lab.until(lambda: lab.blocks() == [(101, "45.10.66.66")], "it is blocked")
    path = hostile.in_own_tmp(lab, "resolv.conf.auto")
    with open(path, "w") as file:
        file.write("nameserver 45.10.66.66\nnameserver 45.10.66.67\n")
    os.chown(path, 65534, 65534)
    lab.holds(
        lambda: lab.blocks() == [(101, "45.10.66.66")],
        "the block is gone, for a file of nobody's calls its address a resolver",
        12,
    )
