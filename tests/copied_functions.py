"""Real packages into which copies of their own functions are put, as a hasty hand would.

Owns the download of pinned packages with their tests, the choice of functions, and the copying.
Shares no code with the quick fix: it reads Python with `ast` and `symtable`.
"""

from __future__ import annotations

import ast
import builtins
import os
import re
import shutil
import subprocess
import symtable
import sys
import tarfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

TOOLS = Path(os.environ.get("STEADYHAND_TOOLS") or Path.home() / ".cache" / "steadyhand-tools")
# How a third module comes to the copy; each is taken in turn.
WAYS = ("own", "from", "attribute", "re-export", "module as", "relative")


@dataclass(frozen=True)
class Package:
    """A package as PyPI has it.

    Attributes:
        pin: Name and version.
        folder: Where its code lies below the sdist.
        name: What it is imported as.
        tests: What its test runner is given.
        untouched: Files and folders that get no copy: tests count what they hold, or a copy in
            them is no finding (compatibility shims, generated files).
    """

    pin: str
    folder: str
    name: str
    tests: tuple[str, ...] = ("tests",)
    untouched: tuple[str, ...] = ()

    @property
    def home(self) -> Path:
        """Where the sdist is unpacked."""
        return TOOLS / "packages" / self.pin.replace("==", "-")

    def fetched(self) -> Path:
        """The unpacked sdist, downloaded once."""
        if self.home.is_dir():
            return self.home
        loading = self.home.with_name(f"{self.home.name}.{os.getpid()}")
        loading.mkdir(parents=True)
        command = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"]
        options = ["--no-deps", "--no-binary", ":all:", "-d", str(loading), self.pin]
        subprocess.run([*command, *options], check=True)
        (archive,) = loading.glob("*.tar.gz")
        with tarfile.open(archive) as packed:
            packed.extractall(loading, filter="data")
        (inner,) = (path for path in loading.iterdir() if path.is_dir())
        try:
            inner.rename(self.home)
        except OSError:
            assert self.home.is_dir()  # Another process was faster.
        shutil.rmtree(loading)
        return self.home


@dataclass
class Copied:
    """One copy that was put in.

    Attributes:
        path: The file that holds it, below the sdist.
        name: What it is called there.
        of: What it is a copy of.
        way: How its users come to it.
        origin: The file of what it is a copy of.
        users: The files that were changed to use it.
    """

    path: str
    name: str
    of: str
    way: str
    origin: str
    users: list[str] = field(default_factory=list)


@dataclass
class _Module:
    path: str
    name: str
    text: str
    tree: ast.Module

    def binds(self) -> set[str]:
        found: set[str] = set()
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                found |= {(a.asname or a.name).split(".")[0] for a in node.names}
            elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                found.add(node.name)
            elif isinstance(node, ast.Name | ast.arg):
                found.add(node.id if isinstance(node, ast.Name) else node.arg)
            elif isinstance(node, ast.Global):
                found |= set(node.names)
        return found


def outcome(package: Package) -> str:
    """What a package's own tests say of it as it is; asked once for each Python."""
    version = "-".join(map(str, sys.version_info[:3]))
    kept = package.fetched().with_name(f"{package.home.name}.py{version}")
    if not kept.exists():
        found = run_tests(package.home, package)
        assert "passed" in found, found
        assert "\n" not in found, found
        kept.write_text(found, "utf-8")
    return kept.read_text("utf-8")


def run_tests(root: Path, package: Package) -> str:
    """Runs a package's own tests; returns the sentence in which pytest sums them up."""
    path = str(root / package.folder.rpartition("/")[0]) if "/" in package.folder else str(root)
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    options = ["-q", "-o", "addopts=", "-p", "no:cacheprovider", "-p", "no:xdist"]
    quiet = ["-p", "no:asyncio", "-W", "ignore", "--rootdir", str(root), *package.tests]
    command = [sys.executable, "-m", "pytest", *options, *quiet]
    run = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    last = run.stdout.strip().splitlines()[-1] if run.stdout.strip() else run.stderr
    told = re.sub(r"(?:, \d+ warnings?)? in [\d.]+s.*", "", last).strip("= ")
    return told if run.returncode == 0 else f"{told}\n{run.stdout[-6000:]}{run.stderr[-2000:]}"


