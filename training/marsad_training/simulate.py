"""Does selection pay? Annotation simulated: a pool of gold reports, uncovered round by round.

Every round draws more reports of the pool, by chance or by a strategy with the model of the round
before, fits fresh heads on all that is uncovered and scores them on the test split. The encoder
stays as it is, and its hidden states are remembered, so that a fit takes seconds: the figures lie
below those of a full training, and compare strategies only.
"""

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import count, pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import get_linear_schedule_with_warmup

from marsad.corpus.selection import assess, select, spread
from marsad.documents import Document
from marsad.errors import MarsadError
from marsad.extractor import Extractor
from marsad.files import write_bytes, write_text
from marsad.schema import Labels, Report
from marsad.text import split_words
from marsad.windows import Reader
from marsad_training.config import FitConfig
from marsad_training.corpus import read_splits
from marsad_training.encode import Features, collate, encode_report
from marsad_training.learn import Order, base_folder, load_reader, parameter_groups
from marsad_training.network import WordEncoder, load_base
from marsad_training.pictures import panels, svg
from marsad_training.runs import build_network, evaluate, extractor_of
from marsad_training.training_data import read_data

TASKS = ("mentions", "triggers")  # their mean F1 is what is compared
CHANCE = "random"


@dataclass(frozen=True)
class SimulationConfig(FitConfig):
    """`marsad-train simulate`: how heads are fitted, and how the annotated set grows."""

    word_dropout: float = 0.0  # other words would need the encoder again
    rounds: tuple[int, ...] = (20, 40, 80, 160, 320)  # reports annotated, all in all
    seeds: int = 5
    steps: int = 200  # fewest optimiser steps of a fit, however few the reports
    strategies: tuple[str, ...] = (CHANCE, "selection")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.word_dropout:
            raise MarsadError("word_dropout should be 0: hidden states are computed once")
        if not self.rounds or any(a >= b for a, b in pairwise((0, *self.rounds))):
            raise MarsadError("rounds should be rising numbers of reports")
        if unknown := [name for name in self.strategies if name not in STRATEGIES]:
            raise MarsadError(f"no strategy {unknown[0]!r}; known are {', '.join(STRATEGIES)}")
        if CHANCE not in self.strategies:
            raise MarsadError(f"strategies should hold {CHANCE!r}, what all are compared with")


def _by_chance(_: Extractor, pool: Sequence[Document], n: int, rng: random.Random) -> list[str]:
    return rng.sample([id for _, _, id in pool], n)


def _by_selection(extractor: Extractor, pool: Sequence[Document], n: int, _: Any) -> list[str]:
    return [choice.id for choice in select(extractor, pool, n)]


def _by(weigh: Callable[..., NDArray[np.float64]], diverse: bool = False) -> "Strategy":
    """Rank by a figure of the assessment; farthest-first with it where `diverse`."""

    def pick(extractor: Extractor, pool: Sequence[Document], n: int, _: Any) -> list[str]:
        found = assess(extractor, pool)
        weights = weigh(found)
        order = (
            [i for i, _ in spread(weights, found.vectors, n)]
            if diverse
            else np.argsort(-weights, kind="stable")[:n].tolist()
        )
        return [pool[i][2] for i in order]

    return pick


Strategy = Callable[[Extractor, Sequence[Document], int, random.Random], list[str]]
STRATEGIES: Mapping[str, Strategy] = {
    CHANCE: _by_chance,
    "selection": _by_selection,
    "longest": _by(lambda found: found.words),
    "diversity": _by(lambda found: np.ones(len(found.words)), diverse=True),
    "uncertainty": _by(lambda found: found.uncertainty),
    "uncertainty per word": _by(lambda found: found.uncertainty / found.words),
}


