"""Models of known quality, from noise to a trained VAE, which every measurement must put in the right order.

A hand-in that is made of this file and of the checkpoints beside it is any of the five: `RUNGS` says which
class with which checkpoint. `scripts/make_submissions.py ladder` makes the checkpoints.
"""

import torch
from torch import nn

from harness.contract import GenerativeModel

RUNGS = {       # from worst to best: class and checkpoint
    "noise": ("Noise", None),
    "untrained": ("Untrained", None),
    "mean_image": ("MeanImage", "mean_image.safetensors"),
    "one_epoch": ("VAE", "one_epoch.safetensors"),
    "ten_epochs": ("VAE", "ten_epochs.safetensors"),
}
CODE = 20
PIXELS = 784


class Noise(GenerativeModel):
    """Knows nothing: codes and images are noise, fixed for each input so that an answer can be repeated."""

    def encode(self, images):
        return _scrambled(images.flatten(1), CODE) * 2 - 1

    def decode(self, codes):
        return _scrambled(codes, PIXELS).reshape(-1, 1, 28, 28)

    def sample(self, count, *, labels=None, seed):
        return torch.rand(count, 1, 28, 28, generator=torch.Generator().manual_seed(seed))


class MeanImage(nn.Module, GenerativeModel):
    """Has one answer to everything, the mean training image; its code is noise, which the image ignores."""

    def __init__(self):
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(1, 28, 28), requires_grad=False)

    def fit(self, images, labels, *, seed, device, deadline, progress=None):
        self.mean.copy_(images.mean(0))

    def encode(self, images):
        return _scrambled(images.flatten(1), CODE) * 2 - 1

    def decode(self, codes):
        return self.mean.expand(len(codes), 1, 28, 28)

    def sample(self, count, *, labels=None, seed):
        return self.mean.expand(count, 1, 28, 28)


class VAE(nn.Module, GenerativeModel):
    """The reference VAE with 256 hidden units; its checkpoint says how long it was trained."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(PIXELS, 256), nn.ReLU(), nn.Linear(256, 2 * CODE))
        self.decoder = nn.Sequential(
            nn.Linear(CODE, 256), nn.ReLU(), nn.Linear(256, PIXELS), nn.Unflatten(1, (1, 28, 28)))

    def posterior(self, images):
        return self.encoder(images).chunk(2, dim=1)

    def encode(self, images):
        return self.posterior(images)[0]

    def decode(self, codes):
        return torch.sigmoid(self.decoder(codes))

    def sample(self, count, *, labels=None, seed):
        return self.decode(torch.randn(count, CODE, generator=torch.Generator().manual_seed(seed)))


class Untrained(VAE):
    """The same VAE as it begins."""

    def __init__(self):
        torch.manual_seed(0)
        super().__init__()


def _scrambled(rows, size):
    """Give `size` numbers in [0, 1) for each row (N, k) that depend on all of it and resemble none of it."""
    weights = torch.rand(rows.shape[1], size, generator=torch.Generator().manual_seed(7), dtype=torch.float64)
    return ((rows.double() @ weights).sin() * 43758.5453).remainder(1).float()
