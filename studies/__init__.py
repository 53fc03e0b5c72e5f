"""What is run: search studies, their records and the command line."""

from typing import Any

__all__ = ["load"]


def __getattr__(name: str) -> Any:
    if name == "load":  # needs pandas and optuna, which `nas --help` must not load
        from studies.records import load

        return load
    raise AttributeError(f"module 'studies' has no attribute '{name}'")
