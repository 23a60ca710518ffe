import math

import pytest
import torch
from torch import Tensor

from lmkit.model.attention import AttentionInputs
from lmkit.model.loss import IGNORED
from lmkit.model.options import ModelConfig
from lmkit.model.transformer import Transformer
from tests.model.tiny import VOCABULARY, counting, tiny, tokens

DOCUMENTS = torch.tensor([[1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3, 0]])
POSITIONS = torch.tensor([[0, 1, 2, 3, 0, 1, 2, 3, 4, 0, 1, 0]])


@torch.no_grad()
def test_a_position_never_attends_to_a_later_one() -> None:
    model, tokens_BT = tiny(kv_heads=2), tokens(2, 12)
    positions_BT = counting(tokens_BT)
    before = model(tokens_BT, positions_BT)
    changed = tokens_BT.clone()
    changed[:, 7] = (changed[:, 7] + 1) % VOCABULARY
    after = model(changed, positions_BT)
    assert torch.equal(before[:, :7], after[:, :7])
    assert not torch.isclose(before[:, 7:], after[:, 7:]).all(-1).any()


@pytest.mark.parametrize("kv_heads", [4, 2])
@torch.no_grad()
def test_a_document_never_attends_to_another(kv_heads: int) -> None:
    model, tokens_BT = tiny(kv_heads=kv_heads), tokens(1, 12)
    before = model(tokens_BT, POSITIONS, DOCUMENTS)
    for document in (0, 1, 2, 3):
        inside = DOCUMENTS.eq(document)
        changed = torch.where(inside, (tokens_BT + 1) % VOCABULARY, tokens_BT)
        after = model(changed, POSITIONS, DOCUMENTS)
        assert torch.equal(before[~inside], after[~inside])
        assert not torch.isclose(before[inside], after[inside]).all(-1).any()


@torch.no_grad()
def test_a_packed_document_is_read_as_if_alone() -> None:
    model, tokens_BT = tiny(kv_heads=2), tokens(1, 12)
    packed = model(tokens_BT, POSITIONS, DOCUMENTS)
    for document in (1, 2, 3):
        inside = DOCUMENTS.eq(document)
        alone_BT = tokens_BT[inside][None]
        alone = model(alone_BT, counting(alone_BT))
        torch.testing.assert_close(packed[inside], alone[0], atol=1e-5, rtol=1e-5)


@torch.no_grad()
def test_documents_late_in_a_long_sequence_are_read_as_if_alone() -> None:
    # Longer than the blocks of torch's kernels, so that full blocks are masked.
    model, tokens_BT = tiny(layers=1), tokens(1, 1300)
    documents_BT = torch.tensor([[1] * 700 + [2] * 500 + [0] * 100])
    positions_BT = torch.tensor([[*range(700), *range(500), *[0] * 100]])
    packed = model(tokens_BT, positions_BT, documents_BT)
    alone_BT = tokens_BT[:, 700:1200]
    alone = model(alone_BT, counting(alone_BT))
    torch.testing.assert_close(packed[:, 700:1200], alone, atol=1e-5, rtol=1e-5)


def test_padding_makes_nothing_infinite() -> None:
    model, tokens_BT = tiny(), tokens(2, 12)
    documents_BT = torch.cat((DOCUMENTS, torch.zeros_like(DOCUMENTS)))
    targets_BT = torch.where(documents_BT > 0, tokens_BT, IGNORED)
    loss = model(tokens_BT, POSITIONS.expand(2, -1), documents_BT, targets_BT)
    loss.backward()
    assert loss.isfinite()
    gradients = [parameter.grad for parameter in model.parameters()]
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients)


