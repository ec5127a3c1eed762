"""The variational autoencoder with discrete codes (VQ-VAE), and a small prior over its codes.

The encoder turns an image into a small map of vectors, and each vector is exchanged for the nearest one of a
codebook. What is left of an image is which entries were taken, a text of 49 letters. The loss of the paper
(equation 3) has three parts, with sg[.] for what is not to be changed:

    L  =  - log p(x | e)  +  || sg[z] - e ||^2  +  beta || z - sg[e] ||^2
          rebuild x          entries move to       the encoder stays
                             what they stand for   near its entries

The nearest entry has no derivative. The decoder's gradient is handed past the exchange to the encoder as if
nothing had happened: the straight-through estimator.

Then a second network learns which texts are common, letter after letter: the prior, from which samples are
drawn. The paper uses a PixelCNN; here a recurrent network reads the neighbours above and to the left, which
draws ten thousand texts in seconds.

Papers:
    van den Oord et al., "Neural discrete representation learning", 2017, https://arxiv.org/abs/1711.00937
    Yu et al., "Vector-quantized image modeling with improved VQGAN", 2022, https://arxiv.org/abs/2110.04627
        (entries of few numbers: all of them come into use)
"""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor, nn
from torch.nn import functional

from harness.contract import GenerativeModel

from training import Progress, Speed, train
from vae import continuous_bernoulli_log_density

__all__ = ["VQVAE", "Codebook", "Prior", "ResidualBlock"]


