import torch

from tests.conftest import Lmkit
from tests.generation.runs import Run, generated, greedy, logits, opened


def test_spans_are_those_of_a_loop_without_a_cache(run: Run, lmkit: Lmkit) -> None:
    trained = opened(run("t5"))
    tokenizer = trained.tokenizer
    pieces = [tokenizer.encode(text).tolist() for text in ("The", " of the", " is.")]
    # <extra_id_0> is 265, <extra_id_1> 264; source and target end with </s>, 3; the decoder starts
    # with <pad>, 0.
    source = torch.tensor([[*pieces[0], 265, *pieces[1], 264, *pieces[2], 3]])
    ids, spans = [0], list[list[int]]()
    for _ in range(30):
        logits_V = logits(
            trained,
            ids,
            source_tokens_BS=source,
            source_positions_BS=torch.arange(source.shape[1])[None],
        )[-1]
        special = [265, 264, 3][len(spans)]
        allowed = {special}
        if spans:
            allowed |= set(range(266, tokenizer.size))
        if spans and not spans[-1]:
            names = {n: tokenizer.text_of(n) or "" for n in range(266, tokenizer.size)}
            allowed = {special} | {n for n, name in names.items() if name.startswith("\u0120")}
        token = max(sorted(allowed), key=lambda n: float(logits_V[n]))
        ids.append(token)
        if token == 3:
            break
        if token in {264, 265}:
            spans.append([])
        else:
            spans[-1].append(token)
    texts = [tokenizer.decode(span) for span in spans]
    texts += [" <mask>"] * (2 - len(texts))
    command = ["--prompt", "The <mask> of the <mask> is.", "--temperature", "0"]
    result = generated(lmkit, run("t5"), *command, "--max-tokens", "30")
    assert result["text"] == f"The{texts[0]} of the{texts[1]} is."
    assert len(result["spans"]) == len(spans)
    assert result["ended"] == (ids[-1] == 3)
    same = ["--prompt", "The <extra_id_0> of the <extra_id_1> is.", "--temperature", "0"]
    other = generated(lmkit, run("t5"), *same, "--max-tokens", "30")
    assert other["spans"] == result["spans"]


def test_a_restored_text_is_that_of_a_loop_without_a_cache(run: Run, lmkit: Lmkit) -> None:
    trained = opened(run("bart"))
    encode = trained.tokenizer.encode
    source = torch.tensor([[*encode("The").tolist(), 4, *encode(" is.").tolist(), 3]])
    positions = torch.arange(source.shape[1])[None]
    source_arguments = {"source_tokens_BS": source, "source_positions_BS": positions}
    ids = greedy(lambda ids: logits(trained, ids, **source_arguments)[-1], [0], 12)
    command = ["--prompt", "The <mask> is.", "--temperature", "0", "--max-tokens", "12"]
    assert generated(lmkit, run("bart"), *command)["text"] == trained.tokenizer.decode(ids).lstrip(
        " "
    )
