"""From a hand-in to a model, and what the group is told when that fails."""

from __future__ import annotations

import numpy as np
import torch
from safetensors.torch import save_file

LINEAR = """
    import torch
    from harness.contract import flatten

    class Model(torch.nn.Module):
        def __init__(self, size=3):
            super().__init__()
            self.layer = torch.nn.Linear(784, size)

        def encode(self, images):
            return self.layer(flatten(images))
    """
IMAGES = np.arange(2 * 784, dtype="<f4").reshape(2, 28, 28) / 2000


def codes(talk, **job):
    return talk.ask("encode", {"images": IMAGES}, **job)[1]["codes"]


def test_a_class_is_found_by_file_and_by_module(talk):
    talk.write(LINEAR)
    talk.write("from model import Model as Better", "src/better.py")
    talk.write("", "src/__init__.py")
    assert codes(talk).shape == (2, 3)
    assert codes(talk, source="model:Model").shape == (2, 3)
    assert codes(talk, source="src/better.py:Better").shape == (2, 3)
    assert codes(talk, source="src.better:Better").shape == (2, 3)


def test_a_file_in_a_folder_finds_the_files_beside_it(talk):
    talk.write("SIZE = 5", "code/sizes_of_it.py")
    talk.write("""
        from sizes_of_it import SIZE
        class Model:
            def encode(self, images): return images.reshape(-1, 784)[:, :SIZE]
        """, "code/model.py")
    assert codes(talk, source="code/model.py:Model").shape == (2, 5)


def test_the_constructor_gets_its_arguments(talk):
    talk.write(LINEAR)
    assert codes(talk, arguments={"size": 7}).shape == (2, 7)


def test_a_missing_file_names_the_files_that_are_there(talk):
    talk.write(LINEAR)
    error = talk.error(source="modle.py:Model")
    assert error["kind"] == "rejected"
    assert "modle.py" in error["message"]
    assert "model.py" in error["hint"]


def test_a_missing_module_names_the_files_but_a_missing_library_is_a_crash(talk):
    talk.write("import no_such_library")
    assert "no module modle" in talk.error(source="modle:Model")["message"]
    error = talk.error(source="model:Model")
    assert error["kind"] == "crashed"
    assert "model.py, line 1" in error["message"]
    assert "no_such_library" in error["message"]


def test_a_missing_class_names_the_classes_that_are_there(talk):
    talk.write("from torch import nn\nclass Encoder: ...\nclass VAE: ...\nlimit = 3")
    error = talk.error(source="model.py:Vae")
    assert error["message"] == "Vae is not there in model.py"
    assert error["hint"] == 'write source: "model.py:VAE" in submission.yaml; classes in model.py: Encoder, VAE'
    assert "is neither a class nor a network" in talk.error(source="model.py:limit")["message"]


def test_wrong_arguments_show_the_signature(talk):
    talk.write(LINEAR)
    error = talk.error(arguments={"latent": 3})
    assert error["kind"] == "rejected"
    assert "Model(size=3)" in error["message"]
    assert "latent" in error["message"]


def test_an_exception_at_import_and_in_the_constructor_is_traced_to_its_line(talk):
    talk.write("x = 1\nx / 0")
    error = talk.error()
    assert error["message"] == (
        "loading model.py:Model failed (model.py, line 2): ZeroDivisionError: division by zero")
    talk.write("class Model:\n    def __init__(self):\n        raise KeyError('weights')", "other.py")
    frames = talk.error(source="other.py:Model")["traceback"]
    assert frames == [
        {"file": "other.py", "line": 3, "function": "__init__", "code": "raise KeyError('weights')"}]


def test_a_syntax_error_is_traced_to_its_line(talk):
    talk.write("class Model:\n    def encode(self, images:\n        pass")
    error = talk.error()
    assert "SyntaxError" in error["message"]
    assert error["traceback"][-1]["file"] == "model.py"
    assert error["traceback"][-1]["line"] == 2


def test_a_program_that_ends_itself_while_it_is_imported_is_a_crash(talk):
    talk.write("import sys\nsys.exit(3)")
    error = talk.error()
    assert error["kind"] == "crashed"
    assert "exit(3)" in error["message"]


def test_no_path_of_the_host_is_in_an_error(talk):
    talk.write("open(__file__ + '.weights')")
    error = talk.error()
    assert str(talk.folder) not in str(error)
    assert "model.py.weights" in error["message"]


