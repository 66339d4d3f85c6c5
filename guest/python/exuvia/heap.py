"""The heap of the snapshot, without holes: what a script allocates then lies together, in few pages.

The allocator (dlmalloc) has free chunks all over the heap after the build, and prefers them. Each small object of a script would
dirty a page of its own.
"""

import sys

# A chunk begins with 4 bytes that are not for its user, and is a multiple of 16 bytes long.
_GRANULE, _OVERHEAD = 16, 4

# What is free at the end of the heap: most scripts need no more, and growing the memory takes time. No hole of the build is as large.
_ROOM_BYTES = 2 << 20

_kept = [None] * 200_000


def fill():
    """Takes all free chunks before the end of the heap, for good."""
    empty = sys.getsizeof(b"")
    end = id(bytes(_ROOM_BYTES))
    count = 0
    for chunk in _sizes():
        size = chunk - _OVERHEAD - empty
        while id(block := bytes(size) if size > 1 else object()) < end:
            _kept[count] = block
            count += 1
        # It is at the end, where the next one is to be seen.
        del block
    del _kept[count:]


def _sizes():
    """Sizes of chunks, from large to small: whatever is free and as large as one of them is gone before the next."""
    size = _ROOM_BYTES
    while size > 4096:
        yield size
        size = size * 15 // 16 // _GRANULE * _GRANULE
    while size > 0:
        yield size
        size -= _GRANULE
