"""What every shape of an answer has, and the shape of an error."""

from pydantic import BaseModel, ConfigDict, Field


class Shape(BaseModel):
    """An answer's shape; tests hold every answer against it."""

    model_config = ConfigDict(extra="forbid")


class ProblemShape(BaseModel):
    """RFC 9457 problem document; kinds of errors may add members."""

    model_config = ConfigDict(extra="allow", title="Problem")

    type: str = Field(description="What kind of error it is.", examples=["urn:ilk:problem:unknown-item"])
    title: str
    status: int
    detail: str = Field(description="What was wrong and, where there is something to do, what.")
    request_id: str | None = Field(description="Also in the header `X-Request-ID` and in the server's log.")
