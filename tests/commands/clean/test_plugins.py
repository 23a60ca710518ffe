"""A plugin from the command line and from Python: two workers, kills, changes, errors."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import lmkit as package
from tests.conftest import Lmkit, contents, manifest, records
from tests.plugins.lab import SOURCE

GOOD = "A perfectly good sentence about cats, number {}.\nShare this with your friends"
SHOUT = "BUY NOW OR REGRET IT, SAYS NOBODY AT ALL"
TYPED = ("--plugin", "lab.py", "--filters.rules", "basic,shouting")


@pytest.fixture
def pages(here: Path) -> Path:
    """Twelve pages, of which two shout; and the plugin, in the current folder."""
    Path("lab.py").write_text(SOURCE)
    folder = Path("pages")
    folder.mkdir()
    for number in range(10):
        (folder / f"{number}.txt").write_text(GOOD.format(number))
    for number in range(2):
        (folder / f"shout{number}.txt").write_text(SHOUT)
    return folder


def test_its_parts_work_with_two_workers_as_with_one(pages: Path, lmkit: Lmkit) -> None:
    for workers in ("1", "2"):
        typed = (*TYPED, "--workers", workers, "--shard-bytes", "100")
        exit_code, out, _ = lmkit("clean", pages, "--output", f"out{workers}", *typed)
        assert (exit_code, out.partition(": ")[2]) == (
            0,
            "kept 10 of 12 documents (dropped 2 shouting.capitals)\n",
        )
    found = records(Path("out1"), "documents")
    assert found[0]["text"] == "A perfectly good sentence about cats, number 0."
    one, two = (
        {n: d for n, d in contents(Path(f"out{n}")).items() if n != "manifest.json"} for n in "12"
    )
    assert one == two
    plugin = manifest(Path("out1"))["config"]["plugin"]
    assert list(plugin) == ["lab"]
    assert len(plugin["lab"]) == 64


def test_from_python_it_is_the_same(pages: Path, lmkit: Lmkit) -> None:
    assert lmkit("clean", pages, "--output", "typed", *TYPED)[0] == 0
    config = package.with_plugins(package.CleanConfig, "lab.py")
    made = package.clean(
        config.model_validate(
            {
                "inputs": (pages,),
                "output": Path("called"),
                "filters": {"rules": ("basic", "shouting")},
            }
        )
    )
    assert made.counts.dropped == {"shouting.capitals": 2}
    assert [o.sha256 for o in made.outputs] == [
        o["sha256"] for o in manifest(Path("typed"))["outputs"]
    ]


def test_what_a_transform_drops_is_counted_under_its_name(pages: Path, lmkit: Lmkit) -> None:
    (pages / "z.txt").write_text("\nShare this with your friends, and with your enemies")
    exit_code, out, _ = lmkit("clean", pages, "--output", "out", "--plugin", "lab.py")
    assert exit_code == 0
    assert "dropped 1 transform.footers" in out


SLOW = SOURCE.replace(
    "    words = text.split()", "    import time; time.sleep(0.5); words = text.split()"
)


def test_a_killed_run_resumes_to_the_same_bytes(pages: Path, lmkit: Lmkit) -> None:
    Path("lab.py").write_text(SLOW)
    typed = [*TYPED, "--workers", "2", "--shard-bytes", "40"]
    assert lmkit("clean", pages, "--output", "whole", *typed)[0] == 0
    command = [sys.executable, "-m", "lmkit", "clean", str(pages), "--output", "out", *typed]
    running = subprocess.Popen(command, stderr=subprocess.DEVNULL, start_new_session=True)
    while not [*Path("out").glob(".partial/documents-*.json")]:
        assert running.poll() is None
        time.sleep(0.02)
    os.killpg(running.pid, signal.SIGKILL)
    running.wait()
    assert not Path("out/manifest.json").exists()
    assert lmkit("clean", pages, "--output", "out", *typed)[0] == 0
    whole, resumed = (
        {name: data for name, data in contents(Path(of)).items() if name != "manifest.json"}
        for of in ("whole", "out")
    )
    assert resumed == whole


def test_a_changed_plugin_is_a_named_change(pages: Path, lmkit: Lmkit) -> None:
    assert lmkit("clean", pages, "--output", "out", *TYPED)[0] == 0
    exit_code, _, err = lmkit("clean", pages, "--output", "out", *TYPED)
    assert (exit_code, "up to date" in err) == (0, True)
    before = manifest(Path("out"))["config"]["plugin"]["lab"]
    Path("lab.py").write_text(SOURCE + "# edited\n")
    exit_code, _, err = lmkit("clean", pages, "--output", "out", *TYPED)
    assert exit_code == 2
    assert f"the plugin lab was {before}, now " in err
    exit_code, _, err = lmkit("clean", pages, "--output", "out")
    assert exit_code == 2
    assert f"the plugin lab was {before}, now none" in err
    assert lmkit("clean", pages, "--output", "out", *TYPED, "--overwrite")[0] == 0


def test_a_manifest_names_its_plugin_and_loads_nothing(pages: Path, lmkit: Lmkit) -> None:
    assert lmkit("clean", pages, "--output", "out", *TYPED)[0] == 0
    digest = manifest(Path("out"))["config"]["plugin"]["lab"]
    Path("lab.py").write_text(SOURCE + "open('loaded', 'w')\n")
    again = ("clean", "--config", "out/manifest.json", "--output", "again")
    exit_code, _, err = lmkit(*again)
    assert exit_code == 2
    assert f"made with the plugin lab, whose files have the hash {digest}" in err
    assert "name that plugin: --plugin PATH" in err
    assert not Path("loaded").exists()
    exit_code, _, err = lmkit(*again, "--plugin", "lab.py")
    assert exit_code == 2
    assert f"{digest}, and --plugin lab is " in err
    Path("lab.py").write_text(SOURCE)
    assert lmkit(*again, "--plugin", "lab.py")[0] == 0
    assert manifest(Path("again"))["counts"] == manifest(Path("out"))["counts"]


def test_a_file_of_options_cannot_load_a_plugin(pages: Path, lmkit: Lmkit) -> None:
    Path("options.toml").write_text('[clean]\nplugin = "lab.py"\n')
    exit_code, _, err = lmkit("clean", pages, "--output", "out", "--config", "options.toml")
    assert exit_code == 2
    assert "options.toml: clean.plugin: a file can't load a plugin" in err
    Path("fake.json").write_text(json.dumps({"stage": "clean", "config": {"plugin": "lab.py"}}))
    assert lmkit("clean", pages, "--output", "out", "--config", "fake.json")[0] == 2
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A page that goes BOOM in a transform.", "transform footers failed on document"),
        ("A page that is WORDLESS, in a rule set.", "rule set shouting failed on document"),
    ],
)
@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_part_that_fails_names_plugin_and_document_and_nothing_is_lost(
    pages: Path, lmkit: Lmkit, text: str, message: str, workers: str
) -> None:
    (pages / "z.txt").write_text(text)
    typed = (*TYPED, "--workers", workers, "--shard-bytes", "100")
    exit_code, _, err = lmkit("clean", pages, "--output", "out", *typed)
    assert exit_code == 1
    assert f"plugin lab: {message}" in err
    assert "(pages: z.txt, at byte 0)" in err
    assert "Traceback" not in err
    assert not Path("out/manifest.json").exists()
    done = {*Path("out").glob("documents-*")}
    assert done
    (pages / "z.txt").unlink()
    assert lmkit("clean", pages, "--output", "out", *typed, "--overwrite")[0] == 0


def test_its_rules_can_be_inspected_where_it_is_named(pages: Path, lmkit: Lmkit) -> None:
    assert lmkit("clean", pages, "--output", "out", *TYPED)[0] == 0
    assert lmkit("inspect", "out")[0] == 0
    exit_code, _, err = lmkit("inspect", "out", "--rules")
    assert exit_code == 2
    assert "made with the plugin lab" in err
    limits = ("--limits", "shouting.max_capitals=1")
    exit_code, out, _ = lmkit("inspect", "out", "--rules", *limits, "--plugin", "lab.py", "--json")
    assert exit_code == 0
    rules = {row["rule"]: row for row in json.loads(out)["rules"]}
    assert rules["shouting.capitals"]["alone"] == 0


@pytest.mark.parametrize(
    "typed", [("--plugin", "none.py"), ("--plugin=none.py",), ("--plugin", "nope")]
)
def test_a_plugin_that_is_not_there_is_a_wrong_command(
    pages: Path, lmkit: Lmkit, typed: tuple[str, ...]
) -> None:
    exit_code, _, err = lmkit("clean", pages, "--output", "out", *typed)
    assert exit_code == 2
    assert "--plugin: " in err


def test_other_commands_take_none(pages: Path, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit("dedup", pages, "--output", "out", "--plugin", "lab.py")
    assert exit_code == 2
    assert "--plugin" in err
