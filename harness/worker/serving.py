"""The verbs: what the evaluator may ask of a model, and how it is asked of the group's class."""

from __future__ import annotations

import contextlib
import math
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.contract import GenerativeModel, capabilities
from harness.forms import SIDE, to_model
from harness.wire import Sink, Source, StreamEnded, read_frame, write_frame
from harness.worker import arrays as convert
from harness.worker import keras_models, tensors
from harness.worker.adapter import Manner, adapt
from harness.worker.explain import RefusalError, describe_error
from harness.worker.loading import (
    as_one_module,
    count_parameters,
    keras_networks,
    load_model,
    modules,
    own_method,
    seed_everything,
)
from harness.worker.running import run_script
from harness.worker.saved import files_below, read_files

if tensors.HAS_TORCH:
    from harness.worker.devices import Redirected, names_a_device
    from harness.worker.layout import channels_first, channels_last

__all__ = ["serve"]

Arrays = dict[str, np.ndarray]
Answer = tuple[dict[str, Any], Arrays]


def serve(source: Source, sink: Sink) -> None:
    """Load the model that the first frame names, then answer requests until the pipe closes."""
    write_frame(sink, {"stage": "started"})     # no code of the group's ran yet: what failed before is ours
    job, _ = read_frame(source, None)
    folder = Path(job["folder"])
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    tensors.use_threads(job["threads"])
    with _redirected(job["device"], folder) as redirected:
        _serve(job, source, sink, redirected)


@contextlib.contextmanager
def _redirected(device: str, folder: Path) -> Iterator[Redirected | None]:
    """Let code that insists on a device which is not here run all the same."""
    if device.startswith("cuda") or not tensors.HAS_TORCH or not names_a_device(folder):
        yield None
        return
    with Redirected(device) as mode:
        yield mode


def _serve(job: Mapping[str, Any], source: Source, sink: Sink, redirected: Redirected | None) -> None:
    folder = Path(job["folder"])
    worker: Worker | None = None
    try:
        worker = Worker(job)
        worker.redirected = redirected
        head: dict[str, Any] = {"stage": "ready"}
    # The boundary to the group's code: whatever it raises, exit() included, is explained and not raised.
    except BaseException as error:      # noqa: BLE001
        head = {"error": describe_error(error, doing=f"loading {job['source']}", folder=folder)}
    write_frame(sink, head)
    while worker is not None:
        try:
            request, arrays = read_frame(source, None)
        except StreamEnded:
            return
        head, arrays = _answer(worker, request, arrays)
        write_frame(sink, {"id": request["id"], **head}, arrays)
        del arrays


def _answer(worker: Worker, request: Mapping[str, Any], arrays: Arrays) -> Answer:
    verb = request["verb"]
    try:
        head, answered = worker.answer(verb, arrays, request.get("options", {}))
        return {**head, **worker.remarks()}, answered
    except BaseException as error:      # noqa: BLE001 - the boundary to the group's code, as above
        return {"error": describe_error(error, doing=verb, folder=worker.folder)}, {}
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()


