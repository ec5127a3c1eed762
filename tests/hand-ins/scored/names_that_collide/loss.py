from utils import device


def elbo(x, y):
    return ((x - y) ** 2).sum()
