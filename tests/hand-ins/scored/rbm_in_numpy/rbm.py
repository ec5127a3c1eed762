import numpy as np


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class RBM:
    def __init__(self, hidden=32):
        rng = np.random.default_rng(0)
        self.w = rng.normal(0, 0.01, (784, hidden))
        self.a, self.b = np.zeros(784), np.zeros(hidden)

    def load(self, folder):
        with np.load(f"{folder}/rbm.npz") as saved:
            self.w, self.a, self.b = saved["w"], saved["a"], saved["b"]

    def sample(self, n, steps=20):
        v = np.random.rand(n, 784) < 0.5
        for _ in range(steps):
            h = np.random.rand(n, len(self.b)) < sigmoid(v @ self.w + self.b)
            p = sigmoid(h @ self.w.T + self.a)
            v = np.random.rand(n, 784) < p
        return p.astype(np.float32)
