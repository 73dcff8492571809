"""Where there is no control socket, the command line goes by ubus: asks, orders, watches, and says what is wrong."""

import json
import subprocess

import lab as kit


def story(lab):
    bulb, tv = lab.devices
    lab.ubusd()
    lab.start("list block_on direct-ip\noption default_mode guard")
    lab.until(lambda: lab.call("status")[0] == 0, "it is on the bus")
    bulb.lookup("nobody.example")

    def elsewhere(*words):
        """leash's command line with a /run of its own, in which there is only the bus."""
        bus = f"mkdir /run/ubus && ln -s {lab.folder}/ubus.sock /run/ubus/ubus.sock"
        place = f'mount -t tmpfs none /run && {bus} && exec "$@"'
        return ["unshare", "-m", "sh", "-c", place, "sh", kit.LEASH, *words]

    def run(*words):
        return subprocess.run(elsewhere(*words), capture_output=True, text=True, timeout=20)

    watch = subprocess.Popen(elsewhere("--json", "watch"), stdout=subprocess.PIPE, text=True)
    try:
        lab.until(lambda: json.loads(run("--json", "device", bulb.mac).stdout)["device"]["mac"] == bulb.mac, "a device")
        assert bulb.mac in run().stdout and "guard" in run("devices").stdout
        done = run("block", bulb.mac, "45.10.7.7", "--for", "1h")
        assert done.returncode == 0 and "block: 45.10.7.7" in done.stdout, done
        assert lab.blocks() == [(101, "45.10.7.7")]
        said = []
        while not said or said[-1]["kind"] != "block":
            said.append(json.loads(watch.stdout.readline()))
        assert said[-1]["address"] == "45.10.7.7"
        for words, code, says in [
            (("device", "nobody"), 69, "no device is called"),
            (("mode", bulb.mac, "fierce"), 64, "not a mode"),
            (("unpin", bulb.mac, "45.10.8.8"), 69, "no decision on"),
        ]:
            done = run(*words)
            assert done.returncode == code and says in done.stderr, done
        lab.stop("leash")
        done = run("devices")
        assert done.returncode == 69 and "service leash start" in done.stderr, done
        lab.stop("ubusd")
        done = run("devices")
        assert done.returncode == 69 and "service leash start" in done.stderr, done
    finally:
        watch.kill(), watch.wait(5), watch.stdout.close()
