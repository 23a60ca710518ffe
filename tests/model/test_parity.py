"""Each family's logits are those of Transformers' class with the same weights."""

from collections.abc import Callable
from itertools import islice

import pytest
import torch
from torch import Tensor, nn

from lmkit.model.configuration import ModelConfig
from lmkit.model.generation import Sampling, choices
from lmkit.model.transformer import Transformer
from tests.model.tiny import VOCABULARY, counting, tokens

transformers = pytest.importorskip("transformers")

WIDTH, HEADS, FFN, LAYERS, TIME = 32, 4, 80, 3, 20
LENGTHS = (20, 13)
SHAPE = {"layers": LAYERS, "hidden_size": WIDTH, "heads": HEADS, "ffn_size": FFN}
GPT2 = {"position": "learned", "activation": "gelu-tanh", "norm": "layernorm", "biases": True}
BERT = {
    "architecture": "encoder",
    "position": "learned",
    "max_positions": 64,
    "activation": "gelu",
    "norm": "layernorm",
    "norm_place": "post",
    "biases": True,
    "norm_eps": 1e-12,
}
MODERNBERT = {
    "architecture": "encoder",
    "activation": "geglu",
    "norm": "layernorm",
    "window": 8,
    "global_every": 2,
    "rotary_base": 160_000.0,
    "local_rotary_base": 10_000.0,
}
T5 = {"architecture": "encoder-decoder", "position": "relative", "norm_eps": 1e-6}
XLNET = {
    "architecture": "encoder",
    "position": "transformer-xl",
    "activation": "gelu",
    "norm": "layernorm",
    "norm_place": "post",
    "norm_eps": 1e-12,
    "biases": True,
}


def scattered(**options: object) -> Transformer:
    """Make a model whose every number was drawn, gains and biases too."""
    model = Transformer(ModelConfig.model_validate(SHAPE | options), VOCABULARY)
    generator = torch.Generator().manual_seed(11)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            drawn = torch.randn(parameter.shape, generator=generator)
            if name.endswith("norm.weight"):
                drawn = 4 + 0.8 * drawn
            if name.endswith("query.weight"):  # where scores aren't divided, as T5 draws it
                drawn *= model.config.score_scale**-1 * model.config.width_of_head**-0.5
            parameter.copy_(0.25 * drawn)
    return model.eval()


def copied(theirs: nn.Module, weights: dict[str, Tensor], *, left: set[str]) -> nn.Module:
    """Fill their model; all but `left`, which this one has no use for, must be given."""
    missing, unexpected = theirs.load_state_dict(weights, strict=False)
    assert not unexpected
    assert {name for name in missing if not any(part in name for part in left)} == set()
    theirs.tie_weights()
    return theirs.eval()


def linear(weights: dict[str, Tensor], ours: str, theirs: str, state: dict[str, Tensor]) -> None:
    for part in ("weight", "bias"):
        if f"{ours}.{part}" in state:
            weights[f"{theirs}.{part}"] = state[f"{ours}.{part}"]


def same(ours: Tensor, theirs: Tensor) -> None:
    limit = 2e-5 * max(1.0, theirs.abs().max().item())
    assert theirs.std() > 0.2
    assert (ours - theirs).abs().max().item() <= limit


def padded() -> tuple[Tensor, Tensor, Tensor]:
    """Rows of different lengths: tokens, documents, and what Transformers calls attention mask."""
    tokens_BT = tokens(len(LENGTHS), TIME)
    real = torch.arange(TIME) < torch.tensor(LENGTHS)[:, None]
    return tokens_BT, real.int(), real.long()


def check_rows(ours: Transformer, theirs: nn.Module) -> None:
    """Compare whole rows, and rows with padding where there are tokens."""
    tokens_BT, documents_BT, mask_BT = padded()
    positions_BT = counting(tokens_BT)
    same(ours(tokens_BT, positions_BT), theirs(tokens_BT).logits)
    real = documents_BT.bool()
    got = ours(tokens_BT, positions_BT, documents_BT)
    same(got[real], theirs(tokens_BT, attention_mask=mask_BT).logits[real])


