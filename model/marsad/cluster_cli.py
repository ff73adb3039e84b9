"""The command for reports by the million."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from marsad.console import say, told_plainly
from marsad.errors import MarsadError

if TYPE_CHECKING:  # pyarrow takes a while to import, and is an extra
    from marsad.cluster import Job, Outcome

_QUIET = 60  # seconds between lines where nobody watches


def predict_corpus(
    source: Annotated[
        str,
        typer.Argument(
            metavar="INPUT",
            help="A folder or file of Parquet (.parquet) or JSON lines (.jsonl, .json) with text "
            "and, if known, id and date; a path or a URL that fsspec knows (s3://...).",
        ),
    ],
    target: Annotated[
        str, typer.Argument(metavar="OUTPUT", help="The folder to write, a path or a URL.")
    ],
    workers: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Ray workers, each on one core. Default: one for each core of the cluster; "
            "0, or no Ray: a plain loop.",
        ),
    ] = None,
    rows: Annotated[
        int, typer.Option(min=1, help="Reports in a partition: what a killed worker loses.")
    ] = 1000,
    text: Annotated[bool, typer.Option("--text", help="Write the text as a column, too.")] = False,
    model: Annotated[
        Path | None, typer.Option(help="An artifact folder; default: the shipped one.")
    ] = None,
) -> None:
    """Read millions of reports into Parquet, on one machine or a Ray cluster.

    Started again, it does what is missing. OUTPUT/reports has one row for each input row,
    OUTPUT/errors those that could not be read, with file and row. Exit code 2 where a partition
    could not be done.
    """
    with told_plainly():
        try:
            from marsad import cluster
        except ImportError as error:
            raise MarsadError(
                f"predict-corpus needs {error.name}: pip install 'marsad[cluster]'."
            ) from error
        job = cluster.plan(source, target, model, rows, text)
        earlier = len(job.parts) - len(job.todo)
        if workers != 0 and not cluster.has_ray():
            say("no Ray here, so one process reads all.")
        with redirect_stdout(sys.stderr):  # Ray prints there that a worker died
            outcomes = list(_watched(cluster.run(job, workers), job))
        if failed := [outcome.problem for outcome in outcomes if outcome.problem]:
            raise MarsadError(
                f"{len(failed)} partitions could not be done; start it again to try those. The "
                f"first: {failed[0]}"
            )
        total, bad = sum(part.count for part in job.parts), sum(o.bad for o in outcomes)
        print(f"{target}: {total} rows in {len(job.parts)} partitions, {earlier} done before")
        if bad:
            say(f"{bad} rows could not be read; see {target}/errors.")


def _watched(outcomes: "Iterator[Outcome]", job: "Job") -> "Iterator[Outcome]":
    """The outcomes as they come, with a bar on stderr, or a line a minute where none is seen."""
    console = Console(stderr=True)
    columns = (
        TextColumn("Reading"), BarColumn(), MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"), TimeRemainingColumn(),
    )  # fmt: skip
    total, read, start = sum(part.count for part in job.todo), 0, time.monotonic()
    told = start
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total, speed="")
        for outcome in outcomes:
            read, now = read + outcome.rows, time.monotonic()
            speed = f"{read / (now - start):.1f} reports/s"
            bar.update(task, completed=read, speed=speed)
            if not console.is_terminal and now - told > _QUIET:
                told = now
                console.print(f"{read} of {total}, {speed}", highlight=False)
            if outcome.problem:
                bar.console.print(outcome.problem, highlight=False, markup=False)
            yield outcome


COMMANDS: Mapping[str, Callable[..., None]] = {"predict-corpus": predict_corpus}
