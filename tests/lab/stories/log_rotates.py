"""The log is renamed, emptied, removed and replaced; leash follows."""

import os
import signal


def story(lab):
    bulb, _ = lab.devices
    lab.names(**{f"n{i}": f"45.10.1.{i}" for i in range(1, 9)})
    lab.start(tap=False)
    dnsmasq = lab.children["dnsmasq"]

    def works(number):
        assert bulb.lookup(f"n{number}.example") and bulb.reaches(f"45.10.1.{number}")
        lab.until(lambda: lab.explained(bulb, f"45.10.1.{number}") == "lookup", f"lookup {number} was seen")

    works(1)
    os.rename(lab.log_path, lab.log_path + ".1")
    works(2)  # dnsmasq still writes to the old one
    dnsmasq.send_signal(signal.SIGUSR2)
    lab.until(lambda: os.path.exists(lab.log_path), "dnsmasq opened a new one")
    works(3)
    os.truncate(lab.log_path, 0)
    works(4)
    os.unlink(lab.log_path)
    dnsmasq.send_signal(signal.SIGUSR2)
    lab.until(lambda: os.path.exists(lab.log_path), "dnsmasq opened a new one")
    works(5)
    # leash keeps it small itself.
    with open(lab.log_path, "ab") as file:
        file.write(b"Nov 22 21:40:00 dnsmasq[1]: something else\n" * 40_000)
    lab.until(lambda: os.path.getsize(lab.log_path) < 100_000, "it was emptied", 10)
    works(6)
