"""An export: all forms compute the same, at every size it declares, and it stands alone."""

import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from safetensors.torch import load_file, save_file

import nas
from nas.errors import ExportError
from nas.export.carried.verify import _told
from nas.export.folder import allowed, source_of
from nas.export.sides import Sides, sides_of
from nas.graph import GraphBuilder
from nas.ops import Conv, ConvTranspose, PadTo
from tests.nas.export.networks import drawn, two_levels, write

FILES = {
    *("README.md", "example.safetensors", "graph.json", "model.onnx", "model.pt2", "model.py", "preprocess.json"),
    *("verify.py", "weights.safetensors"),
}
SIZES = ((1, 8, 9), (3, 33, 46), (2, 64, 31))

STRANGER = """
import sys
class Refuse:
    def find_spec(self, name, path, target=None):
        if name.split('.')[0] in {forbidden!r}:
            raise ModuleNotFoundError(name, name=name)
sys.meta_path.insert(0, Refuse())
import runpy
sys.argv = ['verify.py']
runpy.run_path('verify.py', run_name='__main__')
"""


def verify(folder: Path, forbidden: tuple[str, ...] = ()) -> tuple[int, str]:
    """Run verify.py of a folder where these packages cannot be imported."""
    code = STRANGER.format(forbidden={"nas", "search_spaces", "evaluators", "studies", *forbidden})
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, timeout=300)
    return done.returncode, done.stdout + done.stderr


def test_an_export_holds_its_files_and_nothing_of_this_machine(exported: Path) -> None:
    assert {path.name for path in exported.iterdir()} == FILES
    root = Path(nas.__file__).parents[1]
    for path in exported.iterdir():
        content = path.read_bytes()
        for place in (root, Path.home(), exported.parent, Path(sys.prefix), Path(torch.__file__).parent):
            assert str(place).encode() not in content, (path.name, place)


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_onnx_and_source_compute_what_the_trained_module_does_at_any_size(
    exported: Path, size: tuple[int, int, int]
) -> None:
    graph = two_levels()
    module = nas.to_module(graph).eval()
    module.load_state_dict(drawn(graph))
    image = torch.randn(size[0], 3, *size[1:])
    source = runpy.run_path(str(exported / "model.py"))["load"]()
    session = onnxruntime.InferenceSession(exported / "model.onnx")
    with torch.no_grad():
        expected, loaded, written = module(image), nas.load(exported)(image), source(image)
    (found,) = session.run(["logits"], {"image": image.numpy()})
    assert isinstance(expected, torch.Tensor)
    torch.testing.assert_close(loaded, expected, rtol=0, atol=1e-5)
    assert torch.equal(written, loaded)
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-5)


def test_onnx_declares_free_sizes_by_name_and_passes_the_checker(exported: Path) -> None:
    model = onnx.load(exported / "model.onnx")
    onnx.checker.check_model(model, full_check=True)
    (image,), (logits,) = model.graph.input, model.graph.output
    for value, channels in ((image, 3), (logits, 1)):
        dims = value.type.tensor_type.shape.dim
        assert [d.dim_param or d.dim_value for d in dims] == ["batch", channels, "height", "width"]
    assert b"pkg.torch" not in (exported / "model.onnx").read_bytes()  # what the exporter notes of the traced code


def test_a_loaded_network_is_in_evaluation_mode(exported: Path) -> None:
    assert not any(module.training for module in nas.load(exported).modules())


def test_verify_agrees_where_only_torch_is_installed(exported: Path) -> None:
    code, said = verify(exported, ("onnxruntime", "numpy", "safetensors"))
    assert code == 0, said
    assert "model.py    agrees" in said
    assert "model.pt2   not checked: numpy is not installed" in said  # torch.export.load needs it
    assert "model.onnx  not checked: onnxruntime is not installed" in said


def test_verify_agrees_where_torch_is_not_installed(exported: Path) -> None:
    code, said = verify(exported, ("torch", "safetensors"))
    assert code == 0, said
    assert "model.onnx  agrees" in said and said.count("torch is not installed") == 2


def test_verify_ends_with_1_where_nothing_can_be_run(exported: Path) -> None:
    code, said = verify(exported, ("torch", "onnxruntime"))
    assert code == 1 and said.count("not checked") == 3


def test_verify_names_the_form_that_differs(exported: Path, tmp_path: Path) -> None:
    for path in exported.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    state = load_file(tmp_path / "weights.safetensors")
    name = next(name for name in state if name.endswith("weight"))
    state[name].view(-1)[0] += 0.5
    save_file(state, tmp_path / "weights.safetensors")
    code, said = verify(tmp_path)
    assert code == 1
    assert "model.py    DIFFERS" in said and "model.onnx  agrees" in said and "model.pt2   agrees" in said


