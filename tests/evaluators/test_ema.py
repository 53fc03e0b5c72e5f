import torch
from torch import nn

from evaluators.ema import Ema


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3))


def changed(module: nn.Module, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    for tensor in module.state_dict().values():
        tensor.copy_(10 * torch.rand(tensor.shape, generator=generator))


def test_equals_the_formula_for_weights_and_float_buffers() -> None:
    module = network()
    ema = Ema(module, decay=0.3)
    expected = {name: value.double().clone() for name, value in module.state_dict().items()}
    for t in range(8):
        changed(module, t)
        ema.update(module)
        decay = min(0.3, (1 + t) / (10 + t))  # 0.1, 0.18, 0.25, 0.3, ...: both sides of the minimum are met
        for name, value in module.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * value.double()
    averaged = ema.module.state_dict()
    expected["1.num_batches_tracked"] = module.state_dict()["1.num_batches_tracked"]  # an integer: the last one
    for name, value in expected.items():
        assert torch.allclose(averaged[name].double(), value.double(), rtol=1e-5), name
    assert ema.updates == 8


def test_averages_are_apart_from_the_module_and_copied_on_request() -> None:
    module = network()
    ema = Ema(module, decay=0.9)
    changed(module, 1)
    weights = {name: value.clone() for name, value in module.state_dict().items()}
    ema.update(module)
    assert not ema.module.training
    assert all(torch.equal(value, weights[name]) for name, value in module.state_dict().items())
    ema.copy_to(module)
    assert all(torch.equal(value, ema.module.state_dict()[name]) for name, value in module.state_dict().items())
    assert not torch.equal(module.state_dict()["0.weight"], weights["0.weight"])


def test_finite_tells_weights_and_buffers() -> None:
    for name in ("0.weight", "1.running_var"):
        for value in (torch.inf, torch.nan):
            module = network()
            ema = Ema(module, decay=0.9)
            assert ema.finite()
            module.state_dict()[name].flatten()[0] = value
            ema.update(module)
            assert not ema.finite()
