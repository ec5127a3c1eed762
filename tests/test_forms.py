"""Forms of images: there and back is the identity, but for what is declared to lose something."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.forms import LAYOUTS, Form, from_model, round_trip, to_model

RNG = np.random.default_rng(0)
IMAGES = RNG.random((3, 1, 28, 28), dtype=np.float32)

lossless = st.builds(
    Form, layout=st.sampled_from(LAYOUTS), size=st.sampled_from([28, 32, 64]), fit=st.just("pad"),
    channels=st.sampled_from([1, 3]), range=st.sampled_from([(0.0, 1.0), (-1.0, 1.0), (0.0, 255.0), (-0.5, 0.5)]),
    mean=st.sampled_from([0.0, 0.286]), std=st.sampled_from([1.0, 0.353]),
)


def shape_of(form: Form) -> tuple[int, ...]:
    channels, size = form.channels, form.size
    return {
        "nchw": (3, channels, size, size), "nhwc": (3, size, size, channels), "nhw": (3, size, size),
        "flat": (3, channels * size * size),
    }[form.layout]


@given(lossless)
def test_what_loses_nothing_comes_back_as_it_was_in_torch_and_in_numpy(form):
    if form.layout == "nhw" and form.channels == 3:
        return
    for images in (IMAGES, torch.from_numpy(IMAGES)):
        seen = to_model(images, form)
        assert tuple(seen.shape) == shape_of(form)
        np.testing.assert_allclose(np.asarray(from_model(seen, form)), IMAGES, atol=2e-6)


def test_the_contracts_own_form_hands_on_the_very_array():
    assert to_model(IMAGES, Form()) is IMAGES
    assert from_model(IMAGES, Form()) is IMAGES


@pytest.mark.parametrize(("form", "value"), [
    (Form(range=(-1, 1)), 1.0), (Form(range=(0, 255)), 255.0), (Form(mean=0.5, std=0.5), 1.0),
    (Form(mean=0.286, std=0.353), (1 - 0.286) / 0.353), (Form(binarise=0.5), 1.0),
])
def test_white_becomes_what_the_form_says(form, value):
    assert to_model(np.ones((1, 1, 28, 28), np.float32), form).max() == pytest.approx(value)


def test_normalising_by_a_half_is_the_same_as_a_range_from_minus_one_to_one():
    one, other = (to_model(IMAGES, form) for form in (Form(mean=0.5, std=0.5), Form(range=(-1, 1))))
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_logits_become_grey_by_the_logistic_function():
    logits = torch.tensor([[-2.0] * 784, [0.0] * 784, [2.0] * 784])
    grey = from_model(logits, Form(layout="flat", logits=True))
    np.testing.assert_allclose(grey[:, 0, 0, 0], 1 / (1 + np.exp([2.0, 0.0, -2.0])), rtol=1e-6)


def test_values_out_of_range_are_not_clamped():
    assert from_model(np.full((1, 784), 1.2, np.float32), Form(layout="flat")).max() == pytest.approx(1.2)


def test_numbers_that_make_no_image_are_handed_on_for_the_evaluator_to_refuse():
    assert from_model(np.zeros((2, 10)), Form(layout="flat")).shape == (2, 10)


def test_binarising_costs_what_it_takes_away_and_padding_costs_nothing():
    cost = np.mean((round_trip(IMAGES, Form(binarise=0.5), Form()) - IMAGES) ** 2)
    assert cost == pytest.approx(np.mean(((IMAGES > 0.5) - IMAGES) ** 2), rel=1e-6)
    assert np.array_equal(round_trip(IMAGES, Form(size=32), Form(size=32)), IMAGES)


def test_resizing_there_and_back_is_what_torch_does():
    big = torch.nn.functional.interpolate(
        torch.from_numpy(IMAGES), size=(32, 32), mode="bilinear", align_corners=False, antialias=True)
    back = torch.nn.functional.interpolate(big, size=(28, 28), mode="bilinear", align_corners=False, antialias=True)
    form = Form(size=32, fit="resize")
    np.testing.assert_allclose(round_trip(IMAGES, form, form), back.numpy(), atol=3e-6)
    np.testing.assert_allclose(from_model(to_model(IMAGES, form), form), back.numpy(), atol=3e-6)
