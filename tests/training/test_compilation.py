import shutil

import pytest
import torch

from lmkit.errors import ConfigError
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from lmkit.training import compilation
from lmkit.training.compilation import compiler_problem, estimated_seconds, is_compiled

CPU = torch.device("cpu")
has_compiler = pytest.mark.skipif(
    not any(map(shutil.which, compilation.CPU_COMPILERS)), reason="needs a C++ compiler"
)


def set_instructions(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: name)


@pytest.mark.parametrize(
    ("option", "seconds", "expected"),
    [("auto", 299, False), ("auto", 301, True), ("yes", 0, True), ("no", 10**6, False)],
)
def test_auto_compiles_runs_that_repay_it(
    monkeypatch: pytest.MonkeyPatch,
    option: compilation.CompileOption,
    seconds: float,
    expected: bool,
) -> None:
    set_instructions(monkeypatch, "AVX512")
    monkeypatch.setattr(compilation, "compiler_problem", lambda _: None)
    assert is_compiled(option, CPU, seconds) is expected


@pytest.mark.parametrize("instructions", ["AVX2", "DEFAULT"])
def test_auto_never_compiles_on_a_cpu_that_gains_nothing(
    monkeypatch: pytest.MonkeyPatch, instructions: str
) -> None:
    set_instructions(monkeypatch, instructions)
    monkeypatch.setattr(compilation, "compiler_problem", lambda _: None)
    assert not is_compiled("auto", CPU, 10**9)
    assert is_compiled("yes", CPU, 0)


def test_auto_never_compiles_for_a_device_where_that_was_not_tried() -> None:
    assert not is_compiled("auto", torch.device("mps"), 10**9)


def test_without_a_compiler_auto_says_so_and_yes_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    set_instructions(monkeypatch, "AVX512")
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert not is_compiled("auto", CPU, 10**6)
    assert "no C++ compiler (no-such-compiler)" in capsys.readouterr().err
    with pytest.raises(ConfigError, match="--compile: got yes, but there is no C"):
        is_compiled("yes", CPU, 10**6)


def test_a_compiler_that_fails_is_found_before_training(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("cannot find -lgomp\nmore")

    monkeypatch.setattr(compilation.shutil, "which", lambda _: "/usr/bin/c++")
    monkeypatch.setattr(torch, "compile", fail)
    assert compiler_problem(CPU) == "compiling fails here: cannot find -lgomp"


def test_the_estimate_grows_with_the_work_and_with_the_number_of_batches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # A product of 1e9 FLOPs in a second; steps have half of that speed.
    monkeypatch.setattr(compilation, "PRODUCT_FLOPS", 1e9)
    monkeypatch.setattr(compilation, "product_seconds", lambda _: 1.0)
    assert estimated_seconds(5e9, 0, 6, CPU, "bf16") == pytest.approx(10)
    assert estimated_seconds(0, 1000, 6, CPU, "fp32") == pytest.approx(12)


@has_compiler
@pytest.mark.parametrize(
    "options",
    [{"kv_heads": 2}, {"architecture": "encoder", "position": "relative", "activation": "gelu"}],
)
@pytest.mark.parametrize("recompute", [False, True])
def test_compiled_blocks_give_the_loss_and_the_gradients_of_eager_ones(
    options: dict[str, object], recompute: bool
) -> None:
    config = ModelConfig.model_validate({"layers": 2, "hidden_size": 32, "heads": 4, **options})
    tokens_BT = torch.arange(48).reshape(3, 16) % 50
    documents_BT = (torch.arange(16) // 8 + 1).expand(3, 16)
    positions_BT = (torch.arange(16) % 8).expand(3, 16)

    def gradients(compiled: bool) -> dict[str, torch.Tensor]:
        model = Transformer(config, 50, seed=1).train()
        model.recompute(recompute)
        if compiled:
            model.compile_blocks()
        loss = model(tokens_BT, positions_BT, documents_BT, targets_BT=tokens_BT.roll(-1, 1))
        loss.backward()
        found = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
        return found | {"loss": loss.detach()}

    eager, compiled = gradients(compiled=False), gradients(compiled=True)
    assert eager.keys() == compiled.keys()
    for name, expected in eager.items():
        torch.testing.assert_close(compiled[name], expected, rtol=1e-4, atol=1e-4, msg=name)


@has_compiler
def test_validation_is_not_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Transformer(ModelConfig(layers=1, hidden_size=16, heads=2), 20)
    model.compile_blocks()
    monkeypatch.setattr(model.blocks[0], "_compiled", None)  # calling it would fail
    positions_BT = torch.arange(4)[None]
    assert model.eval()(torch.ones(1, 4, dtype=torch.long), positions_BT).shape == (1, 4, 20)
