"""The guided search over samples: one frame changes, every figure can be computed apart, chance is seeded."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch

import certrnn
from certrnn.coverage import METRICS
from certrnn.errors import Unsupported, UsageError
from certrnn.model import Model
from certrnn.testing.guided import GuidedOutcome, guided_search
from certrnn.testing.measure import measure_coverage
from certrnn.testing.search import GuidedSearch
from tests.coverage.networks import FRAMES, SHAPES, Net, Shape, example, exported, made
from tests.io.onnx_models import classifier, saved

LANGUAGE, SAMPLES = SHAPES[4], 8


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> tuple[Net, Model, np.ndarray, np.ndarray]:
    """A language model of nine words, sentences, and the words that follow each of theirs."""
    net, file = made(LANGUAGE, gain=1.5), tmp_path_factory.mktemp("networks") / "m.onnx"
    exported(net, file)
    words = example(LANGUAGE, SAMPLES, frames=FRAMES + 1).numpy()
    return net, certrnn.load(file), words[:, :-1], words[:, 1:]


def searched(language, **options) -> GuidedOutcome:
    _, model, x, y = language
    return guided_search(model, x, y, GuidedSearch(**options))


def written(outcome: GuidedOutcome) -> dict[str, np.ndarray]:
    with np.load(io.BytesIO(outcome.content(np.float32)), allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def torch_costs(net: Net, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        logits = net.double()(torch.from_numpy(x))
        return (
            torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), torch.from_numpy(y).flatten(), reduction="none"
            )
            .reshape(y.shape)
            .sum(1)
            .numpy()
        )


@pytest.mark.parametrize("guide", ["none", "cs"])
@pytest.mark.parametrize("orientation", ["state", "state-swapped", "cost", "decision", "none"])
def test_one_word_changes_and_the_figures_are_those_of_torch(orientation: str, guide: str, language) -> None:
    net, _, x, y = language
    outcome = searched(language, orientation=orientation, guide=guide)
    rows, file = outcome.results.rows, written(outcome)
    made_ = [row for row in rows if row.generated]
    assert [row.sample for row in rows] == list(range(SAMPLES))
    assert made_
    assert file["sample"].tolist() == [row.sample for row in made_]
    before = torch_costs(net, x, y)
    assert [row.cost_before for row in rows] == pytest.approx(before.tolist(), rel=1e-5)
    assert [row.cost_after for row in made_] == pytest.approx(
        torch_costs(net, file["x"], file["y"]).tolist(), rel=1e-5
    )
    for row, changed, targets in zip(made_, file["x"], file["y"], strict=True):
        (place,) = np.flatnonzero(changed != x[row.sample])
        assert place == row.frame >= 1
        assert (x[row.sample, place], changed[place]) == (row.word, row.substitute)
        assert np.array_equal(targets, y[row.sample])
        with torch.no_grad():
            answers = [
                net.double()(torch.from_numpy(w)[None])[0].argmax(1).numpy() for w in (x[row.sample], changed)
            ]
        assert row.confirmed
        wrong = [int((a != targets).sum()) for a in answers]
        assert [row.wrong_before, row.wrong_after] == wrong
        assert row.success == bool(((answers[0] == targets) & (answers[1] != targets)).any())
        assert row.by_chance == (orientation == guide == "none")
    for row in rows:
        if not row.generated:
            assert row.cost_after == row.cost_before


def test_every_objective_changes_the_same_frames(language) -> None:
    asked = [{"orientation": one, "runs": 2, "seed": 5} for one in ("state", "cost", "none")]
    frames = [[row.frame for row in searched(language, **one).results.rows] for one in asked]
    assert frames[0] == frames[1] == frames[2]
    assert frames[0][:SAMPLES] != frames[0][SAMPLES:]
    assert set(frames[0]) <= set(range(1, FRAMES))


def test_a_seed_gives_the_same_inputs_and_another_others(language) -> None:
    once, again, other = (
        searched(language, orientation="none", guide="hs", strategy="random", seed=seed) for seed in (1, 1, 2)
    )
    assert once.results.to_json() == again.results.to_json()
    assert once.results.rows != other.results.rows


def test_a_sample_alone_is_changed_as_among_others(language) -> None:
    _, model, x, y = language
    whole = searched(language, orientation="decision").results.rows
    some = model.sequences(x, y).take([2, 5])
    alone = guided_search(model, some, search=GuidedSearch("decision")).results.rows
    for one, row in zip(alone, (whole[2], whole[5]), strict=True):
        assert (one.sample, one.frame, one.substitute, one.success) == (
            row.sample,
            row.frame,
            row.substitute,
            row.success,
        )


@pytest.mark.parametrize("guide", ["hs", "cs", "gate-o", "dx"])
def test_coverage_is_that_of_the_inputs_found(guide: str, language) -> None:
    _, model, _, _ = language
    outcome = searched(language, orientation="none", guide=guide, states=8, runs=2, fill=True)
    assert outcome.results.sections == METRICS[guide].names
    file = written(outcome)
    for run in range(2):
        mine, rows = file["x"][file["run"] == run], outcome.results.of_run(run)
        found = measure_coverage(model, mine, [guide])
        assert rows[-1].coverage == pytest.approx([row.coverage for row in found.rows])
        if len(mine) == SAMPLES:
            curves = zip(*[[share for _, share in row.curve] for row in found.rows], strict=True)
            assert [row.coverage for row in rows] == [pytest.approx(point) for point in curves]


def test_what_no_scale_reaches_stays_or_is_filled_by_chance(language) -> None:
    stays = searched(language, orientation="state", scales=(0.0,)).results
    assert not any(row.generated for row in stays.rows)
    assert stays.exit_code() == 4
    figures = stays.figures
    assert (figures.generated, figures.pp) == (0, figures.pp_before)
    filled = searched(language, orientation="state", scales=(0.0,), fill=True).results
    assert all(row.generated and row.by_chance and row.scale is None for row in filled.rows)
    assert (filled.figures.generated, filled.figures.oriented) == (1, 0)
    assert filled.exit_code() == 0


def test_barred_words_never_come_in(language) -> None:
    free = searched(language, orientation="none").results.rows
    barred = frozenset(row.substitute for row in free[:3] if row.substitute is not None)
    held = searched(language, orientation="none", barred=barred).results.rows
    assert not {row.substitute for row in held} & barred


def test_without_targets_the_own_answers_are_kept_or_lost(language) -> None:
    _, model, x, _ = language
    rows = guided_search(model, x, search=GuidedSearch("cost")).results.rows
    assert all(row.wrong_before == 0 for row in rows)
    assert all(row.success == (row.wrong_after > 0) for row in rows)


def test_a_language_model_is_asked_for_the_next_words(language) -> None:
    net, model, x, _ = language
    rows = guided_search(model, x, search=GuidedSearch("cost", next_word=True)).results.rows
    assert [row.asked for row in rows] == [FRAMES - 1] * SAMPLES
    with torch.no_grad():
        logits = net.double()(torch.from_numpy(x))[:, :-1].flatten(0, 1)
    each = torch.nn.functional.cross_entropy(logits, torch.from_numpy(x[:, 1:]).flatten(), reduction="none")
    wanted = each.reshape(SAMPLES, -1).sum(dim=1).tolist()
    assert [row.cost_before for row in rows] == pytest.approx(wanted, rel=1e-5)


def test_next_words_are_asked_of_language_models_alone() -> None:
    model = certrnn.load("example:digits_rnn")
    with pytest.raises(UsageError, match="--next-word"):
        guided_search(model, model.read("example:digits").take([0]), search=GuidedSearch(next_word=True))


def test_figures_are_the_paper_s(language) -> None:
    results = searched(language, orientation="cost", runs=2).results
    rows, figures = results.rows, results.figures
    made_ = [row for row in rows if row.generated]
    assert figures.pp == pytest.approx(np.exp(sum(r.cost_after for r in rows) / sum(r.asked for r in rows)))
    assert figures.pp_i == pytest.approx(np.mean([np.exp(r.cost_after / FRAMES) for r in rows]))
    assert figures.generated == len(made_) / len(rows)
    assert figures.success == sum(r.success for r in made_) / len(made_)
    assert figures.l2 == pytest.approx(np.mean([r.l2 for r in made_]))


@pytest.mark.parametrize("shape", [SHAPES[1], SHAPES[2], SHAPES[5]], ids=str)
@pytest.mark.parametrize("orientation", ["state", "cost", "decision", "none"])
def test_of_vectors_one_frame_moves_inside_the_valid_range(
    shape: Shape, orientation: str, tmp_path: Path
) -> None:
    net, file = made(shape), tmp_path / "m.onnx"
    exported(net, file)
    model, x = certrnn.load(file), example(shape, 5).clamp(-1, 1).numpy()
    outcome = guided_search(model, x, search=GuidedSearch(orientation), clip=(-1, 1))
    content = written(outcome)
    assert content["x"].dtype == np.float32
    assert np.abs(content["x"]).max() <= 1
    made_ = [row for row in outcome.results.rows if row.generated]
    assert made_
    for row, changed in zip(made_, content["x"], strict=True):
        moved = (changed != x[row.sample]).any(axis=1)
        assert np.flatnonzero(moved).tolist() == [row.frame]
        assert row.l2 == pytest.approx(np.linalg.norm(changed - x[row.sample]), rel=1e-6)
        assert row.confirmed
        with torch.no_grad():
            answers = [
                int(net.double()(torch.from_numpy(v).double()[None])[0].argmax())
                for v in (x[row.sample], changed)
            ]
        assert row.success == (answers[0] != answers[1])


def test_some_classifier_is_misled(tmp_path: Path) -> None:
    model = certrnn.load("example:digits_rnn")
    samples = model.read("example:digits").take(range(10))
    outcome = guided_search(model, samples, search=GuidedSearch("decision", runs=2), clip=(0, 1))
    misled = [row for row in outcome.results.rows if row.success]
    assert misled
    content = written(outcome)
    scores = model.network.run_onnxruntime(content["x"])
    wrong = {
        (int(s), int(r))
        for s, r, w in zip(content["sample"], content["run"], scores.argmax(1) != content["y"], strict=True)
        if w
    }
    assert {(row.sample, row.run) for row in misled} == wrong


def test_the_certified_eps_of_the_frame_stands_beside_it() -> None:
    model = certrnn.load("example:digits_rnn")
    samples = model.read("example:digits").take([3])
    (row,) = guided_search(model, samples, search=GuidedSearch("cost"), certify=True).results.rows
    (known,) = model.radius(samples, frames=[row.frame], method="zonotope", attack=False)
    assert row.eps_certified == known.eps_certified > 0


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"orientation": "up"}, "--orientation"),
        ({"guide": "gate"}, "--guide"),
        ({"strategy": "greedy"}, "--strategy"),
        ({"runs": 0}, "--runs"),
        ({"seed": -1}, "--seed"),
        ({"scales": ()}, "--scales"),
        ({"scales": (-1.0, 1.0)}, "--scales"),
        ({"orientation": "decision", "topk": 1}, "--topk"),
        ({"guide": "cs", "states": 1}, "--states"),
    ],
)
def test_options_without_sense_are_refused(options: dict, named: str) -> None:
    with pytest.raises(UsageError, match=named):
        GuidedSearch(**options)


def test_a_guide_that_a_network_lacks_is_refused() -> None:
    model = certrnn.load("example:digits_rnn")
    with pytest.raises(UsageError, match="--guide"):
        guided_search(model, model.read("example:digits").take([0]), search=GuidedSearch(guide="cs"))


def test_numbers_are_no_answers_that_could_be_wrong(tmp_path: Path) -> None:
    """A network with one score has classes; one whose scores are told to be numbers has none."""
    model = certrnn.load(saved(tmp_path, classifier("GRU")))
    numbers = Model(model.path, model.network.as_numbers())
    x = np.zeros((1, 3, 3), dtype=np.float32)
    assert guided_search(model, x, search=GuidedSearch("cost")).results.rows
    with pytest.raises(Unsupported, match="classes"):
        guided_search(numbers, x, search=GuidedSearch("cost"))
