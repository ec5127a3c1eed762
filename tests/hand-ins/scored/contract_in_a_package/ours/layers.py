from torch import nn


def down(channels_in, channels_out):
    return nn.Sequential(nn.Conv2d(channels_in, channels_out, 4, stride=2, padding=1), nn.ReLU())
