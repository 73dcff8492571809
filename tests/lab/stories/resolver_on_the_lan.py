"""A device asks an AdGuard Home or a Pi-hole on the LAN, whose answers do not pass the router: its log, asked for over
HTTP, explains what is called. While it does not answer nothing is none, and nobody is shown the password."""

import base64
import http.server
import json
import os
import socketserver
import threading
import time

PASSWORD = "s3cr3t-%p@ss:word"


def story(lab):
    bulb, tv = lab.devices
    lab.names(bulb="45.10.1.1")
    server = Server(tv)
    settings = "list block_on direct-ip\noption default_mode guard\noption grace 2s\noption resolver_log {}"
    for number, place in enumerate([f"adguard://ann:{PASSWORD}@{tv.ip}:3000", f"pihole://{PASSWORD}@{tv.ip}:3000"]):
        path = f"{lab.folder}/resolver"
        with open(path, "w") as file:
            file.write(place + "\n")
        os.chmod(path, 0o644)
        lab.start(settings.format(path))
        log = lambda: lab.leash("status")["health"].get("resolver_log", {"answers": 0})
        lab.until(lambda: "chmod 600" in doctor(lab), "others could read the password")
        os.chmod(path, 0o600)
        lab.until(lambda: log()["answers"] > 1, "the log is read", 15)
        lab.until(lambda: "resolver's log" not in doctor(lab), "doctor is content")
        for last in (1, 2):
            address = f"45.10.{number + 2}.{last}"
            server.looks_up(bulb, f"n{last}.example", address)
            assert bulb.reaches(address)
            lab.until(lambda: lab.explained(bulb, address) == "lookup", "the log explains it")
        # What nobody looked up is still found.
        hard = f"45.10.9.{number}"
        lab.until(lambda: not bulb.reaches(hard, wait=0.3), "it is blocked", 10)
        assert lab.blocks() == [(101, hard)]
        # Before and after a hundred others.
        for other in range(100):
            server.looks_up(tv, f"o{other}.example", "45.10.6.6")
        server.looks_up(bulb, "late.example", f"45.10.{number + 2}.9")
        assert bulb.reaches(f"45.10.{number + 2}.9")
        lab.until(lambda: lab.explained(bulb, f"45.10.{number + 2}.9") == "lookup", "nothing is left out")
        server.mute = True
        lab.until(lambda: "does not answer" in doctor(lab), "doctor says that it does not answer", 10)
        assert bulb.reaches(f"45.10.{number + 2}.77")
        seen = lab.until(lambda: lab.explained(bulb, f"45.10.{number + 2}.77"), "the contact is judged")
        assert seen == "unknown", f"while the log is not read it is {seen}"
        server.mute = False
        lab.until(lambda: "resolver's log" not in doctor(lab), "it is read again", 15)
        assert lab.blocks() == [(101, hard)]
        lab.leash("forget", bulb.mac)
        assert not server.wrong, server.wrong
        server.password = "another"
        server.sessions.clear()
        lab.until(lambda: "refuses the password" in doctor(lab), "doctor says that the password is wrong", 10)
        said = doctor(lab) + json.dumps(lab.leash("status")) + open(f"{lab.folder}/leash.out").read()
        assert PASSWORD not in said, "the password is shown"
        server.password, server.wrong = PASSWORD, []
        lab.stop("leash")


def doctor(lab):
    return json.dumps(lab.leash("doctor"))


class Server:
    """Stands in for both, as strict as they are."""

    def __init__(self, device):
        self.password, self.sessions, self.wrong, self.mute = PASSWORD, set(), [], False
        self.entries, self.lines, self.lock = [], [], threading.Lock()
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                outer.take(self, b"")

            def do_POST(self):
                outer.take(self, self.rfile.read(int(self.headers["Content-Length"])))

            def log_message(self, *_):
                pass

        socketserver.ThreadingMixIn.daemon_threads = True
        with device.ns:
            self.http = http.server.ThreadingHTTPServer((device.ip, 3000), Handler)
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def looks_up(self, device, name, address):
        """Another lookup stands in both logs."""
        with self.lock:
            number = len(self.entries)
            self.entries.insert(
                0,
                {
                    "answer": [
                        {"type": "CNAME", "value": "edge.example.", "ttl": 60},
                        {"type": "A", "value": address, "ttl": 60},
                    ],
                    "answer_dnssec": False,
                    "cached": False,
                    "client": device.ip,
                    "client_info": {"whois": {}, "name": "", "disallowed_rule": "", "disallowed": False},
                    "client_proto": "",
                    "elapsedMs": "0.5",
                    "question": {"class": "IN", "name": name, "type": "A"},
                    "reason": "NotFilteredNotFound",
                    "rules": [],
                    "status": "NOERROR",
                    "time": f"2026-01-01T00:00:00.{number:09}+01:00",
                    "upstream": "https://dns10.quad9.net:443/dns-query",
                },
            )
            self.lines += [
                f"query[A] {name} from {device.ip}",
                f"forwarded {name} to 9.9.9.9#53",
                f"reply {name} is <CNAME>",
                f"reply edge.example is {address}",
            ]

    def take(self, request, body):
        if self.mute:
            return time.sleep(3)
        path, _, query = request.path.partition("?")
        values = dict(pair.split("=") for pair in query.split("&") if pair)
        if path == "/control/querylog" and request.command == "GET":
            user = base64.b64encode(f"ann:{self.password}".encode()).decode()
            if request.headers["Authorization"] != f"Basic {user}":
                return self.say(request, 401, "Unauthorized")
            with self.lock:
                return self.say(request, 200, {"data": self.entries[: int(values["limit"])], "oldest": ""})
        if path == "/api/auth" and request.command == "POST":
            if request.headers["Content-Type"] != "application/json" or json.loads(body) != {"password": self.password}:
                return self.say(request, 401, {"session": {"valid": False, "sid": None}})
            self.sessions.add("sid+1/=")
            return self.say(request, 200, {"session": {"valid": True, "sid": "sid+1/=", "validity": 300}})
        if path == "/api/logs/dnsmasq" and request.command == "GET":
            if request.headers["X-FTL-SID"] not in self.sessions:
                return self.say(request, 401, {"error": {"key": "unauthorized"}})
            with self.lock:
                begin = max(int(values.get("nextID", 0)), len(self.lines) - 500)
                log = [{"timestamp": 1.5, "message": line, "prio": None} for line in self.lines[begin:]]
                return self.say(request, 200, {"log": log, "nextID": len(self.lines), "pid": 77})
        self.wrong.append(f"{request.command} {request.path} of {dict(request.headers)}")
        self.say(request, 404, "Not Found")

    def say(self, request, status, value):
        body = json.dumps(value).encode()
        request.send_response(status)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body)