class Worker:
    """A loaded model and the verbs that are asked of it."""

    def __init__(self, job: Mapping[str, Any]) -> None:
        self.device: str = job["device"]
        self.seed: int = job["seed"]
        self.job = job
        self.folder = Path(job["folder"])       # what errors are told relative to
        self.framework = "torch"
        self.redirected: Redirected | None = None
        self.model: Any = None
        if not job.get("load", True):       # a script is run before there is a model
            return
        seed_everything(self.seed)
        checkpoint = job["checkpoint"]
        manner = Manner.of(job, layout="nhwc" if tensors.HAS_TENSORFLOW else "nchw")
        self.inner = load_model(
            job["source"], folder=Path(job["folder"]), arguments=job["arguments"],
            checkpoint=_paths(checkpoint), device=self.device,
            definitions_only=job.get("definitions_only"), cells=job.get("cells", ()),
            blank=_blank(manner),
        )
        self.model = adapt(self.inner, manner, device=self.device)
        if self.device.startswith("cuda"):
            tensors.repeat_exactly()
        self.framework = getattr(self.model, "framework", "torch")
        self._switch(training=False)
        self._relaid: bool | None = None    # whether convolutions are channels last; None before anything was asked

    def answer(self, verb: str, arrays: Arrays, options: Mapping[str, Any]) -> Answer:
        """Answer a request; on a CPU with convolutions laid out channels last, where the model bears it."""
        method = self.VERBS[verb]
        if verb in {"describe", "fit", "run"}:
            return method(self, arrays, options)
        if self._relaid is None:
            found = modules(self.inner).values()
            self._relaid = bool(found) and self.device == "cpu" and channels_last(found)
        try:
            return method(self, arrays, options)
        except RuntimeError:
            if not self._relaid:
                raise
            self._relaid = False
            channels_first(modules(self.inner).values())
            return method(self, arrays, options)

    def remarks(self) -> dict[str, Any]:
        """Say with every answer which devices were asked for and not given, and what was found out of codes."""
        said: dict[str, Any] = {}
        if self.redirected and self.redirected.asked:
            said["redirected"] = sorted(self.redirected.asked)
        if getattr(self.model, "whole_codes", bool)():
            said["whole_codes"] = True
        return said

    def describe(self, arrays: Arrays, options: Mapping[str, Any]) -> Answer:
        """Say what the model can do."""
        del arrays, options
        return {
            "capabilities": list(capabilities(self.model)),
            "conditional": bool(getattr(self.model, "conditional", False)),
            "log_prob_kind": str(getattr(self.model, "log_prob_kind", "bound")),
            "parameters": count_parameters(self.inner),
            "domains": [str(name) for name in getattr(self.model, "domains", ())],
            "batch_size": self._batch_size(),
            "framework": str(self.framework),
        }, {}

    def fit(self, arrays: Arrays, options: Mapping[str, Any]) -> Answer:
        """Train, and give back the files of the trained model."""
        images = convert.images_for(arrays["images"])
        labels = arrays.get("labels")
        seed = options.get("seed", self.seed)
        seed_everything(seed)
        self._switch(training=True)
        # On the CPU, whatever the device: data loaders and pinned memory want it there.
        self._method("fit")(
            convert.into(images, framework=self.framework, device="cpu"),
            None if labels is None else convert.into(labels, framework=self.framework, device="cpu"),
            seed=seed, device=self.device, deadline=time.monotonic() + options["seconds"],
        )
        self._switch(training=False)
        return {}, {f"files/{name}": data for name, data in self._saved().items()}

    def run(self, arrays: Arrays, options: Mapping[str, Any]) -> Answer:
        """Run the group's script as it is, and give back the files that it saved."""
        self._place = tempfile.TemporaryDirectory(prefix="harness-run-")    # kept until errors were told
        folder, self.folder = self.folder, Path(self._place.name)
        os.environ["HOME"] = str(self.folder)       # before Keras is imported, which looks for it but once
        seed_everything(options["seed"])
        files = run_script(
            folder, self.folder, options["script"], cells=self.job.get("cells", ()), keep=options["keep"],
            images=arrays["images"], labels=arrays["labels"], seconds=options["seconds"],
        )
        return {}, {f"files/{name}": data for name, data in files.items()}

    def encode(self, arrays: Arrays, options: Mapping[str, Any]) -> Answer:
        """Codes of images."""
        del options
        method = self._method("encode")
        return {}, self._batched(arrays, "images", lambda images, *labels: {
            "codes": convert.codes_from(method(images, *labels), what="encode", count=len(images))})

    def posterior(self, arrays: Arrays, options: Mapping[str, Any]) -> Answer:
        """Mean and log variance of the posterior of images."""
        del options
        method = self._method("posterior")

        def ask(images: Any, *labels: Any) -> Arrays:
            answer = method(images, *labels)
            if not isinstance(answer, (tuple, list)) or len(answer) != 2:
                raise RefusalError("posterior returned something else than a pair", kind="invalid output",
                              hint="return (mean, log_variance), each (N, d)")
            return {name: convert.codes_from(part, what="posterior", count=len(images))
                    for name, part in zip(("mean", "log_variance"), answer, strict=True)}

        return {}, self._batched(arrays, "images", ask)

    def decode(self, arrays: Arrays, options: Mapping[str, Any]) -> Answer:
        """Images of codes."""
        del options
        method = self._method("decode")
        return {}, self._batched(arrays, "codes", lambda codes, *labels: {
            "images": convert.images_from(method(codes, *labels), what="decode", count=len(codes))})

    def sample(self, arrays: Arrays, options: Mapping[str, Any]) -> Answer:
        """Images drawn by the model, all in one call: it may have its own idea of batches."""
        method = self._method("sample")
        labels = arrays.get("labels")
        given = {} if labels is None else {
            "labels": convert.into(labels, framework=self.framework, device=self.device)}
        seed_everything(options["seed"])    # for models that draw from the global generators
        with tensors.no_gradients():
            images = method(options["count"], seed=options["seed"], **given)
        return {}, {"images": convert.images_from(images, what="sample", count=options["count"])}

    def log_prob(self, arrays: Arrays, options: Mapping[str, Any]) -> Answer:
        """Log densities of images."""
        del options
        method = self._method("log_prob")

        def ask(images: Any) -> Arrays:
            densities = convert.numbers_from(method(images), what="log_prob")
            return {"log_prob": densities.reshape(-1) if densities.ndim == 2 and densities.shape[1] == 1
                    else densities}

        return {}, self._batched(arrays, "images", ask)

    def translate(self, arrays: Arrays, options: Mapping[str, Any]) -> Answer:
        """Images translated to another domain."""
        method = self._method("translate")
        return {}, self._batched(arrays, "images", lambda images: {
            "images": convert.images_from(method(images, to=options["to"]), what="translate", count=len(images))})

    def report(self, arrays: Arrays, options: Mapping[str, Any]) -> Answer:
        """Numbers that the model tells of itself."""
        del options
        seed_everything(self.seed)
        images, labels = (
            convert.into(array, framework=self.framework, device=self.device)
            for array in (convert.images_for(arrays["images"]), arrays["labels"]))
        told = self._method("report")(images, labels)
        if not isinstance(told, dict):
            raise RefusalError(
                f"report returned a {type(told).__name__} instead of a dict", kind="invalid output",
                hint='return numbers by name, such as {"purity": 0.5}')
        numbers = {str(name): float(value) for name, value in told.items()}
        return {"told": {name: value for name, value in numbers.items() if math.isfinite(value)}}, {}

    VERBS: Mapping[str, Callable[[Worker, Arrays, Mapping[str, Any]], Answer]] = {
        "describe": describe, "fit": fit, "run": run, "encode": encode, "posterior": posterior, "decode": decode,
        "sample": sample, "log_prob": log_prob, "translate": translate, "report": report,
    }

    def _method(self, name: str) -> Callable[..., Any]:
        method: Callable[..., Any] | None = own_method(self.model, name)
        if method is None:
            raise RefusalError(
                f"{type(self.model).__name__} has no method {name}",
                hint=f"it has: {', '.join(capabilities(self.model)) or 'none of the contract'}; "
                "harness/contract.py lists the methods and their signatures")
        return method

    def _batch_size(self) -> int:
        return max(1, int(getattr(self.model, "batch_size", GenerativeModel.batch_size)))

    def _batched(self, arrays: Arrays, name: str, ask: Callable[..., Arrays]) -> Arrays:
        """Ask for batch after batch, with the labels of each where there are labels, and put the answers together.

        Gradients are off but can be switched on again by models that need them to sample or encode
        (`torch.inference_mode` could not be left).
        """
        seed_everything(self.seed)      # an answer depends on nothing that was asked before
        size = self._batch_size()
        inputs, labels = arrays[name], arrays.get("labels")
        images = inputs.dtype == np.uint8 or inputs.ndim == 3
        parts: list[Arrays] = []
        with tensors.no_gradients():
            for start in range(0, len(inputs), size):
                batch = inputs[start : start + size]
                batch = convert.images_for(batch) if images else batch
                given = [batch] if labels is None else [batch, labels[start : start + size]]
                parts.append(ask(*(convert.into(one, framework=self.framework, device=self.device) for one in given)))
        if len(parts) == 1:
            return parts[0]
        return {name: _joined([part[name] for part in parts], name) for name in parts[0]} if parts else {}

    def _switch(self, *, training: bool) -> None:
        for network in modules(self.inner).values():
            with contextlib.suppress(Exception):    # some classes override train() so that eval() raises
                network.train(training)

    def _saved(self) -> Arrays:
        """Give the trained model as files of bytes: what `save` writes, else the weights of its modules."""
        save, of_keras = own_method(self.model, "save"), keras_networks(self.inner)
        if save is None and not of_keras:
            return {"model.safetensors": np.frombuffer(self._weights(), np.uint8)}
        with tempfile.TemporaryDirectory() as folder:
            if save is not None:
                save(Path(folder))
            else:
                for name, network in of_keras.items():
                    network.save_weights(str(Path(folder, keras_models.file_of(name))))
            files = read_files(files_below(Path(folder)), by="save")
        if not files:
            raise RefusalError("save wrote no file", hint="write at least one file into `folder`")
        return files

    def _weights(self) -> bytes:
        import torch
        from safetensors.torch import save

        module = as_one_module(self.inner)
        if module is None:
            raise RefusalError(
                f"after fit, {type(self.model).__name__} has nothing that could be saved",
                hint="write save(self, folder) and load(self, folder), or keep the networks as attributes")
        # Copies, because safetensors refuses tensors that share memory, as tied weights do.
        return save({key: value.detach().cpu().clone(memory_format=torch.contiguous_format)
                     for key, value in module.state_dict().items()})


def _blank(manner: Manner) -> Any:
    """Make an empty image, or an empty code for what is called to sample."""
    if manner.methods.get("sample") in {"call", "__call__", "predict"} and manner.prior is not None:
        return np.zeros((1, *manner.prior[1]), np.float32)
    return to_model(np.zeros((1, 1, SIDE, SIDE), np.float32), manner.given)


def _paths(checkpoint: str | Mapping[str, str] | None) -> Path | Mapping[str, Path] | None:
    if isinstance(checkpoint, Mapping):
        return {part: Path(file) for part, file in checkpoint.items()}
    return Path(checkpoint) if checkpoint else None


def _joined(parts: list[np.ndarray], name: str) -> np.ndarray:
    try:
        return np.concatenate(parts)
    except ValueError as error:
        shapes = sorted({part.shape[1:] for part in parts})
        raise RefusalError(
            f"the shape of {name} changes from one batch to the next: {shapes}", kind="invalid output",
            hint="only the first axis may depend on the number of images",
        ) from error
