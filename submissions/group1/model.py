"""Our VAE for task 1: fully connected, 20 latent numbers, trained with Adam for 10 epochs."""

import torch
from torch import nn
from torch.nn import functional as F

from harness.contract import GenerativeModel, as_images, flatten

from training import train


class VAE(nn.Module, GenerativeModel):
    def __init__(self, latent=20, hidden=400, epochs=10):
        super().__init__()
        self.latent = latent
        self.epochs = epochs
        # encoder
        self.hidden = nn.Linear(784, hidden)
        self.mu = nn.Linear(hidden, latent)
        self.logvar = nn.Linear(hidden, latent)
        # decoder
        self.up = nn.Linear(latent, hidden)
        self.out = nn.Linear(hidden, 784)

    def posterior(self, images):
        h = F.relu(self.hidden(flatten(images)))
        return self.mu(h), self.logvar(h)

    def logits(self, z):
        return self.out(F.relu(self.up(z)))

    def loss(self, images):
        mu, logvar = self.posterior(images)
        z = mu + torch.exp(logvar / 2) * torch.randn_like(mu)   # reparametrisation
        reconstruction = F.binary_cross_entropy_with_logits(self.logits(z), flatten(images), reduction="sum")
        kl = -0.5 * torch.sum(1 + logvar - mu**2 - logvar.exp())
        return (reconstruction + kl) / len(images)

    def fit(self, images, labels, *, seed, device, deadline):
        train(self, self.loss, images, epochs=self.epochs, batch_size=64, learning_rate=1e-3,
              weight_decay=1e-5, seed=seed, device=device, deadline=deadline)

    def encode(self, images):
        return self.posterior(images)[0]

    def decode(self, codes):
        return as_images(torch.sigmoid(self.logits(codes)))

    def sample(self, count, *, labels=None, seed):
        generator = torch.Generator().manual_seed(seed)
        return self.decode(torch.randn(count, self.latent, generator=generator).to(self.out.weight.device))
