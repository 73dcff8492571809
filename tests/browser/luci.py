"""A stand-in for LuCI's server: hands out the page, and takes its calls to the bus and to the settings, with LuCI's
rights for root and for a user who may only look. luci/luci.js is the stand-in for what it runs in the browser, and
LUCI_SOURCE takes LuCI's own in its place: see theirs.py."""

import fnmatch
import http.server
import json
import pathlib
import re
import threading
import urllib.parse

import pot
import theirs
import ubus

HERE = pathlib.Path(__file__).resolve().parent
APP = HERE.parent.parent / "luci-app"
PORT = 8079
RIGHTS = json.loads((APP / "root/usr/share/rpcd/acl.d/luci-app-leash.json").read_text())["luci-app-leash"]
MENU = json.loads((APP / "root/usr/share/luci/menu.d/luci-app-leash.json").read_text())
TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png"}
PASSWORDS = {"root": "leash", "reader": "reader"}
LOGIN = b"""<!DOCTYPE html><meta charset=utf-8>
<form method=post><input name=luci_username><input name=luci_password type=password><button>Log in</button></form>"""


def texts(language):
    """{text: translation}"""
    po = APP / f"po/{language}/leash.po"
    return {text: said for text, said in pot.entries(po).items() if text and said} if po.exists() else {}


def page(path, user, world):
    tabs = [
        (node["order"], node["title"], name) for name, node in MENU.items() if "title" in node and name.count("/") == 3
    ]
    links = "".join(f'<li><a href="/cgi-bin/luci/{name}">{title}</a></li>' for _, title, name in sorted(tabs))
    views = {name: node["action"]["path"] for name, node in MENU.items() if "path" in node["action"]}
    views["admin/status/overview"] = "status/index"
    view = next(view for name, view in views.items() if fnmatch.fnmatch(path, name))
    if theirs.SOURCE:
        return theirs.page(path, view, user == "root", world.theme, world.language)
    write = json.dumps(user == "root")
    return f"""<!DOCTYPE html><html lang={world.language}><head><meta charset=utf-8>
<meta name=viewport content="width=device-width, initial-scale=1"><title>LuCI</title>
<link rel=stylesheet href=/luci/luci.css></head><body>
<ul class=tabs>{links}</ul><div id=maincontent><div id=view></div></div>
<script>window.MAY_WRITE = {write}; window.TR = {json.dumps(texts(world.language))};</script>
<script src=/luci/luci.js></script><script>L.show('{view}');</script></body></html>""".encode()


def sections(text):
    """[(type, name, {option: value or list})] of a uci file."""
    found = []
    for words in (re.findall(r"'([^']*)'|\"([^\"]*)\"|(\S+)", line) for line in text.splitlines()):
        words = ["".join(word) for word in words]
        if words[:1] == ["config"]:
            found.append((words[1], words[2] if len(words) > 2 else f"cfg{len(found):06x}", {}))
        elif words[:1] == ["option"]:
            found[-1][2][words[1]] = words[2]
        elif words[:1] == ["list"]:
            found[-1][2].setdefault(words[1], []).append(words[2])
    return found


def written(found):
    """The uci file of such sections."""
    lines = []
    for kind, name, options in found:
        lines.append(f"config {kind} '{name}'")
        for option, value in options.items():
            if isinstance(value, list):
                lines += [f"\tlist {option} '{each}'" for each in value]
            else:
                lines.append(f"\toption {option} '{value}'")
    return "\n".join(lines) + "\n"


def settings(world, user, method, arguments):
    """rpcd's object `uci`, as far as the page uses it. Changes wait in world.staged until they are applied."""
    config = arguments.get("config", "leash")
    if method == "changes":
        return [0, {"changes": {config: [["set"]] for config in world.staged}}]
    if config not in world.configs:
        return [0, {"values": {}}]
    if not may(user, config, "read" if method == "get" else "write"):
        return [6]
    path = pathlib.Path(world.configs[config])
    found = sections(world.staged.get(config) or path.read_text())
    options = next((options for _, name, options in found if name == arguments.get("section")), None)
    if method == "get":
        values = {
            name: {".type": kind, ".name": name, ".index": i, ".anonymous": name.startswith("cfg"), **options}
            for i, (kind, name, options) in enumerate(found)
        }
        return [0, {"values": values}]
    if method == "add":
        name = arguments.get("name") or f"cfg{len(found):06x}"
        values = {option: value for option, value in (arguments.get("values") or {}).items() if value}
        found.append((arguments["type"], name, values))
        world.staged[config] = written(found)
        return [0, {"section": name}]
    if method == "set":
        options.update(arguments["values"])
    elif method == "delete" and arguments.get("options"):
        for option in arguments["options"]:
            options.pop(option, None)
    elif method == "delete":
        found = [section for section in found if section[1] != arguments["section"]]
    elif method == "order":
        found.sort(key=lambda section: arguments["sections"].index(section[1]))
    else:
        return [3]
    world.staged[config] = written(found)
    return [0]


