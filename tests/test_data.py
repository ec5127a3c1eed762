"""Fashion-MNIST is found where it may lie, checked, and its absence explained."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import socket
import threading
from functools import partial

import numpy as np
import pytest

from harness.data import CLASSES, Split, cache_folder, fashion, hash_of, load
from harness.errors import UserError
from tests.conftest import real_data_folder

NAMES = list(fashion.ARCHIVES)
REAL_DATA = real_data_folder()      # before the fixture below hides it


@pytest.fixture(autouse=True)
def _nowhere_else(tmp_path, monkeypatch):
    """Keep the machine's own data out of these tests."""
    monkeypatch.delenv("HARNESS_DATA", raising=False)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.setenv(name, str(tmp_path / "cache"))


@pytest.fixture
def contents(monkeypatch):
    """Make four small idx files, and let the program take them for the official ones."""
    rng = np.random.default_rng(0)
    arrays = [
        rng.integers(0, 256, (30, 28, 28), dtype=np.uint8), rng.integers(0, 10, 30, dtype=np.uint8),
        rng.integers(0, 256, (10, 28, 28), dtype=np.uint8), rng.integers(0, 10, 10, dtype=np.uint8),
    ]
    files, archives = {}, {}
    for name, array in zip(NAMES, arrays, strict=True):
        header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
        files[name] = header + array.tobytes()
        files[f"{name}.gz"] = gzip.compress(files[name])
        archives[name] = (hashlib.md5(files[f"{name}.gz"]).hexdigest(), array.shape)
    monkeypatch.setattr(fashion, "ARCHIVES", archives)
    monkeypatch.setattr(fashion, "OFFICIAL_HASH", hash_of(Split(*arrays[:2]), Split(*arrays[2:])))
    return files


def put(folder, contents, *, packed=True):
    folder.mkdir(parents=True)
    for name in NAMES:
        file = f"{name}.gz" if packed else name
        (folder / file).write_bytes(contents[file])


@pytest.mark.parametrize("packed", [True, False], ids=["archives", "unpacked"])
@pytest.mark.parametrize("inside", ["FashionMNIST/raw", "."])
def test_a_folder_counts_in_torchvisions_layout_and_with_the_files_directly_inside(
    tmp_path, contents, inside, packed
):
    put(tmp_path / "data" / inside, contents, packed=packed)
    data = load(folder=tmp_path / "data", download=False)
    assert (data.name, data.stand_in, data.hash) == ("fashion-mnist", False, fashion.OFFICIAL_HASH)
    assert data.train.images.tobytes() == contents["train-images-idx3-ubyte"][16:]
    assert data.test.labels.tobytes() == contents["t10k-labels-idx1-ubyte"][8:]
    assert data.train.images.shape == (30, 28, 28)


def test_the_places_are_tried_in_order(tmp_path, contents, monkeypatch):
    with pytest.raises(UserError):
        load(download=False)
    put(cache_folder(), contents)
    load(download=False)
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "elsewhere"))
    load(folder=tmp_path / "nowhere", download=False)       # the cache still has it
    put(tmp_path / "elsewhere", contents)
    (cache_folder() / f"{NAMES[0]}.gz").unlink()
    load(folder=tmp_path / "nowhere", download=False)       # now only HARNESS_DATA does


def test_without_data_one_sentence_names_every_place_and_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("HARNESS_DATA", str(tmp_path / "variable"))
    (tmp_path / "option").mkdir()
    with pytest.raises(UserError) as caught:
        load(folder=tmp_path / "option", download=False)
    said = str(caught.value)
    assert f"--data {tmp_path / 'option'} (no train-images-idx3-ubyte.gz in it" in said
    assert f"HARNESS_DATA {tmp_path / 'variable'} (no such folder)" in said
    assert str(cache_folder()) in said
    assert "the download (not allowed here)" in said
    assert "put the four official archives" in said
    assert "\n" not in said


@pytest.mark.parametrize(("damage", "reason"), [
    (lambda content: content[:-20], "wrong MD5"),
    (lambda content: content[:50] + b"\x00" + content[51:], "wrong MD5"),
    (lambda content: content[:0], "wrong MD5"),
], ids=["cut short", "one byte", "empty"])
def test_a_damaged_archive_is_named(tmp_path, contents, damage, reason):
    put(tmp_path / "data", contents)
    path = tmp_path / "data" / "t10k-images-idx3-ubyte.gz"
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match=f"{path.name} has the {reason}"):
        load(folder=tmp_path / "data", download=False)


