"""The conversation with a model: what is asked, what crosses, and what a fault costs.

Most tests talk to the worker's own code over real frames in this process; the last start real workers.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness import evidence
from harness.data import Dataset, Split
from harness.errors import BoxUnavailable, Crashed, HarnessFault, InvalidOutput, Rejected, TimedOut
from harness.evidence.plan import balanced, derive, make_plan, pairs_between, pairs_within, probes
from harness.limits import Budget, Limits
from harness.sandbox.choose import choose_box
from harness.sandbox.faults import from_worker
from harness.sandbox.plain import PlainBox
from harness.submissions import Submission, intake
from harness.wire import read_frame, write_frame
from harness.worker.explain import describe_error
from harness.worker.serving import Worker

BUDGET = Budget(
    name="test", fit_seconds=20.0, fit_grace_seconds=10.0, train_images=150, test_images=60, samples=200,
    pairs=45, points=5, probe_images=12, samples_seconds=20.0,
)


def drawn(count: int, seed: int) -> Split:
    """Images that a code of 16 numbers can carry: 4 x 4 blocks of grey, brighter with the class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(count, dtype=np.uint8) % 10
    blocks = rng.integers(100, size=(count, 4, 4), dtype=np.uint8) + 15 * labels[:, None, None]
    return Split(np.kron(blocks, np.ones((7, 7), dtype=np.uint8)), labels)


DATA = Dataset(name="blocks", train=drawn(300, 0), test=drawn(100, 1), hash="0", stand_in=True)


class Blocks:
    """A perfect model of DATA: the code is the mean of each of 16 blocks."""

    framework = "numpy"
    log_prob_kind = "exact"

    def encode(self, images):
        return images.reshape(-1, 4, 7, 4, 7).mean(axis=(2, 4)).reshape(-1, 16)

    def decode(self, codes):
        return np.kron(codes.reshape(-1, 1, 4, 4), np.ones((7, 7), np.float32))

    def sample(self, count, *, labels=None, seed):
        codes = np.random.default_rng(seed).random((count, 16), dtype=np.float32)
        if labels is not None:
            codes[:] = np.asarray(labels)[:, None] / 10
        return self.decode(codes)

    def posterior(self, images):
        return self.encode(images), np.full((len(images), 16), -3.0)

    def log_prob(self, images):
        return -images.reshape(len(images), -1).sum(axis=1)


class InProcess:
    """A box without a process: the worker's code answers over frames in memory, noting what it was asked."""

    name = "in process"
    protects = False

    def __init__(self, make: Callable[[], object] = Blocks) -> None:
        self.make = make
        self.asked: list[tuple[str, str, dict]] = []
        self.jobs = {}
        self.open_sessions = 0

    def open(self, job, limits):
        self.jobs[job.role] = job
        self.open_sessions += 1
        return Talker(self, job)


class Talker:
    log = ""

    def __init__(self, box: InProcess, job) -> None:
        self.box, self.job = box, job
        self.over: Exception | None = None
        self.worker = Worker.__new__(Worker)
        self.worker.model = self.worker.inner = box.make()
        self.worker.framework = getattr(self.worker.model, "framework", "numpy")
        self.worker.device, self.worker.seed = job.device, job.seed

    def ask(self, verb, arrays=None, options=None, *, expect, seconds):
        arrays, options = dict(arrays or {}), dict(options or {})
        self.box.asked.append((self.job.role, verb, {**arrays, **options}))
        if self.over:
            raise self.over
        stream = io.BytesIO()
        try:
            write_frame(stream, *Worker.VERBS[verb](self.worker, arrays, options))
        except WorkerEndedError as error:
            self.over = error.args[0]
            raise self.over from None
        except Exception as error:  # noqa: BLE001 - the boundary to the model, as in the worker
            told = describe_error(error, doing=verb, folder=Path("/"))
            raise from_worker(told, log="printed", limits=Limits()) from None
        stream.seek(0)
        return read_frame(stream, expect)

    def close(self):
        self.box.open_sessions -= 1

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


