"""The compiled inner loop of the eigenvalue's proof."""

from __future__ import annotations

from transformers_abs.compilation import kernel


@kernel
def congruence(gram, absolute, own, cross, second, index, matrix, sums):
    """``F^T gram F`` on the columns in ``index`` (K,), and the row sums of ``|F|^T absolute |F|``.

    gram, absolute (n, n): symmetric up to rounding, of which one half is read; own, cross (n,): column i of F holds
    ``own[i]`` in row i and ``cross[i]`` in row ``second[i]``; matrix (K, K) and sums (K,) of zeros are filled in.
    """
    count = index.shape[0]
    for a in range(count):
        i = index[a]
        p, q, s = own[i], cross[i], second[i]
        for b in range(a, count):
            j = index[b]
            u, v, t = own[j], cross[j], second[j]
            value, size = p * gram[i, j] * u, abs(p) * absolute[i, j] * abs(u)
            if q != 0.0:
                value += q * gram[s, j] * u
                size += abs(q) * absolute[s, j] * abs(u)
            if v != 0.0:
                value += (p * gram[i, t] + q * gram[s, t]) * v
                size += (abs(p) * absolute[i, t] + abs(q) * absolute[s, t]) * abs(v)
            matrix[a, b] = value
            matrix[b, a] = value
            sums[a] += size
            if b > a:
                sums[b] += size
