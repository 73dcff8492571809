#!/usr/bin/env python3
"""ubus for tests, where no real one is given: a broker that does what ubusd does, and what the `ubus` command does of
it.

usage: ubus.py ubusd -s SOCKET
       ubus.py ubus [-s SOCKET] [-S] [-v] [-t SECONDS] list [PATTERN] | call PATH METHOD [JSON] |
                                                       listen [PATTERN...] | subscribe PATH...
"""

import json
import os
import pwd
import random
import select
import socket
import struct
import sys
import threading
import time

HELLO, STATUS, DATA, PING, LOOKUP, INVOKE, ADD, REMOVE, SUBSCRIBE, UNSUBSCRIBE, NOTIFY = range(11)
(
    A_STATUS,
    A_PATH,
    A_ID,
    A_METHOD,
    A_TYPE,
    A_SIGNATURE,
    A_DATA,
    A_TARGET,
    A_ACTIVE,
    A_NO_REPLY,
    A_SUBSCRIBERS,
    A_USER,
    A_GROUP,
) = range(1, 14)
LARGEST = 1 << 20
WORDS = {1: "Array", 2: "Table", 3: "String", 5: "Integer", 7: "Boolean"}
SAYS = [
    "Success",
    "Invalid command",
    "Invalid argument",
    "Method not found",
    "Not found",
    "No response",
    "Permission denied",
    "Request timed out",
    "Operation not supported",
    "Unknown error",
]


def padded(data):
    return data + b"\0" * (-len(data) % 4)


def attribute(kind, payload, extended=False):
    return padded(struct.pack(">I", extended << 31 | kind << 24 | 4 + len(payload)) + payload)


def number(kind, value):
    return attribute(kind, struct.pack(">I", value & 0xFFFFFFFF))


def text(kind, value):
    return attribute(kind, value.encode() + b"\0")


def field(name, value):
    """A blobmsg, of the types that the `ubus` command gives to JSON."""
    if value is None:
        kind, payload = 0, b""
    elif isinstance(value, bool):
        kind, payload = 7, bytes([value])
    elif isinstance(value, int):
        kind, payload = (5, struct.pack(">i", value)) if -(2**31) <= value < 2**31 else (4, struct.pack(">q", value))
    elif isinstance(value, float):
        kind, payload = 8, struct.pack(">d", value)
    elif isinstance(value, str):
        kind, payload = 3, value.encode() + b"\0"
    elif isinstance(value, dict):
        kind, payload = 2, table(value)
    else:
        kind, payload = 1, b"".join(field("", item) for item in value)
    name = name.encode()
    return attribute(kind, padded(struct.pack(">H", len(name)) + name + b"\0") + payload, True)


def table(values):
    return b"".join(field(name, value) for name, value in values.items())


def attributes(data):
    at = 0
    while at + 4 <= len(data):
        (head,) = struct.unpack_from(">I", data, at)
        length = head & 0xFFFFFF
        if length < 4 or at + length > len(data):
            raise ValueError("damaged")
        yield head >> 24 & 0x7F, data[at + 4 : at + length]
        at += length + -length % 4


def values(data):
    """Names and values of a row of blobmsgs."""
    for kind, payload in attributes(data):
        (length,) = struct.unpack_from(">H", payload)
        name = payload[2 : 2 + length].decode()
        value = payload[len(padded(payload[: 2 + length] + b"\0")) :]
        plain = {
            3: lambda v: v[:-1].decode(),
            4: lambda v: struct.unpack(">q", v)[0],
            5: lambda v: struct.unpack(">i", v)[0],
            6: lambda v: struct.unpack(">h", v)[0],
            7: lambda v: v[0] != 0,
            8: lambda v: struct.unpack(">d", v)[0],
            2: untable,
            1: lambda v: [value for _, value in values(v)],
            0: lambda v: None,
        }
        yield name, plain[kind](value)


def untable(data):
    return dict(values(data))


def message(kind, sequence, peer, body):
    return struct.pack(">BBHI", 0, kind, sequence, peer) + attribute(0, body)


def fields(body):
    found = dict(attributes(body))
    for kind in found.keys() & {A_STATUS, A_ID, A_TYPE, A_TARGET}:
        (found[kind],) = struct.unpack(">I", found[kind])
    for kind in found.keys() & {A_PATH, A_METHOD}:
        found[kind] = found[kind][:-1].decode()
    return found