class WorkerEndedError(Exception):
    """Raised by a test's model: the worker is gone, for the reason given."""


def hand_in(tmp_path: Path, code: str = "", *, entry: str = "route: fit") -> Submission:
    folder = tmp_path / "group3"
    folder.mkdir()
    (folder / "model.py").write_text(code)
    (folder / "submission.yaml").write_text(
        "group: group3\nmembers: [Ada Example]\nassignment: summer23\n"
        f'models: {{vae: {{source: "model.py:Model", {entry}}}}}\n')
    return intake(folder, tmp_path / "copy")


@pytest.fixture
def submission(tmp_path):
    return hand_in(tmp_path)


def gather(submission, box, *, budget=BUDGET, seed=0, **options):
    options = {"checkpoint": None, "data": DATA, **options}
    return evidence.gather(submission, "vae", box=box, budget=budget, seed=seed, **options)


def model(**methods) -> Callable[[], object]:
    return type("Model", (Blocks,), methods)


# --- what is chosen


@given(st.integers(1, 300), st.integers(0, 400), st.integers(0, 9))
def test_a_balanced_choice_is_ascending_and_as_even_as_can_be(size, count, seed):
    labels = np.arange(size) % 10
    chosen = balanced(labels, count, seed)
    assert len(chosen) == min(count, size)
    assert (np.diff(chosen) > 0).all()
    if count < size // 10 * 10:
        per_class = np.bincount(labels[chosen], minlength=10)
        assert per_class.max() - per_class.min() <= 1


def test_all_images_are_taken_in_order_where_no_count_is_given():
    assert (balanced(DATA.test.labels, None, 0) == np.arange(100)).all()


@given(st.integers(0, 200), st.integers(0, 9))
def test_pairs_within_are_two_different_images_of_one_class_and_classes_take_turns(count, seed):
    labels = np.random.default_rng(seed).permutation(np.arange(60) % 10)
    first, second = pairs_within(labels, count, seed)
    assert len(first) == len(second) == count
    assert (first != second).all()
    assert (labels[first] == labels[second]).all()
    assert (labels[first] == np.arange(count) % 10).all()


@given(st.integers(0, 200), st.integers(0, 9))
def test_pairs_between_are_of_two_classes_and_every_two_classes_take_turns(count, seed):
    labels = np.random.default_rng(seed).permutation(np.arange(60) % 10)
    first, second = pairs_between(labels, count, seed)
    kinds = {}
    for pair in zip(labels[first].tolist(), labels[second].tolist(), strict=True):
        assert pair[0] != pair[1]
        kinds[frozenset(pair)] = kinds.get(frozenset(pair), 0) + 1
    assert len(kinds) == min(count, 45)
    assert max(kinds.values(), default=0) - min(kinds.values(), default=0) <= 1


@pytest.mark.parametrize("labels", [[], [3], [3, 3], [1, 2]])
def test_pairs_that_cannot_be_had_are_left_out(labels):
    labels = np.array(labels, dtype=np.uint8)
    assert len(pairs_within(labels, 4, 0)[0]) == (4 if list(labels) == [3, 3] else 0)
    assert len(pairs_between(labels, 4, 0)[0]) == (4 if list(labels) == [1, 2] else 0)


def test_probes_keep_what_their_names_say():
    images = DATA.test.images[:20]
    made = probes(images, 0)
    assert set(made) == {"noise", "permuted", "inverted"}
    assert (made["inverted"] == 255 - images).all()
    flat = images.reshape(20, -1)
    assert (np.sort(made["permuted"].reshape(20, -1)) == np.sort(flat)).all()
    order = probes(np.arange(784, dtype=np.uint16).reshape(1, 28, 28) % 256, 0)["permuted"]
    assert (order != np.arange(784).reshape(28, 28) % 256).any()
    assert 120 < made["noise"].mean() < 135


def test_seeds_differ_by_purpose_and_fit_into_31_bits():
    seeds = [derive(seed, name) for seed in range(20) for name in ("a", "b", 1, 97)]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**31 for seed in seeds)


