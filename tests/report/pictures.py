"""Whether bytes are the pictures that they are said to be."""

from __future__ import annotations

import io
import re
from xml.etree import ElementTree

import numpy as np
from PIL import Image

SVG = "{http://www.w3.org/2000/svg}"


def png(content: bytes) -> np.ndarray:
    """The pixels (height, width, 3) of a PNG file that shows something."""
    with Image.open(io.BytesIO(content)) as image:
        image.load()
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("RGB"))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 5
    return pixels


def svg(content: bytes) -> ElementTree.Element:
    """The element of an SVG file; it refers to nothing but parts of itself."""
    text = content.decode("utf-8")
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    references = re.findall(r"""(?:href|src)=["']([^"']*)|url\(([^)]*)\)""", text)
    assert all((a or b).startswith("#") for a, b in references)
    return root


def texts(root: ElementTree.Element) -> list[str]:
    """The texts of an SVG."""
    return ["".join(element.itertext()) for element in root.iter(f"{SVG}text")]
