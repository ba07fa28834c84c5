"""A table of `ilk.toml`."""

from pydantic import (
    BaseModel,
    ConfigDict,
)


class Section(BaseModel):
    """A table of `ilk.toml`; unknown names are refused so that a typo is never silent, and so are numbers
    that are none (TOML's `nan` and `inf`)."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
