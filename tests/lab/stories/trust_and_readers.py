"""A trusted device is never judged; who is not root may ask but not order; hostile arguments get a sentence."""

import json
import os
import socket


def story(lab):
    bulb, tv = lab.devices
    lab.start(
        f"list block_on direct-ip\noption default_mode guard\nconfig device\n option mac {bulb.mac}\n option mode trust"
    )
    bulb.lookup("nobody.example")
    tv.lookup("nobody.example")
    bulb.reaches("45.10.9.9")
    tv.reaches("45.10.9.9")
    lab.until(lambda: lab.blocks() == [(102, "45.10.9.9")], "the other one is judged")
    assert bulb.reaches("45.10.9.9") and lab.leash("device", bulb.mac)["device"]["contacts"] == []
    os.chmod(lab.folder, 0o755)
    answer = as_nobody(
        f"{lab.folder}/run/socket",
        [{"method": "blocking", "params": {"on": False}}, {"method": "devices"}, {"method": "record"}],
    )
    assert answer[0]["code"] == "denied" and "devices" in answer[1]["result"] and answer[2]["code"] == "denied", answer
    for words in (
        ["mode", "nobody-here", "guard"],
        ["mode", bulb.mac, "fierce"],
        ["block", bulb.mac, "192.168.77.102"],
        ["block", bulb.mac, "no name"],
        ["explain", bulb.mac, "1.2.3"],
        ["block", bulb.mac, "1.2.3.4", "--for", "soon"],
    ):
        done = lab.leash(*words, check=False)
        assert done.returncode in (64, 69) and done.stderr.startswith("leash: ") or "Error parsing" in done.stderr, (
            words,
            done,
        )
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(f"{lab.folder}/run/socket")
        s.sendall(
            b"nonsense\n[]\n{}\n" + json.dumps({"method": "x" * 300}).encode() + b'\n{"method": "mode", "params": 7}\n'
        )
        file = s.makefile()
        answers = [json.loads(file.readline()) for _ in range(5)]
    assert all(answer["error"] for answer in answers), answers
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(f"{lab.folder}/run/socket")
        try:
            s.sendall(b"y" * 200_000)
            while s.recv(65536):
                pass
        except OSError:
            pass  # leash hung up
    assert lab.leash("status")["devices"] == 2


def as_nobody(path, requests):
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgid(65534)
        os.setuid(65534)
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)
            for request in requests:
                s.sendall(json.dumps(request).encode() + b"\n")
            file = s.makefile()
            os.write(write, json.dumps([json.loads(file.readline()) for _ in requests]).encode())
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    return json.loads(os.read(read, 1 << 20))
