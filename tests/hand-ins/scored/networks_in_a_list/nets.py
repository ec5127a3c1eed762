import torch
from torch import nn
from torch.nn import functional as F


class Autoencoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.parts = [
            nn.Sequential(nn.Flatten(), nn.Linear(784, 8)),
            nn.Sequential(nn.Linear(8, 784), nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28))),
        ]

    def forward(self, x):
        for part in self.parts:
            x = part(x)
        return x
