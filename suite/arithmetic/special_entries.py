"""The special functions that go through mpmath entry by entry: their values, and what holds at edges and poles."""

from __future__ import annotations

from mpmath import mp, mpf

from gradlaws.suite.arithmetic.by_entry import by_entry, precisely

# Beyond these an asymptotic form is exact to 120 bits: its next term is the reciprocal of the argument.
FAR = mpf(2) ** 130
GROWS = 12000  # exp(12000) is beyond quad's largest, exp(11357)


@by_entry
def erf(x: mpf) -> mpf:
    return mp.erf(x)


@by_entry
def erfc(x: mpf) -> mpf:
    """0 beyond 120, where it is below quad's smallest."""
    return mp.erfc(x) if x < 120 else mpf(0)


@by_entry
def erfinv(x: mpf) -> mpf:
    return mp.sign(x) * mp.inf if abs(x) == 1 else mp.erfinv(x)


@by_entry
def ndtri(p: mpf) -> mpf:
    """The quantile of the normal distribution, √2 erfinv(2 p - 1)."""
    if p in (0, 1):
        return mp.inf if p else -mp.inf
    with mp.extraprec(max(0, -mp.mag(p))):
        return mp.sqrt(2) * mp.erfinv(2 * p - 1)


@by_entry
def lgamma(x: mpf) -> mpf:
    """log |Γ(x)|; infinite at the poles."""
    if x <= 0 and x == mp.floor(x):
        return mp.inf
    return mp.re(mp.loggamma(x))


@by_entry
def digamma(x: mpf) -> mpf:
    return mp.digamma(x)


@by_entry
def polygamma(n: mpf, x: mpf) -> mpf:
    """The n-th derivative of digamma, n a whole number; infinite at the poles for odd n."""
    if x <= 0 and x == mp.floor(x):
        return mp.inf if int(n) % 2 else mp.nan
    return mp.polygamma(int(n), x)


@by_entry
def gamma(x: mpf) -> mpf:
    """Infinite beyond 1756, where it is above quad's largest; NaN at the poles but 0."""
    if x > 1756:
        return mp.inf
    if x < -2000:
        return mp.nan if x == mp.floor(x) else mpf(0)
    return mp.inf if x == 0 else mp.gamma(x)


@by_entry
def bessel_i0(x: mpf) -> mpf:
    return mp.besseli(0, x) if abs(x) < GROWS else mp.inf


@by_entry
def bessel_i1(x: mpf) -> mpf:
    return mp.besseli(1, x) if abs(x) < GROWS else mp.sign(x) * mp.inf


@by_entry
def bessel_i0e(x: mpf) -> mpf:
    """I0(x) exp(-|x|)."""
    return scaled_bessel(0, abs(x))


@by_entry
def bessel_i1e(x: mpf) -> mpf:
    """I1(x) exp(-|x|)."""
    return mp.sign(x) * scaled_bessel(1, abs(x))


def scaled_bessel(order: int, x: mpf) -> mpf:
    """DLMF 10.40.1 where its second term vanishes."""
    return 1 / mp.sqrt(2 * mp.pi * x) if x > FAR else mp.besseli(order, x) * mp.exp(-x)


@by_entry
def bessel_j0(x: mpf) -> mpf:
    return oscillating(0, abs(x))


@by_entry
def bessel_j1(x: mpf) -> mpf:
    return mp.sign(x) * oscillating(1, abs(x))


def oscillating(order: int, x: mpf) -> mpf:
    """DLMF 10.17.3 where its second term vanishes."""
    if not mp.isfinite(x):
        return mpf(0)
    if x < FAR:
        return mp.besselj(order, x)
    with mp.extraprec(mp.mag(x)):
        return mp.sqrt(2 / (mp.pi * x)) * mp.cos(x - mp.pi * (2 * order + 1) / 4)


@by_entry
def igamma(a: mpf, x: mpf) -> mpf:
    """The regularised lower incomplete gamma function P(a, x), for a > 0 and x ≥ 0."""
    if a <= 0 or x < 0:
        return mp.nan
    return mpf(1) if mp.isinf(x) else mp.gammainc(a, 0, x, regularized=True)


@by_entry
def igammac(a: mpf, x: mpf) -> mpf:
    """The regularised upper incomplete gamma function Q(a, x), for a > 0 and x ≥ 0."""
    if a <= 0 or x < 0:
        return mp.nan
    return mpf(0) if mp.isinf(x) else mp.gammainc(a, x, mp.inf, regularized=True)


@by_entry
def zeta(s: mpf, q: mpf) -> mpf:
    """Hurwitz's, Σ (n + q)^-s for s > 1; infinite at s = 1 and at the poles in q."""
    if s == 1 or (q <= 0 and q == mp.floor(q)):
        return mp.inf
    return mp.zeta(s, q) if s > 1 else mp.nan


@by_entry
def betaln(a: mpf, b: mpf) -> mpf:
    """log |B(a, b)|."""
    return precisely(lambda x, y: mp.re(mp.loggamma(x) + mp.loggamma(y) - mp.loggamma(x + y)), a, b)


@by_entry
def beta(a: mpf, b: mpf) -> mpf:
    """Γ(a) Γ(b) / Γ(a + b)."""
    return mp.beta(a, b)
