"""Public functions that are not in the catalogue, and why: the report tells them."""

LEFT_OUT: dict[str, str] = {
    "complex-valued functions (fft as a whole, eig, angle, conj, polar, holomorphic variants)": "arrays are real here; "
    "real and imaginary parts of fft are in",
    "random functions (dropout, rrelu, gumbel_softmax, multinomial)": "no derivative of a fixed function",
    "piecewise constant functions (floor, ceil, round, sign, argmax, searchsorted, bincount)": "no derivative but 0",
    "logical and bitwise functions, comparisons": "not real-valued",
    "recurrent layers, transformers, embedding bags": "made of primitives that are in",
    "convolutions and pooling in three dimensions, unpooling": "the rules of one and two dimensions",
    "grid_sample, affine_grid, interpolate beyond linear, image resizing": "no definition that the libraries share",
    "ctc_loss, adaptive_log_softmax": "no definition that mpmath can give in a few lines",
    "lu, ldl, schur": "one library differentiates each",
    "sparse, nested, masked and quantised tensors": "other kinds of arrays",
    "torch.special beyond orders 0 and 1 of Bessel, and polynomials of other degrees": "the same recurrences",
    "scipy.special functions without a counterpart in torch or jax": "SciPy has no derivatives",
}
