"""Special functions: the error function's family, gamma and its kin, Bessel functions, exponential integrals."""

from collections.abc import Callable

import numpy as np
from mpmath import mp, mpf

from gradlaws.strategies.catalogue.elementwise import digamma_terms
from gradlaws.strategies.primitive import Floats, binary, interval, unary

probability = interval(0, 1)
positive = interval(0, np.inf)


def nonzero(x: Floats) -> Floats:
    """|x|, or 1 at 0, where frameworks have the limit."""
    return np.asarray(np.where(x == 0, 1, abs(x)))


def both(low: float, high: float) -> Callable[[Floats, Floats], bool]:
    return lambda x, y: interval(low, high)(x) and interval(low, high)(y)


def scaled_bessel(order: int) -> Callable[[mpf], mpf]:
    return lambda x: mp.exp(-abs(x)) * mp.besseli(order, x)


def regularized(shape: float) -> Callable[[mpf], mpf]:
    return lambda x: mp.gammainc(shape, 0, x, regularized=True) if x >= 0 else mp.nan


def gammaincc(x: mpf) -> mpf:
    """Q(2.5, x); near 0 beside 1, since mpmath is slow there."""
    if x < 1:
        return 1 - regularized(2.5)(x)
    return mp.gammainc(2.5, x, mp.inf, regularized=True)


