"""What every training run shares: batches into `transformers.Trainer`, learning rates, manifest.

A run may have several processes, each with its own copy of the network. They see different parts
of the same global batches; the main process alone scores and writes.
"""

import json
import logging
import platform
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from importlib.metadata import version
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState  # type: ignore[import-untyped]
from accelerate.utils import broadcast_object_list  # type: ignore[import-untyped]
from safetensors.torch import load_file, save
from tokenizers import Tokenizer
from torch import Tensor, nn
from torch.utils.data import Sampler
from transformers import (
    AutoTokenizer,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerState,
    TrainingArguments,
)
from transformers.trainer_pt_utils import get_length_grouped_indices

from marsad.errors import MarsadError, at
from marsad.files import read_json, write_bytes, write_text
from marsad.windows import Reader
from marsad_training.config import Training
from marsad_training.encode import Features
from marsad_training.encoder import build_encoder
from marsad_training.network import WordEncoder, load_base

CPU = "cpu"  # the device of a manifest that names no other
_WAIT = timedelta(hours=2)  # that a process has while the main one scores
_AVERAGE = "average.safetensors"  # written last: a checkpoint that has it is whole


def processes() -> PartialState:
    """The processes of this run; one where no launcher has started more."""
    return PartialState(cpu=not torch.cuda.is_available(), timeout=_WAIT)


def base_folder(name: str, runs: Path) -> str:
    """The folder or hub name of a base; "default" is built on first use under `runs`."""
    if name != "default":
        return name
    folder = runs / "encoder"
    with processes().main_process_first():
        if not (folder / "tokenizer.json").exists():
            build_encoder(folder)
    return str(folder)


def load_reader(base: str, limit: int) -> Reader:
    """The tokenizer of a base; its special tokens may be those of BERT or of XLM-R.

    The window limit is ours, since some published tokenizers (CAMeLBERT's) name none.
    """
    try:
        auto = AutoTokenizer.from_pretrained(base)
        backend: Tokenizer = auto.backend_tokenizer
    except (OSError, ValueError, AttributeError) as error:
        raise MarsadError(
            f"the base {base!r} is neither a folder with a fast tokenizer nor a model that the "
            f"hub gives out here ({str(error).splitlines()[0]}); fetch it where there is a "
            "network, or name a folder with --base"
        ) from error
    ids = (auto.cls_token_id, auto.sep_token_id, auto.pad_token_id, auto.unk_token_id)
    if None in ids:
        raise MarsadError(f"the base {base!r} lacks a token that starts, ends, pads or is unknown.")
    if backend.get_vocab_size() <= len(auto.all_special_ids):  # then every word would be unknown
        raise MarsadError(f"the base {base!r} has a tokenizer without a vocabulary.")
    return Reader(backend, *ids, limit)


def word_encoder(base: str, reader: Reader, config: Training) -> WordEncoder:
    """The encoder of a base under a word reader."""
    return over(load_base(base), reader, config)


def over(encoder: Any, reader: Reader, config: Training) -> WordEncoder:
    """A word reader over an encoder; its embeddings frozen if so configured."""
    positions = encoder.config.max_position_embeddings
    if reader.limit + 2 > positions:
        raise MarsadError(
            f"limit = {reader.limit} subwords and two special tokens exceed the {positions} "
            "positions of the encoder."
        )
    if config.freeze_embeddings:
        for name, parameter in encoder.named_parameters():
            if "embeddings" in name:
                parameter.requires_grad = False
    return WordEncoder(encoder, config.dropout, config.word_dropout, reader.unknown_id)


class Average(TrainerCallback):
    """The exponential moving average of a network's weights: what is scored, and what is kept."""

    def __init__(self, network: nn.Module, decay: float):
        self.decay = decay
        self.weights = {n: p for n, p in network.named_parameters() if p.requires_grad}
        self.mean = {n: p.detach().clone() for n, p in self.weights.items()}

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """A run that goes on takes its average from the checkpoint."""
        if (path := self._path(args, state)).exists():
            for name, mean in load_file(path).items():
                self.mean[name].copy_(mean)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Move the average; the first steps count fully, since they leave a random head."""
        decay = min(self.decay, state.global_step / (10 + state.global_step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.mean.values()), list(self.weights.values()), 1 - decay)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Into the checkpoint, once every process has written its part of it."""
        processes().wait_for_everyone()
        if state.is_world_process_zero:
            write_bytes(self._path(args, state), save(self.mean))

    def _path(self, args: Any, state: Any) -> Path:
        return Path(args.output_dir) / f"checkpoint-{state.global_step}" / _AVERAGE

    @contextmanager
    def applied(self) -> Iterator[None]:
        """The network with its averaged weights."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    def _swap(self) -> None:
        for name, weight in self.weights.items():
            weight.data, self.mean[name] = self.mean[name], weight.data


class Order(Sampler[int]):
    """The order of an epoch: global batches of like length, by seed and epoch alone.

    So every process and every resumed run draws the same. The last batch is filled up with items
    from the start, so that the batches are full however many processes share them.
    """

    def __init__(self, lengths: Sequence[int], size: int, seed: int, epoch: Callable[[], int]):
        self.lengths, self.size, self.seed, self.epoch = lengths, size, seed, epoch

    def __len__(self) -> int:
        return -(-len(self.lengths) // self.size) * self.size

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed((self.seed << 16) + self.epoch())
        found = get_length_grouped_indices(  # type: ignore[no-untyped-call]
            self.lengths, self.size, generator=generator
        )
        return islice(cycle(found), len(self))


class Objective(nn.Module):
    """The loss as a forward pass, since only then are gradients averaged over processes."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network: Any = network

    def forward(self, batch: Features, totals: Tensor) -> Tensor:
        """The share that a batch has in the mean over `totals`, the counts of all batches."""
        loss: Tensor = (self.network.sums(batch) / totals).sum()
        return loss


