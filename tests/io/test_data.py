"""Sample files: every format gives the same samples, every damage one line."""

from __future__ import annotations

import gzip
import io
import json
import os
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from certrnn.errors import CertrnnError, InvalidInput, UsageError
from certrnn.io.data import parse_selection, read_samples, spelled_samples
from certrnn.io.data import samples as limits

X = np.arange(24.0).reshape(2, 4, 3) / 7.0
Y = np.array([1, 0])


def idx(array: np.ndarray, code: int) -> bytes:
    sizes = struct.pack(f">{array.ndim}I", *array.shape)
    return bytes([0, 0, code, array.ndim]) + sizes + array.astype(array.dtype.newbyteorder(">")).tobytes()


def npz(**arrays: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, allow_pickle=True, **arrays)  # type: ignore[arg-type]
    return stream.getvalue()


def npy(array: np.ndarray) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def csv(delimiter: str = ",") -> bytes:
    lines = [delimiter.join(["y", "id", *(f"v{i}" for i in range(12))])]
    for name, label, row in zip("ab", Y, X.reshape(2, 12), strict=True):
        lines.append(delimiter.join([str(label), name, *map(repr, map(float, row))]))
    return "\r\n".join(lines).encode() + b"\r\n"


def jsonl() -> bytes:
    rows = [{"x": x.tolist(), "label": int(y), "name": n} for x, y, n in zip(X, Y, "ab", strict=True)]
    return "\n".join(map(json.dumps, rows)).encode()


FORMATS = {
    "npz": npz(x=X, y=Y),
    "npz_stored_fortran": npz(inputs=np.asfortranarray(X), labels=Y.astype(np.float32)),
    "npz_unnamed": npz(arr_0=X, y=Y[:, None]),
    "csv": csv(),
    "csv_semicolon": csv(";"),
    "csv_tab": csv("\t"),
    "jsonl": jsonl(),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_known_by_its_content_and_gives_the_same_samples(
    tmp_path: Path, name: str, packed: bool
) -> None:
    file = tmp_path / "no_extension"
    file.write_bytes(gzip.compress(FORMATS[name]) if packed else FORMATS[name])
    samples = read_samples(file)
    assert samples.x.dtype == np.float64
    assert np.array_equal(samples.x.reshape(X.shape), X)
    assert samples.y is not None
    assert samples.y.dtype == np.int64
    assert samples.y.tolist() == [1, 0]
    assert samples.names in (None, ("a", "b"))
    assert samples.source == file


def test_npy_holds_samples_without_labels(tmp_path: Path) -> None:
    (tmp_path / "x.npy").write_bytes(npy(X.astype(np.float32)))
    samples = read_samples(tmp_path / "x.npy")
    assert samples.y is None
    assert np.array_equal(samples.x, X.astype(np.float32))


def test_idx_images_take_the_labels_beside_them(tmp_path: Path) -> None:
    pixels = (X * 70).astype(np.uint8)
    (tmp_path / "t10k-images-idx3-ubyte").write_bytes(idx(pixels, 8))
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(Y.astype(np.uint8), 8))
    samples = read_samples(tmp_path / "t10k-images-idx3-ubyte")
    assert np.array_equal(samples.x, pixels / 255.0)
    assert samples.y is not None
    assert samples.y.tolist() == [1, 0]
    assert samples.notes == ("bytes 0..255 of the idx file were divided by 255",)


def test_bytes_of_other_files_stay_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(npz(x=(X * 70).astype(np.uint8), y=Y))
    samples = read_samples(tmp_path / "x.npz")
    assert np.array_equal(samples.x, (X * 70).astype(np.uint8))
    assert "divide by 255" in samples.notes[0]


