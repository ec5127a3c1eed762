import torch
from torch import nn
from torch.nn import functional as F


class CVAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(794, 64), nn.ReLU())
        self.mu, self.log_var = nn.Linear(64, 4), nn.Linear(64, 4)
        self.decoder = nn.Sequential(nn.Linear(14, 64), nn.ReLU(), nn.Linear(64, 784), nn.Sigmoid())

    def encode(self, x, c):
        h = self.encoder(torch.cat([x, c], dim=1))
        return self.mu(h), self.log_var(h)

    def decode(self, z, c):
        return self.decoder(torch.cat([z, c], dim=1))

    def sample(self, n_samples, c):
        return self.decode(torch.randn(n_samples, 4), c)
