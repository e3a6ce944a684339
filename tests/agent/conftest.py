"""Fixtures for the agent's tests."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from steadyhand_agent.index.languages import index_text
from steadyhand_agent.index.store import Index
from steadyhand_agent.proposals.overlay import Overlay
from steadyhand_agent.tools.registry import ToolContext
from steadyhand_agent.workspace import Workspace

ContextOf = Callable[..., tuple[ToolContext, Index]]


@pytest.fixture
def context_of(tmp_path: Path) -> ContextOf:
    """Makes a workspace of files, with buffers and an overlay over it where given."""

    def make(
        files: Mapping[str, str | bytes],
        *,
        buffers: Mapping[str, str] | None = None,
        texts: Mapping[str, str | None] | None = None,
    ) -> tuple[ToolContext, Index]:
        index = Index()
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            target = tmp_path / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
            index.put_base(index_text(path, data.decode("utf-8", "replace")))
        for path, text in (buffers or {}).items():
            index.put_buffer(path, text)
        workspace = Workspace([tmp_path])
        overlay = Overlay(workspace, (buffers or {}).get, {}, {})
        for path, text in (texts or {}).items():
            overlay.put(path, text)
        view = index.view(overlay.texts)
        return ToolContext(workspace, overlay, view, sorted(files)), index

    return make