def test_a_plan_is_the_same_for_the_same_seed_and_another_for_another():
    one, same, other = (make_plan(DATA, BUDGET, seed) for seed in (0, 0, 1))
    assert (one.test_index == same.test_index).all()
    assert (one.between[0] == same.between[0]).all()
    assert (one.test_index != other.test_index).any()


# --- what comes back


@pytest.fixture(scope="module")
def full(tmp_path_factory):
    box = InProcess()
    seen, faults = gather(hand_in(tmp_path_factory.mktemp("full")), box)
    assert faults == []
    return box, seen


def test_a_model_that_can_do_everything_gives_everything(full):
    _, seen = full
    assert set(seen.capabilities) == {"sample", "encode", "decode", "posterior", "log_prob"}
    assert seen.test_codes.shape == (60, 16)
    assert seen.train_codes.shape == (150, 16)
    assert seen.reconstructions.shape == seen.train_reconstructions.shape == (60, 28, 28)
    assert {name: images.shape for name, (images, _) in seen.probes.items()} == dict.fromkeys(
        ("noise", "permuted", "inverted"), (12, 28, 28))
    assert [part.shape for part in seen.posterior] == [(60, 16), (60, 16)]
    assert seen.within.images.shape == seen.between.images.shape == (45, 5, 28, 28)
    assert [part.shape for part in seen.path_steps] == [(100, 28, 28), (100, 28, 28)]
    assert seen.samples.shape == (200, 28, 28)
    assert seen.samples_repeated.shape == seen.samples_other.shape == (64, 28, 28)
    assert seen.log_prob.shape == (60,)
    assert seen.log_prob_kind == "exact"
    assert seen.sample_labels is None
    assert not seen.conditional


def test_reconstructions_are_of_the_images_that_the_index_names(full):
    _, seen = full
    assert np.abs(seen.reconstructions - DATA.test.images[seen.test_index] / 255).max() < 1e-3
    shown = seen.train_index[:60]
    assert np.abs(seen.train_reconstructions - DATA.train.images[shown] / 255).max() < 1e-3
    for images, decoded in seen.probes.values():
        assert images.dtype == decoded.dtype == np.float32
        means = images.reshape(-1, 4, 7, 4, 7).mean(axis=(2, 4))
        assert np.abs(np.kron(means, np.ones((7, 7))) - decoded).max() < 1e-3


def test_codes_are_rounded_to_16_bits_before_they_are_decoded(full):
    box, seen = full
    assert (seen.test_codes == seen.test_codes.astype(np.float16)).all()
    first = next(sent["codes"] for role, verb, sent in box.asked if (role, verb) == ("decode", "decode"))
    assert (first == seen.test_codes).all()


@pytest.mark.parametrize("name", ["within", "between"])
def test_lines_are_straight_in_code_space_and_end_at_the_reconstructions(full, name):
    _, seen = full
    path = getattr(seen, name)
    place = {index: row for row, index in enumerate(seen.test_index)}
    first = np.array([place[index] for index in path.first])
    second = np.array([place[index] for index in path.second])
    assert (path.images[:, 0] == seen.reconstructions[first]).all()
    assert (path.images[:, -1] == seen.reconstructions[second]).all()
    t = np.linspace(0, 1, 5)[None, :, None, None]
    straight = (1 - t) * path.images[:, :1] + t * path.images[:, -1:]       # the decoder of Blocks is linear
    assert np.abs(path.images - straight).max() < 1e-5
    same = DATA.test.labels[path.first] == DATA.test.labels[path.second]
    assert same.all() if name == "within" else not same.any()


def test_path_steps_are_one_step_apart_on_lines_between_codes_of_samples(full):
    _, seen = full
    start, end = seen.samples[:100], seen.samples[100:200]
    near, far = seen.path_steps
    assert np.abs((far - near) - seen.path_epsilon * (end - start)).max() < 1e-4


