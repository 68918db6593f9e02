"""Pillow: the pixels of an image are bytes."""

from __future__ import annotations

from brinery import TextRule

_FORMATS = "Bmp Gif Jpeg Png Ppm Tiff WebP".split()

TEXTS = [
    TextRule("PIL.Image:Image", items={4: "bytes"}),
    *(TextRule(f"PIL.{name}ImagePlugin:{name}ImageFile", items={4: "bytes"}) for name in _FORMATS),
]