@torch.no_grad()
def test_gpt_2() -> None:
    ours = scattered(**GPT2, max_positions=64)
    state = ours.state_dict()
    theirs = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            vocab_size=VOCABULARY,
            n_positions=64,
            n_embd=WIDTH,
            n_layer=LAYERS,
            n_head=HEADS,
            n_inner=FFN,
        )
    )
    weights = {
        "transformer.wte.weight": state["embedding.weight"],
        "transformer.wpe.weight": state["position_embedding.weight"],
    }
    linear(weights, "norm", "transformer.ln_f", state)
    for n in range(LAYERS):
        at, to = f"blocks.{n}.", f"transformer.h.{n}."
        linear(weights, at + "attention_norm", to + "ln_1", state)
        linear(weights, at + "feed_forward_norm", to + "ln_2", state)
        for part in ("weight", "bias"):
            three = [state[f"{at}attention.{w}.{part}"] for w in ("query", "key", "value")]
            weights[f"{to}attn.c_attn.{part}"] = torch.cat(three).t()
            weights[f"{to}attn.c_proj.{part}"] = state[f"{at}attention.output.{part}"].t()
            weights[f"{to}mlp.c_fc.{part}"] = state[f"{at}feed_forward.up.{part}"].t()
            weights[f"{to}mlp.c_proj.{part}"] = state[f"{at}feed_forward.down.{part}"].t()
    check_rows(ours, copied(theirs, weights, left={"lm_head"}))


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("head_width", [None, 12])
@torch.no_grad()
def test_qwen_3(tied: bool, head_width: int | None) -> None:
    ours = scattered(qk_norm=True, kv_heads=2, head_width=head_width, tied=tied)
    theirs = transformers.Qwen3ForCausalLM(
        transformers.Qwen3Config(
            vocab_size=VOCABULARY,
            hidden_size=WIDTH,
            intermediate_size=FFN,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=2,
            head_dim=ours.config.head_width,
            rms_norm_eps=1e-5,
            rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
            tie_word_embeddings=tied,
        )
    )
    check_rows(
        ours, copied(theirs, llama_weights(ours.state_dict()), left={"lm_head"} if tied else set())
    )


@pytest.mark.parametrize("tied", [True, False])
@torch.no_grad()
def test_llama(tied: bool) -> None:
    ours = scattered(kv_heads=2, tied=tied)
    theirs = transformers.LlamaForCausalLM(
        transformers.LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=WIDTH,
            intermediate_size=FFN,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            num_key_value_heads=2,
            rms_norm_eps=1e-5,
            rope_parameters={"rope_type": "default", "rope_theta": 10_000.0},
            tie_word_embeddings=tied,
        )
    )
    check_rows(
        ours, copied(theirs, llama_weights(ours.state_dict()), left={"lm_head"} if tied else set())
    )


def llama_weights(state: dict[str, Tensor]) -> dict[str, Tensor]:
    weights = {
        "model.embed_tokens.weight": state["embedding.weight"],
        "model.norm.weight": state["norm.weight"],
    }
    linear(weights, "output", "lm_head", state)
    names = {
        "attention_norm": "input_layernorm",
        "feed_forward_norm": "post_attention_layernorm",
        "attention.query": "self_attn.q_proj",
        "attention.key": "self_attn.k_proj",
        "attention.value": "self_attn.v_proj",
        "attention.output": "self_attn.o_proj",
        "attention.query_norm": "self_attn.q_norm",
        "attention.key_norm": "self_attn.k_norm",
        "feed_forward.gate": "mlp.gate_proj",
        "feed_forward.up": "mlp.up_proj",
        "feed_forward.down": "mlp.down_proj",
    }
    for n in range(LAYERS):
        for one, other in names.items():
            linear(weights, f"blocks.{n}.{one}", f"model.layers.{n}.{other}", state)
    return weights


