"""How the artifact is made: corpus, encoder, network, fit, evaluate, export."""

from importlib.util import find_spec

from marsad.errors import MarsadError

for _package in ("torch", "transformers", "datasets", "accelerate", "evaluate", "seqeval", "onnx"):
    if find_spec(_package) is None:
        raise MarsadError(
            f"marsad_training needs {_package}; install it with: pip install 'marsad[train]'"
        )
