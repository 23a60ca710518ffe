import subprocess
import sys

import torch
from torch import nn

from lmkit.model.empty_weights import with_empty_weights


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(3, 2, bias=False)
        self.second = nn.Linear(3, 2)
        self.second.weight = self.first.weight
        self.frozen = nn.Parameter(torch.zeros(4), requires_grad=False)
        self.register_buffer("counts", torch.zeros(2, dtype=torch.int64))


def test_every_tensor_gets_memory_of_its_shape_and_kind() -> None:
    with torch.device("meta"):
        model = Tied()
    expected = {name: (t.shape, t.dtype) for name, t in model.state_dict().items()}
    assert with_empty_weights(model, torch.device("cpu")) is model
    found = {name: (t.shape, t.dtype) for name, t in model.state_dict().items()}
    assert found == expected and not any(t.is_meta for t in model.state_dict().values())
    assert model.first.weight is model.second.weight
    assert model.second.bias.requires_grad and not model.frozen.requires_grad
    model.load_state_dict({name: torch.ones_like(t) for name, t in model.state_dict().items()})
    assert model.second(torch.ones(1, 3)).tolist() == [[4.0, 4.0]]


def test_it_needs_no_symbolic_mathematics() -> None:
    script = (
        "import sys, torch\n"
        "from torch import nn\n"
        "from lmkit.model.empty_weights import with_empty_weights\n"
        "with torch.device('meta'): model = nn.Linear(2, 2)\n"
        "with_empty_weights(model, torch.device('cpu'))\n"
        "sys.exit('sympy' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0
