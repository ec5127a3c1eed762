import torch
from torch import nn

from harness.contract import GenerativeModel
from ours.layers import down


class ConvVAE(nn.Module, GenerativeModel):
    def __init__(self, latent):
        super().__init__()
        self.latent = latent
        self.features = nn.Sequential(down(1, 8), down(8, 16), nn.Flatten())
        self.mean, self.log_variance = nn.Linear(784, latent), nn.Linear(784, latent)
        self.back = nn.Sequential(
            nn.Linear(latent, 784), nn.Unflatten(1, (16, 7, 7)), nn.ConvTranspose2d(16, 8, 4, 2, 1), nn.ReLU(),
            nn.ConvTranspose2d(8, 1, 4, 2, 1), nn.Sigmoid())

    def encode(self, images):
        return self.mean(self.features(images))

    def posterior(self, images):
        features = self.features(images)
        return self.mean(features), self.log_variance(features)

    def decode(self, codes):
        return self.back(codes)

    def sample(self, count, *, labels=None, seed):
        codes = torch.randn(count, self.latent, generator=torch.Generator().manual_seed(seed))
        return self.decode(codes.to(self.mean.weight.device))
