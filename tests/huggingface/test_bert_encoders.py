"""BERT and RoBERTa: logits are those of Transformers with the same weights."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from lmkit.errors import InputError
from lmkit.huggingface.checkpoint import HfCheckpoint
from lmkit.huggingface.load import weights_of
from lmkit.huggingface.registry import family_of
from lmkit.huggingface.weight_conversion import hf_weights
from tests.huggingface.folders import change_json
from tests.huggingface.hf_models import PAD, saved
from tests.huggingface.models import (
    BERT,
    FACTS,
    MODERNBERT,
    ROBERTA,
    XLNET,
    assert_close,
    check_logits,
    check_rows,
    loaded,
    random_model,
    saved_as_hf,
    transformers,
)
from tests.model.tiny import VOCABULARY, counting, tokens

OPTIONS: list[tuple[str, dict[str, object]]] = [
    ("BertForMaskedLM", BERT),
    ("BertForMaskedLM", {**BERT, "activation": "gelu-tanh"}),
    ("RobertaForMaskedLM", ROBERTA),
    ("RobertaForMaskedLM", {**ROBERTA, "norm_eps": 1e-3}),
]


@pytest.mark.parametrize(("name", "options"), OPTIONS)
def test_logits(name: str, options: dict[str, object], tmp_path: Path) -> None:
    check_logits(name, options, tmp_path / "hf")


@torch.no_grad()
def test_the_first_of_berts_token_types_is_added_to_its_positions(tmp_path: Path) -> None:
    hf_model = loaded(saved_as_hf(random_model(**BERT), tmp_path / "one"))
    hf_model.bert.embeddings.token_type_embeddings.weight.normal_(std=0.3)
    hf_model.save_pretrained(tmp_path / "two")
    model = random_model(**BERT)
    model.load_state_dict(dict(weights_of(HfCheckpoint.at(tmp_path / "two"))), strict=False)
    check_rows(model, hf_model)


@torch.no_grad()
def test_positions_of_roberta_begin_after_the_id_of_padding(tmp_path: Path) -> None:
    model = random_model(**BERT, first_position=5)
    folder = tmp_path / "hf"
    folder.mkdir()
    family, facts = family_of(model.config), replace(FACTS, pad=4)
    hf_config = family.config_json(model.config, facts)
    assert (hf_config["pad_token_id"], hf_config["max_position_embeddings"]) == (4, 69)
    (folder / "config.json").write_text(json.dumps(hf_config))
    weights = hf_weights(family, model.config, dict(model.named_parameters()))
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    check_rows(model, loaded(folder))
    # The first position is row 5, and 64 fit.
    texts_BT = tokens(1, 64).clamp(min=5)
    position_embedding = model.position_embedding
    assert position_embedding is not None
    rows = position_embedding(counting(texts_BT)[:, :2])
    assert rows[0].equal(model.state_dict()["position_embedding.weight"][5:7])
    assert_close(model(texts_BT, counting(texts_BT)), loaded(folder)(texts_BT).logits)


def test_padding_of_roberta_must_be_a_number(tmp_path: Path) -> None:
    saved("RoBERTa", tmp_path / "hf", VOCABULARY)
    checkpoint = HfCheckpoint.at(tmp_path / "hf")
    assert checkpoint.config.first_position == PAD + 1
    assert checkpoint.config.longest == 128
    config = json.loads((tmp_path / "hf" / "config.json").read_text())
    (tmp_path / "hf" / "config.json").write_text(json.dumps(config | {"pad_token_id": None}))
    with pytest.raises(InputError, match="pad_token_id: got None, must be a number"):
        HfCheckpoint.at(tmp_path / "hf")


def test_a_model_may_have_any_number_of_token_types(tmp_path: Path) -> None:
    folder = saved_as_hf(random_model(**ROBERTA), tmp_path / "one")
    hf_model = loaded(folder)
    hf_model.save_pretrained(tmp_path / "two")
    change_json(tmp_path / "two" / "config.json", type_vocab_size=3)
    more = transformers.AutoModelForMaskedLM.from_pretrained(
        tmp_path / "two", ignore_mismatched_sizes=True
    ).eval()
    more.save_pretrained(tmp_path / "three")
    model = random_model(**ROBERTA)
    model.load_state_dict(dict(weights_of(HfCheckpoint.at(tmp_path / "three"))), strict=False)
    check_rows(model, more)


def test_encoders_load_as_classifiers(tmp_path: Path) -> None:
    auto = transformers.AutoModelForSequenceClassification
    for number, options in enumerate((BERT, ROBERTA, MODERNBERT, XLNET)):
        model = random_model(**options)
        folder = saved_as_hf(model, tmp_path / str(number))
        classifier, report = auto.from_pretrained(folder, num_labels=3, output_loading_info=True)
        fresh = {"classifier", "pooler", "summary", "logits_proj", "head"}
        assert all(set(name.split(".")) & fresh for name in report["missing_keys"]), report
        embedding = classifier.get_input_embeddings().weight
        assert embedding.equal(model.embedding.weight) and embedding.shape[0] == VOCABULARY
