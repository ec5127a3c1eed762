import torch
from torch import nn
from torch.nn import functional as F


class Flow(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale, self.shift = nn.Parameter(torch.zeros(784)), nn.Parameter(torch.zeros(784))
        self.prior = torch.distributions.Logistic if hasattr(torch.distributions, "Logistic") else None

    def f(self, x):
        return (x - self.shift) * torch.exp(-self.scale), -self.scale.sum()

    def g(self, z):
        return z * torch.exp(self.scale) + self.shift

    def sample(self, size):
        u = torch.rand(size, 784).clamp(1e-6, 1 - 1e-6)
        return self.g(torch.log(u) - torch.log1p(-u))
