"""What a report states is found where it is plainly said, and nothing is claimed that is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.handin.numbers import half_unit, parse
from harness.handin.pages import PageText
from harness.handin.stated import stated_in


def page(text: str) -> PageText:
    return PageText(number=1, text=text, links=[], pictures=0, scanned=False)


def stated(text: str, **options) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for one in stated_in([page(text)], **options):
        found.setdefault(one.name, []).append(one.value if one.number is None else one.number)
    return found


@pytest.mark.parametrize(("text", "name", "value"), [
    ("The latent dimension is 20.", "latent size", 20),
    ("Latent size: 32", "latent size", 32),
    ("a 16-dimensional latent space", "latent size", 16),
    ("latent_dim = 10", "latent size", 10),
    ("We use a latent space of dimension 64.", "latent size", 64),
    ("and log variance of 20 latent variables", "latent size", 20),
    ("mit einem 20-dimensionalen latenten Raum", "latent size", 20),
    ("We trained the model for 30 epochs.", "epochs", 30),
    ("Epochs: 15", "epochs", 15),
    ("num_epochs = 12", "epochs", 12),
    ("BATCH_SIZE = 256", "batch size", 256),
    ("Adam, batch size 64, 10 epochs", "epochs", 10),
    ("Wir haben das Modell über 25 Epochen trainiert, also trainiert für 25 Epochen.", "epochs", 25),
    ("batch size of 128", "batch size", 128),
    ("Batchgröße: 64", "batch size", 64),
    ("batches of size 32", "batch size", 32),
    ("a learning rate of 1e-3", "learning rate", 0.001),
    ("learning rate = 10\u22124", "learning rate", 0.0001),
    ("learning rate: 5 × 10^-4", "learning rate", 0.0005),
    ("Die Lernrate beträgt 0,001 und das ist es.", "learning rate", 0.001),
    ("lr=2e-4", "learning rate", 0.0002),
    ("weight decay 0.00001", "weight decay", 0.00001),
    ("a beta-VAE with β = 4", "weight of the divergence (beta)", 4),
    ("The model has 258,025 parameters.", "parameters", 258_025),
    ("1.2M trainable parameters", "parameters", 1_200_000),
    ("The MSE on the test set is 0.0133.", "mean squared error", 0.0133),
    ("Reconstruction error (MSE): 0.0133", "mean squared error", 0.0133),
    ("reconstruction error on the test images 0.0120 (mean squared error per pixel)", "mean squared error", 0.012),
    ("Der mittlere quadratische Fehler beträgt 0,0133 auf den Testbildern und das ist gut.",
     "mean squared error", 0.0133),
    ("test BCE per image: 236.1", "binary cross-entropy", 236.1),
    ("FID score: 31.5", "Fréchet distance", 31.5),
    ("We reach an SSIM of 0.71", "structural similarity", 0.71),
    ("3.2 bits/dim on the test set", "bits per dimension", 3.2),
    ("A 5-nearest neighbour classifier has an accuracy of 84.0%", "nearest-neighbour accuracy", 0.84),
    ("The reconstruction loss is 0.24", "reconstruction error", 0.24),
    ("final loss: 240.3", "loss", 240.3),
    ("Optimizer: RMSprop", "optimiser", "RMSprop"),
])
def test_what_is_plainly_said_is_found(text, name, value):
    assert stated(text) == {name: [pytest.approx(value) if not isinstance(value, str) else value]} | {
        other: values for other, values in stated(text).items() if other != name}
    assert len(stated(text)[name]) == 1


@pytest.mark.parametrize("text", [
    "After 5 epochs the loss no longer falls.",
    "Training stops if the loss has not improved for 5 epochs.",
    "a warm-up of the divergence over the first 10 epochs",
    "Images are saved every 10 epochs.",
    "Kingma et al. train for 500 epochs with a batch size of 128.",
    "[3] reports an FID of 12.3.",
    "The authors use a learning rate of 0.01.",
    "We vary the first 2 latent dimensions.",
    "MSE of the mean image 0.0866",
    "mean squared error of the noise 0.489",
    "The MSE on 10,000 test images was computed.",
    "The loss fell from 270 to 240.",
    "loss 273.1 to 238.7 nats",
    "The learning rate was divided by 10 at epoch 30.",
    "noise schedule: beta = 0.0001, beta = 0.02",
    "Figure 3: accuracy 2 epochs in",
    "two parameters, mean and variance, and 2 parameters more",
    "Adam Example and Eve Example",
    "The reconstruction error is shown in Figure 2.",
    "Epoch: 3, loss: 0.2443",
    "Epoch [1/10], Loss: 0.2443, MSE: 0.02",
    "28x28 images of 10 classes, 60,000 for training",
])
def test_what_is_said_of_something_else_is_not_claimed(text):
    assert stated(text) == {}


def test_a_member_whose_name_is_an_optimisers_is_none():
    text = "Adam Example trained the model with SGD."
    assert stated(text, members=["Adam Example"]) == {"optimiser": ["SGD"]}


def test_references_state_nothing():
    text = "We used SGD for training.\nReferences\n[1] Adam: A method, trained with batch size 64, 2014."
    assert stated(text) == {"optimiser": ["SGD"]}


def test_the_snippet_holds_the_words_and_the_page():
    (one,) = stated_in([page("x " * 100 + "the batch size is 64 for all " + "y " * 100)])
    assert "the batch size is 64 for all" in one.snippet
    assert one.snippet.startswith("… ")
    assert one.snippet.endswith(" …")
    assert (one.page, one.value) == (1, "64")


def test_two_values_of_one_setting_are_both_shown_and_a_repeated_one_once():
    assert stated("VAE: batch size 64. GAN: batch size 128. Again: batch size 64.") == {"batch size": [64, 128]}


@given(st.text(max_size=400))
def test_any_text_is_looked_through(text):
    for one in stated_in([page(text)]):
        assert one.value


@pytest.mark.parametrize(("printed", "value", "half"), [
    ("0.0133", 0.0133, 0.00005), ("1e-3", 0.001, 0.0005), ("60,000", 60_000, 0.5), ("236.1", 236.1, 0.05),
    ("10^-4", 0.0001, 0.00005),
])
def test_a_printed_number_is_as_exact_as_its_last_digit(printed, value, half):
    assert parse(printed) == pytest.approx(value)
    assert half_unit(printed, value) == pytest.approx(half)
