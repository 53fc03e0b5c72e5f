"""`docs/spaces.md`: size, smallest side and published members of each space, as the grammars say."""

import re
from pathlib import Path

from nas.errors import SpaceError
from nas.space import SearchSpace
from search_spaces import published, spaces

TEXT = (Path(__file__).parents[2] / "docs" / "spaces.md").read_text(encoding="utf-8")


def row_of(space: SearchSpace) -> tuple[str, ...]:
    size = space.size()
    members = [key for key in published if is_member(space, key)]
    counted = f"{size:,}" if size < 10**9 else f"{size:.3g}"
    return (f"`{space.name}`", counted, str(space.min_side), ", ".join(f"`{key}`" for key in members) or "none")


def is_member(space: SearchSpace, key: str) -> bool:
    try:
        space.decisions(published[key])
    except SpaceError:
        return False
    return True


def test_every_space_has_its_row() -> None:
    table = TEXT[TEXT.index("| space |") :].split("\n\n")[0]
    rows = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table.splitlines()]
    assert rows[2:] == [row_of(space) for space in spaces.values()]


def test_what_it_refers_to_exists() -> None:
    for path in re.findall(r"[\w/-]+\.(?:py|json|svg)\b", TEXT):
        places = [Path(__file__).parents[2] / folder / path for folder in (".", "docs")]
        assert path == "facts.json" or any(place.exists() for place in places), path