def gammainc_terms(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The derivative is exp(1.5 ln x − x − ln Γ(2.5)), whose exponent is rounded; a quarter, since four ulps of a term
    are allowed."""
    density, beside_it = (np.exp(power * np.log(x) - x) / 1.329 for power in (1.5, 0.5))  # that is density / x
    return density * 1.5 * abs(np.log(x)) / 4, (density + 1.5 * beside_it) * 1.5 * abs(np.log(x)) / 4


def log_gamma_2(x: mpf) -> mpf:
    return mp.log(mp.pi) / 2 + mp.loggamma(x) + mp.loggamma(x - mpf(1) / 2)


def erfcx(x: mpf) -> mpf:
    """exp(x²) erfc(x); far out by the asymptotic series (DLMF 7.12.1), since exp(x²) is beyond all range."""
    if x < 1e4:
        return mp.exp(x * x) * mp.erfc(x)
    term, total, k = mpf(1), mpf(0), 0
    while abs(term) > mp.eps and k < x * x:
        total += term
        k += 1
        term *= -(2 * k - 1) / (2 * x * x)
    return total / (x * mp.sqrt(mp.pi))


def spence(x: mpf) -> mpf:
    """Li₂(1 − x); near 0 by reflection (DLMF 25.12.6), since the series is slow at its radius."""
    if x <= 0 or x > mpf(1) / 2:
        return mp.polylog(2, 1 - x)
    return mp.pi**2 / 6 - mp.log(x) * mp.log1p(-x) - mp.polylog(2, x)


def expn(x: mpf) -> mpf:
    """E₂; near 0 from E₁ (DLMF 8.19.12), since mpmath's own series is slow there."""
    return mp.expint(2, x) if x > 1 or x <= 0 else mp.exp(-x) - x * mp.e1(x)


def asymptotic(x: mpf) -> bool:
    """Whether the series of Bessel functions in 1/x, which are good to exp(-2x), have all digits."""
    return bool(x > 0.4 * mp.prec + 20)


def harmonic_series(q: mpf) -> mpf:
    """Σ H_k q^k / (k!)², H_k being 1 + 1/2 + … + 1/k: what is left of K₀ and Y₀ beside a logarithm."""
    term, harmonic, total, k = mpf(1), mpf(0), mpf(0), 0
    while k * k < 4 * abs(q) or abs(term) * (1 + harmonic) > mp.eps * abs(total):
        k += 1
        term, harmonic = term * q / (k * k), harmonic + mpf(1) / k
        total += term * harmonic
    return total


def bessel_k0(x: mpf) -> mpf:
    """By the series (DLMF 10.31.2) where mpmath takes a limit, which is slow; it cancels as exp(2x) does."""
    if asymptotic(x) or x <= 0:
        return mp.besselk(0, x)
    with mp.workprec(int(mp.prec + 3 * x + 20)):
        return harmonic_series(x * x / 4) - (mp.log(x / 2) + mp.euler) * mp.besseli(0, x)


def bessel_k1(x: mpf) -> mpf:
    """By the Wronskian I₀K₁ + I₁K₀ = 1/x (DLMF 10.28.2)."""
    if asymptotic(x) or x <= 0:
        return mp.besselk(1, x)
    return (1 / x - mp.besseli(1, x) * bessel_k0(x)) / mp.besseli(0, x)


def bessel_y(order: int, x: mpf) -> mpf:
    """By the series and the Wronskian (DLMF 10.8.2, 10.5.2), far out by Hankel's expansion (10.17.4): mpmath takes
    limits, which are slow and need not end."""
    if x <= 0:
        return mp.nan
    if not asymptotic(x):
        with mp.workprec(int(mp.prec + 3 * x + 64)):  # the series cancels as exp(x) does, and J₀ has zeros
            j0, j1 = mp.besselj(0, x), mp.besselj(1, x)
            y0 = 2 / mp.pi * ((mp.log(x / 2) + mp.euler) * j0 - harmonic_series(-x * x / 4))
            return y0 if order == 0 else (j1 * y0 - 2 / (mp.pi * x)) / j0
    total, term, k = mp.mpc(0), mp.mpc(1), 0
    while abs(term) > mp.eps:
        total += term
        k += 1
        term *= 1j * mpf(4 * order**2 - (2 * k - 1) ** 2) / (8 * k * x)
    with mp.workprec(mp.prec + max(0, mp.mag(x))):
        phase = x - mpf(2 * order + 1) * mp.pi / 4
        turn = mp.mpc(mp.cos(phase), mp.sin(phase))
    return mp.sqrt(2 / (mp.pi * x)) * (turn * total).imag


def ndtri(x: mpf) -> mpf:
    """In a tail by Newton's method for ln erfc(t) = ln 2x, of which no digit is lost however small x is."""
    if x > mpf(1) / 2:
        return -ndtri(1 - x)
    if x > mpf(1) / 4 or x <= 0:
        return mp.sqrt(2) * mp.erfinv(2 * x - 1)
    with mp.workprec(mp.prec + 20):
        target, step = mp.log(2 * x), mpf(1)
        t = mp.sqrt(-target - mp.log(1 - target) / 2)
        while abs(step) > t * mpf(2) ** (-mp.prec // 2):  # the next would be beyond the precision
            tail = mp.erfc(t)
            step = (mp.log(tail) - target) * tail * mp.sqrt(mp.pi) / 2 * mp.exp(t * t)
            t += step
        return -mp.sqrt(2) * t


def ndtri_terms(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The derivative is 1 / density at the computed y, whose rounding is multiplied by y² there."""
    inverse = np.sqrt(2 * np.pi) * np.exp(y * y / 2)
    return inverse * (1 + y**2), inverse**2 * (1 + 2 * abs(y)) * (1 + y**2)


def log_ndtr_terms(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """The derivative φ/Φ is exp(−x²/2 − y − ln √2π), whose exponent is a difference of terms of size x²/2 at x < 0; and
    the second is −φ/Φ (x + φ/Φ)."""
    size = np.where(x < 1, abs(x), 0)
    return (1 + size) * size**2 / 2, np.where(x < 1, 3 + 3 * size**2 + (1 + size) ** 2 * size**2, 0)


def trigamma(x: mpf) -> mpf:
    """By reflection where x < 0 (DLMF 5.5.4, differentiated), whence mpmath goes up in steps of 1."""
    return mp.psi(1, x) if x > 0 else (mp.pi / mp.sinpi(x)) ** 2 - mp.psi(1, 1 - x)


def tetragamma(x: mpf) -> mpf:
    """By reflection where x < 0."""
    return mp.psi(2, x) if x > 0 else mp.psi(2, 1 - x) - 2 * mp.pi**3 * mp.cospi(x) / mp.sinpi(x) ** 3


FAMILY = (
    unary("erfc", mp.erfc,
          numpy="scipy.special.erfc", torch="torch.special.erfc", jax="jax.scipy.special.erfc"),
    unary("erfinv", mp.erfinv, interval(-1, 1),
          numpy="scipy.special.erfinv", torch="torch.erfinv", jax="jax.lax.erf_inv"),
    unary("erfcx", erfcx, interval(-26, np.inf),
          terms=lambda x, y: (2 + 2 * abs(x) * y, 8 + 8 * abs(x) * (1 + abs(x) * y)),
          numpy="scipy.special.erfcx", torch="torch.special.erfcx"),
    unary("ndtr", mp.ncdf,
          numpy="scipy.special.ndtr", torch="torch.special.ndtr", jax="jax.scipy.special.ndtr"),
    unary("ndtri", ndtri, probability, terms=ndtri_terms,
          numpy="scipy.special.ndtri", torch="torch.special.ndtri", jax="jax.scipy.special.ndtri"),
    unary("log_ndtr", lambda x: mp.log(mp.ncdf(x)) if x < 0 else mp.log1p(-mp.ncdf(-x)), terms=log_ndtr_terms,
          numpy="scipy.special.log_ndtr", torch="torch.special.log_ndtr", jax="jax.scipy.special.log_ndtr"),
    unary("logit", lambda x: mp.log(x / (1 - x)), probability, terms=lambda x, y: (0, 1 / x**2 + 1 / (1 - x) ** 2),
          numpy="scipy.special.logit", torch="torch.logit", jax="jax.scipy.special.logit"),
    unary("digamma", mp.digamma, positive, symbol="ψ({x})",
          numpy="scipy.special.digamma", torch="torch.digamma", jax="jax.scipy.special.digamma"),
    unary("trigamma", trigamma, positive, symbol="ψ₁({x})",
          numpy="scipy.special.polygamma(1, {x})", torch="torch.polygamma(1, {x})",
          jax="jax.scipy.special.polygamma(1, {x})"),
    unary("tetragamma", tetragamma, positive, symbol="ψ₂({x})",
          numpy="scipy.special.polygamma(2, {x})", torch="torch.polygamma(2, {x})",
          jax="jax.scipy.special.polygamma(2, {x})"),
    unary("multigammaln", log_gamma_2, interval(1, 1e305), symbol="lnΓ₂({x})",
          terms=lambda x, y: (digamma_terms(x) + digamma_terms(x - 0.5), 0),
          numpy="scipy.special.multigammaln({x}, 2) + 0 * {x}", torch="torch.special.multigammaln({x}, 2)",
          jax="jax.scipy.special.multigammaln({x}, 2)"),
    unary("gamma", mp.gamma, interval(0, 171), symbol="Γ({x})", terms=lambda x, y: (y, 4 * y),
          numpy="scipy.special.gamma", jax="jax.scipy.special.gamma"),
    binary("beta", mp.beta, both(0.3, 10), symbol="B({x}, {y})", terms=lambda x, y, value: (8 * value, 64 * value),
           numpy="scipy.special.beta", jax="jax.scipy.special.beta"),
    binary("betaln", lambda x, y: mp.log(mp.beta(x, y)), both(1.1, 50), symbol="ln B({x}, {y})",
           terms=lambda x, y, value: (10 + 0 * x, 10 + 0 * x),
           numpy="scipy.special.betaln", jax="jax.scipy.special.betaln"),
    unary("gammainc", regularized(2.5), interval(1e-10, np.inf), terms=gammainc_terms, symbol="P(2.5, {x})",
          numpy="scipy.special.gammainc(2.5, {x})", torch="torch.special.gammainc(torch.full_like({x}, 2.5), {x})",
          jax="jax.scipy.special.gammainc(2.5, {x})"),
    unary("gammaincc", gammaincc, positive, terms=gammainc_terms,
          symbol="Q(2.5, {x})", numpy="scipy.special.gammaincc(2.5, {x})",
          torch="torch.special.gammaincc(torch.full_like({x}, 2.5), {x})", jax="jax.scipy.special.gammaincc(2.5, {x})"),
    unary("betainc", lambda x: mp.betainc(2, 3, 0, x, regularized=True) if 0 <= x <= 1 else mp.nan, probability,
          symbol="I_{x}(2, 3)",
          terms=lambda x, y: (0, 60 + 0 * x),
          numpy="scipy.special.betainc(2.0, 3.0, {x})", jax="jax.scipy.special.betainc(2.0, 3.0, {x})"),
    unary("zeta", lambda x: mp.zeta(3, x), positive, symbol="ζ(3, {x})",
          numpy="scipy.special.zeta(3.0, {x})", torch="torch.special.zeta(3.0, {x})",
          jax="jax.scipy.special.zeta(3.0, {x})"),
    unary("spence", spence, positive, terms=lambda x, y: (0, 8 / nonzero(1 - x) ** 2),
          numpy="scipy.special.spence", jax="jax.scipy.special.spence"),
    unary("expi", mp.ei, interval(0, 700), symbol="Ei({x})", terms=lambda x, y: (0, 2 * np.exp(x) / x),
          numpy="scipy.special.expi", jax="jax.scipy.special.expi"),
    unary("exp1", mp.e1, interval(0, 700), symbol="E₁({x})",
          numpy="scipy.special.exp1", jax="jax.scipy.special.exp1"),
    unary("expn", expn, interval(0, 700), symbol="E₂({x})",
          numpy="scipy.special.expn(2, {x})", jax="jax.scipy.special.expn(2, {x})"),
    unary("hyp1f1", lambda x: mp.hyp1f1(1.5, 2.5, x), interval(-700, 700), symbol="₁F₁(1.5; 2.5; {x})",
          numpy="scipy.special.hyp1f1(1.5, 2.5, {x})", jax="jax.scipy.special.hyp1f1(1.5, 2.5, {x})"),
    unary("i0", lambda x: mp.besseli(0, x), interval(-713, 713), terms=lambda x, y: (0, 2 * y),
          numpy="scipy.special.i0", torch="torch.special.i0", jax="jax.scipy.special.i0"),
    unary("i1", lambda x: mp.besseli(1, x), interval(-709, 709),
          terms=lambda x, y: (3 * np.exp(abs(x)), (6 + 6 / nonzero(x)) * np.exp(abs(x))),
          numpy="scipy.special.i1", torch="torch.special.i1", jax="jax.scipy.special.i1"),
    unary("i0e", scaled_bessel(0), lambda x: bool(np.all(x != 0)),
          terms=lambda x, y: (2 * y, 6 * y),
          numpy="scipy.special.i0e", torch="torch.special.i0e", jax="jax.scipy.special.i0e"),
    unary("i1e", scaled_bessel(1), lambda x: bool(np.all(x != 0)),
          terms=lambda x, y: (4 / np.sqrt(1 + abs(x)), (10 + 10 / nonzero(x)) / np.sqrt(1 + abs(x))),
          numpy="scipy.special.i1e", torch="torch.special.i1e", jax="jax.scipy.special.i1e"),
    unary("bessel_j0", lambda x: mp.besselj(0, x), symbol="J₀({x})",
          numpy="scipy.special.j0", torch="torch.special.bessel_j0"),
    unary("bessel_j1", lambda x: mp.besselj(1, x), symbol="J₁({x})",
          numpy="scipy.special.j1", torch="torch.special.bessel_j1"),
    unary("bessel_y0", lambda x: bessel_y(0, x), positive, symbol="Y₀({x})",
          numpy="scipy.special.y0", torch="torch.special.bessel_y0"),
    unary("bessel_y1", lambda x: bessel_y(1, x), positive, symbol="Y₁({x})",
          numpy="scipy.special.y1", torch="torch.special.bessel_y1"),
    unary("modified_bessel_k0", bessel_k0, interval(1e-322, 700), symbol="K₀({x})",
          numpy="scipy.special.k0", torch="torch.special.modified_bessel_k0"),
    unary("modified_bessel_k1", bessel_k1, interval(0, 700), symbol="K₁({x})",
          numpy="scipy.special.k1", torch="torch.special.modified_bessel_k1"),
    unary("scaled_modified_bessel_k0", lambda x: mp.exp(x) * bessel_k0(x), interval(1e-322, np.inf), symbol="eˣK₀({x})",
          numpy="scipy.special.k0e", torch="torch.special.scaled_modified_bessel_k0"),
    unary("scaled_modified_bessel_k1", lambda x: mp.exp(x) * bessel_k1(x), positive, symbol="eˣK₁({x})",
          numpy="scipy.special.k1e", torch="torch.special.scaled_modified_bessel_k1"),
    unary("spherical_bessel_j0", lambda x: mp.sin(x) / x if x else mpf(1), symbol="j₀({x})",
          numpy="scipy.special.spherical_jn(0, {x})", torch="torch.special.spherical_bessel_j0"),
    unary("airy_ai", mp.airyai, interval(-np.inf, 103), symbol="Ai({x})",
          numpy="scipy.special.airy({x})[0]", torch="torch.special.airy_ai"),
    unary("chebyshev_t3", lambda x: x * (4 * x * x - 3), symbol="T₃({x})", kind="arithmetic",
          numpy="scipy.special.eval_chebyt(3, {x})", torch="torch.special.chebyshev_polynomial_t({x}, 3)"),
    unary("chebyshev_u3", lambda x: 4 * x * (2 * x * x - 1), symbol="U₃({x})", kind="arithmetic",
          numpy="scipy.special.eval_chebyu(3, {x})", torch="torch.special.chebyshev_polynomial_u({x}, 3)"),
    unary("hermite_h3", lambda x: 4 * x * (2 * x * x - 3), symbol="H₃({x})", kind="arithmetic",
          numpy="scipy.special.eval_hermite(3, {x})", torch="torch.special.hermite_polynomial_h({x}, 3)"),
    unary("laguerre_l2", lambda x: (x * x - 4 * x + 2) / 2, symbol="L₂({x})", kind="arithmetic",
          numpy="scipy.special.eval_laguerre(2, {x})", torch="torch.special.laguerre_polynomial_l({x}, 2)"),
    unary("legendre_p3", lambda x: x * (5 * x * x - 3) / 2, symbol="P₃({x})", kind="arithmetic",
          numpy="scipy.special.eval_legendre(3, {x})", torch="torch.special.legendre_polynomial_p({x}, 3)"),
)  # fmt: skip
