"""Bad input to the training commands: one sentence, exit code 2, and what stood there stands."""

import json
import shutil
from dataclasses import fields, replace
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner

pytest.importorskip("torch", reason="needs the train extra")

from marsad.errors import MarsadError
from marsad_training import cli
from marsad_training.corpus import named

ROOT = Path(__file__).parents[1]
RUNNER = CliRunner()


def refused(*arguments: str | Path) -> str:
    """The one sentence by which `marsad-train` refuses the arguments."""
    done = RUNNER.invoke(cli.app, [str(argument) for argument in arguments])
    assert done.exit_code == 2, (done.output, done.exception)
    assert done.stderr.count("\n") == 1, done.stderr
    return done.stderr


def files_in(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


COMMANDS = [
    ("export", "run", "TARGET"), ("export", "run", "TARGET", "--to", "hf"), ("dataset", "TARGET"),
    ("encoder", "TARGET"), ("average", "TARGET", "a", "b"),
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("names", [["notes.txt"], ["config.json", "SHA256SUMS", "notes.txt"]])
def test_a_folder_of_other_files_is_left_alone(
    tmp_path: Path, command: tuple[str, ...], names: list[str]
) -> None:
    target = tmp_path / "v"
    target.mkdir()
    for name in names:
        (target / name).write_text("mine", "utf-8")
    before = files_in(tmp_path)
    assert f"{target}: holds other files" in refused(
        *(target if word == "TARGET" else word for word in command)
    )
    assert files_in(tmp_path) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_is_no_folder(tmp_path: Path, command: tuple[str, ...]) -> None:
    target = tmp_path / "v"
    target.write_text("mine", "utf-8")
    words = [target if word == "TARGET" else word for word in command]
    assert f"{target}: is no folder" in refused(*words)
    assert files_in(tmp_path) == {target: b"mine"}


def test_a_run_does_not_write_over_a_model(tmp_path: Path, tiny_base: Path) -> None:
    from marsad_training.learn import begin

    before = files_in(tiny_base)
    with pytest.raises(ValueError, match="holds a network that is no run"):
        begin(tiny_base)
    assert files_in(tiny_base) == before


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("epochs = -1", "epochs should be 1 or more, not -1"),
        ("epochs = 0", "epochs should be 1 or more, not 0"),
        ('epochs = "two"', "epochs should be a whole number, not 'two'"),
        ("epochs = true", "epochs should be a whole number, not True"),
        ("batch = 4.5", "batch should be a whole number, not 4.5"),
        ('learning_rate = "x"', "learning_rate should be a number, not 'x'"),
        ("learning_rate = nan", "learning_rate should be 1e-09 to 1, not nan"),
        ("learning_rate = -1", "learning_rate should be 1e-09 to 1, not -1"),
        ("seed = -1", "seed should be 0 to"),
        ("dropout = 2.0", "dropout should be 0 to 0.9, not 2.0"),
        ("word_dropout = -1", "word_dropout should be"),
        ("role_width = 0", "role_width should be 1 or more"),
        ("limit = -5", "limit should be 8 or more"),
        ("rewritten = 5", "rewritten should be 0 to 1"),
        ("taught = 1.5", "taught should be 0 to 1, not 1.5"),
        ("train_reports = -3", "train_reports should be 0 or more"),
        ("corpus = 5", "corpus should be a text in quotes, not 5"),
        ("real = [5]", "real should be a text in quotes, not 5"),
        ('real = "x.jsonl"', "real should be a list, not 'x.jsonl'"),
        ('bf16 = "yes"', "bf16 should be true or false, not 'yes'"),
        ('freeze_embeddings = "no"', "freeze_embeddings should be true or false, not 'no'"),
        ("loss = [1]", "loss should be a table, not [1]"),
        ('loss.trigger = "x"', "loss.trigger should be a number, not 'x'"),
        ("loss.trigger = inf", "loss.trigger should be 0 or more, not inf"),
        ("batch =", "is no TOML"),
        ("", "the key 'batch' is missing"),
    ],
)
def test_a_wrong_value_of_a_fit_is_told(tmp_path: Path, line: str, told: str) -> None:
    path = tmp_path / "c.toml"
    rest = {"base": '"default"', "epochs": "1"} | (
        {} if line in ("", "batch =") else {"batch": "2"}
    )
    rest.pop(line.partition(" ")[0], None)
    path.write_text("\n".join([*(f"{k} = {v}" for k, v in rest.items()), line]), "utf-8")
    assert f"{path}: {told}" in refused("fit", path)
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        ("sets = [5]", "sets should be a table, [[sets]], not 5"),
        ("sets = 5", "sets should be a list, not 5"),
        ('[[sets]]\nname = "a"\nfiles = ["b"]\nshare = 3.0', "share should be 0 to 1, not 3.0"),
        ('[[sets]]\nname = "a"', "the key 'files' is missing"),
    ],
)
def test_a_wrong_set_of_an_adaptation_is_told(tmp_path: Path, sets: str, told: str) -> None:
    path = tmp_path / "c.toml"
    path.write_text(f'base = "default"\nepochs = 1\nbatch = 2\n{sets}', "utf-8")
    assert f"{path}: {told}" in refused("adapt", path)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("renamed", "renamed names 'X'; there are ACTOR,"),
        ("hold_out", "hold_out names 'X'; there "),
    ],
)
def test_names_that_are_not_known_are_told(corpus_folder: Path, name: str, told: str) -> None:
    from marsad_training.config import FitConfig
    from marsad_training.training_data import read_data

    config = FitConfig("default", 1, 1, corpus=str(corpus_folder))
    with pytest.raises(MarsadError, match=told):
        read_data(replace(config, **{name: ("X",)}))


