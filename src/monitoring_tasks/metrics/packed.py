"""Text that is compressed once, in blocks, and put together again and again into one gzip stream.

The columns of a thousand monitors are a million lines of text. Compressing them takes a second, and they change once a
day; so each block is kept as it is sent. A stream of several gzip members would be simpler, and many readers stop
after the first of them without a word. One member needs the checksum of the whole, which follows from those of the
blocks (as zlib's crc32_combine has it, which Python does not give).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass

_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_LAST = b"\x03\x00"  # an empty block that says that no other follows
_LEVEL = 5
_POLYNOMIAL = 0xEDB88320
_ONE = 1 << 31


@dataclass(frozen=True)
class Block:
    """A piece of text, compressed; `shift` is what its length does to the checksum of what stands before it."""

    content: bytes
    size: int
    checksum: int
    shift: int

    @property
    def text(self) -> bytes:
        """The text itself."""
        return zlib.decompressobj(wbits=-15).decompress(self.content)


def pack(text: str) -> Block:
    """A block of a text. Raises `UnicodeEncodeError` on half of a surrogate pair."""
    plain = text.encode()
    deflate = zlib.compressobj(_LEVEL, wbits=-15)
    # A full flush ends at a byte, and nothing behind it refers to anything before it.
    content = deflate.compress(plain) + deflate.flush(zlib.Z_FULL_FLUSH)
    return Block(content, len(plain), zlib.crc32(plain), _power(8 * len(plain)))


def gzipped(blocks: Iterable[Block]) -> bytes:
    """The texts of blocks, one behind the other, as a gzip file.

    >>> import gzip
    >>> gzip.decompress(gzipped([pack("one "), pack("two")]))
    b'one two'
    """
    checksum, size, parts = 0, 0, [_HEAD]
    for block in blocks:
        checksum = _product(block.shift, checksum) ^ block.checksum
        size += block.size
        parts.append(block.content)
    return b"".join([*parts, _LAST, struct.pack("<II", checksum, size & 0xFFFFFFFF)])


def _product(left: int, right: int) -> int:
    """Product of two polynomials over GF(2), modulo that of the checksum; the highest bit is the constant term."""
    found = 0
    while left:
        if left & _ONE:
            found ^= right
        left = (left << 1) & 0xFFFFFFFF
        right = (right >> 1) ^ _POLYNOMIAL if right & 1 else right >> 1
    return found


def _squares() -> tuple[int, ...]:
    found = [_ONE >> 1]
    for _ in range(47):
        found.append(_product(found[-1], found[-1]))
    return tuple(found)


_SQUARES = _squares()
"""x to the power of 1, 2, 4, 8 and so on."""


def _power(exponent: int) -> int:
    """x to a power."""
    found = _ONE
    for place in range(exponent.bit_length()):
        if exponent >> place & 1:
            found = _product(_SQUARES[place], found)
    return found
