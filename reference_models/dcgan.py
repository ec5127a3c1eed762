"""The deep convolutional generative adversarial network: `gan.py` with networks that follow the DCGAN rules.

Convolutional networks in a GAN used to fail. Radford et al. found by many trials the rules under which they
train stably, and each is marked where it is followed below:

    1  strided convolutions instead of pooling: the networks learn how to halve and to double images;
    2  batch normalisation in both networks, but not in the generator's last nor the discriminator's first
       layer, which must see the true mean and scale of images;
    3  no fully connected hidden layers;
    4  ReLU in the generator, tanh at its end;
    5  leaky ReLU in the discriminator, so that gradients always reach the generator;
    6  weights drawn from N(0, 0.02^2), Adam with step size 2e-4 and a first decay rate of 0.5.

Papers:
    Radford et al., "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
    Networks", 2016, https://arxiv.org/abs/1511.06434
"""

from __future__ import annotations

from torch import nn

from gan import GAN

__all__ = ["DCGAN", "draw_initial_weights"]


class DCGAN(GAN):
    """A GAN whose generator doubles a 7 x 7 image twice, and whose discriminator halves one twice.

    Args:
        noise_size: how many numbers of noise the generator starts from.
        channels: feature maps of the layers next to the image; the inner ones have twice as many.
        epochs: how often `fit` sees every training image.

    """

    def __init__(self, *, noise_size: int = 64, channels: int = 32, epochs: int = 12) -> None:
        super().__init__(noise_size=noise_size, epochs=epochs)
        c = channels
        self.generator = nn.Sequential(
            nn.Unflatten(1, (noise_size, 1, 1)),                                # -> (N, d, 1, 1)
            nn.ConvTranspose2d(noise_size, 2 * c, 7, bias=False),               # -> (N, 2c, 7, 7)      rule 3
            nn.BatchNorm2d(2 * c), nn.ReLU(),                                   # rules 2 and 4
            nn.ConvTranspose2d(2 * c, c, 4, stride=2, padding=1, bias=False),   # -> (N, c, 14, 14)     rule 1
            nn.BatchNorm2d(c), nn.ReLU(),
            nn.ConvTranspose2d(c, 1, 4, stride=2, padding=1), nn.Tanh(),        # -> (N, 1, 28, 28)     rule 4
        )
        self.discriminator = nn.Sequential(
            nn.Conv2d(1, c, 4, stride=2, padding=1), nn.LeakyReLU(0.2),         # -> (N, c, 14, 14) rules 1, 5
            nn.Conv2d(c, 2 * c, 4, stride=2, padding=1, bias=False),            # -> (N, 2c, 7, 7)
            nn.BatchNorm2d(2 * c), nn.LeakyReLU(0.2),                           # rule 2
            nn.Conv2d(2 * c, 1, 7), nn.Flatten(),                               # -> (N, 1): logit      rule 3
        )
        self.apply(draw_initial_weights)                                        # rule 6; `fit` has the rest


def draw_initial_weights(layer: nn.Module) -> None:
    """Draw the weights of a convolution from N(0, 0.02^2), and the scales of a normalisation around 1."""
    if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
        nn.init.normal_(layer.weight, 0.0, 0.02)
    elif isinstance(layer, nn.BatchNorm2d):
        nn.init.normal_(layer.weight, 1.0, 0.02)
