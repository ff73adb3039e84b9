"""Reports -> training windows -> padded batches."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.utils.rnn import pad_sequence

from marsad.roles import pair_features
from marsad.schema import Labels, Report
from marsad.text import Words, split_words
from marsad.windows import Reader, Window, plan
from marsad_training.network import CLITICS, IGNORE
from marsad_training.tags import placed

Features = dict[str, Any]


def encode_report(
    report: Report, labels: Labels, reader: Reader, marked_with: Labels | None = None
) -> list[Features]:
    """One item for each window of the report.

    `marked_with` is the label set of its annotators where that is another: what it lacks may stand
    unmarked in the text, so the item teaches nothing about those tags.
    """
    absent = _absent(labels, marked_with) if marked_with else {}
    words = split_words(report.text)
    ids = reader.subwords(words.forms)
    spans = {span.id: at for span, at in placed(words, report.spans)}
    return [
        reader.inputs(ids, window)
        | _gold(report, labels, words, spans, window)
        | {"report": report.id, **absent}
        for window in plan([len(pieces) for pieces in ids], reader.limit)
    ]


def _absent(labels: Labels, marked_with: Labels) -> Features:
    """For each tagging head the tags of types that the annotators did not know."""

    def tags(types: Sequence[str], known: Sequence[str]) -> list[int]:
        return [1 + 2 * n + k for n, type in enumerate(types) if type not in known for k in (0, 1)]

    return {
        "absent": {
            "mention_tags": tags(list(labels.mentions), list(marked_with.mentions)),
            "trigger_tags": tags(labels.events, marked_with.events),
        }
    }


def _gold(
    report: Report,
    labels: Labels,
    words: Words,
    spans: dict[str, tuple[int, int]],
    window: Window,
) -> Features:
    size = window.end - window.start
    statuses, clitics = [IGNORE] * size, [IGNORE] * size
    mention_types, event_types = list(labels.mentions), list(labels.events)
    kept: dict[str, list[Any]] = {"mentions": [], "events": []}
    tags = {}
    for kind, items, types in (
        ("mentions", report.mentions, mention_types),
        ("events", report.events, event_types),
    ):
        line = tags[kind] = [0] * size
        for item in items:
            if item.id not in spans:
                continue
            a, b = (spans[item.id][0] - window.start, spans[item.id][1] - window.start)
            if b <= 0 or a >= size:
                continue
            if a < 0 or b > size:  # cut by the window: its owner is another
                line[max(a, 0) : b] = [IGNORE] * (min(b, size) - max(a, 0))
                continue
            tag = 1 + 2 * types.index(item.type)
            line[a:b] = [tag] + [tag + 1] * (b - a - 1)
            joined = item.start - words.spans[spans[item.id][0]][0]
            clitics[a] = joined if 0 <= joined < CLITICS else IGNORE
            kept[kind].append((item, (a, b)))
    for event, (a, _) in kept["events"]:
        statuses[a] = labels.statuses.index(event.status)
    return {
        "mention_tags": tags["mentions"], "trigger_tags": tags["events"],
        "statuses": statuses, "clitics": clitics,
        "pair": _pair(kept, labels, np.asarray(words.breaks[window.start : window.end])),
    }  # fmt: skip


def _pair(kept: dict[str, list[Any]], labels: Labels, breaks: Any) -> Features | None:
    """Arrays for the role scorer over the window's events and mentions; None without both."""
    if not kept["events"] or not kept["mentions"]:
        return None
    types, roles = list(labels.mentions), list(labels.roles)
    mention_types = np.array([types.index(m.type) for m, _ in kept["mentions"]])
    triggers = np.array([span for _, span in kept["events"]])
    mentions = np.array([span for _, span in kept["mentions"]])
    gold = np.zeros((len(triggers), len(mentions), len(roles)), np.float32)
    place = {mention.id: j for j, (mention, _) in enumerate(kept["mentions"])}
    for i, (event, _) in enumerate(kept["events"]):
        for argument in event.arguments:
            if argument.id in place:
                gold[i, place[argument.id], roles.index(argument.role)] = 1
    return {
        "triggers": triggers, "mentions": mentions, "mention_types": mention_types,
        "event_types": np.array([labels.events.index(e.type) for e, _ in kept["events"]]),
        "features": pair_features(triggers, mentions, mention_types, breaks),
        "gold": gold,
    }  # fmt: skip


def pad(rows: Sequence[Sequence[int]], value: int) -> torch.Tensor:
    """Rows of unequal length -> (B, longest)."""
    longest = max(len(row) for row in rows)
    return torch.tensor([[*row, *[value] * (longest - len(row))] for row in rows])


def pad_inputs(items: Sequence[Features], pad_id: int) -> Features:
    """`input_ids`, `attention_mask`, `word_starts` of a batch."""
    return {
        "input_ids": pad([i["input_ids"] for i in items], pad_id),
        "attention_mask": pad([[1] * len(i["input_ids"]) for i in items], 0),
        "word_starts": pad([i["word_starts"] for i in items], 0),
    }


def collate(items: Sequence[Features], pad_id: int) -> Features:
    """Items of `encode_report` -> a batch for `JointNetwork.sums`.

    `absent` holds for each tagging head the (window, tag) pairs that nothing is learnt of;
    `taught` (B, W, T) the answers of teachers and `share` (B, 1) their part, where there are any.
    """
    batch = pad_inputs(items, pad_id)
    for name in ("mention_tags", "trigger_tags", "statuses", "clitics"):
        batch[name] = pad([i[name] for i in items], IGNORE)
    batch["pairs"] = _join_pairs([item["pair"] for item in items])
    batch["absent"] = {
        name: torch.tensor(
            [(b, tag) for b, i in enumerate(items) for tag in i.get("absent", {}).get(name, ())]
        ).reshape(-1, 2)
        for name in ("mention_tags", "trigger_tags")
    }
    if "taught" in items[0]:
        batch["taught"] = {
            name: pad_sequence(
                [torch.from_numpy(i["taught"][name]).float() for i in items], batch_first=True
            )
            for name in items[0]["taught"]
        }
        batch["share"] = torch.tensor([[i["share"]] for i in items])
    return batch


def _join_pairs(windows: Sequence[Features | None]) -> Features:
    """The (trigger, mention) pairs of all windows in one list of N.

    Empty where no window has one. `triggers`, `mentions`: spans (window, first, past the last);
    `trigger`, `mention` (N): rows of these; `event_types`, `mention_types` (N); `features`
    (N, F); `gold` (N, R).
    """
    rows: dict[str, list[NDArray[Any]]] = defaultdict(list)
    counts = [0, 0]
    for b, pair in enumerate(windows):
        if pair is None:
            continue
        e, m = (i.ravel() for i in np.indices((len(pair["triggers"]), len(pair["mentions"]))))
        for at, (name, index) in enumerate((("trigger", e), ("mention", m))):
            spans = pair[f"{name}s"]
            rows[f"{name}s"].append(np.insert(spans, 0, b, axis=1))
            rows[name].append(index + counts[at])
            counts[at] += len(spans)
        rows["event_types"].append(pair["event_types"][e])
        rows["mention_types"].append(pair["mention_types"][m])
        rows["features"].append(np.stack([f.ravel() for f in pair["features"]], -1))
        rows["gold"].append(pair["gold"].reshape(len(e), -1))
    return {k: torch.from_numpy(np.concatenate(v)) for k, v in rows.items()}
