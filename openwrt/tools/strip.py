#!/usr/bin/env python3
"""strip.py FROM TO: copies an ELF program up to its last loadable byte, without the table of sections: what follows is
for debuggers alone, and on MIPS a section that `strip` leaves there takes 100 KB. Both sizes, both byte orders
(elf(5))."""

import os
import struct
import sys

source, target = sys.argv[1:]
data = bytearray(open(source, "rb").read())
assert data[:4] == b"\x7fELF", f"{source} is no ELF file"
order = "<" if data[5] == 1 else ">"
# Places in the head: of the table of segments, of that of sections (offset; entry size, number, names); in a segment's
# entry.
word, head, sections, names, offset, length = ("Q", 32, 40, 58, 8, 32) if data[4] == 2 else ("I", 28, 32, 46, 4, 16)
(table,) = struct.unpack_from(order + word, data, head)
size, count = struct.unpack_from(order + "HH", data, names - 4)
end = table + size * count
for at in range(table, end, size):
    (begin,) = struct.unpack_from(order + word, data, at + offset)
    end = max(end, begin + struct.unpack_from(order + word, data, at + length)[0])
struct.pack_into(order + word, data, sections, 0)
struct.pack_into(order + "HHH", data, names, 0, 0, 0)
open(target, "wb").write(data[:end])
os.chmod(target, 0o755)
