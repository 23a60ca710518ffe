import inspect
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import lmkit as lmkit_package
from lmkit import cli
from lmkit.config import CommandConfig, options
from lmkit.execution import fork_server
from tests.artifacts.test_output_folder import wait_for
from tests.conftest import Lmkit, contents, manifest

CONFIGS = [command.config for command in cli.COMMANDS]
LMKIT = [sys.executable, "-m", "lmkit"]


def test_every_config_has_a_command_and_every_command_a_config() -> None:
    public = {name: getattr(lmkit_package, name) for name in lmkit_package.__all__}
    assert {name for name in public if name.endswith("Config")} == {
        config.__name__ for config in CONFIGS
    }
    for command in cli.COMMANDS:
        assert command.name == command.config.stage
        assert public[command.config_name] is command.config
        function = inspect.unwrap(public[command.function_name])
        if command.name == "clean":  # which takes records, too
            assert function.__module__ == "lmkit.python.record_inputs"
        else:
            assert function is command.run


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.stage)
def test_help_shows_every_option_with_its_docstring(
    config: type[CommandConfig], lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "1000")
    exit_code, out, err = lmkit(config.stage, "--help")
    assert (exit_code, err) == (0, "")
    assert " ".join((config.about() or "?").split()) in out
    for option in options(config):
        description = " ".join(option.description.split())
        assert description, f"{option.key} has no docstring"
        line = next(line for line in out.splitlines() if f" {option.typed} " in line)
        assert description in " ".join(line.split())


@pytest.mark.parametrize("command", [[], *([config.stage] for config in CONFIGS)], ids=str)
def test_help_waits_for_no_big_library_and_no_other_stage(command: list[str]) -> None:
    script = (
        "import sys; from lmkit.cli import main; code = main(sys.argv[1:]); sys.stdout.flush();"
        "big = {'torch', 'numpy', 'tokenizers', 'accelerate', 'pyarrow', 'transformers'};"
        "assert not big & sys.modules.keys(), big & sys.modules.keys();"
        "names = [name for name in sys.modules if name.startswith('lmkit.commands.')];"
        "stages = {name.split('.')[2] for name in names};"
        "assert len(sys.argv) == 2 or len(stages) == 2, stages; sys.exit(code)"  # and the registry
    )
    run = [sys.executable, "-c", script, *command, "--help"]
    subprocess.run(run, check=True, capture_output=True)


def test_without_a_word_it_shows_what_there_is(lmkit: Lmkit) -> None:
    exit_code, out, _ = lmkit()
    assert exit_code == 0 and all(config.stage in out for config in CONFIGS)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.stage)
def test_help_has_an_example_whose_flags_exist(config: type[CommandConfig], lmkit: Lmkit) -> None:
    words = shlex.split(config.example)
    assert words[:2] == ["lmkit", config.stage]
    known = {option.typed for option in options(config)}
    assert {word for word in words if word.startswith("--")} <= known
    for typed in ([config.stage, "-h"], ["help", config.stage]):
        exit_code, out, _ = lmkit(*typed)
        assert exit_code == 0 and config.example in " ".join(out.split())


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            "pretrain x --output y --lr 3",
            "--lr: no such option of lmkit pretrain; did you mean --optim.lr?",
        ),
        ("pretrain x --output y --objective causal", "did you mean clm?"),
        ("pretrain x --output y --model.preset gpt2", "did you mean gpt2-small?"),
        ("pack x --output y --num_proc 3", "did you mean --workers?"),
    ],
)
def test_a_name_from_elsewhere_leads_to_ours(command: str, message: str, lmkit: Lmkit) -> None:
    exit_code, _, err = lmkit(*command.split())
    stage = command.partition(" ")[0]
    assert exit_code == 2 and message in " ".join(err.split())
    assert f"see: lmkit {stage} --help" in err


def test_the_version_is_shown_as_a_word_too(lmkit: Lmkit) -> None:
    assert lmkit("version") == lmkit("--version")


def test_the_version_is_shown(lmkit: Lmkit) -> None:
    exit_code, out, _ = lmkit("--version")
    assert exit_code == 0 and out.startswith("lmkit ")


def test_results_go_to_standard_output_and_everything_else_to_standard_error(
    raw: Path, lmkit: Lmkit
) -> None:
    exit_code, out, err = lmkit("clean", raw, "--output", "out")
    assert (exit_code, out) == (0, "out: kept 3 of 4 documents (dropped 1 too_short)\n")
    assert "cleaning: 100%, 4 documents" in err and "kept" not in err
    assert not set(out + err) & {"\x1b", "\r"}


