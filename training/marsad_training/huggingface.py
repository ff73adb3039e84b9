"""`marsad-train export RUN OUT --to hf`: the mentions of a run as a stock token classifier.

The network mixes all layers of the encoder, reads the first subword of each word through a head of
two layers, and takes the best legal path of tags. A stock model has its last layer and one linear
head, and each subword takes its own best tag; no algebra carries the mix up through layers that
each normalise the whole vector. So the stock model starts as the run's encoder, pruned, under a
head that is fitted to what the network decodes in the texts of the corpus's train split; then its
topmost layers learn with it (distillation). What that costs in F1 is measured on the dev split,
from which the stock model has learnt nothing, and told in the card.

Triggers, statuses, roles and the letters joined before a mention are left out.
"""

import random
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.progress import track
from tokenizers import Regex, Tokenizer, normalizers, pre_tokenizers, processors
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import (
    AutoConfig,
    AutoModelForTokenClassification,
    PreTrainedModel,
    PreTrainedTokenizerFast,
    get_linear_schedule_with_warmup,
    pipeline,
)

from marsad.decode import Settings
from marsad.errors import MarsadError
from marsad.extractor import Extractor
from marsad.files import check_free, write_bytes, write_text
from marsad.schema import Mention, Report
from marsad.score import score
from marsad.spans import viterbi
from marsad.text import WORD, normalise, split_words
from marsad.windows import Reader
from marsad_training.corpus import named, read_reports, read_splits
from marsad_training.encode import Features, pad_inputs
from marsad_training.prune import prune, sample
from marsad_training.runs import Run, evaluate, extractor_of, open_run
from marsad_training.tags import tag_names
from marsad_training.templates import rendered
from marsad_training.tune import Dev, tag_settings

TASKS = ("mentions", "mentions (overlap)")
LEARNING = 4  # layers below the head that learn
PASSES = 2  # over the train split
_RATE, _HEAD_RATE, _WARMUP, _CLIP = 1e-4, 2e-4, 0.1, 1.0
_BATCH = 8
_MARKS = ("config.json", "model.safetensors", "README.md")  # of an earlier export
_FIT_STEPS, _SHRINK = 100, 1e-3  # of the head alone
Figures = dict[str, dict[str, dict[str, float]]]  # reports -> task -> F1 of `run` and `exported`


def export_hf(
    run_folder: Path, target: Path, real: Sequence[Path] = (), passes: int = PASSES
) -> Figures:
    """Write the mention tagger of a run to `target`, as the Hugging Face hub wants a model.

    Returns F1 of the run and of the exported model on the dev split and on the files of `real`
    reports. Raises MarsadError where the run is unfinished, its encoder has no stock classifier or
    the target holds something else.
    """
    check_free(target, all((target / name).is_file() for name in _MARKS))
    run = open_run(run_folder)
    splits = read_splits(Path(run.config.corpus))
    sets = {"corpus-dev": splits["dev"]}
    sets |= {name: read_reports(path, run.labels) for name, path in named(real, sets).items()}
    texts = [report.text for report in splits["train"]]
    prune(run.network, sample(run.reader, texts))
    model = stock_model(run_folder, run)
    tokenizer = hub_tokenizer(run)
    untuned = extractor_of(run.network, run.reader, run.labels)
    scores = untuned.score_words([split_words(report.text) for report in splits["dev"]])
    settings = tag_settings(scores, splits["dev"], run.labels, Dev(splits["dev"]))
    items = windows(tokenizer, texts)
    teach(run, settings, items)
    fit_head(model, items, run.reader.pad_id)
    learn(model, items, run, passes)
    served = extractor_of(run.network, run.reader, run.labels, settings)
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch)
        tokenizer.save_pretrained(made)
        model.save_pretrained(made)
        figures = {name: _figures(served, made, gold) for name, gold in sets.items()}
        for path in made.iterdir():
            write_bytes(target / path.name, path.read_bytes())
    write_text(target / "README.md", _card(run, model, figures))
    return figures


def hub_tokenizer(run: Run) -> PreTrainedTokenizerFast:
    """The run's tokenizer with the words and the normal form of `marsad.text` built in.

    It takes a raw text, and its offsets are those of that text. Two things differ from what the
    network reads: «…» is three words, and a word is not cut after its first subwords.
    """
    backend = Tokenizer.from_str(run.reader.tokenizer.to_str())
    backend.no_truncation()
    own = [backend.normalizer] if backend.normalizer else []
    backend.normalizer = normalizers.Sequence([*_cleaning(), *own])
    own = [backend.pre_tokenizer] if backend.pre_tokenizer else []
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.WhitespaceSplit(),
            pre_tokenizers.Split(Regex(WORD.pattern), "isolated"),
            *own,
        ]
    )
    names = {f: backend.id_to_token(id) for f, id in run.special.items()}
    start, end = names["start"], names["end"]
    backend.post_processor = processors.TemplateProcessing(
        single=f"{start} $A {end}",
        special_tokens=[(start, run.special["start"]), (end, run.special["end"])],
    )
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=backend, cls_token=start, sep_token=end, pad_token=names["pad"],
        unk_token=names["unknown"], model_max_length=run.reader.limit + 2,
    )  # fmt: skip


