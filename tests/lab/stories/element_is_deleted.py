"""Another program deletes one block out of leash's set: it comes back, or people are told that it is not in force."""

import hostile


def story(lab):
    _, tv = lab.devices
    hostile.ready(lab)
    lab.leash("block", tv.mac, "45.10.3.3")
    lab.until(lambda: hostile.in_kernel(lab, "45.10.3.3"), "it is in force")
    lab.router.run(f"nft delete element inet leash null4 {{ {tv.mac} . 45.10.3.3 }}")
    lab.until(
        lambda: hostile.in_kernel(lab, "45.10.3.3") or lab.leash("doctor")["complaints"],
        "it is back, or doctor says that it is not",
        15,
    )
