"""Certified eps of networks with attention, as a share of what PGD reaches, and beside the exact score-box enclosure.

The networks are trained here, on the bundled digits as 8 frames of 8 pixels (a minute each): an LSTM with additive
attention, a GRU with dot-product attention, an LSTM with layer normalisation, and a transformer encoder of 2 layers
and 4 heads, 32 wide. The *score box* knows of the softmax no more than the box of its scores: over it,
``min sum_i softmax(s)_i c_i`` is attained where each score lies at its upper end if c_i is below a threshold and at its
lower end above (Vertex-Softmax), with c_i the zonotope's lower bound of the margin that frame i's value gives by
itself.

    python -m benchmarks.precision.attention [--images 8] [--networks additive,encoder] [--methods zonotope,crown]
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

import certrnn
from certrnn.analyses import Forward
from certrnn.domains import Zonotopes
from certrnn.examples.train import digits_split
from certrnn.io.onnx import read
from certrnn.ir import Graph
from certrnn.regions import LinfBall
from certrnn.specs import Spec

FRAMES, FEATURES, HIDDEN, CLASSES = 8, 8, 32, 10


class Additive(nn.Module):
    """An LSTM whose steps are weighted by additive attention."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.LSTM(FEATURES, HIDDEN, batch_first=True)
        self.keys, self.score = nn.Linear(HIDDEN, HIDDEN), nn.Linear(HIDDEN, 1, bias=False)
        self.head = nn.Linear(HIDDEN, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        steps = self.layer(x)[0]
        shares = torch.softmax(self.score(torch.tanh(self.keys(steps))), dim=1)
        return self.head((shares * steps).sum(1))


class Parts(nn.Module):
    """What the softmax of :class:`Additive` reads, and what its shares weigh: a score and the class scores, a frame."""

    def __init__(self, whole: Additive) -> None:
        super().__init__()
        self.whole = whole

    def forward(self, x: Tensor) -> Tensor:
        steps = self.whole.layer(x)[0]
        scores = self.whole.score(torch.tanh(self.whole.keys(steps))).flatten(1)
        return torch.cat([scores, self.whole.head(steps).flatten(1)], dim=1)


class DotProduct(nn.Module):
    """A GRU whose last step asks all of them."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.GRU(FEATURES, HIDDEN, batch_first=True), nn.Linear(2 * HIDDEN, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        steps = self.layer(x)[0]
        asked = steps[:, -1]
        shares = torch.softmax(torch.bmm(steps, asked.unsqueeze(2)).squeeze(2) / HIDDEN**0.5, dim=1)
        context = torch.bmm(shares.unsqueeze(1), steps).squeeze(1)
        return self.head(torch.cat([context, asked], dim=1))


class Normalised(nn.Module):
    """An LSTM whose last step is normalised."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = nn.LSTM(FEATURES, HIDDEN, batch_first=True), nn.LayerNorm(HIDDEN)
        self.head = nn.Linear(HIDDEN, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.norm(self.layer(x)[0][:, -1]))


class Encoder(nn.Module):
    """Two transformer layers of 4 heads, 32 wide, over the frames and their learnt places."""

    def __init__(self) -> None:
        super().__init__()
        self.enter, self.places = nn.Linear(FEATURES, HIDDEN), nn.Parameter(0.1 * torch.randn(FRAMES, HIDDEN))
        self.layers = nn.ModuleList(
            nn.TransformerEncoderLayer(HIDDEN, 4, 2 * HIDDEN, dropout=0.0, batch_first=True) for _ in range(2)
        )
        self.head = nn.Linear(HIDDEN, CLASSES)

    def forward(self, x: Tensor) -> Tensor:
        x = self.enter(x) + self.places
        for layer in self.layers:
            x = layer(x)
        return self.head(x.mean(1))


NETWORKS: dict[str, Callable[[], nn.Module]] = {
    "additive": Additive,
    "dot product": DotProduct,
    "layer norm": Normalised,
    "encoder": Encoder,
}


def trained(make: Callable[[], nn.Module], epochs: int = 60) -> tuple[nn.Module, float]:
    """A network and its accuracy on held-out images."""
    torch.manual_seed(20)
    split, network = digits_split(), make()
    x, y = torch.tensor(split.x_train).float(), torch.tensor(split.y_train).long()
    optimiser = torch.optim.Adam(network.parameters(), lr=3e-3, weight_decay=1e-4)
    for _ in range(epochs):
        for batch in torch.randperm(len(x)).split(64):
            optimiser.zero_grad()
            noisy = x[batch] + 0.1 * torch.randn_like(x[batch])
            nn.functional.cross_entropy(network(noisy), y[batch]).backward()
            optimiser.step()
    with torch.no_grad():
        answers = network.eval()(torch.tensor(split.x_heldout).float()).argmax(1).numpy()
    return network, float((answers == split.y_heldout).mean())


def write(network: nn.Module, file: Path) -> None:
    torch.backends.mha.set_fastpath_enabled(False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = {"dynamo": False, "input_names": ["x"], "dynamic_axes": {"x": {0: "batch"}}}
        torch.onnx.export(network.eval(), (torch.zeros(2, FRAMES, FEATURES),), str(file), **given)  # type: ignore[arg-type]


def score_box_margin(graph: Graph, x: np.ndarray, label: int, eps: float) -> float:
    """The smallest margin of the label over the box of the scores; ``graph`` computes :class:`Parts`."""
    others = [k for k in range(CLASSES) if k != label]
    rows = np.zeros((2 * FRAMES + FRAMES * len(others), graph.outputs))
    rows[:FRAMES, :FRAMES], rows[FRAMES : 2 * FRAMES, :FRAMES] = np.eye(FRAMES), -np.eye(FRAMES)
    for place, other in enumerate(others):
        for t in range(FRAMES):
            row = rows[2 * FRAMES + place * FRAMES + t]
            row[FRAMES + t * CLASSES + label], row[FRAMES + t * CLASSES + other] = 1.0, -1.0
    region = LinfBall(torch.tensor(x)[None], torch.tensor([eps]).double(), tuple(range(FRAMES)), (0.0, 1.0))
    spec = Spec(torch.tensor(rows)[None], torch.zeros(1, len(rows)).double())
    bound = Forward(Zonotopes()).margins(graph, region, spec)[0].numpy()
    low, high = bound[:FRAMES], -bound[FRAMES : 2 * FRAMES]
    return min(_least(low, high, c) for c in bound[2 * FRAMES :].reshape(len(others), FRAMES))


def _least(low: np.ndarray, high: np.ndarray, values: np.ndarray) -> float:
    """``min sum softmax(s) values`` over the box of s, at one of its T + 1 sorted candidates."""
    order = np.argsort(values)
    found = np.inf
    for count in range(len(values) + 1):
        s = low.copy()
        s[order[:count]] = high[order[:count]]
        shares = np.exp(s - s.max())
        found = min(found, float((shares * values).sum() / shares.sum()))
    return found


def score_box_radius(network: Additive, folder: Path, x: np.ndarray, label: int) -> float:
    """The largest eps that the score box certifies, by halving."""
    file = folder / "parts.onnx"
    write(Parts(network), file)
    graph = read(file).as_numbers().graph((FRAMES, FEATURES))
    low, high = 0.0, 0.5
    for _ in range(12):
        middle = 0.5 * (low + high)
        certified = score_box_margin(graph, x, label, middle) > 0.0
        low, high = (middle, high) if certified else (low, middle)
    return low


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=8, help="held-out images, all frames disturbed")
    parser.add_argument("--networks", default=",".join(NETWORKS), help="which of them")
    parser.add_argument("--methods", default="zonotope", help="analyses of certrnn")
    parser.add_argument("--epochs", type=int, default=60)
    asked = parser.parse_args()
    logging.root.manager.disable = logging.CRITICAL
    split = digits_split()
    with tempfile.TemporaryDirectory() as name:
        for which in asked.networks.split(","):
            network, accuracy = trained(NETWORKS[which], asked.epochs)
            file = Path(name) / "network.onnx"
            write(network, file)
            model = certrnn.load(str(file), layout="n,t,f")
            x, y = split.x_heldout[: asked.images], split.y_heldout[: asked.images]
            attacked = None
            for method in asked.methods.split(","):
                begin = time.perf_counter()
                rows = model.radius(x, y, frames="all", clip=(0, 1), method=method, attack=attacked is None)
                seconds = (time.perf_counter() - begin) / len(x)
                right = [row for row in rows if row.verdict != "misclassified"]
                if attacked is None:
                    attacked = {row.sample: row.eps_attacked for row in right}
                eps = np.array([row.eps_certified or 0.0 for row in right])
                top = np.array([attacked[row.sample] or np.nan for row in right])
                share = eps / top
                print(
                    f"{which:12} accuracy {accuracy:.3f} {method:9} {len(right)} images, mean eps {eps.mean():.5f}, "
                    f"share of PGD {np.nanmean(share):.3f} (least {np.nanmin(share):.3f}), {seconds:.2f} s each",
                    flush=True,
                )
                if isinstance(network, Additive) and method == "zonotope":
                    boxes = [
                        score_box_radius(network, Path(name), x[row.sample], int(y[row.sample]))
                        for row in right
                    ]
                    print(
                        f"{which:12} score box: mean eps {np.mean(boxes):.5f}, "
                        f"ours is {np.mean(eps) / np.mean(boxes):.2f} times it"
                    )


if __name__ == "__main__":
    main()