def test_every_number_of_a_configuration_has_its_range() -> None:
    from marsad_training.config import RANGES, AdaptConfig, FitConfig, TagSet
    from marsad_training.simulate import SimulationConfig

    numbers = {
        f.name
        for kind in (FitConfig, SimulationConfig, AdaptConfig, TagSet)
        for f in fields(kind)
        if {f.type, *get_args(f.type)} & {int, float}
    }
    assert numbers == {name for name in RANGES if "." not in name}


def test_a_full_disk_leaves_the_old_card(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    card = tmp_path / "card.md"
    card.write_text("mine", "utf-8")
    monkeypatch.setattr("marsad.files.os.replace", full)
    told = refused("card", ROOT / "model/marsad/artifact", card, "--results", tmp_path)
    assert f"{card}: cannot be written (No space left on device)." in told
    assert files_in(tmp_path) == {card: b"mine"}


def test_sets_to_measure_on_have_names_of_their_own(tmp_path: Path) -> None:
    paths = [tmp_path / "a" / "gold.jsonl", tmp_path / "b" / "gold.jsonl"]
    assert named(paths[:1], ["corpus-test"]) == {"gold": paths[0]}
    for names, given in ((), paths), (["gold"], paths[:1]):
        with pytest.raises(MarsadError, match="is the second 'gold' to measure on; rename one"):
            named(given, names)


SPLITS = "should be an object that lists ids under train, dev, test."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "line 1: broken JSON"),
        ("[1]", SPLITS),
        ('{"train": [], "test": []}', SPLITS),
        ('{"train": ["aa-000"], "dev": ["aa-000"], "test": []}', "lists the id 'aa-000' 2 times"),
        ('{"train": [1], "dev": [], "test": []}', SPLITS),
        ('{"train": ["aa-000"], "dev": [], "test": []}', "does not cover the reports exactly once"),
    ],
)
def test_broken_splits_are_told(tmp_path: Path, corpus_folder: Path, text: str, told: str) -> None:
    corpus = shutil.copytree(corpus_folder, tmp_path / "corpus")
    (corpus / "splits.json").write_text(text, "utf-8")
    message = refused("dataset", tmp_path / "out", "--corpus", corpus)
    assert "splits.json" in message
    assert told in message


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("run.json", b"{}", "run.json: is damaged: the key 'labels' is missing."),
        ("run.json", b"[]", "run.json: is damaged"),
        ("run.json", b"{", "run.json, line 1: broken JSON"),
        ("config.json", b"{}", "config.json: is damaged: the key 'model_type' is missing."),
        ("tokenizer.json", b"{}", "tokenizer.json: is damaged: not a tokenizer."),
        ("network.safetensors", b"\x00" * 20, "network.safetensors: is damaged: "),
        ("network.safetensors", None, "network.safetensors: cannot be read (No such file"),
    ],
)
def test_a_damaged_run_is_told(
    tmp_path: Path, tiny_run: Path, name: str, content: bytes | None, told: str
) -> None:
    ignored = shutil.ignore_patterns("checkpoints")
    run = shutil.copytree(tiny_run, tmp_path / "run", ignore=ignored)
    (run / name).unlink()
    if content is not None:
        (run / name).write_bytes(content)
    assert f"{run}/{told}" in refused("export", run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("text = ", "is no TOML"),
        ("lever = 5", "the key 'text' is missing"),
        (
            'text = "x"\nlever = [{ runs = [] }]',
            "is damaged: mean requires at least one data point.",
        ),
    ],
)
def test_broken_levers_are_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "levers.toml").write_text(text, "utf-8")
    message = refused("experiments", tmp_path)
    assert f"{tmp_path}/levers.toml: " in message
    assert told in message


@pytest.mark.parametrize("line", ["{", "5", "{}", '{"source": 5}', '{"source": "asnd/a/1"}'])
def test_a_broken_annotation_is_told_with_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(line + "\n", "utf-8")
    told = refused("restore", tmp_path, tmp_path / "out", "--annotations", path)
    assert f"{path}, line 1: " in told
    assert len(told.splitlines()) == 1


