"""`__all__` is what the floor offers."""

import encoders


def test_every_public_name_is_there() -> None:
    assert len(set(encoders.__all__)) == len(encoders.__all__)
    assert all(getattr(encoders, name, None) is not None for name in encoders.__all__)
