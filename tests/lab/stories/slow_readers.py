"""Users without rights who ask much and read nothing cost leash no more memory than a router has to spare."""

import time

import hostile


def story(lab):
    bulb, _ = lab.devices
    hostile.ready(lab, "option default_mode guard")
    hostile.datagrams(bulb, [(f"45.10.{100 + n // 250}.{n % 250}", 7000) for n in range(1000)])
    lab.until(lambda: lab.leash("status")["contacts"] > 700, "there is something to tell", 10)
    before = hostile.memory(lab)
    ask = f"""
line = b'{{"method":"contacts","params":{{"device":"{bulb.mac}"}}}}' + bytes([10])
all = [caller() for _ in range(32)]
for s in all: s.sendall(line * 12)
print("sent", flush=True)
time.sleep(40)
"""
    assert hostile.nobody(lab, ask).stdout.readline() == "sent\n"
    end, most = time.monotonic() + 12, 0
    while time.monotonic() < end and most < before + 32_000:
        most = max(most, hostile.memory(lab))
        time.sleep(0.05)
    assert most < before + 16_000, f"{before} kB before, {most} kB with 32 who do not read"
