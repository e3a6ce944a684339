"""A session's own texts, laid over open buffers, laid over disk.

Owns what the session has written so far. Never writes a file: the overlay becomes a proposal, and
only the person's editor applies that.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from steadyhand_agent.errors import ToolFailed
from steadyhand_agent.guard.paths import refuse_secret
from steadyhand_agent.ports import ReadText
from steadyhand_agent.proposals.changes import FileChange
from steadyhand_agent.workspace import MAX_FILE_BYTES, Workspace


class Overlay:
    """The three layers of text as one session sees them.

    Args:
        workspace: Where disk is read.
        buffer: The text of an open document, or None.
        bases: What each touched file held when the session first touched it; None for new ones.
        texts: What the session has made of them.
        show: What a model is shown of a text; the text itself where nothing is to be hidden.
    """

    def __init__(
        self,
        workspace: Workspace,
        buffer: ReadText,
        bases: Mapping[str, str | None],
        texts: Mapping[str, str | None],
        show: Callable[[str], str] = str,
    ) -> None:
        self.show = show
        self._workspace = workspace
        self._buffer = buffer
        self.bases = dict(bases)
        self.texts = dict(texts)

    def read(self, path: str) -> str:
        """The text of a file as the session sees it.

        Raises:
            ToolFailed: There is no such file, or it is no readable text.
            PathRefused: The path leaves the workspace.
        """
        path = self._workspace.normal(path)
        if path in self.texts:
            text = self.texts[path]
            if text is None:
                raise ToolFailed(f"`{path}` is deleted in this proposal.")
            return text
        return self.below(path)

    def shown(self, path: str) -> str:
        """What a model is shown of a file, line by line the same; raises as `read` does."""
        return self.show(self.read(path))

    def below(self, path: str) -> str:
        """The text of a file without the session's own changes; raises as `read` does."""
        path = self._workspace.normal(path)
        self.refuse_secret(path)
        buffered = self._buffer(path)
        text = buffered if buffered is not None else self._workspace.read(path)
        refuse_secret(path, self._workspace.allow_secret_files, text)
        return text

    def refuse_secret(self, path: str) -> None:
        """Refuses a file of secrets, by its own name or that of what it links to.

        Raises:
            PathRefused: It is one, or the path leaves the workspace.
        """
        allowed = self._workspace.allow_secret_files
        refuse_secret(path, allowed)
        real = self._workspace.name_of(self._workspace.locate(path))
        refuse_secret(real or path, allowed)

    def open_text(self, path: str) -> str | None:
        """What the editor holds open at a normal path, unsaved or not; None where it does not."""
        return self._buffer(path)

    def exists(self, path: str) -> bool:
        """True where the session would find a file at `path`; raises as `Workspace.mode` does."""
        path = self._workspace.normal(path)
        if path in self.texts:
            return self.texts[path] is not None
        return self._buffer(path) is not None or self._workspace.mode(path) != 0

    def put(self, path: str, text: str | None) -> FileChange:
        """Takes a new text; the first touch of a file fixes its base.

        Returns:
            The change from the base to the new text, which is what the journal keeps.

        Raises:
            ToolFailed: It is too large to be read again.
        """
        path = self._workspace.normal(path)
        if text is not None and len(text.encode("utf-8", "replace")) > MAX_FILE_BYTES:
            # It could be written, and neither read nor taken back any more.
            raise ToolFailed(
                f"`{path}` would be larger than 1 MB, which is not taken on; nothing was changed. "
                "Make it in several files."
            )
        if path not in self.bases:
            self.bases[path] = self.below(path) if self.exists(path) else None
        self.texts[path] = text
        return FileChange(path, self.bases[path], text)

    def changes(self) -> tuple[FileChange, ...]:
        """What would change, files that ended as they began left out."""
        return tuple(
            FileChange(path, self.bases[path], text)
            for path, text in sorted(self.texts.items())
            if text != self.bases[path]
        )
