from icsframework.lab.pattern import pattern


def test_sizes_and_sameness():
    """Exactly so many bytes, the same every time, the shorter a beginning of the longer."""
    for size in (0, 1, 65535, 65536, 65537, 200_000):
        assert len(pattern(size)) == size
        assert pattern(200_000).startswith(pattern(size))


def test_moved_blocks_show():
    """No two blocks are equal, so that neither a swap nor a repetition goes unseen."""
    data = pattern(1_000_000)
    blocks = [data[start : start + 65536] for start in range(0, len(data), 65536)]
    assert len(set(blocks)) == len(blocks)
