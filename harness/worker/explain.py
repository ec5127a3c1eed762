"""What the group is told when its code raises: the error, and where in its own files."""

from __future__ import annotations

import linecache
import re
import sys
import traceback
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from harness.worker.definitions import left_out_of

__all__ = ["RefusalError", "describe_error"]

MOST_TEXT = 2_000
MOST_FRAMES = 8


# Libraries that hand-ins use, by the name they are imported by -> the package that has them.
PACKAGES = {
    "IPython": "ipython", "accelerate": "accelerate", "cv2": "opencv-python-headless", "datasets": "datasets",
    "diffusers": "diffusers", "dill": "dill", "einops": "einops", "flax": "flax", "h5py": "h5py",
    "ignite": "pytorch-ignite", "imageio": "imageio", "jax": "jax", "keras": "keras", "lightning": "lightning",
    "lpips": "lpips", "matplotlib": "matplotlib", "networkx": "networkx", "nflows": "nflows", "normflows": "normflows",
    "pandas": "pandas", "plotly": "plotly", "pytorch_lightning": "pytorch-lightning", "pyro": "pyro-ppl",
    "seaborn": "seaborn", "skimage": "scikit-image", "tensorboard": "tensorboard", "tensorboardX": "tensorboardX",
    "tensorflow": "tensorflow", "tensorflow_probability": "tensorflow-probability", "tf_keras": "tf-keras",
    "timm": "timm", "torch": "torch", "torchinfo": "torchinfo", "torchmetrics": "torchmetrics",
    "torchsummary": "torchsummary", "torchvision": "torchvision", "tqdm": "tqdm", "transformers": "transformers",
    "umap": "umap-learn", "wandb": "wandb",
}


class RefusalError(Exception):
    """Something about the hand-in that its own code did not raise: a missing file, class, method or key.

    Args:
        kind: "rejected" or "invalid output"; the evaluator makes the fault of that kind.
        message: what is wrong, in one sentence.
        hint: what to do about it.

    """

    def __init__(self, message: str, *, hint: str = "", kind: str = "rejected") -> None:
        super().__init__(message)
        self.kind = kind
        self.hint = hint


def describe_error(error: BaseException, *, doing: str, folder: Path) -> dict[str, Any]:
    """Turn an exception into the `error` object of an answer, with paths relative to the hand-in."""
    if isinstance(error, ModuleNotFoundError) and (needs := missing_library(error, folder)):
        return {"kind": "environment", "needs": needs, "package": PACKAGES.get(needs, needs),
                "message": f"the code needs the library {needs}", "hint": ""}
    if isinstance(error, RefusalError):
        return {"kind": error.kind, "message": _short(str(error)), "hint": _short(error.hint)}
    own = str(folder)
    hint = ""
    if isinstance(error, NameError) and (place := left_out_of(error.name or "")):
        hint = (
            f"only definitions are imported, and {error.name} is made in {place}; write `definitions: false` beside "
            "its source if the file may run, or give the value where it is used")
    text = _short(f"{type(error).__name__}: {error}".replace(own + "/", ""))
    if isinstance(error, SystemExit):
        text = f"it called exit({error.code!r})"
    places = _own_frames(error, folder)
    where = f" ({places[-1][0]}, line {places[-1][1]})" if places else ""
    return {
        "kind": "crashed",
        "message": f"{doing} failed{where}: {text}",
        "hint": hint,
        "traceback": [
            {"file": file, "line": line, "function": name, "code": _short(code)}
            for file, line, name, code in places[-MOST_FRAMES:]
        ],
    }


def missing_library(error: ModuleNotFoundError, folder: Path) -> str:
    """Name the library that an import did not find; "" where it may be a file that the group forgot to hand in.

    A library is one that hand-ins are known to use, or that the hand-in itself lists among its requirements.
    """
    name = (error.name or "").split(".")[0]
    if not name or name in sys.modules or find_spec(name) is not None:  # it is here; what is missing is a part of it
        return ""
    if name in PACKAGES:
        return name
    listed = "\n".join(
        path.read_text("utf-8", errors="replace")
        for pattern in ("requirements*.txt", "environment*.y*ml", "pyproject.toml") for path in folder.glob(pattern))
    alike = re.escape(name).replace("_", "[-_.]")
    return name if re.search(rf"(?im)^[\s\"'-]*{alike}\b", listed) else ""


def _own_frames(error: BaseException, folder: Path) -> list[tuple[str, int, str, str]]:
    """List (file, line, function, code) of the frames that lie in the hand-in, the innermost last."""
    frames = [(frame.filename, frame.lineno or 0, frame.name, frame.line or "")
              for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        line = error.lineno or 0
        frames.append((error.filename, line, "", linecache.getline(error.filename, line).strip()))
    return [
        (str(Path(file).relative_to(folder)), line, name, code)
        for file, line, name, code in frames if Path(file).is_relative_to(folder)
    ]


def _short(text: str) -> str:
    return text if len(text) <= MOST_TEXT else text[: MOST_TEXT - 1] + "…"
