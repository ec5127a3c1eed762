"""Draw the one-page reports of the shipped hand-ins; pictures and numbers come from their trained models."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hand_in_models import SUBMISSIONS, as_tensor, trained
from PIL import Image as PillowImage
from reportlab.graphics.shapes import Circle, Drawing, PolyLine, Rect, String
from reportlab.lib.colors import HexColor, black, grey
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.platypus import Flowable, Image, Paragraph, SimpleDocTemplate, Spacer, Table

from harness.data import CLASSES, Dataset

__all__ = ["draw_all"]

TEXT = ParagraphStyle("text", fontName="Helvetica", fontSize=8.5, leading=10.6)
SMALL = ParagraphStyle("small", parent=TEXT, fontSize=7.2, leading=8.8, textColor=HexColor("#444444"))
HEAD = ParagraphStyle("head", parent=TEXT, fontName="Helvetica-Bold", fontSize=10, leading=13, spaceBefore=4)
TITLE = ParagraphStyle("title", parent=HEAD, fontSize=14, leading=18)
WIDTH = A4[0] - 36 * mm - 12     # the frame keeps 6 points on either side
HALF = WIDTH / 2 - 8
COLOURS = (
    "#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee",
    "#aa3377", "#bbbbbb", "#222222", "#ee8866", "#44bb99",
)


def draw_all(data: Dataset) -> None:
    """Write `report.pdf` into the hand-ins that have one."""
    draw_group2(data)
    draw_group3(data)


# --- what is measured


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What both pages say about a VAE."""

    mse: float              # mean squared error per pixel on the test images
    mean_image: float       # the same of the mean training image
    active: int             # units of the code whose variance over the test images is above 0.01
    neighbours: float       # share of test images whose class the 10 nearest of 10,000 training codes tell
    pixels: float           # the same for the images themselves
    codes: np.ndarray       # (10000, d) of the test images


def measure(model: Any, data: Dataset) -> Facts:
    """Measure a VAE on all test images."""
    from sklearn.neighbors import KNeighborsClassifier

    train, test = as_tensor(data.train.images), as_tensor(data.test.images)
    with torch.no_grad():
        codes, known = model.encode(test), model.encode(train[:10_000])
        rebuilt = torch.cat([model.decode(part) for part in torch.split(codes, 1000)])

    def told(from_what: np.ndarray, what: np.ndarray) -> float:
        classifier = KNeighborsClassifier(10).fit(from_what, data.train.labels[:10_000])
        return float(classifier.score(what, data.test.labels))

    return Facts(
        mse=float(((rebuilt - test) ** 2).mean()),
        mean_image=float(((train.mean(0) - test) ** 2).mean()),
        active=int((codes.var(0) > 0.01).sum()),
        neighbours=told(known.numpy(), codes.numpy()),
        pixels=told(train[:10_000].flatten(1).numpy(), test.flatten(1).numpy()),
        codes=codes.numpy(),
    )


def nearest_training_image(images: torch.Tensor, train: torch.Tensor) -> float:
    """Give the mean squared distance per pixel from images to the nearest training image, averaged."""
    distances = torch.cdist(images.flatten(1), train.flatten(1)).min(1).values ** 2 / 784
    return float(distances.mean())


# --- pictures


def picture(images: np.ndarray, *, width: float) -> Flowable:
    """Set images (rows, columns, 28, 28) in [0, 1] as one picture, dark on light, with space between them."""
    rows, columns = images.shape[:2]
    sheet = np.ones((rows * 30 - 2, columns * 30 - 2), np.float32)
    for row in range(rows):
        for column in range(columns):
            sheet[row * 30:row * 30 + 28, column * 30:column * 30 + 28] = 1 - images[row, column]
    file = io.BytesIO()
    PillowImage.fromarray((sheet * 255).round().astype(np.uint8)).save(file, "PNG")
    file.seek(0)
    return Image(file, width=width, height=width * sheet.shape[0] / sheet.shape[1])


def reconstructions(model: Any, data: Dataset) -> np.ndarray:
    """Give the first test image of every class and below it its reconstruction: (2, 10, 28, 28)."""
    first = [int(np.flatnonzero(data.test.labels == label)[0]) for label in range(10)]
    images = as_tensor(data.test.images[first])
    with torch.no_grad():
        return np.stack([images[:, 0].numpy(), model.decode(model.encode(images))[:, 0].numpy()])