def test_a_pipe_gets_no_control_codes_even_if_colors_are_forced(
    raw: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    for typed in (["clean", raw, "--output", "out"], ["clean", "nothing", "--output", "other"]):
        _, out, err = lmkit(*typed)
        assert not set(out + err) & {"\x1b", "\r"}


def test_on_a_terminal_a_result_is_broken_between_words(
    raw: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    _, out, _ = lmkit("clean", raw, "--output", "out")
    assert out == "out: kept 3 of 4 documents (dropped 1\n  too_short)\n"


def test_json_is_one_line_for_a_script(raw: Path, lmkit: Lmkit) -> None:
    _, out, _ = lmkit("clean", raw, "--output", "out", "--json")
    found = json.loads(out)
    assert out.count("\n") == 1
    assert found["counts"] == manifest(Path("out"))["counts"] and found["stage"] == "clean"


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("clean raw --ouput x", "--output"),
        ("claen raw --output x", "clean"),
        ("clean raw --output x --filters.min-leters 0.1", "--filters.min-letters"),
        ("clean raw --output x --config typo.toml", "did you mean keep_rejected?"),
        ("clean raw --output x --keep-rejected some", "must be 'all', 'sample' or 'none'"),
        ("clean raw --output x --workers 0", "--workers: got 0, must be at least 1"),
        ("clean raw", "--output: missing"),
        ("clean --output x", "INPUTS: missing"),
        ("clean nowhere --output x", "nowhere: no such file or folder"),
        ("clean empty --output x", "empty: no files to read in it"),
        ("clean packed --output x", "packed: made by lmkit pack, and holds no documents"),
        ("clean raw --output foreign", "holds files that lmkit did not write (thesis.tex)"),
        ("clean raw --output thesis", "thesis is a file, must be a folder"),
        ("dedup raw/cat.txt --output x", "raw text needs lmkit clean first"),
        ("inspect empty", "empty: not made by lmkit"),
        ("inspect", "FOLDER: missing"),
    ],
)
def test_a_mistake_gets_one_message_exit_code_2_and_no_traceback(
    raw: Path, lmkit: Lmkit, typed: str, message: str
) -> None:
    Path("typo.toml").write_text('[clean]\nkeep_rejectd = "all"\n')
    Path("thesis").write_text("years of work")
    for folder in ("empty", "foreign", "packed"):
        Path(folder).mkdir()
    Path("foreign/thesis.tex").write_text("years of work")
    made = {"config": {}, "inputs": [], "outputs": [], "counts": {}, "seconds": 1}
    Path("packed/manifest.json").write_text(
        json.dumps({"format": 2, "stage": "pack", "lmkit": "0"} | made)
    )
    before = contents(Path())
    exit_code, out, err = lmkit(*typed.split())
    assert (exit_code, out) == (2, "")
    assert message in err and "Traceback" not in err and err.startswith("Error: ")
    assert contents(Path()) == before and raw.exists()


def test_a_hint_says_what_to_do(raw: Path, lmkit: Lmkit) -> None:
    lmkit("clean", raw, "--output", "out")
    _, _, err = lmkit("clean", raw, "--output", "out", "--seed", "1")
    assert err.splitlines() == [
        "Error: --output: out was made with other options or inputs:",
        "  --seed was 0, now 1",
        "Hint: choose another --output, or --overwrite this one",
    ]


def test_debug_shows_the_traceback(lmkit: Lmkit) -> None:
    _, _, err = lmkit("clean", "nowhere", "--output", "out", "--debug")
    assert "Traceback" in err and err.splitlines()[-1] == "Error: nowhere: no such file or folder"


def test_a_manifest_can_be_the_options_of_the_next_run(raw: Path, lmkit: Lmkit) -> None:
    lmkit("clean", raw, "--output", "one", "--filters.min-characters", "1")
    lmkit("clean", "--config", "one/manifest.json", "--output", "two")
    assert contents(Path("one")) == contents(Path("two"))
    assert manifest(Path("two"))["config"]["filters"]["min_characters"] == 1


def test_a_text_with_markup_is_printed_as_it_is(here: Path, lmkit: Lmkit) -> None:
    _, _, err = lmkit("clean", here / "[bold]x[/]", "--output", "out")
    assert "[bold]x[/]: no such file" in err


