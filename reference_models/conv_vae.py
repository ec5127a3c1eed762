"""The variational autoencoder with convolutional networks.

The ELBO says nothing about the networks that compute encoder and decoder: whatever maps an image to a mean
and a variance, and a code to an image, will do. This model is `vae.py` with both networks exchanged for
convolutions, which know that neighbouring pixels belong together and look everywhere with the same weights.

Papers:
    Kingma & Welling, "Auto-Encoding Variational Bayes", 2014, https://arxiv.org/abs/1312.6114
    Dumoulin & Visin, "A guide to convolution arithmetic", 2016, https://arxiv.org/abs/1603.07285 (the sizes)
"""

from __future__ import annotations

from torch import nn

from vae import VAE

__all__ = ["ConvVAE"]


class ConvVAE(VAE):
    """A VAE whose encoder halves the image twice, and whose decoder doubles it twice.

    Args:
        code_size: how many numbers a code has.
        channels: feature maps of the outer convolutions; the inner ones have twice as many.
        beta: weight of the KL divergence; 1 is the ELBO.
        epochs: how often `fit` sees every training image.
        importance_samples: codes that `log_prob` draws for each image.

    """

    def __init__(
        self, *, code_size: int = 20, channels: int = 32, beta: float = 1.0, epochs: int = 10,
        importance_samples: int = 8,
    ) -> None:
        super().__init__(code_size=code_size, beta=beta, epochs=epochs, importance_samples=importance_samples)
        c = channels
        self.encoder = nn.Sequential(                                         # (N, 1, 28, 28)
            nn.Conv2d(1, c, 4, stride=2, padding=1), nn.ReLU(),               # -> (N, c, 14, 14)
            nn.Conv2d(c, 2 * c, 4, stride=2, padding=1), nn.ReLU(),           # -> (N, 2c, 7, 7)
            nn.Flatten(),                                                     # -> (N, 98 c)
            nn.Linear(98 * c, 2 * code_size),                                 # -> (N, 2 d)
        )
        self.decoder = nn.Sequential(                                         # (N, d)
            nn.Linear(code_size, 98 * c), nn.ReLU(),                          # -> (N, 98 c)
            nn.Unflatten(1, (2 * c, 7, 7)),                                   # -> (N, 2c, 7, 7)
            nn.ConvTranspose2d(2 * c, c, 4, stride=2, padding=1), nn.ReLU(),  # -> (N, c, 14, 14)
            nn.ConvTranspose2d(c, 1, 4, stride=2, padding=1),                 # -> (N, 1, 28, 28): logits
        )
