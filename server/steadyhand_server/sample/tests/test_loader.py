import datetime
import unittest

from pressroom.errors import FrontMatterError, PressroomError
from pressroom.frontmatter import FrontMatter, split_front_matter
from pressroom.loader import load_posts, parse_post
from tests import FolderTestCase


class SplitTests(unittest.TestCase):
    def test_fields_and_body(self):
        front, body = split_front_matter("---\nTitle: A: b\n# note\nempty:\n---\n\nText\n\n---\n")
        self.assertEqual(front.fields, {"title": "A: b", "empty": ""})
        self.assertEqual(body, "Text\n\n---")

    def test_errors_name_the_line(self):
        cases = {
            "no fence": "line 1",
            "---\ntitle: a\nnonsense\n---\n": "line 3",
            "---\ntitle: a\nTitle: b\n---\n": "line 3: 'title' is given twice",
            "---\ntitle: a\n": "closing",
        }
        for source, message in cases.items():
            with self.subTest(source=source), self.assertRaisesRegex(FrontMatterError, message):
                split_front_matter(source)


class FieldTests(unittest.TestCase):
    def test_quotes_are_removed_in_pairs(self):
        front = FrontMatter({"a": '"x: y"', "b": "'tis", "c": '"'})
        self.assertEqual([front.text(key) for key in "abcd"], ["x: y", "'tis", '"', ""])

    def test_words_may_be_in_brackets(self):
        front = FrontMatter({"a": "[sea, 'long walks', sea]", "b": "one,two,", "c": "[]"})
        self.assertEqual(front.words("a"), ("sea", "long walks"))
        self.assertEqual(front.words("b"), ("one", "two"))
        self.assertEqual(front.words("c"), ())

    def test_days(self):
        front = FrontMatter({"good": "2026-11-14", "bad": "2026-02-30"})
        self.assertEqual(front.day("good"), datetime.date(2026, 11, 14))
        for key in ("bad", "missing"):
            with self.subTest(key=key), self.assertRaisesRegex(FrontMatterError, key):
                front.day(key)


class ParsePostTests(unittest.TestCase):
    def test_a_full_post(self):
        post = parse_post(
            "---\ntitle: A fine day\ndate: 2026-11-14\ntags: [sea, walks]\n"
            "summary: Short.\nslug: Fine!\n---\nText"
        )
        self.assertEqual((post.title, post.body, post.summary), ("A fine day", "Text", "Short."))
        self.assertEqual(post.date, datetime.date(2026, 11, 14))
        self.assertEqual(post.tags, ("sea", "walks"))
        self.assertEqual(post.path, "posts/fine.html")

    def test_what_cannot_be_named_is_refused(self):
        for fields in ("tags: a", "title: '?!'", "title: ok\ntags: [a, ??]"):
            with self.subTest(fields=fields), self.assertRaises(FrontMatterError):
                parse_post(f"---\n{fields}\ndate: 2026-11-14\n---\n")


class LoadPostsTests(FolderTestCase):
    def add(self, name, title, date):
        file = self.folder / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"---\ntitle: {title}\ndate: {date}\n---\n", encoding="utf-8")

    def test_posts_come_newest_first_from_all_folders(self):
        self.add("one.md", "B", "2026-01-05")
        self.add("two.md", "A", "2026-01-05")
        self.add("older/three.md", "C", "2025-03-01")
        self.add("four.txt", "D", "2026-01-05")
        self.assertEqual([post.title for post in load_posts(self.folder)], ["A", "B", "C"])

    def test_equal_slugs_are_an_error(self):
        self.add("one.md", "Same thing", "2026-01-05")
        self.add("two.md", "Same, thing!", "2026-01-06")
        with self.assertRaisesRegex(PressroomError, "same slug"):
            load_posts(self.folder)

    def test_errors_name_the_file(self):
        self.add("one.md", "A", "someday")
        with self.assertRaisesRegex(PressroomError, "one.md: 'date' is not a date"):
            load_posts(self.folder)

    def test_a_missing_folder_is_an_error(self):
        with self.assertRaisesRegex(PressroomError, "not a folder"):
            load_posts(self.folder / "nowhere")
