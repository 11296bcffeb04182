"""Laws of differentiable bounds: they contain sampled scores, are exact at a point, and have true gradients."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from certrnn.errors import Unsupported
from certrnn.training.bounds import DOMAINS, Box, Zonotopes, bounds, margins
from certrnn.training.bounds import planes as fitted
from certrnn.training.bounds.planes import FUNCTIONS, Planes
from certrnn.training.layers import LastStep
from certrnn.training.losses.loss import difference_rows
from tests.training.networks import CLASSES, NETWORKS, inputs, points, recurrent

TOLERANCE = 1e-9
EXACT = {
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "sigmoid_tanh": lambda x, y: torch.sigmoid(x) * torch.tanh(y),
    "mul_sigmoid": lambda x, y: x * torch.sigmoid(y),
}
MEMBERS = {**DOMAINS, "zonotope of all steps": Zonotopes(None), "zonotope of two": Zonotopes(2)}


def boxes(seed: int, arity: int, count: int = 200) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Boxes of every size, from points to saturation."""
    generator = torch.Generator().manual_seed(seed)
    made = []
    for _ in range(arity):
        center = 4.0 * torch.randn(count, generator=generator, dtype=torch.float64)
        width = 10.0 ** (4.0 * torch.rand(count, generator=generator, dtype=torch.float64) - 3.0)
        made.append((center - width, center + width))
    return made


def escape(name: str, seed: int) -> float:
    """How far a function leaves its planes on sampled points; at most zero up to rounding."""
    around = boxes(seed, 2 if "_" in name else 1)
    planes = FUNCTIONS[name](*around)
    grid = torch.linspace(0, 1, 41, dtype=torch.float64)
    shares = torch.cartesian_prod(*[grid] * len(around)).reshape(-1, len(around)).T
    at = [lower + s[:, None] * (upper - lower) for s, (lower, upper) in zip(shares, around, strict=True)]
    line = sum((slope * x for slope, x in zip(planes.slopes, at, strict=True)), planes.center)
    return float(((EXACT[name](*at) - line).abs() - planes.radius).max())


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("seed", range(3))
def test_planes_enclose_their_function(name: str, seed: int) -> None:
    assert escape(name, seed) <= TOLERANCE


