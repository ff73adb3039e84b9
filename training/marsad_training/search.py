"""`marsad-train search`: the settings of a fit that score best on dev, found by Optuna.

Each trial is an ordinary run of `fit` in a folder of its own. `study.journal` keeps what was drawn
and how every epoch scored, a line each, so that a killed search goes on where it stopped: the
trial that was killed is marked as failed and tried again in its own folder, from its checkpoint.
A trial is drawn by the seed, its number and the trials before it, so the search ends as one that
was left alone.
"""

import json
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, replace
from io import BytesIO
from pathlib import Path
from typing import Any, get_args, get_origin

from filelock import FileLock, Timeout
from rich.console import Console
from transformers import TrainerCallback

from marsad.errors import MarsadError, at
from marsad.files import read_json, write_bytes, write_text
from marsad_training.config import FitConfig, check, read_toml, with_base
from marsad_training.corpus import fingerprint
from marsad_training.fit import fit
from marsad_training.learn import base_folder, processes
from marsad_training.runs import SELECTED
from marsad_training.training_data import read_data

try:
    import matplotlib
    import optuna
except ImportError as error:
    raise MarsadError(f"search needs {error.name}: pip install 'marsad[train]'.") from error
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
    distribution_to_json,
)
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import FrozenTrial, Trial, TrialState

Space = dict[str, BaseDistribution]  # "dropout", or "loss.role" for an entry of a table
TRIES = 5  # a trial that was killed so often is left out
UNPRUNED = 5  # trials that end before one may be pruned
_TENTHS = 10
_WARMUP = 3  # tenths of a run in which it is not pruned
_RUN = "run"  # the attribute of a trial that names its folder
_TABLE = ("mean", *SELECTED)


@dataclass(frozen=True)
class Result:
    """How a trial ended: the F1 of its best epoch on dev, in the order of `_TABLE`."""

    run: str
    state: str
    values: Mapping[str, Any]
    scores: tuple[float, ...]
    minutes: float

    @property
    def cells(self) -> list[str]:
        """Of a table: run, state, scores, minutes."""
        scores = [f"{score:.3f}" for score in self.scores] or [""] * len(_TABLE)
        return [self.run, self.state, *scores, f"{self.minutes:.1f}"]


HEAD = ("run", "state", *_TABLE, "minutes")


def read_space(path: Path) -> Space:
    """The settings to search over; `training/configs/search.toml` says how they are written.

    Raises MarsadError that names a setting that `fit` does not have, or a range that is none.
    """
    kinds = {f.name: f.type for f in fields(FitConfig) if get_origin(f.type) in (None, dict)}
    space: Space = {}
    for name, entry in read_toml(path).items():
        if name not in kinds:
            raise at(path, None, f"unknown key {name!r}; known are {', '.join(sorted(kinds))}.")
        kind: Any = kinds[name]
        if get_origin(kind) is dict and isinstance(entry, dict):
            _, kind = get_args(kind)
            space |= {
                f"{name}.{k}": _distribution(path, f"{name}.{k}", kind, entry[k]) for k in entry
            }
        else:
            space[name] = _distribution(path, name, kind, entry)
    if not space:
        raise at(path, None, "names no setting to search over.")
    for name, found in space.items():
        values = found.choices if isinstance(found, CategoricalDistribution) else _ends(found)
        try:
            for value in values:
                check(name, value, float if "." in name else kinds[name])
        except MarsadError as error:
            raise at(path, None, f"{error}.") from error
    return space


def _ends(found: Any) -> tuple[float, float]:
    return found.low, found.high


def _distribution(path: Path, name: str, kind: Any, entry: Any) -> BaseDistribution:
    ranges = {int: IntDistribution, float: FloatDistribution}
    taken = (int, float) if kind is float else kind
    match entry:
        case {"choices": [*choices], **other} if choices and not other:
            if all(isinstance(choice, taken) for choice in choices):
                return CategoricalDistribution(choices)
        case {"low": low, "high": high, **other} if kind in ranges and other.keys() <= {"log"}:
            if isinstance(low, taken) and isinstance(high, taken):
                try:
                    made: Any = ranges[kind]
                    found: BaseDistribution = made(low, high, log=bool(other.get("log")))
                    return found
                except ValueError as error:
                    raise at(path, None, f"{name}: {error}") from error
    raise at(
        path, None,
        f"{name} should be {{ low, high }}, {{ low, high, log = true }} or {{ choices }}, of the "
        f"kind {kind.__name__}.",
    )  # fmt: skip