class MarsadTrainer(Trainer):
    """`Trainer` for networks that compute their own loss, with layer-wise learning rates.

    `lengths` are those of the items, by which they are batched. `evaluator` scores the network,
    its weights averaged, on the dev reports and returns figures that are logged; `keep` is called
    where `metric_for_best_model` is the best so far. Both run in the main process alone.
    """

    def __init__(
        self,
        network: nn.Module,
        training: Training,
        lengths: Sequence[int],
        evaluator: Callable[[], dict[str, float]] | None = None,
        keep: Callable[[], None] | None = None,
        **keywords: Any,
    ):
        super().__init__(model=network, **keywords)
        self.model_accepts_loss_kwargs = True  # the loss is a mean over all batches of a step
        self.network, self.training, self.lengths = network, training, lengths
        self.evaluator, self.keep = evaluator, keep
        self.average = Average(network, training.average)
        self.add_callback(self.average)
        self.subwords = 0  # that this process has read
        torch.manual_seed(self.args.seed + self.args.process_index)  # no two drop out alike

    def go_on(self, run: Path) -> Any:
        """Train, on from the last whole checkpoint of a killed run, and not past its end."""
        checkpoint = last_checkpoint(run)
        if checkpoint is None:
            return self.train()
        state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
        control: Any = state.stateful_callbacks["TrainerControl"]
        if control["args"]["should_training_stop"]:
            self.args.num_train_epochs = state.epoch
        return self.train(resume_from_checkpoint=str(checkpoint))

    def _get_train_sampler(self, *_: Any) -> Order:
        size = self.get_total_train_batch_size(self.args)
        seed = self.training.seed
        return Order(self.lengths, size, seed, lambda: int(self.state.epoch or 0))

    def _wrap_model(self, model: nn.Module, *_: Any, **__: Any) -> nn.Module:
        if model is not self.network:
            return model
        wrapped: nn.Module = self.accelerator.prepare_model(Objective(self.network))
        return wrapped

    def get_batch_samples(
        self, epoch_iterator: Iterator[Features], num_batches: int, device: Any
    ) -> tuple[list[Features], Any]:
        """The batches of an optimiser step, and what its loss is a mean over, in all processes."""
        batches = list(islice(epoch_iterator, num_batches))
        self.subwords += sum(batch["attention_mask"].numel() for batch in batches)
        network: Any = self.network
        totals = sum(network.totals(batch) for batch in batches)
        totals = self.accelerator.reduce(totals, "sum")
        return batches, totals.where(totals > 0, 1.0)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Features,
        return_outputs: bool = False,
        num_items_in_batch: Any = None,
    ) -> Any:
        """A batch's share of the loss; times the processes, since gradients are averaged."""
        loss = model(inputs, num_items_in_batch) * self.args.world_size
        return (loss, {}) if return_outputs else loss

    def create_optimizer(self, model: nn.Module | None = None) -> torch.optim.Optimizer:
        """AdamW; the deeper a layer, the smaller its rate."""
        if self.optimizer is None:
            groups = parameter_groups(self.network, self.training)
            self.optimizer = torch.optim.AdamW(groups, lr=self.training.learning_rate, fused=True)
        return self.optimizer

    def evaluate(self, *_: Any, metric_key_prefix: str = "eval", **__: Any) -> dict[str, float]:
        """Score the dev reports with the decoder that serves."""
        if self.evaluator is None:
            return {}
        metrics: dict[str, float] = {}
        if self.is_world_process_zero():
            metrics = self._score(self.evaluator, metric_key_prefix)
        (metrics,) = broadcast_object_list([metrics])
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
        return metrics

    def _score(self, evaluator: Callable[[], dict[str, float]], prefix: str) -> dict[str, float]:
        self.network.eval()
        with self.average.applied():
            metrics = {f"{prefix}_{name}": value for name, value in evaluator().items()}
            found, best = metrics[str(self.args.metric_for_best_model)], self.state.best_metric
            if self.keep and (best is None or found > best):
                self.keep()
        self.network.train()
        return metrics


