"""Lists and networks that come, change or go count without a restart; a damaged one is told by doctor, and harms
nothing."""

import os
import shutil


def story(lab):
    bulb, _ = lab.devices
    lists, networks = f"{lab.folder}/lists", f"{lab.folder}/networks"
    os.makedirs(lists)
    shutil.copy("openwrt/networks/usr/share/leash/networks", networks)
    lab.names(c2="45.10.2.2")
    lab.start(f"list lists '{lists}'\noption networks '{networks}'\noption default_mode guard")
    bulb.lookup("c2.example")
    assert bulb.reaches("45.10.1.1") and bulb.reaches("45.10.2.2")
    lab.until(lambda: lab.explained(bulb, "45.10.1.1") == "none", "it is seen")
    assert lab.leash("doctor")["complaints"] == [] and lab.blocks() == []

    def write(name, data):
        # As downloads do it: a hidden file, then its name.
        with open(f"{lists}/.{name}", "wb") as file:
            file.write(data)
        os.rename(f"{lists}/.{name}", f"{lists}/{name}")

    def complains(of):
        return any(of in complaint["message"] for complaint in lab.leash("doctor")["complaints"])

    write("mine.list", b"# title: My own\n45.10.1.0/28,a relay\n0.0.0.0 c2.example\n")
    lab.until(lambda: (lab.contact(bulb, "45.10.1.1") or {}).get("listed") == "My own", "the address is listed", 15)
    assert lab.contact(bulb, "45.10.2.2")["listed"] == "My own", "and the name"
    lab.until(lambda: lab.blocks() == [(101, "45.10.1.1")], "two kinds of evidence block")
    assert not bulb.reaches("45.10.1.1", wait=0.3) and bulb.reaches("45.10.2.2"), "one kind does not"
    status = lab.leash("status")["health"]
    assert status["lists"]["entries"] == 2 and status["networks"]["ranges"] > 30_000, status

    # Damage: of a list and of the networks. Those that another file replaces stay in use.
    write("broken.list", bytes(range(128, 256)) * 50)
    shutil.copy(networks, f"{networks}.new")
    with open(f"{networks}.new", "r+b") as file:
        file.seek(200)
        file.write(bytes(300))
    os.rename(f"{networks}.new", networks)
    lab.until(lambda: complains("broken.list has no line that can be read"), "doctor says so", 15)
    assert complains("networks cannot be used") and lab.leash("status")["health"]["networks"]["ranges"] > 30_000
    assert lab.contact(bulb, "45.10.1.1")["listed"] == "My own", "the others still hold"

    os.unlink(f"{lists}/broken.list")
    os.unlink(f"{lists}/mine.list")
    shutil.copy("openwrt/networks/usr/share/leash/networks", networks)
    lab.until(lambda: "listed" not in lab.contact(bulb, "45.10.1.1"), "nothing is listed any longer", 15)
    lab.until(lambda: lab.blocks() == [] and bulb.reaches("45.10.1.1", wait=0.3), "and its block is over")
    assert lab.leash("doctor")["complaints"] == []
