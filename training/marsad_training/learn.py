"""What every training run shares: batches into `transformers.Trainer`, learning rates, manifest."""

import json
import logging
import platform
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer
from torch import nn
from transformers import (
    AutoTokenizer,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.trainer_utils import get_last_checkpoint

from marsad.errors import MarsadError
from marsad.windows import Reader
from marsad_training.config import Training
from marsad_training.encode import Features
from marsad_training.encoder import build_encoder
from marsad_training.network import WordEncoder, load_base

CPU = "cpu"  # the device of a manifest that names no other


def base_folder(name: str, runs: Path) -> str:
    """The folder or hub name of a base; "default" is built on first use under `runs`."""
    if name != "default":
        return name
    folder = runs / "encoder"
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
            f"hub gives out here ({str(error).splitlines()[0]})"
        ) from error
    ids = (auto.cls_token_id, auto.sep_token_id, auto.pad_token_id, auto.unk_token_id)
    return Reader(backend, *ids, limit)


def word_encoder(base: str, reader: Reader, config: Training) -> WordEncoder:
    """The encoder of a base under a word reader; its embeddings frozen if so configured."""
    encoder: Any = load_base(base)
    positions = encoder.config.max_position_embeddings
    if reader.limit + 2 > positions:
        raise MarsadError(
            f"limit = {reader.limit} subwords and two special tokens exceed the {positions} "
            f"positions of {base}."
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
        path = Path(args.output_dir) / f"checkpoint-{state.global_step}" / "average.safetensors"
        if path.exists():
            for name, mean in load_file(path).items():
                self.mean[name].copy_(mean)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Move the average; the first steps count fully, since they leave a random head."""
        decay = min(self.decay, state.global_step / (10 + state.global_step))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.mean.values()), list(self.weights.values()), 1 - decay)

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Beside the checkpoint."""
        path = Path(args.output_dir) / f"checkpoint-{state.global_step}" / "average.safetensors"
        save_file(self.mean, path)

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


class MarsadTrainer(Trainer):
    """`Trainer` for networks that compute their own loss, with layer-wise learning rates.

    `evaluator` scores the network, its weights averaged, on the dev reports and returns figures
    that are logged; `keep` is called where `metric_for_best_model` is the best so far.
    """

    def __init__(
        self,
        network: nn.Module,
        training: Training,
        evaluator: Callable[[], dict[str, float]] | None = None,
        keep: Callable[[], None] | None = None,
        **keywords: Any,
    ):
        super().__init__(model=network, **keywords)
        self.network, self.training = network, training
        self.evaluator, self.keep = evaluator, keep
        self.average = Average(network, training.average)
        self.add_callback(self.average)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Features,
        return_outputs: bool = False,
        num_items_in_batch: torch.Tensor | int | None = None,
    ) -> Any:
        """The network's own loss."""
        network: Any = self.accelerator.unwrap_model(model)
        loss, parts = network.loss(inputs)
        return (loss, parts) if return_outputs else loss

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
        self.network.eval()
        with self.average.applied():
            scores = self.evaluator()
            metrics = {f"{metric_key_prefix}_{name}": value for name, value in scores.items()}
            found, best = metrics[str(self.args.metric_for_best_model)], self.state.best_metric
            if self.keep and (best is None or found > best):
                self.keep()
        self.network.train()
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(
            self.args, self.state, self.control, metrics
        )
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


def arguments(run: Path, config: Training, steps: int, **keywords: Any) -> TrainingArguments:
    """Arguments of a run of that many optimiser steps."""
    return TrainingArguments(
        output_dir=str(run / "checkpoints"),
        num_train_epochs=config.epochs,
        learning_rate=config.learning_rate,
        lr_scheduler_type="linear",
        warmup_steps=int(config.warmup * steps),
        bf16=config.bf16,
        seed=config.seed,
        data_seed=config.seed,
        max_grad_norm=config.clip,
        logging_steps=25,
        save_total_limit=2,
        report_to=[],
        remove_unused_columns=False,
        use_cpu=not torch.cuda.is_available(),
        tf32=True if torch.cuda.is_available() else None,
        **keywords,
    )


def last_checkpoint(run: Path) -> str | None:
    """Where a killed run goes on; None for a fresh one."""
    folder = run / "checkpoints"
    found: str | None = None
    if folder.is_dir():
        found = get_last_checkpoint(str(folder))  # type: ignore[no-untyped-call]
    return found


def write_manifest(run: Path, **facts: Any) -> None:
    """`manifest.json`: configuration, data hashes, package versions, seed, machine."""
    packages = ("torch", "transformers", "tokenizers", "accelerate", "numpy")
    facts["versions"] = {name: version(name) for name in packages}
    facts["python"], facts["machine"] = platform.python_version(), platform.machine()
    facts["threads"] = torch.get_num_threads()
    facts["device"] = torch.cuda.get_device_name() if torch.cuda.is_available() else CPU
    run.mkdir(parents=True, exist_ok=True)
    (run / "manifest.json").write_text(
        json.dumps(facts, indent=2, ensure_ascii=False) + "\n", "utf-8"
    )


def plain_progress(trainer: Trainer) -> None:
    """Leave the progress bar, drop the second printer of the same numbers and a moot warning."""
    trainer.remove_callback(PrinterCallback)
    # early stopping warns that the best checkpoint is not reloaded: `keep` has written it
    logging.getLogger("transformers.trainer_callback").setLevel(logging.ERROR)
