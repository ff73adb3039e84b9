"""Training in several processes, in parts of a batch, in bf16, and over again after a kill."""

import json
import math
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from marsad.errors import MarsadError
from marsad.schema import Labels, Report

torch = pytest.importorskip("torch", reason="needs the train extra")
from safetensors.torch import load_file  # noqa: E402
from torch.utils.data import BatchSampler  # noqa: E402
from transformers import TrainerCallback  # noqa: E402

from marsad_training import config as configs  # noqa: E402
from marsad_training import estimate, fit, learn  # noqa: E402
from marsad_training.encode import collate, encode_report  # noqa: E402
from marsad_training.network import JointNetwork  # noqa: E402
from marsad_training.runs import build_network  # noqa: E402

# Relative. Sums in another order differ in the last bits of a float32 (2^-24, or 6e-8), and Adam,
# which divides by the size of a gradient, magnifies that; 2e-7 was measured over 24 steps.
SAME = 1e-5


@pytest.fixture(scope="module")
def steady(fit_config: Any, tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A configuration without any dropout: it is drawn anew for each batch, however that is cut."""
    base = tmp_path_factory.mktemp("base") / "steady"
    shutil.copytree(tiny_base, base)
    facts = json.loads((base / "config.json").read_text("utf-8"))
    (base / "config.json").write_text(json.dumps(facts | {"hidden_dropout_prob": 0.0}), "utf-8")
    return replace(fit_config, base=str(base), epochs=12)


def toml(config: Any, path: Path) -> Path:
    """A configuration as the file that the command reads."""
    facts = asdict(config)
    tables = {name: facts.pop(name) for name in ("loss",)}
    lines = [f"{name} = {json.dumps(value)}" for name, value in facts.items()]
    for name, table in tables.items():
        lines += [f"[{name}]", *(f"{key} = {value}" for key, value in table.items())]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def state_of(run: Path) -> Any:
    checkpoint = learn.last_checkpoint(run)
    assert checkpoint is not None
    return json.loads((checkpoint / "trainer_state.json").read_text("utf-8"))


def losses(run: Path) -> list[float]:
    return [entry["loss"] for entry in state_of(run)["log_history"] if "loss" in entry]


def assert_same_curve(one: Path, other: Path) -> None:
    first, second = losses(one), losses(other)
    assert len(first) >= 20
    assert first == pytest.approx(second, rel=SAME)
    assert first[-1] < first[0] / 2  # it has learnt, so the curve is one


@pytest.fixture(scope="module")
def items(reports: list[Report], labels: Labels, tiny_base: Path) -> list[Any]:
    reader = learn.load_reader(str(tiny_base), 20)
    return [item for report in reports for item in encode_report(report, labels, reader)]


@pytest.fixture
def network(fit_config: Any, labels: Labels, tiny_base: Path) -> Any:
    torch.manual_seed(0)
    reader = learn.load_reader(str(tiny_base), 20)
    return build_network(learn.word_encoder(str(tiny_base), reader, fit_config), labels, fit_config)


def gradients(network: Any, batches: Sequence[Any]) -> dict[str, Any]:
    """Of one optimiser step over all batches."""
    network.zero_grad()
    totals = sum(network.totals(batch) for batch in batches)
    for batch in batches:
        learn.Objective(network)(batch, totals).backward()
    return {n: p.grad.clone() for n, p in network.named_parameters() if p.grad is not None}


def test_a_batch_in_parts_has_the_gradient_of_the_whole(network: Any, items: list[Any]) -> None:
    items = [items[0] | {"pair": None}, *items[1:]]  # one part has no roles to learn
    whole = gradients(network, [collate(items, 1)])
    for parts in ([items[:1], items[1:]], [[item] for item in items]):
        cut = gradients(network, [collate(part, 1) for part in parts])
        assert cut.keys() == whole.keys()
        for name, gradient in whole.items():
            torch.testing.assert_close(cut[name], gradient, atol=1e-6, rtol=1e-4)


def test_a_part_of_the_loss_is_a_mean_over_its_words(network: Any, items: list[Any]) -> None:
    batch = collate(items, 1)
    scores = network(batch["input_ids"], batch["attention_mask"], batch["word_starts"])[0]
    mean = torch.nn.functional.cross_entropy(
        scores.flatten(0, 1), batch["mention_tags"].flatten(), ignore_index=-100
    )
    found = network.sums(batch) / network.totals(batch)
    assert found[0].item() == pytest.approx(mean.item(), rel=1e-5)


@pytest.mark.parametrize("count", [3, 8, 20, 203])
def test_an_epoch_has_full_batches_that_do_not_depend_on_the_processes(count: int) -> None:
    from accelerate.data_loader import BatchSamplerShard

    lengths = [5 + (7 * i) % 31 for i in range(count)]
    epoch = 0
    order = learn.Order(lengths, 8, seed=1, epoch=lambda: epoch)
    drawn = list(order)
    assert len(drawn) == len(order) == math.ceil(count / 8) * 8
    assert set(drawn) == set(range(count))
    shards = [BatchSamplerShard(BatchSampler(order, 4, False), 2, rank) for rank in (0, 1)]
    together = [i for both in zip(*shards, strict=True) for part in both for i in part]
    assert together == drawn == list(order)
    epoch = 1
    assert list(order) != drawn or count <= 8  # one batch is sorted by length


def test_batches_of_8_learn_as_batches_of_4_accumulated_twice(steady: Any, tmp_path: Path) -> None:
    whole = fit.fit(replace(steady, batch=8), tmp_path / "whole")
    parts = fit.fit(replace(steady, batch=4, accumulate=2), tmp_path / "parts")
    assert_same_curve(whole, parts)
    assert state_of(whole)["max_steps"] == state_of(parts)["max_steps"]


@pytest.mark.slow
def test_two_processes_learn_as_one(steady: Any, tmp_path: Path) -> None:
    one = fit.fit(replace(steady, batch=8), tmp_path / "one")
    path = toml(replace(steady, batch=2, accumulate=2), tmp_path / "two.toml")
    two = tmp_path / "two"
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    done = subprocess.run(
        [*launch, "-m", "marsad_training", "--", "fit", str(path), "--run", str(two)],
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    spoken = done.stdout.splitlines()  # by the main process alone
    assert spoken.count(str(two)) == 1
    assert sum("'loss'" in line for line in spoken) == len(losses(two))
    assert "steps of 8 windows: 2 at once, 2 times, in 2 processes" in done.stderr
    assert json.loads((two / "manifest.json").read_text("utf-8"))["processes"] == 2
    assert_same_curve(one, two)
    left, right = (json.loads((r / "manifest.json").read_text("utf-8")) for r in (one, two))
    assert left["steps"] == right["steps"]
    assert left["history"][-1]["eval_mean"] == pytest.approx(
        right["history"][-1]["eval_mean"], abs=0.02
    )


KILLED = """
import os, signal, sys
from pathlib import Path
from marsad_training import config, fit, learn
path, run, step, event = sys.argv[1:]
real = getattr(learn.Average, event)
def killed(self, args, state, control, **rest):
    if state.global_step == int(step):
        os.kill(os.getpid(), signal.SIGKILL)
    real(self, args, state, control, **rest)
setattr(learn.Average, event, killed)
fit.fit(config.load(Path(path), config.FitConfig), Path(run))
"""


@pytest.mark.slow
def test_a_run_killed_twice_ends_bitwise_where_the_other_does(
    fit_config: Any, tmp_path: Path
) -> None:
    """SIGKILL in the middle of an epoch, then in the middle of writing a checkpoint."""
    config = replace(
        fit_config, epochs=5, batch=2, learning_rate=1e-2, dropout=0.1, word_dropout=0.1,
        average=0.5, patience=3,
    )  # fmt: skip
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    fit.fit(config, whole)
    path = toml(config, tmp_path / "killed.toml")
    epoch = state_of(whole)["global_step"] // 5
    for step, event in ((epoch + 2, "on_step_end"), (3 * epoch, "on_save")):
        command = [sys.executable, "-c", KILLED, str(path), str(killed), str(step), event]
        assert subprocess.run(command, capture_output=True).returncode == -signal.SIGKILL
        kept = learn.last_checkpoint(killed)
        assert kept is not None
        assert kept.name == f"checkpoint-{(step - 1) // epoch * epoch}"
        assert not (killed / "run.json").exists()
    command = [sys.executable, "-m", "marsad_training", "fit", str(path), "--run", str(killed)]
    subprocess.run(command, check=True, capture_output=True)
    for name in ("network.safetensors", f"checkpoints/checkpoint-{5 * epoch}/model.safetensors"):
        left, right = load_file(whole / name), load_file(killed / name)
        assert left.keys() == right.keys()
        assert all(torch.equal(left[key], right[key]) for key in left)
    left, right = (json.loads((r / "manifest.json").read_text("utf-8")) for r in (whole, killed))
    assert left["history"] == right["history"]
    assert left["history"][-1]["eval_mean"] > left["history"][0]["eval_mean"]


def test_a_run_that_has_ended_is_left_alone(fit_config: Any, tmp_path: Path) -> None:
    config = replace(fit_config, epochs=9, learning_rate=0.0, patience=2)
    run = fit.fit(config, tmp_path / "run")
    manifest = json.loads((run / "manifest.json").read_text("utf-8"))
    weights = (run / "network.safetensors").read_bytes()
    assert len(manifest["history"]) == 3  # nothing was learnt, so two more were enough
    fit.fit(config, run)
    assert json.loads((run / "manifest.json").read_text("utf-8")) == manifest
    changes = {"batch is 4, now it is 3": {"batch": 3}, "train_reports": {"train_reports": 8}}
    for told, change in changes.items():
        with pytest.raises(MarsadError, match=told):
            fit.fit(replace(config, **change), run)
    # as if killed between the last checkpoint and the manifest
    (run / "manifest.json").unlink()
    fit.fit(config, run)
    again = json.loads((run / "manifest.json").read_text("utf-8"))
    assert (again["steps"], again["history"]) == (manifest["steps"], manifest["history"])
    assert (run / "network.safetensors").read_bytes() == weights


class Broken(TrainerCallback):
    """Power fails at a step."""

    def __init__(self, step: int):
        self.step = step

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self.step:
            raise InterruptedError


def test_patience_goes_on_where_it_was(fit_config: Any, tmp_path: Path) -> None:
    config = replace(fit_config, epochs=9, learning_rate=0.0, patience=2)
    with pytest.raises(InterruptedError):
        fit.fit(config, tmp_path, [Broken(9)])  # in the third epoch of 4 steps
    fit.fit(config, tmp_path)
    assert len(json.loads((tmp_path / "manifest.json").read_text("utf-8"))["history"]) == 3


def test_a_checkpoint_that_is_half_written_does_not_count(tmp_path: Path) -> None:
    assert learn.last_checkpoint(tmp_path) is None
    for step, name in ((9, "average.safetensors"), (10, "average.safetensors"), (11, "x")):
        folder = tmp_path / "checkpoints" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / name).touch()
    assert learn.last_checkpoint(tmp_path) == tmp_path / "checkpoints" / "checkpoint-10"


def test_bf16_computes_in_bf16_and_learns_about_the_same(
    fit_config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kinds = set()
    forward = JointNetwork.forward

    def seen(network: Any, *inputs: Any, **named: Any) -> Any:
        out = forward(network, *inputs, **named)
        kinds.add((network.training, out[0].dtype))
        return out

    monkeypatch.setattr(JointNetwork, "forward", seen)
    config = replace(fit_config, epochs=3)
    plain = fit.fit(config, tmp_path / "fp32")
    assert kinds == {(True, torch.float32), (False, torch.float32)}
    kinds.clear()
    run = fit.fit(replace(config, bf16=True), tmp_path / "bf16")
    # the dev reports are read as they will be served
    assert kinds == {(True, torch.bfloat16), (False, torch.float32)}
    assert losses(run) != losses(plain)
    assert losses(run) == pytest.approx(losses(plain), rel=0.05)
    assert {w.dtype for w in load_file(run / "network.safetensors").values()} == {
        torch.float32, torch.bool,
    }  # fmt: skip


@pytest.mark.parametrize("bf16", [False, True])
def test_memory_is_what_the_longest_batch_takes(network: Any, items: list[Any], bf16: bool) -> None:
    longest = max(items, key=lambda item: len(item["input_ids"]))
    needs = estimate.memory(network, lambda n: collate([longest] * n, 1), 6, bf16)
    count = sum(p.numel() for p in network.parameters())
    assert needs.weights == needs.gradients == needs.average == 4 * count
    optimiser = torch.optim.AdamW(network.parameters())
    network.sums(collate(items, 1)).sum().backward()
    optimiser.step()
    moments = [s for state in optimiser.state.values() for s in state.values() if s.dim()]
    assert needs.optimiser == pytest.approx(sum(m.nbytes for m in moments), rel=0.01)
    whole = estimate._saved(network, collate([longest] * 6, 1), bf16)
    assert needs.activations == pytest.approx(whole, rel=0.01)
    assert f"6 windows of {len(longest['input_ids'])} subwords" in estimate.told(
        needs, 6, len(longest["input_ids"])
    )


def test_memory_is_counted_without_a_trace(network: Any, items: list[Any]) -> None:
    torch.manual_seed(3)
    drawn = torch.rand(1)
    torch.manual_seed(3)
    estimate.memory(network, lambda n: collate(items[:1] * n, 1), 2, False)
    assert torch.equal(torch.rand(1), drawn)
    assert all(p.grad is None for p in network.parameters())


def test_hours_are_told_once_ten_steps_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(estimate.time, "monotonic", lambda: now)
    said: list[str] = []
    clock = estimate.Clock(lambda: round(now * 100), 720_000, said.append)
    for step in range(1, 21):
        now += 2 if step < 3 else 0.5
        state = SimpleNamespace(epoch=1.0, is_world_process_zero=True)
        clock.on_step_end(SimpleNamespace(num_train_epochs=3), state, None)
    # two epochs of 720,000 subwords at 100 a second
    assert said == ["0.50 s a step, 100 subwords/s: about 4.00 h to go, the scoring of dev apart."]


@pytest.mark.parametrize("key", ["batch", "accumulate"])
def test_a_batch_of_nothing_is_refused(key: str, tmp_path: Path) -> None:
    values = {"batch": 2, key: 0}
    path = tmp_path / "c.toml"
    lines = [f"{name} = {value}" for name, value in values.items()]
    path.write_text("\n".join(['base = "default"', "epochs = 1", *lines]), "utf-8")
    with pytest.raises(MarsadError, match=rf"c\.toml: {key} should be 1 or more, not 0\."):
        configs.load(path, configs.FitConfig)
