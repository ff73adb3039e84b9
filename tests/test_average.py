"""The mean of the weights of several networks: a run folder like any other."""

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the train extra")

from marsad.errors import MarsadError  # noqa: E402
from marsad_training.average import average  # noqa: E402
from marsad_training.runs import open_run, stages  # noqa: E402
from marsad_training.start import open_start  # noqa: E402


def test_the_mean_is_written_scored_and_opens(
    tiny_run: Path, tiny_artifact: Path, tmp_path: Path
) -> None:
    scores = average([tiny_run, tiny_artifact], tmp_path / "mean", [3, 1])
    assert {"mentions", "triggers", "arguments", "mean"} <= set(scores)
    parts = [open_start(folder).network.state_dict() for folder in (tiny_run, tiny_artifact)]
    for name, value in open_run(tmp_path / "mean").network.state_dict().items():
        if value.is_floating_point() and "pooler" not in name:  # which no artifact keeps
            wanted = 0.75 * parts[0][name] + 0.25 * parts[1][name]
            assert torch.allclose(value, wanted, atol=1e-6), name
    manifest = json.loads((tmp_path / "mean" / "manifest.json").read_text("utf-8"))
    assert manifest["mean_of"] == {str(tiny_run): 0.75, str(tiny_artifact): 0.25}
    assert manifest["history"] == [scores]
    assert list(stages(tmp_path / "mean")) == list(stages(tiny_run))  # those of the artifact, too


@pytest.mark.parametrize(
    "shares", [[1.0], [1.0, -1.0], [0.0, 1.0], [float("nan"), 1.0], [float("inf"), 1.0]]
)
def test_shares_that_make_no_mean_are_refused(
    tiny_run: Path, tmp_path: Path, shares: list[float]
) -> None:
    with pytest.raises(MarsadError, match="a share above 0 for each"):
        average([tiny_run, tiny_run], tmp_path / "mean", shares)


def test_another_network_is_refused(tiny_run: Path, tmp_path: Path) -> None:
    shipped = Path(__file__).parents[1] / "model/marsad/artifact"
    with pytest.raises(MarsadError, match="artifact: holds a network of other labels"):
        average([tiny_run, shipped], tmp_path / "mean")


def test_a_folder_that_holds_something_is_left_alone(tiny_run: Path) -> None:
    with pytest.raises(MarsadError, match="holds other files"):
        average([tiny_run, tiny_run], tiny_run)
