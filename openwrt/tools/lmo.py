"""Translations as LuCI reads them: what its po2lmo makes of a .po file.

A file is the translations, each padded to 4 bytes, then an index sorted by the hash of the text (hash, 1, place,
length), then where the index begins; numbers are big endian. The hash is Paul Hsieh's SuperFastHash, begun with the
length."""

import re
import struct


def get16(data, at):
    return data[at] | data[at + 1] << 8


def signed(byte):
    return byte - 256 if byte > 127 else byte


def fast_hash(data):
    cut, value = len(data) & ~3, len(data)
    word = lambda number: number & 0xFFFFFFFF
    for at in range(0, cut, 4):
        value = word(value + get16(data, at))
        value = word(value << 16 ^ get16(data, at + 2) << 11 ^ value)
        value = word(value + (value >> 11))
    rest = len(data) - cut
    if rest == 3:
        value = word(value + get16(data, cut))
        value = word(value ^ value << 16)
        value = word(value ^ signed(data[cut + 2]) << 18)
        value = word(value + (value >> 11))
    elif rest == 2:
        value = word(value + get16(data, cut))
        value = word(value ^ value << 11)
        value = word(value + (value >> 17))
    elif rest == 1:
        value = word(value + signed(data[cut]))
        value = word(value ^ value << 10)
        value = word(value + (value >> 1))
    for shift, left in ((3, True), (5, False), (4, True), (17, False), (25, True), (6, False)):
        value = word(value ^ value << shift) if left else word(value + (value >> shift))
    return value


def compile(po):
    """The bytes of a .lmo file for the text of a .po file; its texts are of one line each."""
    plain = lambda text: re.sub(r'\\(["\\])', r"\1", text).encode()
    values, index = b"", []
    for text, translation in re.findall(r'^msgid "(.+)"\nmsgstr "(.+)"$', po, re.MULTILINE):
        key, value = fast_hash(plain(text)), plain(translation)
        if key != fast_hash(value):
            index.append((key, 1, len(values), len(value)))
            values += value + bytes(-len(value) % 4)
    return values + b"".join(struct.pack(">4I", *entry) for entry in sorted(index)) + struct.pack(">I", len(values))
