"""The bench's mutants are worth what they promise: they parse, repeat, and change what they say."""

from random import Random

import pytest

from mutate import LAYOUT, NAME, STATEMENT, applied, mutant, names, removed, trailing_commas
from syntax import GO, JAVA, PYTHON, SYNTAXES, TYPESCRIPT, functions

SOURCES = {
    "python": '''
class Store:
    def load(self, path, *, strict=True):
        """What stands in a file."""
        rows = []
        total = 0
        for line in open(path):
            # Comments are no rows.
            if strict and line.startswith("#"):
                continue
            rows.append(self.parse(line, strict=strict))
            total += len(line) + 1
        log.info("read %d", total, total)
        rows = sorted(rows, key=lambda row: row.path)
        return rows
''',
    "typescript": """
class Store {
  load(path: string, strict = true): Row[] {
    const rows: Row[] = [];
    let total = 0;
    for (const line of this.open(path, strict)) {
      // Comments are no rows.
      if (strict && line.startsWith("#")) continue;
      rows.push(this.parse(line, { strict, path: path }));
      total += line.length + 1;
    }
    console.info(`read ${total}`, total);
    this.rows = rows;
    return rows;
  }
}
""",
    "go": """
package store

func (s *Store) Load(path string, strict bool) ([]Row, error) {
	total := 0
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	for scanner.Scan() {
		// Comments are no rows.
		line := scanner.Text()
		s.rows = append(s.rows, Row{line: line, Path: path})
		total += len(line) + 1
	}
	log.Printf("read %d of %s", total, file)
	s.total = total
	return s.rows, nil
}
""",
    "java": """
class Store {
  List<Row> load(Path path, boolean strict) throws IOException {
    List<Row> rows = new ArrayList<>();
    int total = 0;
    for (String line : open(path, strict)) {
      // Comments are no rows.
      rows.add(this.parse(line, strict));
      total = total + line.length() + 1;
    }
    LOG.info("read {}", total);
    this.rows = rows;
    this.total = total;
    return rows;
  }
}
""",
}


def code_of(language: str) -> str:
    (function,) = functions(SYNTAXES[language], "a", SOURCES[language].encode())
    return function.code


@pytest.mark.parametrize("language", SYNTAXES)
def test_a_function_is_cut_out_so_that_it_parses_by_itself(language: str):
    assert not SYNTAXES[language].parse(code_of(language).encode()).root_node.has_error


OPERATORS = [
    pytest.param(language, operator, id=f"{language}-{operator.__name__}")
    for language in SYNTAXES
    for operator in (*LAYOUT, *NAME, *STATEMENT)
    # Java has no comma after a last argument.
    if (language, operator) != ("java", trailing_commas)
]


@pytest.mark.parametrize(("language", "operator"), OPERATORS)
def test_every_operator_applies_somewhere_and_still_parses(language: str, operator):
    syntax, code = SYNTAXES[language], code_of(language).encode()
    changed = [applied(syntax, code, operator, Random(seed)) for seed in range(20)]
    texts = [text for text in changed if text is not None]
    assert texts
    assert all(not syntax.parse(text).root_node.has_error for text in texts)


@pytest.mark.parametrize("language", SYNTAXES)
@pytest.mark.parametrize("operator", LAYOUT, ids=lambda o: o.__name__)
def test_layout_leaves_every_other_token_alone(language: str, operator):
    syntax, code = SYNTAXES[language], code_of(language).encode()
    idle = {b"(", b")", b","}

    def said(text: bytes) -> list[bytes]:
        return [token for token in syntax.tokens(text) if token not in idle]

    for seed in range(10):
        text = applied(syntax, code, operator, Random(seed))
        assert text is None or said(text) == said(code)


@pytest.mark.parametrize("language", SYNTAXES)
@pytest.mark.parametrize(("tier", "edits"), [("T1", 0), ("T2", 0), ("T3", 1), ("T3", 2)])
def test_the_same_seed_gives_the_same_clone(language: str, tier: str, edits: int):
    syntax, code = SYNTAXES[language], code_of(language)
    first = [mutant(syntax, code, tier, edits, Random(seed)) for seed in range(8)]
    assert first == [mutant(syntax, code, tier, edits, Random(seed)) for seed in range(8)]
    made = [clone for clone in first if clone is not None]
    assert len({clone.code for clone in made}) > 1
    assert all(clone.code != code for clone in made)


@pytest.mark.parametrize(
    ("syntax", "kept", "gone"),
    [
        (PYTHON, ["self.parse(", "strict=", ".path", "key="], ["path,", "rows =", "total"]),
        # `strict` stands in a shorthand, where another name would be another property.
        (TYPESCRIPT, ["this.rows = ", "path: ", "strict,", ".length"], ["(path", "total"]),
        # `line` is a field of Row, so the local of that name stays.
        (GO, [".rows = append", "Path: ", "line: line", ".total = "], ["total :=", "file, err"]),
        (JAVA, ["this.rows = ", "this.total = ", ".length()"], ["int total", "path, strict"]),
    ],
)
def test_names_change_where_they_are_locals_alone(syntax, kept, gone):
    text = applied(syntax, code_of(syntax.name).encode(), names, Random(1))
    assert text is not None
    said = text.decode()
    assert [part for part in kept if part not in said] == []
    assert [part for part in gone if part in said] == []


@pytest.mark.parametrize("language", SYNTAXES)
def test_a_declaration_that_is_still_needed_is_never_removed(language: str):
    syntax, code = SYNTAXES[language], code_of(language).encode()
    declared = {"python": b"rows = []", "go": b"total := 0", "java": b"int total = 0"}
    for seed in range(40):
        text = applied(syntax, code, removed, Random(seed))
        assert text is None or declared.get(language, b"let total = 0") in text