def test_samples_are_repeatable_and_every_request_has_a_seed_of_its_own(full):
    box, seen = full
    assert (seen.samples_repeated == seen.samples[:64]).all()
    assert (seen.samples_other != seen.samples[:64]).any()
    drawn = [(sent["count"], sent["seed"]) for _, verb, sent in box.asked if verb == "sample"]
    assert [count for count, _ in drawn] == [64, 64, 64, 136]
    assert len({seed for _, seed in drawn}) == 3


def test_likelihoods_are_of_dequantised_test_images(full):
    box, seen = full
    sent = next(sent["images"] for _, verb, sent in box.asked if verb == "log_prob")
    assert sent.dtype == np.float32
    assert (np.floor(sent * 256) == DATA.test.images[seen.test_index]).mean() > 0.999
    assert np.allclose(seen.log_prob, -sent.reshape(60, -1).sum(axis=1), rtol=1e-5)


def test_the_roles_are_asked_apart_and_the_decoder_never_gets_an_image(full):
    box, _ = full
    asked = {(role, verb) for role, verb, _ in box.asked}
    assert asked == {
        ("encode", "describe"), ("encode", "encode"), ("encode", "posterior"), ("encode", "log_prob"),
        ("decode", "describe"), ("decode", "decode"), ("decode", "sample"),
    }
    assert not any("images" in sent for role, _, sent in box.asked if role == "decode")
    assert box.jobs["encode"].seed != box.jobs["decode"].seed
    assert not any("labels" in sent for _, _, sent in box.asked)
    assert box.open_sessions == 0


def test_twice_the_same_seed_gives_the_same_evidence(full, submission):
    _, seen = full
    again, _ = gather(submission, InProcess())
    for name in ("test_codes", "reconstructions", "samples", "log_prob", "test_index"):
        assert (getattr(seen, name) == getattr(again, name)).all()
    assert (seen.between.images == again.between.images).all()
    assert (seen.path_steps[0] == again.path_steps[0]).all()
    other, _ = gather(submission, InProcess(), seed=1)
    assert (other.samples != seen.samples).any()


def test_a_conditional_model_is_given_balanced_labels_to_sample(submission):
    box = InProcess(model(conditional=True))
    seen, _ = gather(submission, box)
    assert seen.conditional
    assert (np.bincount(seen.sample_labels) == 20).all()
    assert np.allclose(seen.samples, seen.sample_labels[:, None, None] / 10, atol=1e-6)


def test_progress_runs_from_nothing_to_all_and_names_the_stages(submission):
    told = []
    gather(submission, InProcess(), progress=lambda stage, share: told.append((stage, share)))
    shares = [share for _, share in told if share is not None]
    assert told[0] == ("starting the model", None)
    assert shares[-1] == 1.0
    assert shares == sorted(shares)
    assert 0 <= shares[0] < shares[-1]
    stages = {part for text, _ in told for part in text.split(" and ")}
    assert {"drawing samples", "encoding test images", "decoding lines between codes"} <= stages


# --- what a model lacks


def test_a_model_that_only_samples_gives_samples_and_no_fault(submission):
    class Generator:
        framework = "numpy"

        def sample(self, count, *, labels=None, seed):
            return Blocks().sample(count, seed=seed)

    seen, faults = gather(submission, InProcess(Generator))
    assert faults == []
    assert seen.capabilities == ("sample",)
    assert seen.samples.shape == (200, 28, 28)
    assert seen.test_codes is seen.reconstructions is seen.within is seen.path_steps is seen.log_prob is None
    assert seen.probes == {}


def test_an_encoder_alone_gives_codes(submission):
    seen, faults = gather(submission, InProcess(model(decode=None, sample=None)))
    assert faults == []
    assert seen.test_codes.shape == (60, 16)
    assert seen.reconstructions is None


# --- what a fault costs


def broken(*_, **__):
    raise ValueError("no such thing")


