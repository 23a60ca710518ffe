"""A Transformers folder has the scores of the run that it was exported from, and Transformers'."""

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from lmkit.tokenizers.tokenizer import Tokenizer
from lmkit.tokenizers.transformers_files import exported
from tests.conftest import FAMILIES, Lmkit, contents, manifest, prose, records

transformers = pytest.importorskip("transformers")
Runs = Callable[[str], Path]
PAD, BOS, EOS, MASK = 0, 2, 3, 4
VOCABULARY = 640  # more than the tokenizer has, as published models often have
MASKED = "The <mask> of the class"
PROMPTS = {
    "bert": MASKED,
    "modernbert": MASKED,
    "roberta": MASKED,
    "xlnet": MASKED,
    "t5": "The <extra_id_0> of the class <extra_id_1> objects",
}


def tasks() -> Path:
    """Two tasks: words after a context, and sentences without one."""
    words = " ".join(prose(1)).split()
    starts = range(0, 40, 8)
    continued = [
        {"context": " ".join(words[n : n + 6]), "continuation": words[n + 6]} for n in starts
    ]
    sentences = [words[n : n + 6] for n in starts]
    pairs = [
        {"sentence_good": " ".join(one), "sentence_bad": " ".join(one[::-1])} for one in sentences
    ]
    Path("tasks").mkdir()
    for name, lines in (("continued", continued), ("pairs", pairs)):
        text = "\n".join(json.dumps(record) for record in lines)
        Path(f"tasks/{name}.jsonl").write_text(text)
    return Path("tasks")


def answers(lmkit: Lmkit, model: Path, output: str, *options: str) -> list[dict[str, Any]]:
    command = ["eval", model, "--task", "tasks", "--output", output, "--device", "cpu", *options]
    exit_code, _, err = lmkit(*command)
    assert exit_code == 0, err
    return records(Path(output), "answers")


@pytest.mark.parametrize("family", FAMILIES)
def test_an_exported_run_has_the_same_scores_and_texts(
    family: str, runs: Runs, here: Path, lmkit: Lmkit
) -> None:
    assert lmkit("export", runs(family), "--output", "hf")[0] == 0
    tasks()
    run, folder = (
        answers(lmkit, model, name) for name, model in (("one", runs(family)), ("two", Path("hf")))
    )
    assert len(run) == len(folder) == 10
    for one, two in zip(run, folder, strict=True):
        assert one["tokens"] == two["tokens"]
        assert one["log_likelihoods"] == pytest.approx(two["log_likelihoods"], rel=1e-6)
    prompt = ["--prompt", PROMPTS.get(family, "The class"), "--temperature", "0", "--json"]
    texts = [lmkit("generate", model, *prompt) for model in (runs(family), "hf")]
    assert texts[0][0] == 0 and texts[0][:2] == texts[1][:2]


def log_p(logits_TV: torch.Tensor, targets: Sequence[int]) -> float:
    """The sum of the log-likelihoods of targets, each by its own logits."""
    found = logits_TV.double().log_softmax(-1)[range(len(targets)), targets]
    return float(found.sum())


def decoder_score(model: Any, bos: list[int], context: list[int], targets: list[int]) -> float:
    ids = [*(bos or ([] if context else [BOS])), *context, *targets]
    return log_p(model(torch.tensor([ids])).logits[0, -len(targets) - 1 : -1], targets)


def masked_score(model: Any, bos: list[int], context: list[int], targets: list[int]) -> float:
    ids, total = [*bos, *context, *targets, EOS], 0.0
    for index in range(len(ids) - 1 - len(targets), len(ids) - 1):
        masked = torch.tensor([ids])
        masked[0, index] = MASK
        total += log_p(model(masked).logits[0, index, None], [ids[index]])
    return total


def permuted_score(model: Any, bos: list[int], context: list[int], targets: list[int]) -> float:
    """XLNet's query stream, the targets in their order."""
    ids = [*bos, *context, *targets]
    first, count = len(ids) - len(targets), len(ids)
    hidden = torch.zeros(1, count, count)
    for i in range(count):
        for j in range(first, count):
            hidden[0, i, j] = i < first or j >= i
    queries = torch.zeros(1, len(targets), count)
    queries[0, range(len(targets)), range(first, count)] = 1
    logits = model(torch.tensor([ids]), perm_mask=hidden, target_mapping=queries).logits
    return log_p(logits[0], targets)


