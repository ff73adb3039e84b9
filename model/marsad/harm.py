"""How many came to harm in an incident, by what its triggers tell of their victims.

A trigger may tell a total and its parts («15 شخصا بينهم 7 أطفال»), a toll and what it was before
(«72 قتيلا، بعد أن كانت 60»), or victims without saying what came to each («25 بين قتيل وجريح»).
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from marsad.resolve.counts import count
from marsad.resolve.names import fold_name
from marsad.resolve.numbers import is_number_word
from marsad.schema import UNRESOLVED, Event, Mention, Report
from marsad.text import title_end

_OF_THEM = re.compile(
    r"(?<!\w)و?(?:(?:بين|من|ضمن)(?:هم|هن|هما)|أحد(?:هم|هما)|من بين"
    r"|(?:بين|من) ال(?:قتلى|جرحى|ضحايا|شهداء|مصابين))(?!\w)"
    r"|(?<!\w)و?(?:معظم|أغلب|غالبيت|جميع|كل|نصف)?(?:هم|هن|هما)(?:\s+\w+)?\s+$"
)
_OPENS_A_PART = re.compile(r"(?:\w+ )?و?(?:بين|من|ضمن)(?:هم|هن|هما)(?!\w)|أحد(?:هم|هما)(?!\w)")
# «والصحفي» before a name, with titles, «68 من الجنود و79», «15 جنديا وأربعة من المتطوعين و11»
_AND = re.compile(
    r"(?:\s+من(?:\s+\w+){1,3})?(?:\s+و\w+\s+من(?:\s+\w+){1,3})?[\s،]*و(?:\w+\s+){0,4}"
)
# of one who is a part himself, «قيادي في الجماعة وزوجته»
_KIN = re.compile(r"^و?(?:زوج|نجل|ابن|[أا]بناؤ|شقيق|والد|مرافق|سائق|حارس|حراس)\w*(?:ه|ها|هم|هما)$")
_BEFORE = re.compile(r"حصيل\w+ (?:سابق|[أا]ول)|بعد ما كان|بعد [أا]ن كان")
_SOME = frozenset(["عدد", "عددا", "عشرات", "مئات", "عديد", "مزيد", "بعض", "من"])
_REACH = 30  # characters after a toll that may tell that it is an earlier one
# «عدد القتلى» and «القتلى:» have their number elsewhere, a rise tells that the next holds the last
_TOLL_OF = re.compile(r"(?<!\w)[وبل]?(?:ال)?(?:عدد|حصيل\w+|[إا]جمالي)\s+$")
_NUMBER_OF = re.compile(r"(?:\s+ال\w+\s+عنهم)?\s*:?\s+")
_TO = re.compile(r"\s*[إا]لى\s*")
_RISEN = re.compile(rf"رتفع|ارتفاع|\bل[يت](?:صل|بلغ)\b|^{_TO.pattern}$")


@dataclass(frozen=True)
class Toll:
    """The victims of one report, whose `mentions` are by id.

    `kinds` are those of harm by event type, `deadly` what comes to the victims of other types where
    they occurred, `nouns` patterns of the folded nouns that name each kind, the gravest first;
    `role` is filled by victims, `counted` are the mention types that have a count, `persons` those
    that name one person, and harm of a status other than `occurred` is none to an incident that
    did occur; `sentences` number those in which the events stand.
    """

    report: Report
    mentions: Mapping[str, Mention]
    kinds: Mapping[str, str]
    deadly: Mapping[str, str]
    nouns: Mapping[str, str]
    role: str
    counted: Collection[str]
    persons: Collection[str]
    occurred: str
    sentences: Mapping[str, int]

    def of(
        self, group: Sequence[Event], harms: Sequence[Sequence[Event]], status: str
    ) -> dict[str, str]:
        """Counts by kind of harm: the most that one trigger of a group tells, summed over groups.

        Triggers of one group tell the same dead again; other groups tell others, but for those of
        the title, those that only say that there were some, and other tolls of the same. A cause
        may tell of the same, or of more, by the nouns for its victims.
        """
        told = [[e for e in harm if self._tells(e, status)] for harm in (group, *harms)]
        claimed: dict[str, set[str]] = defaultdict(set)  # the kinds that came to a victim
        for event in (event for harm in told for event in harm):
            for id in event.fillers(self.role):
                claimed[id].add(self.kinds.get(event.type, ""))
        found: dict[str, list[str]] = {}
        again: dict[str, list[str]] = {}  # by a title, or but that there were some
        title = title_end(self.report.text)
        for n, harm in enumerate(told):
            kind = self.kinds.get(harm[0].type) if harm else None
            if kind is None or self._is_told_before(harm, chain.from_iterable(told[:n])):
                continue
            counts = [self._counts(event, kind, claimed) for event in harm]
            if totals := [self._total(e, c) for e, c in zip(harm, counts, strict=True) if c]:
                told_in = again if harm[-1].start < title or self._is_vague(harm) else found
                tolls = told_in.setdefault(kind, [])
                if tolls and self._is_retold(harm[0], group, chain.from_iterable(told[:n])):
                    totals.append(tolls.pop())
                tolls.append(max(totals, key=least))
        summed = {kind: total(tolls) for kind, tolls in found.items()}
        for kind, tolls in again.items():
            summed[kind] = max(summed.get(kind, ""), total(tolls), key=least)
        for event in () if group[0].type in self.kinds else group:
            for kind, named in self._named(event).items():
                summed[kind] = max(self._total(event, named), summed.get(kind, ""), key=least)
        return summed

    def _is_told_before(self, harm: Sequence[Event], earlier: Iterable[Event]) -> bool:
        """Whether its victims are all persons whom earlier triggers of the type told of."""
        now = [self.mentions[id] for event in harm for id in self._victims(event)]
        kin = (event for event in earlier if event.type == harm[0].type)
        before = [self.mentions[id] for event in kin for id in self._victims(event)]
        return bool(now) and all(any(self._is_one(a, b) for b in before) for a in now)

    def _is_retold(self, harm: Event, group: Sequence[Event], earlier: Iterable[Event]) -> bool:
        """Whether it is another toll of the same: an earlier one, or of those whom a sentence that
        told the cause too has called alike."""
        if _BEFORE.search(self.report.text, max(0, harm.start - _REACH), harm.start):
            return True
        caused = {self.sentences[one.id] for one in group} - {self.sentences[harm.id]}
        is_caused = any(self.sentences[one.id] == self.sentences[harm.id] for one in group)
        return is_caused and any(
            other.type == harm.type
            and self.sentences[other.id] in caused
            and not self._nouns(harm).isdisjoint(self._nouns(other))
            for other in earlier
        )

    def _is_vague(self, harm: Sequence[Event]) -> bool:
        """Whether it tells but that there were dead or hurt, «عدد من القتلى»."""
        told = [mention for event in harm for mention in self._told(event)]
        words = {w for m in told for w in fold_name(self.report.surface(m)).split()} - _SOME
        unknown = all(mention.value == UNRESOLVED for mention in told)
        return unknown and any(words) and all(map(self._is_harm, words))

    def _is_harm(self, word: str) -> bool:
        return any(re.match(nouns, word) for nouns in self.nouns.values())

    def _nouns(self, harm: Event) -> set[str]:
        """What several victims are called."""
        several = (m for m in self._told(harm) if least(m.value or "") > 1)
        words = (w for m in several for w in fold_name(self.report.surface(m)).split())
        return {w for w in words if not is_number_word(w)}

    def _is_one(self, left: Mention, right: Mention) -> bool:
        """Whether both name one person, the one more fully: «كريم حسن» and «حسن»."""
        if not (left.type in self.persons and right.type in self.persons):
            return False
        a, b = (set(fold_name(self.report.surface(m)).split()) for m in (left, right))
        return a <= b or b <= a

    def _tells(self, event: Event, status: str) -> bool:
        """Whether its harm is that of an incident of that status; «لم يصب أحد» always is."""
        if status != self.occurred or event.status == status or event.type not in self.kinds:
            return True
        return set(self._victims(event).values()) == {"0"}

    def _counts(self, event: Event, kind: str, claimed: Mapping[str, set[str]]) -> list[str]:
        """Counts of its victims: who is told to be dead and hurt is dead, of several none knows."""
        found = []
        for id, stated in self._victims(event).items():
            known = [one for one in self.nouns if one in claimed[id]]
            if stated == "1" and known and kind != known[0]:
                continue
            parted = max(len(known), len(self._named_kinds(id))) > 1
            found.append(UNRESOLVED if parted and stated not in ("0", "1") else stated)
        return found

    def _named(self, event: Event) -> dict[str, list[str]]:
        """Counts of its victims by the kind of harm that its type or their nouns name."""
        found: dict[str, list[str]] = {}
        deadly = self.deadly.get(event.type) if event.status == self.occurred else None
        nouns = {number: noun for noun, number in self._tolls(self._told(event)).items()}
        for id, stated in self._victims(event).items():
            kinds = [deadly] if deadly else self._named_kinds(id, nouns.get(id, id))
            for kind in kinds:
                found.setdefault(kind, []).append(stated if len(kinds) == 1 else UNRESOLVED)
        return found

    def _named_kinds(self, *ids: str) -> list[str]:
        told = fold_name(" ".join(self.report.surface(self.mentions[id]) for id in ids))
        return [kind for kind, nouns in self.nouns.items() if re.search(nouns, told)]

    def _victims(self, event: Event) -> dict[str, str]:
        """Counts of the mentions that came to harm, by id; a person is one. Parts of a total,
        names of those whom it counts or that were told before, and the noun of a number are left
        out."""
        told = self._told(event)
        tolls = self._tolls(told)
        wholes: list[Mention] = []
        for mention in self._wholes([m for m in told if m.id not in tolls]):
            if not any(self._is_one(mention, known) for known in wholes):
                wholes.append(mention)
        return {mention.id: self._count(mention) for mention in wholes}

    def _told(self, event: Event) -> list[Mention]:
        """Its victims in the order of the text."""
        mentions = (self.mentions[id] for id in set(event.fillers(self.role)))
        return sorted(mentions, key=lambda m: m.start)

    def _tolls(self, victims: Sequence[Mention]) -> dict[str, str]:
        """Nouns that have their number elsewhere, «ارتفع عدد القتلى إلى 16», with the mention of
        that number, the nearest that tells no other harm."""
        text, found = self.report.text, {}
        numbers = [m for m in victims if (m.value or UNRESOLVED) != UNRESOLVED]
        for noun in victims:
            fitting = [m for m in numbers if not self._other_harm(noun, m)]
            if noun.value != UNRESOLVED or not fitting:
                continue
            nearest = min(fitting, key=lambda m: max(m.start - noun.end, noun.start - m.end))
            for risen in fitting:  # «من 20 إلى 35»
                if _TO.fullmatch(text[nearest.end : risen.start]):
                    nearest = risen
            counted = _TOLL_OF.search(text[max(0, noun.start - _REACH) : noun.start])
            if counted or _NUMBER_OF.fullmatch(text[noun.end : nearest.start]):
                found[noun.id] = nearest.id
        return found

    def _count(self, mention: Mention) -> str:
        if mention.value or mention.type in self.persons:
            return mention.value or "1"
        found = count(self.report.surface(mention))
        return found.value if found else UNRESOLVED

    def _wholes(self, victims: Sequence[Mention]) -> Iterator[Mention]:
        """Those that are no part of a total before them, in order of the text."""
        whole: Mention | None = None  # the total
        in_parts, end = False, 0
        for victim in victims:
            surface, gap = self.report.surface(victim), self.report.text[end : victim.start]
            joined = _AND.fullmatch(gap) is not None
            said = _OF_THEM.search(gap) or _OPENS_A_PART.match(surface)
            if victim.type in self.counted:
                part = bool(said) or (in_parts and (joined or _KIN.search(surface) is not None))
            else:
                part = bool(said) or in_parts or not joined
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
        """What the counts of one trigger come to: their sum, or the most where one held another."""
        text, victims = self.report.text, self._told(event)
        gaps = (text[a.end : b.start] for a, b in pairwise(victims))
        was_less = _BEFORE.search(text, victims[0].start, victims[-1].end + _REACH)
        if was_less or any(_RISEN.search(gap) for gap in gaps):
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
