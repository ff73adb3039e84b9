"""The networks: one encoder under the joint heads of marsad, or under plain tagging heads.

Shapes: B windows in a batch, S subwords, W words, T tags, E triggers, M mentions, R roles,
K role dimensions, H the encoder's width.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoModel

from marsad.decode import WordScores
from marsad.errors import MarsadError, at
from marsad.roles import FEATURES
from marsad.schema import Labels

INPUTS = ("input_ids", "attention_mask", "word_starts")
OUTPUTS = WordScores._fields
IGNORE = -100
_NEVER = -30.0  # a logit; lower ones would drown the rest in label smoothing
# of attention: drawing it takes a third of a training step on a CPU
_NO_DROPOUT = {"attention_probs_dropout_prob": 0.0}
CLITICS = 3  # 0, 1 or 2 joined letters stand before a mention in its first word


def load_base(base: str | Path) -> nn.Module:
    """A BERT-like encoder from a folder or the hub, without a pooling layer.

    Attention dropout is off (`_NO_DROPOUT`). Raises MarsadError where there is no such encoder.
    """
    try:
        config = AutoConfig.from_pretrained(base, **_NO_DROPOUT)
        model: nn.Module = AutoModel.from_pretrained(base, config=config, add_pooling_layer=False)
    except (OSError, ValueError, TypeError) as error:
        raise MarsadError(
            f"the base {str(base)!r} cannot be read as a BERT-like encoder "
            f"({str(error).splitlines()[0]})"
        ) from error
    return model


def empty_encoder(facts: dict[str, Any]) -> nn.Module:
    """The encoder that a saved configuration tells of, to be filled with weights."""
    facts = facts | _NO_DROPOUT
    config = AutoConfig.for_model(facts.pop("model_type"), **facts)
    # eager, as the ONNX exporter wants it, and faster than the fused one in bf16
    model: nn.Module = AutoModel.from_config(  # type: ignore[no-untyped-call]
        config, attn_implementation="eager"
    )
    return model


class WordEncoder(nn.Module):
    """Subword ids -> one vector for each word: a learned mix of all layers, read at its start."""

    def __init__(self, encoder: nn.Module, dropout: float, word_dropout: float, mask_id: int):
        super().__init__()
        self.encoder = encoder
        config: Any = encoder.config
        self.width: int = config.hidden_size
        self.mix = nn.Parameter(torch.zeros(config.num_hidden_layers + 1))
        # what layers that were cut (`prune`) said of every word
        self.register_buffer("rest", torch.zeros(self.width))
        self.rest: Tensor
        self.norm = nn.LayerNorm(self.width)
        self.dropout = nn.Dropout(dropout)
        self.word_dropout, self.mask_id = word_dropout, mask_id

    def forward(self, input_ids: Tensor, attention_mask: Tensor, word_starts: Tensor) -> Tensor:
        """(B, S), (B, S), (B, W) -> (B, W, H)."""
        if self.training and self.word_dropout > 0:
            drop = torch.rand(input_ids.shape, device=input_ids.device) < self.word_dropout
            drop &= attention_mask.bool()
            drop[:, 0] = False
            input_ids = input_ids.masked_fill(drop, self.mask_id)
        hidden = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, output_hidden_states=True
        ).hidden_states
        weights = self.mix.softmax(0)
        mixed = self.rest + sum(w * state for w, state in zip(weights, hidden, strict=True))
        # (B, S, H) -> (B, W, H)
        at = word_starts.unsqueeze(-1).expand(-1, -1, self.width)
        words: Tensor = self.dropout(self.norm(torch.gather(mixed, 1, at)))
        return words


class JointNetwork(nn.Module):
    """Mentions, triggers, status and roles over one encoder.

    `forward` returns the six outputs that the ONNX graph has too, in the order of `OUTPUTS`;
    the loss of batches made by `encode.collate` is `sums` over `totals`, so that it is a mean over
    all batches of an optimiser step, however they are cut.
    """

    def __init__(
        self,
        words: WordEncoder,
        labels: Labels,
        role_width: int,
        weights: dict[str, float],
    ):
        super().__init__()
        self.words, self.weights = words, weights
        h, n_roles = words.width, len(labels.roles)
        self.n_roles, self.role_width = n_roles, role_width
        self.mention_tags = _head(h, 1 + 2 * len(labels.mentions), words.dropout.p)
        self.trigger_tags = _head(h, 1 + 2 * len(labels.events), words.dropout.p)
        self.statuses = _head(h, len(labels.statuses), words.dropout.p)
        self.clitics = nn.Linear(h, CLITICS)
        self.trigger_roles = _head(h, n_roles * role_width, words.dropout.p)
        self.mention_roles = _head(h, n_roles * role_width, words.dropout.p)
        # additive evidence for each (event type, mention type) pair and each integer feature
        self.pair_bias = nn.Parameter(
            torch.full((len(labels.events), len(labels.mentions), n_roles), -1.0)
        )
        self.feature_bias = nn.ParameterList(
            nn.Parameter(torch.zeros(size, n_roles)) for size in FEATURES.values()
        )
        legal = torch.zeros(len(labels.mentions), n_roles, dtype=torch.bool)
        types = list(labels.mentions)
        for r, takes in enumerate(labels.roles.values()):
            legal[[types.index(t) for t in takes], r] = True
        self.register_buffer("legal", legal)
        self.legal: Tensor
        # the first status is the common one; the others weigh more so that they are learnt at all
        rare = torch.full((len(labels.statuses),), weights.get("rare_status", 3.0))
        rare[0] = 1.0
        self.register_buffer("status_weights", rare, persistent=False)
        self.status_weights: Tensor

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, word_starts: Tensor
    ) -> tuple[Tensor, ...]:
        """Scores of all words, each (B, W, ...) in the order of `OUTPUTS`."""
        x = self.words(input_ids, attention_mask, word_starts)
        return tuple(getattr(self, name)(x) for name in OUTPUTS)

    def totals(self, batch: dict[str, Any]) -> Tensor:
        """(5,) What each part of the loss is a mean over: words, status weights, triggers."""
        mentions, triggers, clitics = (
            (batch[name] != IGNORE).sum() for name in ("mention_tags", "trigger_tags", "clitics")
        )
        gold = batch["statuses"]
        weights = self.status_weights[gold.clamp(min=0)] * (gold != IGNORE)
        if (taught := batch.get("taught")) is not None:
            share = batch["share"]
            weights = (1 - share) * weights + share * taught["statuses"].sum(-1)
        statuses = weights.sum()
        roles = mentions.new_tensor(len(batch["pairs"].get("triggers", ())))
        return torch.stack([mentions, triggers, statuses, clitics, roles]).float()

    def sums(self, batch: dict[str, Any]) -> Tensor:
        """(5,) The weighted parts of the loss, each summed over what `totals` counts."""
        out = self(batch["input_ids"], batch["attention_mask"], batch["word_starts"])
        with torch.autocast(out[0].device.type, enabled=False):
            mentions, triggers, statuses, clitics, *roles = (scores.float() for scores in out)
            smooth = self.weights.get("label_smoothing", 0.0)
            mentions = _without(mentions, batch, "mention_tags")
            triggers = _without(triggers, batch, "trigger_tags")
            parts = {
                "mention": _cross_entropy(mentions, batch, "mention_tags", smooth),
                "trigger": _cross_entropy(triggers, batch, "trigger_tags", smooth),
                "status": _cross_entropy(statuses, batch, "statuses", weight=self.status_weights),
                "clitic": _cross_entropy(clitics, batch, "clitics"),
                "role": self._role_loss(roles[0], roles[1], batch["pairs"]),
            }
            return torch.stack([self.weights.get(name, 1.0) * part for name, part in parts.items()])

    def role_tables(self) -> Iterator[Tensor]:
        """The additive evidence: of type pairs, then of each feature."""
        yield self.pair_bias
        yield from self.feature_bias

    def role_scores(self, triggers: Tensor, mentions: Tensor, pairs: dict[str, Tensor]) -> Tensor:
        """(B, W, R*K) projections of a batch, its N pairs by `encode.collate` -> (N, R) logits."""
        shape = (-1, self.n_roles, self.role_width)
        e = span_means(triggers, pairs["triggers"])[pairs["trigger"]].view(shape)
        m = span_means(mentions, pairs["mentions"])[pairs["mention"]].view(shape)
        scores: Tensor = (e * m).sum(-1) / self.role_width**0.5
        scores = scores + self.pair_bias[pairs["event_types"], pairs["mention_types"]]
        for table, index in zip(self.feature_bias, pairs["features"].unbind(-1), strict=True):
            scores = scores + table[index]
        return scores

    def _role_loss(self, triggers: Tensor, mentions: Tensor, pairs: dict[str, Tensor]) -> Tensor:
        """Binary cross-entropy over the legal roles of all pairs, summed."""
        if not pairs:
            return triggers.sum() * 0
        scores = self.role_scores(triggers, mentions, pairs)
        legal = self.legal[pairs["mention_types"]]
        loss = functional.binary_cross_entropy_with_logits(
            scores, pairs["gold"], reduction="none",
            pos_weight=scores.new_tensor(self.weights.get("role_positive", 1.0)),
        )  # fmt: skip
        return (loss * legal).sum()


def fill(network: JointNetwork, state: Mapping[str, Tensor], source: Path) -> None:
    """Load weights; what only follows from the labels, or is not trained, may be absent.

    Raises MarsadError where they are of another network.
    """
    free = ("legal", "position_ids", "pooler", "words.rest")
    try:
        missing, unexpected = network.load_state_dict(state, strict=False)
    except RuntimeError as error:
        found = str(error).splitlines()[-1].strip().rstrip(".")
        raise at(source, None, f"holds weights of another network: {found}.") from error
    absent = [name for name in missing if not any(part in name for part in free)]
    if wrong := [*absent, *unexpected]:
        raise at(source, None, f"holds weights of another network: {wrong[0]} is in one alone.")


def _without(scores: Tensor, batch: dict[str, Any], name: str) -> Tensor:
    """(B, W, T) scores; at words outside (tag 0) those of the tags that a window was not annotated
    with, (N, 2) pairs (window, tag), are as good as impossible, for such a tag may be right there.
    That a word of another tag is none of theirs is learnt.
    """
    absent: Tensor = batch["absent"][name]
    if not len(absent):
        return scores
    window, tag = absent.unbind(-1)
    out = torch.zeros(scores.shape[0], 1, scores.shape[2], device=scores.device)
    out[window, 0, tag] = _NEVER
    outside: Tensor = batch[name] == 0
    return scores + out * outside.unsqueeze(-1)


class TaggingNetwork(nn.Module):
    """One plain tagging head for each adaptation corpus; only the encoder is kept afterwards."""

    def __init__(self, words: WordEncoder, sizes: dict[str, tuple[int, int]]):
        super().__init__()
        self.words = words
        # corpus -> layers (nested corpora have one BIO layer for each type) times tags
        self.sizes = sizes
        self.heads = nn.ModuleDict(
            {name: nn.Linear(words.width, layers * tags) for name, (layers, tags) in sizes.items()}
        )

    def totals(self, batch: dict[str, Any]) -> Tensor:
        """(1,) The tags of a batch whose windows all come from `batch["corpus"]`."""
        total: Tensor = (batch["tags"] != IGNORE).sum().float().unsqueeze(0)
        return total

    def sums(self, batch: dict[str, Any]) -> Tensor:
        """(1,) The loss, summed over the tags."""
        name = batch["corpus"]
        scores = self.scores(name, batch)
        with torch.autocast(scores.device.type, enabled=False):
            part = _cross_entropy(scores.float(), batch, "tags")
        total: Tensor = (part * self.sizes[name][0] ** 0.5).unsqueeze(0)
        return total

    def scores(self, name: str, batch: dict[str, Any]) -> Tensor:
        """(B, W, layers, tags) of one corpus."""
        x = self.words(batch["input_ids"], batch["attention_mask"], batch["word_starts"])
        scores: Tensor = self.heads[name](x).unflatten(-1, self.sizes[name])
        return scores


def span_means(projections: Tensor, spans: Tensor) -> Tensor:
    """(B, W, D) word projections and (N, 3) spans (window, first, past the last) -> (N, D)."""
    sums = functional.pad(projections.cumsum(1), (0, 0, 1, 0))
    window, first, last = spans.unbind(-1)
    return (sums[window, last] - sums[window, first]) / (last - first).unsqueeze(-1)


def _head(width: int, size: int, dropout: float) -> nn.Module:
    return nn.Sequential(
        nn.Linear(width, width), nn.GELU(), nn.Dropout(dropout), nn.Linear(width, size)
    )


def _cross_entropy(
    scores: Tensor,
    batch: dict[str, Any],
    name: str,
    smooth: float = 0.0,
    weight: Tensor | None = None,
) -> Tensor:
    """Summed, so that a batch without gold counts for nothing.

    Where teachers said something of the name (`teach`), that has its share beside the gold.
    """
    gold, taught = batch[name], batch.get("taught", {}).get(name)
    loss = functional.cross_entropy(
        scores.flatten(0, -2), gold.flatten(), weight=weight, ignore_index=IGNORE,
        label_smoothing=smooth, reduction="sum" if taught is None else "none",
    )  # fmt: skip
    if taught is None:
        return loss
    soft = -(taught * scores.log_softmax(-1)).sum(-1)
    share = batch["share"]
    total: Tensor = ((1 - share) * loss.view_as(gold) + share * soft).sum()
    return total