def with_values(config: FitConfig, values: Mapping[str, Any]) -> FitConfig:
    """The configuration with the values of a trial."""
    changes: dict[str, Any] = {}
    for name, value in values.items():
        field, _, key = name.partition(".")
        table = changes.get(field, getattr(config, field))
        changes[field] = {**table, key: value} if key else value
    return replace(config, **changes)


def search(config: FitConfig, space: Space, out: Path, trials: int) -> list[Result]:
    """Search until so many trials have ended; returns them, the best first.

    Raises MarsadError where the folder holds a search of other settings or data, or where another
    process is searching in it.
    """
    if processes().num_processes > 1:
        raise MarsadError("a search runs in one process; start it without a launcher.")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    config = with_base(config, base_folder(config.base, out.parent))
    data = read_data(config)
    facts = asdict(config) | {
        "space": {name: distribution_to_json(kind) for name, kind in space.items()},
        "train_hash": fingerprint(data.train), "dev_hash": fingerprint(data.dev),
    }  # fmt: skip
    say = Console(stderr=True, soft_wrap=True, highlight=False).print
    with _alone(out):
        study = _open(out, json.loads(json.dumps(facts)))
        while len(study.get_trials(states=(TrialState.COMPLETE, TrialState.PRUNED))) < trials:
            trial = _next(study, space, config.seed)
            say(f"{trial.user_attrs[_RUN]} of {trials}: {', '.join(_lines(trial.params))}")
            _run(study, trial, config, out)
            write_text(out / "search.md", render(results(study, out)))
        _draw(study, out)
        return results(study, out)


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Hold the folder: a second process would take the trial of the first for a killed one."""
    out.mkdir(parents=True, exist_ok=True)
    try:
        held = FileLock(out / "search.lock").acquire(timeout=0)
    except Timeout as error:
        raise at(out, None, "another process searches here; name another folder: --out.") from error
    with held:
        yield


def _open(out: Path, facts: Mapping[str, Any]) -> optuna.Study:
    """The study of a folder, a new one where there is none."""
    path = out.resolve() / "study.journal"
    path.with_name(f"{path.name}.lock").unlink(missing_ok=True)  # left by a killed search
    if path.exists():
        whole, _, torn = path.read_bytes().rpartition(b"\n")
        if torn:
            write_bytes(path, whole + b"\n" * bool(whole))
    try:
        backend = JournalFileBackend(str(path), JournalFileOpenLock(str(path)))
        study = optuna.create_study(
            study_name="search", direction="maximize", load_if_exists=True,
            storage=optuna.storages.JournalStorage(backend),
            pruner=optuna.pruners.MedianPruner(UNPRUNED, _WARMUP),
        )  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise at(path, None, f"is damaged: {error}.") from error
    known = study.user_attrs
    for name, now in facts.items():
        if name not in known:
            study.set_user_attr(name, now)
        elif known[name] != now:
            raise at(
                out, None,
                f"holds a search whose {name} is {known[name]!r}, now it is {now!r}; name another "
                "folder with --out, or delete this one.",
            )  # fmt: skip
    return study


def _tries(study: optuna.Study) -> dict[str, list[FrozenTrial]]:
    """The trials of each run folder; several where it was killed."""
    found: dict[str, list[FrozenTrial]] = {}
    for trial in study.get_trials():
        found.setdefault(trial.user_attrs[_RUN], []).append(trial)
    return found


def _next(study: optuna.Study, space: Space, seed: int) -> Trial:
    """The trial that was killed, over again, or a new one."""
    for trial in study.get_trials(states=(TrialState.RUNNING,)):
        study.tell(trial.number, state=TrialState.FAIL)
    tries = _tries(study)
    failed = [t for t in tries.values() if t[-1].state == TrialState.FAIL and len(t) < TRIES]
    if not study.get_trials(states=(TrialState.WAITING,)):
        run, drawn = (
            (failed[0][-1].user_attrs[_RUN], failed[0][-1].params)
            if failed
            else (f"trial-{len(tries)}", {})
        )
        study.enqueue_trial(drawn, user_attrs={_RUN: run})
    study.sampler = optuna.samplers.TPESampler(seed=seed + len(_tries(study)))
    return study.ask(space)


class Pruning(TrainerCallback):
    """Tells a trial how its epochs score; stops the run where it is below the median of others.

    Runs of different lengths are compared at the same tenth of their schedules, since the
    learning rate falls to zero over each of them.
    """

    def __init__(self, trial: Trial, epochs: int):
        self.trial, self.epochs = trial, epochs
        self.told: set[int] = set()

    def tell(self, history: Sequence[Mapping[str, float]]) -> bool:
        """Report what is new in the history; returns whether the trial is to be pruned."""
        for entry in history:
            tenth = -(-_TENTHS * round(entry["epoch"]) // self.epochs)
            if tenth not in self.told:
                self.trial.report(entry["eval_mean"], tenth)
                self.told.add(tenth)
        return self.trial.should_prune()

    def on_evaluate(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """After each epoch. The history holds the epochs before a kill too."""
        if self.tell([entry for entry in state.log_history if "eval_mean" in entry]):
            control.should_training_stop = True


def _run(study: optuna.Study, trial: Trial, config: FitConfig, out: Path) -> None:
    """Fit the network of a trial and tell the study how it ended."""
    run = out / trial.user_attrs[_RUN]
    settings = with_values(config, trial.params)
    pruning = Pruning(trial, settings.epochs)
    fit(settings, run, [pruning])
    shutil.rmtree(run / "checkpoints", ignore_errors=True)  # several times as large as the weights
    history = _manifest(run)["history"]
    # told once more, for a run that was finished when the search was killed
    if pruning.tell(history) and len(history) < settings.epochs:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, max(entry["eval_mean"] for entry in history))


def _manifest(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = read_json(run / "manifest.json")
    return found


def results(study: optuna.Study, out: Path) -> list[Result]:
    """The trials that have ended, the best first."""
    ended = [tries[-1] for tries in _tries(study).values() if tries[-1].state.is_finished()]
    return sorted((_result(trial, out) for trial in ended), key=lambda r: r.scores, reverse=True)


def _result(trial: FrozenTrial, out: Path) -> Result:
    run, state = trial.user_attrs[_RUN], trial.state.name.lower()
    if trial.state == TrialState.FAIL:
        return Result(run, state, trial.params, (), 0.0)
    manifest = _manifest(out / run)
    best = max(manifest["history"], key=lambda entry: entry["eval_mean"])
    scores = tuple(best[f"eval_{task}"] for task in _TABLE)
    return Result(run, state, trial.params, scores, manifest["seconds"] / 60)


def _lines(values: Mapping[str, Any]) -> list[str]:
    """The values of a trial as lines of a configuration."""
    return [f"{name} = {json.dumps(value)}" for name, value in sorted(values.items())]


def _configuration(values: Mapping[str, Any]) -> Iterator[str]:
    """The same in TOML, tables last."""
    yield from _lines({name: value for name, value in values.items() if "." not in name})
    for table in sorted({name.split(".")[0] for name in values if "." in name}):
        stem = f"{table}."
        yield f"\n[{table}]"
        yield from _lines({n.removeprefix(stem): values[n] for n in values if n.startswith(stem)})


def render(found: Sequence[Result]) -> str:
    """`search.md`: the best values, ready for a configuration, and a row for each trial."""
    best, names = found[0], sorted(found[0].values)
    lines = "\n".join(_configuration(best.values))
    rows = [[*HEAD, *names], ["---"] * (len(HEAD) + len(names))]
    for result in found:
        values = [result.values.get(name, "") for name in names]
        rows.append(result.cells + [f"{v:.3g}" if isinstance(v, float) else str(v) for v in values])
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"""\
# Search: {len(found)} trials

F1 on dev, of the best epoch of each trial. Trials were chosen by these figures, so the best one
flatters itself: measure it once on test reports. It is a finished run, ready for
`marsad-train export`. Its values ({best.run}), as a configuration takes them:

```toml
{lines}
```

{table}

![mean F1 on dev over the trials](history.png)
![which settings set the best trials apart](importance.png)
"""


def _draw(study: optuna.Study, out: Path) -> None:
    """The pictures of `search.md`."""
    matplotlib.use("Agg")
    from matplotlib import pyplot
    from optuna.visualization import matplotlib as plots

    pictures = {
        "history": plots.plot_optimization_history, "importance": plots.plot_param_importances,
    }  # fmt: skip
    # its plots are marked experimental; of few trials all settings are equally important
    with warnings.catch_warnings(), matplotlib.rc_context():
        warnings.simplefilter("ignore")
        for name, plot in pictures.items():
            draw: Any = plot
            figure, image = draw(study, target_name="mean F1 on dev").get_figure(), BytesIO()
            figure.savefig(image, format="png", dpi=120, bbox_inches="tight")
            write_bytes(out / f"{name}.png", image.getvalue())
            pyplot.close(figure)
