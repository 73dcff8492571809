"""Packages for apk 3 (OpenWrt from 25.12) and the index of a feed: the format of apk-tools, described in its apk-v3(5),
its adb.h and apk_adb.h; what the packages hold beside their files is what OpenWrt's include/package-pack.mk puts there.

A file is "ADBd" and a raw deflate stream of: "ADB.", the schema's name, and blocks (type and length in one word, padded
to 8): the database, signatures, and each file that is not empty. A database is values that refer to others by their
place; all numbers are little endian."""

import hashlib
import pathlib
import struct
import subprocess
import tempfile
import zlib

INT, INT_32, INT_64, BLOB_8, BLOB_16, BLOB_32, ARRAY, OBJECT = 1, 2, 3, 8, 9, 0xA, 0xD, 0xE
DATABASE, SIGNATURE, DATA = 0, 1, 2

# Members of objects, by their number from 1 on.
PACKAGE_INFO = [
    "name",
    "version",
    "hashes",
    "description",
    "arch",
    "license",
    "origin",
    "maintainer",
    "url",
    "repo-commit",
    "build-time",
    "installed-size",
    "file-size",
    "provider-priority",
    "depends",
]
SCRIPTS = ["trigger", "pre-install", "post-install", "pre-deinstall", "post-deinstall", "pre-upgrade", "post-upgrade"]


class Database:
    """A database that grows at its end; equal values are written once."""

    def __init__(self):
        self.bytes, self.known = bytearray(8), {}

    def put(self, data, align, share=True):
        if share and (align, data) in self.known:
            return self.known[align, data]
        self.bytes += bytes(-len(self.bytes) % align)
        at = self.known[align, data] = len(self.bytes)
        self.bytes += data
        return at

    def blob(self, data, share=True):
        data = data.encode() if isinstance(data, str) else data
        for kind, form, most in ((BLOB_8, "<B", 0xFF), (BLOB_16, "<H", 0xFFFF), (BLOB_32, "<I", 0xFFFFFFFF)):
            if len(data) <= most:
                return (
                    data
                    and kind << 28 | self.put(struct.pack(form, len(data)) + data, struct.calcsize(form), share)
                    or 0
                )

    def integer(self, number):
        if number < 1 << 28:
            return INT << 28 | number
        form, kind = ("<I", INT_32) if number < 1 << 32 else ("<Q", INT_64)
        return kind << 28 | self.put(struct.pack(form, number), 4)

    def array(self, values, kind=ARRAY):
        values = list(values)
        while values and not values[-1]:
            values.pop()
        return values and kind << 28 | self.put(struct.pack(f"<{len(values) + 1}I", len(values) + 1, *values), 4) or 0

    def object(self, *members):
        return self.array(members, OBJECT)

    def finish(self, root):
        self.bytes[4:8] = struct.pack("<I", root)
        return bytes(self.bytes)


def block(kind, data):
    raw = struct.pack("<I", kind << 30 | 4 + len(data)) + data
    return raw + bytes(-len(raw) % 8)


def container(schema, database, data=(), key=None):
    """The whole file."""
    blocks = block(DATABASE, database)
    if key:
        blocks += block(SIGNATURE, sign(schema, database, key))
    blocks += b"".join(block(DATA, entry) for entry in data)
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -15)
    return b"ADBd" + squeeze.compress(b"ADB." + schema + blocks) + squeeze.flush()


def sign(schema, database, key):
    """By an EC key (P-256) in a PEM file: version 0, SHA-512, which key, and ECDSA over all that and the database's
    hash."""
    public = subprocess.run(
        ["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"], check=True, capture_output=True
    ).stdout
    head = bytes([0, 4]) + hashlib.sha512(public[-65:]).digest()[:16]
    with tempfile.NamedTemporaryFile() as message:
        message.write(schema + head + hashlib.sha512(database).digest())
        message.flush()
        return (
            head
            + subprocess.run(
                ["openssl", "dgst", "-sha512", "-sign", key, message.name], check=True, capture_output=True
            ).stdout
        )


def information(db, values, depends):
    """A package's information: `values` by name, of which the hashes already are in the database."""
    wanted = [db.object(db.blob(name)) for name in sorted(depends)]
    fields = {
        name: value if name == "hashes" else db.integer(value) if isinstance(value, int) else db.blob(value)
        for name, value in values.items()
    }
    fields["depends"] = db.array(wanted)
    return db.object(*(fields.get(name, 0) for name in PACKAGE_INFO))