def test_a_decoder_that_fails_leaves_codes_and_posterior(submission):
    class Model(Blocks):
        decode = broken

        def sample(self, count, *, labels=None, seed):
            return np.zeros((count, 28, 28), np.float32)

    box = InProcess(Model)
    seen, (fault,) = gather(submission, box)
    assert (fault.kind, fault.stage, fault.model) == ("crashed", "decode", "vae")
    assert "no such thing" in fault.message
    assert fault.log == "printed"
    assert seen.test_codes is not None
    assert seen.train_codes is not None
    assert seen.posterior is not None
    assert seen.samples is not None
    assert seen.reconstructions is seen.within is None
    assert sum(verb == "decode" for _, verb, _ in box.asked) == 1


def test_an_encoder_that_fails_leaves_samples_and_likelihoods(submission):
    seen, faults = gather(submission, InProcess(model(encode=broken, posterior=None)))
    assert [fault.stage for fault in faults] == ["encode"]
    assert seen.samples is not None
    assert seen.log_prob is not None
    assert seen.test_codes is seen.reconstructions is seen.path_steps is None


def test_a_sampler_that_fails_leaves_the_latent_space(submission):
    seen, faults = gather(submission, InProcess(model(sample=broken)))
    assert [fault.stage for fault in faults] == ["sample"]
    assert seen.samples is seen.samples_other is seen.path_steps is None
    assert seen.between is not None
    assert seen.probes


def test_samples_that_were_drawn_before_a_fault_are_kept(submission):
    class Model(Blocks):
        def sample(self, count, *, labels=None, seed):
            if count != 64:
                raise MemoryError
            return super().sample(count, seed=seed)

    seen, faults = gather(submission, InProcess(Model))
    assert [fault.stage for fault in faults] == ["sample"]
    assert seen.samples.shape == (64, 28, 28)
    assert len(seen.path_steps[0]) == 32


def test_a_worker_that_ends_is_one_fault_and_costs_its_role_alone(submission):
    def ends(*_, **__):
        raise WorkerEndedError(TimedOut("sample did not end within 300 seconds"))

    seen, faults = gather(submission, InProcess(model(sample=ends)))
    assert [(fault.kind, fault.stage) for fault in faults] == [("timed out", "sample")]
    assert seen.test_codes is not None
    assert seen.reconstructions is None


def test_a_model_that_does_not_start_is_one_fault(submission):
    class Model(Blocks):
        @property
        def conditional(self):
            raise WorkerEndedError(Crashed("loading model.py:Model failed: NameError"))

    seen, faults = gather(submission, InProcess(Model))
    assert [(fault.kind, fault.stage) for fault in faults] == [("crashed", "start")]
    assert seen.capabilities == ()


def constant_codes(value: float, numbers: int) -> Callable[[], object]:
    def encode(self, images):
        return np.full((len(images), numbers), value, np.float32)

    return model(encode=encode, posterior=None)


@pytest.mark.parametrize(("numbers", "words"), [
    (784, "'codes' has 784 numbers for each image; 1 to 128"), (0, "'codes' has 0 numbers"),
])
def test_a_code_of_the_wrong_size_does_not_cross(submission, numbers, words):
    box = InProcess(constant_codes(0, numbers))
    seen, (fault,) = gather(submission, box)
    assert (fault.kind, fault.stage) == ("invalid output", "encode")
    assert words in fault.message
    assert seen.test_codes is None
    assert not any(verb == "decode" for _, verb, _ in box.asked)


def test_a_code_that_16_bits_cannot_hold_does_not_cross(submission):
    _, (fault,) = gather(submission, InProcess(constant_codes(1e6, 2)))
    assert "float16" in fault.message


@pytest.mark.parametrize(("value", "words"), [
    (1.2, "values from 1.2 to 1.2"), (-0.01, "values from -0.01"), (np.nan, "not finite"),
    (np.inf, "not finite"),
])
def test_images_out_of_range_are_refused_with_how_far(submission, value, words):
    def decode(self, codes):
        return np.full((len(codes), 28, 28), value, np.float32)

    seen, faults = gather(submission, InProcess(model(decode=decode, sample=None)))
    assert [(fault.kind, fault.stage) for fault in faults] == [("invalid output", "decode")]
    assert "'images'" in faults[0].message
    assert words in faults[0].message
    assert seen.reconstructions is None


