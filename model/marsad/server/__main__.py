"""`python -m marsad.server`: the same as `marsad serve`."""

import typer

from marsad.server.command import serve

if __name__ == "__main__":
    typer.run(serve)
