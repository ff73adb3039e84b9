"""A text longer than any report is read in parts, so that time and memory grow no faster than it.

What is asked of pairs of triggers, of mentions or of places grows with the square of their number,
and in a book few of them have to do with each other.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace

from marsad.schema import Argument, Report

MOST = 20_000  # characters: some 3,300 words, ten pages
_ENDS = ("\n\n", "\n", ". ", " ")  # where a part may end, the best first


def parts(text: str) -> Iterator[tuple[int, str]]:
    """The text in parts of at most `MOST` characters, each with the place where it begins.

    A part ends with the last paragraph, line, sentence or word of its second half, in this order of
    preference.
    """
    start = 0
    while len(text) - start > MOST:
        half, last = start + MOST // 2, start + MOST
        ends = (at + len(end) for end in _ENDS if (at := text.rfind(end, half, last)) >= 0)
        end = next(ends, last)
        yield start, text[start:end]
        start = end
    yield start, text[start:]


def joined(whole: Report, read: Iterable[tuple[int, Report]]) -> Report:
    """The report of a whole text, out of those of its parts with the places where they begin; a
    lone part is the whole."""
    read = list(read)
    if len(read) == 1:
        return read[0][1]
    used: Counter[str] = Counter()  # letter of an id -> how many parts before have used
    moved = [_moved(part, start, used) for start, part in read]
    return replace(
        whole,
        mentions=tuple(mention for part in moved for mention in part.mentions),
        events=tuple(event for part in moved for event in part.events),
        same=tuple(group for part in moved for group in part.same),
        incidents=tuple(incident for part in moved for incident in part.incidents),
    )


def _moved(part: Report, by: int, used: Counter[str]) -> Report:
    """What was read in a part, moved to its place in the text; its ids go on from those used."""
    old = [*(span.id for span in part.spans), *(incident.id for incident in part.incidents)]
    new = {id: f"{id[0]}{int(id[1:]) + used[id[0]]}" for id in old}
    used.update(id[0] for id in old)

    def renamed(arguments: Iterable[Argument]) -> tuple[Argument, ...]:
        return tuple(replace(one, id=new[one.id]) for one in arguments)

    return Report(
        part.id, "", part.date,
        tuple(
            replace(m, id=new[m.id], start=m.start + by, end=m.end + by) for m in part.mentions
        ),
        tuple(
            replace(
                e, id=new[e.id], start=e.start + by, end=e.end + by,
                arguments=renamed(e.arguments),
            )
            for e in part.events
        ),
        tuple(tuple(new[id] for id in group) for group in part.same),
        incidents=tuple(
            replace(
                i, id=new[i.id], events=tuple(new[id] for id in i.events),
                arguments=renamed(i.arguments), counter_of=i.counter_of and new[i.counter_of],
            )
            for i in part.incidents
        ),
    )  # fmt: skip
