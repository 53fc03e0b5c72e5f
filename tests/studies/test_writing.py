from hypothesis import given
from hypothesis import strategies as st

from studies.reading import apply_overrides, parse_override, read_yaml
from studies.writing import to_scalar, to_yaml

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20) | st.from_regex(
    r"[-+]?[0-9._]{1,4}([eE][-+]?[0-9]+)?|0[ox][0-9a-f]{1,3}|(no|On|true|TRUE|null|~|\.inf|\.NaN)", fullmatch=True
)
SCALARS = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(SCALARS, lambda below: st.lists(below, max_size=3) | st.dictionaries(TEXTS, below, max_size=3))


@given(st.dictionaries(TEXTS, VALUES, min_size=1, max_size=4))
def test_what_is_written_is_read_again(tmp_path_factory, document):
    path = tmp_path_factory.getbasetemp() / "written.yaml"
    path.write_text(to_yaml(document), encoding="utf-8")
    assert repr(read_yaml(path)) == repr(document)


@given(SCALARS)
def test_a_scalar_is_one_line_and_an_override_of_it_gives_it(value):
    text = to_scalar(value)
    assert len(text.splitlines()) == 1
    path, read = parse_override(f"a.b={text}")
    assert (path, repr(read)) == (("a", "b"), repr(value))


@given(st.dictionaries(st.from_regex(r"[a-z]{1,3}", fullmatch=True), SCALARS, max_size=4), SCALARS)
def test_an_override_changes_its_own_value_only(values, value):
    document = {"section": values, "other": 1}
    changed = apply_overrides(document, [f"section.key={to_scalar(value)}"])
    assert repr(changed) == repr({"section": {**values, "key": value}, "other": 1})
