"""What `to_dict` gives fits the JSON Schema that ships with the package."""

import json
from importlib.resources import files
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

import marsad
from marsad.formats import markup
from marsad.incidents import with_incidents
from marsad.schema import default_labels

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads((files("marsad") / "report.schema.json").read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_predictions_fit(validator: Draft202012Validator) -> None:
    text = (ROOT / "notebooks/example.txt").read_text("utf-8")
    data = json.loads(marsad.predict(text, date="2022-01-04").to_json())
    assert data["incidents"]
    validator.validate(data)


def test_gold_with_incidents_fits(validator: Draft202012Validator) -> None:
    for file in sorted((ROOT / "training/corpus/reports").glob("*.txt"))[::9]:
        for report in markup.read(file):
            validator.validate(with_incidents(report, default_labels()).to_dict())


@pytest.mark.parametrize(("key", "value"), [("events", {}), ("date", 3), ("surprise", 1)])
def test_other_shapes_do_not(validator: Draft202012Validator, key: str, value: object) -> None:
    data = marsad.Report("r", "نص").to_dict() | {key: value}
    assert not validator.is_valid(data)
