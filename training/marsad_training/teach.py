"""Distillation: one network learns the averaged answers of several, its teachers.

Their chances say more than a single label does (Hinton et al. 2015), and they can be asked about
any text: reports that only a model has read (`FitConfig.raw`) are learnt from teachers alone. Of an
annotated report a teacher should know nothing, since it would but repeat what it learnt by heart:
`FitConfig.folds` leaves a part of them out of each. Asking them takes a forward pass of each over
all windows, once, before training starts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from marsad.errors import at
from marsad.schema import Labels
from marsad.windows import Reader
from marsad_training.encode import Features, collate
from marsad_training.network import INPUTS, OUTPUTS, JointNetwork
from marsad_training.start import kind, open_start
from marsad_training.training_data import fold_of

_AT_ONCE = 64  # windows
_Answers = dict[str, Tensor]


@dataclass(frozen=True)
class Teacher:
    """A trained network, and the part of the train reports that it did not see, if any."""

    network: JointNetwork
    folds: int = 0
    fold: int = 0

    def is_new(self, report: str) -> bool:
        """Whether the train report of this id was left out when it was trained."""
        return self.folds > 0 and fold_of(report, self.folds) == self.fold


def open_teachers(folders: Sequence[str], labels: Labels, reader: Reader) -> list[Teacher]:
    """The networks of runs or artifacts.

    Raises MarsadError where one knows other labels or cuts words into other pieces.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    own, found = kind(labels, reader), []
    for folder in folders:
        run = open_start(Path(folder))
        if kind(run.labels, run.reader) != own:
            raise at(folder, None, "is no teacher of this network: other labels or other pieces.")
        network = run.network.to(device)
        found.append(Teacher(network, run.config.folds, run.config.fold))
    return found


def teach(
    items: Sequence[Features],
    teachers: Sequence[Teacher],
    share: float,
    pad_id: int,
    new: bool = False,
) -> None:
    """Give each item of `encode_report` the mean of the teachers' answers, as a target.

    Of a report those are asked who did not see it in training; all, where each saw it or it is
    `new` to each. `share` is the part that the answers have in what is learnt of the item; the rest
    is its annotation. `taught` holds (W, T) chances of the tags and of the statuses, these times
    the chance that a trigger begins at the word. The answers about roles are mixed into those of
    its pairs.
    """
    by_length = sorted(items, key=lambda item: len(item["input_ids"]))
    for first in range(0, len(items), _AT_ONCE):
        some = by_length[first : first + _AT_ONCE]
        answers = _mean(teachers, some, pad_id, new)
        begins = answers["trigger_tags"][..., 1::2].sum(-1, keepdim=True)
        answers["statuses"] = answers["statuses"] * begins
        roles = answers.pop("roles").cpu().numpy()
        for row, item in enumerate(some):
            size = len(item["word_starts"])
            taught = {name: _half(values[row, :size]) for name, values in answers.items()}
            item |= {"taught": taught, "share": share}
        pairs = [item["pair"] for item in some if item["pair"] is not None]
        ends = np.cumsum([pair["gold"][..., 0].size for pair in pairs], dtype=int)
        for pair, said in zip(pairs, np.split(roles, ends), strict=False):  # past the last: nothing
            gold = pair["gold"]
            pair["gold"] = (1 - share) * gold + share * said.reshape(gold.shape)


def _mean(
    teachers: Sequence[Teacher], items: Sequence[Features], pad_id: int, new: bool
) -> _Answers:
    """The mean chances of a batch, each window's over those who are asked about it."""
    batch = collate(items, pad_id)
    asked = torch.tensor([[new or t.is_new(item["report"]) for item in items] for t in teachers])
    weights = (asked | ~asked.any(0)).float()
    weights = weights / weights.sum(0)  # (teachers, B)
    pairs = batch["pairs"]
    windows = pairs["triggers"][pairs["trigger"], 0] if pairs else torch.zeros(0, dtype=torch.long)
    total: _Answers = {}
    for teacher, weight in zip(teachers, weights, strict=True):
        for name, chances in _answers(teacher.network, batch).items():
            each = weight[windows, None] if name == "roles" else weight[:, None, None]
            total[name] = total.get(name, 0) + chances * each.to(chances.device)
    return total


@torch.inference_mode()
def _answers(network: JointNetwork, batch: Features) -> _Answers:
    """The chances of a batch: of tags and statuses (B, W, T), of the roles of its pairs (N, R)."""
    device = network.pair_bias.device
    with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
        outputs = network(*(batch[name].to(device) for name in INPUTS))
    out = dict(zip(OUTPUTS, (scores.float() for scores in outputs), strict=True))
    found = {name: out[name].softmax(-1) for name in ("mention_tags", "trigger_tags", "statuses")}
    pairs = {name: values.to(device) for name, values in batch["pairs"].items()}
    found["roles"] = (
        network.role_scores(out["trigger_roles"], out["mention_roles"], pairs).sigmoid()
        if pairs
        else out["statuses"].new_zeros(0, network.n_roles)
    )
    return found


def _half(values: Tensor) -> NDArray[np.float16]:
    """For hundreds of thousands of words, half the memory."""
    return values.half().cpu().numpy()
