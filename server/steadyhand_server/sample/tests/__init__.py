"""Tests of pressroom, and what they share."""

import datetime
import tempfile
import unittest
from pathlib import Path

from pressroom.post import Post


def make_post(title: str = "A fine day", date: str = "2026-11-14", **fields: object) -> Post:
    """Make a post, with defaults for whatever a test does not care about."""
    fields.setdefault("body", "Some text.")
    return Post(title=title, date=datetime.date.fromisoformat(date), **fields)


class FolderTestCase(unittest.TestCase):
    """Gives each test an empty folder."""

    def setUp(self) -> None:
        self.folder = Path(self.enterContext(tempfile.TemporaryDirectory()))
