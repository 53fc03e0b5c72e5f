"""Every published network says in a line what it is."""

from search_spaces import published
from search_spaces.about import about_published, customary_input


def test_every_published_network_has_its_line_and_no_two_the_same() -> None:
    assert list(about_published) == list(published)
    assert len({about for about in about_published.values()}) == len(published)
    for about in about_published.values():
        assert 0 < len(about.what) < 60
        assert 0 < len(about.source) < 60


def test_classifiers_are_counted_on_imagenet() -> None:
    for key, architecture in published.items():
        classifier = key.endswith("_cls") or (key.startswith("hardnet") and key != "hardnet_mseg")
        assert customary_input(architecture) == ((224, 1000) if classifier else (352, 1))
