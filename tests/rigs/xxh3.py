"""XXH3 with 64 bits of output, as xxHash 0.8.0 fixed it, without any module beside the standard library."""

import struct

MASK = (1 << 64) - 1
P32_1, P32_2, P32_3 = 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D
P64_1, P64_2, P64_3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
P64_4, P64_5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671fcb79e64eccc0e578825ad07dccff7221"
    "b8084674f743248ee03590e6813a264c3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364eac5ac8334d3ebc3c581a0fffa1363eb"
    "170ddd51b7f0da49d316552629d4689e2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)


def u32(data, at):
    return struct.unpack_from("<I", data, at)[0]


def u64(data, at):
    return struct.unpack_from("<Q", data, at)[0]


def swap64(value):
    return int.from_bytes(value.to_bytes(8, "little"), "big")


def rotl(value, bits):
    return ((value << bits) | (value >> (64 - bits))) & MASK


def fold(a, b):
    product = a * b
    return (product & MASK) ^ (product >> 64)


def avalanche(h):
    h ^= h >> 37
    h = (h * 0x165667919E3779F9) & MASK
    return h ^ (h >> 32)


def avalanche64(h):
    h ^= h >> 33
    h = (h * P64_2) & MASK
    h ^= h >> 29
    h = (h * P64_3) & MASK
    return h ^ (h >> 32)


def mix16(data, at, secret_at, seed):
    return fold(u64(data, at) ^ ((u64(SECRET, secret_at) + seed) & MASK),
                u64(data, at + 8) ^ ((u64(SECRET, secret_at + 8) - seed) & MASK))


def short(data, seed):
    n = len(data)
    if n > 8:
        low = u64(data, 0) ^ ((u64(SECRET, 24) ^ u64(SECRET, 32)) + seed & MASK)
        high = u64(data, n - 8) ^ ((u64(SECRET, 40) ^ u64(SECRET, 48)) - seed & MASK)
        return avalanche((n + swap64(low) + high + fold(low, high)) & MASK)
    if n >= 4:
        seed ^= int.from_bytes((seed & 0xFFFFFFFF).to_bytes(4, "little"), "big") << 32
        keyed = ((u64(SECRET, 8) ^ u64(SECRET, 16)) - seed) & MASK
        h = (u32(data, n - 4) + (u32(data, 0) << 32)) ^ keyed
        h ^= rotl(h, 49) ^ rotl(h, 24)
        h = (h * 0x9FB21C651E98DF25) & MASK
        h ^= (h >> 35) + n
        h = (h * 0x9FB21C651E98DF25) & MASK
        return h ^ (h >> 28)
    if n > 0:
        combined = data[0] << 16 | data[n >> 1] << 24 | data[n - 1] | n << 8
        return avalanche64(combined ^ ((u32(SECRET, 0) ^ u32(SECRET, 4)) + seed & MASK))
    return avalanche64(seed ^ u64(SECRET, 56) ^ u64(SECRET, 64))


def middle(data, seed):
    n = len(data)
    h = (n * P64_1) & MASK
    if n <= 128:
        for i in range((n - 1) // 32, -1, -1):
            h += mix16(data, 16 * i, 32 * i, seed) + mix16(data, n - 16 * (i + 1), 32 * i + 16, seed)
        return avalanche(h & MASK)
    for i in range(8):
        h += mix16(data, 16 * i, 16 * i, seed)
    h = avalanche(h & MASK)
    for i in range(8, n // 16):
        h += mix16(data, 16 * i, 16 * (i - 8) + 3, seed)
    return avalanche((h + mix16(data, n - 16, 136 - 17, seed)) & MASK)


def long(data, seed):
    secret = SECRET
    if seed:
        words = list(struct.unpack("<24Q", SECRET))
        secret = struct.pack("<24Q", *[(w + seed if i % 2 == 0 else w - seed) & MASK
                                       for i, w in enumerate(words)])
    acc = [P32_3, P64_1, P64_2, P64_3, P64_4, P32_2, P64_5, P32_1]
    n = len(data)
    keys = [struct.unpack_from("<8Q", secret, 8 * i) for i in range(16)]

    def accumulate(at, key):
        values = struct.unpack_from("<8Q", data, at)
        for i in range(8):
            keyed = values[i] ^ key[i]
            acc[i ^ 1] = (acc[i ^ 1] + values[i]) & MASK
            acc[i] = (acc[i] + (keyed & 0xFFFFFFFF) * (keyed >> 32)) & MASK

    block = 64 * 16
    scramble = struct.unpack_from("<8Q", secret, 192 - 64)
    blocks = (n - 1) // block
    for b in range(blocks):
        for s in range(16):
            accumulate(b * block + s * 64, keys[s])
        for i in range(8):
            value = acc[i] ^ (acc[i] >> 47) ^ scramble[i]
            acc[i] = (value * P32_1) & MASK
    for s in range((n - 1 - block * blocks) // 64):
        accumulate(blocks * block + s * 64, keys[s])
    accumulate(n - 64, struct.unpack_from("<8Q", secret, 192 - 64 - 7))
    h = (n * P64_1) & MASK
    for i in range(4):
        h += fold(acc[2 * i] ^ u64(secret, 11 + 16 * i), acc[2 * i + 1] ^ u64(secret, 19 + 16 * i))
    return avalanche(h & MASK)


def xxh3(data, seed=0):
    if len(data) <= 16:
        return short(data, seed)
    return middle(data, seed) if len(data) <= 240 else long(data, seed)
