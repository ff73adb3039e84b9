"""Reports as one self-contained right-to-left page: highlights, incidents, a timeline."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from importlib.resources import files
from itertools import pairwise
from string import Template

from marsad.schema import Event, Incident, Mention, Report
from marsad.score import commonest_status

Styles = Mapping[tuple[str, str], str]  # (kind of span, type) -> CSS
_MENTION, _EVENT = "m", "e"  # classes of page.html


def page(reports: Iterable[Report]) -> str:
    """The page; it loads nothing and runs no script."""
    found = list(reports)
    styles = {
        (kind, type): f"--{kind}:hsl({360 * i // len(types)} 70% 45%)"  # hues round the circle
        for kind, types in (
            (_MENTION, sorted({m.type for r in found for m in r.mentions})),
            (_EVENT, sorted({e.type for r in found for e in r.events})),
        )
        for i, type in enumerate(types)
    }
    key = "".join(_span(kind, style, type, type) for (kind, type), style in styles.items())
    template = Template((files("marsad") / "export" / "page.html").read_text("utf-8"))
    return template.substitute(
        key=f'<div class="key">{key}</div>',
        articles="\n".join(_article(report, styles) for report in found),
    )


def _article(report: Report, styles: Styles) -> str:
    day = f"<time>{escape(report.date)}</time>" if report.date else ""
    return (
        f"<article><h2><bdi>{escape(report.id)}</bdi>{day}</h2>"
        f'<p class="text">{_text(report, styles)}</p>{_table(report)}{_timeline(report)}</article>'
    )


def _text(report: Report, styles: Styles) -> str:
    """The text cut wherever a span starts or ends, each piece marked as what covers it."""
    cuts = sorted({0, len(report.text), *(p for s in report.spans for p in (s.start, s.end))})
    over: dict[int, list[Mention | Event]] = {cut: [] for cut in cuts}
    for span in report.spans:
        for cut in cuts[bisect_left(cuts, span.start) : bisect_left(cuts, span.end)]:
            over[cut].append(span)
    usual = commonest_status([report])  # events of another are drawn with a dashed line
    return "".join(
        _marked(report.text[start:end], over[start], styles, usual) for start, end in pairwise(cuts)
    )


def _marked(text: str, over: Sequence[Mention | Event], styles: Styles, usual: str) -> str:
    if not over:
        return escape(text)
    classes, style, title = [], [], []
    for span in over:
        kind = _EVENT if isinstance(span, Event) else _MENTION
        said = span.status if isinstance(span, Event) else span.value or ""
        odd = isinstance(span, Event) and span.status != usual
        classes.append(f"{kind} not" if odd else kind)
        style.append(styles[kind, span.type])
        title.append(f"{span.type} {said}".strip())
    return _span(" ".join(classes), ";".join(style), " · ".join(title), text)


def _span(classes: str, style: str, title: str, text: str) -> str:
    return f'<span class="{classes}" style="{style}" title="{escape(title)}">{escape(text)}</span>'


def _table(report: Report) -> str:
    if not report.incidents:
        return ""
    rows = "".join(
        f"<tr>{''.join(f'<td>{cell}</td>' for cell in _cells(report, incident))}</tr>"
        for incident in report.incidents
    )
    heads = "".join(f"<th>{h}</th>" for h in ("الحدث", "الحال", "متى", "أين", "من وماذا", "الضرر"))
    return f'<div class="scroll"><table><tr>{heads}</tr>{rows}</table></div>'


def _cells(report: Report, incident: Incident) -> Iterable[str]:
    words = (report.surface(report.event(id)) for id in incident.events)
    evidence = "، ".join(dict.fromkeys(words))
    yield f"<code>{escape(incident.type)}</code><br>{escape(evidence)}"
    foils = f" → {incident.counter_of}" if incident.counter_of else ""
    yield f"<bdi>{escape(f'{incident.id} {incident.status}{foils}')}</bdi>"
    yield f"<bdi>{escape(incident.date or '')}</bdi>"
    place = incident.location
    yield f"{escape(place.name_ar)}<br><bdi>{escape(place.name)}</bdi>" if place else ""
    yield "<br>".join(
        f"<code>{escape(a.role)}</code> {escape(report.surface(report.mention(a.id)))}"
        for a in incident.arguments
    )
    yield "<br>".join(f"<code>{escape(k)} {escape(v)}</code>" for k, v in incident.harm.items())


def _timeline(report: Report) -> str:
    dated = sorted((i for i in report.incidents if i.date), key=lambda i: i.date or "")
    if len(dated) < 2:
        return ""
    items = "".join(
        f"<li><time><bdi>{escape(i.date or '')}</bdi></time><code>{escape(i.type)}</code> "
        f"{escape(i.location.name_ar if i.location else '')}</li>"
        for i in dated
    )
    return f'<ol class="time">{items}</ol>'
