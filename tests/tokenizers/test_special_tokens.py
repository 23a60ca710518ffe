from pathlib import Path

import pytest

from lmkit.tokenizers.special_tokens import BERT_ROLES, begin_and_end, roles_of, special_tokens
from lmkit.tokenizers.tokenizer import Tokenizer, save
from tests.tokenizers.made import train


def test_there_are_266_special_tokens_and_no_two_are_alike() -> None:
    assert len(special_tokens()) == len(set(special_tokens())) == 266


def test_the_roles_come_first() -> None:
    assert special_tokens()[:7] == ("<pad>", "<unk>", "<s>", "</s>", "<mask>", "<cls>", "<sep>")


def test_wordpiece_has_the_names_and_the_order_of_bert() -> None:
    special = special_tokens(roles=roles_of("wordpiece"))
    assert special[:6] == ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "<fim_prefix>")


@pytest.mark.parametrize("algorithm", ["bpe", "wordpiece"])
def test_documents_are_surrounded_by_tokens_that_exist(algorithm: str, tmp_path: Path) -> None:
    save(train(["a b a b"], algorithm, 600), tmp_path)  # pyright: ignore
    loaded = Tokenizer.load(tmp_path)
    around = (loaded.text_of(loaded.bos or 0), loaded.text_of(loaded.eos or 0))
    assert around == begin_and_end(roles_of(algorithm))
    assert around == (("[CLS]", "[SEP]") if algorithm == "wordpiece" else ("<s>", "</s>"))


def test_every_role_of_bert_has_another_token() -> None:
    assert len(set(BERT_ROLES.values())) == len(BERT_ROLES)


def test_sentinels_count_down_as_in_the_vocabulary_of_t5() -> None:
    # t5-small: <extra_id_0> is 32099, <extra_id_1> is 32098, ..., <extra_id_99> is 32000
    tokens = special_tokens(100)
    assert tokens.index("<extra_id_0>") - tokens.index("<extra_id_1>") == 1
    assert tokens.index("<extra_id_0>") - tokens.index("<extra_id_99>") == 99
    assert tokens[-1] == "<extra_id_0>"


def test_a_tokenizer_can_do_without_sentinels() -> None:
    assert special_tokens(0)[-1] == "<fim_suffix>"
