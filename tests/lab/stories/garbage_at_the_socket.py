"""Control: whatever a user without rights writes to the control socket, he orders nothing and breaks nothing."""

import hostile

WORDS = [
    b'{"method":"blocking","params":{"on":false}}\n',
    b'{"method":"record"}\n',
    bytes(range(256)) * 20 + b"\n",
    b"\0" * 5000 + b"\n",
    b"[" * 30000 + b"]" * 30000 + b"\n",
    b'{"method":',
    b"x" * 5_000_000,
    b'{"method":"device","params":' + b'{"a":' * 9000 + b"1" + b"}" * 9000 + b"}\n",
    b'{"method":"device","params":{"device":"' + b"\\u0000" * 9000 + b'"}}\n',
    b'{"method":"explain","params":{"device":"\\ud800","address":"::"}}\n',
    b'{"method":"\xff\xfe"}\n',
    b"\n" * 20000,
]
ASK = """
for line in sys.stdin.buffer.read().split(b'--next--'):
    try:
        s = caller()
        s.sendall(line)
        s.shutdown(socket.SHUT_WR)
        while s.recv(65536): pass
    except OSError: pass
print('done')
"""


def story(lab):
    _, tv = lab.devices
    hostile.ready(lab)
    lab.leash("block", tv.mac, "45.10.3.3")
    path = f"{lab.folder}/words"
    with open(path, "wb") as file:
        file.write(b"--next--".join(WORDS))
    child = hostile.nobody(lab, f"sys.stdin = open({path!r})\n" + ASK)
    assert child.stdout.readline() == "done\n"
    assert lab.leash("status")["blocking"] and not tv.reaches("45.10.3.3", wait=0.3)
    tv.reaches("45.10.66.1", wait=0.3)
    lab.until(lambda: hostile.blocked(lab, tv, "45.10.66.1"), "a block is made")
    assert hostile.memory(lab) < 16_000, f"{hostile.memory(lab)} kB"
