"""Task 1: a convolutional VAE.

Our convolutions halve the image three times, which 28 does not allow, so we work on 32 x 32 with a black
border (`pad`, `crop`). The decoder gives logits; `from_logits` is the sigmoid.
"""

import torch
from torch import nn
from torch.nn import functional as F

from harness.contract import GenerativeModel, crop, from_logits, pad

from training import train


class ConvVAE(nn.Module, GenerativeModel):
    def __init__(self, latent=20, epochs=10):
        super().__init__()
        self.latent = latent
        self.epochs = epochs
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 32, 4, stride=2, padding=1), nn.ReLU(),            # 16 x 16
            nn.Conv2d(32, 48, 4, stride=2, padding=1), nn.ReLU(),           # 8 x 8
            nn.Conv2d(48, 64, 4, stride=2, padding=1), nn.ReLU(),           # 4 x 4
            nn.Flatten(),
            nn.Linear(64 * 4 * 4, 2 * latent),
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent, 64 * 4 * 4), nn.ReLU(),
            nn.Unflatten(1, (64, 4, 4)),
            nn.ConvTranspose2d(64, 48, 4, stride=2, padding=1), nn.ReLU(),  # 8 x 8
            nn.ConvTranspose2d(48, 32, 4, stride=2, padding=1), nn.ReLU(),  # 16 x 16
            nn.ConvTranspose2d(32, 1, 4, stride=2, padding=1),              # 32 x 32
        )

    def posterior(self, images):
        mu, logvar = self.encoder(pad(images)).chunk(2, dim=1)
        return mu, logvar

    def loss(self, images):
        mu, logvar = self.posterior(images)
        z = mu + torch.exp(logvar / 2) * torch.randn_like(mu)
        logits = crop(self.decoder(z))      # the border is no part of the image, so it costs nothing
        reconstruction = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
        kl = -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp())
        return (reconstruction + kl) / len(images)

    def fit(self, images, labels, *, seed, device, deadline, progress=None):
        train(self, self.loss, images, epochs=self.epochs, batch_size=64, learning_rate=1e-3,
              seed=seed, device=device, deadline=deadline, progress=progress)

    def encode(self, images):
        return self.posterior(images)[0]

    def decode(self, codes):
        return from_logits(crop(self.decoder(codes)))

    @torch.no_grad()
    def sample(self, count, *, labels=None, seed):
        generator = torch.Generator().manual_seed(seed)
        codes = torch.randn(count, self.latent, generator=generator)
        return torch.cat([self.decode(part) for part in codes.split(1000)])
