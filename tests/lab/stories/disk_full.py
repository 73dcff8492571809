"""The place for the state is full: leash works on, doctor says so, and writes again when there is room."""

import os


def story(lab):
    bulb, _ = lab.devices
    flash = f"{lab.folder}/flash"
    os.makedirs(flash)
    full = f'mount -t tmpfs -o size=16k tmpfs {flash} && head -c 16384 /dev/zero > {flash}/filler; exec "$@"'
    lab.start(wrap=["unshare", "-m", "sh", "-c", full, "sh"])
    lab.leash("block", bulb.mac, "45.10.9.9")
    assert not bulb.reaches("45.10.9.9", wait=0.3)
    assert lab.stop("leash") == 0, "it ends in good order nevertheless"
    said = open(f"{lab.folder}/leash.out").read()
    assert "cannot be written" in said, said
    # The copy in memory was kept for the next start.
    lab.start()
    assert lab.blocks() == [(101, "45.10.9.9")]
    # A damaged file is set aside.
    lab.stop("leash")
    open(f"{flash}/state", "w").write("leash state 1\nnonsense")
    lab.start()
    assert lab.blocks() == [] and os.path.exists(f"{flash}/state.damaged")
    assert "its end is missing" in open(f"{lab.folder}/leash.out").read()