class Copier:
    """Puts copies of a package's functions into its other modules."""

    def __init__(self, root: Path, package: Package) -> None:
        self.root = root
        self.package = package
        self.done: list[Copied] = []
        self._tests = [
            p for p in sorted(root.rglob("*.py"))
            if "test" in p.relative_to(root).as_posix() and "setup" not in p.name
        ]  # fmt: skip

    def copy(self, wanted: int) -> list[Copied]:
        """Makes as many copies as can be made, at most `wanted`."""
        for module, function in self._functions():
            if len(self.done) >= wanted:
                break
            way = WAYS[len(self.done) % len(WAYS)]
            users = {
                p.relative_to(self.root).as_posix() for p in self._importers(module, function.name)
            }
            for target in self._targets(module)[:8]:
                if users != {target.path} and self._put(module, function, target, way):
                    break
        return self.done

    def _modules(self) -> list[_Module]:
        folder = self.root / self.package.folder
        found: list[_Module] = []
        for path in sorted(folder.rglob("*.py")):
            inside = path.relative_to(folder).as_posix()
            if "test" in inside or inside == "__main__.py":
                continue
            name = ".".join([self.package.name, *inside[:-3].split("/")]).removesuffix(".__init__")
            text = path.read_text("utf-8")
            found.append(_Module(path.relative_to(self.root).as_posix(), name, text, _parse(text)))
        return found

    def _functions(self) -> list[tuple[_Module, ast.FunctionDef]]:
        """Functions that some test imports by name, long enough to be a finding, in turn by module."""
        groups: list[list[tuple[_Module, ast.FunctionDef]]] = []
        for module in self._modules():
            if module.path.endswith("__init__.py"):
                continue
            fitting = [
                (module, node)
                for node in module.tree.body
                if isinstance(node, ast.FunctionDef)
                and not node.decorator_list
                and not node.name.startswith("_")
                and _lines(node) >= 7
                # What looks at its caller notices a third module in between.
                and "_getframe" not in ast.unparse(node)
                and self._importers(module, node.name)
            ]
            groups.append(fitting)
        turns: list[tuple[_Module, ast.FunctionDef]] = []
        for n in range(max(map(len, groups), default=0)):
            turns += [group[n] for group in groups if n < len(group)]
        return turns

    def _importers(self, module: _Module, name: str) -> list[Path]:
        """The files that take a function by name out of its module, or out of the package."""
        inside = [self.root / m.path for m in self._modules() if m.path != module.path]
        found: list[Path] = []
        for path in (*self._tests, *(p for p in inside if p.name != "__init__.py")):
            text = path.read_text("utf-8")
            if name in text and self._import_of(path, text, module, name) is not None:
                found.append(path)
        return found

    def _import_of(
        self, path: Path, text: str, module: _Module, name: str
    ) -> ast.ImportFrom | None:
        own = self._name(path)
        for node in _froms(text):
            source = _imported(node, own)[0]
            direct = source == module.name
            named = any(alias.name == name and alias.asname is None for alias in node.names)
            again = source == self.package.name and self._reexports(module, name)
            if named and (direct or again):
                return node
        return None

    def _name(self, path: Path) -> str:
        above = (self.root / self.package.folder).parent
        inside = path.relative_to(above) if path.is_relative_to(above) else Path(path.name)
        return ".".join(inside.with_suffix("").parts).removesuffix(".__init__")

    def _reexports(self, module: _Module, name: str) -> bool:
        init = (self.root / self.package.folder / "__init__.py").read_text("utf-8")
        last = module.name.rpartition(".")[2]
        return re.search(rf"from \.?[\w.]*{last} import (\*|[^#]*?\b{name}\b)", init) is not None

    def _targets(self, module: _Module) -> list[_Module]:
        """Other modules, those first that hold no copy yet; the package itself is none."""
        held = [copied.path for copied in self.done]
        others = [m for m in self._modules() if m.path != module.path]
        plain = [m for m in others if not m.path.endswith("__init__.py")]
        ahead = self._imported_by(module)
        apart = [
            m for m in plain
            if m.name not in ahead
            and "/third_" not in m.path
            and not any(name in m.path for name in self.package.untouched)
        ]  # fmt: skip
        return sorted(apart, key=lambda m: (held.count(m.path), m.path))

    def _imported_by(self, module: _Module) -> set[str]:
        """The modules of the package that one leads to, which cannot import it in turn."""
        by_name = {m.name: m for m in self._modules()}
        found: set[str] = set()
        # Importing a module runs the packages around it, of which the outermost runs already.
        above = module.name.rpartition(".")[0]
        queue = [module.name, *([above] if "." in above else [])]
        while queue:
            current = by_name.get(queue.pop())
            if current is None:
                continue
            inside = ".__init__" if current.path.endswith("__init__.py") else ""
            for name in _all_imported(current.text, current.name + inside):
                if name in by_name and name not in found:
                    found.add(name)
                    queue.append(name)
        return found

    def _put(self, module: _Module, function: ast.FunctionDef, target: _Module, way: str) -> bool:
        # Under the same name the one in the later file is the one that goes.
        deeper = (target.path.count("/"), target.path) > (module.path.count("/"), module.path)
        same = deeper and len(self.done) % 2 == 0
        name = function.name if same else f"_{function.name}_again"
        if {name, function.name} & target.binds():
            return False
        imports = self._needed(module, function, target)
        if imports is None:
            return False
        lines = module.text.splitlines(keepends=True)
        source = "".join(lines[function.lineno - 1 : function.end_lineno])
        source = re.sub(rf"^def {function.name}\b", f"def {name}", source)
        if not source.endswith("\n"):
            source += "\n"
        before = {
            p: p.read_bytes()
            for p in (self.root / target.path, *self._importers(module, function.name))
        }
        copied = Copied(target.path, name, function.name, way, module.path)
        whole = _with_imports(target, imports)
        path = self.root / target.path
        path.write_text(f"{whole.rstrip()}\n\n\n{source}", "utf-8", newline="")
        self._use(copied, module, target)
        self.done.append(copied)
        if self._loads([self.package.name, module.name, target.name]) and not self._circles():
            return True
        self.done.pop()
        for touched in (target.path, *copied.users):
            if self.root / touched in before:
                (self.root / touched).write_bytes(before[self.root / touched])
            else:
                (self.root / touched).unlink()
        return False

    def _needed(
        self, module: _Module, function: ast.FunctionDef, target: _Module
    ) -> list[str] | None:
        """The imports that a copy needs in another module; None where it cannot have them."""
        table = symtable.symtable(ast.unparse(function), "copy", "exec").get_children()[0]
        wanted = _globals(table) - set(dir(builtins))
        if function.name in wanted:
            return None  # It calls itself, by a name that the copy may not have.
        found: list[str] = []
        theirs = target.binds()
        for name in sorted(wanted):
            line = _import_line(module, name)
            if line is None:
                return None
            if name in theirs:
                if _import_line(target, name) != line:
                    return None
            else:
                found.append(line)
        return found

    def _use(self, copied: Copied, module: _Module, target: _Module) -> None:
        """Has the tests that use the original use the copy, by way of a third module or not."""
        source, taken = target.name, copied.name
        last, package = target.name.rpartition(".")[2], target.name.rpartition(".")[0]
        body = f"def {copied.of}(*args, **kwargs):\n    return {{}}(*args, **kwargs)\n"
        third = self.root / target.path.replace(f"{last}.py", f"third_{copied.of}.py")
        text = ""
        if copied.way == "own":
            path = self.root / target.path
            user = f"reuses_{copied.of}"
            whole = path.read_text("utf-8")
            use = body.format(copied.name).replace(f"def {copied.of}", f"def {user}")
            path.write_text(f"{whole}\n\n{use}", "utf-8", newline="")
            taken = user
        elif copied.way == "attribute":
            text = (
                f'"""Third."""\n\nimport {target.name}\n\n\n{body.format(f"{target.name}.{taken}")}'
            )
        elif copied.way == "module as":
            text = f"from {package} import {last} as there\n\n\n{body.format(f'there.{taken}')}"
        elif copied.way == "re-export":
            text = (
                f"from {target.name} import {taken} as {copied.of}\n\n__all__ = ['{copied.of}']\n"
            )
        elif copied.way == "relative":
            text = f"import os\n\nfrom .{last} import {taken}\n\n\n{body.format(taken)}"
            if taken == copied.of:
                text = f"import os\n\nfrom .{last} import {taken}\n"
        if text:
            third.write_text(text, "utf-8")
            copied.users.append(third.relative_to(self.root).as_posix())
            source, taken = f"{package}.{third.stem}", copied.of
        for path in self._importers(module, copied.of):
            text = path.read_text("utf-8")
            if path in (self.root / target.path, third):
                continue
            node = self._import_of(path, text, module, copied.of)
            assert node is not None
            names = [a for a in node.names if a.name != copied.of or a.asname]
            lines = text.splitlines(keepends=True)
            left = ast.ImportFrom(node.module, names, node.level)
            rest = [ast.unparse(left) + "\n"] if names else []
            new = f"from {source} import {taken}" + (
                f" as {copied.of}" if taken != copied.of else ""
            )
            lines[node.lineno - 1 : node.end_lineno] = [*rest, new + "\n"]
            path.write_text("".join(lines), "utf-8", newline="")
            copied.users.append(path.relative_to(self.root).as_posix())

    def _circles(self) -> bool:
        """True where some original has come to import, through others, the home of its copy."""
        modules = {m.path: m for m in self._modules()}
        return any(
            modules[copied.path].name in self._imported_by(modules[copied.origin])
            for copied in self.done
        )

    def _loads(self, names: list[str]) -> bool:
        """True where each of these can still be imported first."""
        code = (
            "import sys, importlib\n"
            "for name in sys.argv[1:]:\n"
            "    for known in [k for k in sys.modules if k.split('.')[0] == name.split('.')[0]]:\n"
            "        del sys.modules[known]\n"
            "    importlib.import_module(name)\n"
        )
        path = self.root / self.package.folder
        command = [sys.executable, "-B", "-W", "ignore", "-c", code, *names]
        return not subprocess.run(command, cwd=path.parent, capture_output=True).returncode