def samples(model: Any, *, rows: int) -> np.ndarray:
    """Give samples (rows, 10, 28, 28); nobody chose them."""
    drawn: np.ndarray = model.sample(rows * 10, seed=1).detach().numpy()
    return drawn.reshape(rows, 10, 28, 28)


def lines(model: Any, data: Dataset, pairs: list[tuple[int, int]]) -> np.ndarray:
    """Give the decoded straight lines between the codes of pairs of test images: (pairs, 10, 28, 28)."""
    ends = as_tensor(data.test.images[np.asarray(pairs).reshape(-1)])
    with torch.no_grad():
        codes = model.encode(ends).reshape(len(pairs), 2, 1, -1)
        weights = torch.linspace(0, 1, 10)[None, :, None]
        points = codes[:, 0] * (1 - weights) + codes[:, 1] * weights
        images: np.ndarray = model.decode(points.reshape(-1, points.shape[-1])).numpy()
    return images.reshape(len(pairs), 10, 28, 28)


def pairs_of(data: Dataset, *, labels: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Choose the second and third test image of the classes of each pair."""
    place = {label: np.flatnonzero(data.test.labels == label) for label in range(10)}
    return [(int(place[first][1]), int(place[second][2])) for first, second in labels]


def curve(history: list[float], *, width: float, height: float) -> Flowable:
    """Draw the loss of every epoch."""
    drawing = Drawing(width, height)
    low, high = min(history), max(history)
    left, bottom = 34, 14
    step = (width - left - 6) / max(len(history) - 1, 1)
    scale = (height - bottom - 10) / (high - low)
    points = [(left + index * step, bottom + (value - low) * scale) for index, value in enumerate(history)]
    drawing.add(Rect(left, bottom, width - left - 6, height - bottom - 10, strokeColor=grey, fillColor=None))
    flat = [number for point in points for number in point]
    drawing.add(PolyLine(flat, strokeColor=HexColor(COLOURS[0]), strokeWidth=1.4))
    for value, y in ((high, height - 16), (low, bottom)):
        drawing.add(String(left - 3, y, f"{value:.3g}", fontSize=7, textAnchor="end", fillColor=black))
    drawing.add(String(left, 4, "epoch 1", fontSize=7))
    drawing.add(String(width - 6, 4, str(len(history)), fontSize=7, textAnchor="end"))
    return drawing


def code_map(codes: np.ndarray, labels: np.ndarray, *, size: float) -> Flowable:
    """Draw t-SNE of codes (N, d), coloured by class, with its legend beside it."""
    from sklearn.manifold import TSNE

    places = TSNE(init="pca", random_state=0).fit_transform(codes)
    places = (places - places.min(0)) / np.ptp(places, axis=0).max() * (size - 4) + 2
    drawing = Drawing(size + 62, size)
    for (x, y), label in zip(places.tolist(), labels.tolist(), strict=True):
        drawing.add(Circle(x, y, 0.9, fillColor=HexColor(COLOURS[label]), strokeColor=None))
    for label, name in enumerate(CLASSES):
        y = size - 10 - label * 11
        drawing.add(Circle(size + 6, y + 2.5, 2.5, fillColor=HexColor(COLOURS[label]), strokeColor=None))
        drawing.add(String(size + 12, y, name, fontSize=7))
    return drawing


# --- pages


def write_page(path: Path, title: str, story: list[Flowable]) -> None:
    """Write one page; the same story gives the same bytes."""
    page = SimpleDocTemplate(
        str(path), pagesize=A4, leftMargin=18 * mm, rightMargin=18 * mm, topMargin=12 * mm,
        bottomMargin=10 * mm, title=title, invariant=1,
    )
    page.build(story)
    if page.page > 1:
        raise SystemExit(f"{path}: {page.page} pages; shorten the text, one is allowed")
    print(f"{path.parent.name}/{path.name}: {path.stat().st_size / 1e3:.0f} kB", flush=True)


def beside_each_other(*columns: list[tuple[Flowable, str]], widths: list[float]) -> Flowable:
    """Set columns of pictures beside each other, each picture with a caption below."""
    cells = [
        [part for figure, words in column for part in (figure, Paragraph(words, SMALL), Spacer(1, 3))]
        for column in columns
    ]
    table = Table([cells], colWidths=widths, hAlign="LEFT")
    table.setStyle([
        ("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0),
        ("RIGHTPADDING", (0, 0), (-1, -1), 8), ("TOPPADDING", (0, 0), (-1, -1), 1),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 1),
    ])
    return table


def minutes(seconds: float) -> str:
    """Say a duration as a page would."""
    return f"{seconds:.0f} seconds" if seconds < 100 else f"{seconds / 60:.0f} minutes"


def prose(words: str) -> Flowable:
    """Set a paragraph."""
    return Paragraph(words, TEXT)


def pair(*cells: tuple[Flowable, str]) -> Flowable:
    """Set two pictures of half the width beside each other."""
    return beside_each_other(*([cell] for cell in cells), widths=[WIDTH / 2, WIDTH / 2])


def draw_group2(data: Dataset) -> None:
    """Write the page of the hand-in with one VAE, for the sheet of summer 22."""
    folder = SUBMISSIONS / "group2"
    model, training = trained(folder, module="model", kind="ConvVAE", checkpoint="vae.safetensors")
    facts = measure(model, data)
    weights = sum(weight.numel() for weight in model.parameters())
    between = lines(model, data, pairs_of(data, labels=[(0, 1), (7, 9), (8, 2)]))
    history = training["history"]
    story: list[Flowable] = [
        Paragraph("Exercise 2, group2: a convolutional VAE of Fashion-MNIST", TITLE),
        Paragraph("Cem Example, Dana Example, Eli Example. Code: https://example.org/group2", SMALL),
        Paragraph("Modeling", HEAD),
        prose(f"""Encoder: two strided convolutions (32 and 64 channels, 4 x 4) and a linear layer to mean and
            log variance of {model.code_size} latent numbers. Decoder: its mirror image with transposed
            convolutions. {weights:,} weights. Loss: negative ELBO, i.e. binary cross-entropy of the
            pixels plus the KL divergence to N(0, 1) [1]."""),
        Paragraph("Training Parameters", HEAD),
        prose(f"""Adam, learning rate 0.001, weight decay 0.00001, batch size 64, {len(history)} epochs over
            the 60,000 training images, seed 0."""),
        Paragraph("Training", HEAD),
        prose(f"""The loss fell from {history[0]:.1f} nats in the first epoch to {history[-1]:.1f} in the
            last. Training took {minutes(training['seconds'])} on one core of a busy machine."""),
        Paragraph("Results", HEAD),
        prose(f"""Reconstruction error on the 10,000 test images: mean squared error {facts.mse:.4f} per
            pixel; the mean image has {facts.mean_image:.4f}. {facts.active} of {model.code_size} latent
            numbers are in use (variance of the posterior mean above 0.01). The 10 nearest of 10,000
            training images tell the class of a test image in {facts.neighbours:.1%} of cases in the
            latent space and in {facts.pixels:.1%} in pixels."""),
        Spacer(1, 4),
        pair(
            (picture(reconstructions(model, data), width=HALF), "Test images and their reconstructions."),
            (picture(samples(model, rows=2), width=HALF), "Generated images from the prior, not selected."),
        ),
        beside_each_other(
            [(code_map(facts.codes[:2000], data.test.labels[:2000], size=172),
              "t-SNE [2] of the codes of 2,000 test images.")],
            [(picture(between, width=HALF),
              "Interpolation between two classes: T-shirt, trouser; sneaker, boot; bag, pullover."),
             (curve(history, width=HALF, height=72), "Loss in nats per image over the epochs.")],
            widths=[WIDTH / 2, WIDTH / 2]),
        Paragraph("Interpretation", HEAD),
        prose("""Reconstructions keep the outline and lose texture and print: with a pixel-wise loss and 20
            numbers, what cannot be stored is averaged. Generated images look like garments, but
            blurred. In the map, trousers, bags and the three kinds of shoes form clusters of their own,
            while T-shirt, pullover, coat, dress and shirt run into each other; the VAE never saw a
            label. On the lines the shape changes steadily from one garment to the other; halfway between
            unlike classes stands something that is neither, such as a bag with sleeves."""),
        Paragraph("References", HEAD),
        Paragraph("""[1] Kingma and Welling, Auto-Encoding Variational Bayes, 2014. [2] van der Maaten and
            Hinton, Visualizing Data using t-SNE, 2008. Model and training loop are the course's
            reference_models/conv_vae.py. Tools: PyTorch, scikit-learn.""", SMALL),
    ]
    write_page(folder / "report.pdf", "Exercise 2, group2", story)


def draw_group3(data: Dataset) -> None:
    """Write the page of the hand-in with two models, for the sheet of summer 23."""
    folder = SUBMISSIONS / "group3"
    vae, training = trained(folder, module="model", kind="ConvVAE", checkpoint="vae.safetensors")
    other, second = trained(
        folder, module="diffusion", kind="LatentDiffusion", checkpoint="diffusion.safetensors")
    facts = measure(vae, data)
    started = time.process_time()
    drawn = other.sample(10_000, seed=2)[:1000]
    seconds = time.process_time() - started
    train = as_tensor(data.train.images)
    near_vae = nearest_training_image(vae.sample(1000, seed=2), train)
    near_other = nearest_training_image(drawn, train)
    near_test = nearest_training_image(as_tensor(data.test.images[:1000]), train)
    within = lines(vae, data, pairs_of(data, labels=[(9, 9), (8, 8)]))
    between = lines(vae, data, pairs_of(data, labels=[(1, 3), (9, 8)]))
    history = training["history"]
    story: list[Flowable] = [
        Paragraph("Exercise 2, group3: a VAE, and diffusion in its latent space", TITLE),
        Paragraph("Fay Example, Ida Example. Code: https://example.org/group3", SMALL),
        Paragraph("Modeling", HEAD),
        prose(f"""<b>VAE</b> [1]: images padded to 32 x 32, three strided convolutions (32, 48, 64 channels),
            {vae.latent} latent numbers, the mirror image as decoder; binary cross-entropy plus KL.
            <b>Latent diffusion</b> [2-4]: a DDPM over the standardised posterior means of the training
            images, cosine schedule with 1,000 noise levels; the noise is predicted by a residual MLP
            (width 256, three blocks). Samples: {other.steps} DDIM steps, then the VAE's decoder."""),
        Paragraph("Training Parameters", HEAD),
        prose(f"""VAE: Adam, learning rate 0.001, batch size 64, {len(history)} epochs. Diffusion: AdamW,
            one-cycle learning rate up to 0.001, batch size 512, {other.epochs} epochs over the 60,000
            codes."""),
        Paragraph("Training", HEAD),
        prose(f"""On one core of a busy machine: VAE {minutes(training['seconds'])}, loss {history[0]:.1f} to
            {history[-1]:.1f} nats per image; diffusion {minutes(second['seconds'])}, mean squared error
            of the noise {second['history'][0]:.3f} (first tenth) to {second['history'][-1]:.3f} (last)."""),
        Paragraph("Results", HEAD),
        prose(f"""VAE: reconstruction error on the test images {facts.mse:.4f} (mean squared error per pixel;
            mean image {facts.mean_image:.4f}), {facts.active} of {vae.latent} latent numbers in use.
            Mean squared distance from a generated image to the nearest training image: {near_vae:.4f}
            for the VAE, {near_other:.4f} for the diffusion model; from a test image it is
            {near_test:.4f}. 10,000
            images take {seconds:.1f} seconds of processor time."""),
        Spacer(1, 4),
        pair(
            (picture(reconstructions(vae, data), width=HALF), "Test images, and as the VAE rebuilds them."),
            (curve(history, width=HALF, height=58), "Loss of the VAE in nats per image over the epochs."),
        ),
        pair(
            (picture(samples(vae, rows=3), width=HALF), "Generated images of the VAE, not selected."),
            (picture(samples(other, rows=3), width=HALF), "The same of the diffusion model."),
        ),
        pair(
            (picture(within, width=HALF), "Interpolation within one class: ankle boots, bags."),
            (picture(between, width=HALF), "Interpolation between two classes: trouser, dress; boot, bag."),
        ),
        Paragraph("Interpretation", HEAD),
        prose("""The VAE keeps shapes and loses textures. Within a class its lines pass through garments of
            that class; between classes that resemble each other they do as well, while from a boot to a
            bag the middle is a blur that is neither: the line leaves the region where codes of images
            lie. That is also why the VAE's generated images are worse than its reconstructions, and
            what the second model mends: it learns where the codes lie and draws from there. It cannot
            be sharper than the decoder, which both share."""),
        Paragraph("References", HEAD),
        Paragraph("""[1] Kingma and Welling, Auto-Encoding Variational Bayes, 2014. [2] Ho et al., Denoising
            Diffusion Probabilistic Models, 2020. [3] Song et al., Denoising Diffusion Implicit Models,
            2021. [4] Rombach et al., High-Resolution Image Synthesis with Latent Diffusion Models,
            2022. Training loop: the course's reference_models/training.py. Tool: PyTorch.""", SMALL),
    ]
    write_page(folder / "report.pdf", "Exercise 2, group3", story)
