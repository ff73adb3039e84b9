"""spaCy: JSON lines of `Doc.to_json`, or a DocBin (`.spacy`), which needs spaCy itself.

Mentions are `ents`, triggers the span group `events`; the rest is the extension `marsad_facts`.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from marsad.errors import MarsadError, at, located
from marsad.files import stem, write_bytes, write_text
from marsad.formats.conll import tokens
from marsad.formats.draft import Draft, Marked, read_side_facts, side_facts, span_key
from marsad.formats.jsonl import records, to_line
from marsad.formats.ledger import Fate, Ledger
from marsad.formats.offsets import Stated, whole
from marsad.schema import Event, Labels, Mention, Report, named

if TYPE_CHECKING:
    from spacy.language import Language
    from spacy.tokens import Doc, Span

GROUP = "events"
_FACTS = "marsad_facts"
_EXACT = "exact"  # of the facts: where a span that took whole tokens really starts and ends
_BINARY = ".spacy"


def drafts(path: Path, ledger: Ledger) -> Iterator[Draft]:
    """The reports of the file; what is wrong in one goes to the ledger."""
    found = _binary(path) if path.suffix == _BINARY else records(path, ledger)
    for number, record in found:
        where = located(path, number, "doc" if path.suffix == _BINARY else "line")
        try:
            yield _draft(record, where, f"{stem(path)}-{number}")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            message = f"is not shaped like a spaCy Doc ({type(error).__name__}: {error})."
            ledger.add(Fate.REFUSED, where, "", message)


def _draft(record: Mapping[str, Any], where: str, id: str) -> Draft:
    facts = record.get("_", {}).get(_FACTS) or {}
    text = record["text"]
    if not isinstance(text, str):
        raise TypeError("'text' is no string")
    style = str(facts.get("style") or "")
    draft = Draft(where, named(facts.get("report"), id), text, facts.get("date"), style)
    spans = [*record.get("ents", ()), *record.get("spans", {}).get(GROUP, ())]
    exact = facts.get(_EXACT) or {}
    for place, data in enumerate(spans):
        stated = whole(data["start"]), whole(data["end"])
        start, end = map(whole, exact.get(span_key(*stated, data["label"]), stated))
        span = Stated(start, end, text[start:end] or None)  # spaCy counts as we do
        draft.marked.append(Marked(f"s{place}", str(data["label"]), span, where))
    read_side_facts(draft, facts)
    return draft


def exported(reports: Iterable[Report], path: Path, labels: Labels, ledger: Ledger) -> None:
    """Write the file, a DocBin where its name ends in `.spacy`; that takes what UTF-8 can hold."""
    if path.suffix == _BINARY:
        vocab = _blank().vocab
        from spacy.tokens import DocBin

        docs = DocBin(
            store_user_data=True, docs=[doc(r, vocab) for r in ledger.writable(reports, path)]
        )
        write_bytes(path, docs.to_bytes())
    else:
        write_text(path, "".join(to_line(_record(report)) for report in reports))


def _record(report: Report) -> dict[str, Any]:
    def spans(found: Iterable[Any]) -> list[dict[str, Any]]:
        return [{"start": s.start, "end": s.end, "label": s.type, "kb_id": ""} for s in found]

    return {
        "text": report.text,
        "ents": spans(report.mentions),
        "spans": {GROUP: spans(report.events)},
        "tokens": [
            {"id": n, "start": start, "end": end} for n, (start, end) in enumerate(_tokens(report))
        ],
        "_": {_FACTS: side_facts(report)},
    }


def _tokens(report: Report) -> list[tuple[int, int]]:
    """Tokens as spaCy has them: words, and each run of white space beyond one space."""
    found: list[tuple[int, int]] = []
    last = 0
    for start, end in tokens(report):
        gap = report.text[last:start]
        if gap and (gap != " " or not found):
            space = last + (1 if gap[0] == " " and found else 0)
            found.append((space, start))
        found.append((start, end))
        last = end
    if (rest := report.text[last:]) and rest != " ":
        found.append((last + (1 if rest[0] == " " and found else 0), len(report.text)))
    return found


def doc(report: Report, vocab: Any) -> "Doc":
    """The report as a spaCy Doc; its tokens are words, parted at the edges of spans."""
    from spacy.tokens import Doc

    places = _tokens(report)
    spaces = [report.text[end : end + 1] == " " for _, end in places]
    for n, (start, _) in enumerate(places[1:]):
        spaces[n] = spaces[n] and places[n][1] < start  # else the space is a token of its own
    made = Doc(vocab, words=[report.text[s:e] for s, e in places], spaces=spaces)
    put(report, made)
    return made


def put(report: Report, doc: "Doc") -> None:
    """Set the report's spans on a Doc of the same text.

    `doc.ents` are the mentions, `doc.spans["events"]` the triggers; `doc._.marsad_facts` holds
    statuses, values, roles and links. A span inside a token takes the whole token, and
    `doc._.marsad_facts` says where it really lies. Of mentions that then overlap the longest
    is kept.
    """
    from spacy.util import filter_spans

    extend(**{_FACTS: {"default": None}})
    exact: dict[str, list[int]] = {}

    def span(of: Mention | Event) -> "Span":
        found = doc.char_span(of.start, of.end, label=of.type, alignment_mode="expand")
        assert found is not None  # an expanded span always lies in the text
        if (found.start_char, found.end_char) != (of.start, of.end):
            key = span_key(found.start_char, found.end_char, of.type)
            exact.setdefault(key, [of.start, of.end])
        return found

    doc.ents = filter_spans([span(mention) for mention in report.mentions])
    doc.spans[GROUP] = [span(event) for event in report.events]
    doc._.set(_FACTS, side_facts(report) | ({_EXACT: exact} if exact else {}))


def extend(**extensions: Mapping[str, Any]) -> None:
    """Give Docs extension attributes, as `Doc.set_extension` takes them, unless they are there."""
    from spacy.tokens import Doc

    for name, how in extensions.items():
        if not Doc.has_extension(name):
            Doc.set_extension(name, **how)


def _binary(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """The docs of a DocBin as records."""
    vocab = _blank().vocab
    from spacy.tokens import DocBin

    extend(**{_FACTS: {"default": None}})  # a process that has not written any lacks it
    try:
        docs = list(DocBin().from_disk(path).get_docs(vocab))
    except Exception as error:  # msgpack, zlib and spaCy each have their own
        raise at(path, None, "is no DocBin; write it with spaCy's DocBin.to_disk.") from error
    for number, made in enumerate(docs, 1):
        yield number, {**made.to_json(), "_": {_FACTS: made._.get(_FACTS)}}


def _blank() -> "Language":
    """An empty pipeline. Raises MarsadError where spaCy is not installed."""
    try:
        import spacy
    except ImportError as error:
        raise MarsadError("a .spacy file needs spaCy: pip install 'marsad[spacy]'.") from error
    return spacy.blank("ar")
