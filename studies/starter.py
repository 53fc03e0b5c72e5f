"""The study file that `nas init DATA_DIR` writes: every setting, with its default and a comment."""

from collections.abc import Iterator

from studies.config import StudyConfig
from studies.data_section import FolderData
from studies.reading import Value
from studies.sections import Deploy, Section, Split, Train
from studies.writing import to_scalar

__all__ = ["starter_yaml"]

LARGEST_DEPLOY_SIZE = 352
STEP = 32  # of training sizes; every published network takes such a side


def starter_yaml(
    name: str,
    data: FolderData,
    image_count: int,
    median_size: int,
    foreground_median: float,
    space: str = "unet",
) -> str:
    """Return a commented study for a folder of images, which `load_config` accepts as it is.

    Args:
        name: Of the study, any text.
        data: Where the images lie and what they mean.
        image_count: How many images it has.
        median_size: The median of the images' sides, in pixels.
        foreground_median: The median share of an image that is foreground, 0..1.
        space: The search space.
    """
    config = StudyConfig(
        name=name,
        space=space,
        data=data,
        train=_training(image_count, median_size),
        deploy=Deploy(size=max(STEP, min(LARGEST_DEPLOY_SIZE, median_size))),
    )
    header = [
        "# A study for `nas search`. Each setting can also be given there: nas search STUDY.yaml train.epochs=20",
        f"# The data: {image_count} images, median side {median_size} pixels, "
        f"median foreground {foreground_median:.1%} of an image.",
    ]
    return "\n".join([*header, *_lines(config), ""])


def _training(image_count: int, median_size: int) -> Train:
    """Train at the images' size or the default, whichever is less, and in batches that a small set can fill."""
    default, split = Train(), Split()
    size = max(STEP, min(default.size, median_size) // STEP * STEP)
    images = int(image_count * (1 - split.validation - split.test))
    return Train(size=size, batch=max(1, min(default.batch, images)))


def _lines(section: Section, indent: str = "") -> Iterator[str]:
    values = section.model_dump(mode="json")
    for key, entry in type(section).model_fields.items():
        below, comment = getattr(section, key), f"  # {entry.description}"
        if isinstance(below, Section):
            yield from ([] if indent else [""])
            yield f"{indent}{key}:{comment}"
            yield from _lines(below, indent + "  ")
        elif below == {} and entry.examples:
            yield f"{indent}{key}:{comment}; for example:"
            yield from (
                f"{indent}  # {name}: {to_scalar(value)}" for name, value in (entry.examples or [{}])[0].items()
            )
        else:
            yield f"{indent}{key}: {_flow(values[key])}{comment}"


def _flow(value: Value) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{to_scalar(key)}: {_flow(below)}" for key, below in value.items()) + "}"
    return to_scalar(value)