class Remembered(nn.Module):
    """A frozen encoder that reads every window once; in its place under a `WordEncoder`.

    Hidden states are kept in fp16: (layers + 1, S, H) for each window.
    """

    def __init__(self, encoder: nn.Module):
        super().__init__()
        self.config: Any = encoder.config
        self._read = encoder.eval().forward  # no part of this module: nothing of it is trained
        self._states: dict[bytes, NDArray[np.float16]] = {}

    def forward(self, input_ids: Tensor, attention_mask: Tensor, **_: Any) -> Any:
        """(B, S), (B, S) -> `hidden_states`, a (B, S, H) for each layer; zero past a window."""
        config = self.config
        layers = config.num_hidden_layers + 1
        hidden = torch.zeros(layers, *input_ids.shape, config.hidden_size)
        for b, size in enumerate(attention_mask.sum(1).tolist()):
            hidden[:, b, :size] = torch.from_numpy(self._window(input_ids[b, :size]))
        return SimpleNamespace(hidden_states=hidden.unbind(0))

    def _window(self, ids: Tensor) -> NDArray[np.float16]:
        key = ids.numpy().tobytes()
        if key not in self._states:
            with torch.inference_mode():
                states = self._read(input_ids=ids[None], output_hidden_states=True).hidden_states
            self._states[key] = torch.cat(states).half().numpy()
        return self._states[key]


@dataclass(frozen=True)
class Point:
    """One fit: what it had seen, in reports and words, and its F1 on the test split."""

    strategy: str
    seed: int
    reports: int
    words: int
    mentions: float
    triggers: float

    @property
    def f1(self) -> float:
        """The mean of both tasks."""
        return (self.mentions + self.triggers) / len(TASKS)


