#!/usr/bin/env python3
"""Reads a log by SPEC.md alone, and prints its events as `tidemark cat` does.

    naive_reader.py LOG            every event, a JSON line each; after damage what it is, exit code 3
    naive_reader.py --segment FILE the same for a lone segment, whatever its stream and place

Slow and plain on purpose. It knows no writer: what it reads must not be written meanwhile. Records
are printed as they stand, without regard to a schema.
"""

import base64
import json
import os
import re
import struct
import sys

from xxh3 import MASK, u32, u64, xxh3

NONE = MASK
HEADER = 4096


class Damage(Exception):
    """Error code (section 12), what is wrong, and where."""

    def __init__(self, code, what, offset=None):
        super().__init__(f"{code}: {what}" + ("" if offset is None else f" at offset {offset}"))
        self.code = code


def require(condition, what, offset=None, code="Corrupt"):
    if not condition:
        raise Damage(code, what, offset)


def align8(n):
    return (n + 7) & ~7


class Table:
    """Section 5.2: a FlatBuffer's root table, every place and length checked before its use."""

    def __init__(self, data):
        self.data = data
        self.root = self.word(0)
        require(self.root % 4 == 0, "a table is not aligned")
        require(self.root + 4 <= len(data), "no root table")
        back = struct.unpack_from("<i", data, self.root)[0]
        self.vtable = self.root - back
        require(0 <= self.vtable and self.vtable % 2 == 0 and self.vtable + 4 <= len(data), "no vtable")
        self.vtable_bytes, self.bytes = struct.unpack_from("<HH", data, self.vtable)
        require(self.vtable_bytes >= 4 and self.vtable_bytes % 2 == 0, "an impossible vtable")
        require(self.vtable + self.vtable_bytes <= len(data), "the vtable ends beyond the payload")
        require(self.bytes >= 4 and self.root + self.bytes <= len(data), "the table ends beyond the payload")

    def word(self, at):
        require(at + 4 <= len(self.data), "a place beyond the payload")
        return u32(self.data, at)

    def place(self, field, size):
        at = 4 + 2 * field
        if at + 2 > self.vtable_bytes:
            return None
        relative = struct.unpack_from("<H", self.data, self.vtable + at)[0]
        if relative == 0:
            return None
        require(relative + size <= self.bytes, "a field beyond its table")
        require((self.root + relative) % size == 0, "a field is not aligned")
        return self.root + relative

    def scalar(self, field, form, default=0):
        at = self.place(field, struct.calcsize(form))
        return default if at is None else struct.unpack_from("<" + form, self.data, at)[0]

    def vector(self, field, form):
        """The elements, and where the first one stands; None where the field is absent."""
        at = self.place(field, 4)
        if at is None:
            return None, 0
        begin = at + u32(self.data, at)
        require(begin % 4 == 0, "a vector is not aligned")
        count = self.word(begin)
        size = struct.calcsize(form)
        require(begin + 4 + count * size <= len(self.data), "a vector ends beyond the payload")
        require(count == 0 or (begin + 4) % size == 0, "an element is not aligned")
        if form == "B":
            return self.data[begin + 4:begin + 4 + count], begin + 4
        return list(struct.unpack_from(f"<{count}{form}", self.data, begin + 4)), begin + 4

    def words(self, field, form):
        found, _ = self.vector(field, form)
        return [] if found is None else found


