"""What surrounds a trigger, and what lies between a trigger and a mention, as strings.

The CRF's classifiers of statuses, event types and roles read these, as its chains read
`word_features`.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from marsad.text import JOINED, Words
from marsad.word_features import fold, stem

_AROUND = 8  # words of the sentence on either side of a trigger that may tell its status
_NEAR = 60  # and no more of a sentence, for some have no end
_BESIDE = 25  # words between a trigger and the mentions that may tell its type
_TOUCHING = 4  # fewer words than these between the two tell more
_ORDERED, _BAG = 3, 10  # so many words between are read as they stand; up to so many, each alone
_GAPS = (0, 1, 2, 3, 5, 8, 13, 21, 40)  # upper ends of the classes of distance, in words
_NONE = "#"  # where there is no word, or no such letter


class Marked(NamedTuple):
    """A trigger or a mention: its first word, one past its last, its type."""

    first: int
    last: int
    type: str


def status_features(words: Words, triggers: Sequence[Marked]) -> list[list[str]]:
    """For each trigger: itself, the words of its sentence, the other triggers there."""
    context = _Context(words)
    return [_status(context, trigger, triggers) for trigger in triggers]


def type_features(
    words: Words, triggers: Sequence[Marked], mentions: Sequence[Marked]
) -> list[list[str]]:
    """For each trigger: itself and the words of its sentence, the mentions beside it and in the
    report, and the types that the other triggers have."""
    context = _Context(words)
    heads = [(m, context.stems[m.first], context.stems[m.last - 1]) for m in mentions]
    told = sorted({f"told={m.type} {stem}" for m, *stems in heads for stem in stems})
    return [
        [
            *_status(context, trigger._replace(type=""), ()), *told,
            *_beside(context, trigger, heads), *_others(context, trigger, triggers),
        ]
        for trigger in triggers
    ]  # fmt: skip


def role_features(
    words: Words,
    triggers: Sequence[Marked],
    mentions: Sequence[Marked],
    pairs: Sequence[tuple[int, int]],
) -> list[list[str]]:
    """For each pair of a trigger and a mention, by index: both, and what lies between.

    Triggers and mentions stand in the order of the text.
    """
    between = _Between(_Context(words), triggers, mentions)
    return [list(between.features(triggers[e], mentions[m])) for e, m in pairs]


class _Context:
    """The words of a report in the forms that features are made of."""

    def __init__(self, words: Words):
        self.forms, self.breaks = words.forms, words.breaks
        self.folded = [fold(form) for form in words.forms]
        self.stems = [stem(form) for form in words.forms]

    def fold(self, at: int) -> str:
        return self.folded[at] if 0 <= at < len(self.folded) else _NONE


def _status(context: _Context, trigger: Marked, triggers: Sequence[Marked]) -> list[str]:
    first, last, type = trigger
    folded, stems, breaks = context.folded, context.stems, context.breaks
    start = bisect_left(breaks, breaks[first])
    end = bisect_left(breaks, breaks[first] + 1)
    own = stems[first]
    row = [
        "bias", f"type={type}", f"stem={own}", f"fold={folded[first]}",
        f"head={context.forms[first][:2]}", f"type stem={type} {stems[last - 1]}",
        f"pair={context.fold(first - 1)} {folded[first]}",
        f"before={context.fold(first - 2)} {context.fold(first - 1)}",
    ]  # fmt: skip
    for step, at in enumerate(range(first - 1, max(start, first - _AROUND) - 1, -1)):
        row += (f"< {min(step, 2)} fold={folded[at]}", f"< stem={stems[at]}")
        row.append(f"< pair={context.fold(at - 1)} {folded[at]}")
        if step < _ORDERED:
            row.append(f"< stems={stems[at]} {own}")
    for step, at in enumerate(range(last, min(end, last + _AROUND))):
        row += (f"> {min(step, 2)} fold={folded[at]}", f"> stem={stems[at]}")
        row.append(f"> pair={folded[at]} {context.fold(at + 1)}")
    near = range(max(start, first - _NEAR), min(end, last + _NEAR))
    row += (f"near={stems[at]}" for at in near if not first <= at < last)
    row += (
        f"event {'<' if other.first < first else '>'}={other.type}"
        for other in triggers
        if other.first != first and start <= other.first < end
    )
    return row


def _beside(
    context: _Context, trigger: Marked, heads: Sequence[tuple[Marked, str, str]]
) -> Iterator[str]:
    """The mentions that are near, each with the stems of its first and of its last word."""
    own = context.stems[trigger.last - 1]
    for mention, first, last in heads:
        apart = _gap(trigger, mention)
        if apart > _BESIDE:
            continue
        at = f"{mention.type} {'<' if mention.first < trigger.last else '>'}"
        yield from (at, f"{at} {first}", f"{at} {last}", f"{mention.type} {last} {own}")
        yield f"{'touching' if apart < _TOUCHING else 'near'} {at} {last}"


def _others(context: _Context, trigger: Marked, triggers: Sequence[Marked]) -> Iterator[str]:
    """The types of the other triggers of the report, of those of the same stem and of near ones."""
    own = context.stems[trigger.last - 1]
    for other in triggers:
        if other.first == trigger.first:
            continue
        yield f"other={other.type}"
        if context.stems[other.last - 1] == own:
            yield f"same={other.type}"
        if abs(other.first - trigger.first) <= _BESIDE // 2:
            yield f"close {'<' if other.first < trigger.first else '>'}={other.type}"


class _Between:
    """Features of the pairs of one report."""

    def __init__(self, context: _Context, triggers: Sequence[Marked], mentions: Sequence[Marked]):
        self.context, self.triggers, self.mentions = context, triggers, mentions
        self.trigger_firsts = [trigger.first for trigger in triggers]
        self.trigger_lasts = sorted(trigger.last for trigger in triggers)
        self.mention_firsts = [mention.first for mention in mentions]

    def features(self, trigger: Marked, mention: Marked) -> Iterator[str]:
        """Of one pair. The letter e stands for the type of the event, m for that of the mention."""
        context, folded, stems = self.context, self.context.folded, self.context.stems
        e, m = trigger.type, mention.type
        side = "<" if mention.first < trigger.first else ">"
        low, high = (
            (mention.last, trigger.first) if side == "<" else (trigger.last, mention.first)
        )  # the words between; none where the two overlap
        apart = _gap(trigger, mention)
        passed = [x.type for x in _of(self.mentions, self.mention_firsts, low, high)]
        rivals = passed.count(m)
        crossed = len(_of(self.triggers, self.trigger_firsts, low, high))
        closer = self._closer(mention, apart)
        breaks = min(abs(context.breaks[trigger.first] - context.breaks[mention.first]), 3)
        far = bisect_left(_GAPS, apart) if apart >= 0 else "over"
        at = f"{side}{min(breaks, 2)}"
        before, after = context.fold(mention.first - 1), context.fold(mention.last)
        letter = context.forms[mention.first][0]
        head, verb = stems[mention.last - 1], stems[trigger.last - 1]
        yield from (
            f"m={m}", f"e={e}", f"e m={e} {m}",
            f"far={m} {side}{far}", f"far={e} {m} {side}{far}",
            f"rivals={m} {side}{min(rivals, 3)}", f"rivals={e} {m} {side}{min(rivals, 2)} {breaks}",
            f"crossed={m} {side}{min(crossed, 3)}", f"crossed={e} {m} {side}{min(crossed, 2)}",
            f"closer={m} {min(closer, 3)}", f"closer={e} {m} {side}{min(closer, 2)}",
            f"breaks={m} {side}{breaks}", f"breaks={e} {m} {side}{breaks}",
            f"before={m} {side} {before}", f"before={e} {m} {at} {before}",
            f"before={m} {side} {context.fold(mention.first - 2)} {before}",
            f"letter={e} {m} {at} {letter if letter in JOINED else _NONE}",
            f"after={m} {side} {after}",
            f"stem={m} {verb}", f"stem={m} {verb} {at}",
            f"fold={m} {folded[trigger.first]} {at} {min(rivals, 1)}",
            f"e before={e} {m} {side} {context.fold(trigger.first - 1)}",
            f"e after={e} {m} {side} {context.fold(trigger.last)}",
            f"head={e} {head}", f"head={head} {at}", f"head={verb} {head}",
            f"first={m} {side} {folded[mention.first]}",
            f"passed={e} {m} {side} {' '.join(passed[:4])} {min(crossed, 2)}",
        )  # fmt: skip
        if 0 <= apart <= _ORDERED:
            words = " ".join(folded[low:high])
            yield from (f"words={m} {side} {words}", f"words={e} {m} {side} {words}")
        elif apart <= _BAG:
            yield from (f"word={m} {side} {word}" for word in set(folded[low:high]))

    def _closer(self, mention: Marked, apart: int) -> int:
        """How many triggers have fewer words than `apart` between them and the mention."""
        if apart < 0:
            return 0
        begun = bisect_left(self.trigger_firsts, mention.last + apart)
        return begun - bisect_right(self.trigger_lasts, mention.first - apart)


def _gap(one: Marked, other: Marked) -> int:
    """The words between two spans; -1 where they overlap."""
    return max(one.first - other.last, other.first - one.last, -1)


def _of(spans: Sequence[Marked], firsts: Sequence[int], low: int, high: int) -> Sequence[Marked]:
    """The spans that begin from word `low` on and before `high`."""
    return spans[bisect_left(firsts, low) : bisect_left(firsts, high)]