@torch.no_grad()
def test_bert() -> None:
    ours = scattered(**BERT)
    state = ours.state_dict()
    theirs = transformers.BertForMaskedLM(
        transformers.BertConfig(
            vocab_size=VOCABULARY,
            hidden_size=WIDTH,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            intermediate_size=FFN,
            max_position_embeddings=64,
        )
    )
    weights = {
        "bert.embeddings.word_embeddings.weight": state["embedding.weight"],
        "bert.embeddings.position_embeddings.weight": state["position_embedding.weight"],
        "bert.embeddings.token_type_embeddings.weight": torch.zeros(2, WIDTH),
        "cls.predictions.bias": state["output_bias"],
    }
    linear(weights, "embedding_norm", "bert.embeddings.LayerNorm", state)
    linear(weights, "head.dense", "cls.predictions.transform.dense", state)
    linear(weights, "head.norm", "cls.predictions.transform.LayerNorm", state)
    names = {
        "attention.query": "attention.self.query",
        "attention.key": "attention.self.key",
        "attention.value": "attention.self.value",
        "attention.output": "attention.output.dense",
        "attention_norm": "attention.output.LayerNorm",
        "feed_forward.up": "intermediate.dense",
        "feed_forward.down": "output.dense",
        "feed_forward_norm": "output.LayerNorm",
    }
    for n in range(LAYERS):
        for one, other in names.items():
            linear(weights, f"blocks.{n}.{one}", f"bert.encoder.layer.{n}.{other}", state)
    check_rows(ours, copied(theirs, weights, left={"decoder"}))


@torch.no_grad()
def test_modernbert() -> None:
    ours = scattered(**MODERNBERT)
    state = ours.state_dict()
    theirs = transformers.ModernBertForMaskedLM(
        transformers.ModernBertConfig(
            vocab_size=VOCABULARY,
            hidden_size=WIDTH,
            intermediate_size=FFN,
            num_hidden_layers=LAYERS,
            num_attention_heads=HEADS,
            local_attention=8,
            global_attn_every_n_layers=2,
            pad_token_id=0,
            bos_token_id=None,
            eos_token_id=None,
            cls_token_id=None,
            sep_token_id=None,
            attn_implementation="sdpa",
        )
    )
    weights = {
        "model.embeddings.tok_embeddings.weight": state["embedding.weight"],
        "decoder.bias": state["output_bias"],
    }
    linear(weights, "embedding_norm", "model.embeddings.norm", state)
    linear(weights, "norm", "model.final_norm", state)
    linear(weights, "head.dense", "head.dense", state)
    linear(weights, "head.norm", "head.norm", state)
    for n in range(LAYERS):
        at, to = f"blocks.{n}.", f"model.layers.{n}."
        three = [state[f"{at}attention.{w}.weight"] for w in ("query", "key", "value")]
        weights[to + "attn.Wqkv.weight"] = torch.cat(three)
        both = [state[f"{at}feed_forward.{w}.weight"] for w in ("gate", "up")]
        weights[to + "mlp.Wi.weight"] = torch.cat(both)
        linear(weights, at + "attention.output", to + "attn.Wo", state)
        linear(weights, at + "feed_forward.down", to + "mlp.Wo", state)
        linear(weights, at + "attention_norm", to + "attn_norm", state)
        linear(weights, at + "feed_forward_norm", to + "mlp_norm", state)
    check_rows(ours, copied(theirs, weights, left={"decoder.weight"}))


def t5_weights(state: dict[str, Tensor], layers: int, decoder_layers: int) -> dict[str, Tensor]:
    weights = {"shared.weight": state["embedding.weight"]}
    attention = {"query": "q", "key": "k", "value": "v", "output": "o"}
    gated = "blocks.0.feed_forward.gate.weight" in state
    feed_forward = {"down": "wo"} | ({"gate": "wi_0", "up": "wi_1"} if gated else {"up": "wi"})
    for side, ours, count in (("encoder", "encoder.", layers), ("decoder", "", decoder_layers)):
        last = 2 if side == "decoder" else 1
        linear(weights, ours + "norm", f"{side}.final_layer_norm", state)
        table = state[ours + "relative_bias"].view(32, -1)
        name = f"{side}.block.0.layer.0.SelfAttention.relative_attention_bias.weight"
        weights[name] = table
        for n in range(count):
            at, to = f"{ours}blocks.{n}.", f"{side}.block.{n}.layer."
            linear(weights, at + "attention_norm", to + "0.layer_norm", state)
            linear(weights, at + "feed_forward_norm", f"{to}{last}.layer_norm", state)
            for one, other in attention.items():
                linear(weights, f"{at}attention.{one}", f"{to}0.SelfAttention.{other}", state)
                linear(
                    weights, f"{at}cross_attention.{one}", f"{to}1.EncDecAttention.{other}", state
                )
            linear(weights, at + "cross_attention_norm", to + "1.layer_norm", state)
            for one, other in feed_forward.items():
                to_ff = f"{to}{last}.DenseReluDense.{other}"
                linear(weights, f"{at}feed_forward.{one}", to_ff, state)
    return weights


