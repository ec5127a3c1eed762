import torch
from torch import nn
from torch.nn import functional as F


class VQ(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = nn.Conv2d(1, 4, 4, 4)
        self.codebook = nn.Embedding(16, 4)
        self.decoder = nn.Sequential(nn.ConvTranspose2d(4, 1, 4, 4), nn.Sigmoid())

    def indices(self, x):
        z = self.encoder(x).permute(0, 2, 3, 1)
        return torch.cdist(z.reshape(len(x), -1, 4), self.codebook.weight).argmin(-1).view(len(x), 7, 7)

    def from_indices(self, indices):
        return self.decoder(self.codebook(indices).permute(0, 3, 1, 2))

    def forward(self, x):
        indices = self.indices(x)
        return self.from_indices(indices), self.encoder(x), self.codebook(indices), indices
