"""What requests hold, and what is wrong with one, in a sentence."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from marsad.documents import Document
from marsad.schema import is_date

EXAMPLE: dict[str, Any] = {
    "text": "قصفت طائرة مسيرة قاعدة عين الأسد فجر اليوم، وأصيب ثلاثة جنود بجروح.",
    "date": "2022-01-04",
    "id": "مثال-1",
}


def _checked(fits: Callable[[object], bool], wanted: str) -> PlainValidator:
    def check(value: object) -> object:
        if not fits(value):
            raise PydanticCustomError("wanted", "should be {wanted}", {"wanted": wanted})
        return value

    return PlainValidator(check)


# pydantic's own str refuses half a surrogate pair, which broken JSON holds and `predict` reads
String = Annotated[
    str, _checked(lambda v: isinstance(v, str), "a string"), WithJsonSchema({"type": "string"})
]
Day = Annotated[
    str | None,
    _checked(lambda v: v is None or is_date(v), "a day as YYYY-MM-DD, or null"),
    WithJsonSchema({"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]}),
]


class ReportText(BaseModel):
    """A report to read. Relative dates in it are reckoned from `date`, its publication day."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [EXAMPLE]})
    text: String
    date: Day = None
    id: String = ""

    @property
    def document(self) -> Document:
        """As the extractor takes it."""
        return self.text, self.date, self.id


class Batch(BaseModel):
    """Reports to read; each is read as if it came alone."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"reports": [EXAMPLE]}]}
    )
    reports: list[ReportText] = Field(min_length=1)


class Problem(BaseModel):
    """Why a request was not answered, in one sentence."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"error": "date: should be a day as YYYY-MM-DD, or null."}]}
    )
    error: str


def told(errors: Sequence[Mapping[str, Any]]) -> tuple[int, str]:
    """Status and sentence for the first of pydantic's errors; values are not quoted."""
    error = errors[0]
    if error["type"] == "json_invalid":
        reason, at = error["ctx"]["error"], error["loc"][-1]
        return 400, f"the body is broken JSON ({reason} at character {at})."
    if isinstance(error.get("input"), bytes):
        return 415, "the body should be JSON, sent as Content-Type: application/json."
    where = ".".join(str(step) for step in error["loc"][1:])[:100] or "the body"
    message = str(error["msg"])
    return 422, f"{where}: {message[:1].lower()}{message[1:]}."
