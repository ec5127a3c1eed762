"""The report shows where an answer was read, with the piece of the page."""

from __future__ import annotations

import base64
import io

from PIL import Image

from harness.records import ImageFile
from harness.report.render import render_report


def crop(data: str) -> ImageFile:
    return ImageFile(caption="1a, page 2", alt="The page where <1a> was read: yes.", width=40, height=20, data=data)


def rendered(result, image: ImageFile) -> str:
    first, *others = result.theory.statements
    first = first.model_copy(update={"read_from": "page 2, <b>strokes</b>", "crop": image})
    theory = result.theory.model_copy(update={"statements": [first, *others]})
    return render_report(result.model_copy(update={"theory": theory}))


def test_the_crop_stands_beside_its_answer(result):
    stream = io.BytesIO()
    Image.new("RGB", (40, 20), "white").save(stream, "PNG")
    page = rendered(result, crop(base64.b64encode(stream.getvalue()).decode()))
    assert '<img class="crop" src="data:image/png;base64,' in page
    assert 'alt="The page where &lt;1a&gt; was read: yes."' in page
    assert "page 2, &lt;b&gt;strokes&lt;/b&gt;" in page


def test_a_crop_that_is_no_picture_is_left_out(result):
    assert '<img class="crop"' not in rendered(result, crop("bm90IGEgcGljdHVyZQ=="))
