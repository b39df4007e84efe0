"""Standard normal numbers by their quantiles: one uniform number each, cheaper than Box and Muller's two."""

from __future__ import annotations

import math

import numpy as np

from sandbox.compiled import compiled
from sandbox.draws import uniform
from sandbox.table import FloatArray

REACH = 8.3  # no number is larger, in size: the quantile of 2**-54 is -8.2924
_HALF_UNIT = 2.0**-54
_CENTRE, _CENTRE_SQUARE = 0.425, 0.180625  # where the first of the three approximations ends


@compiled
def _centre(r: float) -> float:
    above = 2.5090809287301226727e3
    above = above * r + 3.3430575583588128105e4
    above = above * r + 6.7265770927008700853e4
    above = above * r + 4.5921953931549871457e4
    above = above * r + 1.3731693765509461125e4
    above = above * r + 1.9715909503065514427e3
    above = above * r + 1.3314166789178437745e2
    above = above * r + 3.3871328727963666080e0
    below = 5.2264952788528545610e3
    below = below * r + 2.8729085735721942674e4
    below = below * r + 3.9307895800092710610e4
    below = below * r + 2.1213794301586595867e4
    below = below * r + 5.3941960214247511077e3
    below = below * r + 6.8718700749205790830e2
    below = below * r + 4.2313330701600911252e1
    return above / (below * r + 1.0)


@compiled
def _tail(r: float) -> float:
    above = 7.74545014278341407640e-4
    above = above * r + 2.27238449892691845833e-2
    above = above * r + 2.41780725177450611770e-1
    above = above * r + 1.27045825245236838258e0
    above = above * r + 3.64784832476320460504e0
    above = above * r + 5.76949722146069140550e0
    above = above * r + 4.63033784615654529590e0
    above = above * r + 1.42343711074968357734e0
    below = 1.05075007164441684324e-9
    below = below * r + 5.47593808499534494600e-4
    below = below * r + 1.51986665636164571966e-2
    below = below * r + 1.48103976427480074590e-1
    below = below * r + 6.89767334985100004550e-1
    below = below * r + 1.67638483018380384940e0
    below = below * r + 2.05319162663775882187e0
    return above / (below * r + 1.0)


@compiled
def _far_tail(r: float) -> float:
    above = 2.01033439929228813265e-7
    above = above * r + 2.71155556874348757815e-5
    above = above * r + 1.24266094738807843860e-3
    above = above * r + 2.65321895265761230930e-2
    above = above * r + 2.96560571828504891230e-1
    above = above * r + 1.78482653991729133580e0
    above = above * r + 5.46378491116411436990e0
    above = above * r + 6.65790464350110377720e0
    below = 2.04426310338993978564e-15
    below = below * r + 1.42151175831644588870e-7
    below = below * r + 1.84631831751005468180e-5
    below = below * r + 7.86869131145613259100e-4
    below = below * r + 1.48753612908506148525e-2
    below = below * r + 1.36929880922735805310e-1
    below = below * r + 5.99832206555887937690e-1
    return above / (below * r + 1.0)


@compiled
def normal_of(u: float) -> float:
    """Return the standard normal number of a uniform one in [0, 1): its quantile (Wichura 1988, Algorithm AS 241).

    `u` is taken as the middle of its 2**-53, so that numbers are symmetric about 0 and never infinite. The
    approximation is good to about one part in 1e16.
    """
    q = (u - 0.5) + _HALF_UNIT  # exact
    if abs(q) <= _CENTRE:
        return q * _centre(_CENTRE_SQUARE - q * q)
    r = math.sqrt(-math.log(0.5 - abs(q)))
    size = _tail(r - 1.6) if r <= 5.0 else _far_tail(r - 5.0)
    return -size if q < 0.0 else size


@compiled
def fill_normals(stream: np.uint64, into: FloatArray) -> None:
    """Fill `into` (n,) with the first n standard normal numbers of a stream."""
    for k in range(into.shape[0]):
        into[k] = normal_of(uniform(stream, k))


def mean_of_largest(count: int) -> float:
    """Return E[max] of `count` standard normal numbers: the integral of x k phi(x) Phi(x)^(k-1), to 1e-12."""
    x = np.arange(-12.0, 12.0, 1.0 / 64.0)  # the trapezoid rule is exact to rounding here: all is smooth and dies out
    below = np.array([0.5 * math.erfc(-one / math.sqrt(2.0)) for one in x.tolist()])
    density = np.exp(-0.5 * x * x) / math.sqrt(2.0 * math.pi)
    return float((x * count * density * below ** (count - 1)).sum() / 64.0)
