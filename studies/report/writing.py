"""What `nas report` does."""

from pathlib import Path

from rich.console import Console
from rich.text import Text

from studies.config import folder_name
from studies.errors import ConfigError
from studies.folder import write_atomic
from studies.report.page import page_of
from studies.report.rows import read_study

__all__ = ["write_report"]


def write_report(directory: Path, out: Path | None, images: bool = False) -> None:
    """Write the page of a study and say where it is. Raises ConfigError if there is no study or no such place."""
    if out is not None and out.suffix not in (".html", ".htm"):
        raise ConfigError(f"--out: needs a file that ends in .html; came {out}")
    study = read_study(directory)
    path = out or Path(f"{folder_name(study.config.name)}.html")
    page = page_of(study, images)
    try:
        write_atomic(path, page)
    except OSError as fault:
        raise ConfigError(f"{path}: the report cannot be written: {fault.strerror}; give another --out") from None
    size = len(page.encode()) / 1e6
    said = f"{path}: {len(study.rows)} trials, {len(study.front)} on the front, {size:.1f} MB; open it in a browser"
    Console().print(Text(said), soft_wrap=True)
