import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from lmkit.errors import ConfigError, InputError
from lmkit.plugins.loading import load_plugin

REGISTERS = "from lmkit.plugins import Plugin\nplugin = Plugin()\n"


def package(folder: Path) -> Path:
    (folder / "mine").mkdir()
    (folder / "mine" / "__init__.py").write_text("from .parts import plugin\n")
    (folder / "mine" / "parts.py").write_text(REGISTERS)
    (folder / "mine" / "words.txt").write_text("a\n")
    return folder / "mine"


def test_a_file_is_named_after_itself_and_hashed(tmp_path: Path) -> None:
    path = tmp_path / "my_rules.py"
    path.write_text(REGISTERS)
    first = load_plugin(path)
    assert (first.name, first.location) == ("my_rules", str(path))
    assert load_plugin(str(path)).plugin is first.plugin
    path.write_text(REGISTERS + "# edited\n")
    assert load_plugin(path).sha256 != first.sha256
    assert load_plugin(path).plugin is not first.plugin


def test_every_file_of_a_package_counts_but_caches(tmp_path: Path) -> None:
    folder = package(tmp_path)
    before = load_plugin(folder).sha256
    (folder / "__pycache__").mkdir(exist_ok=True)
    (folder / "__pycache__" / "parts.cpython-311.pyc").write_bytes(b"a cache")
    assert load_plugin(folder).sha256 == before
    for name in ("parts.py", "words.txt"):
        with (folder / name).open("a") as file:
            file.write("# more\n")
        after = load_plugin(folder).sha256
        assert after != before
        before = after
    (folder / "new.bin").write_bytes(b"x")
    assert load_plugin(folder).sha256 != before


def test_a_plugin_that_changed_under_a_run_stops_it(tmp_path: Path) -> None:
    path = tmp_path / "my_rules.py"
    path.write_text(REGISTERS)
    digest = load_plugin(path).sha256
    path.write_text(REGISTERS + "# edited\n")
    with pytest.raises(InputError, match="has changed while the run was in progress"):
        load_plugin(path, digest)


def test_the_source_is_compiled_whatever_a_cache_holds(tmp_path: Path) -> None:
    path = tmp_path / "my_rules.py"
    path.write_text(REGISTERS + "WHICH = 'old'\n")
    state = path.stat()
    py_compile.compile(str(path))
    path.write_text(REGISTERS + "WHICH = 'new'\n")
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))
    plugin = load_plugin(path)
    module = sys.modules[f"lmkit_plugin_my_rules_{plugin.sha256[:16]}"]
    assert module.WHICH == "new"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\n", "registers nothing"),
        ("plugin = 1\n", "registers nothing"),
        ("def f(:\n", "SyntaxError"),
        ("import no_such_module\n", "No module named 'no_such_module'"),
        ("1 / 0\n", "ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)\n", "SystemExit: 3"),
    ],
)
def test_what_is_no_plugin_is_refused(tmp_path: Path, source: str, message: str) -> None:
    (tmp_path / "bad.py").write_text(source)
    with pytest.raises(ConfigError, match=message):
        load_plugin(tmp_path / "bad.py")


def test_a_module_without_source_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    path.write_text(REGISTERS)
    compiled = tmp_path / "a.pyc"
    py_compile.compile(str(path), str(compiled))
    with pytest.raises(ConfigError, match="must be a Python source file"):
        load_plugin(compiled)
    folder = package(tmp_path)
    py_compile.compile(str(path), str(folder / "hidden.pyc"))
    with pytest.raises(ConfigError, match="has no source"):
        load_plugin(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="must be a Python file or package"):
        load_plugin(tmp_path / "empty")


def test_a_name_that_is_neither_file_nor_installed_is_refused() -> None:
    with pytest.raises(ConfigError, match="no-such: no such file, and no installed plugin"):
        load_plugin("no-such")
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        load_plugin("folder/none.py")


INSTALLED = """
import sys
from lmkit.plugins.loading import load_plugin
assert "acme_rules" not in sys.modules
loaded = load_plugin("acme")
assert "acme_rules" in sys.modules and loaded.plugin is sys.modules["acme_rules"].plugin
print(loaded.name, loaded.sha256)
"""


def test_an_installed_plugin_is_found_by_its_entry_point_and_hashed_whole(tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "acme_rules").mkdir(parents=True)
    (site / "acme_rules" / "__init__.py").write_text(REGISTERS)
    (site / "acme_rules" / "data.txt").write_text("a")
    info = site / "acme_rules-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-rules\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[lmkit.plugins]\nacme = acme_rules\n")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(site), *sys.path])}
    run = [sys.executable, "-c", INSTALLED]
    outputs: list[str] = []
    for text in ("a", "b"):
        (site / "acme_rules" / "data.txt").write_text(text)
        found = subprocess.run(run, env=environment, check=True, capture_output=True, text=True)
        outputs.append(found.stdout)
    assert outputs[0].startswith("acme ")
    assert outputs[0] != outputs[1]
