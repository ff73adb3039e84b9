"""A label set of one's own: the shipped one with what annotated reports use beside it."""

from collections.abc import Iterable, Mapping
from string import ascii_lowercase

from marsad.errors import MarsadError
from marsad.formats.draft import Draft
from marsad.schema import EVENT_LETTER, Labels


def with_labels_of(labels: Labels, drafts: Iterable[Draft]) -> Labels:
    """The label set with the further labels of the drafts.

    A label that roles start from, or that has a status, is taken for an event type, any other for
    a mention type.
    """
    events: dict[str, None] = {}  # in the order met
    mentions: dict[str, None] = {}
    roles: dict[str, dict[str, None]] = {}
    for draft in drafts:
        label_of = {marked.id: marked.label for marked in draft.marked}
        starts = {link.source for link in draft.links}
        for marked in draft.marked:
            of_event = marked.id in starts or marked.status is not None
            (events if of_event else mentions)[marked.label] = None
        for link in draft.links:
            if link.target in label_of:
                roles.setdefault(link.role, {})[label_of[link.target]] = None
    return extended(labels, mentions, events, roles)


def extended(
    labels: Labels,
    mentions: Iterable[str],
    events: Iterable[str],
    roles: Mapping[str, Iterable[str]] | None = None,
) -> Labels:
    """The label set with the types and roles that it lacks.

    A mention type has a letter of its own, and every known role is open to it; a new role is to
    those that fill it in `roles`. A type that is met as event and as mention is taken for an event.
    """
    events = [type for type in events if type not in (*labels.events, *labels.mentions)]
    known = {*labels.mentions, *labels.events, *events}
    mentions = [type for type in mentions if type not in known]
    letters = dict(labels.mentions)
    for type in mentions:
        try:
            wanted = type.casefold()[:1] + ascii_lowercase
            letters[type] = next(letter for letter in wanted if _is_free(letter, letters))
        except StopIteration:
            raise MarsadError(f"no letter is left for the ids of {type}.") from None
    filled = {
        role: tuple(t for t in types if t in letters) for role, types in (roles or {}).items()
    }
    takes = {role: (*types, *mentions) for role, types in labels.roles.items()}
    takes |= {role: types for role, types in filled.items() if role not in takes}
    return Labels(letters, (*labels.events, *events), labels.statuses, takes, labels.values)


def _is_free(letter: str, letters: dict[str, str]) -> bool:
    taken = (EVENT_LETTER, *letters.values())
    return letter.isascii() and letter.isalpha() and letter not in taken