class Shape:
    """Section 3."""

    def __init__(self, words, wide, signed):
        require(words <= 4, "too many words a time", code="Unsupported")
        limit = 1 << words
        require(wide < limit and signed < limit, "a mask for words that are not there")
        require(words == 0 or wide >> (words - 1) & 1 == 0, "half a wide coordinate")
        require(wide & wide >> 1 == 0, "wide coordinates overlap")
        self.words, self.wide, self.signed = words, wide, signed

    def key(self):
        return self.words, self.wide, self.signed

    def coordinates(self, time):
        result, i = [], 0
        while i < self.words:
            width = 2 if self.wide >> i & 1 else 1
            value = time[i] if width == 1 else time[i] << 64 | time[i + 1]
            result.append((value, width, self.signed >> i & 1))
            i += width
        return result

    def leq(self, a, b):
        return all(x[0] <= y[0] for x, y in zip(self.coordinates(a), self.coordinates(b)))

    def text(self, time):
        parts = [str(v - (1 << (64 * w - 1)) if s else v) for v, w, s in self.coordinates(time)]
        return parts[0] if len(parts) == 1 else "(" + ", ".join(parts) + ")"

    def times(self, words):
        require(self.words > 0 or not words, "words of a time that has none")
        require(self.words == 0 or len(words) % self.words == 0, "half a time")
        return [tuple(words[i:i + self.words]) for i in range(0, len(words), max(self.words, 1))]


def signed64(value):
    return -(1 << 63) <= value < 1 << 63


