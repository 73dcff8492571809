"""What devices tell of themselves to all others, and what ufp knows of them, says what they are; the user's word counts
more, as do groups."""

import json
import socket
import struct

import ubus


def tell(device, group, port, payload):
    """To a group of the LAN."""
    with device.ns, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(device.ip))
        # Where a bridge's frames pass the router's rules, each source port is a flow with first packets of its own.
        s.bind((device.ip, port))
        s.sendto(payload, (group, port))


def story(lab):
    printer, stick = lab.devices
    lab.ubusd()
    ufp = ubus.Ufp(f"{lab.folder}/ubus.sock", {})
    lab.start()
    for device in lab.devices:
        device.lookup("nobody.example")
    kind = lambda device: lab.leash("device", device.mac)["device"].get("kind", {})
    lab.until(lambda: len(lab.leash("devices")["devices"]) == 2, "both are known")
    labels = lambda name: b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
    pointer = labels("Office._ipp._tcp.local")
    record = labels("_ipp._tcp.local") + struct.pack(">HHIH", 12, 1, 4500, len(pointer)) + pointer
    answer = struct.pack(">6H", 0, 0x8400, 0, 1, 0, 0) + record
    question = struct.pack(">6H", 0, 0, 1, 0, 0, 0) + labels("_ipp._tcp.local") + struct.pack(">HH", 12, 1)
    tell(stick, "224.0.0.251", 5353, question)
    tell(printer, "224.0.0.251", 5353, answer)
    lab.until(lambda: kind(printer).get("type") == "printer", "it offers _ipp._tcp")
    lines = ["NOTIFY * HTTP/1.1", "NTS: ssdp:alive", "SERVER: Roku/9.3 UPnP/1.0 Roku/9.3", "", ""]
    tell(stick, "239.255.255.250", 1900, "\r\n".join(lines).encode())
    lab.until(lambda: kind(stick).get("type") == "tv", "it announces itself as Roku")
    # A storm costs nothing but itself.
    for _ in range(2000):
        tell(stick, "224.0.0.251", 5353, answer)
    packets = lambda: lab.leash("status")["health"]["first_packets"]["packets"]
    lab.until(lambda: packets() > 50, "they are counted")
    assert packets() < 500
    # ufp was asked once, when it knew nothing.
    lab.until(lambda: ufp.asked == 1, "it is asked")
    # The user's word, and a group.
    lab.leash("type", stick.mac, "console")
    assert kind(stick)["type"] == "console" and kind(stick)["confidence"] == "chosen"
    for device in lab.devices:
        lab.leash("group", "den", device.mac)
    lab.leash("group", "den", "--mode", "guard")
    modes = {device["mac"]: (device.get("group"), device["mode"]) for device in lab.leash("devices")["devices"]}
    assert modes == {stick.mac: ("den", "guard"), printer.mac: ("den", "guard")}, modes
    # Another leash asks again, and learns more.
    ufp.devices[printer.mac] = {"vendor": "Canon", "device": "MG3600", "class": "printer", "device_name": "Office"}
    lab.stop("leash")
    lab.start()
    model = lambda: lab.leash("device", printer.mac)["device"].get("model")
    lab.until(lambda: model() == "Canon MG3600", "ufp told it")
    assert "ufp" in json.dumps(kind(printer)) and "mDNS" in json.dumps(kind(printer)), "and mDNS is remembered"
