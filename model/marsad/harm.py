"""How many came to harm in an incident, by what its triggers tell of their victims.

A trigger may tell a total and its parts («15 شخصا بينهم 7 أطفال»), a toll and what it was before
(«72 قتيلا، بعد أن كانت 60»), or victims without saying what came to each («25 بين قتيل وجريح»).
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from marsad.resolve.names import fold_name
from marsad.schema import UNRESOLVED, Event, Mention, Report

_OF_THEM = re.compile(r"(?<!\w)(?:(?:بين|من|ضمن)(?:هم|هن|هما)|أحد(?:هم|هما)|من بين)(?!\w)")
_OPENS_A_PART = re.compile(r"(?:\w+ )?(?:بين|من|ضمن)(?:هم|هن|هما)(?!\w)|أحد(?:هم|هما)(?!\w)")
_AND = re.compile(r"[\s،]*و(?:\w+\s+){0,4}")  # «والصحفي» before a name, with titles
_BEFORE = re.compile(r"حصيل\w+ (?:سابق|[أا]ول)|بعد ما كان|بعد [أا]ن كان")
_REACH = 30  # characters after a toll that may tell that it is an earlier one


@dataclass(frozen=True)
class Toll:
    """The victims of one report, whose `mentions` are by id.

    `kinds` are those of harm by event type, `nouns` patterns of the folded nouns that name each
    kind, the gravest first; `role` is filled by victims, `counted` are the mention types that have
    a count, and harm of a status other than `occurred` is none to an incident that did occur.
    """

    report: Report
    mentions: Mapping[str, Mention]
    kinds: Mapping[str, str]
    nouns: Mapping[str, str]
    role: str
    counted: Collection[str]
    occurred: str

    def of(
        self, group: Sequence[Event], harms: Sequence[Sequence[Event]], status: str
    ) -> dict[str, str]:
        """Counts by kind of harm: the most that one trigger of a group tells, summed over groups.

        Triggers of one group tell the same dead again; other groups tell others. A cause may tell
        of the same, or of more, by the nouns for its victims.
        """
        told = [[e for e in harm if self._tells(e, status)] for harm in (group, *harms)]
        claimed: dict[str, set[str]] = defaultdict(set)  # the kinds that came to a victim
        for event in (event for harm in told for event in harm):
            for id in event.fillers(self.role):
                claimed[id].add(self.kinds.get(event.type, ""))
        found: dict[str, list[str]] = {}
        for harm in told:
            kind = self.kinds.get(harm[0].type) if harm else None
            if kind is None:
                continue
            counts = [self._counts(event, kind, claimed) for event in harm]
            if totals := [self._total(e, c) for e, c in zip(harm, counts, strict=True) if c]:
                found.setdefault(kind, []).append(max(totals, key=least))
        summed = {kind: total(counts) for kind, counts in found.items()}
        for event in () if group[0].type in self.kinds else group:
            for kind, named in self._named(event).items():
                summed[kind] = max(self._total(event, named), summed.get(kind, ""), key=least)
        return summed

    def _tells(self, event: Event, status: str) -> bool:
        """Whether its harm is that of an incident of that status; «لم يصب أحد» always is."""
        if status != self.occurred or event.status == status or event.type not in self.kinds:
            return True
        return set(self._victims(event).values()) == {"0"}

    def _counts(self, event: Event, kind: str, claimed: Mapping[str, set[str]]) -> list[str]:
        """Counts of its victims: who is told to be dead and hurt is dead, of several none knows."""
        found = []
        for id, count in self._victims(event).items():
            known = [one for one in self.nouns if one in claimed[id]]
            if count == "1" and known and kind != known[0]:
                continue
            parted = max(len(known), len(self._named_kinds(id))) > 1
            found.append(UNRESOLVED if parted and count not in ("0", "1") else count)
        return found

    def _named(self, event: Event) -> dict[str, list[str]]:
        """Counts of its victims by the kind of harm that their nouns name."""
        found: dict[str, list[str]] = {}
        for id, count in self._victims(event).items():
            kinds = self._named_kinds(id)
            for kind in kinds:
                found.setdefault(kind, []).append(count if len(kinds) == 1 else UNRESOLVED)
        return found

    def _named_kinds(self, id: str) -> list[str]:
        noun = fold_name(self.report.surface(self.mentions[id]))
        return [kind for kind, nouns in self.nouns.items() if re.search(nouns, noun)]

    def _victims(self, event: Event) -> dict[str, str]:
        """Counts of the mentions that came to harm, by id; a name is one. Parts of a total, and
        names of those whom it counts, are left out."""
        mentions = [self.mentions[id] for id in dict.fromkeys(event.fillers(self.role))]
        return {
            mention.id: mention.value or "1"
            for mention in self._wholes(sorted(mentions, key=lambda m: m.start))
        }

    def _wholes(self, victims: Sequence[Mention]) -> Iterator[Mention]:
        """Those that are no part of a total before them, in order of the text."""
        whole: Mention | None = None  # the total
        in_parts, end = False, 0
        for victim in victims:
            surface, gap = self.report.surface(victim), self.report.text[end : victim.start]
            joined = _AND.fullmatch(gap) is not None
            if victim.type in self.counted:
                said = _OF_THEM.search(gap) or _OPENS_A_PART.match(surface)
                part = bool(said) or (in_parts and joined)
            else:
                part = in_parts or not joined
            in_parts = whole is not None and part and not self._other_harm(whole, victim)
            end = victim.end
            if in_parts:
                continue
            yield victim
            if victim.type in self.counted and least(victim.value or "") > 1:
                whole = None if _OPENS_A_PART.match(surface) else victim
                in_parts = bool(whole and _OF_THEM.search(surface))

    def _other_harm(self, left: Mention, right: Mention) -> bool:
        """Whether both nouns name harm, and none the same: «قتلى» and «جرحى»."""
        kinds = [set(self._named_kinds(mention.id)) for mention in (left, right)]
        return all(kinds) and kinds[0].isdisjoint(kinds[1])

    def _total(self, event: Event, counts: Sequence[str]) -> str:
        """What the counts of one trigger come to: their sum, or the most where one was before."""
        victims = [self.mentions[id] for id in event.fillers(self.role)]
        start, end = min(v.start for v in victims), max(v.end for v in victims)
        if _BEFORE.search(self.report.text, start, end + _REACH):
            return max(counts, key=least)
        return total(counts)


def least(count: str) -> float:
    """What a count says at the least: `10+` is 10, `?` is less than `1`; none at all is least."""
    return 0.5 if count == UNRESOLVED else float(count.rstrip("+") or -1)


def total(counts: Collection[str]) -> str:
    """`3` and `2` are `5`, with `10+` `15+`; some more unknown ones make it open."""
    if all(count == UNRESOLVED for count in counts):
        return UNRESOLVED
    known = sum(int(c.rstrip("+")) for c in counts if c != UNRESOLVED)
    is_open = any(c == UNRESOLVED or c.endswith("+") for c in counts)
    return f"{known}+" if is_open else str(known)