def test_what_rounding_adds_is_clipped_off(submission):
    def decode(self, codes):
        images = np.full((len(codes), 28, 28), 1.00005, np.float32)
        images[:, 0] = -0.00005
        return images

    seen, faults = gather(submission, InProcess(model(decode=decode)))
    assert faults == []
    for images in (seen.reconstructions, seen.samples, seen.within.images, seen.path_steps[1]):
        assert (images.min(), images.max()) == (0, 1)


@pytest.mark.parametrize("answer", [
    (np.zeros((60, 4)), np.full((60, 4), np.nan)),
    (np.zeros((60, 4)), np.zeros((60, 5))),
    np.zeros((60, 4)),
], ids=["NaN", "two shapes", "no pair"])
def test_a_posterior_that_is_none_is_a_fault_and_costs_nothing_else(submission, answer):
    def posterior(self, images):
        return answer

    seen, (fault,) = gather(submission, InProcess(model(posterior=posterior)))
    assert (fault.kind, fault.stage) == ("invalid output", "posterior")
    assert seen.posterior is None
    assert seen.path_steps is not None


def test_slow_sampling_is_asked_for_in_small_requests_and_ends_in_time(submission, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr("harness.evidence.talk.monotonic", lambda: clock[0])

    class Model(Blocks):
        def sample(self, count, *, labels=None, seed):
            clock[0] += count / 64
            return super().sample(count, seed=seed)

    budget = replace(BUDGET, samples=2_000, samples_seconds=20.0)
    box = InProcess(Model)
    seen, faults = gather(submission, box, budget=budget)
    assert faults == []
    counts = [sent["count"] for _, verb, sent in box.asked if verb == "sample"]
    assert set(counts) == {64}
    assert sum(counts) / 64 == pytest.approx(20, abs=1)
    assert len(seen.samples) == sum(counts) - 128


def test_a_fault_of_the_harness_ends_both_roles_and_is_raised(submission):
    started = threading.Event()

    class Model(Blocks):
        def encode(self, images):
            started.set()
            return super().encode(images)

        def sample(self, count, *, labels=None, seed):
            started.wait(5)
            raise WorkerEndedError(HarnessFault("the box failed"))

    box = InProcess(Model)
    with pytest.raises(HarnessFault, match="the box failed"):
        gather(submission, box)
    assert box.open_sessions == 0


# --- training


class Trained(Blocks):
    def fit(self, images, labels, *, seed, device, deadline):
        kind = None if labels is None else labels.dtype.name
        self.seen = {"images": len(images), "labels": kind, "seed": seed}

    def save(self, folder):
        (folder / "deep").mkdir()
        (folder / "deep" / "weights.bin").write_bytes(bytes(range(256)))
        (folder / "seen.txt").write_text(repr(self.seen))


def train(submission, box, into, *, budget=BUDGET):
    return evidence.train(submission, "vae", data=DATA, box=box, budget=budget, seed=0, into=into)


def test_training_keeps_what_the_model_saved(submission, tmp_path):
    box = InProcess(Trained)
    folder = train(submission, box, tmp_path / "trained")
    assert (folder / "deep" / "weights.bin").read_bytes() == bytes(range(256))
    seen = {"images": 300, "labels": None, "seed": box.jobs["fit"].seed}
    assert (folder / "seen.txt").read_text() == repr(seen)
    assert box.jobs["fit"].checkpoint is None
    assert box.open_sessions == 0


def test_labels_are_given_only_to_a_model_that_the_manifest_declares_conditional(tmp_path):
    submission = hand_in(tmp_path, entry="route: fit, conditional: yes")
    folder = train(submission, InProcess(Trained), tmp_path / "trained")
    assert "'labels': 'int64'" in (folder / "seen.txt").read_text()


def test_a_class_that_is_conditional_without_the_manifest_is_refused(submission, tmp_path):
    box = InProcess(type("Model", (Trained,), {"conditional": True}))
    with pytest.raises(Rejected, match="says conditional = True, but submission"):
        train(submission, box, tmp_path / "trained")


def test_a_class_without_fit_is_refused(submission, tmp_path):
    with pytest.raises(Rejected, match="has no method fit"):
        train(submission, InProcess(), tmp_path / "trained")


@pytest.mark.parametrize("name", ["../escape", "/etc/passwd", "a/../../b", "c:\\x"])
def test_a_saved_file_never_leaves_the_folder(submission, tmp_path, monkeypatch, name):
    def forged(worker, arrays, options):
        return {}, {f"files/{name}": np.zeros(3, np.uint8)}

    monkeypatch.setattr(Worker, "VERBS", {**Worker.VERBS, "fit": forged})
    with pytest.raises(InvalidOutput, match="under a name that cannot be taken"):
        train(submission, InProcess(Trained), tmp_path / "x" / "trained")
    assert [path.name for path in tmp_path.rglob("*") if path.name in {"escape", "b"}] == []


def test_a_training_that_saves_too_much_is_refused(submission, tmp_path):
    budget = replace(BUDGET, limits=Limits(saved_bytes=100))
    with pytest.raises(InvalidOutput, match="more than the 100 allowed"):
        train(submission, InProcess(Trained), tmp_path / "trained", budget=budget)


# --- real workers

LEARNS = '''
import time
import torch
from harness.contract import GenerativeModel

class Model(GenerativeModel, torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.mean = torch.nn.Parameter(torch.zeros(28, 28))

    def fit(self, images, labels, *, seed, device, deadline):
        assert labels is None and time.monotonic() < deadline
        self.mean.data = images.mean(dim=(0, 1))

    def encode(self, images):
        return (images - self.mean).mean(dim=(1, 2, 3))[:, None]

    def decode(self, codes):
        return (self.mean + codes[:, :, None, None]).clamp(0, 1)

    def sample(self, count, *, labels=None, seed):
        generator = torch.Generator().manual_seed(seed)
        return self.decode(torch.randn(count, 1, generator=generator) / 10)
'''


def check_fit_and_gather(tmp_path, box):
    submission = hand_in(tmp_path, LEARNS)
    folder = train(submission, box, tmp_path / "trained")
    seen, faults = gather(submission, box, checkpoint=folder)
    assert faults == []
    assert seen.parameters == 784
    images = DATA.test.images[seen.test_index] / 255
    mean = DATA.train.images.mean(axis=0) / 255
    expected = np.clip(mean + (images - mean).mean(axis=(1, 2), keepdims=True), 0, 1)
    assert np.abs(seen.reconstructions - expected).max() < 2e-3
    assert (seen.samples_repeated == seen.samples[:64]).all()
    assert (seen.samples_other != seen.samples[:64]).any()


def test_a_real_worker_fits_and_answers(tmp_path):
    check_fit_and_gather(tmp_path, PlainBox())


@pytest.mark.box
def test_a_worker_in_bubblewrap_fits_and_answers(tmp_path):
    try:
        box = choose_box()
    except BoxUnavailable as unavailable:
        pytest.skip(str(unavailable))
    check_fit_and_gather(tmp_path, box)


def test_code_that_cannot_be_imported_is_one_fault_with_its_place(tmp_path):
    seen, (fault,) = gather(hand_in(tmp_path, "import nothing_of_this_name\n"), PlainBox())
    assert (fault.kind, fault.stage, fault.model) == ("crashed", "start", "vae")
    assert "nothing_of_this_name" in fault.message
    assert seen.capabilities == ()


def test_a_training_that_does_not_end_is_ended(tmp_path):
    code = LEARNS.replace("assert labels is None and time.monotonic() < deadline", "time.sleep(60)")
    budget = replace(BUDGET, fit_seconds=0.5, fit_grace_seconds=0.5)
    with pytest.raises(TimedOut, match="fit did not end within 1 seconds"):
        train(hand_in(tmp_path, code), PlainBox(), tmp_path / "trained", budget=budget)


# --- what a model translates, and what it tells of itself


def test_a_model_of_the_two_domains_is_asked_there_and_back_and_others_are_not(submission):
    def translate(self, images, *, to):
        return images if to == "drawing" else 1 - images

    box = InProcess(model(translate=translate, domains=("photograph", "drawing")))
    seen, faults = gather(submission, box)
    assert faults == []
    assert set(seen.translations) == {"photograph", "drawing"}
    photographs, drawings = seen.translations["photograph"], seen.translations["drawing"]
    assert not set(photographs.index) & set(drawings.index)
    np.testing.assert_array_equal(photographs.there, photographs.images)
    np.testing.assert_allclose(photographs.back, 1 - photographs.images, atol=1e-6)
    np.testing.assert_allclose(drawings.there, 1 - drawings.images, atol=1e-6)
    other = InProcess(model(translate=translate, domains=("cat", "dog")))
    assert gather(submission, other)[0].translations == {}
    assert not [verb for _, verb, _ in other.asked if verb == "translate"]


def test_what_a_model_tells_of_itself_is_asked_last_and_holds_only_numbers(submission):
    def report(self, images, labels):
        assert len(images) == len(labels) == 300
        return {"purity": 0.5, "whole": 3, "not a number": float("nan"), "x" * 100: 1.0, "a\x1b[31m": 1.0}

    box = InProcess(model(report=report))
    seen, faults = gather(submission, box)
    assert faults == []
    assert seen.told == {"purity": 0.5, "whole": 3.0}
    asked = [verb for role, verb, _ in box.asked if role == "encode"]
    assert asked[-1] == "report"


def test_a_report_that_fails_costs_nothing_else(submission):
    def report(self, images, labels):
        raise ValueError("no idea")

    seen, faults = gather(submission, InProcess(model(report=report)))
    assert seen.told == {}
    assert [fault.stage for fault in faults] == ["report"]
    assert seen.samples is not None


def test_some_images_are_encoded_twice_so_that_chance_in_the_encoder_shows(submission):
    seen, _ = gather(submission, InProcess())
    np.testing.assert_array_equal(seen.codes_repeated, seen.test_codes[:64])
    random = np.random.default_rng(0)
    restless = model(encode=lambda self, images: Blocks.encode(self, images) + random.random((len(images), 16)))
    seen, _ = gather(submission, InProcess(restless))
    assert np.abs(seen.codes_repeated - seen.test_codes[:len(seen.codes_repeated)]).mean() > 0.1


def test_moved_images_are_reconstructed_and_codes_asked_about_again_in_another_order(full):
    _, seen = full
    assert set(seen.moved) == {"test", "train"}
    for moved in seen.moved.values():
        assert len(moved.place) == 60
        means = moved.images.reshape(-1, 4, 7, 4, 7).mean(axis=(2, 4)) / 255
        assert np.abs(np.kron(means, np.ones((7, 7))) - moved.reconstructions).max() < 1e-3
    assert sorted(seen.rebatched) == list(range(60))
    np.testing.assert_array_equal(seen.codes_rebatched, seen.test_codes[seen.rebatched])
    np.testing.assert_array_equal(seen.images_rebatched, seen.reconstructions[seen.rebatched])
    assert 0 < np.abs(seen.images_coarse - seen.reconstructions[seen.rebatched]).max() < 1 / 255


def test_the_density_of_noise_is_asked_for_and_may_be_infinite(submission):
    def log_prob(self, images):
        pixels = images.reshape(len(images), -1)
        noisy = pixels.std(axis=1) > 0.27
        return np.where(noisy, -np.inf, pixels.sum(axis=1))

    seen, faults = gather(submission, InProcess(model(log_prob=log_prob)))
    assert faults == []
    assert np.isfinite(seen.log_prob).all()
    assert len(seen.log_prob_noise) == 32
    assert np.isinf(seen.log_prob_noise).any()