def scripts(package):
    """What apk runs: OpenWrt's defaults, then the package's own; an upgrade is told by a variable."""
    own = {
        name: "\n".join(line for line in text.splitlines() if not line.startswith("#!"))
        for name, text in package.scripts.items()
    }
    begin = f"""[ -s ${{IPKG_INSTROOT}}/lib/functions.sh ] || exit 0
. ${{IPKG_INSTROOT}}/lib/functions.sh
export root="${{IPKG_INSTROOT}}"
export pkgname="{package.name}"
"""
    own_after = own.get("postinst", "")
    after = f'[ "${{IPKG_NO_SCRIPT}}" = "1" ] && exit 0\n{begin}add_group_and_user\ndefault_postinst\n{own_after}\n'
    found = {
        "post-install": f"#!/bin/sh\n{after}",
        "post-upgrade": f"#!/bin/sh\nexport PKG_UPGRADE=1\n{after}",
        "pre-deinstall": f"#!/bin/sh\n{begin}default_prerm\n{own.get('prerm', '')}\n",
    }
    if "postrm" in own:
        found["post-deinstall"] = package.scripts["postrm"]
    return found


def about(package):
    """The files by which OpenWrt's scripts know what belongs to a package."""
    listed = "".join(f"/{path}\n" for path in package.files())
    at = f"lib/apk/packages/{package.name}"
    package.add(f"{at}.list", listed)
    if package.user:
        package.add(f"{at}.rusers", f"{package.user}\n")
    if package.conffiles:
        package.add(f"{at}.conffiles", "".join(f"{path}\n" for path in package.conffiles))
        package.add(
            f"{at}.conffiles_static",
            "".join(f"{path} {package.digest(path.lstrip('/')).hexdigest()}\n" for path in package.conffiles),
        )


def write(package, folder, epoch, key=None):
    """Writes the package; returns its path. Adds to the package's tree what only apk wants."""
    about(package)
    db, data, folders = Database(), [], []
    rights = lambda path: db.object(db.integer(package.mode(path)), db.blob("root"), db.blob("root"))
    size = 0
    for number, where in enumerate([""] + package.folders(), 1):
        entries = []
        names = sorted(path.name.encode() for path in (package.tree / where).iterdir() if path.is_file())
        for at, name in enumerate(names, 1):
            path = f"{where}/{name.decode()}".lstrip("/")
            content = (package.tree / path).read_bytes()
            size += len(content)
            entries.append(
                db.object(
                    db.blob(name),
                    rights(path),
                    db.integer(len(content)),
                    db.integer(epoch),
                    db.blob(hashlib.sha256(content).digest()),
                )
            )
            if content:
                data.append(struct.pack("<II", number, at) + content)
        folders.append(db.object(db.blob(where), rights(where), db.array(entries)))
    identity = db.blob(bytes(20), share=False)
    values = {
        "name": package.name,
        "version": package.version,
        "hashes": identity,
        "description": package.title,
        "arch": "noarch" if package.arch == "all" else package.arch,
        "license": package.license,
        "origin": "leash",
        "maintainer": package.maintainer,
        "url": package.url,
        "build-time": epoch,
        "installed-size": max(size, 1),
    }
    info = information(db, values, ["libc"] + package.depends)
    texts = scripts(package)
    root = db.object(
        info, db.array(folders), db.object(*(db.blob(texts[name]) if name in texts else 0 for name in SCRIPTS))
    )
    database = bytearray(db.finish(root))
    # A package's identity is the hash of its database with zeros in the identity's place.
    at = (identity & 0xFFFFFFF) + 1
    database[at : at + 20] = hashlib.sha256(database).digest()[:20]
    path = pathlib.Path(folder) / f"{package.name}-{package.version}.apk"
    path.write_bytes(container(b"pckg", bytes(database), data, key))
    # By this the index knows it.
    values |= {"hashes": hashlib.sha256(database).digest(), "file-size": path.stat().st_size}
    return path, (values, ["libc"] + package.depends)


def index(folder, entries, key=None):
    """Makes the folder a feed of the packages that `write` told of: packages.adb."""
    db = Database()
    packages = []
    for values, depends in sorted(entries, key=lambda entry: entry[0]["name"]):
        packages.append(information(db, values | {"hashes": db.blob(values["hashes"])}, depends))
    root = db.object(0, db.array(packages))
    (pathlib.Path(folder) / "packages.adb").write_bytes(container(b"indx", db.finish(root), key=key))
