import unittest

from triage.answer import UnusableAnswer, read_answer


class ReadAnswer(unittest.TestCase):
    def test_keeps_what_was_asked_for_and_nothing_else(self):
        text = '{"labels": ["bug", "account"], "priority": "high", "reason": "They cannot log in.", "more": 1}'
        self.assertEqual(
            read_answer(text), {"labels": ["bug", "account"], "priority": "high", "reason": "They cannot log in."}
        )

    def test_says_what_is_wrong(self):
        for text, words in [
            ("certainly!", "not JSON"),
            ("[]", "must be an object"),
            ('{"labels": [], "priority": "high", "reason": ""}', "at least one label"),
            ('{"labels": ["spam"], "priority": "high", "reason": ""}', "and no others"),
            ('{"labels": ["bug"], "priority": "low", "reason": ""}', "high or normal"),
            ('{"labels": ["bug"], "priority": "high"}', "must be a text"),
        ]:
            with self.subTest(text), self.assertRaisesRegex(UnusableAnswer, words):
                read_answer(text)


if __name__ == "__main__":
    unittest.main()
