"""What a run will need, told before it starts: memory, steps and, once a few are timed, hours."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import torch
from accelerate.utils import send_to_device  # type: ignore[import-untyped]
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from transformers import TrainerCallback

from marsad_training.encode import Features

_SKIPPED, _TIMED = 2, 8  # steps: the first ones warm up
_FP32 = 4  # bytes; weights, gradients and moments stay in it where `bf16` is on


@dataclass(frozen=True)
class Memory:
    """Bytes that one process holds for a network at the end of a forward pass.

    Not counted: torch itself, the reports, and what the allocator keeps beside.
    """

    weights: int
    gradients: int
    optimiser: int  # two moments of Adam
    average: int
    activations: int  # what the backward pass of the longest batch needs

    @property
    def total(self) -> int:
        """All of it."""
        return sum(asdict(self).values())


def memory(
    network: nn.Module,
    longest: Callable[[int], Features],
    windows: int,
    bf16: bool,
    processes: int = 1,
) -> Memory:
    """The memory that each process needs to train on batches of so many windows.

    `longest` makes a batch of n windows as long as the longest. Activations are not guessed but
    counted, in forward passes of one and of two windows: beyond that they grow by the window.
    """
    every = sum(p.numel() for p in network.parameters())
    trained = sum(p.numel() for p in network.parameters() if p.requires_grad)
    one, two = (_saved(network, longest(n), bf16) for n in (1, 2))
    return Memory(
        weights=_FP32 * every,
        # `DistributedDataParallel` keeps a second copy, in the buckets that it sends
        gradients=_FP32 * trained * min(processes, 2), optimiser=2 * _FP32 * trained,
        average=_FP32 * trained, activations=one + (windows - 1) * (two - one),
    )  # fmt: skip


def _saved(network: Any, batch: Features, bf16: bool) -> int:
    """Bytes that a forward pass keeps for the backward pass, the weights apart."""
    held: dict[int, int] = {}

    def note(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        held[storage.data_ptr()] = storage.nbytes()
        return tensor

    device = next(network.parameters()).device
    network.train()
    with (
        torch.random.fork_rng([device] if device.type == "cuda" else []),
        torch.autocast(device.type, torch.bfloat16, enabled=bf16),
        saved_tensors_hooks(note, lambda tensor: tensor),
    ):
        loss = network.sums(send_to_device(batch, device))  # named: it keeps the tensors alive
    for parameter in network.parameters():
        held.pop(parameter.untyped_storage().data_ptr(), None)
    del loss
    return sum(held.values())


def told(needs: Memory, batch: int, longest: int) -> str:
    """A line for the terminal."""
    parts = ", ".join(f"{name} {_size(size)}" for name, size in asdict(needs).items())
    return (
        f"{needs.weights / _FP32 / 1e6:.1f} M parameters. Memory of a process: about "
        f"{_size(needs.total)} at {batch} windows of {longest} subwords ({parts})."
    )


def _size(count: int) -> str:
    return f"{count / 2**30:.1f} GB" if count >= 2**30 else f"{count / 2**20:.0f} MB"


class Clock(TrainerCallback):
    """Tells the time that is left, once a few steps are timed.

    By subwords, not by steps, since an epoch begins with its longest batches. `read` returns how
    many this process has read; an epoch has `subwords` of them.
    """

    def __init__(self, read: Callable[[], int], subwords: float, say: Callable[[str], None]):
        self.read, self.subwords, self.say = read, subwords, say
        self.steps = 0
        self.start = (0.0, 0)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Time some steps after the first."""
        self.steps += 1
        if self.steps == _SKIPPED:
            self.start = (time.monotonic(), self.read())
        elif self.steps == _SKIPPED + _TIMED and state.is_world_process_zero:
            seconds, read = time.monotonic() - self.start[0], self.read() - self.start[1]
            left = (args.num_train_epochs - state.epoch) * self.subwords
            self.say(
                f"{seconds / _TIMED:.2f} s a step, {read / seconds:,.0f} subwords/s: about "
                f"{left * seconds / read / 3600:.2f} h to go, the scoring of dev apart."
            )
