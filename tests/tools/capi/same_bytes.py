#!/usr/bin/env python3
"""Whether logs have the same bytes, but for salts and clocks and what follows from them.

    same_bytes.py LOG LOG...

Left out are, of a segment's header, the log's UUID, the salt, the times, and both checksums; of each frame
its checksum and when it was captured; and a seal's digest, which must be what SPEC.md section 5.4 says of
the checksums before it.
"""

import os
import struct
import sys

HEADER, SEAL = 4096, 7
# Offset and size, as in format/include/tidemark/layout.h.
LEFT_OUT = {"log_uuid": (24, 16), "salt": (80, 8), "prepared_at_ns": (88, 8), "identity_checksum": (248, 8),
            "published_at_ns": (320, 8), "checksum": (4088, 8)}


def neutral(path):
    with open(path, "rb") as file:
        data = bytearray(file.read())
    for offset, size in LEFT_OUT.values():
        assert any(data[offset:offset + size]), f"{path}: nothing at {offset}, where something is left out"
        data[offset:offset + size] = bytes(size)
    at, digest, frames = HEADER, 0, 0
    while at + 32 <= len(data):
        word, checksum = struct.unpack_from("<QQ", data, at)
        length, kind = word & 0xFFFFFFFF, word >> 32 & 0xFF
        if word == 0:
            break
        data[at + 8:at + 16] = bytes(8)
        data[at + 24:at + 32] = bytes(8)
        if kind == SEAL:
            stands = data.find(struct.pack("<Q", digest), at, at + length)
            assert stands > 0, f"{path}: the seal's digest is not that of the frames"
            data[stands:stands + 8] = bytes(8)
        digest = (digest ^ checksum) * 0x9FB21C651E98DF25 % 2**64
        at += (length + 7) // 8 * 8
        frames += 1
    assert frames > 2, f"{path}: {frames} frames"
    return bytes(data)


def segments(log):
    stream = os.path.join(log, "streams", "00000")
    return {name: neutral(os.path.join(stream, name)) for name in os.listdir(stream) if name.endswith(".seg")}


def main():
    first, *others = sys.argv[1:]
    expected = segments(first)
    assert others and len(expected) > 3, "there is too little to compare"
    for log in others:
        found = segments(log)
        if sorted(found) != sorted(expected):
            sys.exit(f"{log} has the segments {sorted(found)}, {first} has {sorted(expected)}")
        for name in sorted(found):
            if found[name] != expected[name]:
                at = next(i for i, (a, b) in enumerate(zip(found[name], expected[name])) if a != b)
                sys.exit(f"{name} differs at offset {at}: {log} and {first}")


main()
