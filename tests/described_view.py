"""A view that can be asked by words, over texts that a test hands in."""

from collections.abc import Mapping

from steadyhand_agent.index.definitions import Definition
from steadyhand_agent.index.languages import index_text
from steadyhand_agent.index.store import Index, View
from steadyhand_agent.index.word_index import Postings, weighed
from steadyhand_agent.index.words import describable, packed, words_of_definition


class DescribedView(View):
    def __init__(self, texts: Mapping[str, str]) -> None:
        index = Index()
        super().__init__(index.view()._layers)
        self.known: list[Definition] = []
        documents: list[bytes] = []
        for path, text in texts.items():
            entry = index_text(path, text)
            index.put_base(entry)
            data = text.encode()
            for definition in filter(describable, entry.definitions):
                words = words_of_definition(
                    definition, data[definition.start : definition.end].decode()
                )
                documents.append(packed(words))
                self.known.append(definition)
        self.postings = Postings.build(documents)

    def described(self, words: Mapping[str, int], top: int) -> list[tuple[Definition, float]]:
        hits = self.postings.best(weighed(words, [self.postings]), top)
        return [(self.known[number], score) for number, score in hits]
