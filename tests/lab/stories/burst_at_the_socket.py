"""One write of a user without rights to the control socket, hundreds of questions long, keeps leash from nothing: a
block is in force at once."""

import hostile


def story(lab):
    bulb, tv = lab.devices
    hostile.ready(lab)
    hostile.datagrams(bulb, [(f"45.10.{100 + n // 250}.{n % 250}", 7000) for n in range(300)])
    lab.until(lambda: len(lab.blocks()) >= 290, "there is something to tell", 10)
    child = hostile.nobody(
        lab, 's = caller()\ns.sendall(b\'{"method":"devices"}\\n\' * 2900)\nprint("sent", flush=True)\ntime.sleep(30)'
    )
    assert child.stdout.readline() == "sent\n"
    tv.reaches("45.10.66.66", wait=0.2)
    lab.until(lambda: hostile.in_kernel(lab, "45.10.66.66"), "a block is in force while somebody asks much", 4)