@pytest.mark.parametrize(("share", "code"), [(0.7e-4, 0), (1.5e-4, 1)])
def test_verify_ends_with_1_above_a_ten_thousandth_of_the_range(
    exported: Path, tmp_path: Path, share: float, code: int
) -> None:
    shutil.copytree(exported, tmp_path / "net")
    stored = load_file(tmp_path / "net" / "example.safetensors")
    logits = stored["logits"]
    logits.view(-1)[logits.numel() // 2] += share * (logits.max() - logits.min())
    save_file(stored, tmp_path / "net" / "example.safetensors")
    done, said = verify(tmp_path / "net", ("torch",))
    assert done == code and f"{share:.1e} of the logits' range" in said


def test_a_network_of_even_sides_declares_them_and_is_right_there(tmp_path: Path) -> None:
    graph = two_levels(1, 3, any_side=False)
    assert sides_of(nas.deploy(graph)) == Sides(2, 4)
    differences = write(graph, tmp_path / "net")
    assert set(differences) == {"model.py", "model.pt2", "model.onnx"}
    image = torch.randn(3, 1, 4, 38)
    (found,) = onnxruntime.InferenceSession(tmp_path / "net" / "model.onnx").run(None, {"image": image.numpy()})
    with torch.no_grad():
        expected = nas.load(tmp_path / "net")(image)
    assert isinstance(expected, torch.Tensor) and expected.shape == (3, 3, 4, 38)
    np.testing.assert_allclose(found, expected.numpy(), rtol=0, atol=1e-5)


def test_a_place_that_is_taken_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    graph, elsewhere = two_levels(), tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "link").symlink_to(elsewhere, target_is_directory=True)
    (tmp_path / "dangling").symlink_to(tmp_path / "nowhere")
    for name in ("elsewhere", "link", "dangling"):
        with pytest.raises(ExportError, match="exists already"):
            write(graph, tmp_path / name)
    assert {p.name for p in tmp_path.iterdir()} == {"elsewhere", "link", "dangling"}
    assert not list(elsewhere.iterdir())


def test_weights_that_are_not_finite_leave_no_folder(tmp_path: Path) -> None:
    graph = two_levels()
    state = drawn(graph)
    next(iter(state.values())).fill_(torch.nan)
    with pytest.raises(ExportError, match="finite"):
        write(graph, tmp_path / "net", state)
    assert not list(tmp_path.iterdir())


def test_weights_that_amplify_rounding_are_told_from_a_form_that_is_wrong(tmp_path: Path) -> None:
    g = GraphBuilder((3, 32, 32), 1)
    graph = g.freeze([g.add(Conv(1, 1, bias=False), g.add(Conv(64, 3, padding=1), g.image))])
    first, _, last = (state := drawn(graph))
    state[first][1::2], state[last][:, 1::2] = state[first][::2] * (1 + 1e-6), -state[last][:, ::2]  # they cancel
    with pytest.raises(
        ExportError, match=r"model\.onnx: its logits differ .* the module itself is [0-9.]+e-0[1-4] from"
    ):
        write(graph, tmp_path / "net", state)
    assert not list(tmp_path.iterdir())


def test_model_py_imports_torch_and_the_standard_library_only() -> None:
    lines = source_of(nas.deploy(two_levels())).splitlines()
    imports = {line.split()[1].split(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imports == {"json", "pathlib", "torch"}


def test_a_map_that_is_one_too_large_is_cropped_alike_in_all_forms(tmp_path: Path) -> None:
    g = GraphBuilder((1, 32, 32), 1)
    low = g.add(Conv(4, 3, stride=2, padding=1), g.image)  # of odd sides the greater half
    up = g.add(PadTo(), g.add(ConvTranspose(4, 2, stride=2), low), g.image)
    differences = write(g.freeze([g.add(Conv(1, 3, padding=1), up)]), tmp_path / "net")
    assert max(differences.values()) < 1e-4


def test_logits_that_are_one_number_everywhere_may_differ_by_its_rounding_and_no_more() -> None:
    flat = torch.full((1, 1, 8, 8), 5.0)
    flat[0, 0, 0, 0] += 1e-6
    for off, agrees in ((2e-6, True), (2e-5, False)):
        assert (off <= allowed(flat)) == agrees
        assert _told("form", (flat + off).flatten().tolist(), flat.flatten().tolist(), 1e-6, 1e-4) == agrees
    spread = torch.linspace(-1, 1, 64)
    assert allowed(spread) == pytest.approx(2e-4), "where the logits differ it is a share of their range"
    assert allowed(flat * torch.nan) != allowed(flat)


def test_a_network_that_calls_nothing_of_torch_itself_is_exported_too(tmp_path: Path) -> None:
    g = GraphBuilder((3, 8, 8), 1)
    graph = g.freeze([g.add(Conv(1, 1), g.image)])
    text = source_of(graph)
    assert "torch.frombuffer" in text and "\nimport torch\n" in text
    assert text == source_of(graph) and text.count("import torch\n") == 1
    (tmp_path / "model.py").write_text(text)
    assert runpy.run_path(str(tmp_path / "model.py"))["Network"]()(torch.zeros(1, 3, 4, 4)).shape == (1, 1, 4, 4)
    assert "import torch\n" not in nas.to_source(graph), "otherwise this says nothing"