@contextmanager
def at_work(workers: int) -> Iterator[subprocess.Popen[str]]:
    """Hand out a run of clean that has finished a few of its many tasks."""
    options = ["--shard-bytes", "1", "--workers", str(workers), "--output", "out"]
    run = subprocess.Popen(
        [*LMKIT, "clean", "big", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # In the background of a script Ctrl-C is ignored, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        wait_for(lambda: len(list(Path("out/.partial").glob("documents-0*.json"))) >= 2)
        yield run
    finally:
        run.kill()
        run.wait()


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_an_interrupted_run_says_so_and_goes_on_later(
    here: Path, lmkit: Lmkit, number: signal.Signals, workers: int
) -> None:
    Path("big").mkdir()
    lines = "".join(json.dumps({"text": f"line {n} {'words ' * 20}"}) + "\n" for n in range(2_000))
    for file in range(30):
        (here / "big" / f"{file:02}.jsonl").write_text(lines)
    with at_work(workers) as run:
        # A terminal sends Ctrl-C to all that runs in it; a batch system, SIGTERM to the first.
        (os.killpg if number is signal.SIGINT else os.kill)(run.pid, number)
        out, err = run.communicate(timeout=60)
    assert (run.returncode, out) == (130, "")
    assert "Error: interrupted" in err and "the same command resumes" in err
    assert "Traceback" not in err
    assert not Path("out/manifest.json").exists()
    exit_code, _, err = lmkit("clean", "big", "--shard-bytes", "1", "--output", "out")
    assert exit_code == 0 and "resuming" in err
    assert manifest(Path("out"))["counts"]["documents_out"] == 60_000


@pytest.mark.parametrize(
    ("typed", "started"),
    [
        (("clean", "raw", "--output", "out", "--workers", "2"), ["lmkit.commands.clean.run"]),
        (("clean", "raw", "--output", "out", "--workers", "1"), None),
        (("export", "nothing", "--output", "out", "--workers", "2"), None),
        (("inspect", "nothing"), None),
    ],
)
def test_what_workers_need_is_imported_in_advance(
    raw: Path,
    lmkit: Lmkit,
    monkeypatch: pytest.MonkeyPatch,
    typed: tuple[str, ...],
    started: list[str] | None,
) -> None:
    found: list[list[str]] = []
    monkeypatch.setattr(fork_server, "start_fork_server", found.append)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", "python -m")
    lmkit(*typed)
    assert found == ([] if started is None else [started])


def test_a_script_that_workers_run_again_is_imported_in_advance_too(
    raw: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[list[str]] = []
    monkeypatch.setattr(fork_server, "start_fork_server", found.append)
    monkeypatch.setattr(sys.modules["__main__"], "__spec__", None)
    lmkit("clean", raw, "--output", "out", "--workers", "2")
    assert found == [["lmkit.commands.clean.run", "lmkit.cli"]]


def test_a_folder_that_another_run_writes_is_left_alone(raw: Path, lmkit: Lmkit) -> None:
    Path("out").mkdir()
    script = (
        "import sys; from pathlib import Path; from lmkit.artifacts.lock import folder_lock\n"
        "with folder_lock(Path('out')): print('mine', flush=True); sys.stdin.read()"
    )
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script], **pipes) as other:
        assert other.stdout and other.stdout.readline() == b"mine\n"
        exit_code, _, err = lmkit("clean", raw, "--output", "out")
        other.communicate(b"")
    assert exit_code == 2 and "another run is writing this folder" in err
    assert not Path("out/manifest.json").exists()
    assert lmkit("clean", raw, "--output", "out")[0] == 0


def test_a_reader_that_has_enough_ends_it_quietly(raw: Path, lmkit: Lmkit) -> None:
    lmkit("clean", raw, "--output", "out")
    reader, writer = os.pipe()
    os.close(reader)
    command = [*LMKIT, "inspect", "out"]
    run = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert run.returncode != 0 and run.stderr == ""


def test_documents_are_made_and_shown_without_torch(raw: Path) -> None:
    script = (
        "import sys; from lmkit.cli import main\n"
        "for command in sys.argv[1:]: assert main(command.split()) == 0\n"
        "assert not {'torch', 'datasets', 'transformers'} & sys.modules.keys()"
    )
    commands = [f"clean {raw} --output a", "dedup a --output b", "inspect b", "inspect a --rules"]
    subprocess.run([sys.executable, "-c", script, *commands], check=True, capture_output=True)


@pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.stage)
def test_options_touch_nothing_on_the_disk(
    config: type[CommandConfig], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("options must be inert")

    values: dict[str, object] = {}
    for option in options(config):
        if not option.is_path:
            continue
        table = values
        *groups, name = option.key.split(".")
        for group in groups:
            table = table.setdefault(group, {})  # type: ignore[assignment]
        table[name] = ["nowhere"] if "tuple" in str(option.field.annotation) else "nowhere"
    if config.stage == "train-classifier":  # it takes two
        values |= {"inputs": ["nowhere", "elsewhere"], "inputs_from": None}
    if config.stage == "plan":  # it needs a budget
        values |= {"hours": 1.0}
    if config.stage == "clean":  # lists belong to rules
        values["filters"]["rules"] = "url,profanity"  # type: ignore[index]
    with monkeypatch.context() as patched:
        for name in ("open", "stat", "exists", "is_dir", "is_file", "resolve", "iterdir"):
            patched.setattr(Path, name, refuse)
        config.model_validate(values)


def test_a_bug_keeps_its_traceback(raw: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from lmkit.commands.clean import steps

    monkeypatch.setattr(steps, "normalize", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["clean", str(raw), "--output", "out", "--workers", "1"])


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_a_closed_stream_costs_nothing_but_what_it_would_have_shown(
    closed: tuple[int, ...], raw: Path
) -> None:
    command = shlex.join([*LMKIT, "clean", str(raw), "--output", "clean", "--workers", "1"])
    streams = " ".join(f"{number}>&-" for number in closed)
    run = subprocess.run(f"{command} {streams}", shell=True, check=False, capture_output=True)
    assert run.returncode == 0
    assert b"Traceback" not in run.stderr
    assert manifest(Path("clean"))["counts"]["documents_out"] > 0
    files = [path for path in Path("clean").iterdir() if path.name != ".lock"]
    assert {path.name for path in files} >= {"documents-00000.jsonl.zst", "manifest.json"}


def test_a_terminal_of_ascii_gets_escapes(raw: Path) -> None:
    ascii_only = {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    for arguments, code in ((["--help"], 0), (["clean", "n\u00e4her", "--output", "o"], 2)):
        run = subprocess.run(
            [*LMKIT, *arguments], check=False, capture_output=True, env=os.environ | ascii_only
        )
        assert run.returncode == code, run.stderr
        assert (run.stdout + run.stderr).isascii()
        assert b"Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        (MemoryError(), "Error: out of memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried"), "out of memory"),
        (RuntimeError("can't start new thread"), "out of memory"),
        (ImportError("x.so: failed to map segment from shared object"), "out of memory"),
        (type("PanicException", (BaseException,), {})("index out of bounds\nmore"), "index out"),
    ],
)
def test_missing_memory_and_a_panic_of_a_library_are_errors_of_one_line(
    error: BaseException, shown: str, raw: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(cli, "_run_and_print", fails)
    code, _, err = lmkit("clean", raw, "--output", "clean")
    assert code == 1
    assert shown in err and "Traceback" not in err and "\nmore" not in err


def test_only_commands_with_workers_are_told_to_take_fewer(
    raw: Path, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(cli, "_run_and_print", fails)
    assert "fewer --workers" in lmkit("clean", raw, "--output", "clean")[2]
    assert "more memory" in lmkit("generate", "run", "--prompt", "a")[2]


@pytest.mark.parametrize(("flags", "backtrace"), [([], "0"), (["--debug"], "1")])
def test_libraries_in_rust_print_no_backtrace_but_for_debug(
    flags: list[str], backtrace: str, lmkit: Lmkit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RUST_BACKTRACE", "1")
    assert lmkit("inspect", "missing", *flags)[0] == 2
    assert os.environ["RUST_BACKTRACE"] == backtrace


@pytest.mark.parametrize("command", [[], ["pack"], ["doctor"]])
def test_no_switch_is_shown_with_a_type(command: list[str], lmkit: Lmkit) -> None:
    code, out, _ = lmkit(*command, "--help")
    assert code == 0 and "-h" in out
    assert "<bool>" not in out


@pytest.mark.parametrize(("command", "kind"), [("pack", "PATH ..."), ("generate", "PATH")])
def test_arguments_have_the_types_of_flags(command: str, kind: str, lmkit: Lmkit) -> None:
    code, out, _ = lmkit(command, "--help")
    assert code == 0
    assert re.search(rf"(INPUTS|RUN) +{re.escape(kind)} ", out)
    assert not re.search(r"<\S+>", out.partition("Options")[0])
