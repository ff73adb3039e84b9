"""Exports: a row for each incident, ACLED's sub-events by rule, GeoJSON that a map opens."""

import csv
import io
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from marsad import cli
from marsad.export import acled
from marsad.export.html import page
from marsad.export.rows import columns, geojson, rows
from marsad.formats import markup
from marsad.incidents import default_scheme, with_incidents
from marsad.resolve.actors import CAMEO_ROLES, ResolvedActor
from marsad.schema import Argument, Event, Incident, Mention, Report, default_labels

ROOT = Path(__file__).parents[1]
LABELS = default_labels()


@pytest.fixture(scope="module")
def some_reports() -> list[Report]:
    files = sorted((ROOT / "training/corpus/reports").glob("IQ-*.txt"))
    return [with_incidents(r, LABELS) for f in files for r in markup.read(f)]


def test_one_row_for_each_incident(some_reports: list[Report]) -> None:
    found = list(rows(some_reports))
    assert len(found) == sum(len(r.incidents) for r in some_reports) > 100
    assert len({tuple(row) for row in found}) == 1
    assert all(row["evidence"] for row in found)


def test_each_role_has_a_column_of_its_fillers() -> None:
    mentions = (Mention("a1", "ACTOR", 3, 8), Mention("l1", "LOCATION", 14, 17))
    arguments = (Argument("agent", "a1"), Argument("place", "l1"), Argument("place", "a1"))
    report = replace(told(incident("i1", arguments=arguments)), mentions=mentions)
    (row,) = rows([report])
    found = {role: row[role] for role in LABELS.roles if row[role]}
    assert found == {"agent": "الجيش", "place": "حلب; الجيش"}


def test_geojson_points_are_longitude_first(some_reports: list[Report]) -> None:
    found = json.loads(json.dumps(geojson(some_reports)))
    assert found["type"] == "FeatureCollection"
    points = [f["geometry"]["coordinates"] for f in found["features"] if f["geometry"]]
    assert len(points) > 50
    in_iraq = sum(38 < x < 49 and 29 < y < 38 for x, y in points)
    assert in_iraq / len(points) > 0.8


def test_acled_leaves_out_what_did_not_happen(some_reports: list[Report]) -> None:
    listed, all_of_them = (
        list(acled.rows(some_reports)),
        list(acled.rows(some_reports, everything=True)),
    )
    assert 0 < len(listed) < len(all_of_them)
    assert {row["status"] for row in listed} <= {"occurred", "foiled"}
    assert {"denied", "possible"} <= {row["status"] for row in all_of_them}


def told(*incidents: Incident) -> Report:
    """A report of two sentences; the event e1 is in the second."""
    event = Event("e1", "SHELLING", "occurred", 9, 12)
    return Report("r", "مر الجيش. قصف حلب. وعاد", None, (), (event,), incidents=incidents)


def incident(id: str, type: str = "SHELLING", **more: Any) -> Incident:
    return replace(Incident(id, type, "occurred", ("e1",), (), None, None, {}), **more)


def test_acled_lists_neither_the_past_nor_an_attack_beside_its_interception() -> None:
    report = told(
        incident("i1", status="foiled"),
        incident("i2", "INTERCEPTION", counter_of="i1"),
        incident("i3", "BOMBING", background=True),
        incident("i4", "ARREST"),
        incident("i5", "DEATH"),
    )
    listed, everything = (
        [row["sub_event_type"] for row in acled.rows([report], all)] for all in (False, True)
    )
    assert listed == ["Disrupted weapons use", "Arrests"]
    assert everything == [
        "Disrupted weapons use", "Disrupted weapons use", "Remote explosive/landmine/IED", "Arrests"
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("date", "day", "precision"),
    [
        ("2022-01-04TEV", "2022-01-04", 1), ("2022-W01", "2022-W01", 2),
        ("2022-01", "2022-01", 3), (None, "", 3),
    ],
)  # fmt: skip
def test_acled_tells_how_well_a_day_is_known(date: str | None, day: str, precision: int) -> None:
    (row,) = acled.rows([told(incident("i1", date=date))])
    assert (row["event_date"], row["time_precision"]) == (day, precision)
    assert row["notes"] == "قصف حلب"