def parameter_groups(network: nn.Module, training: Training) -> list[dict[str, Any]]:
    """Optimiser groups: heads at `head_factor`, encoder layers decayed from the top down."""
    encoder: Any = network.words.encoder  # type: ignore[union-attr]
    depth = encoder.config.num_hidden_layers
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for name, parameter in network.named_parameters():
        if not parameter.requires_grad:
            continue
        rate = training.learning_rate
        if not name.startswith("words.encoder."):
            rate *= training.head_factor
            if name.split(".")[0].endswith("_bias"):
                rate *= training.table_factor
        elif layer := re.search(r"\.layer\.(\d+)\.", name):
            rate *= training.layer_decay ** (depth - 1 - int(layer.group(1)))
        else:
            rate *= training.layer_decay**depth
        decay = training.weight_decay if parameter.dim() > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return [{"params": p, "lr": r, "weight_decay": d} for (r, d), p in groups.items()]


def steps(items: int, at_once: int, config: Training) -> int:
    """The optimiser steps of a run over so many items, `at_once` of them a step."""
    return -(-items // at_once) * config.epochs


def arguments(
    run: Path, config: Training, items: int, batch: int, **keywords: Any
) -> TrainingArguments:
    """Arguments of a run over so many items, of which each process reads `batch` at once."""
    total = steps(items, batch * config.accumulate * processes().num_processes, config)
    made = TrainingArguments(
        output_dir=str(run / "checkpoints"),
        num_train_epochs=config.epochs,
        per_device_train_batch_size=batch,
        gradient_accumulation_steps=config.accumulate,
        learning_rate=config.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=int(config.warmup * total),
        bf16=config.bf16,
        seed=config.seed,
        data_seed=config.seed,
        max_grad_norm=config.clip,
        logging_steps=max(1, min(25, total // 20)),
        save_total_limit=2,
        restore_callback_states_from_checkpoint=True,
        report_to=[],
        remove_unused_columns=False,
        use_cpu=not torch.cuda.is_available(),
        tf32=True if torch.cuda.is_available() else None,
        **keywords,
    )
    made._n_gpu = min(made.n_gpu, 1)  # several GPUs want a process each, not `nn.DataParallel`
    return made


def last_checkpoint(run: Path) -> Path | None:
    """Where a killed run goes on; None for a fresh one. What is half written does not count."""
    whole = (path.parent for path in (run / "checkpoints").glob(f"checkpoint-*/{_AVERAGE}"))
    return max(whole, key=lambda path: int(path.name.split("-")[1]), default=None)


def begin(run: Path, **facts: Any) -> bool:
    """Write down what a run learns from; returns whether it is still to be trained.

    Raises MarsadError where the folder holds a run of other settings or data, since going on with
    that would be neither, or a network that is no run and would be written over.
    """
    path = run / "manifest.json"
    known = path.exists() or last_checkpoint(run) is not None
    if not known and (run / "config.json").exists():
        raise at(run, None, "holds a network that is no run; name another folder with --run.")
    old = read_json(path) if path.exists() else {}
    if "steps" not in old and last_checkpoint(run) is None:
        old = {}  # nothing was learnt: the base could not be had, say
    was, now = (_flat(each) for each in (old, json.loads(json.dumps(facts))))
    for name in now:
        if name in was and was[name] != now[name]:
            raise at(
                run, None,
                f"holds a run whose {name} is {was[name]!r}, now it is {now[name]!r}; "
                "name another folder with --run, or delete this one.",
            )  # fmt: skip
    if "steps" in old:
        return False
    if processes().is_main_process:
        write_manifest(run, **facts)
    return True


def _flat(facts: dict[str, Any]) -> dict[str, Any]:
    return {**facts, **facts.get("config", {}), "config": None}


def write_manifest(run: Path, **facts: Any) -> None:
    """`manifest.json`: configuration, data hashes, package versions, seed, machine."""
    packages = ("torch", "transformers", "tokenizers", "accelerate", "numpy")
    facts["versions"] = {name: version(name) for name in packages}
    facts["python"], facts["machine"] = platform.python_version(), platform.machine()
    facts["threads"] = torch.get_num_threads()
    facts["device"] = torch.cuda.get_device_name() if torch.cuda.is_available() else CPU
    write_text(run / "manifest.json", json.dumps(facts, indent=2, ensure_ascii=False) + "\n")


def plain_progress(trainer: Trainer) -> None:
    """Leave the progress bar, drop the second printer of the same numbers and a moot warning."""
    trainer.remove_callback(PrinterCallback)
    # early stopping warns that the best checkpoint is not reloaded: `keep` has written it
    logging.getLogger("transformers.trainer_callback").setLevel(logging.ERROR)