def test_arrays_that_are_not_read_are_said(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(npz(x=X, y=Y, mask=np.ones((2, 4))))
    assert read_samples(tmp_path / "x.npz").notes == ("other arrays of the file are not read: ['mask']",)
    (tmp_path / "x.npz").write_bytes(npz(arr_0=X, y=Y))
    assert read_samples(tmp_path / "x.npz").notes == ()


def test_sequences_of_different_lengths_are_padded_and_their_lengths_kept(tmp_path: Path) -> None:
    (tmp_path / "x.jsonl").write_text('{"x": [[1, 2], [3, 4]]}\n\n{"x": [[5, 6]]}\n')
    samples = read_samples(tmp_path / "x.jsonl")
    assert samples.lengths is not None
    assert samples.lengths.tolist() == [2, 1]
    assert samples.x.tolist() == [[[1, 2], [3, 4]], [[5, 6], [0, 0]]]


def test_bare_numbers_are_values_only(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1,2,3,4\n5,6,7,8e1\n")
    samples = read_samples(tmp_path / "x.csv")
    assert samples.y is None
    assert samples.x[:, :, 0].tolist() == [[1, 2, 3, 4], [5, 6, 7, 80]]


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_a_column_that_numbers_the_lines_is_left_out_and_that_is_said(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.csv").write_text(f"{name},a,b\n7,1,2\n3,5,6\n")
    samples = read_samples(tmp_path / "x.csv")
    assert samples.x[:, :, 0].tolist() == [[1, 2], [5, 6]]
    assert samples.notes == (f"column {name.lower()!r} numbers the lines, and was left out",)


def test_real_labels_are_no_classes(tmp_path: Path) -> None:
    (tmp_path / "x.npz").write_bytes(npz(x=X, y=np.array([0, 0.5])))
    samples = read_samples(tmp_path / "x.npz")
    assert (samples.y, samples.unlabelled) == (None, "0.5 at sample 1")


def test_take_keeps_samples_labels_and_names_together(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(jsonl())
    taken = read_samples(tmp_path / "x").take([1])
    assert (len(taken), taken.names) == (1, ("b",))
    assert taken.y is not None
    assert taken.y.tolist() == [0]
    assert np.array_equal(taken.x, X[1:])


def with_nan(value: float) -> np.ndarray:
    broken = X.copy()
    broken[1, 2, 0] = value
    return broken


def bomb(shape: tuple[int, ...]) -> bytes:
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".ljust(117) + "\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()


def zipped(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return stream.getvalue()


DAMAGED = {
    "empty": (b"", "an empty file"),
    "blank": (b" \n\n", "an empty file"),
    "nan": (npz(x=with_nan(np.nan), y=Y), r"finite; got nan at \(1, 2, 0\)"),
    "inf": (npz(x=with_nan(-np.inf), y=Y), r"finite; got -inf at \(1, 2, 0\)"),
    "rank_1": (npy(X[0, 0]), r"got shape \(3,\)"),
    "rank_4": (npy(X[None]), r"got shape \(1, 2, 4, 3\)"),
    "no_frames": (npy(X[:, :0]), r"at least one sample, frame and feature; got shape \(2, 0, 3\)"),
    "no_samples": (npy(X[:0]), "at least one sample"),
    "text_x": (npz(x=np.array([["a"]]), y=Y), "real numbers; got type <U1"),
    "complex_x": (npy(X + 1j), "plain numbers"),
    "pickle": (npz(x=np.array([{}], dtype=object)), "never read"),
    "label_negative": (npz(x=X, y=np.array([0, -1])), "got -1 at sample 1"),
    "label_too_large": (npz(x=X, y=np.array([0, 1 << 40])), "labels lie in 0.*at sample 1"),
    "label_nan": (npz(x=X, y=np.array([np.nan, 0])), "whole numbers; got nan"),
    "label_huge": (npz(x=X, y=np.array([1e300, 0])), "whole numbers; got 1e"),
    "labels_missing": (npz(x=X, y=Y[:1]), r"one entry for each of 2 samples; got shape \(1,\)"),
    "lengths_too_long": (npz(x=X, y=Y, lengths=np.array([4, 5])), "got 5 at sample 1"),
    "names_missing": (npz(x=X, y=Y, names=np.array(["a"])), "got 1 names"),
    "two_x": (npz(x=X, data=X), "only one array"),
    "no_x": (npz(a=X, b=X), "one array is named x"),
    "npz_cut": (npz(x=X, y=Y)[:-30], "npz archive is whole"),
    "npy_cut": (npy(X)[:-1], "holds 192 bytes.*got 191 bytes"),
    "npy_longer": (npy(X) + b"0", "got 193 bytes"),
    "npy_huge": (bomb((1 << 40, 8, 8)), "at most 268435456 values"),
    "npy_product_overflows": (bomb((1 << 28, 1 << 28, 1 << 28)), "at most 268435456 values"),
    "npy_declares_what_is_not_there": (bomb((1 << 24, 4, 4)), "got 0 bytes"),
    "npz_huge": (zipped(x=bomb((1 << 50, 8, 8))), "at most 268435456 values"),
    "gzip_cut": (gzip.compress(csv())[:-12], "gzip file is whole"),
    "gzip_damaged": (gzip.compress(csv())[:20] + b"\xff" * 40, "gzip file is whole"),
    "idx_cut": (idx(X, 14)[:-1], "as its shape"),
    "idx_huge": (b"\x00\x00\x08\x03" + b"\xff" * 12, "as its shape"),
    "idx_rank": (b"\x00\x00\x08\x09" + b"\x01" * 40, "rank 1 to 4; got 00000809"),
    "not_utf8": (b"y,a\n1,\xff\xfe\n", "UTF-8"),
    "zero_bytes": (b"y,a\n1,\x00\n", "zero bytes"),
    "csv_text": (b"y,a,b\n1,2,cat\n", "got 'cat' in line 2, column 3"),
    "csv_ragged": (b"y,a,b\n1,2,3\n1,2\n", "every line has 3 cells.*got 2 in line 3"),
    "csv_header_only": (b"y,a,b\n", "got 0 lines"),
    "csv_labels_only": (b"y\n1\n", "at least one column holds values"),
    "csv_two_labels": (b"y,label,a\n1,2,3\n", "only one column"),
    "csv_nan": (b"y,a\n1,nan\n", "finite; got nan"),
    "csv_underscore": (b"y,a\n1,1_0\n", "got '1_0'"),
    "csv_other_digits": ("y,a\n1,\u0661\n".encode(), "cells hold numbers"),
    "csv_overflow": (b"y,a\n1,1e999\n", "finite; got inf"),
    "csv_quote": (b'y,a\n1,"2\n', "well formed"),
    "json_broken": (b'{"x": [[1]]', "line 1 is a JSON object"),
    "json_list": (b'{"x": [[1]]}\n[1]', "line 2 is a JSON object"),
    "json_nan": (b'{"x": [[NaN]]}', "NaN is no finite number"),
    "json_text": (b'{"x": [["1"]]}', "list of frames"),
    "json_ragged": (b'{"x": [[1], [1, 2]]}', "list of frames"),
    "json_features": (b'{"x": [[1]]}\n{"x": [[1, 2]]}', "same number of features"),
    "json_no_x": (b'{"y": 1}', "list of frames"),
    "json_label": (b'{"x": [[1]], "y": "cat"}', "got cat at sample 0"),
    "json_label_missing": (b'{"x": [[1]], "y": 1}\n{"x": [[1]]}', "got None at sample 1"),
    "json_deep": (b'{"x": ' + b"[" * 100_000, "JSON object"),
    "json_long_integer": (b'{"x": [[1' + b"0" * 400 + b"]]}", "list of frames"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_damage_gives_one_line_with_file_requirement_and_value(tmp_path: Path, name: str) -> None:
    content, message = DAMAGED[name]
    file = tmp_path / "damaged"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match=message) as caught:
        read_samples(file)
    assert "damaged" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).isascii()


def test_a_small_file_that_unpacks_without_end_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("certrnn.io.data.read.MAX_BYTES", 1 << 16)
    (tmp_path / "bomb.gz").write_bytes(gzip.compress(b"1" * (1 << 20)))
    with pytest.raises(InvalidInput, match="unpacks to at most 65536 bytes"):
        read_samples(tmp_path / "bomb.gz")


def test_padding_counts_against_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("certrnn.io.data.tables.MAX_VALUES", limits.MAX_VALUES >> 20)
    rows = [json.dumps({"x": [0] * 200})] + ['{"x": [0]}'] * 2
    (tmp_path / "x.jsonl").write_text("\n".join(rows))
    with pytest.raises(InvalidInput, match="padded samples"):
        read_samples(tmp_path / "x.jsonl")


def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "missing", tmp_path / "pipe", tmp_path / "a\x00b"):
        with pytest.raises(InvalidInput):
            read_samples(path)


def mutate(content: bytes, rng: np.random.Generator) -> bytes:
    data = bytearray(content)
    kind = int(rng.integers(6))
    place = int(rng.integers(len(data)))
    if kind == 0:
        data[place] ^= 1 << int(rng.integers(8))
    elif kind == 1:
        del data[place:]
    elif kind == 2:
        data[place : place + int(rng.integers(1, 9))] = rng.bytes(int(rng.integers(1, 9)))
    elif kind == 3:
        head = int(rng.integers(min(len(data), 160)))
        data[head] = int(rng.choice(np.frombuffer(b"0123456789(),'<>|{}:[]TFxyuU.e-", dtype=np.uint8)))
    elif kind == 4:
        del data[place : place + int(rng.integers(1, 9))]
    else:
        data = bytearray(rng.bytes(int(rng.integers(1, 200)))) if rng.random() < 0.3 else data + data[:place]
    return bytes(data)


MUTATED = {
    "npz": FORMATS["npz"],
    "npz_stored": zipped(x=npy(X), y=npy(Y)),
    "npy": npy(X),
    "csv": csv(),
    "jsonl": jsonl(),
    "idx": idx(X, 14),
    "gzip": gzip.compress(csv()),
}


@pytest.mark.parametrize("name", MUTATED)
def test_mutated_files_give_samples_or_a_clean_error(tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(list(MUTATED).index(name))
    messages = []
    for _ in range(400):
        content = mutate(MUTATED[name], rng)
        file = tmp_path / "mutant"
        file.write_bytes(content)
        try:
            samples = read_samples(file)
        except CertrnnError as error:
            messages.append(str(error))
        else:
            assert samples.x.ndim == 3
            assert samples.x.dtype == np.float64
            assert np.isfinite(samples.x).all()
            assert samples.y is None or (samples.y.shape == (len(samples),) and samples.y.min() >= 0)
    assert all("\n" not in message and len(message) < 600 for message in messages)
    assert len(messages) > 100  # the mutations do reach the reader's checks


@pytest.mark.parametrize(
    ("text", "size", "expected"),
    [
        ("0:5,7", None, (0, 1, 2, 3, 4, 7)),
        (" 3 , 1 ", 4, (3, 1)),
        ("0,3-5", 6, (0, 3, 4, 5)),
        ("1:99", 3, (1, 2)),
        (":2", None, (0, 1)),
        ("all", 3, (0, 1, 2)),
        ("1:,0", 3, (1, 2, 0)),
        ("0:3,1:4", None, (0, 1, 2, 3)),
    ],
)
def test_selection(text: str, size: int | None, expected: tuple[int, ...]) -> None:
    assert parse_selection(text, size) == expected


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", 3),
        ("a", 3),
        ("1,,2", 3),
        ("-1", 3),
        ("3", 3),
        ("5:2", 9),
        ("1:", None),
        ("all", None),
        ("3:9", 3),
        ("2-3", 3),
        ("0:999999999", None),
        ("1" * 400, None),
        ("1.5", 3),
        ("0x1", 3),
        ("\u0661", 3),
        ("1:2:3", 9),
    ],
)
def test_a_selection_that_makes_no_sense_is_a_usage_error(text: str, size: int | None) -> None:
    with pytest.raises(UsageError, match="Example"):
        parse_selection(text, size)


@given(numbers=st.lists(st.integers(0, 40), min_size=1, unique=True))
def test_samples_come_back_from_their_text(numbers: list[int]) -> None:
    assert parse_selection(spelled_samples(numbers)) == tuple(numbers)