@pytest.mark.parametrize("name", FUNCTIONS)
def test_planes_that_are_too_narrow_are_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = FUNCTIONS[name]

    def narrow(*around: tuple[torch.Tensor, torch.Tensor]) -> Planes:
        planes = sound(*around)
        return replace(planes, radius=0.99 * planes.radius)

    monkeypatch.setitem(fitted.FUNCTIONS, name, narrow)
    assert escape(name, 0) > TOLERANCE


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_of_planes_are_those_of_finite_differences(name: str) -> None:
    arity = 2 if "_" in name else 1
    ends = [end.requires_grad_() for pair in boxes(11, arity, 40) for end in pair]

    def numbers(*given: torch.Tensor) -> torch.Tensor:
        planes = FUNCTIONS[name](*zip(given[::2], given[1::2], strict=True))
        return torch.stack([*planes.slopes, planes.center, planes.radius])

    assert torch.autograd.gradcheck(numbers, ends, eps=1e-7, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("domain", MEMBERS)
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("eps", [0.01, 0.3])
def test_bounds_contain_sampled_scores(name: str, domain: str, eps: float) -> None:
    network, (x, y) = NETWORKS[name](), inputs()
    box = Box(x - eps, x + 2.0 * eps)
    lower, upper = bounds(network, box, MEMBERS[domain])
    rows = difference_rows(y, lower.shape[1], x.dtype)
    least = margins(network, box, rows, rows.new_zeros(rows.shape[:2]), MEMBERS[domain])
    with torch.no_grad():
        some = points(box.lower, box.upper)
        scores = network(some.flatten(0, 1)).reshape(len(some), len(x), -1)
    assert bool((lower <= scores + TOLERANCE).all())
    assert bool((scores <= upper + TOLERANCE).all())
    assert bool((least <= torch.einsum("bkn,sbn->sbk", rows, scores) + TOLERANCE).all())


@pytest.mark.parametrize("domain", MEMBERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_bounds_of_a_point_are_its_scores(name: str, domain: str) -> None:
    network, (x, _) = NETWORKS[name](), inputs()
    for bound in bounds(network, Box(x, x), MEMBERS[domain]):
        torch.testing.assert_close(bound, network(x), rtol=0, atol=1e-9)


@pytest.mark.parametrize("domain", MEMBERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_gradients_of_bounds_are_those_of_finite_differences(name: str, domain: str) -> None:
    network, (x, y) = NETWORKS[name](), inputs(2)
    weights = list(network.parameters())
    direction = [
        torch.randn(w.shape, generator=torch.Generator().manual_seed(1), dtype=w.dtype) for w in weights
    ]

    def bound(step: torch.Tensor) -> torch.Tensor:
        moved = {
            key: w.detach() + step * d
            for (key, w), d in zip(network.named_parameters(), direction, strict=True)
        }
        rows = difference_rows(y, 1 if name == "one score" else CLASSES, x.dtype)
        return torch.func.functional_call(
            _Margins(network, rows, domain), {f"network.{k}": v for k, v in moved.items()}, (x,)
        )

    at = torch.zeros((), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(bound, at, eps=1e-6, atol=1e-5, rtol=1e-3)


class _Margins(nn.Module):
    """Bounds as the output of a module, so that its weights can be replaced."""

    def __init__(self, network: nn.Module, rows: torch.Tensor, domain: str) -> None:
        super().__init__()
        self.network, self.rows, self.domain = network, rows, domain

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        zero = self.rows.new_zeros(self.rows.shape[:2])
        return margins(self.network, Box(x - 0.05, x + 0.05), self.rows, zero, MEMBERS[self.domain])


def test_zonotopes_that_remember_all_are_tighter_than_intervals() -> None:
    network, (x, _) = NETWORKS["lstm"](), inputs()
    box = Box(x - 0.02, x + 0.02)
    widths = {
        name: sum(b * s for b, s in zip(bounds(network, box, d), (-1, 1), strict=True))
        for name, d in MEMBERS.items()
    }
    assert bool((widths["zonotope of all steps"] < widths["interval"]).all())
    assert bool((widths["zonotope of all steps"] <= widths["zonotope of two"]).all())


def test_dropout_scales_what_it_keeps() -> None:
    network = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(8, 2, bias=False)).double().train()
    x = torch.ones(400, 4, 2, dtype=torch.float64)
    lower, upper = bounds(network, Box(x, x), DOMAINS["interval"])
    torch.testing.assert_close(lower, upper)
    assert bool((lower.mean(0) - network.eval()(x)[0]).abs().max() < 0.2)


@pytest.mark.parametrize(
    ("module", "words"),
    [
        (nn.Sequential(nn.Flatten(), nn.Linear(8, 4), nn.GELU()), "GELU"),
        (nn.Sequential(nn.Linear(2, 3)), "LastStep"),
        (nn.Sequential(nn.Flatten(2), nn.Linear(2, 3)), "Flatten"),
    ],
)
def test_what_cannot_be_bounded_is_named(module: nn.Module, words: str) -> None:
    x, _ = inputs()
    with pytest.raises(Unsupported, match=words):
        bounds(module.double(), Box(x, x), DOMAINS["interval"])


def test_only_layers_with_the_batch_first_are_taken() -> None:
    with pytest.raises(Unsupported, match="batch_first"):
        LastStep(nn.RNN(2, 3))
    with pytest.raises(Unsupported, match="proj_size"):
        LastStep(nn.LSTM(2, 3, batch_first=True, proj_size=2))


def test_the_last_step_is_the_one_that_each_direction_takes_last() -> None:
    network, (x, _) = recurrent(nn.GRU, bidirectional=True), inputs()
    layer = network[0].recurrent
    assert isinstance(layer, nn.GRU)
    _, ends = layer(x)
    torch.testing.assert_close(network[0](x), torch.cat([ends[0], ends[1]], dim=1))