def test_unpacked_files_that_are_not_the_official_ones_are_refused(tmp_path, contents):
    put(tmp_path / "data", contents, packed=False)
    path = tmp_path / "data" / "t10k-labels-idx1-ubyte"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([(content[-1] + 1) % 10]))
    with pytest.raises(UserError, match="not the official ones"):
        load(folder=tmp_path / "data", download=False)
    path.write_bytes(content[:-1])
    with pytest.raises(UserError, match="t10k-labels-idx1-ubyte is not an idx file of shape"):
        load(folder=tmp_path / "data", download=False)


@pytest.fixture
def mirror(tmp_path, contents, monkeypatch):
    """Serve the archives on this machine and let torchvision download from there."""
    from torchvision.datasets import FashionMNIST

    put(tmp_path / "mirror", contents)

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path / "mirror"))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(FashionMNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
    monkeypatch.setattr(
        FashionMNIST, "resources", [(f"{name}.gz", fashion.ARCHIVES[name][0]) for name in NAMES]
    )
    yield
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.usefixtures("mirror")
def test_what_is_nowhere_is_downloaded_once_into_the_cache(capfd):
    said = []
    data = load(progress=said.append)
    assert data.hash == fashion.OFFICIAL_HASH
    assert len(said) == 1
    assert str(cache_folder()) in said[0]
    assert load(download=False).hash == data.hash
    assert sorted(path.name for path in cache_folder().iterdir()) == ["FashionMNIST"]
    assert capfd.readouterr().out == "", "standard output is for results"


def test_without_a_network_the_download_ends_in_one_clear_sentence_and_leaves_nothing_behind(monkeypatch):
    from torchvision.datasets import FashionMNIST

    with socket.create_server(("127.0.0.1", 0)) as nobody:
        port = nobody.getsockname()[1]
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(FashionMNIST, "mirrors", [f"http://127.0.0.1:{port}/"])
    with pytest.raises(UserError, match=r"the download \(.+\)") as caught:
        load()
    assert "\n" not in str(caught.value)
    assert list(cache_folder().iterdir()) == []


def test_a_cache_folder_that_cannot_be_made_is_one_clear_sentence(tmp_path):
    (tmp_path / "cache").write_text("in the way")
    with pytest.raises(UserError, match=r"the download \("):
        load()


def test_there_are_two_data_sets():
    with pytest.raises(UserError, match="'mnist': choose fashion-mnist or garments"):
        load("mnist")


def test_the_checksums_are_torchvisions():
    from torchvision.datasets import FashionMNIST

    theirs = {name.removesuffix(".gz"): checksum for name, checksum in FashionMNIST.resources}
    assert {name: checksum for name, (checksum, _) in fashion.ARCHIVES.items()} == theirs


def test_the_classes_are_torchvisions():
    from torchvision.datasets import FashionMNIST

    assert list(CLASSES) == FashionMNIST.classes


def test_every_array_and_its_shape_count_in_the_hash():
    images, labels = np.zeros((4, 28, 28), np.uint8), np.zeros(4, np.uint8)
    whole = hash_of(Split(images, labels), Split(images, labels))
    assert whole == hash_of(Split(images.copy(), labels), Split(images, labels.copy()))
    one = images.copy()
    one[3, 27, 27] = 1
    assert hash_of(Split(images, labels), Split(one, labels)) != whole
    assert hash_of(Split(one, labels), Split(images, labels)) != whole
    assert hash_of(Split(images, labels + 1), Split(images, labels)) != whole
    assert hash_of(Split(images[:3], labels[:3]), Split(images, labels)) != whole


@pytest.mark.real_data
def test_the_official_data_is_read_whole_and_in_order():
    data = load(folder=REAL_DATA, download=False)
    assert data.train.images.shape == (60_000, 28, 28)
    assert data.test.images.shape == (10_000, 28, 28)
    assert np.bincount(data.train.labels).tolist() == [6000] * 10
    assert np.bincount(data.test.labels).tolist() == [1000] * 10
    assert round(data.train.images.mean() / 255, 4) == 0.2860       # the figure that everyone normalises by
    assert round(data.train.images.std() / 255, 4) == 0.3530
    with gzip.open(REAL_DATA / "FashionMNIST" / "raw" / "t10k-labels-idx1-ubyte.gz") as file:
        assert data.test.labels.tobytes() == file.read()[8:]
