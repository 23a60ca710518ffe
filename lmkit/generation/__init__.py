"""Text from a model: sampling, mask filling, prompts, templates."""
