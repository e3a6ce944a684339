"""Rendering of post bodies, written in a subset of Markdown."""

from pressroom.markup.blocks import render_markup

__all__ = ["render_markup"]
