"""LuCI's own browser side and themes, out of a checkout of LuCI's repository (LUCI_SOURCE), over the stand-in for its
server: pages as LuCI's templates make them, without the ucode in between."""

import json
import os
import pathlib
import re

import lmo

SOURCE = os.environ.get("LUCI_SOURCE") and pathlib.Path(os.environ["LUCI_SOURCE"])
THEMES = {"bootstrap": "bootstrap", "material": "material", "openwrt2020": "openwrt-2020"}
FOLDERS = ("modules/luci-base/htdocs", "modules/luci-mod-status/htdocs")
# The conditions of the templates that hold, and what their expressions are. All else is false, and nothing.
HOLDS = ("!darkpref", "!blank_page")
VALUES = {"media": "/luci-static/{theme}", "resource": "/luci-static/resources", "dispatcher.lang": "{language}"}


def file(path):
    """LuCI's file for a path of its web server, or None."""
    folders = [*FOLDERS, *(f"themes/luci-theme-{folder}/htdocs" for folder in THEMES.values())]
    found = (SOURCE / folder / path.lstrip("/") for folder in folders)
    return next((file for file in found if file.is_file()), None)


def template(theme, name, language):
    """A template of a theme, as HTML."""
    text = (SOURCE / f"themes/luci-theme-{THEMES[theme]}/ucode/template/themes/{theme}/{name}.ut").read_text()
    html, shown = "", []
    for piece in re.split(r"(\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\})", text, flags=re.DOTALL):
        inside = piece[2:-2].strip(" -+\n\t")
        word = inside.split(" ")[0]
        if piece.startswith("{%") and word in ("if", "for"):
            shown.append(inside[len(word) :].strip(" ():") in HOLDS)
        elif piece.startswith("{%") and word in ("else:", "elif"):
            shown[-1] = not shown[-1] and word == "else:"
        elif piece.startswith("{%") and word in ("endif", "endfor"):
            shown.pop()
        elif piece.startswith("{{") and all(shown):
            if "translations" in inside:
                html += f"/cgi-bin/luci/admin/translations/{language}"
            html += "OpenWrt" if "hostname" in inside else ""
            html += VALUES.get(inside, "").format(theme=theme, language=language)
        elif not piece.startswith(("{%", "{#")) and all(shown):
            html += piece
    return html


def translations(texts):
    hashed = {f"{lmo.fast_hash(text.encode()):08x}": said for text, said in texts.items()}
    return f"window.TR={json.dumps(hashed)};".encode()


def tree(menu, may_write):
    """The menu as LuCI's server sends it."""
    root = {"satisfied": True, "children": {}}
    places = {
        "admin": {"title": "Administration", "action": {"type": "firstchild"}},
        "admin/services": {"title": "Services", "order": 40, "action": {"type": "firstchild"}},
        "admin/status": {"title": "Status", "order": 10, "action": {"type": "firstchild"}},
        "admin/status/overview": {"title": "Overview", "action": {"type": "view", "path": "status/index"}},
        **menu,
    }
    for path, node in places.items():
        at = root
        for name in path.split("/"):
            at = at["children"].setdefault(name, {"satisfied": True, "readonly": not may_write, "children": {}})
        at.update(node)
    return root


def page(path, view, may_write, theme, language):
    words = path.split("/")
    env = {
        "media": f"/luci-static/{theme}",
        "resource": "/luci-static/resources",
        "scriptname": "/cgi-bin/luci",
        "pathinfo": f"/{path}",
        "documentroot": "/www",
        "requestpath": words,
        "dispatchpath": words[:4],
        "pollinterval": 5,
        "ubuspath": "/ubus/",
        "sessionid": "0" * 32,
        "token": "0" * 32,
        "nodespec": {"satisfied": True, "readonly": not may_write},
        "apply_rollback": 90,
        "apply_holdoff": 1,
        "apply_timeout": 5,
        "apply_display": 0.5,
    }
    return f"""{template(theme, "header", language)}
<script src="/luci-static/resources/luci.js"></script><script>L = new LuCI({json.dumps(env)});</script>
<div id=view><div class=spinning></div>
<script>L.require('ui').then(ui => ui.instantiateView('{view}'));</script></div>
{template(theme, "footer", language)}""".encode()
