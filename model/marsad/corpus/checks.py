"""Places in annotated reports that deserve a look: no verdicts."""

from collections.abc import Iterator, Sequence

from marsad.corpus.consistency import Finding, findings, fold
from marsad.resolve.values import with_values
from marsad.schema import UNRESOLVED, Labels, Report
from marsad.text import split_words


def doubts(
    reports: Sequence[Report], labels: Labels, read: Sequence[Report] | None = None
) -> Iterator[Finding]:
    """Findings of `corpus.consistency`, values that their own words contradict, and repeats.

    `read` is what a model reads in the same texts, for its contradictions.
    """
    yield from findings(reports, read)
    for report in reports:
        yield from _values(report, labels)
        yield from _repeats(report)


def _values(report: Report, labels: Labels) -> Iterator[Finding]:
    """Values that the resolvers read differently."""
    for mention, again in zip(report.mentions, with_values(report, labels).mentions, strict=True):
        odd = mention.value is not None and again.value not in (mention.value, UNRESOLVED)
        if odd:
            said = (
                f"«{report.surface(mention)}» is given as {mention.value}, reads as {again.value}"
            )
            yield Finding(report.id, "value", said)


def _repeats(report: Report) -> Iterator[Finding]:
    """A marked surface of two words or more that stands unmarked elsewhere in the same report."""
    words = split_words(report.text)
    forms = [fold(form) for form in words.forms]
    for span in report.mentions:
        key = [form for form in fold(report.surface(span)).split() if form]
        if len(key) < 2:
            continue
        for place in range(len(forms) - len(key) + 1):
            if forms[place : place + len(key)] != key:
                continue
            start, end = words.spans[place][0], words.spans[place + len(key) - 1][1]
            if not any(s.start < end and start < s.end for s in report.spans):
                said = f"«{report.surface(span)}» is marked, but not at {start}-{end}"
                yield Finding(report.id, "repeat", said)
