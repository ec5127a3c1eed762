"""The Python that a worker is started in: this one, or another that the course sets up for code of other libraries.

A box starts its interpreter and shows its packages, read-only, beside the worker's part of the harness; of this
interpreter's own packages a worker in another environment sees nothing.
"""

from __future__ import annotations

import importlib.machinery
import os
import site
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib import metadata
from pathlib import Path

from harness.course import Course
from harness.errors import MissingLibrary, Rejected

__all__ = ["Environment", "environment_of", "own_environment"]

TOLD = ("tensorflow", "tensorflow-cpu", "keras", "tf-keras", "torch", "jax", "numpy")
"""Packages whose versions stand in a grade, where an environment has them."""


PACKAGES = Path("/opt/packages")    # in the box, those packages that do not lie within the interpreter


@dataclass(frozen=True)
class Environment:
    """An interpreter and its packages.

    Attributes:
        name: what the manifest calls it; "" for this interpreter's own.
        python: the interpreter as it is called.
        executable: the interpreter itself, past the links of a virtual environment.
        packages: folders of its packages.
        libraries: folders of the interpreter's own library.
        variables: set in the environment of its processes.

    """

    name: str
    python: Path
    executable: Path
    packages: tuple[Path, ...]
    libraries: tuple[Path, ...]
    variables: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def shown(self) -> list[Path]:
        """What the interpreter is made of outside of /usr, by real names and those it was built with."""
        shown: list[Path] = []
        for path in sorted({self.executable, *self.libraries}, key=lambda path: len(path.parts)):
            covered = path.is_relative_to("/usr") or any(path.is_relative_to(other) for other in shown)
            if path.exists() and not covered:
                shown.append(path)
        return shown

    @cached_property
    def inside(self) -> Mapping[Path, Path]:
        """Folder of packages -> where it lies in the box.

        A virtual environment often lies in the course folder, whose path would stand in every traceback.
        """
        within = [Path("/usr"), *self.shown]
        return {
            folder: folder if any(folder.is_relative_to(path) for path in within) else PACKAGES / str(number)
            for number, folder in enumerate(self.packages)
        }

    @property
    def command(self) -> list[str]:
        """Start the interpreter without site; its packages come by PYTHONPATH, none from the current folder."""
        return [str(self.executable), "-S", "-P", "-B"]

    def has(self, module: str) -> bool:
        """Whether a module can be imported there."""
        if module in sys.stdlib_module_names or module == "__main__":
            return True
        return importlib.machinery.PathFinder.find_spec(module, [str(folder) for folder in self.packages]) is not None

    @cached_property
    def installed(self) -> Mapping[str, str]:
        """Every package -> its version."""
        found = metadata.distributions(path=[str(folder) for folder in self.packages])
        return {one.metadata["Name"].lower(): one.version for one in found}

    @property
    def versions(self) -> dict[str, str]:
        """Give the versions that a grade tells, by "<package> (<name>)"."""
        told = {"python": _version(self.python.parents[1]), **self.installed}
        return {f"{package} ({self.name})": told[package] for package in ("python", *TOLD) if package in told}


@lru_cache(maxsize=1)
def own_environment() -> Environment:
    """Give the environment that this process runs in."""
    executable = Path(os.path.realpath(getattr(sys, "_base_executable", sys.executable)))
    built = {"base": sys.base_prefix, "platbase": sys.base_exec_prefix}     # not a virtual environment's
    folders = [*site.getsitepackages(), site.getusersitepackages()]
    return Environment(
        name="", python=Path(sys.executable), executable=executable,
        packages=tuple(Path(folder) for folder in folders if folder in sys.path and Path(folder).is_dir()),
        libraries=(
            *_libraries(executable), Path(sys.base_prefix, "lib"), Path(sys.base_prefix, "lib64"),
            *(Path(sysconfig.get_path(name, vars=built)) for name in ("stdlib", "platstdlib"))),
    )


def environment_of(course: Course, name: str | None) -> Environment:
    """Give the environment that a manifest names, or this interpreter's own where it names none.

    Raises:
        Rejected: the course has none of that name.
        MissingLibrary: it is not set up, which costs no points.

    """
    if name is None:
        return own_environment()
    known = course.environments()
    if name not in known:
        raise Rejected(
            f"submission.yaml names the environment {name}, which the course does not have",
            rationale="The environment says with which libraries the code runs.",
            hint=f"Write one of {', '.join(known) or 'none'}, or leave `environment` out for torch.")
    return _virtual(name, course.root / known[name].folder, known[name].variables)


def _virtual(name: str, folder: Path, variables: Mapping[str, str]) -> Environment:
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    packages = [*folder.glob("lib/python3.*/site-packages"), *folder.glob("Lib/site-packages")]
    if not python.exists() or not packages or not any(packages[0].glob("numpy-*.dist-info")):
        raise MissingLibrary(
            f"the model needs the environment {name}, which is not set up here",
            rationale="Nothing is deducted for that: a person decides what happens.",
            hint=f"Teaching staff: `make {folder.name.removeprefix('.venv-')}` in the course folder sets it up; then "
                 "grade again.")
    executable = Path(os.path.realpath(python))
    return Environment(
        name=name, python=python, executable=executable, packages=(packages[0],),
        libraries=tuple(_libraries(executable)), variables=dict(variables))


def _libraries(executable: Path) -> list[Path]:
    return [executable.parents[1] / "lib", executable.parents[1] / "lib64"]


def _version(folder: Path) -> str:
    """Read which Python a virtual environment was made of."""
    settings = folder / "pyvenv.cfg"
    lines = settings.read_text("utf-8").splitlines() if settings.is_file() else []
    told = {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}
    return told.get("version", "")
