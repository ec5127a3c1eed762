"""Task 2: a diffusion model in the latent space of our VAE (Rombach et al. 2022, in small).

A VAE samples codes from N(0, 1), but the codes of real images do not fill that distribution: between them lie
holes that decode to nothing in particular. So we learn the distribution of the codes with a DDPM (Ho et al.
2020, with the cosine schedule of Nichol and Dhariwal 2021) and decode what it draws. A code has 20 numbers,
so the network that removes the noise is a small MLP. Sampling takes 25 deterministic steps (DDIM, Song et al.
2021).
"""

import math
import time
from pathlib import Path

import torch
from torch import nn

from harness.contract import GenerativeModel, load_weights

from model import ConvVAE

LEVELS = 1000       # noise levels in training


class Denoiser(nn.Module):
    """Predicts the noise in a noisy code (N, d) at the noise level t (N,), counted from 0 to LEVELS - 1."""

    def __init__(self, latent, width):
        super().__init__()
        self.time = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
        self.first = nn.Linear(latent, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
            for _ in range(3)
        )
        self.last = nn.Linear(width, latent)
        self.register_buffer("frequencies", torch.exp(torch.linspace(0, math.log(1000), 32)))

    def forward(self, codes, t):
        angles = t[:, None] / LEVELS * self.frequencies
        time_embedding = self.time(torch.cat([angles.sin(), angles.cos()], dim=1))
        h = self.first(codes)
        for block in self.blocks:
            h = h + block(h + time_embedding)
        return self.last(h)


class LatentDiffusion(nn.Module, GenerativeModel):
    def __init__(self, latent=20, width=256, steps=25, epochs=150):
        super().__init__()
        self.latent = latent
        self.steps = steps
        self.epochs = epochs
        self.vae = ConvVAE(latent)
        self.denoiser = Denoiser(latent, width)
        t = torch.arange(LEVELS + 1) / LEVELS
        kept = torch.cos((t + 0.008) / 1.008 * math.pi / 2) ** 2
        self.register_buffer("kept", (kept / kept[0])[1:].clamp(min=1e-4))  # share of signal left at level t
        self.register_buffer("mean", torch.zeros(latent))                   # of the codes, to standardise
        self.register_buffer("std", torch.ones(latent))

    def noisy(self, codes, noise, t):
        kept = self.kept[t][:, None]
        return kept.sqrt() * codes + (1 - kept).sqrt() * noise

    def fit(self, images, labels, *, seed, device, deadline, progress=None):
        # first stage: the VAE of task 1 as we hand it in; the codes of all training images
        self.to(device)
        load_weights(self.vae, Path(__file__).with_name("vae.safetensors"))
        with torch.no_grad():
            codes = torch.cat([self.vae.encode(part.to(device)) for part in images.split(1000)])
        self.mean.copy_(codes.mean(0))
        self.std.copy_(codes.std(0))
        codes = (codes - self.mean) / self.std
        # second stage: the denoiser
        torch.manual_seed(seed)
        optimiser = torch.optim.AdamW(self.denoiser.parameters(), lr=1e-3, fused=True)
        steps = self.epochs * (len(codes) // 512)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=1e-3, total_steps=steps)
        total = torch.zeros((), device=device)
        for step in range(steps):
            if time.monotonic() > deadline - 2:
                break
            batch = codes[torch.randint(len(codes), (512,), device=device)]
            noise = torch.randn_like(batch)
            t = torch.randint(LEVELS, (512,), device=device)
            loss = ((self.denoiser(self.noisy(batch, noise, t), t) - noise) ** 2).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.detach()
            if progress and (step + 1) % (steps // 10) == 0:
                progress((step + 1) * 10 // steps, 10, total.item() / (steps // 10))
                total.zero_()

    @torch.no_grad()
    def sample(self, count, *, labels=None, seed):
        generator = torch.Generator().manual_seed(seed)
        codes = torch.randn(count, self.latent, generator=generator).to(self.mean.device)
        levels = torch.linspace(LEVELS - 1, 0, self.steps, device=codes.device).round().long()
        for level, following in zip(levels, [*levels[1:], None], strict=True):
            kept = self.kept[level]
            noise = self.denoiser(codes, level.expand(count))
            clean = (codes - (1 - kept).sqrt() * noise) / kept.sqrt()
            clean = clean.clamp(-5, 5)
            if following is None:
                codes = clean
            else:
                codes = self.kept[following].sqrt() * clean + (1 - self.kept[following]).sqrt() * noise
        codes = codes * self.std + self.mean
        return torch.cat([self.vae.decode(part) for part in codes.split(1000)])
