"""The search over settings: trials are runs of fit, a killed search ends as one left alone."""

import importlib
import json
import signal
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from filelock import FileLock
from typer.testing import CliRunner

from marsad.errors import MarsadError

optuna = pytest.importorskip("optuna", reason="needs the train extra")
pytest.importorskip("torch", reason="needs the train extra")
from marsad_training import cli  # noqa: E402
from marsad_training import config as configs  # noqa: E402
from marsad_training import search as searching  # noqa: E402

ROOT = Path(__file__).parents[1]
SPACE = """
learning_rate = { low = 1e-3, high = 1, log = true }
batch = { choices = [2, 4] }
[loss]
role = { low = 0.5, high = 2 }
"""


@pytest.fixture(scope="module")
def config(fit_config: Any, tiny_run: Path) -> Any:
    """Epochs that go on from what is learnt, so that there are scores to lose."""
    return replace(fit_config, epochs=2, init=str(tiny_run))


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> searching.Space:
    path = tmp_path_factory.mktemp("space") / "space.toml"
    path.write_text(SPACE, "utf-8")
    return searching.read_space(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, config: Any, space: searching.Space) -> Path:
    """The folder of a search of 3 trials that nobody disturbed."""
    out = tmp_path_factory.mktemp("searches") / "whole"
    assert len(searching.search(config, space, out, 3)) == 3
    return out


def study_of(out: Path) -> Any:
    backend = optuna.storages.journal.JournalFileBackend(str(out / "study.journal"))
    return optuna.load_study(study_name="search", storage=optuna.storages.JournalStorage(backend))


def told(out: Path) -> list[Any]:
    """What is known of the trials that ended well: values and score, in their order."""
    ended = [t for t in study_of(out).trials if t.state.name == "COMPLETE"]
    assert all(t.intermediate_values.keys() == {5, 10} for t in ended)  # tenths, of 2 epochs
    return [(t.user_attrs["run"], t.params, t.value) for t in ended]


def test_each_trial_is_a_run_of_fit_with_its_values(whole: Path, config: Any) -> None:
    for run, values, score in told(whole):
        manifest = json.loads((whole / run / "manifest.json").read_text("utf-8"))
        assert manifest["config"] == json.loads(
            json.dumps(asdict(searching.with_values(config, values)))
        )
        assert manifest["config"]["loss"] == {**config.loss, "role": values["loss.role"]}
        epoch = max(manifest["history"], key=lambda epoch: epoch["eval_mean"])
        assert score == epoch["eval_mean"]
        assert score == pytest.approx(
            sum(epoch[f"eval_{task}"] for task in ("mentions", "triggers", "arguments")) / 3
        )
        assert (whole / run / "network.safetensors").exists()
        assert not (whole / run / "checkpoints").exists()
    assert len({score for _, _, score in told(whole)}) > 1
    drawn = [values["learning_rate"] for _, values, _ in told(whole)]
    assert len(set(drawn)) == 3
    assert all(1e-3 <= rate <= 1 for rate in drawn)


def test_the_table_has_the_best_trial_first_and_its_values_as_a_configuration(whole: Path) -> None:
    text = (whole / "search.md").read_text("utf-8")
    rows = [line.split(" | ") for line in text.splitlines() if line.startswith("| trial-")]
    ranked = sorted(told(whole), key=lambda trial: -trial[2])
    assert sorted(float(row[2]) for row in rows)[::-1] == [float(row[2]) for row in rows]
    assert [float(row[2]) for row in rows] == pytest.approx([t[2] for t in ranked], abs=6e-4)
    block = text.split("```toml\n")[1].split("```")[0]
    path = whole / "best.toml"
    path.write_text(block, "utf-8")
    best = configs.read_toml(path)
    assert {"loss.role": best.pop("loss")["role"], **best} == ranked[0][1]
    for name in ("history", "importance"):
        assert f"({name}.png)" in text
        assert (whole / f"{name}.png").read_bytes().startswith(b"\x89PNG")


