from harness.data.dataset import Dataset
def garments(*, seed: int = 0, train: int = 12_000, test: int = 2_000) -> Dataset:
    raise NotImplementedError
