import torch
from torch import nn
from torch.nn import functional as F


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, 8, 4, 4), nn.ReLU(), nn.Flatten(), nn.Linear(392, 8))
        self.decoder = nn.Sequential(
            nn.Linear(8, 392), nn.ReLU(), nn.Unflatten(1, (8, 7, 7)),
            nn.ConvTranspose2d(8, 1, 4, 4), nn.ReLU())

    def forward(self, x):
        return self.decoder(self.encoder(x))