@pytest.mark.parametrize(
    ("activation", "proj", "initialization"),
    [("relu", "relu", "t5"), ("geglu-tanh", "gated-gelu", "t5"), ("relu", "relu", "gpt2")],
)
@pytest.mark.parametrize("head_width", [None, 12])
@torch.no_grad()
def test_t5(activation: str, proj: str, initialization: str, head_width: int | None) -> None:
    ours = scattered(
        **T5,
        activation=activation,
        initialization=initialization,
        decoder_layers=2,
        head_width=head_width,
    )
    theirs = transformers.T5ForConditionalGeneration(
        transformers.T5Config(
            vocab_size=VOCABULARY,
            d_model=WIDTH,
            d_kv=ours.config.head_width,
            d_ff=FFN,
            num_layers=LAYERS,
            num_decoder_layers=2,
            num_heads=HEADS,
            feed_forward_proj=proj,
            tie_word_embeddings=initialization == "t5",
        )
    )
    weights = t5_weights(ours.state_dict(), LAYERS, 2)
    theirs = copied(theirs, weights, left={"lm_head", "embed_tokens"})
    # Longer than 128 places, so that the last bucket is met.
    source_BS, targets_BT = tokens(2, 150), tokens(2, 140, seed=2)
    real = torch.arange(150) < torch.tensor([150, 97])[:, None]
    for documents, mask in ((None, None), (real.int(), real.long())):
        got = ours(
            targets_BT,
            counting(targets_BT),
            source_tokens_BS=source_BS,
            source_positions_BS=counting(source_BS),
            source_documents_BS=documents,
        )
        expected = theirs(source_BS, attention_mask=mask, decoder_input_ids=targets_BT).logits
        same(got, expected)


@torch.no_grad()
def test_t5_goes_on_as_transformers_does() -> None:
    ours = scattered(**T5, activation="relu", initialization="t5")
    theirs = transformers.T5ForConditionalGeneration(
        transformers.T5Config(
            vocab_size=VOCABULARY,
            d_model=WIDTH,
            d_kv=WIDTH // HEADS,
            d_ff=FFN,
            num_layers=LAYERS,
            num_heads=HEADS,
            feed_forward_proj="relu",
            decoder_start_token_id=0,
            eos_token_id=None,
        )
    )
    weights = t5_weights(ours.state_dict(), LAYERS, LAYERS)
    theirs = copied(theirs, weights, left={"lm_head", "embed_tokens"})
    source_BS = tokens(1, 30)
    expected = theirs.generate(source_BS, max_new_tokens=50, do_sample=False)[0, 1:].tolist()
    every_V = torch.ones(VOCABULARY, dtype=torch.bool)
    source = ours.encode(source_BS, counting(source_BS))
    greedy = Sampling(temperature=0)
    said = choices(ours, [0], lambda _: every_V, greedy, source=source)
    assert [choice.token for choice in islice(said, 50)] == expected
    assert len(set(expected)) > 3


