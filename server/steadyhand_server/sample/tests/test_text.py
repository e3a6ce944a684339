import unittest

from pressroom.text import counted, excerpt, plain_text, reading_minutes, slugify, word_count


class SlugifyTests(unittest.TestCase):
    def test_words_are_joined_by_single_dashes(self):
        self.assertEqual(slugify("A fine day"), "a-fine-day")
        self.assertEqual(slugify("Tea & toast -- at last"), "tea-toast-at-last")
        self.assertEqual(slugify("Python 3.11 notes"), "python-3-11-notes")

    def test_outer_punctuation_is_dropped(self):
        self.assertEqual(slugify("  (Really?) "), "really")
        self.assertEqual(slugify("?!"), "")

    def test_accents_are_dropped(self):
        self.assertEqual(slugify("Été à la plage"), "ete-a-la-plage")


class PlainTextTests(unittest.TestCase):
    def test_marks_are_removed(self):
        markup = "Some *very* **bold** `code`\n\n- one\n- two\n\n> said"
        self.assertEqual(plain_text(markup), "Some very bold code one two said")

    def test_links_keep_their_label_and_images_vanish(self):
        self.assertEqual(plain_text("See [a map](m.html) ![x](m.png) now"), "See a map now")

    def test_headings_code_and_rules_are_skipped(self):
        self.assertEqual(plain_text("# Title\none\n```py\nx = 1\n```\n---\ntwo"), "one two")


class ExcerptTests(unittest.TestCase):
    def test_long_text_is_cut_between_words(self):
        self.assertEqual(excerpt("Just *this*."), "Just this.")
        self.assertEqual(excerpt("one two, three four", limit=12), "one two...")

    def test_a_cut_never_exceeds_the_limit(self):
        text = "some words of several lengths here"
        for limit in range(4, 30):
            with self.subTest(limit=limit):
                self.assertLessEqual(len(excerpt(text, limit)), limit)

    def test_one_long_word_is_cut_anyway(self):
        self.assertEqual(excerpt("x" * 50, limit=10), "xxxxxxx...")


class CountTests(unittest.TestCase):
    def test_words(self):
        self.assertEqual(word_count("Two words\n\n- and *three* more"), 5)

    def test_reading_time_is_at_least_a_minute(self):
        self.assertEqual(reading_minutes("short"), 1)
        self.assertEqual(reading_minutes("word " * 1100), 5)

    def test_nouns_agree_with_their_number(self):
        self.assertEqual([counted(n, "post") for n in (0, 1, 2)], ["0 posts", "1 post", "2 posts"])
