import pytorch_lightning as pl
import torch


class LitVAE(pl.LightningModule):
    pass