def llama_with(model: Transformer) -> torch.nn.Module:
    """Make Transformers' Llama with the same weights."""
    transformers = pytest.importorskip("transformers")
    config, shape = model.config, model.config.shape
    llama = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=model.vocabulary_size,
            hidden_size=shape.hidden_size,
            intermediate_size=shape.ffn_size,
            num_hidden_layers=shape.layers,
            num_attention_heads=shape.heads,
            num_key_value_heads=shape.kv_heads,
            rms_norm_eps=config.norm_eps,
            rope_parameters={"rope_type": "default", "rope_theta": config.rotary_base},
            tie_word_embeddings=True,
        )
    )
    renamed = {
        "embedding.": "model.embed_tokens.",
        "blocks.": "model.layers.",
        "attention_norm.": "input_layernorm.",
        "feed_forward_norm.": "post_attention_layernorm.",
        "attention.query.": "self_attn.q_proj.",
        "attention.key.": "self_attn.k_proj.",
        "attention.value.": "self_attn.v_proj.",
        "attention.output.": "self_attn.o_proj.",
        "feed_forward.": "mlp.",
        "gate.": "gate_proj.",
        "up.": "up_proj.",
        "down.": "down_proj.",
    }
    weights: dict[str, Tensor] = {}
    for name, tensor in model.state_dict().items():
        theirs = "model." + name if name.startswith("norm.") else name
        for ours, other in renamed.items():
            theirs = theirs.replace(ours, other)
        weights[theirs] = tensor
    missing, unexpected = llama.load_state_dict(weights, strict=False)
    assert (missing, unexpected) == (["lm_head.weight"], [])
    llama.tie_weights()
    return llama.eval()


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@torch.no_grad()
def test_logits_are_those_of_transformers_llama_with_the_same_weights(kv_heads: int) -> None:
    model = tiny(kv_heads=kv_heads, rotary_base=5000.0)
    for name, parameter in model.named_parameters():
        if "norm" in name:
            parameter.copy_(torch.linspace(0.5, 1.5, len(parameter)))
    tokens_BT = tokens(2, 40)
    logits = model(tokens_BT, counting(tokens_BT))
    theirs = llama_with(model)(tokens_BT).logits
    assert logits.std() > 0.5
    torch.testing.assert_close(logits, theirs, atol=1e-5, rtol=1e-5)


def test_the_loss_is_the_sum_over_actual_targets() -> None:
    model, tokens_BT = tiny(), tokens(2, 9)
    targets_BT = tokens(2, 9, seed=5)
    targets_BT[0, 3:] = IGNORED
    loss = model(tokens_BT, counting(tokens_BT), None, targets_BT)
    log_p = model(tokens_BT, counting(tokens_BT)).log_softmax(-1)
    targets = [(0, t) for t in range(3)] + [(1, t) for t in range(9)]
    expected = -sum(float(log_p[b, t, targets_BT[b, t]].detach()) for b, t in targets)
    assert math.isclose(loss.item(), expected, rel_tol=1e-5)


@torch.no_grad()
def test_a_new_model_predicts_every_token_about_equally() -> None:
    vocabulary_size = 2048
    model = Transformer(ModelConfig(), vocabulary_size)
    tokens_BT = tokens(2, 129, vocabulary_size)
    inputs_BT, targets_BT = tokens_BT[:, :-1], tokens_BT[:, 1:]
    loss = model(inputs_BT, counting(inputs_BT), None, targets_BT) / targets_BT.numel()
    assert abs(loss.item() - math.log(vocabulary_size)) < 0.1


def test_the_embedding_is_the_output_matrix_and_counts_once() -> None:
    model = tiny()
    matching = [n for n, p in model.named_parameters() if p.shape == (VOCABULARY, 32)]
    assert matching == ["embedding.weight"]
    assert list(model.state_dict()) == [name for name, _ in model.named_parameters()]


def test_a_seed_gives_the_same_model_whatever_the_global_generator() -> None:
    config = ModelConfig(preset="tiny-decoder")
    torch.manual_seed(1)
    first = Transformer(config, 50, seed=7)
    torch.manual_seed(2)
    state = torch.get_rng_state()
    again, other = Transformer(config, 50, seed=7), Transformer(config, 50, seed=8)
    assert torch.equal(torch.get_rng_state(), state)
    for name, weight in first.state_dict().items():
        assert torch.equal(weight, again.state_dict()[name])
    assert not torch.equal(first.embedding.weight, other.embedding.weight)


def test_weights_start_as_gpt_2s() -> None:
    layers = 8
    state = Transformer(ModelConfig(layers=layers), 1000).state_dict()
    for name, weight in state.items():
        if weight.ndim == 1:
            assert (weight == 1).all()
            continue
        writes = name.endswith(("attention.output.weight", "feed_forward.down.weight"))
        deviation = 0.02 / 4 if writes else 0.02  # 1 / sqrt(2 * 8) is a quarter
        assert math.isclose(weight.std().item(), deviation, rel_tol=0.02)
        assert abs(weight.mean().item()) < 0.02 * deviation


