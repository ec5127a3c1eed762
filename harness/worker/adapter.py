"""Asks a group's model as it is: other names, other forms of images, tuples, labels, samplers with other parameters.

A class that subclasses `GenerativeModel` and whose manifest declares nothing is asked directly. Any other object is
asked through `adapt`: each capability of the contract is found among its methods, networks or globals, images are
turned into the form that the manifest declares and back, and what cannot be found is not a capability.
"""

from __future__ import annotations

import contextlib
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np

from harness.contract import GenerativeModel, posterior_mean
from harness.forms import SIDE, Form, Layout, from_model, to_model
from harness.worker import tensors
from harness.worker.explain import RefusalError
from harness.worker.keras_layers import inherited, is_keras
from harness.worker.keras_models import calls, sub_network

__all__ = ["Manner", "adapt"]

# Where a capability is looked for when the manifest does not say, in this order.
NAMES: Mapping[str, Sequence[str]] = {
    "encode": ("encode", "encoder", "enc", "inference_network", "recognition_network"),
    "decode": ("decode", "decoder", "dec", "generative_network"),
    "sample": ("sample", "generate", "sample_images", "generate_images", "sample_prior", "generate_samples"),
}
# Parameters of samplers, by what they are given.
COUNTS = frozenset({
    "count", "n", "num", "number", "num_samples", "n_samples", "nsamples", "n_sample", "num_images", "n_images",
    "batch_size", "bs", "size", "batch", "samples", "amount", "k", "num_imgs",
})
NOISES = frozenset({
    "z", "noise", "latent", "latents", "code", "codes", "x_t", "eps", "epsilon", "input", "inputs", "x",
})
LABELS = frozenset({"labels", "label", "y", "c", "cond", "condition", "classes", "cls", "class_labels"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How the manifest says a model wants to be asked.

    Attributes:
        given: the form of images that it takes.
        returned: the form of images that it returns.
        methods: capability -> dotted name of a method, network or global, such as "vae.encoder" or "networks.0".
        labels: verbs that are given class labels.
        one_hot: whether labels are given as rows of ten numbers instead of one.
        second: what an encoder returns after the mean, if that is a spread.
        prior: what the model's own codes are drawn from where it has no sampler, and their shape; declared by the
            group, never assumed.
        framework: "numpy" for a model that takes arrays; models of Keras always do.

    """

    given: Form = field(default_factory=Form)
    returned: Form = field(default_factory=Form)
    methods: Mapping[str, str] = field(default_factory=dict)
    labels: frozenset[str] = frozenset()
    one_hot: bool = False
    second: Literal["log_variance", "variance", "std"] | None = None
    prior: tuple[str, tuple[int, ...]] | None = None
    framework: str | None = None

    @classmethod
    def of(cls, job: Mapping[str, Any], *, layout: Layout = "nchw") -> Self:
        """Take it from a job's `manner`; where that does not say in which layout images are, they are in `layout`."""
        told = job.get("manner") or {}
        prior = told.get("prior")
        given, returned = (Form.of({"layout": layout, **(told.get(which) or {})}) for which in ("input", "output"))
        return cls(
            given=given, returned=returned,
            methods=dict(told.get("methods") or {}), labels=frozenset(told.get("labels") or ()),
            one_hot=bool(told.get("one_hot")), second=told.get("second"),
            prior=(prior.get("kind", "normal"), tuple(prior["shape"])) if prior else None,
            framework=told.get("framework"),
        )

    @property
    def plain(self) -> bool:
        """Whether the manifest declares nothing."""
        return self == type(self)()


def adapt(model: Any, manner: Manner, *, device: str) -> Any:
    """Give an object with the methods of the contract that asks `model`; `model` itself where it has them as they are.

    Raises:
        RefusalError: the manifest names a method that is not there.

    """
    if isinstance(model, GenerativeModel) and manner.plain:
        return model
    asked = _Asked(model, manner, device)
    return asked.adapted()


class _Asked:
    """One model, and how its capabilities are asked for."""

    def __init__(self, model: Any, manner: Manner, device: str) -> None:
        self.model = model
        self.manner = manner
        self.device = device
        otherwise = "torch" if tensors.HAS_TORCH else "numpy"
        self.framework = str(manner.framework or getattr(model, "framework", otherwise))
        self._encode = self._found("encode")
        self._decode = self._found("decode")
        self._sample = self._sampler()
        self._shape: tuple[int, ...] | None = None
        self._whole = False     # codes are whole numbers: positions in a codebook

    def adapted(self) -> Any:
        """Make an object of a class that has just the capabilities which the model has."""
        methods: dict[str, Any] = {}
        for verb, there in (
            ("encode", self._encode), ("decode", self._decode), ("sample", self._sample),
            ("posterior", self._encode and self.manner.second),
        ):
            if there and not (verb == "posterior" and self._own("posterior")):
                methods[verb] = self._bound(verb)
        for verb in ("fit", "save", "load", "posterior", "log_prob", "translate", "report"):
            if self._own(verb) and verb not in methods:
                methods[verb] = self._passed_on(verb)
        kept = {
            name: getattr(self.model, name)
            for name in ("conditional", "log_prob_kind", "domains", "batch_size") if hasattr(self.model, name)
        }
        kept["whole_codes"] = staticmethod(self.whole_codes)
        kind = type(type(self.model).__name__, (), {**kept, **methods, "framework": self.framework})
        return kind()

    # --- what is there

    def _own(self, verb: str) -> bool:
        written = getattr(type(self.model), verb, None)
        return callable(written) and not inherited(written) and written is not getattr(GenerativeModel, verb, None)

    def _found(self, verb: str) -> Callable[..., Any] | None:
        declared = self.manner.methods.get(verb)
        if declared is not None:
            return self._named(declared, verb)
        for name in NAMES[verb]:
            value: Callable[..., Any] | None = getattr(self.model, name, None) or sub_network(self.model, name)
            placeholder = getattr(type(self.model), name, None) is getattr(GenerativeModel, name, self)
            if callable(value) and not placeholder and not isinstance(value, type):
                return value
        return None

    def _named(self, name: str, verb: str) -> Callable[..., Any]:
        value: Any = self.model
        for part in name.split("."):
            try:
                value = value[int(part)] if part.isdecimal() else sub_network(value, part) or getattr(value, part)
            except (AttributeError, IndexError, KeyError, TypeError):
                raise RefusalError(
                    f"submission.yaml names {name} for {verb}, but {type(self.model).__name__} has no {part}",
                    hint="name a method, a network or a global variable, such as encoder or vae.encoder") from None
        if not callable(value):
            raise RefusalError(
                f"submission.yaml names {name} for {verb}, which is a {type(value).__name__} and cannot be called",
                hint="name a method or a network")
        called: Callable[..., Any] = value
        return called

    def _sampler(self) -> Callable[[int, int, Any], Any] | None:
        found = self._found("sample")
        if found is not None:
            plan = _sampler_plan(found, prior=self.manner.prior is not None)
            if plan is not None:
                return lambda count, seed, labels: self._call_sampler(found, plan, count, seed, labels)
            if "sample" in self.manner.methods:
                raise RefusalError(
                    f"{self.manner.methods['sample']} cannot be asked for samples: its parameters are "
                    f"{inspect.signature(found)}",
                    hint="name a method that takes how many to draw, or declare the prior of its codes")
        if self.manner.prior is not None and self._decode is not None:
            return lambda count, seed, labels: self._decoded(self._drawn(count, seed), labels, "sample")
        return None

    # --- asking

    def _bound(self, verb: str) -> Callable[..., Any]:
        if verb == "encode":
            return lambda _, images, labels=None: self.encode(images, labels)
        if verb == "posterior":
            return lambda _, images, labels=None: self.posterior(images, labels)
        if verb == "decode":
            return lambda _, codes, labels=None: self.decode(codes, labels)
        return lambda _, count, *, labels=None, seed: self.sample(count, seed, labels)

    def _passed_on(self, verb: str) -> Callable[..., Any]:
        method = getattr(self.model, verb)
        if verb in {"save", "load"}:
            return lambda _, folder: method(folder)
        if verb == "translate":
            return lambda _, images, *, to: from_model(
                method(to_model(images, self.manner.given), to=to), self.manner.returned)
        return lambda _, images, *given, **named: method(to_model(images, self.manner.given), *given, **named)

    def encode(self, images: Any, labels: Any) -> Any:
        """Give the codes (N, d) of images of the contract."""
        output = self._encoded(images, labels)
        if not isinstance(output, (tuple, list, Mapping)) and not tensors.is_distribution(output):
            return output
        try:
            return posterior_mean(output)
        except (AttributeError, KeyError, IndexError, TypeError) as error:
            raise RefusalError(
                f"the encoder returned {_described(output)}, in which no code is found", kind="invalid output",
                hint="return the codes, or a tuple that begins with them") from error

    def posterior(self, images: Any, labels: Any) -> tuple[Any, Any]:
        """Give mean and log variance, where the encoder returns a pair and the manifest says what the second is."""
        output = self._encoded(images, labels)
        if not isinstance(output, (tuple, list)) or len(output) < 2:
            raise RefusalError(
                f"the encoder returned a {type(output).__name__}, though submission.yaml says that its second is the "
                f"{self.manner.second}", kind="invalid output", hint="take `second` out of submission.yaml")
        mean, spread = output[0], output[1]
        if self.manner.second == "log_variance":
            return mean, spread
        return mean, tensors.log(spread) * (2.0 if self.manner.second == "std" else 1.0)

    def decode(self, codes: Any, labels: Any) -> Any:
        """Give the images of codes (N, d), which are first given the shape in which the encoder makes them."""
        shape = self._code_shape()
        if shape is not None and tuple(codes.shape[1:]) != shape:
            codes = codes.reshape(-1, *shape)
        if self._whole:
            codes = tensors.whole(codes)
        return self._decoded(codes, labels, "decode")

    def sample(self, count: int, seed: int, labels: Any) -> Any:
        """Draw images by the model's own sampler, or by its decoder from the prior that the group declares."""
        if self._sample is None:
            raise RefusalError("the model has no sampler")
        return self._sample(count, seed, labels)

    def _encoded(self, images: Any, labels: Any) -> Any:
        if self._encode is None:
            raise RefusalError("the model has no encoder")
        return self._taken(self._encode(to_model(images, self.manner.given), *self._labels("encode", labels)))

    def _decoded(self, codes: Any, labels: Any, verb: str) -> Any:
        if self._decode is None:
            raise RefusalError("the model has no decoder")
        return self._images(self._decode(codes, *self._labels(verb, labels)))

    def _images(self, output: Any) -> Any:
        """Take the images out of what came back, wherever in a tuple they stand."""
        form = self.manner.returned
        output = self._taken(output)
        if isinstance(output, (tuple, list, Mapping)):
            output = _image_in(output, form)
        return from_model(output, form) if _is_array(output) else output

    def _taken(self, output: Any) -> Any:
        return tensors.as_arrays(output) if self.framework == "numpy" else output

    def _labels(self, verb: str, labels: Any) -> tuple[Any, ...]:
        if labels is None or verb not in self.manner.labels:
            return ()
        return (self._label_form(labels),)

    def _label_form(self, labels: Any) -> Any:
        return tensors.one_hot(labels, 10) if self.manner.one_hot else labels

    def whole_codes(self) -> bool:
        """Whether codes are whole numbers, such as positions in a codebook; between two of them there is no code.

        Known once something was decoded: before that the encoder is not tried, as it may fail, hang or end the worker.
        """
        return self._whole

    def _code_shape(self) -> tuple[int, ...] | None:
        """Find the shape of a code by encoding an empty image, as the decoder's worker sees no other."""
        if self._shape is None and self._encode is not None:
            blank, labels = (
                tensors.into(array, framework=self.framework, device=self.device)
                for array in (np.zeros((1, 1, SIDE, SIDE), np.float32), np.zeros(1, np.int64)))
            # What is wrong with the encoder is told where it is asked; here it only leaves codes as they are.
            with tensors.no_gradients(), contextlib.suppress(Exception):
                code = self.encode(blank, labels)
                self._shape, self._whole = _shape_of(code)
        return self._shape

    def _drawn(self, count: int, seed: int) -> Any:
        """Draw codes from the declared prior."""
        kind, shape = self.manner.prior or ("normal", ())
        codes = tensors.draw(kind, (count, *shape), seed=seed)
        if not tensors.is_tensor(codes):
            return codes
        return codes.numpy() if self.framework == "numpy" else codes.to(self.device)

    def _call_sampler(
        self, sampler: Callable[..., Any], plan: Mapping[str, str], count: int, seed: int, labels: Any,
    ) -> Any:
        values: dict[str, Any] = {}
        for name, what in plan.items():
            if what == "labels" and labels is None:
                continue
            values[name] = (
                count if what == "count" else seed if what == "seed" else self.device if what == "device"
                else self._label_form(labels) if what == "labels" else self._drawn(count, seed))
        signature = inspect.signature(sampler)
        ordered = [values.pop(name) for name, one in signature.parameters.items()
                   if one.kind is one.POSITIONAL_ONLY and name in values]
        return self._images(sampler(*ordered, **values))


def _image_in(output: Any, form: Form) -> Any:
    """Find the images among several outputs: the first array whose rows have as many numbers as an image has."""
    parts = list(output.values() if isinstance(output, Mapping) else output)
    numbers = form.channels * form.size * form.size
    for part in parts:
        if _is_array(part) and len(part.shape) > 1 and math.prod(part.shape[1:]) == numbers:
            return part
    raise RefusalError(
        f"{_described(output)} was returned, none of which is an image of {form.size} x {form.size} pixels",
        kind="invalid output", hint="return the images; submission.yaml can declare another size under `output`")


def _described(output: Any) -> str:
    parts = list(output.values() if isinstance(output, Mapping) else output) if hasattr(output, "__len__") else []
    inner = ", ".join(str(tuple(part.shape)) if _is_array(part) else type(part).__name__ for part in parts[:6])
    return f"a {type(output).__name__} of ({inner})"


def _shape_of(code: Any) -> tuple[tuple[int, ...], bool]:
    """Give the shape of one code, and whether it is made of whole numbers."""
    whole = not code.is_floating_point() if tensors.is_tensor(code) else code.dtype.kind in "iu"
    return tuple(code.shape[1:]), whole


def _is_array(output: Any) -> bool:
    return hasattr(output, "shape") and hasattr(output, "reshape")


def _sampler_plan(sampler: Callable[..., Any], *, prior: bool) -> dict[str, str] | None:
    """Say what each parameter of a sampler is to be given; None where one that must be given is not understood."""
    target: Any = sampler
    if tensors.is_module(sampler):
        target = target.forward
    elif is_keras(sampler):
        target = calls(sampler)
    try:
        parameters = list(inspect.signature(target).parameters.values())
    except (TypeError, ValueError):
        return {}
    plan: dict[str, str] = {}
    for parameter in parameters:
        if parameter.kind in {parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD}:
            continue
        what = _meaning(parameter.name, prior=prior)
        if what is not None and what not in plan.values():
            plan[parameter.name] = what
        elif parameter.default is parameter.empty:
            return None
    return plan if {"count", "noise"} & set(plan.values()) else None


def _meaning(name: str, *, prior: bool) -> str | None:
    lowered = name.lower()
    if lowered in COUNTS:
        return "count"
    if lowered in LABELS:
        return "labels"
    if lowered in {"seed", "device"}:
        return lowered
    return "noise" if prior and lowered in NOISES else None
