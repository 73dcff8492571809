"""All methods over the bus: as they are described, with wrong arguments, the largest ones, many at once, a caller that
leaves."""

import json
import re
import subprocess

import ubus


def story(lab):
    bulb, tv = lab.devices
    lab.ubusd()
    lab.start("list block_on direct-ip\noption default_mode guard")
    bulb.lookup("nobody.example")
    bulb.reaches("45.10.9.9")
    lab.until(lambda: lab.blocks() == [(101, "45.10.9.9")], "it is blocked")
    lab.until(lambda: lab.leash("status")["health"]["ubus"]["published"], "it is on the bus")
    listed = subprocess.run([*lab.ubus_command(), "-v", "list", "leash"], capture_output=True, text=True).stdout
    document = open("src/JSON.md").read()
    methods = re.findall(r"^\| `(\w+)` \| [^|]+ \| (?:yes)? *\| ([^|]*) \|$", document, re.MULTILINE)
    assert len(methods) > 15
    for method, parameters in methods:
        names = {name.strip(" []") for name in parameters.split(",") if name.strip()}
        kinds = {name: "Boolean" if name == "on" else "String" for name in names}
        said = re.search(rf'"{method}":(\{{.*\}})', listed)
        assert said and json.loads(said[1]) == kinds, (method, listed)
    # Each answers what the control socket answers.
    who, where = {"device": bulb.mac}, {"device": bulb.mac, "target": "45.10.9.9"}
    for method, arguments in [
        ("devices", {}),
        ("device", who),
        ("contacts", who),
        ("explain", {**who, "address": "45.10.9.9"}),
        ("findings", who),
        ("findings", {}),
        ("blocks", {}),
        ("pins", {}),
        ("orders", {}),
        ("history", {}),
        ("detectors", {}),
        ("doctor", {}),
    ]:
        code, answer = lab.call(method, arguments)
        assert code == 0 and answer, (method, code, answer)
    assert lab.call("blocks")[1]["blocks"][0]["address"] == "45.10.9.9"
    assert lab.call("blocks")[1]["blocks"][0]["stopped_packets"] >= 0
    assert lab.call("device", who)[1]["device"]["mac"] == bulb.mac
    assert lab.call("status")[1]["health"]["ubus"]["calls"] > 12
    # Orders.
    assert lab.call("unblock", where)[0] == 0 and lab.blocks() == []
    assert lab.call("decide", {**where, "verdict": "block", "for": "1h"})[0] == 0 and lab.blocks() == [
        (101, "45.10.9.9")
    ]
    assert not bulb.reaches("45.10.9.9", wait=0.3)
    assert lab.call("unpin", where)[0] == 0
    assert lab.call("set_mode", {"device": tv.mac, "mode": "local"}) == (
        0,
        {"device": tv.mac, "name": tv.mac, "mode": "local"},
    )
    for off in (False, 0):
        assert lab.call("blocking", {"on": True})[0] == 0
        assert lab.call("blocking", {"on": off}) == (0, {"blocking": False})
    assert lab.call("blocking", {"on": True})[0] == 0
    assert lab.call("forget", who)[0] == 0 and lab.call("reload")[0] == 0
    # What the web server adds to each call.
    assert lab.call("device", {**who, "ubus_rpc_session": "0" * 32})[0] == 0
    # What makes no sense has its status, and a sentence.
    for code, method, arguments in [
        (2, "device", {}),
        (2, "device", {"device": 5}),
        (2, "device", {"device": [bulb.mac]}),
        (2, "blocking", {"on": "yes"}),
        (2, "set_mode", {"device": tv.mac, "mode": "fierce"}),
        (2, "decide", {**where, "verdict": "maybe"}),
        (2, "decide", {"devise": bulb.mac, "target": "45.10.9.9", "verdict": "block"}),
        (2, "status", {"a": {"b": [1, 2.5, None]}}),
        (2, "explain", {**who, "address": "nowhere"}),
        (4, "device", {"device": "nobody"}),
        (4, "unpin", {"target": "45.10.7.7"}),
        (4, "unblock", {**who, "target": "45.10.7.7"}),
        (3, "dance", {}),
    ]:
        got, answer = lab.call(method, arguments)
        assert got == code and len(answer["error"]) > 10, (method, arguments, got, answer)
    # A call without arguments at all, and the largest that the bus carries.
    bus = lab.bus()
    target = bus.find("leash")[0][ubus.A_ID]
    body = ubus.number(ubus.A_ID, target) + ubus.text(ubus.A_METHOD, "status")
    status, answers = bus.ask(ubus.INVOKE, target, body)
    assert status == 0 and len(answers) == 1
    status, answers = bus.invoke(target, "device", {"device": "x" * (1000 << 10)})
    assert status == 2 and "64 KB" in ubus.untable(answers[0][ubus.A_DATA])["error"]
    bus.sequence += 1
    body += ubus.attribute(ubus.A_DATA, b"\x85\0\0\x0c\0\x09x\0\0\0\0\x01")
    status, answers = bus.ask(ubus.INVOKE, target, body)
    assert status == 2, "damaged arguments"
    # Two at once; one that does not wait.
    one, two, gone = lab.bus(), lab.bus(), lab.bus()
    for caller, method in ((gone, "doctor"), (one, "doctor"), (two, "status")):
        body = ubus.number(ubus.A_ID, target) + ubus.text(ubus.A_METHOD, method) + ubus.attribute(ubus.A_DATA, b"")
        caller.send(ubus.INVOKE, target, body)
    gone.socket.close()
    for caller, wanted in ((two, "version"), (one, "complaints")):
        got = [caller.hear(), caller.hear()]
        assert [it[0] for it in got] == [ubus.DATA, ubus.STATUS] and wanted in ubus.untable(got[0][3][ubus.A_DATA])
    assert lab.leash("status")["health"]["ubus"]["losses"] == 0
