"""How long trainings will take, before there are any."""

import time
from dataclasses import replace

import torch

import nas
from evaluators.data import Samples
from evaluators.device import pick_device
from evaluators.training import train
from studies.config import StudyConfig
from studies.material import Material
from studies.memory import MemoryPlan
from studies.rungs import rungs_of
from studies.screening import Candidate
from studies.trial import recipe_of

__all__ = ["full_trainings", "seconds_per_trial"]


def full_trainings(config: StudyConfig, training_images: int, trials: float) -> float:
    """Return how many trainings through all epochs so many trials amount to, given what rungs stop."""
    share, before, going = 0.0, 0, 1.0
    for epoch in rungs_of(config, training_images):
        share += going * (epoch - before) / config.train.epochs
        before, going = epoch, going / config.rungs.reduction
    return trials * share


def seconds_per_trial(candidate: Candidate, config: StudyConfig, material: Material) -> float:
    """Return how long all epochs take, from a few timed steps."""
    recipe = replace(recipe_of(config), epochs=1)
    few = _repeated(material.training, 4 * recipe.batch)
    device = pick_device(config.device)
    with torch.random.fork_rng([]):
        module = nas.to_module(candidate.graph)
    fitting = MemoryPlan(candidate.graph, config, material, device, factor=1.0).micro_batch()
    train(module, _repeated(few, recipe.batch), few.select(range(1)), recipe, device, micro_batch=fitting)
    began = time.perf_counter()
    train(module, few, few.select(range(1)), recipe, device, micro_batch=fitting)
    per_image = (time.perf_counter() - began) / len(few)
    # Scoring is a forward pass, about a third of a training step.
    return per_image * config.train.epochs * (len(material.training) + len(material.validation) / 3)


def _repeated(samples: Samples, count: int) -> Samples:
    indexes = [i % len(samples) for i in range(count)]
    return samples.select(sorted(set(indexes)))
