"""Where annotated reports disagree with each other or with a model: places to look."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from marsad.schema import Mention, Report, overlap
from marsad.text import split_words

SEEN = 4  # marked so often, a surface has a usual type
_LONGEST = 6  # words of a phrase that is looked for
SURE = 0.8  # score from which a model's contradiction is worth a look
_FOLD = str.maketrans("إأآىة", "ااايه")
# words that the guidelines leave outside a span
_OUTSIDE = frozenset(
    re.findall(
        r"\w+",
        "مدينة بلدة قرية منطقة عاصمة مستوطنة شمال جنوب شرق غرب شمالي جنوبي شرقي غربي وسط قرب "
        "عناصر مقاتلي مقاتلو مسلحي مسلحو منذ حتى في من على إلى",
    )
)


Usual = dict[str, Counter[str]]


class Finding(NamedTuple):
    """A place to look: the report, what is odd about it, and the words in question."""

    report: str
    kind: str  # type, unmarked, outside, model; of `checks` also value, repeat
    detail: str


def findings(reports: Sequence[Report], read: Sequence[Report] | None = None) -> Iterator[Finding]:
    """Oddities of annotated reports, in their order.

    `type`: a surface whose type is not its usual one. `unmarked`: a word or phrase that is marked
    elsewhere in most cases. `outside`: a span that opens with a word the guidelines leave outside.
    `model`: spans of `read` (the same texts as a model reads them) that contradict the annotation.
    """
    usual: Usual = defaultdict(Counter)
    for report in reports:
        for span in report.spans:
            usual[fold(report.surface(span))][span.type] += 1
    unmarked = [list(_unmarked(report, usual)) for report in reports]
    free = Counter(key for phrases in unmarked for key, _ in phrases)
    for i, report in enumerate(reports):
        yield from _odd_spans(report, usual)
        for key, place in unmarked[i]:
            marked = usual[key].total()
            if marked >= SEEN and marked > free[key]:
                top = usual[key].most_common(1)[0][0]
                yield Finding(report.id, "unmarked", f"«{key}» in …{place}…; usually {top}")
        if read is not None:
            yield from _contradictions(report, read[i])


def _odd_spans(report: Report, usual: Usual) -> Iterator[Finding]:
    for span in report.spans:
        words = report.surface(span)
        types = usual[fold(words)]
        if span.type != types.most_common(1)[0][0] and types.total() >= SEEN:
            yield Finding(report.id, "type", f"«{words}» {span.type}; all: {dict(types)}")
        first = "".join(words.split()[:1]).removeprefix("ال")
        if isinstance(span, Mention) and first in _OUTSIDE:
            yield Finding(report.id, "outside", f"«{words}» {span.type}")


def fold(text: str) -> str:
    """A surface without tashkeel, punctuation and spelling habits."""
    return _key(split_words(text).forms)


def _key(forms: Sequence[str]) -> str:
    return " ".join(form for form in forms if form[0].isalnum()).translate(_FOLD)


def _unmarked(report: Report, usual: Usual) -> Iterator[tuple[str, str]]:
    """Phrases that are marked somewhere and not here, with the words around."""
    words = split_words(report.text)
    taken = [(s.start, s.end) for s in report.spans]
    for i in range(len(words)):
        for n in range(min(_LONGEST, len(words) - i), 0, -1):
            key = _key(words.forms[i : i + n])
            if len(key) < 4 or key not in usual:
                continue
            start, end = words.spans[i][0], words.spans[i + n - 1][1]
            if not any(a < end and b > start for a, b in taken):
                yield key, " ".join(report.text[max(0, start - 25) : end + 25].split())
            break


def _contradictions(gold: Report, read: Report) -> Iterator[Finding]:
    words = split_words(gold.text)
    for name, marked, found in (
        ("mention", gold.mentions, read.mentions),
        ("trigger", gold.events, read.events),
    ):
        keys = {(s.type, words.span(s.start, s.end)) for s in marked}
        for span in found:
            same = (span.type, words.span(span.start, span.end)) in keys
            if same or (span.score or 0) < SURE:
                continue
            over = [s for s in marked if overlap(s, span)]
            said = ", ".join(f"«{gold.surface(s)}» {s.type}" for s in over) or "nothing"
            yield Finding(
                gold.id, "model",
                f"{name} «{gold.surface(span)}» {span.type} ({span.score:.2f}); marked: {said}",
            )  # fmt: skip
        for span in marked:
            if not any(overlap(s, span) for s in found):
                yield Finding(
                    gold.id, "model", f"{name} «{gold.surface(span)}» {span.type} is not read"
                )
