#!/usr/bin/env python3
"""Collects the texts of the page into luci-app/po/templates/leash.pot, as LuCI's build/i18n-scan.pl does, and brings
the translations up to date: new texts are added without a translation, texts that are gone go.

usage: tests/tools/pot.py [--check]
--check: changes nothing; fails where something would change or a translation has other gaps than its text, and lists
         the texts without a translation; with LUCI_SOURCE, a checkout of LuCI's repository, it fails also where LuCI's
         own build/i18n-scan.pl (Perl, gettext) finds other texts
"""

import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile

APP = pathlib.Path(__file__).resolve().parent.parent.parent / "luci-app"
HEAD = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=UTF-8\\n"\n'
LITERAL = r"'(?:[^'\\\n]|\\.)*'"
CALL = re.compile(rf"(?<![\w$.])_\(\s*({LITERAL}(?:\s*\+\s*{LITERAL})*)\s*\)")
COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
# What String.prototype.format of LuCI fills.
GAP = re.compile(r"%(?:'.|0| )?-?\d*(?:\.\d+)?[%bcdufosxXqhjtm]")


def calls(script):
    """(text, line) of each _('...'), also of one whose text is put together of several literals."""
    script = COMMENT.sub(lambda comment: "\n" * comment[0].count("\n"), script)
    for call in CALL.finditer(script):
        text = "".join(literal[1:-1] for literal in re.findall(LITERAL, call[1]))
        yield re.sub(r"\\(['\\])", r"\1", text), script.count("\n", 0, call.start()) + 1


def texts():
    """{text: [places]} in the order of the files."""
    found = collections.defaultdict(list)
    for path in sorted((APP / "htdocs").rglob("*.js")):
        for text, line in calls(path.read_text()):
            found[text].append(f"{path.relative_to(APP)}:{line}")
    for folder, pattern in (("menu.d", r'"title": "(.*?)"'), ("acl.d", r'"description": "(.*?)"')):
        for path in sorted((APP / "root/usr/share").glob(f"*/{folder}/*.json")):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                for text in re.findall(pattern, line):
                    found[text].append(f"{path.relative_to(APP)}:{number}")
    for text, places in found.items():
        # LuCI looks a text up without the spaces around it.
        assert text == " ".join(text.split()), f"{places[0]}: {text!r} has spaces to put elsewhere"
        assert "%" not in GAP.sub("", text), f"{places[0]}: {text!r}: a percent sign is %%"
    return found


def quote(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def entries(path):
    """{text: translation}; both may stand in several lines."""
    quoted = r'("(?:.*)"(?:\n".*")*)'
    plain = lambda lines: re.sub(r'\\(["\\])', r"\1", "".join(line[1:-1] for line in lines.splitlines()))
    pairs = re.findall(rf"^msgid {quoted}\nmsgstr {quoted}$", path.read_text(), re.MULTILINE)
    return {plain(text): plain(translation) for text, translation in pairs}


def found_by_luci(source):
    """The texts that LuCI's scanner finds."""
    with tempfile.NamedTemporaryFile("w+") as template:
        subprocess.run(["perl", f"{source}/build/i18n-scan.pl", APP], stdout=template, check=True)
        return set(entries(pathlib.Path(template.name)))


def main():
    check, found = "--check" in sys.argv, texts()
    wrong, missing = [], []
    if check and os.environ.get("LUCI_SOURCE"):
        differ = found_by_luci(os.environ["LUCI_SOURCE"]) ^ set(found)
        wrong += [f"LuCI's scanner differs about {text!r}" for text in sorted(differ) if text]
    outputs = {APP / "po/templates/leash.pot": {}}
    outputs |= {path: entries(path) for path in sorted(APP.glob("po/*/leash.po"))}
    for path, known in outputs.items():
        blocks = [f"msgid {quote(text)}\nmsgstr {quote(known.get(text, ''))}\n" for text in found]
        language = path.parent.name
        if path.suffix == ".pot":
            # Places move with every change; they are for the template alone.
            places = ("".join(f"#: {place}\n" for place in places) for places in found.values())
            blocks = [place + block for place, block in zip(places, blocks, strict=True)]
        else:
            missing += [f"{language}: no translation of {text!r}" for text in found if not known.get(text)]
            gaps = lambda text: [gap for gap in GAP.findall(text) if gap != "%%"]
            wrong += [
                f"{language}: other gaps in the translation of {text!r}"
                for text in found
                if known.get(text) and (gaps(text) != gaps(known[text]) or "%" in GAP.sub("", known[text]))
            ]
        # A translation tool writes more into the head.
        head = path.read_text().split("\n\n", 1)[0] + "\n" if known else HEAD
        whole = "\n".join([head, *blocks])
        # Lines that moved are no reason to fail.
        plain = lambda text: re.sub(r"^#: .*\n", "", text, flags=re.MULTILINE)
        if check and (not path.exists() or plain(path.read_text()) != plain(whole)):
            wrong.append(f"{path} is not up to date: tests/tools/pot.py")
        elif not check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(whole)
    print(*missing, *wrong, sep="\n", end="\n" if missing or wrong else "")
    print(f"{len(found)} texts, {len(outputs) - 1} languages, {len(missing)} translations missing")
    sys.exit(check and bool(wrong))


if __name__ == "__main__":
    main()