def target_score(model: Any, _bos: list[int], context: list[int], targets: list[int]) -> float:
    source, start = torch.tensor([[*context, EOS]]), torch.tensor([[PAD, *targets[:-1]]])
    return log_p(model(source, decoder_input_ids=start).logits[0], targets)


LLAMA = {
    **{"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4},
    **{"intermediate_size": 64, "vocab_size": VOCABULARY, "max_position_embeddings": 64},
}
MODELS: dict[str, tuple[str, dict[str, Any], bool, Any, tuple[str, ...]]] = {
    "gpt2": (
        "GPT2LMHeadModel",
        {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": VOCABULARY, "n_positions": 64},
        *(False, decoder_score, ()),
    ),
    "llama": ("LlamaForCausalLM", LLAMA, True, decoder_score, ()),
    "qwen3": (
        "Qwen3ForCausalLM",
        LLAMA | {"head_dim": 16, "num_key_value_heads": 2},
        False,
        decoder_score,
        (),
    ),
    "bert": ("BertForMaskedLM", LLAMA, True, masked_score, ("--pll", "original")),
    "modernbert": (
        "ModernBertForMaskedLM",
        LLAMA | {"pad_token_id": PAD},
        True,
        masked_score,
        ("--pll", "original"),
    ),
    "xlnet": (
        "XLNetLMHeadModel",
        {"d_model": 32, "n_layer": 2, "n_head": 4, "d_inner": 64, "vocab_size": VOCABULARY},
        *(True, permuted_score, ()),
    ),
    "t5": (
        "T5ForConditionalGeneration",
        {"d_model": 32, "d_kv": 8, "d_ff": 64, "num_layers": 2, "num_heads": 4}
        | {"vocab_size": VOCABULARY, "decoder_start_token_id": PAD},
        *(False, target_score, ("--how", "lm-eval")),
    ),
}
"""For each family: its class, its options, whether a text begins with BOS, Transformers' score."""


def saved(family: str, tokenizer: Path, folder: Path, dtype: torch.dtype = torch.float32) -> Any:
    """Save a random model with Transformers, and return it as it is loaded there."""
    name, options, begins, _, _ = MODELS[family]
    torch.manual_seed(5)
    hf_class = getattr(transformers, name)
    model = hf_class(hf_class.config_class(**options))
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    model.to(dtype).save_pretrained(folder, max_shard_size="40KB")
    adds_eos = name.endswith("MaskedLM")
    bos_eos = (BOS if begins else None, EOS if adds_eos else None)
    architecture = "encoder" if adds_eos else "decoder"
    for file, content in exported(tokenizer, *bos_eos, 64, architecture).items():
        (folder / file).write_bytes(content)
    return hf_class.from_pretrained(folder, dtype=torch.float32).eval()


@pytest.mark.parametrize("family", MODELS)
@torch.no_grad()
def test_a_folder_of_transformers_has_its_scores(
    family: str, packed: Path, here: Path, lmkit: Lmkit
) -> None:
    _, _, begins, score, options = MODELS[family]
    dtype = {"gpt2": torch.float16, "llama": torch.bfloat16}.get(family, torch.float32)
    model = saved(family, packed / "tokenizer", Path("hf"), dtype)
    assert Path("hf/model.safetensors.index.json").exists()
    tasks()
    encode = Tokenizer.load(Path("hf")).encode
    found = answers(lmkit, Path("hf"), "scores", *options)
    checked = 0
    for answer in found:
        (context,) = answer["contexts"]
        for text, actual in zip(answer["continuations"], answer["log_likelihoods"], strict=True):
            before, text = encode(context).tolist(), f" {text}"
            after = encode(text if family == "t5" else context + text).tolist()
            targets = after if family == "t5" else after[len(before) :]
            if family == "t5" and not context:
                continue
            expected = score(model, [BOS] if begins else [], before, targets)
            assert actual == pytest.approx(expected, rel=1e-5)
            checked += 1
    assert checked == (5 if family == "t5" else 15)


@pytest.mark.parametrize("family", MODELS)
def test_documents_are_scored_and_texts_generated(
    family: str, packed: Path, here: Path, lmkit: Lmkit
) -> None:
    saved(family, packed / "tokenizer", Path("hf"))
    lines = (json.dumps({"id": str(n), "text": text}) for n, text in enumerate(prose(3)))
    Path("documents.jsonl").write_text("\n".join(lines))
    exit_code, out, err = lmkit("eval", "hf", "--data", "documents.jsonl", "--json")
    assert exit_code == 0, err
    scores = json.loads(out)
    assert scores["checkpoint"] == "hf" and scores["tokens"] > 100 and scores["loss"] > 0
    prompt = PROMPTS.get(family, "The class")
    exit_code, out, err = lmkit("generate", "hf", "--prompt", prompt)
    assert exit_code == 0 and out, err


def test_the_manifest_records_the_model_and_a_changed_one_is_noticed(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    saved("gpt2", packed / "tokenizer", Path("hf"))
    command = ["eval", "hf", "--task", tasks(), "--output", "scores"]
    assert lmkit(*command)[0] == 0
    inputs = manifest(Path("scores"))["inputs"]
    (model,) = [each for each in inputs if each["source"] == "model"]
    shards = len(list(Path("hf").glob("*.safetensors")))
    others = ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
    assert model["path"] == "hf" and len(model["sha256"]) == shards + len(others)
    before = contents(Path("scores"))
    assert "up to date" in lmkit(*command)[2] and contents(Path("scores")) == before
    # Moved, it is the same model.
    shutil.move("hf", "moved")
    assert "up to date" in lmkit("eval", "moved", *command[2:])[2]
    shutil.move("moved", "hf")
    for name in (sorted(path.name for path in Path("hf").glob("*.safetensors"))[-1], *others[:2]):
        path = Path("hf", name)
        content = path.read_bytes()
        changed = content[:-1] + bytes([content[-1] ^ 1])
        path.write_bytes(changed if name.endswith("safetensors") else content + b"\n")
        exit_code, _, err = lmkit(*command)
        assert exit_code == 2 and "input hf has changed" in err, name
        path.write_bytes(content)
    assert "up to date" in lmkit(*command)[2]


def test_a_packed_folder_goes_with_a_tokenizer_that_gives_the_same_ids(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    saved("llama", packed / "tokenizer", Path("hf"))
    documents = packed.parent / "documents.jsonl"
    pack = ["pack", documents, "--sequence-length", "32", "--validation", "0.1"]
    assert lmkit(*pack, "--tokenizer", "hf", "--output", "short")[0] == 0
    assert lmkit(*pack, "--tokenizer", packed / "tokenizer", "--output", "as-trained")[0] == 0
    for data in ("short", "as-trained"):
        exit_code, out, err = lmkit("eval", "hf", "--data", data)
        assert exit_code == 0 and "bits per byte" in out, err
    train = ["train-tokenizer", documents, "--vocab-size", "600", "--normalize.lowercase"]
    assert lmkit(*train, "--output", "other")[0] == 0
    assert lmkit(*pack, "--tokenizer", "other", "--output", "otherwise")[0] == 0
    exit_code, _, err = lmkit("eval", "hf", "--data", "otherwise")
    assert exit_code == 2 and "was packed with another tokenizer than hf" in err


def test_sequences_that_are_longer_than_learned_positions_are_refused(
    packed: Path, here: Path, lmkit: Lmkit
) -> None:
    saved("gpt2", packed / "tokenizer", Path("hf"))
    documents = packed.parent / "documents.jsonl"
    pack = ["pack", documents, "--tokenizer", "hf", "--validation", "0.1", "--output", "long"]
    assert lmkit(*pack, "--sequence-length", "128")[0] == 0
    exit_code, _, err = lmkit("eval", "hf", "--data", "long")
    assert exit_code == 2 and "positions" in err and "Traceback" not in err
