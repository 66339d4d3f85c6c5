#: outcome: returned
#: result: [2, 1]
import io, unittest

class Sums(unittest.TestCase):
    def test_right(self):
        self.assertEqual(1 + 1, 2)

    def test_wrong(self):
        self.assertEqual(1 + 1, 3)

suite = unittest.defaultTestLoader.loadTestsFromTestCase(Sums)
outcome = unittest.TextTestRunner(stream=io.StringIO()).run(suite)
result = [outcome.testsRun, len(outcome.failures)]
