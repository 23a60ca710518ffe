import torch

from tests.model.tiny import counting, tiny, tokens


def test_a_position_has_a_trained_vector_that_no_other_has() -> None:
    model, text_BT = tiny(position="learned", max_positions=9), tokens(2, 7)
    model(text_BT, counting(text_BT), targets_BT=text_BT).backward()
    gradient_PD = model.position_embedding.weight.grad
    assert gradient_PD.shape == (9, 32)
    assert gradient_PD[:7].any(dim=1).all()
    assert torch.equal(gradient_PD[7:], torch.zeros(2, 32))


def test_rows_before_the_first_position_are_never_used() -> None:
    model, text_BT = tiny(position="learned", max_positions=9, first_position=2), tokens(2, 9)
    model(text_BT, counting(text_BT), targets_BT=text_BT).backward()
    gradient_PD = model.position_embedding.weight.grad
    assert gradient_PD.shape == (11, 32)
    assert gradient_PD[2:].any(dim=1).all()
    assert torch.equal(gradient_PD[:2], torch.zeros(2, 32))
