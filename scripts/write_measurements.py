"""Write docs/measurements.md from the table of metrics; a test fails while the two differ.

python scripts/write_measurements.py
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from harness.metrics import FAMILIES, METRICS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "measurements.md"

INTRODUCTION = """\
# Measurements

Every measurement has a value, a unit, a direction, a 95% interval, a sample size and its baselines. The formulas, with
their sources, stand in the docstrings of `harness/metrics/`; this table is what `harness.metrics.METRICS` says of them.
"""

FLAGS = """\
## Flags

A flag is something that a person should look at. It never takes points: it stands in the report with its number, the
95% interval of that number and the threshold, and beside every mark that was given for a measurement of that model.

- `identity`: noise or permuted pixels come back with less than half the error of PCA of the same size.
- `worse_than_mean_image`: the mean training image as the answer to everything would be closer; the weights may be
  those of another data set, or the declared range of images wrong.
- `image_in_digits`: rounding each number of a code to 256 levels raises the error to more than 1.5 times. The reference
  VAEs lose 0.03% by it.
- `test_images_known`: test images come back better than images that are just as hard; see below.
- `codes_unstable`: the same images were given other codes a second time.
- `codes_depend_on_batch`, `images_depend_on_batch`: 300 test images were given other codes, or other images from the
  same codes, when they were asked for in another order.
- `codes_collapsed`: all images have one code. `code_ignored`: images hardly change between the codes of two classes.
- `labels_leak`: the codes part the classes better than a classifier's features do.
- `copies`: more than 5% of the samples, and more than twice as many as of real test images, lie nearer to a training
  image than half of what is usual. `test_images_copied`: the same of test images, beside training images.
- `duplicates`: samples look like one another. `collapse`: they are real enough, but show next to nothing of the
  variety. `classes_missing`: hardly any of a class.
- `seed_ignored`: another seed drew the same samples. `seed_unstable`: the same seed drew others.
- `judges_disagree`: one of the two judge networks sees more than twice the distance that the other sees.
- `worse_than_uniform`, `impossible_likelihood`, `no_density`: the stated likelihood is worse than that of uniform
  noise, better than any can be, or gives noise a density that cannot integrate to one.

### Trained on the test set?

The test set is public, so a checkpoint that was made elsewhere may know it. Two comparisons tell, and both take out how
hard each image is (the errors of 2, 8, 20 and 60 principal components):

- `reconstruction.even_gap`: an honest model reconstructs its training images at least as well as test images that are
  as hard. Reference VAEs have 0.013 to 0.017, a VAE that was trained for ten epochs on the test set -0.010.
- `reconstruction.moved_gap`: 2,500 test images and as many training images are moved by one pixel, to sides that
  follow from the seed of the grade, so that nobody can have trained on them, and are encoded and decoded as well. If
  that costs more on test images than on training images, the model knew the test images as they are.

Flagged is the first below -0.01 or the second above 0.01, if it also lies 1.6 half-widths of its interval from 0,
where chance takes one honest model of a thousand. What this cannot see is a model that was trained on test and training
images alike and remembers neither, which gains next to nothing by it. `harness check` uses fewer images, and sees only
what is plain.

### Likelihoods

A log-likelihood is the model's own word, whatever kind it states: nothing here checks that its density integrates to
one. It is shown as self-reported, and a criterion on it is left to a person. What no density can have is flagged.
"""


def page() -> str:
    """Give the page as Markdown."""
    return "\n".join(_lines())


def _lines() -> Iterator[str]:
    yield INTRODUCTION
    for family in FAMILIES:
        needs = ", ".join(f"`{need}`" for need in family.needs)
        yield f"## {family.title}\n\nNeeds: {needs}.\n"
        yield "| name | what | unit | better | read it as |\n|---|---|---|---|---|"
        for metric in METRICS.values():
            if metric.family == family.name:
                yield f"| `{metric.name}` | {metric.title} | {metric.unit} | {metric.better} | {metric.explains} |"
        yield ""
    yield FLAGS.rstrip("\n")
    yield ""


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
