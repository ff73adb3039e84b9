"""The CRF that stands beside the network in an artifact, alone: a baseline."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from marsad.decode import HEADS
from marsad.schema import Labels, Report
from marsad.spans import bio_spans, viterbi
from marsad.text import Words
from marsad.word_features import features
from marsad_training.benchmark.lexicon import Found
from marsad_training.crf import learn


class Crf:
    """Learns the tags of reports, finds spans in others: the best legal path of the marginals.

    Raises MarsadError where python-crfsuite is not installed.
    """

    def __init__(self, reports: Sequence[Report], labels: Labels, cache: Path):
        self.crf = learn(reports, labels, cache, HEADS)
        self.types = {"mentions": list(labels.mentions), "triggers": list(labels.events)}

    def tag(self, words: Words) -> tuple[list[Found], list[Found]]:
        """Mentions and triggers, the product of the marginals of their tags as score."""
        if not len(words):
            return [], []
        rows = features(words)
        marginals = {name: chain.marginals(rows) for name, chain in self.crf.chains.items()}
        mentions, triggers = (
            [
                Found(span.first, span.last, self.types[name][span.label], round(span.score, 4))
                for span in bio_spans(viterbi(np.log(found + 1e-6)), found)
            ]
            for name, found in ((name, marginals[name]) for name in HEADS)
        )
        return mentions, triggers