@pytest.mark.parametrize(
    ("own", "place", "code"), [("IQ", "IQ", 1), ("US", "IQ", 8), ("", "IQ", 1), ("US", "", 1)]
)
def test_an_army_abroad_is_external(own: str, place: str, code: int) -> None:
    assert acled._inter(ResolvedActor("", "", "state_military", own, ""), place) == code


def test_a_timeline_wants_two_days() -> None:
    one = told(incident("i1", date="2022-01-04"))
    two = told(incident("i1", date="2022-01-04"), incident("i2", date="2022-01-03"))
    assert "<ol" not in page([one])
    assert re.findall(r"<time><bdi>(.*?)</bdi>", page([two])) == ["2022-01-03", "2022-01-04"]


def test_foiled_strikes_are_disrupted_weapons_use(some_reports: list[Report]) -> None:
    found = [r for r in acled.rows(some_reports, everything=True) if r["rule"] == 1]
    assert found
    assert {(r["event_type"], r["sub_event_type"]) for r in found} == {
        ("Strategic developments", "Disrupted weapons use")
    }


def test_acled_rules_name_only_what_exists() -> None:
    scheme = acled._scheme()
    for rule in scheme["rules"]:
        assert {*rule["types"]} <= {*LABELS.events}
        assert {*rule.get("statuses", ())} <= {*LABELS.statuses}
        # an unknown class is empty
        assert {*rule.get("agents", ()), *rule.get("aims", ())} - {""} <= CAMEO_ROLES.keys()
        assert rule.get("class", "civilians") in CAMEO_ROLES
        assert {*rule.get("harm", ())} <= {*default_scheme().harm.values()}
        assert {*rule.get("may_kill", ())} <= {*LABELS.roles}
    ruled = {type for rule in scheme["rules"] for type in rule["types"]}
    # threats are no events of the codebook, nor are the dead and hurt without a cause
    assert {*LABELS.events} - ruled == {"THREAT", "DEATH", "INJURY"}
    assert scheme["inter"].keys() == CAMEO_ROLES.keys()
    assert {*scheme["named"], *scheme["counted"]} <= {*LABELS.mentions}


@pytest.mark.parametrize("format", ["csv", "acled"])
def test_the_command_line_writes_a_table(format: str) -> None:
    example = str(ROOT / "notebooks/example.txt")
    arguments = ["predict", example, "--date", "2022-01-04", "--format", format]
    result = CliRunner().invoke(cli.app, arguments)
    assert result.exit_code == 0
    table = list(csv.DictReader(io.StringIO(result.stdout)))
    assert len(table) >= 2
    assert None not in table[0]