PLACES = b"report\tstart\tsurface\tcountry\tlatitude\tlongitude\n"


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (b"report\tstart\n", None),
        (b"report\tstart\na\t1\n", ", line 1: the column 'country' is missing."),
        (b"report\tstart\na\n", ", line 2: has more or fewer columns"),
        (b"\xff", ", line 1: byte 0 is not UTF-8"),
        (
            b"report\tstart\tsurface\tcountry\tlatitude\tlongitude\na\tx\tb\tIQ\t1\t2\n",
            ", line 2: ",
        ),
    ],
)
def test_a_broken_table_of_places_is_told(
    tmp_path: Path, corpus_folder: Path, table: bytes, told: str | None
) -> None:
    path = tmp_path / "places.tsv"
    path.write_bytes(table)
    arguments = ("resolvers", str(corpus_folder / "reports"), "--places", str(path))
    if told is None:
        assert RUNNER.invoke(cli.app, arguments).exit_code == 0
    else:
        assert f"{path}{told}" in refused(*arguments)


def test_a_corpus_without_pairs_teaches_no_coreference(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    block = "### id=aa-00{} date=2022-01-04 style=agency\n[قصف|e1] حلب\n---\ne1 SHELLING occurred\n"
    text = "\n".join(block.format(n) for n in range(3))
    (tmp_path / "reports" / "all.txt").write_text(text, "utf-8")
    splits = {"train": ["aa-000"], "dev": ["aa-001"], "test": ["aa-002"]}
    (tmp_path / "splits.json").write_text(json.dumps(splits), "utf-8")
    told = refused("coreference", tmp_path, tmp_path / "out.json")
    assert "annotate more reports." in told
    assert not (tmp_path / "out.json").exists()


@pytest.mark.parametrize("key", ["slices", "model", "facts", "command", "gold"])
def test_a_result_that_lacks_a_key_is_told(tmp_path: Path, key: str) -> None:
    from marsad_training.benchmark.cli import app

    whole = {
        "marsad_benchmark": 1, "suite": "corpus", "about": "", "model": {"name": "m"},
        "command": "", "version": "", "seed": 0, "seconds": 1.0, "machine": {}, "slices": {},
        "facts": {},
    }  # fmt: skip
    path = tmp_path / "m" / "corpus.json"
    path.parent.mkdir()
    whole |= {"slices": {"all": {"per_report": {}}}} if key == "gold" else {}
    path.write_text(json.dumps({k: v for k, v in whole.items() if k != key}), "utf-8")
    for arguments in (["report", str(tmp_path)], ["compare", str(path), str(path)]):
        done = RUNNER.invoke(app, arguments)
        assert done.exit_code == 2, (done.output, done.exception)
        assert str(tmp_path) in done.stderr
        assert "damaged" in done.stderr


def test_only_a_whole_artifact_gives_way_to_another(tmp_path: Path) -> None:
    from marsad.artifact import FILES
    from marsad_training.export import _is_artifact

    assert not _is_artifact(tmp_path / "absent")
    for name in FILES:
        assert not _is_artifact(tmp_path)
        (tmp_path / name).touch()
    assert _is_artifact(tmp_path)
    (tmp_path / "notes.txt").touch()
    assert not _is_artifact(tmp_path)


def test_damaged_facts_of_a_run_are_told(tmp_path: Path) -> None:
    from marsad_training.runs import stages

    for text in ("[1]", '{"config": {}}', "{"):
        (tmp_path / "manifest.json").write_text(text, "utf-8")
        with pytest.raises(MarsadError, match=str(tmp_path)):
            list(stages(tmp_path))


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("metrics.json", '{"training": {"stages": []}}', "tells no training: the key 'train_re"),
        ("metrics.json", "[]", "tells no training: "),
        ("manifest.json", '{"test_f1": {}}', "is damaged: the key 'config' is missing."),
        ("manifest.json", "[]", "is damaged: "),
    ],
)
def test_what_cannot_be_measured_is_told(tmp_path: Path, name: str, text: str, told: str) -> None:
    (tmp_path / name).write_text(text, "utf-8")
    assert f"{tmp_path}/{name}: {told}" in refused("measure", tmp_path, tmp_path / "out.json")


def test_an_artifact_is_put_in_its_place_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from marsad_training.export import _put

    made, target, link = (tmp_path / name for name in ("made", "old", "link"))
    for folder in (made, target):
        folder.mkdir()
        (folder / "a").write_text(folder.name, "utf-8")
    link.symlink_to(target)

    def full(*_: object) -> None:
        raise shutil.Error([("a", "b", "No space left on device")])

    with monkeypatch.context() as patched:
        patched.setattr("marsad_training.export.shutil.copytree", full)
        with pytest.raises(MarsadError, match="No space left"):
            _put(made, target)
    assert (target / "a").read_text("utf-8") == "old"
    _put(made, link)
    assert (target / "a").read_text("utf-8") == "made"
    assert {path.name for path in tmp_path.iterdir()} == {"made", "old", "link"}
