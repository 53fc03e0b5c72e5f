"""Which names a graph may bring into a source file, and which names the file's classes get."""

import keyword
import re

from nas.errors import GraphError

__all__ = ["RESERVED", "camel", "check_name", "natural", "unique"]

_ATTRIBUTES = """
    T_destination add_module apply bfloat16 buffers call_super_init children compile cpu cuda double dump_patches eval
    extra_repr float forward get_buffer get_extra_state get_parameter get_submodule half ipu load_state_dict modules
    mtia named_buffers named_children named_modules named_parameters parameters register_backward_hook register_buffer
    register_forward_hook register_forward_pre_hook register_full_backward_hook register_full_backward_pre_hook
    register_load_state_dict_post_hook register_load_state_dict_pre_hook register_module register_parameter
    register_state_dict_post_hook register_state_dict_pre_hook requires_grad_ set_extra_state set_submodule share_memory
    state_dict to to_empty train training type xpu zero_grad
    clear items keys pop update values
    self prediction
"""
RESERVED = frozenset(_ATTRIBUTES.split())
"""Names that no module can have: attributes of nn.Module and of nn.ModuleDict, and what the network's class has."""

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,39}", re.ASCII)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,5}", re.ASCII)


def check_name(part: str, address: str) -> None:
    """Raise GraphError unless `part` of a layer's address is a number or can be an attribute of a torch module."""
    if _NUMBER.fullmatch(part):
        return
    if not _IDENTIFIER.fullmatch(part) or keyword.iskeyword(part) or part in RESERVED or "__" in part:
        raise GraphError(
            f"{address[:80]!r}: {part[:80]!r} cannot name a part of a module in source code; give it a name of at most "
            "40 letters, digits and single underscores, from a letter on, no Python keyword, no attribute of nn.Module"
        )


def natural(address: tuple[str, ...]) -> tuple[tuple[str | int, ...], ...]:
    """Return a sorting key in which level2 is before level10."""
    pieces = [re.split(r"([0-9]{1,9})", part) for part in address]  # odd ones are numbers
    return tuple(tuple(int(s) if i % 2 else s for i, s in enumerate(each)) for each in pieces)


def camel(name: str) -> str:
    """Return a class name for things called `name`: stages0 -> Stage, conv_res -> ConvRes."""
    words = [word for word in re.split(r"[_\d]+", name) if word]
    if words:
        words[-1] = re.sub(r"(?<=ch|sh|ss)es$|(?<=[^s]{3})s$", "", words[-1])
    return "".join(word[0].upper() + word[1:] for word in words)


def unique(wanted: str, taken: set[str]) -> str:
    """Return `wanted`, with a number behind it where it is taken, and take it."""
    number, name = 1, wanted
    while name in taken:
        number += 1
        name = f"{wanted}{number}"
    taken.add(name)
    return name