def test_a_model_can_be_made_on_the_meta_device_and_loaded_from_another() -> None:
    model = tiny()
    with torch.device("meta"):
        empty = Transformer(model.config, VOCABULARY)
    empty.load_state_dict(model.state_dict(), assign=True)
    tokens_BT = tokens(1, 6)
    assert torch.equal(empty(tokens_BT, counting(tokens_BT)), model(tokens_BT, counting(tokens_BT)))


def test_dropout_acts_only_in_training() -> None:
    model, tokens_BT = tiny(dropout=0.5), tokens(1, 8)
    positions_BT = counting(tokens_BT)
    assert not torch.equal(model(tokens_BT, positions_BT), model(tokens_BT, positions_BT))
    model.eval()
    without_dropout = model(tokens_BT, positions_BT)
    assert torch.equal(without_dropout, tiny()(tokens_BT, positions_BT))


def test_under_bf16_autocast_the_loss_is_fp32_and_near() -> None:
    model, tokens_BT = tiny(kv_heads=2), tokens(2, 20)
    arguments = (tokens_BT, counting(tokens_BT), None, tokens(2, 20, seed=2))
    exact = model(*arguments)
    with torch.autocast("cpu", torch.bfloat16):
        loss = model(*arguments)
        logits = model(*arguments[:2])
    loss.backward()
    assert loss.dtype == logits.dtype == torch.float32
    assert math.isclose(loss.item(), exact.item(), rel_tol=0.01)
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_gradients_are_those_of_finite_differences() -> None:
    model, tokens_BT = tiny(kv_heads=2), tokens(1, 12)
    targets_BT = torch.where(DOCUMENTS > 0, tokens(1, 12, seed=4), IGNORED)
    arguments = (tokens_BT, POSITIONS, DOCUMENTS, targets_BT)
    model(*arguments).backward()
    generator = torch.Generator().manual_seed(0)
    directions = [torch.randn(p.shape, generator=generator) for p in model.parameters()]
    slope = sum(
        float((p.grad * d).sum()) for p, d in zip(model.parameters(), directions, strict=True)
    )

    def loss_at(step: float) -> float:
        with torch.no_grad():
            for parameter, direction in zip(model.parameters(), directions, strict=True):
                parameter.add_(direction, alpha=step)
            loss = model(*arguments).item()
            for parameter, direction in zip(model.parameters(), directions, strict=True):
                parameter.sub_(direction, alpha=step)
        return loss

    step = 1e-4
    assert math.isclose((loss_at(step) - loss_at(-step)) / (2 * step), slope, rel_tol=0.02)


@torch.no_grad()
def test_in_a_parallel_block_both_sublayers_take_the_same_input() -> None:
    model, tokens_BT = tiny(layers=1, parallel_residual=True, rotary_fraction=0.5), tokens(2, 9)
    (block,) = model.blocks
    x_BTD = model.embedding(tokens_BT)
    rotation = model.encoding.rotation(counting(tokens_BT), windowed=False)
    attended = block.attention(block.attention_norm(x_BTD), AttentionInputs(rotation=rotation))
    x_BTD = x_BTD + attended + block.feed_forward(block.feed_forward_norm(x_BTD))
    expected = model.norm(x_BTD) @ model.embedding.weight.T
    torch.testing.assert_close(
        model(tokens_BT, counting(tokens_BT)), expected, atol=1e-5, rtol=1e-5
    )


@torch.no_grad()
def test_the_outputs_of_sublayers_are_normalized_before_they_are_added() -> None:
    model, tokens_BT = tiny(layers=1, norm_position="output"), tokens(2, 9)
    (block,) = model.blocks
    x_BTD = model.embedding(tokens_BT)
    rotation = model.encoding.rotation(counting(tokens_BT), windowed=False)
    attended = block.attention(x_BTD, AttentionInputs(rotation=rotation))
    x_BTD = x_BTD + block.attention_norm(attended)
    x_BTD = x_BTD + block.feed_forward_norm(block.feed_forward(x_BTD))
    expected = model.norm(x_BTD) @ model.embedding.weight.T
    torch.testing.assert_close(
        model(tokens_BT, counting(tokens_BT)), expected, atol=1e-5, rtol=1e-5
    )
