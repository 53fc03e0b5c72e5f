"""FC-HarDNet-70 against a second implementation with the published names, and its parts elsewhere."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

import nas
from nas.derivation import fixed
from nas.grammar import Repeat
from search_spaces import published
from search_spaces.blocks.squeezed import squeezed
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.encoders.fc_hardnet import BARE, fc_hardnet
from search_spaces.encoders.staged import staged
from search_spaces.segmenter import segmenter
from search_spaces.weights import load_published
from tests.twins import check_stored_and_trained

GROWTHS = (10, 16, 18, 24, 32)
LAYERS = (4, 4, 8, 8, 8)


class Layer(nn.Sequential):
    def __init__(self, c: int, width: int, kernel: int = 3, stride: int = 1):
        super().__init__()
        self.add_module("conv", nn.Conv2d(c, width, kernel, stride, kernel // 2, bias=False))
        self.add_module("norm", nn.BatchNorm2d(width))
        self.add_module("relu", nn.ReLU())


class Block(nn.Module):
    """Layer l reads l - 2^n for every 2^n that divides it; odd layers and the last are passed on."""

    def __init__(self, c: int, growth: int, count: int):
        super().__init__()
        widths = [c]
        self.links, layers = [], []
        for i in range(1, count + 1):
            powers = [2**n for n in range(5) if i % 2**n == 0]
            self.links.append([i - p for p in powers])
            widths.append(int(int(growth * 1.7 ** (len(powers) - 1) + 1) / 2) * 2)
            layers.append(Layer(sum(widths[j] for j in self.links[-1]), widths[-1]))
        self.layers = nn.ModuleList(layers)
        self.passed = [*range(1, count, 2), count]
        self.width = sum(widths[i] for i in self.passed)

    def forward(self, x: Tensor) -> Tensor:
        made = [x]
        for link, layer in zip(self.links, self.layers, strict=True):
            made.append(layer(torch.cat([made[i] for i in link], 1)))
        return torch.cat([made[i] for i in self.passed], 1)


class FCHarDNet(nn.Module):
    def __init__(self, classes: int):
        super().__init__()
        base: list[nn.Module] = [Layer(3, 16, 3, 2), Layer(16, 24), Layer(24, 32, 3, 2), Layer(32, 48)]
        c, skips = 48, []
        for growth, count, width in zip(GROWTHS, LAYERS, (64, 96, 160, 224, 320), strict=True):
            base.append(Block(c, growth, count))
            skips.append(base[-1].width)
            base += [Layer(skips[-1], width, 1), nn.Identity()]
            c = width
        self.base = nn.ModuleList(base[:-1])
        squeezed, blocks = [], []
        for i in (3, 2, 1, 0):
            joined = c + skips[i]
            squeezed.append(Layer(joined, joined // 2, 1))
            blocks.append(Block(joined // 2, GROWTHS[i], LAYERS[i]))
            c = blocks[-1].width
        self.conv1x1_up, self.denseBlocksUp = nn.ModuleList(squeezed), nn.ModuleList(blocks)
        self.finalConv = nn.Conv2d(c, classes, 1)

    def forward(self, image: Tensor) -> Tensor:
        x, skips = image, []
        for i, layer in enumerate(self.base):
            x = avg_pool2d(x, 2) if isinstance(layer, nn.Identity) else layer(x)
            if isinstance(layer, Block) and i < 16:
                skips.append(x)
        for squeeze, block in zip(self.conv1x1_up, self.denseBlocksUp, strict=True):
            skip = skips.pop()
            up = interpolate(x, skip.shape[2:], mode="bilinear", align_corners=True)
            x = block(squeeze(torch.cat([up, skip], 1)))
        return interpolate(self.finalConv(x), image.shape[2:], mode="bilinear", align_corners=True)


@pytest.mark.parametrize("size", [(64, 96), (101, 75)])
def test_outputs_equal_those_of_a_second_implementation_with_the_published_names(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    twin = FCHarDNet(2).eval()
    for layer in twin.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.uniform_(layer.weight, 0.6, 1.4)
            nn.init.uniform_(layer.running_mean, -0.1, 0.1)
            nn.init.uniform_(layer.bias, -2, 9)  # some of it beyond 6, where ReLU6 would differ
    graph = nas.build(published["fc_hardnet70"], (3, *size), classes=2)
    module = nas.to_module(graph).eval()
    assert load_published(module, "fc_hardnet70", twin.state_dict()).unused == ()
    assert nas.cost(graph).params == sum(p.numel() for p in twin.parameters())
    image = torch.randn(2, 3, *size)
    with torch.no_grad():
        ours, theirs = module(image), twin(image)
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() <= 1e-3 * theirs.std()


def test_bare_blocks_and_squeezed_ones_stand_in_any_network() -> None:
    up = squeezed(divisor=3, block=BARE(growth=4, layers=4, pattern="residual"))
    rule = segmenter(encoder=staged(base=4, depth=3), decoder=unet_decoder(blocks=Repeat(up, ("levels", -1))))
    graph = nas.build(fixed(rule), (3, 37, 51))
    assert not any("transition" in name for name in graph.names)
    check_stored_and_trained(rule, graph)
    nas.build(fixed(segmenter(encoder=fc_hardnet)), (3, 75, 101))  # other decoders read the same five levels
