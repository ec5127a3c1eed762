"""What is asked of a model that translates between photographs and line drawings: there, and back again."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.data.outlines import DOMAINS, line_drawings
from harness.evidence.plan import Plan, balanced, derive
from harness.evidence.talk import Talk, batches, image_rule

__all__ = ["Translations", "ask_translations"]

_OTHER = dict(zip(DOMAINS, reversed(DOMAINS), strict=True))
_REQUEST = 500


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Translations:
    """Images (n, 28, 28) float32 of one domain, what they became in the other, and these translated back.

    Attributes:
        index: positions (n,) in the test split of what the images were made of.

    """

    index: np.ndarray
    images: np.ndarray
    there: np.ndarray
    back: np.ndarray


def ask_translations(talk: Talk, plan: Plan) -> dict[str, Translations]:
    """Translate test photographs, and line drawings of other ones; by the domain that they come from."""
    chosen = balanced(plan.test_labels, 2 * plan.budget.translations, derive(plan.seed, "translation"))
    found = {}
    for domain, part in zip(DOMAINS, (chosen[0::2], chosen[1::2]), strict=True):
        photographs = plan.test[part]
        images = line_drawings(photographs) if domain == "drawing" else photographs.astype(np.float32) / np.float32(255)
        talk.stage(f"translating a {domain}")
        there = _translate(talk, images, to=_OTHER[domain])
        back = None if there is None else _translate(talk, there, to=domain)
        if there is None or back is None:
            return {}
        found[domain] = Translations(index=plan.test_index[part], images=images, there=there, back=back)
    return found


def _translate(talk: Talk, images: np.ndarray, *, to: str) -> np.ndarray | None:
    out = np.empty_like(images)
    for part in batches(len(images), _REQUEST):
        count = part.stop - part.start
        answer = talk.ask("translate", {"images": images[part]}, {"to": to}, expect={"images": image_rule(count)})
        if answer is None:
            return None
        np.clip(answer["images"], 0.0, 1.0, out=out[part])
        talk.meter.done(count)
    return out
