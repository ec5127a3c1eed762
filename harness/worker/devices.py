"""Lets code that insists on a device which is not here run on the one that is in use, and remembers that it asked.

Tensors and modules are created, moved and loaded through functions that torch lets be overridden; those that name
`cuda` or `mps` are given the device in use instead. It costs a Python call for each operation, so that it is put to
work only for hand-ins whose code names such a device.

Source: torch.overrides.TorchFunctionMode, as torch.utils._device.DeviceContext uses it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from torch.overrides import TorchFunctionMode

__all__ = ["Redirected", "names_a_device"]

_NAMED = re.compile(rb"\b(cuda|mps)\b")
_ELSEWHERE = ("cuda", "mps")


def names_a_device(folder: Path) -> bool:
    """Whether any code of the hand-in names a device that may not be here."""
    return any(
        _NAMED.search(path.read_bytes()) for path in folder.rglob("*")
        if path.suffix in {".py", ".ipynb"} and path.is_file())


class Redirected(TorchFunctionMode):
    """While it is entered, `cuda` and `mps` mean `device`; `asked` holds what was asked for.

    >>> with Redirected("cpu") as mode:
    ...     torch.zeros(2, device="cuda:0").to("mps").cuda().device
    device(type='cpu')
    >>> sorted(mode.asked)
    ['cuda', 'mps']
    """

    def __init__(self, device: str) -> None:
        super().__init__()
        self.device = torch.device(device)
        self.asked: set[str] = set()
        self._load = torch.load

    def __enter__(self) -> Self:
        super().__enter__()     # type: ignore[no-untyped-call]
        torch.load = self._loading
        return self

    def __exit__(self, *exc: object) -> None:
        torch.load = self._load
        super().__exit__(*exc)      # type: ignore[no-untyped-call]

    def __torch_function__(
        self, func: Callable[..., Any], types: Sequence[type], args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Give the call the device in use where it names another."""
        del types
        kwargs = kwargs or {}
        if func is torch.Tensor.cuda:
            self.asked.add("cuda")
            return args[0].to(self.device)
        if "device" in kwargs:
            kwargs = {**kwargs, "device": self._here(kwargs["device"])}
        if func is torch.Tensor.to or func is torch.Tensor.new_zeros:
            args = tuple(self._here(one) if isinstance(one, (str, torch.device)) else one for one in args)
        return func(*args, **kwargs)

    def _here(self, device: Any) -> Any:
        """Give the device in use in place of one that is not here."""
        kind = str(device).partition(":")[0]
        if kind in _ELSEWHERE and kind != self.device.type:
            self.asked.add(kind)
            return self.device
        return device

    def _loading(self, *args: Any, **kwargs: Any) -> Any:
        """Read a checkpoint onto the device in use, wherever it was saved."""
        target = kwargs.get("map_location", args[1] if len(args) > 1 else None)
        if target is None or isinstance(target, (str, torch.device)):
            args = args[:1]
            kwargs["map_location"] = self.device if target is None else self._here(target)
        return self._load(*args, **kwargs)
