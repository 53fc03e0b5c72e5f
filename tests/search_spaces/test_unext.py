"""UNeXt's block against a second implementation on tokens, and where its parts stand."""

import json

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import gelu, pad

import nas
from nas.derivation import fixed
from nas.errors import SpaceError
from nas.grammar import Repeat
from search_spaces import load
from search_spaces.blocks.conv_unit import conv_unit
from search_spaces.blocks.shift_mlp import shift_mlp
from search_spaces.decoders.enlarged import enlarged
from search_spaces.decoders.unetpp_decoder import unetpp_decoder
from search_spaces.downsampling.no_stem import no_stem
from search_spaces.encoders.staged import staged
from search_spaces.segmenter import segmenter
from search_spaces.upsampling.conv_resize import conv_resize
from tests.twins import applied, check_stored_and_trained, shaken


class ShiftMLP(nn.Module):
    """On tokens (N, H W, C), as published; LayerNorm and linear layers take them as they are."""

    def __init__(self, c: int):
        super().__init__()
        self.norm2, self.fc1, self.fc2 = nn.LayerNorm(c), nn.Linear(c, c), nn.Linear(c, c)
        self.dwconv, self.norm = nn.Conv2d(c, c, 3, padding=1, groups=c), nn.LayerNorm(c)

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape

        def shifted(tokens: Tensor, axis: int) -> Tensor:
            parts = pad(tokens.transpose(1, 2).reshape(n, c, h, w), (2, 2, 2, 2)).chunk(5, 1)
            rolled = [torch.roll(part, by, axis) for part, by in zip(parts, range(-2, 3), strict=True)]
            return torch.cat(rolled, 1)[:, :, 2 : h + 2, 2 : w + 2].flatten(2).transpose(1, 2)

        tokens = x.flatten(2).transpose(1, 2)
        y = self.fc1(shifted(self.norm2(tokens), 2))
        y = gelu(self.dwconv(y.transpose(1, 2).reshape(n, c, h, w)).flatten(2).transpose(1, 2))
        tokens = self.norm(tokens + self.fc2(shifted(y, 3)))
        return tokens.transpose(1, 2).reshape(n, c, h, w)


def test_the_block_is_that_of_its_code() -> None:
    module, twin = shaken(applied(shift_mlp, (20,), 20, (8, 9))), ShiftMLP(20).eval()
    state = {n.removeprefix("block.").removeprefix("mlp."): t for n, t in module.state_dict().items()}
    twin.load_state_dict({n: t.reshape(twin.state_dict()[n].shape) for n, t in state.items()})
    for size in ((8, 9), (13, 5)):
        image = torch.randn(2, 20, *size)
        with torch.no_grad():
            assert torch.allclose(module(image), twin(image), atol=1e-5)


def test_the_block_costs_what_it_says_and_takes_any_size() -> None:
    cost = nas.cost(applied(shift_mlp, (160,), 160, (10, 12)))
    assert (cost.params, cost.macs) == (53_760, 52_640 * 120)
    for embed in (False, True):
        rule = shift_mlp(embed=embed, expansion=2)
        network = segmenter(encoder=staged(base=6, depth=3, down=no_stem, stages=Repeat(rule, "depth")))
        graph = nas.build(fixed(network), (3, 37, 43))
        assert graph.outputs[0].shape == ((1, 19, 22) if embed else (1, 37, 43))
    check_stored_and_trained(network, graph)


def test_every_output_of_a_decoder_is_enlarged() -> None:
    decoder = enlarged(decoder=unetpp_decoder(supervise="all"), upsample=conv_resize)
    strided = conv_unit(kernel=3)
    encoder = staged(base=4, depth=3, widths=(4, 6, 8), stages=Repeat(strided, "depth"))
    graph = nas.build(fixed(segmenter(encoder=encoder, decoder=decoder)), (3, 33, 45))
    assert [x.shape for x in graph.outputs] == [(1, 33, 45)] * 2
    assert graph.prediction == 1
    with pytest.raises(SpaceError, match="give 4, one per level"):
        nas.build(fixed(segmenter(encoder=staged(depth=4, widths=(4, 8, 16)))), (3, 64, 64))


def test_an_architecture_stored_before_a_slot_was_there_takes_its_default() -> None:
    """`fuse` of the U-Net's decoder is such a slot."""
    network = fixed(segmenter(encoder=staged(base=4)))
    stored = json.loads(network.to_json())
    assert stored["architecture"]["options"]["decoder"]["options"].pop("fuse")["rule"] == "concat"
    assert load(json.dumps(stored)) == network
