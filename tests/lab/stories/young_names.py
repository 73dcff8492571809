"""Registries are asked over HTTPS how old the names are that the house calls: once for each, and never for what only a
trusted device calls."""

import http.server
import json
import os
import ssl
import subprocess
import threading
import time

import lab as the_lab

HOST, PORT = "45.10.43.1", 8443


class Registry(http.server.BaseHTTPRequestHandler):
    """IANA's list of servers, and a server of RDAP that knows some names."""

    asked, ages = [], {"young.example": 3, "old.example": 3_000}

    def do_GET(self):
        Registry.asked.append(self.path)
        status, answer = 200, {"services": [[["example"], [f"https://{HOST}:{PORT}/rdap/"]]]}
        if self.path != "/dns.json":
            age = self.ages.get(self.path.removeprefix("/rdap/domain/"))
            if age is None:
                status, answer = 404, {"errorCode": 404}
            else:
                date = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() - age * 86_400))
                answer = {"events": [{"eventAction": "registration", "eventDate": date}]}
        self.send_response(status)
        self.end_headers()
        self.wfile.write(json.dumps(answer).encode())

    def log_message(self, *_):
        pass


def story(lab):
    bulb, tv = lab.devices
    lab.names(young="45.10.1.1", old="45.10.1.2", nowhere="45.10.1.3", secret="45.10.1.4")
    key, certificate = f"{lab.folder}/key", f"{lab.folder}/certificate"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        + ["-keyout", key, "-out", certificate, "-subj", "/CN=rdap", "-addext", f"subjectAltName=IP:{HOST}"],
        check=True,
        stderr=subprocess.DEVNULL,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with lab.inet_ns:
        server = http.server.ThreadingHTTPServer((HOST, PORT), Registry)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        lab.start(f"option rdap 1\nconfig device\noption mac {tv.mac}\noption mode trust")
        for name in ("young", "old", "nowhere"):
            bulb.lookup(f"www.{name}.example")
            bulb.lookup(f"{name}.example")
        tv.lookup("secret.example")
        assert bulb.reaches("45.10.1.1") and bulb.reaches("45.10.1.2")
        command = [the_lab.LEASH, "--socket", f"{lab.folder}/run/socket", "rdap"]
        command += ["--servers", f"https://{HOST}:{PORT}/dns.json", "--kept", f"{lab.folder}/kept"]
        environment = dict(os.environ, CURL_CA_BUNDLE=certificate)
        child = lab.router.popen(command, env=environment)
        try:
            lab.until(lambda: len(Registry.asked) == 4, "all are asked for", 60)
            found = lambda: [f for f in lab.leash("findings")["findings"] if f["detector"] == "young-name"]
            lab.until(found, "it is told")
        finally:
            child.kill()
            child.wait()
    finally:
        server.shutdown()
        server.server_close()
    assert sorted(Registry.asked) == [
        "/dns.json",
        "/rdap/domain/nowhere.example",
        "/rdap/domain/old.example",
        "/rdap/domain/young.example",
    ], Registry.asked
    told = [(f["message"], f["strength"]) for f in found()]
    assert told == [("calls young.example, which was registered 3 days ago", "weak")], told
