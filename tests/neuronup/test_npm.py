"""The data files of npm's packages are found in the repository and in a zip, and are read only if they are whole."""

import hashlib

import pytest

from neuronup import npm
from neuronup.command import BadInput

NAME, CONTENT = "some-data/lines.js", b"exports = []"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def places(tmp_path, monkeypatch):
    """Two folders where files are looked for, the second of which has one."""
    found = tmp_path / "node_modules", tmp_path / "data"
    monkeypatch.setattr(npm, "PLACES", found)
    (found[1] / NAME).parent.mkdir(parents=True)
    (found[1] / NAME).write_bytes(CONTENT)
    return found


def test_a_file_is_read_from_the_zip_where_there_is_no_node_modules(places):
    assert npm.read(NAME, SHA256) == CONTENT


def test_an_md5_will_do_where_no_other_sum_is_published(places):
    assert npm.read(NAME, hashlib.md5(CONTENT).hexdigest()) == CONTENT
    with pytest.raises(BadInput, match="is not the file it should be"):
        npm.read(NAME, hashlib.md5(CONTENT + b" ").hexdigest())


def test_the_repositorys_own_file_comes_first(places):
    (places[0] / NAME).parent.mkdir(parents=True)
    (places[0] / NAME).write_bytes(b"newer")
    assert npm.read(NAME, hashlib.sha256(b"newer").hexdigest()) == b"newer"


def test_a_file_that_is_missing_or_altered_is_told_with_what_to_do(places):
    todo = r"run `npm ci` or `nox -s env` in the repository, or unpack the lecture's zip anew\.$"
    (places[1] / NAME).write_bytes(CONTENT + b"\n")
    with pytest.raises(BadInput, match=rf"^{NAME}, a file of an npm package, is not the file it should be: {todo}"):
        npm.read(NAME, SHA256)
    assert npm.find(NAME) == places[1] / NAME
    (places[1] / NAME).unlink()
    assert npm.find(NAME) is None
    with pytest.raises(BadInput, match=rf"^{NAME}, a file of an npm package, is not there: {todo}"):
        npm.read(NAME, SHA256)