def split(data):
    """The first message, if it is whole, and what follows."""
    if len(data) < 12:
        return None, data
    version, kind, sequence, peer, length = struct.unpack_from(">BBHII", data)
    length = (length & 0xFFFFFF) + -length % 4
    if version or not 4 <= length <= LARGEST:
        raise ValueError("not ubus")
    if len(data) < 8 + length:
        return None, data
    return (kind, sequence, peer, data[12 : 8 + length]), data[8 + length :]


def matches(pattern, word):
    return word.startswith(pattern[:-1]) if pattern.endswith("*") else word == pattern


class Peer:
    def __init__(self, s, number):
        self.socket, self.id, self.read, self.write = s, number, b"", b""
        _, uid, _ = struct.unpack("iII", s.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        self.user = pwd.getpwuid(uid).pw_name


class Broker:
    """As ubusd: who offers what, who listens to what."""

    def __init__(self, path):
        self.peers, self.objects, self.listeners, self.subscribers = {}, {}, [], set()
        self.listener = socket.socket(socket.AF_UNIX)
        if os.path.exists(path):
            os.unlink(path)
        self.listener.bind(path)
        os.chmod(path, 0o666)
        self.listener.listen(16)

    def run(self):
        while True:
            writers = [peer for peer in self.peers.values() if peer.write]
            ready, writable, _ = select.select(
                [self.listener] + [p.socket for p in self.peers.values()], [p.socket for p in writers], []
            )
            if self.listener in ready:
                s, _ = self.listener.accept()
                s.setblocking(False)
                peer = Peer(s, self.fresh())
                self.peers[peer.id] = peer
                self.send(peer, message(HELLO, 0, peer.id, b""))
            for peer in list(self.peers.values()):
                try:
                    if peer.socket in ready:
                        data = peer.socket.recv(1 << 16)
                        if not data:
                            raise OSError
                        peer.read += data
                        self.take(peer)
                    if peer.socket in writable:
                        peer.write = peer.write[peer.socket.send(peer.write) :]
                except BlockingIOError:
                    pass
                except (OSError, ValueError):
                    self.gone(peer)

    def fresh(self):
        number = random.randrange(1024, 1 << 32)
        return number if number not in self.peers and number not in self.objects else self.fresh()

    def send(self, peer, data):
        # ubusd drops what a client does not read, in silence.
        if peer and len(peer.write) + len(data) <= LARGEST:
            peer.write += data

    def take(self, peer):
        while True:
            it, peer.read = split(peer.read)
            if it is None:
                return
            kind, sequence, to, body = it
            status = self.handle(peer, kind, sequence, to, body)
            if status is not None:
                self.send(peer, message(STATUS, sequence, to, number(A_STATUS, status)))

    def handle(self, peer, kind, sequence, to, body):
        got = fields(body)
        answer = lambda data: self.send(peer, message(DATA, sequence, to, data))
        if kind == ADD:
            path = got.get(A_PATH)
            if path and any(path == known[1] for known in self.objects.values()):
                return 2
            number_ = self.fresh()
            self.objects[number_] = (peer.id, path, got.get(A_SIGNATURE, b""))
            answer(number(A_ID, number_) + (number(A_TYPE, hash(got.get(A_SIGNATURE)) & 0xFFFFFFFF) if path else b""))
            if path:
                self.event(
                    "ubus.object.add", {"id": struct.unpack(">i", struct.pack(">I", number_))[0], "path": path}, peer
                )
            return 0
        if kind == REMOVE:
            self.remove(got[A_ID])
            answer(number(A_ID, got[A_ID]))
            return 0
        if kind == PING:
            answer(body)
            return 0
        if kind == LOOKUP:
            found = [(n, o) for n, o in self.objects.items() if o[1] and matches(got.get(A_PATH, "*"), o[1])]
            for n, (_, path, signature) in found:
                answer(
                    text(A_PATH, path)
                    + number(A_ID, n)
                    + number(A_TYPE, hash(signature) & 0xFFFFFFFF)
                    + attribute(A_SIGNATURE, signature)
                )
            return 0 if found else 4
        if kind == INVOKE:
            if got[A_ID] == 1:
                return self.events(peer, got[A_METHOD], untable(got[A_DATA]), got[A_DATA])
            if got[A_ID] not in self.objects:
                return 4
            owner = self.peers[self.objects[got[A_ID]][0]]
            whose = text(A_USER, peer.user) + text(A_GROUP, peer.user)
            rest = b"".join(attribute(k, v) for k, v in attributes(body) if k == A_DATA)
            self.send(
                owner,
                message(
                    INVOKE, sequence, peer.id, number(A_ID, got[A_ID]) + text(A_METHOD, got[A_METHOD]) + whose + rest
                ),
            )
            return None
        if kind in (DATA, STATUS):
            self.send(self.peers.get(to), message(kind, sequence, got[A_ID], body))
            return None
        if kind in (SUBSCRIBE, UNSUBSCRIBE):
            pair = got[A_ID], got[A_TARGET]
            if got[A_TARGET] not in self.objects:
                return 4
            before = self.active(got[A_TARGET])
            (self.subscribers.add if kind == SUBSCRIBE else self.subscribers.discard)(pair)
            self.tell_active(got[A_TARGET], before)
            return 0
        if kind == NOTIFY:
            for subscriber in [s for s, target in self.subscribers if target == got[A_ID]]:
                head = attribute(A_NO_REPLY, b"\1") + number(A_ID, subscriber) + text(A_METHOD, got[A_METHOD])
                self.send(
                    self.peers[self.objects[subscriber][0]],
                    message(INVOKE, sequence, peer.id, head + attribute(A_DATA, got[A_DATA])),
                )
            return None
        return 1

    def active(self, target):
        return any(target == known for _, known in self.subscribers)

    def tell_active(self, target, before):
        if self.active(target) != before and target in self.objects:
            body = number(A_ID, target) + attribute(A_ACTIVE, bytes([not before]))
            self.send(self.peers.get(self.objects[target][0]), message(NOTIFY, 1, 0, body))

    def events(self, peer, method, arguments, raw):
        if method == "register":
            self.listeners.append((arguments["object"] & 0xFFFFFFFF, arguments.get("pattern", "*")))
            return 0
        if arguments["id"].startswith("ubus."):
            return 6
        data = next(payload for kind, payload in attributes(raw) if kind == 2)
        (length,) = struct.unpack_from(">H", data)
        self.event(arguments["id"], data[len(padded(data[: 2 + length] + b"\0")) :], peer)
        return 0

    def event(self, name, data, sender):
        data = data if isinstance(data, bytes) else table(data)
        for target, pattern in self.listeners:
            owner = self.objects.get(target, (None,))[0]
            if owner and owner != sender.id and matches(pattern, name):
                body = number(A_ID, target) + text(A_METHOD, name) + attribute(A_DATA, data)
                self.send(self.peers.get(owner), message(INVOKE, 1, 0, body))

    def remove(self, target):
        self.objects.pop(target, None)
        self.listeners = [one for one in self.listeners if one[0] != target]
        for pair in [pair for pair in self.subscribers if target in pair]:
            before = self.active(pair[1])
            self.subscribers.discard(pair)
            self.tell_active(pair[1], before)

    def gone(self, peer):
        peer.socket.close()
        del self.peers[peer.id]
        for target in [n for n, o in self.objects.items() if o[0] == peer.id]:
            self.remove(target)


class Client:
    def __init__(self, path, wait=30.0):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(wait)
        self.socket.connect(path)
        self.buffer, self.sequence, self.waiting = b"", 0, []
        self.hear()

    def hear(self):
        while True:
            it, self.buffer = split(self.buffer)
            if it:
                return it[0], it[1], it[2], fields(it[3])
            data = self.socket.recv(1 << 16)
            if not data:
                raise EOFError("ubusd closed the connection")
            self.buffer += data

    def send(self, kind, peer, body):
        self.sequence += 1
        self.socket.sendall(message(kind, self.sequence, peer, body))
        return self.sequence

    def ask(self, kind, peer, body):
        """The status, and the attributes of each answer."""
        wanted, answers = self.send(kind, peer, body), []
        while True:
            it = self.hear()
            if it[0] == DATA and it[1] == wanted:
                answers.append(it[3])
            elif it[0] == STATUS and it[1] == wanted:
                return it[3][A_STATUS], answers
            else:
                self.waiting.append(it)

    def find(self, path):
        status, found = self.ask(LOOKUP, 0, text(A_PATH, path))
        return found

    def invoke(self, target, method, arguments):
        body = number(A_ID, target) + text(A_METHOD, method) + attribute(A_DATA, table(arguments))
        return self.ask(INVOKE, target, body)

    def call(self, path, method, arguments=None):
        """The status, and the answer."""
        found = self.find(path)
        if not found:
            return 4, None
        status, answers = self.invoke(found[0][A_ID], method, arguments or {})
        assert len(answers) <= 1, "one answer is what web servers can pass on"
        return status, untable(answers[0][A_DATA]) if answers else None

    def listen(self, *patterns):
        _, (made,) = self.ask(ADD, 0, b"")
        own = struct.unpack(">i", struct.pack(">I", made[A_ID]))[0]
        for pattern in patterns or ("*",):
            assert self.invoke(1, "register", {"object": own, "pattern": pattern})[0] == 0
        return made[A_ID]

    def subscribe(self, path):
        _, (made,) = self.ask(ADD, 0, b"")
        assert self.ask(SUBSCRIBE, 0, number(A_ID, made[A_ID]) + number(A_TARGET, self.find(path)[0][A_ID]))[0] == 0

    def happens(self):
        """The name and content of what happens next."""
        while True:
            kind, _, _, got = self.waiting.pop(0) if self.waiting else self.hear()
            if kind == INVOKE:
                return got[A_METHOD], untable(got[A_DATA])


class Ufp:
    """The object `fingerprint` of OpenWrt's ufp (openwrt/packages, utils/ufp, ufpd): what it takes devices for, by
    their hardware addresses. Answers for as long as the connection lives."""

    def __init__(self, path, devices):
        self.client, self.devices, self.asked = Client(path), devices, 0
        method = field("fingerprint", {"macaddr": 3, "weight": 7})
        body = text(A_PATH, "fingerprint") + attribute(A_SIGNATURE, method)
        status, (made,) = self.client.ask(ADD, 0, body)
        assert status == 0
        self.object = made[A_ID]
        self.client.socket.settimeout(None)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        try:
            while True:
                kind, sequence, peer, got = self.client.hear()
                if kind == INVOKE:
                    self.answer(sequence, peer, got)
        except (OSError, EOFError):
            pass

    def answer(self, sequence, peer, got):
        arguments, about = untable(got.get(A_DATA, b"")), number(A_ID, self.object)
        wrong = [
            name for name, value in arguments.items() if type(value) is not {"macaddr": str, "weight": bool}.get(name)
        ]
        mac = arguments.get("macaddr")
        status = 3 if got[A_METHOD] != "fingerprint" else 2 if wrong else 4 if mac and mac not in self.devices else 0
        if status == 0:
            self.asked += 1
            data = attribute(A_DATA, table(self.devices[mac] if mac else self.devices))
            self.client.socket.sendall(message(DATA, sequence, peer, about + data))
        self.client.socket.sendall(message(STATUS, sequence, peer, number(A_STATUS, status) + about))


def command(words):
    """As the `ubus` command."""
    path, short, verbose, wait = "/var/run/ubus/ubus.sock", False, False, 30
    while words and words[0].startswith("-"):
        flag = words.pop(0)
        path = words.pop(0) if flag == "-s" else path
        wait = int(words.pop(0)) if flag == "-t" else wait
        short, verbose = short or flag == "-S", verbose or flag == "-v"
    show = lambda value: print(
        json.dumps(value, separators=(",", ":")) if short else json.dumps(value, indent="\t"), flush=True
    )
    client = Client(path, wait)
    word, words = words[0], words[1:]
    if word == "list":
        for got in client.find(words[0] if words else "*"):
            print(f"'{got[A_PATH]}' @{got[A_ID]:08x}" if verbose else got[A_PATH])
            for method, arguments in values(got.get(A_SIGNATURE, b"")) if verbose else ():
                print(
                    f'\t"{method}":'
                    + json.dumps({n: WORDS.get(k, "(unknown)") for n, k in arguments.items()}, separators=(",", ":"))
                )
        return 0
    if word == "call":
        try:
            status, answer = client.call(words[0], words[1], json.loads(words[2]) if len(words) > 2 else {})
        except TimeoutError:
            status, answer = 7, None
        if answer is not None:
            show(answer)
        if status:
            print(f"Command failed: {SAYS[status]}", file=sys.stderr)
        return status if short or status == 4 or not status else 256 - status
    if word == "subscribe":
        [client.subscribe(path) for path in words]
    else:
        client.listen(*words)
    end = time.monotonic() + wait
    try:
        while time.monotonic() < end:
            name, data = client.happens()
            print(f'{{ "{name}": {json.dumps(data, separators=(",", ":"))} }}', flush=True)
    except TimeoutError:
        return 0
    return 0


if __name__ == "__main__":
    if sys.argv[1] == "ubusd":
        Broker(sys.argv[sys.argv.index("-s") + 1]).run()
    sys.exit(command(sys.argv[2:]))
