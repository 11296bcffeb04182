"""Kernels of functions at addresses: how compiled code calls a function that it was not compiled with.

Where a kernel's machine code lies is known once the process has compiled or loaded it, and holds for this process (and
its forks) alone. Both sides agree on the signatures here; a kernel that cannot be compiled for its own is refused.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.errors import NumbaError
from numba.extending import intrinsic

from transformers_abs._protocol import ScalarKernel

_NUMBER, _ROW, _ROWS = types.float64, types.float64[::1], types.float64[:, ::1]
_PAIR = types.UniTuple(_NUMBER, 2)
_SIGNATURES = {
    1: types.UniTuple(_NUMBER, 5)(_NUMBER, _NUMBER, _PAIR),
    2: types.none(
        types.UniTuple(_ROWS, 2),
        types.boolean,
        types.UniTuple(_ROWS, 3),
        _ROWS,
        types.UniTuple(_ROW, 2),
        types.UniTuple(_ROW, 2),
        types.UniTuple(_ROWS, 2),
        _PAIR,
    ),
}
"""Signatures of kernels by the number of arguments of their functions, see :class:`.ScalarKernel`."""


def address(kernel: ScalarKernel, arity: int) -> int:
    """Where the kernel's machine code lies in this process.

    Raises:
        ValueError: it takes or gives something else than a kernel of so many arguments does.
    """
    return _address(kernel.function, arity)


@cache
def _address(function: Any, arity: int) -> int:
    """The cache also keeps the machine code alive."""
    signature, name = _SIGNATURES[arity], getattr(function, "__name__", repr(function))
    try:
        compiled = function.get_compile_result(signature)
    except (AttributeError, TypeError, NumbaError) as error:
        raise ValueError(
            f"compiling {name}: a scalar kernel of arity {arity} is a compiled {signature}; got {error}"
        ) from error
    return compiled.library.get_pointer_to_function(compiled.fndesc.llvm_cfunc_wrapper_name)


def _caller(arity: int) -> Any:
    """``call(address, *arguments)`` in compiled code."""
    signature = _SIGNATURES[arity]

    @intrinsic
    def call(typing: Any, *arguments: Any) -> Any:
        if arguments != (types.int64, *signature.args):
            raise NumbaError(
                f"calling a kernel of {arity} arguments: it takes {signature.args}; got {arguments}"
            )

        def emit(context: Any, builder: Any, own: Any, operands: Any) -> Any:
            place, *values = (builder.extract_value(operands[0], k) for k in range(len(arguments)))
            taken = [context.get_value_type(one) for one in signature.args]
            kind = ir.FunctionType(context.get_value_type(signature.return_type), taken)
            return builder.call(builder.inttoptr(place, kind.as_pointer()), values)

        return signature.return_type(types.StarArgTuple(arguments)), emit

    return call


call_univariate = _caller(1)
call_bivariate = _caller(2)