class VQVAE(nn.Module, GenerativeModel):
    """A VQ-VAE whose 7 x 7 letters are points of a plane: an image has 98 numbers, or 49 letters.

    Args:
        entries: how many entries the codebook has.
        channels: feature maps at 14 x 14; at 7 x 7 there are twice as many.
        hidden: width of the prior's recurrent network.
        beta: weight of the commitment loss.
        epochs: how often `fit` sees every training image for the autoencoder.
        prior_epochs: how often for the prior.

    """

    log_prob_kind = "bound"
    entry_size = 2

    def __init__(
        self, *, entries: int = 64, channels: int = 32, hidden: int = 128, beta: float = 0.25,
        epochs: int = 4, prior_epochs: int = 3,
    ) -> None:
        super().__init__()
        self.beta = beta
        self.epochs, self.prior_epochs = epochs, prior_epochs
        c, d = channels, self.entry_size
        self.encoder = nn.Sequential(                                       # (N, 1, 28, 28)
            nn.Conv2d(1, c, 4, stride=2, padding=1), nn.ReLU(),             # -> (N, c, 14, 14)
            nn.Conv2d(c, 2 * c, 4, stride=2, padding=1),                    # -> (N, 2c, 7, 7)
            ResidualBlock(2 * c), ResidualBlock(2 * c), nn.ReLU(),
            nn.Conv2d(2 * c, d, 1),                                         # -> (N, d, 7, 7): z
        )
        self.codebook = Codebook(entries, d)
        self.decoder = nn.Sequential(                                       # (N, d, 7, 7): e
            nn.Conv2d(d, 2 * c, 3, padding=1),                              # -> (N, 2c, 7, 7)
            ResidualBlock(2 * c), ResidualBlock(2 * c), nn.ReLU(),
            nn.ConvTranspose2d(2 * c, c, 4, stride=2, padding=1), nn.ReLU(),    # -> (N, c, 14, 14)
            nn.ConvTranspose2d(c, 1, 4, stride=2, padding=1),               # -> (N, 1, 28, 28): logits
        )
        self.prior = Prior(entries, hidden)

    # -- the model -------------------------------------------------------------------------------------

    def loss(self, images: Tensor) -> Tensor:
        """Give the loss of the paper, summed over pixels and vectors, as the mean of a batch."""
        z = self.encoder(images)                                            # (N, d, 7, 7)
        e = self.codebook(self.codebook.nearest(z))                         # (N, d, 7, 7)
        straight_through = z + (e - z).detach()         # the value is e; the gradient goes to z
        logits = self.decoder(straight_through)
        distortion = functional.binary_cross_entropy_with_logits(logits, images, reduction="sum")
        codebook = functional.mse_loss(e, z.detach(), reduction="sum")
        commitment = functional.mse_loss(z, e.detach(), reduction="sum")
        return (distortion + codebook + self.beta * commitment) / len(images)

    def letters(self, images: Tensor) -> Tensor:
        """Give the entries (N, 7, 7), int64, that stand for images (N, 1, 28, 28)."""
        return self.codebook.nearest(self.encoder(images))

    # -- the contract ----------------------------------------------------------------------------------

    def fit(
        self, images: Tensor, labels: Tensor | None = None, *, seed: int, device: str = "cpu",
        deadline: float = math.inf, progress: Progress | None = None,
    ) -> None:
        """Train the autoencoder, then the prior on its texts, in the time left; labels are not used."""
        del labels
        now = time.monotonic()
        train(
            self, self.loss, images, epochs=self.epochs, batch_size=64, learning_rate=2e-3, anneal=True,
            speed=Speed(channels_last=True), seed=seed, device=device, deadline=now + 0.6 * (deadline - now),
            progress=progress,
        )
        if time.monotonic() >= deadline:
            return
        with torch.no_grad():
            parts = torch.split(images, self.batch_size)
            texts = torch.cat([self.letters(part.to(device)) for part in parts])        # (N, 7, 7)
        train(
            self.prior, self.prior.loss, texts, epochs=self.prior_epochs, batch_size=64, learning_rate=2e-3,
            anneal=True, seed=seed, device=device, deadline=deadline, progress=progress,
        )
        self.eval()

    @torch.no_grad()
    def encode(self, images: Tensor) -> Tensor:
        """Give the codes (N, 98): for each of 7 x 7 places the two numbers of its entry."""
        entries: Tensor = self.codebook(self.letters(images))       # (N, d, 7, 7)
        return entries.flatten(1)

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Give the images (N, 1, 28, 28) of codes (N, 98), after moving them to the nearest entries."""
        z = codes.view(-1, self.entry_size, 7, 7)
        return torch.sigmoid(self.decoder(self.codebook(self.codebook.nearest(z))))

    @torch.no_grad()
    def sample(self, count: int, *, labels: Tensor | None = None, seed: int) -> Tensor:
        """Draw texts from the prior and decode them to (count, 1, 28, 28)."""
        del labels
        generator = torch.Generator().manual_seed(seed)     # on the CPU: every device draws the same chances
        chances = torch.rand(count, 49, generator=generator)
        device = next(self.parameters()).device
        parts = torch.split(chances, self.batch_size)
        return torch.cat([
            torch.sigmoid(self.decoder(self.codebook(self.prior.draw(part.to(device))))) for part in parts
        ])

    @torch.no_grad()
    def log_prob(self, images: Tensor) -> Tensor:
        """Give a bound (N,) in nats on the log density of images dequantised to [0, 1].

        log p(x) = log sum_e p(e) p(x | e) >= log p(e) + log p(x | e) for the one e that the encoder chooses.
        The decoder's logits are read as those of the continuous Bernoulli distribution, as in vae.py.
        """
        letters = self.letters(images)
        logits = self.decoder(self.codebook(letters))
        return continuous_bernoulli_log_density(images, logits).sum((1, 2, 3)) + self.prior.log_prob(letters)


class Codebook(nn.Module):
    """The vectors that a code may consist of."""

    def __init__(self, entries: int, size: int) -> None:
        super().__init__()
        self.vectors = nn.Parameter(torch.randn(entries, size))         # (K, d)

    def nearest(self, z: Tensor) -> Tensor:
        """Give the index (N, H, W) of the entry nearest to each vector of (N, d, H, W)."""
        distances = torch.cdist(z.permute(0, 2, 3, 1), self.vectors)    # (N, H, W, K)
        return distances.argmin(dim=-1)

    def forward(self, indices: Tensor) -> Tensor:
        """Give the vectors (N, d, H, W) of indices (N, H, W)."""
        return functional.embedding(indices, self.vectors).permute(0, 3, 1, 2)


class ResidualBlock(nn.Module):
    """The paper's block: ReLU, 3 x 3 convolution, ReLU, 1 x 1 convolution, and the input added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.change = nn.Sequential(
            nn.ReLU(), nn.Conv2d(channels, channels // 2, 3, padding=1),
            nn.ReLU(), nn.Conv2d(channels // 2, channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, C, H, W) to the same shape."""
        y: Tensor = x + self.change(x)
        return y


class Prior(nn.Module):
    """p(e) = product of p(letter | letters before it), by a recurrent network that reads line by line.

    Before each letter it is shown the one to the left and the three above, and where it stands.
    """

    NEIGHBOURS = ((1, 0), (0, 0), (0, 1), (0, 2))
    """Left, upper left, above, upper right: rows and columns in a map with a border on three sides."""

    def __init__(self, entries: int, hidden: int) -> None:
        super().__init__()
        self.outside = entries                                          # the letter of the border
        self.embeddings = nn.ModuleList([nn.Embedding(entries + 1, hidden) for _ in self.NEIGHBOURS])
        self.place = nn.Parameter(torch.zeros(49, hidden))
        self.recurrent = nn.GRU(hidden, hidden, batch_first=True)
        self.last = nn.Linear(hidden, entries)

    def loss(self, letters: Tensor) -> Tensor:
        """Give the mean negative log probability of a batch of texts (N, 7, 7)."""
        return -self.log_prob(letters).mean()

    def log_prob(self, letters: Tensor) -> Tensor:
        """Give the log probability (N,) of texts (N, 7, 7)."""
        logits = self(letters).transpose(1, 2)                          # (N, K, 49)
        return -functional.cross_entropy(logits, letters.flatten(1), reduction="none").sum(1)

    def forward(self, letters: Tensor) -> Tensor:
        """Give the logits (N, 49, K) of every letter of texts (N, 7, 7), given those before it."""
        bordered = functional.pad(letters, (1, 1, 1, 0), value=self.outside)        # (N, 8, 9)
        seen = [
            embedding(bordered[:, row : row + 7, column : column + 7]).flatten(1, 2)
            for embedding, (row, column) in zip(self.embeddings, self.NEIGHBOURS, strict=True)
        ]                                                                           # four of (N, 49, hidden)
        states, _ = self.recurrent(sum(seen) + self.place)
        logits: Tensor = self.last(states)
        return logits

    def draw(self, chances: Tensor) -> Tensor:
        """Turn even chances (N, 49) into texts (N, 7, 7), one letter after the other."""
        bordered = torch.full((len(chances), 8, 9), self.outside, device=chances.device)
        state = None
        for k, chance in enumerate(chances.T):
            i, j = divmod(k, 7)
            seen = [
                embedding(bordered[:, i + row, j + column])
                for embedding, (row, column) in zip(self.embeddings, self.NEIGHBOURS, strict=True)
            ]                                                                       # four of (N, hidden)
            _, state = self.recurrent((sum(seen) + self.place[k])[:, None], state)
            cumulative = self.last(state[0]).softmax(1).cumsum(1)                   # (N, K)
            letter = (cumulative < chance[:, None]).sum(1)
            bordered[:, i + 1, j + 1] = letter.clamp(max=self.outside - 1)     # sums may end a little under 1
        return bordered[:, 1:, 1:8]
