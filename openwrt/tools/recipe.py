"""What a package is: read out of the Makefile that OpenWrt's own build system takes, so that it is written down once.

Understood is what our two Makefiles use: variables, blocks of `define`, lines that go on after a backslash, and recipes
of INSTALL_DIR, INSTALL_BIN, INSTALL_DATA, INSTALL_CONF and CP. LuCI's way (luci.mk) is to take `root` for / and
`htdocs` for /www, and to tell rpcd of it after the installation; each language is a package of its own."""

import dataclasses
import hashlib
import os
import pathlib
import re
import shlex
import subprocess

import lmo

# Folders of translations, and what LuCI calls these languages.
LANGUAGES = {"de": ("de", "Deutsch (German)"), "zh_Hans": ("zh-cn", "简体中文 (Simplified Chinese)")}
LUCI_POSTINST = """#!/bin/sh
[ -z "${IPKG_INSTROOT}" ] || exit 0
rm -f /tmp/luci-indexcache.*
rm -rf /tmp/luci-modulecache/
/etc/init.d/rpcd reload 2>/dev/null
exit 0
"""


@dataclasses.dataclass
class Package:
    name: str
    version: str  # as both formats want it: 1.2.3-r1
    arch: str  # of OpenWrt; "all" for files that every processor reads
    title: str
    description: str
    section: str
    depends: list
    license: str
    maintainer: str
    url: str
    user: str  # "name=id:group=id" or nothing
    conffiles: list
    scripts: dict  # postinst, prerm, postrm: text
    tree: pathlib.Path  # what comes into the router's root
    private: list = dataclasses.field(default_factory=list)  # files that only root may read

    def files(self):
        """Paths of all files below `tree`, sorted; there are no links."""
        return sorted(str(path.relative_to(self.tree)) for path in self.tree.rglob("*") if path.is_file())

    def folders(self):
        return sorted(str(path.relative_to(self.tree)) for path in self.tree.rglob("*") if path.is_dir())

    def mode(self, path):
        """The mode it gets, whatever the umask was when the sources were fetched."""
        full = self.tree / path
        if path in self.private:
            return 0o600
        return 0o755 if full.is_dir() or os.access(full, os.X_OK) and full.stat().st_mode & 0o100 else 0o644

    def add(self, path, text):
        (self.tree / path).parent.mkdir(parents=True, exist_ok=True)
        (self.tree / path).write_text(text)

    def digest(self, path):
        return hashlib.sha256((self.tree / path).read_bytes())


def read(makefile):
    """The variables and the blocks of a Makefile."""
    text = makefile.read_text()
    blocks = dict(re.findall(r"^define (\S+)\n(.*?)^endef$", text, re.MULTILINE | re.DOTALL))
    rest = re.sub(r"^define .*?^endef$", "", text, flags=re.MULTILINE | re.DOTALL)
    return assignments(rest), blocks


def assignments(text):
    found = {}
    for name, value in re.findall(r"^\s*(\w+):=(.*)$", re.sub(r"\\\n\s*", "", text), re.MULTILINE):
        found[name] = re.sub(r"\$\((\w+)\)", lambda m: found.get(m[1], ""), value).strip()
    return found


def packages(makefile, arch, binary, folder):
    """The packages of a Makefile, their files below `folder`."""
    variables, blocks = read(makefile)
    here = makefile.parent
    version = f"{variables['PKG_VERSION']}-r{variables['PKG_RELEASE']}"
    if "LUCI_TITLE" in variables:
        name = variables["PKG_NAME"]
        blocks = {
            f"Package/{name}": f"TITLE:={variables['LUCI_TITLE']}\nDEPENDS:={variables['LUCI_DEPENDS']}\n"
            "SECTION:=luci\nPKGARCH:=all\n",
            f"Package/{name}/description": variables["LUCI_DESCRIPTION"],
            f"Package/{name}/postinst": LUCI_POSTINST,
            f"Package/{name}/install": "cp -R ./root/. $(1)/\n$(INSTALL_DIR) $(1)/www\ncp -R ./htdocs/. $(1)/www/\n",
        }
    for block, text in blocks.items():
        if not re.fullmatch(r"Package/[\w-]+", block):
            continue
        name = block.split("/")[1]
        fields = variables | assignments(text)
        part = lambda what, block=block: blocks.get(f"{block}/{what}", "").replace("$$", "$")
        package = Package(
            name=name,
            version=version,
            arch=fields.get("PKGARCH", arch),
            title=fields["TITLE"],
            description=" ".join(part("description").split()),
            section=fields["SECTION"],
            depends=[word[1:] for word in fields.get("DEPENDS", "").split() if word.startswith("+")],
            license=fields.get("LICENSE", fields["PKG_LICENSE"]),
            maintainer=fields["PKG_MAINTAINER"],
            url=fields.get("URL", ""),
            user=fields.get("USERID", ""),
            conffiles=part("conffiles").split(),
            scripts={what: part(what) for what in ("postinst", "prerm", "postrm") if part(what)},
            tree=pathlib.Path(folder) / name,
            private=re.findall(r"INSTALL_CONF\) .*\$\(1\)/(\S+)", part("install")),
        )
        package.tree.mkdir()
        install(part("install"), here, package.tree, binary)
        yield package
        if "LUCI_TITLE" in variables:
            yield from (translation(package, po, folder) for po in sorted(here.glob("po/*/leash.po")))


def translation(page, po, folder):
    """The package of a language."""
    code, title = LANGUAGES[po.parent.name]
    name = f"luci-i18n-leash-{code}"
    package = dataclasses.replace(
        page,
        name=name,
        title=f"{page.name} - {code} translation",
        description=f"Translation for {page.name} - {title}",
        depends=[page.name],
        tree=pathlib.Path(folder) / name,
        scripts={"postinst": LUCI_POSTINST},
    )
    package.tree.mkdir()
    package.add(
        f"etc/uci-defaults/{name}", f"uci set luci.languages.{code.replace('-', '_')}='{title}'; uci commit luci\n"
    )
    (package.tree / "usr/lib/lua/luci/i18n").mkdir(parents=True)
    (package.tree / f"usr/lib/lua/luci/i18n/leash.{code}.lmo").write_bytes(lmo.compile(po.read_text()))
    return package


def install(recipe, here, tree, binary):
    """Carries out a recipe as make would."""
    words = {
        "INSTALL_DIR": "install -d",
        "INSTALL_BIN": "install -m755",
        "INSTALL_DATA": "install -m644",
        "INSTALL_CONF": "install -m600",
        "CP": "cp -R",
        "1": shlex.quote(str(tree)),
    }
    if binary:
        recipe = recipe.replace("$(PKG_INSTALL_DIR)/bin/leash", shlex.quote(str(binary)))
    recipe = re.sub(r"\$\((\w+)\)", lambda m: words[m[1]], recipe)
    subprocess.run(["sh", "-e"], input=recipe, text=True, cwd=here, check=True)
