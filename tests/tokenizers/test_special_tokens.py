from lmkit.tokenizers.special_tokens import special_tokens


def test_there_are_266_special_tokens_and_no_two_are_alike() -> None:
    assert len(special_tokens()) == len(set(special_tokens())) == 266


def test_the_roles_come_first() -> None:
    assert special_tokens()[:7] == ("<pad>", "<unk>", "<s>", "</s>", "<mask>", "<cls>", "<sep>")


def test_sentinels_count_down_as_in_the_vocabulary_of_t5() -> None:
    # t5-small: <extra_id_0> is 32099, <extra_id_1> is 32098, ..., <extra_id_99> is 32000
    tokens = special_tokens(100)
    assert tokens.index("<extra_id_0>") - tokens.index("<extra_id_1>") == 1
    assert tokens.index("<extra_id_0>") - tokens.index("<extra_id_99>") == 99
    assert tokens[-1] == "<extra_id_0>"


def test_a_tokenizer_can_do_without_sentinels() -> None:
    assert special_tokens(0)[-1] == "<fim_suffix>"
