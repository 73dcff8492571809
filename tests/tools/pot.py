#!/usr/bin/env python3
"""Collects the texts of the page, _('...'), and those of the detectors, into luci-app/po/templates/leash.pot, and
brings the translations up to date: new texts are added without a translation, texts that are gone go.

usage: tests/tools/pot.py [--check]     --check: changes nothing; fails where something would change or a translation is
                                        missing
"""

import pathlib
import re
import sys

APP = pathlib.Path(__file__).resolve().parent.parent.parent / "luci-app"
HEAD = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'
LITERAL = r"'(?:[^'\\]|\\.)*'"
TEXT = re.compile(rf"\b(?:_|english)\(\s*({LITERAL}(?:\s*\+\s*{LITERAL})*)\s*\)")


def texts():
    """{text: [places]} in the order of the files."""
    found = {}
    for path in sorted((APP / "htdocs").rglob("*.js")):
        script = path.read_text()
        for call in TEXT.finditer(script):
            text = "".join(literal[1:-1] for literal in re.findall(LITERAL, call[1])).replace("\\'", "'")
            line = script.count("\n", 0, call.start()) + 1
            found.setdefault(text, []).append(f"{path.relative_to(APP)}:{line}")
    for path in sorted((APP.parent / "src/detect").glob("*.rs")):
        # What a detector is about, and what fools it.
        for block in re.findall(r"Detector = Detector \{(.*?)judge:", path.read_text(), re.DOTALL):
            for text in re.findall(r'"((?:[^"\\]|\\.)*)"', block)[1:]:
                found.setdefault(re.sub(r"\\\n\s*", "", text), []).append(str(path.relative_to(APP.parent)))
    for path in sorted((APP / "root/usr/share/luci/menu.d").glob("*.json")):
        for text in re.findall(r'"title": "(.*?)"', path.read_text()):
            found.setdefault(text, []).append(str(path.relative_to(APP)))
    for text in found:
        # LuCI looks a text up without the spaces around it.
        assert text == " ".join(text.split()), f"{found[text][0]}: {text!r} has spaces to put elsewhere"
    return found


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def entries(path):
    """{text: translation}"""
    pairs = re.findall(r'^msgid "(.*)"\nmsgstr "(.*)"$', path.read_text(), re.MULTILINE) if path.exists() else []
    plain = lambda text: text.replace('\\"', '"').replace("\\\\", "\\")
    return {plain(text): plain(translation) for text, translation in pairs if text}


def main():
    check, found, wrong = "--check" in sys.argv, texts(), []
    outputs = {APP / "po/templates/leash.pot": {}}
    outputs |= {path: entries(path) for path in sorted(APP.glob("po/*/leash.po"))}
    for path, known in outputs.items():
        blocks = [
            f"#: {' '.join(places)}\nmsgid {quote(text)}\nmsgstr {quote(known.get(text, ''))}\n"
            for text, places in found.items()
        ]
        # Places move with every change; they are for the template alone.
        if path.suffix == ".po":
            blocks = [block.split("\n", 1)[1] for block in blocks]
            wrong += [f"{path.parent.name}: no translation of {text!r}" for text in found if not known.get(text)]
            holes = lambda text: sorted(re.findall(r"%\d*\.?\d*[dsm]|%%", text))
            wrong += [
                f"{path.parent.name}: other values in {text!r}"
                for text in found
                if known.get(text) and holes(text) != holes(known[text])
            ]
        whole = "\n".join([HEAD] + blocks)
        if check and (not path.exists() or path.read_text() != whole):
            wrong.append(f"{path} is not up to date: tests/tools/pot.py")
        elif not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(whole)
    if check and wrong:
        sys.exit("\n".join(wrong))
    print(f"{len(found)} texts, {len(outputs) - 1} translations")


if __name__ == "__main__":
    main()
