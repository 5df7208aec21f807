import unittest

from calculator import CalculatorError, evaluate


class Arithmetic(unittest.TestCase):
    def test_sum_and_product(self):
        self.assertEqual(evaluate("1 + 2 * 3"), 7)

    def test_division_keeps_its_fraction(self):
        self.assertEqual(evaluate("7 / 2"), 3.5)

    def test_division_of_a_negative_number_keeps_its_fraction(self):
        self.assertEqual(evaluate("(0 - 7) / 2"), -3.5)

    def test_remainder(self):
        self.assertEqual(evaluate("7 % 4"), 3)

    def test_square_root(self):
        self.assertEqual(evaluate("sqrt(2 * 8)"), 4)


class Faults(unittest.TestCase):
    def test_division_by_zero_is_refused(self):
        with self.assertRaises(CalculatorError):
            evaluate("1 / 0")

    def test_an_unknown_function_is_refused(self):
        with self.assertRaises(CalculatorError):
            evaluate("mode(1, 2)")

    def test_two_values_for_one_are_refused(self):
        with self.assertRaises(CalculatorError):
            evaluate("abs(1, 2)")


if __name__ == "__main__":
    unittest.main()
