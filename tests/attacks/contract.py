"""What every attack must keep to, as a list of complaints: empty for an honest attack."""

from __future__ import annotations

import torch

from certrnn.attacks import Attack
from certrnn.domains import evaluate
from tests.attacks.cases import Case, exactly_inside
from tests.rounding import evaluation_room


def complaints(attack: Attack, case: Case) -> list[str]:
    """Everything wrong with the outcomes of an attack on a case."""
    torch.manual_seed(1)
    before = (torch.random.get_rng_state(), case.region.center.clone(), case.spec.rows.clone())
    outcome = attack(case.graph, case.region, case.spec)
    again = attack(case.graph, case.region, case.spec)
    after = (torch.random.get_rng_state(), case.region.center, case.spec.rows)
    margin = case.spec.margins(evaluate(case.graph, outcome.x)).amin(dim=1)
    # the attack may have evaluated it in another batch
    lost = evaluation_room(case.graph, outcome.x, case.spec).amax(dim=1)
    still = [t for t in range(case.region.center.shape[1]) if t not in case.region.frames]
    x, center, clip = outcome.x, case.region.center, case.region.clip
    found = {
        "another run gives other sequences": not torch.equal(x, again.x),
        "global random state changed": not torch.equal(before[0], after[0]),
        "the caller's tensors changed": not all(map(torch.equal, before[1:], after[1:])),
        "a sequence lies outside its region": not all(exactly_inside(case.region, x)),
        "an undisturbed frame moved": not torch.equal(x[:, still], center[:, still]),
        "the valid range is left": clip is not None and not bool(((x >= clip[0]) & (x <= clip[1])).all()),
        "success without a violation": bool((outcome.success & ~(margin <= lost)).any()),
        "a violation that was not claimed": bool((~outcome.success & (margin <= -lost)).any()),
        "the margin is not the sequence's": not bool(((margin - outcome.margin).abs() <= lost).all()),
        "success where nothing can be found": case.breakable == "none" and bool(outcome.success.any()),
        "a gradient is kept": x.requires_grad or outcome.margin.requires_grad,
    }
    return [what for what, wrong in found.items() if wrong]
