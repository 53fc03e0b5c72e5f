"""Changes of members are members; a crossing takes a whole part."""

from random import Random

import nas
from search_spaces import published, spaces
from studies.samplers.breeding import crossed, mutant, point_of

MEDSEG = spaces["medseg"]


def test_changes_are_legal_members_that_differ_a_little() -> None:
    rng = Random(0)
    parent = point_of(MEDSEG, MEDSEG.decisions(published["amsunet"]))
    assert parent.architecture == published["amsunet"]
    depths = []
    for _ in range(60):
        child = mutant(MEDSEG, parent, rng)
        assert MEDSEG.replay(dict(child.decisions)) == child.architecture
        assert nas.build(child.architecture, (3, 64, 64)).outputs[0].shape[0] == 1
        changed = [path for path, option in parent.decisions.items() if child.decisions.get(path) != option]
        assert changed
        depths.append(min(path.count(".") for path in changed))
    assert min(depths) == 0 and max(depths) >= 4  # whole encoders, and flags of single blocks


def test_a_crossing_is_one_parent_with_a_part_of_the_other() -> None:
    rng = Random(1)
    one, other = (point_of(MEDSEG, MEDSEG.decisions(published[name])) for name in ("amsunet", "attunet_bn64"))
    taken = set()
    for _ in range(40):
        child = crossed(MEDSEG, one, [other], rng)
        assert MEDSEG.replay(dict(child.decisions)) == child.architecture
        strange = [path for path, option in child.decisions.items() if one.decisions.get(path) != option]
        assert strange and all(
            other.decisions[path] == child.decisions[path] for path in strange if path in other.decisions
        )
        taken.add(min(strange, key=len))
    assert len(taken) > 5


def test_parents_that_are_alike_still_have_children() -> None:
    parent = point_of(spaces["compact"], spaces["compact"].decisions(spaces["compact"].sample(Random(0))))
    child = crossed(spaces["compact"], parent, [parent], Random(2))
    assert child.decisions != parent.decisions
