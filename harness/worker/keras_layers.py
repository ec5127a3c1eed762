"""What is Keras's, told by names alone, so that Keras need not be here: of Keras 3, and of Keras 2 (tf_keras)."""

from __future__ import annotations

__all__ = ["inherited", "is_keras", "is_keras_class"]

LIBRARIES = frozenset({"keras", "tf_keras", "tensorflow"})


def is_keras_class(kind: type) -> bool:
    """Whether a class is a layer or model of Keras."""
    return any(base.__name__ == "Layer" and base.__module__.split(".")[0] in LIBRARIES for base in kind.__mro__)


def is_keras(value: object) -> bool:
    """Whether an object is a layer or model of Keras."""
    return is_keras_class(type(value))


def inherited(method: object) -> bool:
    """Whether a method is Keras's own, as `fit` and `save` of every model are."""
    return (getattr(method, "__module__", None) or "").split(".")[0] in LIBRARIES
