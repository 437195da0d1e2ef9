import json
import zipfile
from pathlib import Path

import pytest

from tools import assets, offline

FOLDERS = {".", "lectures/cnn", "lectures/cnn/lab"}
PAGE = "<html><head></head><body>{}</body></html>"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A small built site."""
    files = {
        "index.html": PAGE.format('<a class="x" href="lectures/cnn/#top">cnn</a>'),
        "lectures/cnn/index.html": PAGE.format('<a href="../..">home</a> <a href="cnn.py">code</a>'),
        "lectures/cnn/cnn.py": "print('a <a href=\"../\">link</a> in code')",
        "assets/a.css": "@font-face { font-display: optional; src: url(a.woff2) }",
        "assets/a.js.map": "{}",
        "assets/demos/a-demo.js": """import {one as b, TWO} from "./shared.js";import { deep } from './deep.js';
            const HERE = import.meta.url; export function a() { return HERE; }
            globalThis.told = [a(), b(), TWO, deep()];""",
        "assets/demos/shared.js": """import{deep as e}from"./deep.js";export const one=()=>e()+1;export const TWO=2;
            export class None{}""",
        "assets/demos/deep.js": "const a = 40; export async function never() {} export function deep() { return a; }",
        "assets/demos/some.bin": "\x01",
        "lectures/cnn/outputs/cnn.safetensors": "weights",
        "404.html": PAGE.format('<a href="/">home</a>'),
        "sitemap.xml.gz": "",
        "search/search_index.json": '{"docs": [{"location": "lectures/cnn/#top", "title": "α"}]}',
    }
    for name, text in files.items():
        (tmp_path / "site" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / name).write_text(text, encoding="utf-8")
    return tmp_path / "site"


@pytest.mark.parametrize(
    ("link", "leads"),
    [
        ("../cnn/", "../cnn/index.html"),
        ("../../", "../../index.html"),
        ("../..", "../../index.html"),
        (".", "./index.html"),
        ("lab/#first", "lab/index.html#first"),
        ("./?h=filter#top", "./index.html?h=filter#top"),
        ("cnn.py", "cnn.py"),
        ("#top", "#top"),
        ("../nowhere/", "../nowhere/"),
        ("https://example.org/lectures/cnn/", "https://example.org/lectures/cnn/"),
        ("//example.org/", "//example.org/"),
        ("mailto:a@example.org", "mailto:a@example.org"),
    ],
)
def test_a_link_to_a_folder_leads_to_the_page_in_it_and_no_other_link_is_touched(link: str, leads: str) -> None:
    written = offline.to_files(f'<p title="."><a title="." href="{link}">there</a>', "lectures/cnn/index.html", FOLDERS)
    assert written == f'<p title="."><a title="." href="{leads}">there</a>'


def test_the_index_of_the_search_names_files_too() -> None:
    index = '{"docs": [{"location": ""}, {"location": "lectures/cnn/"}, {"location": "lectures/cnn/#top"}]}'
    written = offline.index_offline(index, FOLDERS)
    assert [part.split('"')[0] for part in written.split('"location": "')[1:]] == [
        "index.html",
        "lectures/cnn/index.html",
        "lectures/cnn/index.html#top",
    ]


def test_the_zip_is_one_folder_without_what_only_a_host_needs(site: Path, tmp_path: Path) -> None:
    offline.pack(site, tmp_path / "out" / "course.zip")
    with zipfile.ZipFile(tmp_path / "out" / "course.zip") as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(files) == {
        *(f"neuron-up/{name}" for name in ("README.txt", "index.html", "assets/a.css", "assets/iframe-worker.js")),
        *(f"neuron-up/lectures/cnn/{name}" for name in ("index.html", "cnn.py")),
        *(f"neuron-up/assets/demos/{name}" for name in ("a-demo.js", "some.bin", "some.bin.js")),
        *(f"neuron-up/lectures/cnn/outputs/cnn.safetensors{script}" for script in ("", ".js")),
        "neuron-up/search/search_index.js",
    }
    assert files["neuron-up/lectures/cnn/cnn.py"] == (site / "lectures/cnn/cnn.py").read_text(encoding="utf-8")
    assert '<script src="../../assets/iframe-worker.js"></script></head>' in files["neuron-up/lectures/cnn/index.html"]
    assert '<script src="assets/iframe-worker.js"></script></head>' in files["neuron-up/index.html"]


def test_a_demo_is_a_script_with_what_it_imports_that_keeps_to_itself_and_reads_files_that_are_scripts(
    site: Path, tmp_path: Path
) -> None:
    files = {name: whole.decode() for name, whole in offline.contents(site)}
    program = tmp_path / "program.cjs"
    program.write_text(
        "globalThis.document = { currentScript: { src: 'here' } };"
        f"{files['assets/demos/a-demo.js']} {files['lectures/cnn/outputs/cnn.safetensors.js']}"
        "console.log(typeof HERE, typeof a, typeof deep, atob(fileBytes), ...told);",
        encoding="utf-8",
    )
    assert assets.node(program) == "undefined undefined undefined weights here 41 2 40\n"


def test_the_same_site_gives_the_same_bytes(site: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        offline.pack(site, tmp_path / f"{name}.zip")
        for path in site.rglob("*.html"):
            path.touch()
    assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()


def test_a_zip_is_written_wholly_or_not_at_all(site: Path, tmp_path: Path) -> None:
    offline.pack(site, tmp_path / "course.zip")
    before = (tmp_path / "course.zip").read_bytes()
    (site / "search" / "search_index.json").write_text('{"docs": [', encoding="utf-8")
    with pytest.raises(json.JSONDecodeError):
        offline.pack(site, tmp_path / "course.zip")
    assert (tmp_path / "course.zip").read_bytes() == before


def test_a_command_line_says_what_it_made(site: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert offline.main(site, tmp_path / "offline") == 0
    assert "offline/neuron-up.zip: 12 files" in capsys.readouterr().out
    assert (tmp_path / "offline" / "neuron-up.zip").is_file()


def test_without_a_site_one_sentence_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert offline.main(tmp_path / "site", tmp_path / "offline") == 2
    assert capsys.readouterr().err.strip().endswith("build it first (`nox -s offline` does).")
    assert not (tmp_path / "offline").exists()
