import unittest

from calculator import evaluate
from calculator.statistics import deviation, mean, median


class Mean(unittest.TestCase):
    def test_keeps_its_fraction(self):
        self.assertEqual(mean([1, 2]), 1.5)

    def test_of_one_value(self):
        self.assertEqual(mean([4]), 4)

    def test_is_a_function_of_the_calculator(self):
        self.assertEqual(evaluate("mean(1, 2, 3, 4)"), 2.5)


class Median(unittest.TestCase):
    def test_of_an_odd_count_is_the_middle_value(self):
        self.assertEqual(median([9, 1, 5]), 5)

    def test_of_an_even_count_is_between_the_middle_values(self):
        self.assertEqual(median([4, 1, 3, 2]), 2.5)


class Deviation(unittest.TestCase):
    def test_of_equal_values_is_zero(self):
        self.assertEqual(deviation([3, 3, 3]), 0)

    def test_is_measured_from_the_exact_mean(self):
        self.assertAlmostEqual(deviation([1, 2]), 0.5)


if __name__ == "__main__":
    unittest.main()
