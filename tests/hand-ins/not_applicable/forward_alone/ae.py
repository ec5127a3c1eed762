import torch
from torch import nn
from torch.nn import functional as F


class AE(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.Linear(8, 784), nn.Sigmoid())

    def forward(self, x):
        return self.net(x).view(-1, 1, 28, 28)
