import torch
from torch import nn
from torch.nn import functional as F

latent = 8
encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, latent), nn.Sigmoid())
decoder = nn.Sequential(nn.Linear(latent, 64), nn.ReLU(), nn.Linear(64, 784), nn.Sigmoid(), nn.Unflatten(1, (1, 28, 28)))
optimizer = torch.optim.Adam(list(encoder.parameters()) + list(decoder.parameters()))

while True:
    train_one_epoch(encoder, decoder, optimizer)
