"""What happens to a proposal before a trial exists: build, cost, constraints, duplicates, latency."""

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property

import nas
from evaluators.latency import Latency
from evaluators.prediction import Prediction
from nas.architecture import Architecture
from nas.cost import Cost
from nas.grammar import Option
from nas.graph import Graph
from nas.sampling import Sampler
from nas.space import SearchSpace
from search_spaces.segmenter import FAMILY
from studies.config import StudyConfig
from studies.constraints import Constraint

__all__ = ["Candidate", "Screen", "Verdict"]

Measure = Callable[[Graph], Latency]
Predict = Callable[[Graph], Prediction | None]


@dataclass(frozen=True)
class Candidate:
    """A proposed architecture with everything that is known of it before training."""

    architecture: Architecture
    decisions: Mapping[str, Option]
    origin: str
    deploy_size: int
    precision: str
    image_channels: int = 3
    outputs: int = 1

    @cached_property
    def graph(self) -> Graph:
        """The network as it is trained."""
        return nas.build(self.architecture, (self.image_channels, self.deploy_size, self.deploy_size), self.outputs)

    @cached_property
    def deployed(self) -> Graph:
        """The network as it is deployed."""
        return nas.deploy(self.graph)

    @cached_property
    def key(self) -> str:
        """Identity of the architecture."""
        return self.graph.key()

    @cached_property
    def cost(self) -> Cost:
        """Costs of the deployed network."""
        return nas.cost(self.deployed, schedule="fused", precision=self.precision)


@dataclass(frozen=True)
class Verdict:
    """What screening found. `reason` is empty where a trial may be made of it; `measured`: its latency was measured,
    or predicted to be too high."""

    candidate: Candidate
    reason: str = ""
    duplicate: bool = False
    measured: bool = False
    costs: Mapping[str, float] = field(default_factory=dict)

    @property
    def admitted(self) -> bool:
        """Whether a trial may be made of it."""
        return not self.reason


class Screen:
    """Judges proposals for one study. `counts` says what became of them; the study's log stores it."""

    def __init__(self, space: SearchSpace, config: StudyConfig, measure: Measure, predict: Predict | None = None):
        assert config.deploy.size is not None
        self.space = space
        self.counts: Counter[str] = Counter()
        self.refused: set[str] = set()  # keys that exceed a limit, which never changes within a study
        self._size = config.deploy.size
        self._precision = config.deploy.precision
        self._image_channels = config.data.input_channels
        self._outputs = 1 if len(config.data.classes) == 2 else len(config.data.classes)  # sigmoid, or softmax
        self._limits = config.limits()
        self._seed = config.seed
        self._measure = measure if "latency_ms" in (*config.objectives, *config.constraints) else None
        self._predict = predict
        self._limit_ms = {limit.metric: limit.limit for limit in self._limits}.get("latency_ms", math.inf)

    @cached_property
    def sampler(self) -> Sampler:
        """Draws members that keep the limits on exact costs, all families alike. Latency is left to `judge`."""
        return Sampler(self.space, self.exact_limits, self._exact_costs, FAMILY, self._seed)

    @property
    def exact_limits(self) -> dict[str, float]:
        """The most that each exact cost may be, where it is limited."""
        return {limit.metric: limit.limit for limit in self._limits if limit.metric in Cost.__dataclass_fields__}

    def exact_costs(self, candidate: Candidate) -> dict[str, float]:
        """Return the costs that are known without measuring."""
        return asdict(candidate.cost)

    def candidate(self, architecture: Architecture, origin: str) -> Candidate:
        """Return the candidate of a member of the space."""
        return self._candidate(architecture, self.space.decisions(architecture), origin)

    def _candidate(self, architecture: Architecture, decisions: Mapping[str, Option], origin: str) -> Candidate:
        return Candidate(
            architecture, decisions, origin, self._size, self._precision, self._image_channels, self._outputs
        )

    def _exact_costs(self, architecture: Architecture) -> dict[str, float]:
        return asdict(self._candidate(architecture, {}, "draw").cost)

    def judge(self, candidate: Candidate, known: set[str]) -> Verdict:
        """Return the verdict on a candidate, given the keys of all trials there are. Cheap checks come first."""
        self.counts["proposed"] += 1
        if candidate.key in known:
            self.counts["duplicate"] += 1
            return Verdict(candidate, "duplicate", duplicate=True)
        costs: dict[str, float] = asdict(candidate.cost)
        reason = _exceeded(self._limits, costs)
        measured = not reason and self._measure is not None
        if not reason and self._measure is not None:
            reason = self._too_slow(candidate, costs)
            if not reason:
                costs |= _columns(self._measure(candidate.deployed))
                reason = _exceeded(self._limits, costs)
        self.counts["infeasible" if reason else "admitted"] += 1
        if reason:
            self.refused.add(candidate.key)
        return Verdict(candidate, reason, measured=measured, costs=costs)

    def _too_slow(self, candidate: Candidate, costs: dict[str, float]) -> str:
        """Add the predicted latency to `costs`; return why it need not be measured, empty if it must be."""
        predicted = self._predict(candidate.deployed) if self._predict else None
        if predicted is None:
            return ""
        costs["latency_predicted_ms"] = predicted.ms
        if not predicted.clearly_above(self._limit_ms):
            return ""
        self.counts["too slow by prediction"] += 1
        return f"latency_ms predicted as {predicted.ms:.4g}, clearly above {self._limit_ms:.4g}"

    def cost_of(self, architecture: Architecture) -> dict[str, float]:
        """Return all costs of a member, measured ones included, without judging it."""
        candidate = self.candidate(architecture, "reference")
        costs: dict[str, float] = asdict(candidate.cost)
        if self._measure is not None:
            costs["latency_ms"] = self._measure(candidate.deployed).median_ms
        return costs

    def feasible(self, candidate: Candidate) -> bool:
        """Return whether the exact costs keep the limits, without measuring or counting anything."""
        return not _exceeded(self._limits, asdict(candidate.cost))


def _columns(latency: Latency) -> dict[str, float]:
    """Return what is stored of a measurement, units in the names; the ratio is to the reference network."""
    found = {
        "latency_ms": latency.median_ms,
        "latency_iqr_ms": latency.iqr_ms,
        "latency_p90_ms": latency.p90_ms,
        "latency_ratio": latency.ratio,
    }
    return {name: value for name, value in found.items() if value is not None}


def _exceeded(limits: tuple[Constraint, ...], costs: Mapping[str, float]) -> str:
    """Return which limit a known cost exceeds, empty if none."""
    for limit in limits:
        if limit.metric in costs and costs[limit.metric] > limit.limit:
            return f"{limit.metric} {costs[limit.metric]:.4g} > {limit.limit:.4g}"
    return ""
