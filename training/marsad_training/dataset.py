"""`marsad-train dataset`: a corpus folder -> Parquet with a card, as `datasets` loads it.

    datasets.load_dataset("OUT")["train"]

It writes the reports of the corpus's splits alone. The stand-off annotation of real reports beside
them (`real/`) has no texts and is left out, so that no published text is ever written.
"""

import io
import json
from pathlib import Path

from marsad.files import check_free, write_bytes, write_text
from marsad_training.corpus import FEATURES, read_labels, to_dataset_dict
from marsad_training.templates import rendered

_NAMES = {"dev": "validation"}  # as `datasets` calls the splits


def write_dataset(folder: Path, target: Path) -> dict[str, int]:
    """Write the splits of a corpus to `target`; returns how many reports each has.

    One Parquet file a split, typed by `corpus.FEATURES` (which are written into it, so that a date
    stays the string that it is), with the label set and a card beside them. `Report.from_dict`
    reads a row back. Raises MarsadError where the corpus has a slip or no splits, or the target
    holds something else.
    """
    check_free(target, all((target / name).is_file() for name in ("train.parquet", "labels.json")))
    sizes: dict[str, int] = {}
    for split, part in to_dataset_dict(folder).items():
        name = _NAMES.get(split, split)
        table = io.BytesIO()
        part.to_parquet(table)
        write_bytes(target / f"{name}.parquet", table.getvalue())
        sizes[name] = len(part)
    labels = read_labels(folder)
    facts = json.dumps(labels.to_dict(), ensure_ascii=False, indent=1)
    write_text(target / "labels.json", facts + "\n")
    card = rendered("dataset_card.md.jinja", sizes=sizes, labels=labels, columns=list(FEATURES))
    write_text(target / "README.md", card)
    return sizes
