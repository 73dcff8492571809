"""The smallest BitTorrent tracker: tells each client of a torrent of all others (BEP 3, BEP 23).

usage: tracker.py ADDRESS
"""

import http.server
import socket
import struct
import sys
import urllib.parse

PEERS = {}


class Tracker(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked = dict(pair.split("=", 1) for pair in self.path.partition("?")[2].split("&") if "=" in pair)
        peers = PEERS.setdefault(urllib.parse.unquote_to_bytes(asked.get("info_hash", "")), {})
        me = (self.client_address[0], int(asked.get("port", 0)))
        peers[me] = asked.get("left", "1") == "0"
        if asked.get("event") == "stopped":
            del peers[me]
        others = b"".join(socket.inet_aton(ip) + struct.pack(">H", port) for ip, port in peers if (ip, port) != me)
        seeds = sum(peers.values())
        body = b"d8:completei%de10:incompletei%de8:intervali60e12:min intervali30e5:peers%d:%se" % (
            seeds,
            len(peers) - seeds,
            len(others),
            others,
        )
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


http.server.ThreadingHTTPServer((sys.argv[1], 6969), Tracker).serve_forever()
