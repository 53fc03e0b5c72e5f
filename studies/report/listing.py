"""All trials as a CSV file, in a link that works without a server."""

import base64
import csv
import gzip
import io
from typing import NamedTuple

from evaluators.metrics import METRICS
from studies.report.rows import Study

__all__ = ["Download", "csv_of", "download_of"]

MOST_PLAIN = 1_000_000  # characters; a longer file is compressed


class Download(NamedTuple):
    """A file inside of a page: its name and its data URI."""

    name: str
    uri: str


def csv_of(study: Study) -> str:
    """Return one line per trial: facts, Dice, costs, decisions. Texts that a spreadsheet would run begin with '."""
    names = list(dict.fromkeys([*METRICS, *(name for row in study.rows for name in row.values)]))
    paths = list(dict.fromkeys(path for row in study.rows for path in row.decisions))
    front, text = set(study.front), io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    heads = ["number", "outcome", "reason", "origin", "on_front", "epochs", "seconds"]
    writer.writerow([*heads, *names, *(_inert(f"decision.{path}") for path in paths)])
    for row in study.rows:
        facts = [row.number, row.outcome, row.reason, row.origin, row.number in front, len(row.curve), row.seconds]
        decisions = {path: _inert(option) for path, option in row.decisions.items()}
        writer.writerow([*map(_inert, facts), *map(row.values.get, names), *map(decisions.get, paths)])
    return text.getvalue()


def download_of(study: Study) -> Download:
    """Return the CSV file as it stands in the page, compressed if it is long."""
    text = csv_of(study).encode()
    if len(text) <= MOST_PLAIN:
        return Download("trials.csv", "data:text/csv;charset=utf-8;base64," + base64.b64encode(text).decode())
    packed = base64.b64encode(gzip.compress(text, mtime=0)).decode()
    return Download("trials.csv.gz", "data:application/gzip;base64," + packed)


def _inert(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(tuple("=+-@\t\r")) else value
