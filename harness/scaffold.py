"""`harness new`: a hand-in that grades as it stands, made from a reference model and a quiz sheet."""

from __future__ import annotations

import ast
import difflib
import re
import shutil
from pathlib import Path

from harness.course import Course
from harness.errors import UserError
from harness.quiz import load_sheet, template

__all__ = ["model_names", "new_submission"]

_GROUP = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")     # what the manifest takes


def new_submission(
    folder: Path, *, model: str, course: Course, group: str | None = None,
    assignment: str = "summer23",
) -> list[Path]:
    """Write a hand-in that grades as it stands: manifest, model, answers to fill in, and what to do next.

    Args:
        folder: where to write it; must not exist, or be empty.
        model: name of a reference model, as `model_names` gives them: "vae", "conv_vae", ...
        course: where the reference models and the sheets are.
        group: name of the group; the folder's name by default.
        assignment: name of the assignment, which is also that of its quiz sheet.

    Returns:
        The files written, sorted.

    Raises:
        UserError: the folder holds something, there is no such model or assignment, or the name of the group
            cannot be one.

    """
    group = folder.resolve().name if group is None else group
    if not _GROUP.fullmatch(group):
        raise UserError(
            f"{group!r} cannot be the name of a group; use up to 64 letters, digits, '-', '_' and '.', "
            "beginning with a letter or digit (--group NAME)"
        )
    source = _find_model(course, model)
    answers = template(load_sheet(course, assignment))
    _make_empty(folder)
    written = [folder / "model.py", folder / "submission.yaml", folder / "answers.yaml", folder / "README.md"]
    shutil.copyfile(source, written[0])
    for helper in _files_beside(source):
        written.append(folder / helper.name)
        shutil.copyfile(helper, written[-1])
    kind = _model_class(source)
    slot = "vae" if "vae" in model.split("_") else "other"
    fields = {
        "group": group, "assignment": assignment, "slot": slot, "kind": kind,
        "conditional": _CONDITIONAL if _is_conditional(source) else "",
    }
    written[1].write_text(_MANIFEST.format(**fields), "utf-8")
    written[2].write_text(answers, "utf-8")
    written[3].write_text(_README.format(**fields), "utf-8")
    return sorted(written)


def model_names(course: Course) -> list[str]:
    """List the reference models by name: the files that define a class of the contract."""
    return sorted(path.stem for path in course.models.glob("*.py") if _classes(path))


def _find_model(course: Course, model: str) -> Path:
    names = model_names(course)
    if model not in names:
        near = difflib.get_close_matches(model, names, n=1)
        hint = f"did you mean {near[0]}? There are" if near else "there are"
        raise UserError(f"there is no reference model {model!r}; {hint}: {', '.join(names) or 'none'}")
    return course.models / f"{model}.py"


def _make_empty(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise UserError(f"{folder}: already holds files; give the path of a new folder")
    except OSError as error:
        raise UserError(
            f"{folder}: cannot be made into a hand-in ({error.strerror}); give the path of a new folder"
        ) from error


# --- what a reference model's file says; it is read, not run


def _classes(path: Path) -> list[str]:
    """Name the classes of a file that it offers (`__all__`) and that are models, in the order of the file."""
    body = ast.parse(path.read_text("utf-8")).body
    offered = {
        name for node in body if isinstance(node, ast.Assign) and _is_name(node.targets[0], "__all__")
        for name in ast.literal_eval(node.value)
    }
    classes = [node for node in body if isinstance(node, ast.ClassDef) and node.bases]
    return [node.name for node in classes if node.name in offered]


def _model_class(path: Path) -> str:
    return _classes(path)[0]


def _is_conditional(path: Path) -> bool:
    """Say whether the class that a file offers first says `conditional = True`."""
    name = _model_class(path)
    body = next(node.body for node in ast.parse(path.read_text("utf-8")).body
                if isinstance(node, ast.ClassDef) and node.name == name)
    return any(
        isinstance(node, ast.Assign) and _is_name(node.targets[0], "conditional")
        and isinstance(node.value, ast.Constant) and node.value.value is True
        for node in body
    )


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def _files_beside(path: Path) -> list[Path]:
    """List the files of the same folder that a file needs: what it imports, and what these import in turn."""
    found: dict[Path, None] = {}
    waiting = [path]
    while waiting:
        for node in ast.walk(ast.parse(waiting.pop().read_text("utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else (
                [alias.name for alias in node.names] if isinstance(node, ast.Import) else [])
            for name in names:
                helper = path.parent / f"{name}.py"
                if helper.is_file() and helper not in found:
                    found[helper] = None
                    waiting.append(helper)
    return list(found)


_MANIFEST = """\
# What is handed in. `harness check .` in this folder tells what is missing.
group: "{group}"
members: [Ada Example]          # at most three; write your own names
assignment: {assignment}
# code: https://example.org/... # where your code can be read

models:
  {slot}:
    source: "model.py:{kind}"   # file and class
    route: fit                  # the harness trains it by its `fit`, on its own clock
{conditional}    # arguments: {{code_size: 10}}    # for the constructor
    #
    # To hand in weights that you trained yourselves, save them and write instead:
    # route: load
    # checkpoint: weights.safetensors

# report: report.pdf            # your page
answers: answers.yaml
references: []                  # everything that you reused: papers, code, tools
"""

_CONDITIONAL = """\
    conditional: true           # `fit` and `sample` are given labels
"""

_README = """\
# {group}: hand-in to {assignment}

This hand-in can be graded as it stands. What to do now:

1. Write your names into `submission.yaml`.
2. Change `model.py` into your own model. Its class `{kind}` is what is graded; `harness/contract.py` says
   what each method takes and gives. What a model cannot do is not measured, and costs nothing by itself.
3. Answer the statements in `answers.yaml` with yes or no where you are sure, and leave the others.
4. Train. Either leave `route: fit`, and the harness trains your model, or train it yourselves and save the
   weights:

   ```python
   import math, torch
   from safetensors.torch import save_file
   from harness.data import load
   from model import {kind}

   images = torch.tensor(load().train.images).float().div(255).unsqueeze(1)    # (60000, 1, 28, 28) in [0, 1]
   model = {kind}()
   model.fit(images, None, seed=0, device="cpu", deadline=math.inf)
   save_file(model.state_dict(), "weights.safetensors")
   ```

5. Put your page beside it as `report.pdf`, and take the `#` away from `report:` in `submission.yaml`.
6. Look at it as the grader will, from this folder, on your own machine and without the key:

   ```
   harness check .
   ```
"""