def trained(tmp_path, talk):
    """A checkpoint in each of the kinds that students hand in, and the codes that each must give."""
    torch.manual_seed(5)
    layer = torch.nn.Linear(784, 3)
    state = {f"layer.{key}": value for key, value in layer.state_dict().items()}
    expected = layer(torch.from_numpy(IMAGES).flatten(1)).detach().numpy()
    return state, expected


def test_checkpoints_of_every_kind_give_the_trained_model(talk, tmp_path):
    talk.write(LINEAR)
    state, expected = trained(tmp_path, talk)
    save_file(state, tmp_path / "a.safetensors")
    torch.save(state, tmp_path / "b.pt")
    torch.save({"model": state}, tmp_path / "c.pth")
    (tmp_path / "saved").mkdir()
    save_file(state, tmp_path / "saved" / "model.safetensors")
    for name in ("a.safetensors", "b.pt", "c.pth", "saved"):
        np.testing.assert_allclose(codes(talk, checkpoint=tmp_path / name), expected, rtol=1e-5, atol=1e-6)


def test_a_whole_module_that_a_script_pickled_is_loaded(talk, tmp_path, monkeypatch):
    import __main__

    talk.write(LINEAR)
    _, expected = trained(tmp_path, talk)
    namespace = {"__name__": "__main__"}
    exec((talk.folder / "model.py").read_text(), namespace)     # as `python model.py` would define the class
    torch.manual_seed(5)
    model = namespace["Model"]()
    monkeypatch.setattr(__main__, "Model", namespace["Model"], raising=False)
    torch.save(model, tmp_path / "whole.pt")
    monkeypatch.delattr(__main__, "Model")
    try:
        found = codes(talk, checkpoint=tmp_path / "whole.pt")
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    finally:
        vars(__main__).pop("Model", None)


def test_a_checkpoint_that_does_not_fit_is_rejected_with_the_keys(talk, tmp_path):
    talk.write(LINEAR)
    state = {"layer.weight": torch.zeros(4, 784), "layer.offset": torch.zeros(4)}
    save_file(state, tmp_path / "w.safetensors")
    error = talk.error(checkpoint=tmp_path / "w.safetensors")
    assert error["kind"] == "rejected"
    for word in ("missing in the file: layer.bias", "not in the model: layer.offset", "(4, 784)", "(3, 784)"):
        assert word in error["message"]


def test_a_broken_checkpoint_is_rejected(talk, tmp_path):
    talk.write(LINEAR)
    (tmp_path / "w.safetensors").write_bytes(b"\xff" * 100)
    (tmp_path / "w.pt").write_bytes(b"no zip")
    (tmp_path / "w.h5").write_bytes(b"")
    for name in ("w.safetensors", "w.pt", "w.h5", "missing.pt"):
        error = talk.error(checkpoint=tmp_path / name)
        assert error["kind"] == "rejected"
        assert name in error["message"]


def test_the_groups_own_load_gets_the_folder(talk, tmp_path):
    talk.write("""
        import numpy
        class Model:
            def load(self, folder): self.codes = numpy.load(folder / "codes.npy")
            def encode(self, images): return self.codes
        """)
    (tmp_path / "saved").mkdir()
    np.save(tmp_path / "saved" / "codes.npy", np.full((2, 4), 3.0, "<f4"))
    assert codes(talk, checkpoint=tmp_path / "saved").tolist() == [[3.0] * 4] * 2
    assert codes(talk, checkpoint=tmp_path / "saved" / "codes.npy").tolist() == [[3.0] * 4] * 2


def test_networks_that_are_attributes_or_lie_in_a_list_are_loaded_and_counted(talk, tmp_path):
    talk.write("""
        import torch
        class Model:
            def __init__(self):
                self.layers = [torch.nn.Linear(784, 3), torch.nn.Linear(3, 2)]
            def encode(self, images):
                return self.layers[1](self.layers[0](images.flatten(1)))
        """)
    head, _ = talk.ask("describe")
    assert head["parameters"] == 784 * 3 + 3 + 3 * 2 + 2
    state = {"layers_0.weight": torch.zeros(3, 784), "layers_0.bias": torch.ones(3),
             "layers_1.weight": torch.ones(2, 3), "layers_1.bias": torch.zeros(2)}
    save_file(state, tmp_path / "w.safetensors")
    assert codes(talk, checkpoint=tmp_path / "w.safetensors").tolist() == [[3.0, 3.0]] * 2
