"""Trackers of experiments, which show the numbers of a run elsewhere than in its folder."""
