"""Real spherical harmonics up to degree 3, as the colour of a Gaussian uses them."""

from __future__ import annotations

from splatworker.render.arrays import Array, library, stacked_last


def basis(directions: Array, degree: int) -> Array:
    """Values of the (degree + 1)^2 real spherical harmonics.

    Args:
        directions: (..., 3) unit vectors.
        degree: 0 to 3.

    Returns:
        (..., (degree + 1)^2), by degree, then by order from -degree to degree, with the Condon-Shortley phase.
        The Cartesian forms are those of Sloan 2008, "Stupid Spherical Harmonics (SH) Tricks", appendix A2.
    """
    xp = library(directions)
    x, y, z = (directions[..., axis] for axis in range(3))
    values = [xp.full_like(x, 0.28209479177387814)]
    if degree >= 1:
        values += [-0.4886025119029199 * y, 0.4886025119029199 * z, -0.4886025119029199 * x]
    xx, yy, zz = x * x, y * y, z * z
    if degree >= 2:
        values += [
            1.0925484305920792 * x * y,
            -1.0925484305920792 * y * z,
            0.31539156525252005 * (2 * zz - xx - yy),
            -1.0925484305920792 * x * z,
            0.5462742152960396 * (xx - yy),
        ]
    if degree >= 3:
        values += [
            -0.5900435899266435 * y * (3 * xx - yy),
            2.890611442640554 * x * y * z,
            -0.4570457994644658 * y * (4 * zz - xx - yy),
            0.3731763325901154 * z * (2 * zz - 3 * xx - 3 * yy),
            -0.4570457994644658 * x * (4 * zz - xx - yy),
            1.445305721320277 * z * (xx - yy),
            -0.5900435899266435 * x * (xx - 3 * yy),
        ]
    return stacked_last(values)
