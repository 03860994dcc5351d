"""Blocks of text that are compressed once and joined into one gzip file."""

from __future__ import annotations

import gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from monitoring_tasks.metrics.packed import gzipped, pack

TEXTS = st.lists(st.text(max_size=200) | st.integers(0, 5000).map("monitoring_x 0.25\n".__mul__), max_size=12)


@given(TEXTS)
def test_it_is_one_gzip_file(texts: list[str]) -> None:
    """Checksum and length are those of the whole, and it has one member: no reader stops half way."""
    made, whole = gzipped([pack(text) for text in texts]), "".join(texts).encode()
    assert gzip.decompress(made) == whole
    reader = zlib.decompressobj(wbits=31)
    assert reader.decompress(made) == whole
    assert reader.eof
    assert reader.unused_data == b""


@given(TEXTS)
def test_a_block_is_its_text(texts: list[str]) -> None:
    """A reader that takes no gzip gets the same."""
    assert b"".join(pack(text).text for text in texts) == "".join(texts).encode()
