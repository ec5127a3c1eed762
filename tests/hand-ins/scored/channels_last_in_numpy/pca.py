import numpy as np


class PCA:
    """Looks like code that was written for Keras: (N, 28, 28, 1)."""

    def load(self, folder):
        with np.load(f"{folder}/pca.npz") as saved:
            self.mean, self.axes = saved["mean"], saved["axes"]

    def encoder(self, images):
        assert images.shape[1:] == (28, 28, 1)
        return (images.reshape(len(images), -1) - self.mean) @ self.axes.T

    def decoder(self, codes):
        return (codes @ self.axes + self.mean).reshape(-1, 28, 28, 1)
