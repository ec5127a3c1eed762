import torch
from torch import nn
from torch.nn import functional as F

device = "cuda" if torch.cuda.is_available() else "cpu"


class Flatten(nn.Module):
    def forward(self, x):
        return x.view(x.size(0), -1)