def _cleaning() -> Iterator[normalizers.Normalizer]:
    """What `marsad.text.normalise` does to a word, as steps over a text."""
    dropped = [
        c for c in map(chr, range(0x10000)) if not c.isspace() and normalise(f"ب{c}ب") == "بب"
    ]
    alone = "".join(c for c in dropped if c.isalnum())
    yield normalizers.Replace(Regex(rf"(?<!\w)[{alone}]+(?!\w)"), normalise(alone))
    yield normalizers.Replace(Regex(f"[{''.join(dropped)}]"), "")
    yield normalizers.NFKC()
    for letter in map(chr, range(0x600, 0x700)):  # the Arabic block: foreign letters, digits
        if letter not in dropped and (form := normalise(letter)) != letter:
            yield normalizers.Replace(letter, form)


def windows(tokenizer: PreTrainedTokenizerFast, texts: Iterable[str]) -> list[Features]:
    """Texts as the stock model reads them.

    Each window has `input_ids` (S), `word_starts` (W) and `words` (S), the word of each subword,
    -1 for special tokens.
    """
    items: list[Features] = []
    for text in texts:
        for found in tokenizer(text, truncation=True, return_overflowing_tokens=True).encodings:
            starts: list[int] = []
            words: list[int] = []
            for place, word in enumerate(found.word_ids):
                if word is not None and word != found.word_ids[place - 1]:
                    starts.append(place)
                words.append(-1 if word is None else len(starts) - 1)
            if starts:
                items.append({"input_ids": found.ids, "word_starts": starts, "words": words})
    return items


def teach(run: Run, settings: Settings, items: Sequence[Features]) -> None:
    """Give each window its `taught` (S, T): what the network, so tuned, answers."""
    temperature, outside = settings.temperature["mentions"], settings.outside["mentions"]
    for batch in track(_batches(items), "The run answers"):
        with torch.inference_mode():
            scores = run.network(**pad_inputs(batch, run.reader.pad_id))[0]
        for row, item in enumerate(batch):
            logits = scores[row, : len(item["word_starts"])] / temperature
            logits[:, 0] += outside
            item["taught"] = answers(logits, item["words"])


def answers(logits: Tensor, words: Sequence[int]) -> Tensor:
    """(W, T) scores of words, and the word of each subword -> (S, T); 0 for special tokens.

    The first subword of a word answers half the tag that is decoded and half the chances of all;
    the others go on inside.
    """
    path = torch.from_numpy(viterbi(logits.numpy()))
    first = (logits.softmax(-1) + functional.one_hot(path, logits.shape[-1])) / 2
    after = first.clone()  # tags are ordered O, B-1, I-1, B-2, ...
    after[:, 2::2] += after[:, 1::2]
    after[:, 1::2] = 0
    word = torch.tensor(words)
    taught = torch.stack([after, first])[(word != word.roll(1)).long(), word.clamp_min(0)]
    return taught * (word >= 0).unsqueeze(-1)


def stock_model(run_folder: Path, run: Run) -> PreTrainedModel:
    """The run's encoder under a fresh head. Raises MarsadError where the kind of encoder has no
    stock token classifier."""
    tags = tag_names(run.labels.mentions)
    encoder: Any = run.network.words.encoder
    config = AutoConfig.from_pretrained(
        run_folder,
        num_hidden_layers=encoder.config.num_hidden_layers,
        id2label=dict(enumerate(tags)),
        label2id={tag: n for n, tag in enumerate(tags)},
    )
    torch.manual_seed(run.config.seed)
    try:
        model: PreTrainedModel = AutoModelForTokenClassification.from_config(config)  # type: ignore[no-untyped-call]
    except ValueError as error:
        kind = config.model_type
        raise MarsadError(f"transformers has no token classifier for a {kind} encoder.") from error
    state = encoder.state_dict()
    if missing := model.base_model.load_state_dict(state, strict=False).missing_keys:
        raise MarsadError(f"{run_folder}: the encoder lacks {missing[0]}.")
    # without dropout, too, while it learns: the answers hold no noise to guard against
    model.eval()  # type: ignore[no-untyped-call]
    return model


