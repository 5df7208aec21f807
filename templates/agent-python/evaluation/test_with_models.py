"""The workflow with the models that there are. They cost money: this is a test case with `allowModels`."""

import unittest

from triage.models import models_from_environment
from triage.workflow import sort_message

MODELS = models_from_environment()

EXPECTED = [
    ("I was charged twice this month. Please send a refund.", "billing", "normal"),
    ("Urgent: the app crashes for all our customers since this morning.", "bug", "high"),
    ("I cannot sign in, the password link does not arrive.", "account", None),
]


@unittest.skipUnless(MODELS, "no model is set in the environment")
class WithModels(unittest.TestCase):
    def test_each_model_sorts_what_is_clear(self):
        for model in MODELS:
            for message, label, priority in EXPECTED:
                with self.subTest(model=model.name, message=message):
                    result = sort_message(message, [model])
                    self.assertEqual(result.failures, [])
                    self.assertIn(label, result.labels)
                    if priority is not None:
                        self.assertEqual(result.priority, priority)


if __name__ == "__main__":
    unittest.main()
