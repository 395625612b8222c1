"""Every random number of a run, from one seed: the same seed gives the same splat."""

from __future__ import annotations

import torch

from splatworker.train.checkpoint import RandomState


class Randomness:
    """The order of the photos, random backgrounds, and the generator that density control draws from.

    Args:
        seed: any number from 0.
        photo_count: how many photos there are to train on.
        device: where the Gaussians are.
    """

    def __init__(self, seed: int, photo_count: int, device: torch.device) -> None:
        self.density = torch.Generator(device).manual_seed(seed)
        self._sampler = torch.Generator().manual_seed(seed)
        self._photo_count = photo_count
        self._pending: list[int] = []
        self._device = device

    def next_photo(self) -> int:
        """Index of the next photo: every photo comes once, in random order, before one comes again."""
        if not self._pending:
            self._pending = torch.randperm(self._photo_count, generator=self._sampler).tolist()
        return self._pending.pop()

    def background(self) -> torch.Tensor:
        """(3,) a random colour."""
        return torch.rand(3, generator=self._sampler).to(self._device)

    def state(self) -> RandomState:
        """For a checkpoint."""
        return RandomState(self._sampler.get_state(), self.density.get_state(), list(self._pending))

    def restore(self, state: RandomState) -> None:
        """Go on where `state` was taken."""
        self._sampler.set_state(state.sampler)
        self.density.set_state(state.density)
        self._pending = [index for index in state.pending if index < self._photo_count]