def fit_head(model: PreTrainedModel, items: Sequence[Features], pad_id: int) -> None:
    """Fit the head to what was taught, on the encoder as it is, by L-BFGS.

    Hidden states of an encoder that was made for likeness lie close together: a fresh head learns
    slowly there, and layers that learn along with it lose their way (measured: F1 of 0). So the
    last normalisation is made to give each dimension the mean 0 and the spread 1.
    """
    head: Any = model.classifier
    norm = [m for m in model.base_model.modules() if isinstance(m, nn.LayerNorm)][-1]
    hidden, taught = [], []
    with torch.no_grad():
        for batch in track(_batches(items), "The stock model reads"):
            inputs = pad_inputs(batch, pad_id)
            states = model.base_model(
                inputs["input_ids"], attention_mask=inputs["attention_mask"]
            ).last_hidden_state
            for row, item in enumerate(batch):
                of_words = torch.tensor(item["words"]) >= 0
                hidden.append(states[row, : len(of_words)][of_words])
                taught.append(item["taught"][of_words])
    features, wanted = torch.cat(hidden), torch.cat(taught)
    mean, spread = features.mean(0), features.std(0)
    spread = spread.clamp_min(0.1 * float(spread.mean()))
    features = (features - mean) / spread
    weight, bias = torch.zeros_like(head.weight), torch.zeros_like(head.bias)
    optimiser = torch.optim.LBFGS(
        [weight.requires_grad_(), bias.requires_grad_()],
        max_iter=_FIT_STEPS, line_search_fn="strong_wolfe",
    )  # fmt: skip

    def loss() -> Tensor:
        optimiser.zero_grad()
        said = (features @ weight.T + bias).log_softmax(-1)
        total = -(wanted * said).sum() / len(wanted) + _SHRINK * weight.square().sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimiser.step(loss)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        norm.weight.div_(spread)
        norm.bias.sub_(mean).div_(spread)
        head.weight.copy_(weight)
        head.bias.copy_(bias)


def learn(model: PreTrainedModel, items: Sequence[Features], run: Run, passes: int) -> None:
    """Fit the head and the topmost layers to what was taught."""
    top = model.config.num_hidden_layers - LEARNING
    body: list[nn.Parameter] = []
    for name, parameter in model.base_model.named_parameters():
        layer = re.search(r"\.layer\.(\d+)\.", name)
        parameter.requires_grad = layer is not None and int(layer[1]) >= top
        if parameter.requires_grad:
            body.append(parameter)
    within = {id(p) for p in model.base_model.parameters()}
    head = [p for p in model.parameters() if id(p) not in within]
    optimiser = torch.optim.AdamW(
        [{"params": body, "lr": _RATE}, {"params": head, "lr": _HEAD_RATE}], weight_decay=0.01
    )
    batches, rng = _batches(items), random.Random(run.config.seed)
    order = [batch for _ in range(passes) for batch in rng.sample(batches, len(batches))]
    schedule = get_linear_schedule_with_warmup(  # type: ignore[no-untyped-call]
        optimiser, int(_WARMUP * len(order)), len(order)
    )
    for batch in track(order, "The stock model learns"):
        inputs = pad_inputs(batch, run.reader.pad_id)
        taught = pad_sequence([item["taught"] for item in batch], batch_first=True)
        logits = model(inputs["input_ids"], attention_mask=inputs["attention_mask"]).logits
        loss = -(taught * logits.log_softmax(-1)).sum() / taught.sum()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([*body, *head], _CLIP)
        optimiser.step()
        schedule.step()


def _batches(items: Sequence[Features]) -> list[list[Features]]:
    """Windows of like length together."""
    ordered = sorted(items, key=lambda item: len(item["input_ids"]))
    return [ordered[n : n + _BATCH] for n in range(0, len(ordered), _BATCH)]


def read_with(folder: Path, reports: Sequence[Report], stride: int) -> list[Report]:
    """What the pipeline of the card finds in the texts of reports."""
    tagger: Any = pipeline(
        "token-classification", str(folder), aggregation_strategy="simple", stride=stride,
        device="cpu",
    )  # fmt: skip
    return [
        replace(report, mentions=tuple(_mentions(found)), events=(), same=())
        for report, found in zip(reports, tagger([r.text for r in reports]), strict=True)
    ]


def _mentions(found: Iterable[Mapping[str, Any]]) -> Iterator[Mention]:
    for n, entity in enumerate(found, 1):
        place = int(entity["start"]), int(entity["end"])
        yield Mention(f"m{n}", entity["entity_group"], *place, float(entity["score"]))


def _figures(
    served: Extractor, folder: Path, gold: Sequence[Report]
) -> dict[str, dict[str, float]]:
    run = evaluate(served, gold)
    exported = score(gold, read_with(folder, gold, stride_of(served.reader)))
    return {t: {"run": run.f1(t), "exported": exported.f1(t)} for t in TASKS}


def stride_of(reader: Reader) -> int:
    """Subwords that neighbouring windows of a long text share, as `marsad.windows` has it."""
    return reader.limit // 4


def _card(run: Run, model: PreTrainedModel, figures: Figures) -> str:
    encoder = getattr(model.config, "encoder_name", run.config.base)
    hub_name = re.match(r"[\w.-]+/[\w.-]+(?= |$)", encoder)  # no name where it is a folder here
    return rendered(
        "huggingface_card.md.jinja",
        figures=figures, tasks=TASKS, labels=run.labels, learning=LEARNING,
        base=hub_name[0] if hub_name and not Path(hub_name[0]).exists() else None,
        encoder=encoder, encoder_licence=getattr(model.config, "encoder_licence", "see its card"),
        layers=model.config.num_hidden_layers, stride=stride_of(run.reader),
    )  # fmt: skip
