"""`marsad-train dataset`: a corpus folder -> Parquet with a card, as `datasets` loads it.

    datasets.load_dataset("OUT")["train"]

The folder is laid out as the Hugging Face hub wants a data set.
"""

import io
import json
from pathlib import Path

from marsad.files import write_bytes, write_text
from marsad_training.card import rendered
from marsad_training.corpus import FEATURES, read_labels, to_dataset_dict


def write_dataset(folder: Path, target: Path) -> dict[str, int]:
    """Write the splits of a corpus to `target`; returns how many reports each has.

    One Parquet file a split, typed by `corpus.FEATURES`, with the label set and a card beside
    them. Raises MarsadError where the corpus has a slip or no splits.
    """
    splits = to_dataset_dict(folder)
    for name, part in splits.items():
        table = io.BytesIO()
        part.to_parquet(table)
        write_bytes(target / f"{name}.parquet", table.getvalue())
    labels = read_labels(folder)
    facts = json.dumps(labels.to_dict(), ensure_ascii=False, indent=1)
    write_text(target / "labels.json", facts + "\n")
    sizes = {name: len(part) for name, part in splits.items()}
    card = rendered("dataset_card.md.jinja", sizes=sizes, labels=labels, columns=list(FEATURES))
    write_text(target / "README.md", card)
    return sizes