@cache
def _parse(text: str) -> ast.Module:
    return ast.parse(text)


@cache
def _froms(text: str) -> list[ast.ImportFrom]:
    """The `from` imports that stand at the margin."""
    return [n for n in _parse(text).body if isinstance(n, ast.ImportFrom)]


def _lines(function: ast.FunctionDef) -> int:
    """Lines of code without the docstring, however they are broken."""
    body = function.body[ast.get_docstring(function) is not None :]
    if not body:
        return 0
    written = (body[-1].end_lineno or 0) - body[0].lineno + 1
    return min(written, sum(len(ast.unparse(node).splitlines()) for node in body))


def _imported(node: ast.AST, module: str) -> list[str]:
    """The modules that a statement may import; `module` is the one that it stands in."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if not isinstance(node, ast.ImportFrom):
        return []
    source = node.module or ""
    if node.level:
        parts = module.split(".")[: -node.level]
        source = ".".join([*parts, *([source] if source else [])])
    return [source, *(f"{source}.{alias.name}" for alias in node.names)]


@cache
def _all_imported(text: str, module: str) -> list[str]:
    return [name for node in ast.walk(_parse(text)) for name in _imported(node, module)]


def _globals(table: symtable.SymbolTable) -> set[str]:
    found = {s.get_name() for s in table.get_symbols() if s.is_global()}
    for child in table.get_children():
        found |= _globals(child)
    return found


def _import_line(module: _Module, name: str) -> str | None:
    """How another module gets what a name means in this one; None where it cannot be seen."""
    bound: list[str] = []
    for node in module.tree.body:
        if isinstance(node, ast.Import):
            meant = [a for a in node.names if (a.asname or a.name) == name]
            bound += [ast.unparse(ast.Import([a])) for a in meant]
        elif isinstance(node, ast.ImportFrom):
            meant = [a for a in node.names if (a.asname or a.name) == name]
            source = _imported(node, module.name)[0]
            bound += [ast.unparse(ast.ImportFrom(source, [a], 0)) for a in meant]
        elif name in _bound_by(node):
            plain = isinstance(node, ast.FunctionDef | ast.ClassDef | ast.Assign)
            bound.append(f"from {module.name} import {name}" if plain else "")
    return bound[0] or None if len(bound) == 1 else None


def _bound_by(statement: ast.stmt) -> set[str]:
    """The names that a statement of a module binds, as far as that can be seen."""
    if isinstance(statement, ast.FunctionDef | ast.ClassDef):
        return {statement.name}
    return {_names(n) for n in ast.walk(statement) if isinstance(n, ast.Name | ast.alias)}


def _names(node: ast.Name | ast.alias) -> str:
    if isinstance(node, ast.Name):
        return node.id if isinstance(node.ctx, ast.Store) else ""
    return node.asname or node.name


def _with_imports(module: _Module, imports: list[str]) -> str:
    """A module's text with imports added where its own end."""
    lines = module.text.splitlines(keepends=True)
    at = 0
    for node in module.tree.body:
        is_text = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        if isinstance(node, ast.Import | ast.ImportFrom) or (is_text and at == 0):
            at = node.end_lineno or 0
        else:
            break
    return "".join([*lines[:at], *(f"{line}\n" for line in imports), *lines[at:]])
