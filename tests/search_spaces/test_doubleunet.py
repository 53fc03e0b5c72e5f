"""DoubleU-Net against a second implementation of its Keras model, and two other networks in a row."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d, relu

import nas
from nas.derivation import fixed
from nas.errors import SpaceError
from search_spaces import published
from search_spaces.cascade import cascade
from search_spaces.decoders.unet_decoder import unet_decoder
from search_spaces.downsampling.conv_stem import conv_stem
from search_spaces.encoders.staged import staged
from search_spaces.fuses.add import add
from search_spaces.segmenter import segmenter
from tests.twins import check_stored_and_trained, shaken


def norm(c: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(c, eps=1e-3, momentum=0.01)


class Attended(nn.Module):
    def __init__(self, c: int, f: int):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(c, f, 3, padding=1), nn.Conv2d(f, f, 3, padding=1)
        self.bn1, self.bn2 = norm(f), norm(f)
        self.fc1, self.fc2 = nn.Conv2d(f, f // 8, 1, bias=False), nn.Conv2d(f // 8, f, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        x = relu(self.bn2(self.conv2(relu(self.bn1(self.conv1(x))))))
        return x * torch.sigmoid(self.fc2(relu(self.fc1(x.mean((2, 3), keepdim=True)))))


class Context(nn.Module):
    def __init__(self, c: int):
        super().__init__()
        shapes = [(1, 1), (3, 6), (3, 12), (3, 18)]
        convs = [nn.Conv2d(c, 64, k, padding=d * (k // 2), dilation=d, bias=False) for k, d in shapes]
        self.convs = nn.ModuleList([*convs, nn.Conv2d(c, 64, 1), nn.Conv2d(320, 64, 1, bias=False)])
        self.norms = nn.ModuleList(norm(64) for _ in range(6))

    def unit(self, i: int, x: Tensor) -> Tensor:
        return relu(self.norms[i](self.convs[i](x)))

    def forward(self, x: Tensor) -> Tensor:
        pooled = self.unit(4, x.mean((2, 3), keepdim=True)).expand(-1, -1, *x.shape[2:])
        return self.unit(5, torch.cat([pooled, *(self.unit(i, x) for i in range(4))], 1))


class DoubleUNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        vgg = [(3, 64), (64, 64), (64, 128), (128, 128), (128, 256), *((256, 256),) * 3, (256, 512), *((512, 512),) * 7]
        self.vgg = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in vgg)
        self.aspp1, self.aspp2 = Context(512), Context(256)
        self.up1 = nn.ModuleList(
            [Attended(64 + 64, 32), Attended(128 + 128, 64), Attended(256 + 256, 128), Attended(576, 256)]
        )
        self.down2 = nn.ModuleList([Attended(3, 32), Attended(32, 64), Attended(64, 128), Attended(128, 256)])
        joined = (64 + 64 + 32, 128 + 128 + 64, 256 + 256 + 128, 64 + 512 + 256)
        self.up2 = nn.ModuleList(Attended(c, f) for c, f in zip(joined, (32, 64, 128, 256), strict=True))
        self.out1, self.out2 = nn.Conv2d(32, 1, 1), nn.Conv2d(32, 1, 1)

    def forward(self, image: Tensor) -> list[Tensor]:
        x, skips1, skips2 = image, [], []
        for i, conv in enumerate(self.vgg):
            if i in (2, 4, 8, 12):
                skips1.append(x)
                x = max_pool2d(x, 2)
            x = relu(conv(x))
        m1 = self.out1(self.upward(self.aspp1(x), self.up1, skips1))
        x = image * torch.sigmoid(m1)
        for block in self.down2:
            skips2.append(block(x))
            x = max_pool2d(skips2[-1], 2)
        both = [torch.cat(pair, 1) for pair in zip(skips1, skips2, strict=True)]
        return [m1, self.out2(self.upward(self.aspp2(x), self.up2, both))]

    def upward(self, x: Tensor, blocks: nn.ModuleList, skips: list[Tensor]) -> Tensor:
        for i in (3, 2, 1, 0):
            x = blocks[i](torch.cat([interpolate(x, skips[i].shape[2:], mode="bilinear"), skips[i]], 1))
        return x


def twin_name(name: str) -> str:
    """The twin's name of one of our tensors."""
    stages = {"0": 0, "1": 2, "2": 4, "3": 8, "4": 12}
    parts = name.split(".")
    if parts[0] == "encoder":
        return f"vgg.{stages[parts[1].removeprefix('stages')] + int(parts[2])}.{parts[-1]}"
    if parts[0].endswith("neck"):
        place = {**{f"branch{i}": i for i in range(4)}, "pooled": 4, "project": 5}[parts[2]]
        return f"aspp{2 if 'second' in parts[0] else 1}.{parts[3]}s.{place}.{parts[-1]}"
    if "head" in parts[0]:
        return f"out{1 if 'first' in parts[0] else 2}.{parts[-1]}"
    kind = "down2" if parts[0] == "second_encoder" else "up2" if "second" in parts[0] else "up1"
    return f"{kind}.{parts[1].removeprefix('stages').removeprefix('level')}.{'.'.join(parts[-2:])}"


def test_outputs_equal_those_of_a_second_implementation() -> None:
    graph, twin = nas.build(published["doubleunet"], (3, 64, 96)), DoubleUNet().eval()
    module = shaken(graph)
    twin.load_state_dict({twin_name(name): tensor for name, tensor in module.state_dict().items()})
    assert nas.cost(graph).params == sum(p.numel() for p in twin.parameters())
    assert module.prediction == 1
    for size in ((64, 96), (75, 101)):
        image = torch.randn(2, 3, *size)
        with torch.no_grad():
            for ours, theirs in zip(module(image), twin(image), strict=True):
                assert ours.shape == theirs.shape
                assert (ours - theirs).abs().max() <= 1e-3 * theirs.std()


@pytest.mark.parametrize("classes", [1, 3])
def test_any_two_networks_may_stand_in_a_row(classes: int) -> None:
    """Here the first rounds halves up, the second down."""
    one = staged(base=4, depth=4, down=conv_stem(stride=2, padding_mode="zeros"))
    rule = cascade(encoder=one, second_encoder=staged(base=6, depth=4), second_decoder=unet_decoder(fuse=add), fuse=add)
    graph = nas.build(fixed(rule), (3, 67, 75), classes)
    assert [x.shape for x in graph.outputs] == [(classes, 67, 75)] * 2
    check_stored_and_trained(rule, graph)
    with pytest.raises(SpaceError, match="the encoders give 4 and 5 levels"):
        nas.build(fixed(cascade(encoder=one)), (3, 64, 64))


def test_the_way_up_may_have_any_widths() -> None:
    for widths, said in (((8, 6), None), ((8,), "give 2, one per level above the deepest")):
        rule = segmenter(encoder=staged(base=4, depth=3), decoder=unet_decoder(widths=widths))
        if said is None:
            assert nas.build(fixed(rule), (3, 64, 64)).outputs[0].inputs[0].channels == 8
        else:
            with pytest.raises(SpaceError, match=said):
                nas.build(fixed(rule), (3, 64, 64))