def apply(world):
    for config, text in world.staged.items():
        pathlib.Path(world.configs[config]).write_text(text)
    world.staged.clear()
    world.ask("settings changed")


def may(user, config, what):
    """Whether a user may read or write the settings of a file: rights are a list of files, or what each allows."""
    rights = {"read": RIGHTS["read"]["uci"], "write": RIGHTS["write"]["uci"] if user == "root" else []}
    return any(
        config in files and (what in files[config] if isinstance(files, dict) else what == own)
        for own, files in rights.items()
    )


def run(world, user, arguments):
    """rpcd's object `file`, method `exec`: a command that the rights name whole, as root."""
    words = [arguments["command"], *(arguments.get("params") or [])]
    if user != "root" or "exec" not in RIGHTS["write"]["file"].get(" ".join(words), []):
        return [6]
    done = world.run(words[1:])
    return [0, {"code": done.returncode, "stdout": done.stdout, "stderr": done.stderr}]


CHANGES = ["set", "add", "delete", "order"]


def call(world, user, request):
    if request["method"] == "list":
        return {"result": {}}
    _, object_, method, arguments = request["params"]
    allowed = RIGHTS["read"]["ubus"].get(object_, []) + (
        RIGHTS["write"]["ubus"].get(object_, []) if user == "root" else []
    )
    if object_ == "uci":
        allowed = ["get", "changes"] + (CHANGES if user == "root" else [])
    if object_ == "session" and method == "access":
        return {"result": [0, {"access": user == "root" or arguments.get("function") == "read"}]}
    if object_ == "luci" and method == "getFeatures":
        return {"result": [0, {}]}
    if object_ == "file" and method == "list":
        cards = [{"name": "45_leash.js", "type": "file"}] if "status/include" in arguments["path"] else []
        return {"result": [0, {"entries": cards}]}
    if object_ == "file" and method == "exec":
        return {"result": run(world, user, arguments)}
    if method not in allowed:
        return {"error": {"code": -32002, "message": "Access denied"}}
    if object_ == "uci":
        return {"result": settings(world, user, method, arguments)}
    client = ubus.Client(world.bus)
    if not client.find(object_):
        return {"error": {"code": -32000, "message": "Object not found"}}
    # As uhttpd does: the session goes along.
    status, answer = client.call(object_, method, {**arguments, "ubus_rpc_session": "0" * 32})
    return {"result": [status] if answer is None else [status, answer]}


def serve(world):
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def user(self):
            return next((user for user in PASSWORDS if f"user={user}" in self.headers.get("Cookie", "")), None)

        def answer(self, body, kind="text/html", status=200, **headers):
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": len(body), **headers}.items():
                self.send_header(name.replace("_", "-"), str(value))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self):
            path = urllib.parse.urlsplit(self.path).path
            name = path.removeprefix("/cgi-bin/luci/")
            if name.startswith("admin/translations"):
                return self.answer(theirs.translations(texts(world.language)), TYPES[".js"])
            if name == "admin/menu":
                menu = theirs.tree(MENU, self.user() == "root")
                return self.answer(json.dumps(menu).encode(), "application/json")
            if name != path:
                return self.answer(page(name, self.user(), world) if self.user() else LOGIN)
            file = APP / "htdocs" / path.lstrip("/") if path.startswith("/luci-static/") else HERE / path.lstrip("/")
            if theirs.SOURCE and not file.is_file():
                file = theirs.file(path) or file
            if not file.is_file():
                return self.answer(b"", status=404)
            self.answer(file.read_bytes(), TYPES.get(file.suffix, "text/plain"))

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            if self.path.startswith("/ubus"):
                request = json.loads(body)
                each = lambda one: {"jsonrpc": "2.0", "id": one["id"], **call(world, self.user(), one)}
                done = [each(one) for one in request] if isinstance(request, list) else each(request)
                return self.answer(json.dumps(done).encode(), "application/json")
            if "/admin/uci/apply" in self.path:
                apply(world)
                return self.answer(b'{"token": ""}', "application/json")
            if "/admin/uci/confirm" in self.path:
                return self.answer(b"", status=204)
            form = dict(urllib.parse.parse_qsl(body))
            user = form.get("luci_username")
            if user not in PASSWORDS or PASSWORDS[user] != form.get("luci_password"):
                return self.answer(LOGIN, status=403)
            self.answer(b"", status=302, Location=self.path, Set_Cookie=f"user={user}; path=/; HttpOnly")

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_):
            """A page that was left while it was answered."""

    server = Server(("127.0.0.1", PORT), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{PORT}/cgi-bin/luci"
