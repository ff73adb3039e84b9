"""How the artifact is made: corpus, encoder, network, fit, tune, export, card."""

from importlib.util import find_spec

from marsad.errors import MarsadError

_NEEDED = (
    "torch", "transformers", "datasets", "accelerate", "evaluate", "seqeval", "onnx", "jinja2"
)  # fmt: skip


def require_extra() -> None:
    """Raise MarsadError that names what is missing where the `train` extra is not installed."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise MarsadError(
            f"training needs {', '.join(missing)}; install it with: pip install 'marsad[train]'"
        )
