"""What the two roles hand each other while they are asked in parallel."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np

__all__ = ["Exchange"]

Awaited = Future[np.ndarray | None]


class Exchange:
    """Codes on their way to the decoder, and samples on their way back to the encoder.

    Each is given once; who ends gives the rest as None, so that nobody waits in vain.
    """

    def __init__(self) -> None:
        self.test_codes: Awaited = Future()
        self.train_codes: Awaited = Future()
        self.probe_codes: Awaited = Future()
        self.moved_codes: Awaited = Future()
        self.sample_codes: Awaited = Future()
        self.samples: Awaited = Future()

    def settle_codes(self) -> None:
        """Give None for all codes that were not given."""
        for awaited in (self.test_codes, self.train_codes, self.probe_codes, self.moved_codes, self.sample_codes):
            _settle(awaited)

    def settle_samples(self) -> None:
        """Give None for the samples if they were not given."""
        _settle(self.samples)


def _settle(awaited: Awaited) -> None:
    if not awaited.done():
        awaited.set_result(None)