def test_the_command_line_writes_geojson() -> None:
    example = str(ROOT / "notebooks/example.txt")
    result = CliRunner().invoke(cli.app, ["predict", example, "--format", "geojson"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["features"]


def test_a_report_without_incidents_is_no_silence(tmp_path: Path) -> None:
    path = tmp_path / "quiet.txt"
    path.write_text("مرحبا", "utf-8")
    result = CliRunner().invoke(cli.app, ["predict", str(path), "--format", "csv"])
    assert result.exit_code == 0
    assert "no incident" in result.stderr
    assert result.stdout.splitlines() == [",".join(columns())]


def test_a_table_has_the_same_columns_with_and_without_rows(some_reports: list[Report]) -> None:
    assert {tuple(row) for row in rows(some_reports)} == {tuple(columns())}
    assert {tuple(row) for row in acled.rows(some_reports)} == {tuple(acled.columns())}


@pytest.mark.parametrize(
    ("type", "role", "value", "harm", "fatalities"),
    [
        ("SHELLING", "victim", "20", {}, ""),  # «20 ضحية», dead or hurt
        ("SHELLING", "victim", "0", {}, 0),
        ("SHELLING", "victim", "20", {"injured": "20"}, 0),
        ("SHELLING", "victim", "20", {"killed": "15+"}, 15),
        ("SHELLING", "victim", "20", {"killed": "?"}, ""),
        ("SHELLING", "target", None, {}, 0),
        ("ASSASSINATION", "target", None, {}, ""),
        ("ARREST", "victim", "20", {}, 0),
    ],
)
def test_an_unknown_number_of_dead_is_not_zero(
    type: str, role: str, value: str | None, harm: dict[str, str], fatalities: object
) -> None:
    victims, event = Argument(role, "c1"), Event("e1", type, "occurred", 0, 3)
    incident = Incident("i1", type, "occurred", ("e1",), (victims,), None, None, harm)
    mention = Mention("c1", "CASUALTY", 4, 7, value=value)
    report = Report("r", "قصف عشرين", None, (mention,), (event,), incidents=(incident,))
    (row,) = acled.rows([report])
    assert row["fatalities"] == fatalities


def row(marked: str, facts: str) -> dict[str, object]:
    """The one row of a report in markup."""
    reports, slips = markup.parse(f"### id=x-1 date=2024-05-14\n{marked}\n---\n{facts}\n", LABELS)
    assert not slips
    (found,) = acled.rows([with_incidents(reports[0], LABELS)])
    return found


@pytest.mark.parametrize(
    ("marked", "facts", "sub_event", "second"),
    [
        ("[هجوم|e1] على [كنيسة|f1] أوقع [7 ضحايا|c1]", "target=f1 victim=c1\nc1 7", "Attack", ""),
        ("[طعن|e1] [سليم حمدان|p1]", "target=p1", "Attack", "سليم حمدان"),
        ("[هجوم|e1] على [مشفى|f1]", "target=f1 place=f1", "Attack", ""),
        ("[هجوم|e1] أوقع [3 جنود|c1] و[5 مارة|c2]", "victim=c1,c2\nc1 3\nc2 5", "Armed clash",
         "3 جنود"),
        ("[هجوم|e1] أوقع [5 مارة|c1] و[مهاجمين اثنين|c2]", "victim=c1,c2\nc1 5\nc2 2", "Attack",
         "Attackers"),
        ("[هجوم|e1] على [طبرق|l1]", "target=l1", "Armed clash", ""),
        ("[مجزرة|e1] في [طبرق|l1]", "place=l1", "Attack", ""),
    ],
)  # fmt: skip
def test_people_without_arms_are_attacked_and_places_are_no_actors(
    marked: str, facts: str, sub_event: str, second: str
) -> None:
    found = row(marked, f"e1 ARMED_ATTACK occurred {facts}")
    assert (found["sub_event_type"], found["actor2"]) == (sub_event, second)


def test_whoever_protests_is_a_protester() -> None:
    found = row(
        "[تظاهر|e1] [الآلاف|a1] في [عطبرة|l1]", "e1 DEMONSTRATION occurred agent=a1 place=l1"
    )
    assert (found["actor1"], found["inter1"]) == ("الآلاف", 6)


class _Checker(HTMLParser):
    """Counts what a page holds and notes what it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: Counter[str] = Counter()
        self.loads: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] += 1
        self.loads += [str(v) for k, v in attrs if k in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_is_whole_and_loads_nothing(some_reports: list[Report]) -> None:
    checker = _Checker()
    checker.feed(page(some_reports[:5]))
    assert checker.open == []
    assert checker.loads == []
    assert checker.seen["script"] == 0
    assert checker.seen["article"] == 5
    for report in some_reports[:5]:
        assert report.text in checker.text
    assert checker.seen["tr"] == 5 + sum(len(r.incidents) for r in some_reports[:5])


def test_text_is_escaped() -> None:
    made = Report("<b>", "<script>alert(1)</script>", None).to_html()
    assert "<script>" not in made
    assert "&lt;script&gt;" in made
    odd = Report("r", "قصف", None, (Mention("x1", '"><script>', 0, 3, value='"<i>'),)).to_html()
    assert 'title="&quot;&gt;&lt;script&gt; &quot;&lt;i&gt;"' in odd
    assert "<script>" not in odd


def test_the_words_of_every_piece_of_the_page_are_marked_as_what_covers_them() -> None:
    report = Report(
        "r", "قصف مطار حلب", None, (Mention("f1", "FACILITY", 4, 12), Mention("l1", "X", 9, 12)),
        (Event("e1", "SHELLING", "denied", 0, 8), Event("e2", "DEATH", "occurred", 9, 12),
         Event("e3", "DEATH", "occurred", 9, 12)),
    )  # fmt: skip
    spans = re.findall(r'<span class="([^"]*)"[^>]*title="([^"]*)">([^<]*)</span>', page([report]))
    assert [span for span in spans if span[1] != span[2]] == [
        ("e not", "SHELLING denied", "قصف "),
        ("m e not", "FACILITY · SHELLING denied", "مطار"),
        ("m", "FACILITY", " "),
        ("m m e e", "FACILITY · X · DEATH occurred · DEATH occurred", "حلب"),
    ]
