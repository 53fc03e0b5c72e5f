"""The address holds the whole state, and typed by hand it does no harm."""

from hypothesis import given
from hypothesis import strategies as st

from studies.dashboard.wish import MOST_BESIDE, VIEWS, Brushed, Wish

NAMES = st.text("abcdefghijkl_.0123456789 &=%+#é", max_size=12)
NUMBERS = st.integers(0, 10**9 - 1)
FLOATS = st.floats(-1e6, 1e6).map(lambda x: float(f"{x:.6g}"))
BRUSHES = st.builds(Brushed, NAMES.filter(bool), FLOATS, FLOATS)
WISHES = st.builds(
    Wish,
    view=st.sampled_from(sorted(VIEWS)),
    study=NUMBERS,
    x=NAMES,
    y=NAMES,
    z=NAMES,
    colour=NAMES,
    size=NAMES,
    log=st.none() | st.sampled_from(["x", "y", "xy", "-"]),
    stopped=st.none() | st.booleans(),
    budget=NAMES,
    limit=st.none() | FLOATS,
    trial=st.none() | NUMBERS,
    beside=st.lists(NUMBERS, max_size=MOST_BESIDE, unique=True).map(tuple),
    brush=st.lists(BRUSHES, max_size=3).map(tuple),
    sort=NAMES,
    page=NUMBERS,
)


@given(WISHES)
def test_an_address_gives_back_what_it_was_made_of(wish: Wish) -> None:
    assert Wish.of(wish.query()) == wish


@given(st.text(max_size=200))
def test_any_address_can_be_read(text: str) -> None:
    assert Wish.of(text).view in VIEWS


def test_what_is_not_understood_is_left_out() -> None:
    assert Wish.of("?view=nothing&trial=-3&study=x&limit=inf&stopped=yes&page=1e3&brush=a*1~*1*2~b*nan*2") == Wish()
    assert Wish.of("?beside=3.x.3.4.5.6").beside == (3, 4, 5)
    assert Wish.of("?brush=dice*0.5*0.7").brush == (Brushed("dice", 0.5, 0.7),)


def test_a_link_changes_only_what_it_is_for() -> None:
    wish = Wish(x="macs", trial=7)
    assert Wish.of(wish.link(view="trials")) == wish._replace(view="trials")
    assert Wish().link() == "?"
