"""`__all__` is what the floor offers."""

import index


def test_every_public_name_is_there() -> None:
    assert sorted(index.__all__) == list(dict.fromkeys(sorted(index.__all__)))
    assert all(getattr(index, name, None) is not None for name in index.__all__)