def xlnet_with(ours: Transformer) -> nn.Module:
    state = ours.state_dict()
    theirs = transformers.XLNetLMHeadModel(
        transformers.XLNetConfig(
            vocab_size=VOCABULARY,
            d_model=WIDTH,
            n_layer=LAYERS,
            n_head=HEADS,
            d_inner=FFN,
            ff_activation="gelu",
            layer_norm_eps=1e-12,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        )
    )
    weights = {
        "transformer.word_embedding.weight": state["embedding.weight"],
        "transformer.mask_emb": state["query_vector"].view(1, 1, -1),
        "lm_loss.bias": state["output_bias"],
    }
    head = (HEADS, WIDTH // HEADS)
    matrices = {"query": "q", "key": "k", "value": "v", "distance": "r"}
    for n in range(LAYERS):
        at, to = f"blocks.{n}.", f"transformer.layer.{n}."
        for one, other in matrices.items():
            matrix = state[f"{at}attention.{one}.weight"].t().reshape(WIDTH, *head)
            weights[f"{to}rel_attn.{other}"] = matrix
        out = state[f"{at}attention.output.weight"].reshape(WIDTH, *head)
        weights[f"{to}rel_attn.o"] = out
        weights[f"{to}rel_attn.r_w_bias"] = state[f"{at}attention.content_bias"].view(head)
        weights[f"{to}rel_attn.r_r_bias"] = state[f"{at}attention.position_bias"].view(head)
        linear(weights, at + "attention_norm", to + "rel_attn.layer_norm", state)
        linear(weights, at + "feed_forward_norm", to + "ff.layer_norm", state)
        linear(weights, at + "feed_forward.up", to + "ff.layer_1", state)
        linear(weights, at + "feed_forward.down", to + "ff.layer_2", state)
    return copied(theirs, weights, left={"lm_loss.weight", "r_s_bias", "seg_embed"})


@torch.no_grad()
def test_xlnet_reading_both_ways() -> None:
    ours = scattered(**XLNET)
    check_rows(ours, xlnet_with(ours))


@torch.no_grad()
def test_xlnet_with_two_streams() -> None:
    ours = scattered(**XLNET)
    theirs = xlnet_with(ours)
    tokens_BT = tokens(2, TIME)
    order_BT = torch.full((2, TIME), -1)
    queries_BQ = torch.tensor([[3, 7, 8, 15], [0, 4, 5, 19]])
    ranks = torch.tensor([[2, 0, 3, 1], [1, 3, 0, 2]])
    order_BT.scatter_(1, queries_BQ, ranks)
    is_target = order_BT >= 0
    # XLNet's data_utils: blocked where the order isn't lower, if the one looked at is a target.
    blocked = (order_BT[:, :, None] <= order_BT[:, None, :]) & is_target[:, None, :]
    mapping = torch.nn.functional.one_hot(queries_BQ, TIME).float()
    expected = theirs(tokens_BT, perm_mask=blocked.float(), target_mapping=mapping).logits
    got = ours(tokens_BT, counting(tokens_BT), order_BT=order_BT, queries_BQ=queries_BQ)
    same(got, expected)


FAMILIES: dict[str, tuple[str, Callable[[int], object], Callable[[int], int]]] = {
    "gpt2-small": (
        "GPT2LMHeadModel",
        lambda v: transformers.GPT2Config(vocab_size=v),
        lambda v: 0,
    ),
    "gpt2-medium": (
        "GPT2LMHeadModel",
        lambda v: transformers.GPT2Config(vocab_size=v, n_embd=1024, n_layer=24, n_head=16),
        lambda v: 0,
    ),
    # Ours has XLNet's query vector; theirs two kinds of segments.
    "bert-base": (
        "BertForMaskedLM",
        lambda v: transformers.BertConfig(vocab_size=v),
        lambda v: 768 - 2 * 768,
    ),
    "modernbert-base": (
        "ModernBertForMaskedLM",
        lambda v: transformers.ModernBertConfig(vocab_size=v, pad_token_id=0),
        lambda v: 768,
    ),
    "t5-small": (
        "T5ForConditionalGeneration",
        lambda v: transformers.T5Config(vocab_size=v),
        lambda v: 0,
    ),
    # Theirs has two kinds of segments for each head of each block, and a bias for them.
    "xlnet-base": (
        "XLNetLMHeadModel",
        lambda v: transformers.XLNetConfig(
            vocab_size=v, d_model=768, n_layer=12, n_head=12, d_inner=3072
        ),
        lambda v: -12 * 3 * 768,
    ),
}


@pytest.mark.parametrize("preset", FAMILIES)
def test_a_preset_has_as_many_parameters_as_its_family(preset: str) -> None:
    name, make_config, difference = FAMILIES[preset]
    with torch.device("meta"):
        theirs = getattr(transformers, name)(make_config(1000))
        ours = Transformer(ModelConfig.model_validate({"preset": preset}), 1000)
    count = sum(p.numel() for p in theirs.parameters())
    assert sum(p.numel() for p in ours.parameters()) == count + difference(1000)
    assert ours.config.parameters(1000) == count + difference(1000)
