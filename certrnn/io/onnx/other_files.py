"""What a file is that is no ONNX model, and what its holder can do about it."""

from __future__ import annotations

_DOWNLOAD = "Download the file itself: on a page that shows files it is the link called raw or download."
_EXPORT = "Export the network itself to ONNX: certrnn guide exporting says how."

_HEADS: tuple[tuple[int, bytes, str, str], ...] = (
    (0, b"version https://git-lfs", "a pointer of Git LFS", "Run git lfs pull where it was cloned."),
    (0, b"/annex/objects", "a pointer of git-annex", "Run git annex get on it."),
    (0, b"PK\x03\x04", "a zip archive, as torch.save and .keras files are", f"Unpack it, or: {_EXPORT}"),
    (0, b"\x1f\x8b", "a gzip archive", "Unpack it first."),
    (0, b"7z\xbc\xaf", "a 7-zip archive", "Unpack it first."),
    (0, b"\x89HDF", "an HDF5 file, as Keras saves weights", _EXPORT),
    (
        4,
        b"TFL3",
        "a TensorFlow Lite model",
        "Convert it with tf2onnx --tflite, or take the network's ONNX file.",
    ),
    (4, b"ORTM", "a model in onnxruntime's own format", "Take the ONNX file that it was made of."),
    (0, b"GGUF", "a GGUF file of weights", _EXPORT),
    (0, b"\x93NUMPY", "an array of numpy", "Pass samples with --data, and a network as MODEL."),
    (0, b"%PDF", "a PDF document", _DOWNLOAD),
    (0, b"\x89PNG", "a picture", _DOWNLOAD),
    (0, b"\x7fELF", "a program", _DOWNLOAD),
)
_PICKLES = tuple(bytes([0x80, version]) for version in (2, 3, 4, 5))


def described(content: bytes) -> tuple[str, str] | None:
    """What the bytes are and what to do, where they are something else than a model for certain.

    >>> described(b"<!DOCTYPE html><html>")[0]
    'a web page (HTML)'
    """
    for start, head, what, remedy in _HEADS:
        if content[start : start + len(head)] == head:
            return what, remedy
    if content[:2] in _PICKLES:
        return "a Python pickle, as torch.save once wrote", _EXPORT
    if content[8:9] == b"{" and int.from_bytes(content[:8], "little") < len(content):
        return "a safetensors file of weights", _EXPORT
    return _text(content[:1024])


def _text(head: bytes) -> tuple[str, str] | None:
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype", b"<html", b"<head", b"<?xml", b"<!--")):
        return "a web page (HTML)", _DOWNLOAD
    if start.startswith((b"{", b"[")):
        return "a text (JSON)", _DOWNLOAD
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:
            return None
        text = head[: error.start].decode("utf-8")
    if text and all(letter.isprintable() or letter in "\t\r\n" for letter in text):
        return f"a text: {text.strip().splitlines()[0][:60] if text.strip() else 'blank'!r}", _DOWNLOAD
    return None
