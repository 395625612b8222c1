"""The basis is orthonormal, and has the signs of the Condon-Shortley phase."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from splatworker.render.spherical_harmonics import basis


def test_the_functions_are_orthonormal() -> None:
    """By quadrature that is exact for polynomials of degree 6: Gauss-Legendre in z, even steps around it."""
    heights, weights = np.polynomial.legendre.leggauss(8)
    angles = np.arange(16) * 2 * np.pi / 16
    z, angle = np.meshgrid(heights, angles, indexing="ij")
    radius = np.sqrt(1 - z**2)
    directions = np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=-1).reshape(-1, 3)
    area = np.repeat(weights * 2 * np.pi / 16, 16)
    values = basis(directions, 3)
    np.testing.assert_allclose(basis(torch.from_numpy(directions), 3).numpy(), values, atol=1e-15)
    np.testing.assert_allclose(values.T @ (values * area[:, None]), np.eye(16), atol=1e-12)


@pytest.mark.parametrize("degree", range(4))
def test_a_degree_is_the_beginning_of_the_next(degree: int) -> None:
    directions = torch.nn.functional.normalize(torch.randn(5, 7, 3, generator=torch.Generator().manual_seed(0)), dim=-1)
    values = basis(directions, degree)
    assert values.shape == (5, 7, (degree + 1) ** 2)
    torch.testing.assert_close(values, basis(directions, 3)[..., : (degree + 1) ** 2])


def test_the_first_order_points_along_minus_y_z_and_minus_x() -> None:
    first = basis(torch.eye(3), 1)[:, 1:]
    assert (first.argmax(dim=0).tolist()[1], first.argmin(dim=0).tolist()) == (2, [1, 0, 0])
