import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.constraints import Constraint, parse_constraint
from studies.errors import ConfigError


@pytest.mark.parametrize(
    ("metric", "text", "limit"),
    [
        ("latency_ms", "<= 50", 50),
        ("latency_ms", "<=2.5ms", 2.5),
        ("macs", "<= 2e9", 2e9),
        ("macs", "<= 1.5 G", 1.5e9),
        ("macs", " <= 20M ", 2e7),
        ("params", "<= .5 K", 500),
        ("traffic_bytes", "<= 20 MB", 2e7),
        ("traffic_bytes", "<= 20 MiB", 20 * 2**20),
        ("traffic_bytes", "<= 3 M", 3e6),
        ("peak_memory_bytes", "<= 1 GiB", 2**30),
        ("peak_memory_bytes", "<= 2 KB", 2000),
        ("peak_memory_bytes", "<= 2 KiB", 2048),
        ("peak_memory_bytes", "<= 100 B", 100),
    ],
)
def test_a_limit_has_the_unit_of_its_metric(metric, text, limit):
    assert parse_constraint(metric, text) == Constraint(metric, limit)


@pytest.mark.parametrize(
    ("metric", "text", "message"),
    [
        ("latency_ms", "< 50", "needs '<= NUMBER', such as '<= 50' or '<= 1.5 G'; came '< 50'"),
        ("latency_ms", ">= 50", "needs '<= NUMBER', such as '<= 50' or '<= 1.5 G'; came '>= 50'"),
        ("latency_ms", "50", "needs '<= NUMBER', such as '<= 50' or '<= 1.5 G'; came '50'"),
        ("latency_ms", "<= -5", "needs '<= NUMBER', such as '<= 50' or '<= 1.5 G'; came '<= -5'"),
        ("latency_ms", "<= inf", "needs '<= NUMBER', such as '<= 50' or '<= 1.5 G'; came '<= inf'"),
        ("latency_ms", "<= ٥", "needs '<= NUMBER', such as '<= 50' or '<= 1.5 G'; came '<= ٥'"),
        ("latency_ms", "<= 0", "needs a limit above 0 and below infinity; came '<= 0'"),
        ("macs", "<= 1e400", "needs a limit above 0 and below infinity; came '<= 1e400'"),
        ("latency_ms", "<= 5 s", "needs a number of latency_ms in one of the units ms or none; came '<= 5 s'"),
        ("macs", "<= 5 MB", "needs a number of macs in one of the units K, M, G or none; came '<= 5 MB'"),
        ("macs", "<= 5 m", "needs a number of macs in one of the units K, M, G or none; came '<= 5 m'"),
        (
            "traffic_bytes",
            "<= 5 ms",
            "needs a number of traffic_bytes in one of the units K, M, G, B, KB, MB, GB, KiB, MiB, GiB or none; "
            "came '<= 5 ms'",
        ),
        ("dice", "<= 0.9", "'dice' cannot be limited, it is what the search learns; limit a cost, or remove this"),
    ],
)
def test_what_is_no_limit_is_refused(metric, text, message):
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        parse_constraint(metric, text)


@given(st.floats(1e-290, 1e290), st.sampled_from(["", "K", "M", "G"]))
def test_a_suffix_is_a_factor(number, suffix):
    factor = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9}[suffix]
    assert parse_constraint("macs", f"<= {number!r} {suffix}").limit == number * factor