class State:
    """Section 10: counts, and the totals of the stream."""

    def __init__(self, shape):
        self.shape = shape
        self.counts = {(0,) * shape.words: 1}
        self.events = self.records = self.data_bytes = 0
        self.clock = 0

    def violation(self, condition, rule, offset):
        require(condition, f"{rule} is broken", offset, "ProtocolViolation")

    def holds(self, time):
        return any(self.shape.leq(have, time) for have in self.counts)

    def progress(self, changes, offset):
        require(self.counts, "an event after the end", offset, "Finished")
        sums = {}
        for time, diff in changes:
            sums[time] = sums.get(time, 0) + diff
            self.violation(signed64(sums[time]), "P4", offset)
        after = dict(self.counts)
        for time, diff in sums.items():
            self.violation(diff <= 0 or self.holds(time), "P1", offset)
            after[time] = after.get(time, 0) + diff
            self.violation(after[time] >= 0, "P2", offset)
            self.violation(signed64(after[time]), "P4", offset)
        self.counts = {time: count for time, count in after.items() if count}
        require(len(self.counts) <= 2048 // (self.shape.words + 1), "too many capabilities", offset, "TooLarge")
        self.events += 1

    def frontier(self):
        times = sorted(self.counts)
        return [t for t in times if not any(s != t and self.shape.leq(s, t) for s in times)]

    def messages(self, time, records, offset):
        require(self.counts, "an event after the end", offset, "Finished")
        self.violation(self.holds(time), "P3", offset)
        self.events += 1
        self.records += len(records)
        self.data_bytes += sum(len(record) for record in records)


class Segment:
    """Sections 4 and 5."""

    def __init__(self, data, name=None, stream=None, uuid=None):
        self.data = data
        require(len(data) >= HEADER, "shorter than a header")
        magic = data[:8]
        whole = u64(data, 4088) == xxh3(data[:4088])
        if magic != b"TIDEMRK2":
            require(magic[:7] != b"TIDEMRK" or not whole, "another major version", code="Unsupported")
            raise Damage("Corrupt", "no magic", 0)
        require(whole, "the header's checksum", 0)
        require(u64(data, 248) == xxh3(data[8:248]), "the identity's checksum", 0)
        require(u32(data, 16) & ~1 == 0, "incompatible features", 0, "Unsupported")
        self.bytes = u64(data, 56)
        require(65536 <= self.bytes <= 1 << 30 and self.bytes % 4096 == 0, "segment_bytes", 0)
        require(self.bytes == len(data), "the file's size", 0)
        self.first = u64(data, 64)
        require(self.first % 4096 == 0 and self.first + self.bytes <= NONE, "first_position", 0)
        self.encoding = data[15]
        require(self.encoding <= 1, "record_encoding", 0, "Unsupported")
        self.stream, self.peers, self.incarnation = u32(data, 40), u32(data, 48), u64(data, 72)
        require(1 <= self.peers <= 100000 and self.stream < 100000 and self.incarnation >= 1, "numbers", 0)
        require(0 in data[104:136] and 0 in data[136:200], "a name without its end", 0)
        require(not any(data[10:12]) and not any(data[52:56]) and not any(data[200:248]), "reserved bytes", 0)
        self.shape = Shape(data[12], data[13], data[14])
        require(not any(data[336:4088]), "reserved bytes", 0)
        self.previous, self.previous_end = u64(data, 280), u64(data, 288)
        if self.previous != NONE:
            require(self.previous < self.first and self.previous + 4096 <= self.previous_end <= self.first
                    and self.previous_end % 8 == 0, "the link to the predecessor", 0)
        void_segment = u64(data, 328)
        if u32(data, 16) & 1:
            require(self.previous != NONE and 0 < void_segment <= self.first and void_segment % 4096 == 0,
                    "void_segment", 0)
        else:
            require(void_segment == 0, "void_segment", 0)
        self.voids = void_segment == self.first and void_segment != 0
        self.uuid = data[24:40]
        self.dropped = any(data[296:320])
        self.schema_feature = u32(data, 20) & 1
        self.totals = struct.unpack_from("<3Q", data, 256)
        require(stream is None or self.stream == stream, "another stream's", 0)
        require(uuid is None or self.uuid == uuid, "another log's", 0)
        require(name is None or self.first == name, "another position's", 0)

    def frame(self, o):
        """(kind, flags, captured_at, payload, padded, checksum), or None where nothing is committed."""
        data = self.data
        word = u64(data, o) if o + 8 <= self.bytes else 0
        if word == 0:
            return None
        length, kind, flags = word & 0xFFFFFFFF, word >> 32 & 0xFF, word >> 40 & 0xFF
        padded = align8(length)
        require(length >= 32 and padded <= self.bytes - o, "a frame's length", o)
        require(word >> 48 == 0 and kind != 0 and flags & 0xFE == 0, "an impossible word", o)
        position = self.first + o
        place = (position * 0x9E3779B97F4A7C15 ^ word * 0xC2B2AE3D27D4EB4F) & MASK
        require(u64(data, o + 8) == xxh3(data[o + 16:o + padded], u64(data, 80)) ^ place, "a frame's checksum", o)
        require(not any(data[o + length:o + padded]), "padding", o)
        require(kind in (1, 2, 3, 4, 5, 6, 7) or flags & 1, f"kind {kind}", o, "Unsupported")
        return kind, flags, u64(data, o + 24), data[o + 32:o + length], padded, u64(data, o + 8)

    def stated(self, o, payload):
        """Counts and totals of a checkpoint or a waypoint."""
        table = Table(payload)
        times = self.shape.times(table.words(0, "Q")) if self.shape.words else [()] * len(table.words(1, "q"))
        counts = table.words(1, "q")
        require(len(times) == len(counts), "times and counts", o)
        require(all(count > 0 for count in counts) and len(set(times)) == len(times), "P2 is broken", o,
                "ProtocolViolation")
        return dict(zip(times, counts)), tuple(table.scalar(field, "Q") for field in (2, 3, 4))

    def check_waypoint(self, state, o, found):
        counts, totals = self.stated(o, found[3])
        require(counts == state.counts and totals == (state.events, state.records, state.data_bytes),
                "the waypoint contradicts the events before it", o)
        self.waypoints.append(self.first + o)

    def enter(self, state):
        """Checks checkpoint and schema; the state at its beginning, and the offset after them."""
        found = self.frame(HEADER)
        require(found and found[0] == 3, "no checkpoint", HEADER)
        counts, totals = self.stated(HEADER, found[3])
        require(totals == self.totals, "the header's totals", HEADER)
        self.waypoints = []
        if state is None:
            state = State(self.shape)
            state.counts = counts
            state.events, state.records, state.data_bytes = totals
        else:
            require(counts == state.counts and totals == (state.events, state.records, state.data_bytes),
                    "the checkpoint contradicts the events before it", HEADER)
        state.clock = max(state.clock, found[2])
        offset = HEADER + found[4]
        if self.schema_feature:
            schema = self.frame(offset)
            require(schema and schema[0] == 4, "S1 is broken", offset)
            require(u64(self.data, 96) == xxh3(schema[3]), "S3 is broken", offset)
            state.clock = max(state.clock, schema[2])
            offset += schema[4]
        return state, offset

    def valid_frame_after(self, o):
        for at in range(max(o + 8, HEADER), self.bytes - 31, 8):
            if u64(self.data, at) == 0:
                continue
            try:
                if self.frame(at):
                    return at
            except Damage:
                pass
        return None

    def event(self, state, o, found):
        """The event of a frame, judged, as a JSON object."""
        kind, _, captured, payload, padded, _ = found
        require(captured >= state.clock, "captured_at decreases", o)
        table = Table(payload)
        result = {"stream": self.stream, "position": str(self.first + o), "sequence": str(state.events)}
        if kind == 1:
            diffs = table.words(1, "q")
            words = table.words(0, "Q")
            times = self.shape.times(words) if self.shape.words else [()] * len(diffs)
            require(len(times) == len(diffs), "times and diffs", o)
            state.progress(list(zip(times, diffs)), o)
            result["kind"] = "progress"
            result["changes"] = [[self.shape.text(t), d] for t, d in zip(times, diffs)]
        else:
            more = table.words(1, "Q")
            time = table.scalar(0, "Q")
            require(len(more) == max(self.shape.words - 1, 0) and (self.shape.words or time == 0), "the time", o)
            time = (time, *more)[:self.shape.words]
            count = table.scalar(2, "I")
            offsets, _ = table.vector(3, "I")
            data, data_at = table.vector(4, "B")
            data = data or b""
            require((offsets is not None) == (self.encoding == 0), "offsets and encoding", o)
            if offsets is None:
                require(count > 0 or not data, "data without records", o)
                require(count == 0 or len(data) % count == 0, "half a record", o)
                require(not data or data_at % 8 == 0, "records are not aligned", o)
                size = len(data) // count if count else 0
                records = [data[i * size:(i + 1) * size] for i in range(count)]
            else:
                require(len(offsets) == count, "offsets and records", o)
                ends = [0, *offsets]
                require(all(a <= b for a, b in zip(ends, ends[1:])) and ends[-1] == len(data), "offsets", o)
                records = [data[a:b] for a, b in zip(ends, ends[1:])]
            state.messages(time, records, o)
            result.update(kind="messages", time=self.shape.text(time), records=[printed(r) for r in records])
        state.clock = captured
        return result

    def check_seal(self, state, o, payload):
        table = Table(payload)
        totals = tuple(table.scalar(field, "Q") for field in (1, 2, 3))
        require(table.scalar(0, "Q") == self.first + o and
                totals == (state.events, state.records, state.data_bytes), "the seal contradicts the events", o)
        waypoints = table.words(8, "Q")
        require(waypoints == self.waypoints and len(waypoints) <= 128, "the seal's waypoints", o)
        words = (len(waypoints) + 1) * self.shape.words if waypoints else 0
        require(len(table.words(9, "Q")) == words == len(table.words(10, "Q")), "the seal's sections", o)


def printed(record):
    try:
        return record.decode("utf-8")
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(record).decode()}


