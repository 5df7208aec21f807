import unittest

from calculator.errors import CalculatorError
from calculator.parser import parse, show


class Grouping(unittest.TestCase):
    def assert_groups(self, text, expected):
        self.assertEqual(show(parse(text)), expected)

    def test_subtraction_groups_from_the_left(self):
        self.assert_groups("10 - 4 - 3", "((10 - 4) - 3)")

    def test_division_groups_from_the_left(self):
        self.assert_groups("16 / 4 / 2", "((16 / 4) / 2)")

    def test_neighbours_of_one_level_group_from_the_left(self):
        self.assert_groups("1 - 2 + 3", "((1 - 2) + 3)")

    def test_power_groups_from_the_right(self):
        self.assert_groups("2 ^ 3 ^ 2", "(2 ^ (3 ^ 2))")

    def test_product_binds_tighter_than_sum(self):
        self.assert_groups("1 + 2 * 3", "(1 + (2 * 3))")

    def test_power_binds_tighter_than_a_minus_in_front(self):
        self.assert_groups("-2 ^ 2", "(-(2 ^ 2))")

    def test_exponent_may_be_negative(self):
        self.assert_groups("2 ^ -1", "(2 ^ (-1))")

    def test_parentheses_win(self):
        self.assert_groups("10 - (4 - 3)", "(10 - (4 - 3))")


class Faults(unittest.TestCase):
    def test_an_unfinished_expression_is_refused(self):
        with self.assertRaises(CalculatorError):
            parse("1 +")

    def test_an_unknown_character_is_refused(self):
        with self.assertRaises(CalculatorError):
            parse("1 ? 2")


if __name__ == "__main__":
    unittest.main()
