"""Packages for opkg (OpenWrt up to 24.10): a gzipped tar of two gzipped tars, as OpenWrt's scripts/ipkg-build makes
them, and the index of a feed, as its scripts/ipkg-make-index.sh does."""

import base64
import gzip
import hashlib
import io
import pathlib
import subprocess
import tarfile
import tempfile

# What every package of OpenWrt runs; they find the package's own scripts beside them.
POSTINST = """#!/bin/sh
[ "${IPKG_NO_SCRIPT}" = "1" ] && exit 0
[ -s ${IPKG_INSTROOT}/lib/functions.sh ] || exit 0
. ${IPKG_INSTROOT}/lib/functions.sh
default_postinst $0 $@
"""
PRERM = """#!/bin/sh
[ -s ${IPKG_INSTROOT}/lib/functions.sh ] || exit 0
. ${IPKG_INSTROOT}/lib/functions.sh
default_prerm $0 $@
"""


def archive(members, epoch):
    """A gzipped tar of (name, mode, bytes; None for a folder), the same whenever it is made."""
    out = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=out, mode="wb", compresslevel=9, mtime=0, filename="") as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.GNU_FORMAT) as tar,
    ):
        for name, mode, data in members:
            entry = tarfile.TarInfo(name)
            entry.mode, entry.mtime = mode, epoch
            entry.type, entry.size = (tarfile.DIRTYPE, 0) if data is None else (tarfile.REGTYPE, len(data))
            tar.addfile(entry, None if data is None else io.BytesIO(data))
    return out.getvalue()


def control(package, epoch):
    fields = {
        "Package": package.name,
        "Version": package.version,
        "Depends": ", ".join(["libc"] + package.depends),
        "SourceName": "leash",
        "License": package.license,
        "Section": package.section,
        "Require-User": package.user,
        "SourceDateEpoch": str(epoch),
        "URL": package.url,
        "Maintainer": package.maintainer,
        "Architecture": package.arch,
        "Installed-Size": str(sum((package.tree / path).stat().st_size for path in package.files())),
        "Description": f" {package.description}",
    }
    return "".join(f"{key}: {value}\n" for key, value in fields.items() if value.strip())


def write(package, folder, epoch):
    """Writes the package; returns its path."""
    data = [("./", 0o755, None)] + [
        (f"./{path}", package.mode(path), None if path in package.folders() else (package.tree / path).read_bytes())
        for path in sorted(package.folders() + package.files())
    ]
    texts = {"control": control(package, epoch), "postinst": POSTINST, "prerm": PRERM}
    if package.conffiles:
        texts["conffiles"] = "".join(f"{path}\n" for path in package.conffiles)
    texts |= {{"postrm": "postrm"}.get(name, f"{name}-pkg"): text for name, text in package.scripts.items()}
    inner = [("./", 0o755, None)] + [
        (f"./{name}", 0o644 if name in ("control", "conffiles") else 0o755, text.encode())
        for name, text in sorted(texts.items())
    ]
    path = pathlib.Path(folder) / f"{package.name}_{package.version}_{package.arch}.ipk"
    path.write_bytes(
        archive(
            [
                ("./debian-binary", 0o644, b"2.0\n"),
                ("./data.tar.gz", 0o644, archive(data, epoch)),
                ("./control.tar.gz", 0o644, archive(inner, epoch)),
            ],
            epoch,
        )
    )
    return path


def index(folder, key=None):
    """Makes the folder a feed: Packages, Packages.gz, and with a key Packages.sig."""
    folder, text = pathlib.Path(folder), ""
    for path in sorted(folder.glob("*.ipk")):
        with tarfile.open(path) as outer, tarfile.open(fileobj=outer.extractfile("./control.tar.gz")) as inner:
            fields = inner.extractfile("./control").read().decode()
        whole = path.read_bytes()
        about = f"Filename: {path.name}\nSize: {len(whole)}\nSHA256sum: {hashlib.sha256(whole).hexdigest()}\n"
        text += fields.replace("Description:", f"{about}Description:", 1) + "\n"
    (folder / "Packages").write_text(text)
    (folder / "Packages.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
    (folder / "Packages.sig").unlink(missing_ok=True)
    if key:
        (folder / "Packages.sig").write_text(sign(text.encode(), pathlib.Path(key)))


def sign(message, key):
    """Signs as usign does (and OpenBSD's signify): Ed25519, by a secret key made by `usign -G` or `signify -G -n`."""
    secret = base64.b64decode(key.read_text().splitlines()[1])
    if len(secret) != 104 or secret[:4] != b"EdBK" or secret[4:8] != bytes(4):
        raise SystemExit(
            f"{key} is no secret key of usign without a passphrase: make one with `usign -G -s {key} -p {key}.pub`"
        )
    fingerprint, seed = secret[32:40], secret[40:72]
    with tempfile.TemporaryDirectory() as folder:
        private, text = pathlib.Path(folder, "key"), pathlib.Path(folder, "text")
        private.write_bytes(bytes.fromhex("302e020100300506032b657004220420") + seed)  # PKCS #8 (RFC 8410)
        private.chmod(0o600)
        text.write_bytes(message)
        signature = subprocess.run(
            ["openssl", "pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", private, "-in", text],
            check=True,
            capture_output=True,
        ).stdout
    signed = base64.b64encode(b"Ed" + fingerprint + signature).decode()
    return f"untrusted comment: signed by key {fingerprint.hex()}\n{signed}\n"
