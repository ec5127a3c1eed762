"""The Wasserstein GAN with gradient penalty.

The discriminator of a GAN becomes certain, and then its gradient teaches the generator nothing. The
Wasserstein distance between real and made images stays informative however far apart they are. It is

    W  =  max  E_x [ D(x) ]  -  E_z [ D(G(z)) ]     over all D with |D(a) - D(b)| <= |a - b|

so D, now called critic, gives any number instead of a probability, and must be 1-Lipschitz. A function is
so exactly if its gradient is nowhere longer than 1, and the best D has a gradient of length 1 almost
everywhere between the two kinds of images. The critic therefore minimises

    L  =  E_z [ D(G(z)) ] - E_x [ D(x) ]  +  lambda E [ ( |grad D(x^)| - 1 )^2 ],   lambda = 10,

where x^ lies at a random place on the line from a real image to a made one (Gulrajani, eq. 3).

Papers:
    Arjovsky et al., "Wasserstein GAN", 2017, https://arxiv.org/abs/1701.07875
    Gulrajani et al., "Improved Training of Wasserstein GANs", 2017, https://arxiv.org/abs/1704.00028
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from harness.contract import GenerativeModel, from_symmetric, to_symmetric

from adversarial import train_adversarially
from training import Progress

__all__ = ["WGANGP"]


class WGANGP(nn.Module, GenerativeModel):
    """A generator that doubles a 7 x 7 image twice, and a critic that halves an image twice.

    The critic has no batch normalisation: the penalty is on the gradient of each image by itself, and batch
    normalisation would make the critic's answer to one image depend on the others.

    Args:
        noise_size: how many numbers of noise the generator starts from.
        channels: feature maps of the layers next to the image; the inner ones have twice as many.
        penalty: lambda, the weight of the gradient penalty.
        critic_steps: steps of the critic for each one of the generator; the paper takes 5.
        epochs: how often `fit` sees every training image; the critic's steps count.

    """

    def __init__(
        self, *, noise_size: int = 64, channels: int = 32, penalty: float = 10.0, critic_steps: int = 2,
        epochs: int = 16,
    ) -> None:
        super().__init__()
        self.noise_size = noise_size
        self.penalty = penalty
        self.critic_steps = critic_steps
        self.epochs = epochs
        c = channels
        self.generator = nn.Sequential(
            nn.Linear(noise_size, 98 * c, bias=False), nn.Unflatten(1, (2 * c, 7, 7)),  # -> (N, 2c, 7, 7)
            nn.BatchNorm2d(2 * c), nn.ReLU(),
            nn.ConvTranspose2d(2 * c, c, 4, stride=2, padding=1, bias=False),           # -> (N, c, 14, 14)
            nn.BatchNorm2d(c), nn.ReLU(),
            nn.ConvTranspose2d(c, 1, 4, stride=2, padding=1), nn.Tanh(),                # -> (N, 1, 28, 28)
        )
        self.features = self.build_features(c)                                          # -> (N, 98 c)
        self.head = nn.Linear(98 * c, 1)                                                # -> (N, 1)

    def build_features(self, channels: int) -> nn.Sequential:
        """Build the critic up to its last layer: (N, 1, 28, 28) -> (N, 98 c)."""
        c = channels
        return nn.Sequential(
            nn.Conv2d(1, c, 4, stride=2, padding=1), nn.LeakyReLU(0.2),                 # -> (N, c, 14, 14)
            nn.Conv2d(c, 2 * c, 4, stride=2, padding=1), nn.LeakyReLU(0.2),             # -> (N, 2c, 7, 7)
            nn.Flatten(),                                                               # -> (N, 98 c)
        )

    # -- the game --------------------------------------------------------------------------------------

    def critic(self, images: Tensor) -> Tensor:
        """Give D (N,) of images (N, 1, 28, 28) in [-1, 1]: how real they look, on a scale of no meaning."""
        scores: Tensor = self.head(self.features(images)).squeeze(1)
        return scores

    def generate(self, count: int) -> Tensor:
        """Give G(z) for drawn noise: (count, 1, 28, 28) in [-1, 1]."""
        fake: Tensor = self.generator(torch.randn(count, self.noise_size, device=self.head.weight.device))
        return fake

    def gradient_lengths(self, real: Tensor, fake: Tensor) -> Tensor:
        """Give |grad D(x^)| (N,) at a random place x^ on the line from each real image to a made one."""
        place = torch.rand(len(real), 1, 1, 1, device=real.device)
        between = (place * real + (1 - place) * fake).requires_grad_()                  # (N, 1, 28, 28)
        (gradient,) = torch.autograd.grad(self.critic(between).sum(), between, create_graph=True)
        lengths: Tensor = gradient.flatten(1).norm(dim=1)
        return lengths

    def critic_loss(self, images: Tensor) -> Tensor:
        """Give L (eq. 3) over a batch of images in [-1, 1]: the negative distance, and the penalty."""
        with torch.no_grad():
            fake = self.generate(len(images))
        distance = self.critic(images).mean() - self.critic(fake).mean()
        penalty = ((self.gradient_lengths(images, fake) - 1) ** 2).mean()
        return -distance + self.penalty * penalty

    def generator_loss(self, images: Tensor) -> Tensor:
        """Give -E [ D(G(z)) ] for as many fakes as the batch has images."""
        return -self.critic(self.generate(len(images))).mean()

    def lipschitz_estimate(self, images: Tensor, *, seed: int = 0) -> dict[str, float]:
        """Estimate the critic's Lipschitz constant from its gradient between images (N, 1, 28, 28) and fakes.

        Images count in [-1, 1] here, as in training.

        Returns:
            "mean" and "largest" length of the gradient: the penalty pulls all lengths to 1, and the largest
            is a lower bound on the constant, which no number of places can bound from above.

        """
        self.eval()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            lengths = torch.cat([
                self.gradient_lengths(to_symmetric(part), self.generate(len(part)).detach()).detach()
                for part in torch.split(images, self.batch_size)
            ])
        return {"mean": float(lengths.mean()), "largest": float(lengths.max())}

    def report(self, images: Tensor, labels: Tensor) -> dict[str, float]:
        """Tell the estimate of the critic's Lipschitz constant."""
        del labels
        return {f"gradient length, {name}": value for name, value in self.lipschitz_estimate(images).items()}

    # -- the contract ----------------------------------------------------------------------------------

    def fit(
        self, images: Tensor, labels: Tensor | None = None, *, seed: int, device: str = "cpu",
        deadline: float = math.inf, progress: Progress | None = None,
    ) -> None:
        """Train on images (N, 1, 28, 28); labels are not used."""
        del labels
        train_adversarially(
            self, self.generator, nn.ModuleList([self.features, self.head]), self.generator_loss,
            self.critic_loss, [to_symmetric(images)], epochs=self.epochs, critic_steps=self.critic_steps,
            batch_size=64, learning_rates=(4e-4, 4e-4), betas=(0.0, 0.9), seed=seed, device=device,
            deadline=deadline, progress=progress,
        )

    @torch.no_grad()
    def sample(self, count: int, *, labels: Tensor | None = None, seed: int) -> Tensor:
        """Draw noise and turn it into images (count, 1, 28, 28)."""
        del labels
        self.eval()         # batch normalisation with its standing statistics: no image depends on another
        random = torch.Generator().manual_seed(seed)        # on the CPU: every device draws the same noise
        noise = torch.randn(count, self.noise_size, generator=random)
        device = self.head.weight.device
        parts = torch.split(noise, self.batch_size)
        images: Tensor = from_symmetric(torch.cat([self.generator(part.to(device)) for part in parts]))
        return images