@dataclass(frozen=True)
class Bench:
    """All that fits share: the remembered encoder, the pool by id with its windows, the test."""

    config: SimulationConfig
    encoder: Remembered
    reader: Reader
    labels: Labels
    pool: Mapping[str, Report]
    windows: Mapping[str, list[Features]]
    words: Mapping[str, int]
    test: Sequence[Report]

    def fit(self, ids: Sequence[str], seed: int) -> Extractor:
        """Fresh heads, fitted on these reports of the pool."""
        config, items = self.config, [item for id in ids for item in self.windows[id]]
        torch.manual_seed(seed)
        words = WordEncoder(self.encoder, config.dropout, 0.0, self.reader.unknown_id)
        network = build_network(words, self.labels, config)
        lengths = [len(item["input_ids"]) for item in items]
        batches: Any = DataLoader(
            items,  # type: ignore[arg-type]
            config.batch, sampler=Order(lengths, config.batch, seed, count().__next__),
            collate_fn=partial(collate, pad_id=self.reader.pad_id),
        )  # fmt: skip
        epochs = max(config.epochs, -(-config.steps // len(batches)))
        steps = epochs * len(batches)
        optimizer = torch.optim.AdamW(parameter_groups(network, config))
        schedule = get_linear_schedule_with_warmup(  # type: ignore[no-untyped-call]
            optimizer, int(config.warmup * steps), steps
        )
        for _ in range(epochs):
            for batch in batches:
                loss = (network.sums(batch) / network.totals(batch).clamp(min=1)).sum()
                loss.backward()  # type: ignore[no-untyped-call]
                nn.utils.clip_grad_norm_(network.parameters(), config.clip)
                optimizer.step()
                schedule.step()
                optimizer.zero_grad()
        return extractor_of(network.eval(), self.reader, self.labels)

    def point(self, extractor: Extractor, strategy: str, seed: int, ids: Sequence[str]) -> Point:
        """The extractor on the test split."""
        scores = evaluate(extractor, self.test)
        return Point(
            strategy, seed, len(ids), sum(self.words[id] for id in ids),
            *(scores.f1(task) for task in TASKS),
        )  # fmt: skip


def simulate(config: SimulationConfig, runs: Path) -> Iterator[Point]:
    """All fits, seed after seed; those of a seed start from the same reports.

    Raises MarsadError where the pool holds fewer reports than the last round wants.
    """
    bench = _bench(config, runs)
    if len(bench.pool) < config.rounds[-1]:
        raise MarsadError(
            f"the pool holds {len(bench.pool)} reports; the last round wants {config.rounds[-1]}."
        )
    for seed in range(config.seed, config.seed + config.seeds):
        start = random.Random(seed).sample(list(bench.pool), config.rounds[0])
        first = bench.fit(start, seed)
        for strategy in config.strategies:
            rng, ids, extractor = random.Random(seed), list(start), first
            yield bench.point(extractor, strategy, seed, ids)
            for size in config.rounds[1:]:
                rest = [(r.text, r.date, r.id) for r in bench.pool.values() if r.id not in set(ids)]
                ids += STRATEGIES[strategy](extractor, rest, size - len(ids), rng)
                extractor = bench.fit(ids, seed)
                yield bench.point(extractor, strategy, seed, ids)


def _bench(config: SimulationConfig, runs: Path) -> Bench:
    data, base = read_data(config), base_folder(config.base, runs)
    reader = load_reader(base, config.limit)
    pool = {report.id: report for report in data.train}
    return Bench(
        config, Remembered(load_base(base)), reader, data.labels, pool,
        {id: encode_report(report, data.labels, reader) for id, report in pool.items()},
        {id: len(split_words(report.text)) for id, report in pool.items()},
        read_splits(Path(config.corpus))["test"],
    )  # fmt: skip


FIGURES = ("reports", "words", *TASKS, "f1")


def summary(points: Sequence[Point]) -> dict[str, Any]:
    """Curves by strategy (mean and standard deviation over seeds) and what each needs.

    `needed` is what a strategy's mean curve, drawn straight between rounds, costs in reports and
    in words where it first reaches `target`, the F1 of chance at its last round; None where it
    never does.
    """
    curves = {name: _curve([p for p in points if p.strategy == name]) for name in _names(points)}
    target = curves[CHANCE]["f1"]["mean"][-1]
    return {
        "goal": target,
        "needed": {
            name: {
                cost: reach(curve[cost]["mean"], curve["f1"]["mean"], target)
                for cost in ("reports", "words")
            }
            for name, curve in curves.items()
        },
        "curves": curves,
    }


def _names(points: Sequence[Point]) -> list[str]:
    return list(dict.fromkeys(point.strategy for point in points))


def _curve(points: Sequence[Point]) -> dict[str, dict[str, list[float]]]:
    """Figure -> mean and standard deviation over seeds, round by round."""
    rounds = sorted({point.reports for point in points})
    by_round = [[p for p in points if p.reports == size] for size in rounds]
    values = {name: [[getattr(p, name) for p in of] for of in by_round] for name in FIGURES}
    return {
        name: {
            "mean": [round(float(np.mean(of)), 4) for of in found],
            "sd": [round(float(np.std(of, ddof=len(of) > 1)), 4) for of in found],
        }
        for name, found in values.items()
    }


def reach(cost: Sequence[float], f1: Sequence[float], target: float) -> float | None:
    """The cost at which a curve first reaches the target; None where it never does."""
    for i, height in enumerate(f1):
        if height >= target:
            if i == 0:
                return cost[0]
            share = (target - f1[i - 1]) / (height - f1[i - 1])
            return round(cost[i - 1] + share * (cost[i] - cost[i - 1]), 1)
    return None


def picture(found: Mapping[str, Any]) -> bytes:
    """F1 over reports and over words, as SVG: the mean, and one standard deviation around it.

    Raises MarsadError where matplotlib is not installed.
    """
    figure, axes = panels(9, 4, 2)
    for axis, cost in zip(axes, ("reports", "words"), strict=True):
        for name, curve in found["curves"].items():
            x, mean, sd = curve[cost]["mean"], *(np.array(curve["f1"][k]) for k in ("mean", "sd"))
            axis.plot(x, mean, marker="o", markersize=3, label=name)
            axis.fill_between(x, mean - sd, mean + sd, alpha=0.15)
        axis.axhline(found["goal"], color="grey", linewidth=0.8, linestyle=":")
        axis.set_xlabel(f"{cost} annotated")
    axes[0].set_ylabel("F1, mean of mentions and triggers")
    axes[0].legend(frameon=False)
    return svg(figure)


def write(config: SimulationConfig, points: Sequence[Point], folder: Path) -> dict[str, Any]:
    """Write `simulation.json` and `simulation.svg`; returns the summary."""
    found = summary(points)
    facts = {"config": asdict(config), **found, "points": [asdict(point) for point in points]}
    write_text(folder / "simulation.json", json.dumps(facts, indent=1) + "\n")
    write_bytes(folder / "simulation.svg", picture(found))
    return found