KILLED = """
import os, signal, sys
from marsad_training import cli, search
told = search.Pruning.on_evaluate
def killed(self, *args, **rest):
    told(self, *args, **rest)
    if self.trial.user_attrs["run"] == "trial-1" and len(self.told) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
search.Pruning.on_evaluate = killed
cli.app(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_killed_search_goes_on_and_ends_as_one_left_alone(
    config: Any, whole: Path, tmp_path: Path
) -> None:
    settings, ranges, out = tmp_path / "c.toml", tmp_path / "space.toml", tmp_path / "killed"
    ranges.write_text(SPACE, "utf-8")
    facts = asdict(config)
    lines = [f"loss.{name} = {weight}" for name, weight in facts.pop("loss").items()]
    lines += [f"{name} = {json.dumps(value)}" for name, value in facts.items()]
    settings.write_text("\n".join(lines), "utf-8")
    command = ["search", str(settings), "--trials", "3", "--space", str(ranges), "--out", str(out)]
    done = subprocess.run([sys.executable, "-c", KILLED, *command], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert [t.state.name for t in study_of(out).trials] == ["COMPLETE", "RUNNING"]
    with (out / "study.journal").open("a") as journal:
        journal.write('{"op_code":6,"wor')  # the disk was full, say
    result = CliRunner().invoke(cli.app, command)
    assert result.exit_code == 0, result.stderr
    assert result.stdout.split()[-1] == str(out / "search.md")
    trials = study_of(out).trials
    assert [t.state.name for t in trials] == ["COMPLETE", "FAIL", "COMPLETE", "COMPLETE"]
    assert [t.user_attrs["run"] for t in trials] == ["trial-0", "trial-1", "trial-1", "trial-2"]
    assert trials[1].params == trials[2].params
    assert told(out) == told(whole)
    assert (out / "search.md").read_text("utf-8").count("| complete |") == 3


def test_a_search_that_is_done_draws_no_more(whole: Path, config: Any, space: Any) -> None:
    before = told(whole)
    found = searching.search(config, space, whole, 3)
    assert told(whole) == before
    assert [r.run for r in found] == [t[0] for t in sorted(before, key=lambda t: -t[2])]


def test_a_search_of_other_settings_is_refused(whole: Path, config: Any, space: Any) -> None:
    with pytest.raises(MarsadError, match=r"whole: holds a search whose batch is 4, now it is 3"):
        searching.search(replace(config, batch=3), space, whole, 4)
    with pytest.raises(MarsadError, match="holds a search whose space is"):
        searching.search(config, {"dropout": space["learning_rate"]}, whole, 4)


def test_two_processes_do_not_search_in_one_folder(whole: Path, config: Any, space: Any) -> None:
    script = (
        "import sys, filelock\n"
        "with filelock.FileLock(sys.argv[1]): print('held', flush=True); input()\n"
    )
    lock = str(whole / "search.lock")
    with subprocess.Popen(
        [sys.executable, "-c", script, lock], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(MarsadError, match="another process searches here"):
            searching.search(config, space, whole, 4)
        other.kill()
    with FileLock(lock).acquire(timeout=0):  # and a killed one holds it no longer
        pass


def test_a_damaged_journal_is_named(tmp_path: Path, config: Any, space: Any) -> None:
    (tmp_path / "study.journal").write_text("no\njournal\n", "utf-8")
    with pytest.raises(MarsadError, match=r"study\.journal: is damaged"):
        searching.search(config, space, tmp_path, 1)


def test_a_trial_that_fails_again_and_again_is_left_out(space: Any) -> None:
    study = optuna.create_study(direction="maximize")
    drawn = [searching._next(study, space, seed=1) for _ in range(searching.TRIES + 1)]
    runs = [trial.user_attrs["run"] for trial in drawn]
    assert runs == ["trial-0"] * searching.TRIES + ["trial-1"]
    assert drawn[0].params == drawn[searching.TRIES - 1].params != drawn[-1].params
    assert [t.state.name for t in study.trials] == ["FAIL"] * searching.TRIES + ["RUNNING"]


def test_a_trial_left_out_stands_last_in_the_table() -> None:
    values = {"dropout": 0.125, "batch": 4}
    good = searching.Result("trial-1", "complete", values, (0.5, 0.6, 0.5, 0.4), 2.0)
    bad = searching.Result("trial-0", "fail", {"dropout": 0.2}, (), 0.0)
    first, second = searching.render([good, bad]).split("\n| trial-")[1:]
    assert first == "1 | complete | 0.500 | 0.600 | 0.500 | 0.400 | 2.0 | 4 | 0.125 |"
    assert second.startswith("0 | fail |  |  |  |  | 0.0 |  | 0.2 |")


def history(*means: float) -> list[dict[str, float]]:
    return [{"epoch": n + 1.0, "eval_mean": mean} for n, mean in enumerate(means)]


def test_a_trial_below_the_median_at_the_same_part_of_its_schedule_is_stopped() -> None:
    study = optuna.create_study(
        direction="maximize", pruner=optuna.pruners.MedianPruner(searching.UNPRUNED, 3)
    )
    for _ in range(searching.UNPRUNED):
        trial = study.ask()
        assert not searching.Pruning(trial, 4).tell(history(0.1, 0.4, 0.5, 0.6))
        study.tell(trial, 0.6)
    # twice as long: after 4 of 8 epochs it stands where the others stood after 2 of 4
    slow, bad = (searching.Pruning(study.ask(), 8) for _ in range(2))
    state, control = SimpleNamespace(), SimpleNamespace(should_training_stop=False)
    for told in range(1, 9):
        state.log_history = [{"loss": 1.0}, *history(*(0.1 * n for n in range(1, told + 1)))]
        slow.on_evaluate(None, state, control)
    assert not control.should_training_stop
    assert not bad.tell(history(0.05, 0.1))
    assert bad.tell(history(0.05, 0.1, 0.15, 0.2))


def test_a_pruned_trial_is_a_finished_run_too(
    config: Any, space: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching.Trial, "should_prune", lambda _: True)
    (found,) = searching.search(replace(config, epochs=3), space, tmp_path, 1)
    manifest = json.loads((tmp_path / "trial-0" / "manifest.json").read_text("utf-8"))
    assert found.state == "pruned"
    assert found.scores[0] == manifest["history"][0]["eval_mean"]
    assert len(manifest["history"]) == 1


def test_the_shipped_space_is_read() -> None:
    space = searching.read_space(ROOT / "training/configs/search.toml")
    assert {"learning_rate", "epochs", "dropout", "word_dropout", "loss.role"} <= space.keys()
    for name in ("base", "camelbert", "smoke"):
        config = configs.load(ROOT / f"training/configs/{name}.toml", configs.FitConfig)
        changed = searching.with_values(config, {"epochs": 3, "loss.role": 0.5})
        assert (changed.epochs, changed.loss["role"]) == (3, 0.5)
        assert changed.loss.keys() == config.loss.keys() | {"role"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("learnin_rate = { low = 1, high = 2 }", "unknown key 'learnin_rate'; known are accum"),
        ("dropout = 0.1", r"dropout should be \{ low, high \}, .* of the kind float"),
        ("dropout = { low = 0 }", "dropout should be"),
        ("dropout = { low = 0, high = 2 }", "dropout should be 0 to 0.9, not 2.0"),
        ("[loss]\nrole = { choices = [1, -1] }", "loss.role should be 0 or more, not -1"),
        ("dropout = { low = 0, high = 1, step = 0.1 }", "dropout should be"),
        ("dropout = { choices = [] }", "dropout should be"),
        ("dropout = { choices = ['a'] }", "dropout should be"),
        ("epochs = { low = 1.5, high = 2 }", "epochs should be .* of the kind int"),
        ("base = { low = 1, high = 2 }", "base should be .* of the kind str"),
        ("learning_rate = { low = 1e-3, high = 1e-4 }", "learning_rate: .*low.*high"),
        ("learning_rate = { low = 0, high = 1e-4, log = true }", "learning_rate: .*log"),
        ("loss = 3", "loss should be"),
        ("[loss]\nrole = 3", r"loss\.role should be"),
        ("dropout = {", "is no TOML"),
    ],
)
def test_a_wrong_space_is_told_in_a_sentence(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "space.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(MarsadError, match=rf"space\.toml: {message}"):
        searching.read_space(path)


def test_without_optuna_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    monkeypatch.delitem(sys.modules, "marsad_training.search")
    with pytest.raises(MarsadError, match=r"needs optuna: pip install 'marsad\[train\]'"):
        importlib.import_module("marsad_training.search")