def load(path, name, stream, uuid):
    """A published segment, or None where it is only prepared (section 4.2)."""
    with open(path, "rb") as file:
        data = file.read()
    if not any(data[:8]):
        if len(data) > HEADER:
            o, kinds = HEADER, []
            while o + 8 <= len(data) and u64(data, o) != 0:
                word = u64(data, o)
                possible = 32 <= word & 0xFFFFFFFF and o + align8(word & 0xFFFFFFFF) <= len(data)
                possible = possible and word >> 48 == 0 and word >> 32 & 0xFF and word >> 40 & 0xFE == 0
                kind = word >> 32 & 0xFF
                opens = not kinds or (kind == 4 and len(kinds) == 1) or (kind == 5 and 5 not in kinds[1:])
                if not possible or not opens:
                    raise Damage("Corrupt", "frames in a segment without a magic", 0)
                o += align8(word & 0xFFFFFFFF)
                kinds.append(kind)
        return None
    return Segment(data, name, stream, uuid)


def read_purged(directory):
    try:
        with open(os.path.join(directory, "purged"), "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return None
    require(len(data) == 24 and data[:8] == b"TIDEPURG" and u64(data, 16) == xxh3(data[:16]), "purged")
    return u64(data, 8)


def read_stream(directory, stream, uuid):
    """Section 11."""
    names = sorted(int(n[:20]) for n in os.listdir(directory) if re.fullmatch(r"\d{20}\.seg", n))
    purged = read_purged(directory)
    names = [name for name in names if name >= (purged or 0)]

    def published_after(position):
        for name in names:
            if name > position:
                segment = load(os.path.join(directory, f"{name:020}.seg"), name, stream, uuid)
                if segment:
                    return segment
        return None

    segment = published_after(-1)
    if segment is None:
        require(not purged, "the segment up to which it was purged", code="Missing")
        return
    require(segment.previous == NONE or segment.first == purged, "the segments before the first", code="Missing")
    state, o = segment.enter(None)
    sealed = False
    while state.counts:
        position = segment.first + o
        problem, found = None, None
        try:
            found = None if sealed else segment.frame(o)
        except Damage as damage:
            problem = damage
        if found and found[0] in (1, 2):
            yield segment.event(state, o, found)
            o += found[4]
            continue
        if found and found[0] in (3, 4):
            raise Damage("Corrupt", "a frame where none of its kind belongs", o)
        if found and found[0] == 6:
            segment.check_waypoint(state, o, found)
        if found and found[0] != 7:
            o += found[4]
            continue
        if found:
            segment.check_seal(state, o, found[3])
            sealed = True
        successor = published_after(segment.first)
        if problem and not (successor and successor.previous == segment.first and
                            successor.previous_end == position and successor.dropped):
            raise problem
        if successor is None:
            start = o + found[4] - 8 if found else o
            beyond = segment.valid_frame_after(start)
            require(beyond is None, "a hole", o)
            return
        if successor.previous != segment.first:
            require(purged is None or purged <= position, "purged", o, "Purged")
            raise Damage("CursorLost" if successor.previous < segment.first or successor.previous == NONE
                         else "Missing", "another predecessor", o)
        require(position <= successor.previous_end, "beyond the end", o, "CursorLost")
        require(position == successor.previous_end, "a hole", o)
        require(successor.shape.key() == segment.shape.key(), "times of another shape", 0)
        segment, sealed = successor, False
        state, o = segment.enter(state)
        if segment.voids:  # `cat` shows what is void, and where it became so (section 5.8)
            yield {"stream": stream, "position": str(segment.first + o), "kind": "void",
                   "frontier": [segment.shape.text(time) for time in state.frontier()]}


def read_log(log, damages):
    with open(os.path.join(log, "identity"), "rb") as file:
        data = file.read()
    require(len(data) >= 64 and data[:8] == b"TIDELOG1" and u64(data, 56) == xxh3(data[:56]), "the log's identity")
    for stream in range(u32(data, 24)):
        directory = os.path.join(log, "streams", f"{stream:05}")
        require(os.path.isdir(directory), f"stream {stream}", code="Missing")
        # Damage of one stream says nothing about the others.
        try:
            yield from read_stream(directory, stream, data[8:24])
        except Damage as damage:
            damages.append(damage)


def read_lone(path):
    """A golden file ends after its seal; what is left out is zero."""
    with open(path, "rb") as file:
        data = file.read()
    segment = Segment(data + bytes(u64(data, 56) - len(data)))
    state, o = segment.enter(None)
    while (found := segment.frame(o)) and found[0] != 7:
        yield segment.event(state, o, found)
        o += found[4]


def main():
    damages = []
    lone = sys.argv[1] == "--segment"
    events = read_lone(sys.argv[2]) if lone else read_log(sys.argv[1], damages)
    try:
        for event in events:
            print(json.dumps(event, ensure_ascii=False, separators=(",", ":")))
    except Damage as damage:
        damages.append(damage)
    for damage in damages:
        print(f"naive_reader: {damage}", file=sys.stderr)
    sys.exit(3 if damages else 0)


if __name__ == "__main__":
    main()
